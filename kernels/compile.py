"""The one place of compile flags and cache policy for the Numba kernels.

``fastmath`` is off: it lets the compiler reorder sums, which can change a rank. The NumPy error model makes a
division by zero a NaN or an infinity instead of an exception, because a kernel must never raise. ``nogil`` lets
the engine run kernels on ordinary threads, each on rows of its own, so results do not depend on their number.
Compiled code is cached on disk (beside the source, or in Numba's user cache where that is read-only), and made
anew when the source of any kernel has changed.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core import event

__all__ = ["before_compiling", "compile_seconds", "njit"]

F = TypeVar("F", bound=Callable[..., Any])


def njit(function: F) -> F:
    """Compile a kernel with the flags that every kernel shares.

    Parameters
    ----------
    function : callable
        A total function of arrays and scalars: it never raises and never allocates by surprise.

    Returns
    -------
    callable
        The compiled function.
    """
    compiled = numba.njit(cache=True, nogil=True, fastmath=False, error_model="numpy")(function)
    # Numba looks at the file of a function alone, not at those whose functions it has compiled into it.
    index: Any = getattr(getattr(compiled, "_cache", None), "_cache_file", None)
    if hasattr(index, "_source_stamp"):
        index._source_stamp = _sources()
        index._load_index = partial(_index_or_nothing, index._load_index)
    return cast(F, compiled)


def _index_or_nothing(load: Callable[[], dict[Any, Any]]) -> dict[Any, Any]:
    """Return what is in the cache, or nothing where an earlier version wrote it with types that are no more."""
    try:
        return load()
    except Exception:  # whatever cannot be read is compiled anew
        return {}


@lru_cache
def _sources() -> str:
    """Digest of the sources of all kernels."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


class _CompileClock(event.Listener):
    """Adds up the seconds spent compiling (not loading from the cache), nested compilations counted once."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.before: Callable[[], None] | None = None
        self._depth = 0
        self._start = 0.0

    def on_start(self, event: object) -> None:
        if self.before is not None:
            tell, self.before = self.before, None
            tell()
        if self._depth == 0:
            self._start = time.perf_counter()
        self._depth += 1

    def on_end(self, event: object) -> None:
        self._depth -= 1
        if self._depth == 0:
            self.seconds += time.perf_counter() - self._start


_clock = _CompileClock()
event.register("numba:compile", _clock)


def before_compiling(tell: Callable[[], None]) -> None:
    """Call a function once, when the next kernel is about to be compiled and not found on disk."""
    _clock.before = tell


def compile_seconds() -> float:
    """Return the seconds this process has spent compiling kernels; zero when all came from the disk cache."""
    return _clock.seconds
