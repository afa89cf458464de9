"""average_precision beside copairs 0.5.5: n x 500, 8 replicates a group, negatives = all other groups."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from problem import peak_megabytes, problem, solve


def run(benchmark, tool, n, rounds):
    data = problem(n)
    benchmark.extra_info["peak_MB"] = peak_megabytes(tool, n)
    benchmark.pedantic(solve, args=(tool, *data), rounds=rounds, warmup_rounds=int(tool == "fastbench"))


@pytest.mark.benchmark(group="average precision, 2,000 x 500")
@pytest.mark.parametrize("tool", ["fastbench", "copairs"])
def test_two_thousand(benchmark, tool):
    run(benchmark, tool, 2000, rounds=5 if tool == "fastbench" else 1)


@pytest.mark.benchmark(group="average precision, 4,000 x 500")
@pytest.mark.parametrize("tool", ["fastbench", "copairs"])
def test_four_thousand(benchmark, tool):
    run(benchmark, tool, 4000, rounds=5 if tool == "fastbench" else 1)


@pytest.mark.benchmark(group="average precision, 4,000 x 500")
def test_one_matrix_product(benchmark):
    """The floor: one float32 product of the matrix with itself."""
    _, x = problem(4000)
    benchmark.pedantic(lambda: x @ x.T, rounds=5, warmup_rounds=1)


@pytest.mark.benchmark(group="average precision, fastbench alone")
@pytest.mark.parametrize("n", [8000, 16000])
def test_growth(benchmark, n):
    run(benchmark, "fastbench", n, rounds=2)
