"""The seconds that a process spends compiling kernels, and who hears of it before they begin."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["Clock", "clock"]


class Clock:
    """Adds up seconds; compilations inside others count once.

    Attributes
    ----------
    seconds : float
        Spent so far.
    tell : callable or None
        Called once, before the next compilation.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.tell: Callable[[], None] | None = None
        self._depth = 0
        self._since = 0.0

    def start(self) -> None:
        """Note that a compilation begins."""
        if self.tell is not None:
            tell, self.tell = self.tell, None
            tell()
        if self._depth == 0:
            self._since = time.perf_counter()
        self._depth += 1

    def stop(self) -> None:
        """Note that it ends."""
        self._depth -= 1
        if self._depth == 0:
            self.seconds += time.perf_counter() - self._since

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count the seconds of a block."""
        self.start()
        try:
            yield
        finally:
            self.stop()


#: That of this process.
clock = Clock()
