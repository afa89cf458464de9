"""Progress of long work: a bar with the time left on a terminal, one line a stage elsewhere, nothing when quiet."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

__all__ = ["Advance", "Reporter", "Silent", "Terminal", "peak_megabytes"]

#: Called with (done, in all).
Advance = Callable[[int, int], None]


class Reporter(Protocol):
    """Who hears how far a command is."""

    def say(self, text: str) -> None:
        """Say what is being done."""

    def warn(self, text: str) -> None:
        """Say what the user must know, however quiet the command is to be."""

    @contextmanager
    def stage(self, title: str) -> Iterator[Advance]:
        """Do a part of the work; the function that comes with it moves the bar."""
        raise NotImplementedError


class Silent:
    """Says nothing."""

    def say(self, text: str) -> None:
        """Say nothing."""

    def warn(self, text: str) -> None:
        """Say nothing."""

    @contextmanager
    def stage(self, title: str) -> Iterator[Advance]:
        """Show nothing."""
        yield lambda done, total: None


class Terminal:
    """Standard error of a command: a bar where it is a terminal, else one line a stage.

    Parameters
    ----------
    command : str
        What stands before every line.
    lines : bool, default True
        Whether lines say what is being done.
    bars : bool, default True
        Whether bars show how far it is, where standard error is a terminal.
    """

    def __init__(self, command: str, *, lines: bool = True, bars: bool = True) -> None:
        self._command = command
        self._lines = lines
        self._bars = bars and sys.stderr.isatty()

    def say(self, text: str) -> None:
        """Write one line, unless lines are not wanted."""
        if self._lines:
            self.warn(text)

    def warn(self, text: str) -> None:
        """Write one line."""
        with contextlib.suppress(OSError):  # who reads it may have gone: that ends no work
            print(f"{self._command}: {text}", file=sys.stderr, flush=True)  # noqa: T201

    @contextmanager
    def stage(self, title: str) -> Iterator[Advance]:
        """Show a part of the work: what is done, how far it is, the time left and the memory used."""
        if not self._bars:
            self.say(title)
            yield lambda done, total: None
            return
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[memory]:,.0f} MB"),
        )
        started = time.perf_counter()
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(title, total=None, memory=peak_megabytes())

            def advance(done: int, total: int) -> None:
                bar.update(task, completed=done, total=total, memory=peak_megabytes())

            yield advance
        self.say(f"{title}: {time.perf_counter() - started:.1f} s, {peak_megabytes():,.0f} MB at most")


def peak_megabytes() -> float:
    """Return the most memory that this process has used, in megabytes; 0 where the system does not tell."""
    with contextlib.suppress(ImportError):
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return used / (1e6 if sys.platform == "darwin" else 1e3 / 1.024)
    return 0.0
