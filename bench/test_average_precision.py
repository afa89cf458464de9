"""average_precision beside copairs 0.5.5: 4,000 x 500, 8 replicates a group, negatives = all other groups."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from copairs.map import average_precision as copairs_average_precision

import fastbench as fb

RULE = (["Metadata_group"], [], [], ["Metadata_group"])


def problem(n: int, d: int = 500, replicates: int = 8) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    group = np.arange(n) // replicates
    centre = rng.normal(size=(n // replicates + 1, d))
    features = (rng.normal(size=(n, d)) + 0.3 * centre[group]).astype(np.float32)
    return pd.DataFrame({"Metadata_group": group.astype(str)}), features


@pytest.mark.benchmark(group="average precision, 2,000 x 500")
@pytest.mark.parametrize("n", [2000])
def test_fastbench_small(benchmark, peak_memory, n):
    run(benchmark, peak_memory, lambda m, x: fb.average_precision(m, x, *RULE), n, rounds=5)


@pytest.mark.benchmark(group="average precision, 2,000 x 500")
@pytest.mark.parametrize("n", [2000])
def test_copairs_small(benchmark, peak_memory, n):
    run(benchmark, peak_memory, peer, n, rounds=1)


@pytest.mark.benchmark(group="average precision, 4,000 x 500")
def test_fastbench(benchmark, peak_memory):
    run(benchmark, peak_memory, lambda m, x: fb.average_precision(m, x, *RULE), 4000, rounds=5)


@pytest.mark.benchmark(group="average precision, 4,000 x 500")
def test_copairs(benchmark, peak_memory):
    run(benchmark, peak_memory, peer, 4000, rounds=1)


@pytest.mark.benchmark(group="average precision, 4,000 x 500")
def test_one_matrix_product(benchmark):
    """The floor: one float32 product of the matrix with itself."""
    _, x = problem(4000)
    benchmark.pedantic(lambda: x @ x.T, rounds=5, warmup_rounds=1)


@pytest.mark.benchmark(group="average precision, fastbench alone")
@pytest.mark.parametrize("n", [8000, 16000])
def test_growth(benchmark, peak_memory, n):
    run(benchmark, peak_memory, lambda m, x: fb.average_precision(m, x, *RULE), n, rounds=2)


def peer(meta, features):
    return copairs_average_precision(meta, features, *RULE, progress_bar=False)


def run(benchmark, peak_memory, function, n, rounds):
    meta, features = problem(n)
    peak_memory(function, meta, features)
    benchmark.extra_info["peak_MB"] = round(peak_memory.megabytes)
    benchmark.pedantic(function, args=(meta, features), rounds=rounds)
