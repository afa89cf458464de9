"""Kernels as Numba itself compiles, keeps and calls them: where `native` was not tried.

Slower to start than what `native` makes (Numba is imported, and each kernel is compiled with what Python needs to call
it), and the same in numbers and in use.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

from numba import njit, types
from numba.core import event
from numba.extending import typeof_impl

from . import intrinsics as intrinsics
from .callees import Callee
from .clock import clock

__all__ = ["dispatcher"]


@cache
def dispatcher(kernel: Callee) -> Any:
    """Return Numba's own object for a kernel.

    Parameters
    ----------
    kernel : Callee
        The kernel.

    Returns
    -------
    callable
        The compiled function.
    """
    made = njit(cache=True, nogil=True, fastmath=False, error_model="numpy")(kernel.py_func)
    index: Any = getattr(getattr(made, "_cache", None), "_cache_file", None)
    if hasattr(index, "_source_stamp"):  # Numba looks at the file of a function alone, not at those of its callees
        index._source_stamp = kernel.stamp
        index._load_index = partial(_index_or_nothing, index._load_index)
    return made


def _index_or_nothing(load: Callable[[], dict[Any, Any]]) -> dict[Any, Any]:
    """Return what is in the cache, or nothing where an earlier version wrote it with types that are no more."""
    try:
        return load()
    except Exception:  # whatever cannot be read is compiled anew
        return {}


@typeof_impl.register(Callee)
def _type_of_kernel(kernel: Callee, _: Any) -> Any:
    """Let kernels call kernels."""
    return types.Dispatcher(dispatcher(kernel))


class _Listener(event.Listener):
    def on_start(self, event: object) -> None:
        clock.start()

    def on_end(self, event: object) -> None:
        clock.stop()


event.register("numba:compile", _Listener())
