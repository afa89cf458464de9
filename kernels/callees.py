"""What a kernel may call besides NumPy's functions, as the compiler meets it: another kernel, or an intrinsic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

__all__ = ["HEADER", "Callee", "Intrinsic"]

#: Bytes before the fields of NumPy's array object: what all objects of Python begin with.
HEADER = object.__basicsize__


class Callee:
    """A function that kernels can call; `py_func` is what was written."""

    py_func: Callable[..., Any]

    @property
    def stamp(self) -> str:
        """Digest of what its machine code depends on besides its arguments."""
        raise NotImplementedError


class Intrinsic(NamedTuple):
    """A function of kernels that is written in LLVM's language, and imported when a kernel is compiled."""

    module: str
    name: str

    def __call__(self, *arguments: Any) -> Any:
        """Refuse: only a kernel can call it."""
        raise NotImplementedError(f"{self.name} can be called by kernels only.")
