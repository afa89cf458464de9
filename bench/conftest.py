"""Benchmarks run with ``make bench``; each stands beside the tool it replaces, in the same group of one run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest


class PeakMemory:
    """Highest resident memory of this process while a function runs, above what it had before, in MB."""

    def __init__(self) -> None:
        self.megabytes = 0.0

    def __call__(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        process = psutil.Process()
        before, done = process.memory_info().rss, threading.Event()

        def watch() -> None:
            while not done.is_set():
                self.megabytes = max(self.megabytes, (process.memory_info().rss - before) / 1e6)
                time.sleep(0.005)

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            return function(*args, **kwargs)
        finally:
            done.set()
            watcher.join()


@pytest.fixture
def peak_memory() -> PeakMemory:
    """Run a function and note the memory it took."""
    return PeakMemory()
