"""How many threads there is work for, one BLAS thread in each of them, and jobs shared out among them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

__all__ = ["run_jobs", "single_threaded_blas", "usable_cores"]

T = TypeVar("T")

_lock = threading.Lock()
_state: dict[str, Any] = {"users": 0, "limiter": None}


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
    from threadpoolctl import threadpool_limits

    with _lock:
        _state["users"] += 1
        if _state["users"] == 1:
            _state["limiter"] = threadpool_limits(limits=1, user_api="blas")
    try:
        yield
    finally:
        with _lock:
            _state["users"] -= 1
            if _state["users"] == 0:
                _state["limiter"].restore_original_limits()


def run_jobs(
    jobs: Sequence[tuple[int, Callable[[], T]]], threads: int = 0, progress: Callable[[float], None] | None = None
) -> list[T]:
    """Run jobs on threads and return their results in order.

    Parameters
    ----------
    jobs : sequence of (int, callable)
        The work in a job, in any unit, and the job.
    threads : int, default 0
        Worker threads; 0 takes all usable cores.
    progress : callable, optional
        Called with the share of the work that is done, 0..1.

    Raises
    ------
    BaseException
        The first error of a job, or an interrupt; jobs that have not begun are then dropped.
    """
    total, done, results = sum(work for work, _ in jobs), 0, []
    with single_threaded_blas(), ThreadPoolExecutor(threads or usable_cores()) as pool:
        futures = [pool.submit(job) for _, job in jobs]
        try:
            for (work, _), future in zip(jobs, futures, strict=True):
                results.append(future.result())
                done += work
                if progress is not None:
                    progress(done / max(total, 1))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return results
