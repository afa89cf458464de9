"""Cells by truth, prediction and rank, from label codes, and counts by ontology node; 3,000 terms."""

from __future__ import annotations

from typing import Any

import pytest

from fastbench.bench.labels import build, ready, small_one_like
from fastbench.bench.measure import note_entries
from fastbench.bench.memory import peak_megabytes
from fastbench.bench.problem import Job

TERMS = 3_000
CELLS = pytest.mark.parametrize("n", [pytest.param(200_000, marks=pytest.mark.quick), 10_000_000])


def measure(benchmark: Any, tool: str, job: Job, what: str) -> None:
    """Time the call after a small problem that compiles and loads, and measure its memory."""
    problem = build(job)
    entries = job[1] if job[0] == "scores" else len(problem[0])
    benchmark.extra_info.update(tool=tool, job=f"{entries:,} {what}", n=job[1], terms=job[2], k=job[3])
    megabytes = peak_megabytes(tool, job, "labels")
    if megabytes is not None:
        benchmark.extra_info["peak_MB"] = megabytes
    ready(tool, build(small_one_like(job)))()
    slow = tool in ("scikit-learn", "Python sets")
    benchmark.pedantic(ready(tool, problem), rounds=1 if slow else 5, warmup_rounds=0 if slow else 1)
    note_entries(benchmark, entries)


@pytest.mark.parametrize("tool", ["fastbench", "NumPy dense", "SciPy sparse", "scikit-learn"])
@pytest.mark.parametrize("k", [1, 3])
@CELLS
def test_count(benchmark: Any, n: int, k: int, tool: str) -> None:
    """The matrices of top-1 to top-k; the peers make each from its own effective predictions."""
    benchmark.group = "confusion, top 1" if k == 1 else f"confusion, top 1 to {k}"
    measure(benchmark, tool, ("count", n, TERMS, k), "cells")


@pytest.mark.parametrize("tool", ["fastbench", "SciPy sparse", "Python sets"])
@CELLS
def test_nodes(benchmark: Any, n: int, tool: str) -> None:
    """True and false positives and false negatives of each node, and shared ancestors of each entry."""
    benchmark.group = "confusion, by node"
    measure(benchmark, tool, ("nodes", n, TERMS, 1), "entries")


@pytest.mark.parametrize("tool", ["fastbench", "SciPy sparse"])
@CELLS
def test_scores(benchmark: Any, n: int, tool: str) -> None:
    """From codes to numbers: the matrices of top-1 to top-3, flat metrics of each, hierarchical ones of the first."""
    benchmark.group = "confusion, codes to flat and hierarchical F"
    measure(benchmark, tool, ("scores", n, TERMS, 3), "cells")
