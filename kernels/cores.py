"""How many threads there is work for, and one BLAS thread in each of them."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["single_threaded_blas", "usable_cores"]

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
