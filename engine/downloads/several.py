"""Several files at a time, and one run at a time in a folder."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from ..errors import InputError
from ..results.files import write_error

__all__ = ["each", "locked"]

#: Seconds before the interpreter may end after a download, see `each`.
_LAST_WAIT = 0.2

Given = TypeVar("Given")
Made = TypeVar("Made")


def each(work: Callable[[Given], Awaitable[Made]], things: Sequence[Given], connections: int) -> tuple[Made, ...]:
    """Do some at a time; the first error ends those that have begun, and is raised.

    Parameters
    ----------
    work : callable
        Coroutine function of one thing.
    things : sequence
        What is to be done.
    connections : int
        How many at a time.

    Returns
    -------
    tuple
        What `work` made of each, in order.
    """

    async def all_of_them() -> tuple[Made, ...]:
        limit = asyncio.Semaphore(connections)

        async def one(thing: Given) -> Made:
            async with limit:
                return await work(thing)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(thing)) for thing in things]
        return tuple(task.result() for task in tasks)

    try:
        return asyncio.run(all_of_them())
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    finally:
        # The threads of obstore give back what they hold of Python a moment after they have answered. One that does
        # so while the interpreter ends would bring the process down.
        time.sleep(_LAST_WAIT)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make the folder, and keep other runs from fetching into it, where the system can."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise InputError(f"The output '{folder}' is a file: give a folder.") from error
    except OSError as error:
        raise write_error(folder, error) from error
    with contextlib.ExitStack() as held:
        with contextlib.suppress(ImportError):  # Windows
            import fcntl

            handle = os.open(folder, os.O_RDONLY)
            held.callback(os.close, handle)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise InputError(
                    f"Another run is fetching into '{folder}': wait for it, or choose another output."
                ) from error
            except OSError:
                pass  # a file system without locks
        yield
