"""Lets kernels call functions that are written in LLVM's language."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from numba.core.registry import cpu_target
from numba.extending import typeof_impl

from .callees import Intrinsic

__all__ = ["type_of_intrinsic"]


@typeof_impl.register(Intrinsic)
def type_of_intrinsic(deferred: Intrinsic, _: Any) -> Any:
    """Return Numba's type of an intrinsic, which is imported now."""
    made = getattr(import_module(deferred.module), deferred.name)
    cpu_target.typing_context.refresh()  # so that it knows what was just imported
    return cpu_target.typing_context.resolve_value_type(made)
