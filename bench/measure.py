"""Time one tool on one retrieval problem, and note what a reader of the numbers needs."""

from __future__ import annotations

from typing import Any

from fastbench.bench.memory import peak_megabytes
from fastbench.bench.problem import Job, build, small_one_like
from fastbench.bench.tools import ready

__all__ = ["measure", "note_entries"]


def measure(benchmark: Any, tool: str, job: Job, *, rounds: int, memory: bool = True) -> None:
    """Time the call (best of rounds, after a small problem that compiles and loads) and measure its memory."""
    problem = build(job)
    size = problem.size()
    what = f"{size['queries']:,} x {size['d']:,}, P {size['P']:,}, L {size['L']:,}"
    benchmark.extra_info.update(tool=tool, job=what, **size)
    # The other tools leave the memory to the caller: it would be that of our loop around them.
    megabytes = peak_megabytes(tool, job) if memory and tool in ("fastbench", "copairs") else None
    if megabytes is not None:
        benchmark.extra_info["peak_MB"] = megabytes
    ready(tool, build(small_one_like(job)))()
    benchmark.pedantic(ready(tool, problem), rounds=rounds)


def note_entries(benchmark: Any, entries: float) -> None:
    """Note the time an entry (similarity, pair, threshold, cell: what the kernel loops over) of the best round."""
    if benchmark.stats is not None:
        benchmark.extra_info.update(entries=entries, ns_per_entry=benchmark.stats.stats.min / entries * 1e9)
