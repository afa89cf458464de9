"""Progress of long work on a terminal; silent elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["progress"]


@contextmanager
def progress(title: str, *, enabled: bool = True) -> Iterator[Callable[[int, int], None] | None]:
    """Show a progress bar on standard error while the block runs.

    Parameters
    ----------
    title : str
        What is going on.
    enabled : bool, default True
        False, or a standard error that is no terminal, shows nothing.

    Yields
    ------
    callable or None
        Call it with (done, in all); None when nothing is shown.
    """
    if not enabled or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)

        def advance(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield advance
