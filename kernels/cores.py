"""How many threads there is work for, one BLAS thread in each of them, and jobs shared out among them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeVar

__all__ = ["run_jobs", "single_threaded_blas", "usable_cores"]

T = TypeVar("T")

_NAME = "fastbench-worker"
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
    return ThreadPoolExecutor(threads, thread_name_prefix=f"{_NAME}-{process}")


def run_jobs(
    jobs: Sequence[tuple[int, Callable[[], T]]], threads: int = 0, progress: Callable[[float], None] | None = None
) -> list[T]:
    """Run jobs on threads and return their results in order.

    Parameters
    ----------
    jobs : sequence of (int, callable)
        The work in a job, in any unit, and the job. Jobs of a job run on its own thread.
    threads : int, default 0
        Worker threads; 0 takes all usable cores.
    progress : callable, optional
        Called with the share of the work that is done, 0..1.

    Raises
    ------
    BaseException
        The first error of a job, or an interrupt; jobs that have not begun are then dropped.
    """
    if threading.current_thread().name.startswith(_NAME):  # waiting for a thread here could last forever
        return [job() for _, job in jobs]
    total, done, results = sum(work for work, _ in jobs), 0, []
    with single_threaded_blas():
        pool = _pool(threads or usable_cores(), os.getpid())
        futures = [pool.submit(job) for _, job in jobs]
        try:
            for (work, _), future in zip(jobs, futures, strict=True):
                results.append(future.result())
                done += work
                if progress is not None:
                    progress(done / max(total, 1))
        finally:
            for future in futures:
                future.cancel()
    return results
