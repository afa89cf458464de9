"""How many threads there is work for, one BLAS thread in each of them, and jobs shared out among them."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Generic, TypeVar

__all__ = ["run_jobs", "single_threaded_blas", "usable_cores"]

T = TypeVar("T")

_here = threading.local()  # busy: this thread is in a job
_lock = threading.Lock()
_state: dict[str, Any] = {"users": 0, "limiter": None, "controller": None}


def usable_cores() -> int:
    """Return the number of cores this process may use (its affinity, where the system tells)."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Keep BLAS to one thread a caller while the block runs, because the blocks' own threads share out the work.

    The limit belongs to the whole process, so callers on several threads share it: the first sets it and the
    last takes it back.
    """
    from threadpoolctl import ThreadpoolController

    with _lock:
        _state["users"] += 1
        if _state["users"] == 1:
            if _state["controller"] is None:  # looking for the libraries takes milliseconds
                _state["controller"] = ThreadpoolController()
            _state["limiter"] = _state["controller"].limit(limits=1, user_api="blas")
    try:
        yield
    finally:
        with _lock:
            _state["users"] -= 1
            if _state["users"] == 0:
                _state["limiter"].restore_original_limits()


@lru_cache
def _pool(threads: int, process: int) -> ThreadPoolExecutor:
    """Return the threads of this process, which start once; a fork has none of them and so gets its own."""
    return ThreadPoolExecutor(threads, thread_name_prefix=f"fastbench-worker-{process}")


class _Shared(Generic[T]):
    """Jobs of which each thread that takes part does the next one, until none is left."""

    def __init__(self, jobs: Sequence[tuple[int, Callable[[], T]]]) -> None:
        self.jobs = jobs
        self.waiting = deque(range(len(jobs)))
        self.results: dict[int, T] = {}
        self.done = 0
        self.lock = threading.Lock()

    def take_part(self, tell: Callable[[], None] = lambda: None) -> None:
        """Do jobs, and call `tell` after each; an error drops those that have not begun."""
        _here.busy = True
        try:
            while True:
                try:
                    number = self.waiting.popleft()
                except IndexError:
                    return
                work, job = self.jobs[number]
                self.results[number] = job()
                with self.lock:
                    self.done += work
                tell()
        except BaseException:
            self.waiting.clear()
            raise
        finally:
            _here.busy = False


def run_jobs(
    jobs: Sequence[tuple[int, Callable[[], T]]],
    threads: int = 0,
    progress: Callable[[float], None] | None = None,
    stop: threading.Event | None = None,
) -> list[T]:
    """Run jobs on this thread and on others and return their results in order.

    Waking a thread can take longer than a small job, so this one does not wait for the others to begin.

    Parameters
    ----------
    jobs : sequence of (int, callable)
        The work in a job, in any unit, and the job. Jobs of a job run on its own thread.
    threads : int, default 0
        Threads, this one included; 0 takes all usable cores.
    progress : callable, optional
        Called with the share of the work that is done, 0..1.
    stop : threading.Event, optional
        Set when a job fails or the user interrupts, for long jobs that look at it.

    Raises
    ------
    BaseException
        The first error of a job, or an interrupt. Jobs that have not begun are then dropped, and those that have are
        over: nothing of them comes later.
    """
    if getattr(_here, "busy", False):
        return [job() for _, job in jobs]
    shared, total = _Shared(jobs), max(sum(work for work, _ in jobs), 1)

    def tell() -> None:
        if progress is not None:
            progress(shared.done / total)

    others = (threads or usable_cores()) - 1
    with single_threaded_blas():
        helpers = [_pool(others, os.getpid()).submit(shared.take_part) for _ in range(min(others, len(jobs) - 1))]
        try:
            shared.take_part(tell)
            for helper in helpers:
                if not helper.cancel():  # it has begun
                    helper.result()
        except BaseException:
            shared.waiting.clear()
            if stop is not None:
                stop.set()
            wait([helper for helper in helpers if not helper.cancel()])
            raise
    tell()
    return [shared.results[number] for number in range(len(jobs))]
