"""The kernels of the CPU backend one by one, so that a regression can be located; time an entry beside time in all."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from scipy.spatial.distance import cdist

from fastbench.bench.measure import note_entries
from fastbench.kernels import cpu
from fastbench.kernels.codes import PairCodes, column_index
from fastbench.kernels.cpu.null import advance_survival, enumerate_ap, sample_ap

pytestmark = pytest.mark.quick

N, D, REPLICATES = 3_000, 500, 8
ROUNDS = {"rounds": 5, "warmup_rounds": 1}
Ints = npt.NDArray[np.int64]


class Rows(NamedTuple):
    x: npt.NDArray[np.float32]
    queries: Ints
    positive: PairCodes
    negative: PairCodes


def rows(n: int, d: int, replicates: int, block: int | None = None) -> Rows:
    """Groups of replicates; negatives are the other groups, of the same block of so many rows if there are blocks."""
    x = np.random.default_rng(0).standard_normal((n, d), dtype=np.float32)
    group, none = column_index([np.arange(n) // replicates], n), column_index([], n)
    whole = column_index([np.arange(n) // (block or n)], n)
    return Rows(x, np.arange(n), PairCodes(group, none, none), PairCodes(whole, none, none if block else group))


def note(benchmark: Any, job: str, tool: str = "fastbench", **more: float) -> None:
    benchmark.extra_info.update(tool=tool, job=job, **more)


@pytest.mark.benchmark(group="kernels, prepare rows")
def test_prepare(benchmark: Any) -> None:
    given = rows(N, D, REPLICATES)
    note(benchmark, f"{N:,} x {D}", n=N, d=D)
    benchmark.pedantic(cpu.prepare, args=(given.x, "cosine", given.negative), **ROUNDS)
    note_entries(benchmark, N * D)


@pytest.mark.parametrize("replicates", [8, 100])
@pytest.mark.benchmark(group="kernels, similarity and count")
def test_count(benchmark: Any, replicates: int) -> None:
    given = rows(N, D, replicates)
    offsets, positives = cpu.partners(given.positive, given.queries)
    prepared = cpu.prepare(given.x, "cosine", given.negative)
    note(benchmark, f"{N:,} x {D}, P {replicates - 1}", n=N, d=D, P=replicates - 1, flops=2.0 * N * N * D)
    benchmark.pedantic(cpu.count_outranking, args=(prepared, given.queries, offsets, positives), **ROUNDS)
    note_entries(benchmark, N * N)


@pytest.mark.parametrize("replicates", [8, 100])
@pytest.mark.benchmark(group="kernels, similarity and count")
def test_count_floor(benchmark: Any, replicates: int) -> None:
    """The product alone, without knowing any positive: the floor of both counts, measured beside each."""
    x = rows(N, D, replicates).x
    copy, out = x.copy(), np.full((N, N), 0, np.float32)
    note(benchmark, f"{N:,} x {D}, P {replicates - 1}", "GEMM", n=N, d=D, flops=2.0 * N * N * D)
    benchmark.pedantic(lambda: np.matmul(x, copy.T, out=out), **ROUNDS)
    note_entries(benchmark, N * N)


@pytest.mark.benchmark(group="kernels, count in short lists")
def test_count_short_lists(benchmark: Any) -> None:
    n, block = 9_600, 72
    given = rows(n, D, REPLICATES, block)
    offsets, positives = cpu.partners(given.positive, given.queries)
    prepared = cpu.prepare(given.x, "cosine", given.negative)
    note(benchmark, f"{n:,} x {D}, L {block - 1}", n=n, d=D, P=REPLICATES - 1, flops=2.0 * n * block * D)
    benchmark.pedantic(cpu.count_outranking, args=(prepared, given.queries, offsets, positives), **ROUNDS)
    note_entries(benchmark, n * (block - 1))


@pytest.mark.benchmark(group="kernels, count in blocks of two rows")
def test_count_tiny_blocks(benchmark: Any) -> None:
    """One candidate a query, so that what takes time is the cutting into blocks; an entry is a block."""
    n = 3_000
    given = rows(n, 8, REPLICATES, block=2)
    offsets, positives = cpu.partners(given.positive, given.queries)
    prepared = cpu.prepare(given.x, "cosine", given.negative)
    note(benchmark, f"{n:,} x 8", n=n, d=8, P=REPLICATES - 1)
    benchmark.pedantic(cpu.count_outranking, args=(prepared, given.queries, offsets, positives), **ROUNDS)
    note_entries(benchmark, n // 2)


@pytest.mark.benchmark(group="kernels, thresholds")
def test_thresholds(benchmark: Any) -> None:
    """Counting with 99 candidates and 399 positives a query, so that what takes time is the positives."""
    n, replicates = 3_200, 400
    given = rows(n, D, replicates, block=100)
    offsets, positives = cpu.partners(given.positive, given.queries)
    prepared = cpu.prepare(given.x, "cosine", given.negative)
    note(benchmark, f"{n:,} x {D}, P {replicates - 1}", n=n, d=D, P=replicates - 1, flops=2.0 * len(positives) * D)
    benchmark.pedantic(cpu.count_outranking, args=(prepared, given.queries, offsets, positives), **ROUNDS)
    note_entries(benchmark, len(positives))


@pytest.mark.parametrize(("n", "replicates"), [(100_000, 8), (4_000, 400)])
@pytest.mark.benchmark(group="kernels, partners")
def test_partners(benchmark: Any, n: int, replicates: int) -> None:
    given = rows(n, 1, replicates)
    note(benchmark, f"{n:,} rows, P {replicates - 1}", n=n, P=replicates - 1)
    benchmark.pedantic(cpu.partners, args=(given.positive, given.queries), **ROUNDS)
    note_entries(benchmark, n * (replicates - 1))


@pytest.mark.benchmark(group="kernels, count partners")
def test_count_partners(benchmark: Any) -> None:
    n = 100_000
    given = rows(n, 1, REPLICATES)
    note(benchmark, f"{n:,} rows", n=n)
    benchmark.pedantic(cpu.count_partners, args=(given.negative,), **ROUNDS)
    note_entries(benchmark, n)


@pytest.mark.benchmark(group="kernels, label partners")
def test_label_partners(benchmark: Any) -> None:
    n, replicates = 20_000, 50
    given = rows(n, 1, replicates)
    everyone, none = column_index([np.zeros(n, np.int64)], n), column_index([], n)
    rule = PairCodes(everyone, none, none)
    note(benchmark, f"{n:,} rows, P {replicates - 1}", n=n, P=replicates - 1)
    benchmark.pedantic(cpu.label_partners, args=(rule, given.positive.block, given.queries), **ROUNDS)
    note_entries(benchmark, n * (replicates - 1))


@pytest.mark.parametrize(("lists", "P"), [(100_000, 7), (1_000, 700)])
@pytest.mark.benchmark(group="kernels, average precision")
def test_average_precision(benchmark: Any, lists: int, P: int) -> None:
    rng = np.random.default_rng(0)
    entries = lists * P
    offsets = np.arange(lists + 1, dtype=np.int64) * P
    values, above, tied = rng.random(entries), rng.integers(0, 1_000, entries), np.zeros(entries, np.int64)
    note(benchmark, f"{lists:,} lists, P {P}", P=P)
    benchmark.pedantic(cpu.average_precision, args=(offsets, values, above, tied, "expected"), **ROUNDS)
    note_entries(benchmark, entries)


@pytest.mark.parametrize(("P", "L"), [(7, 71), (25, 310)])
@pytest.mark.benchmark(group="kernels, null sweep")
def test_null_sweep(benchmark: Any, P: int, L: int) -> None:
    cells = 7_560

    def fresh() -> tuple[tuple[Any, ...], dict[str, Any]]:
        starts = np.concatenate([[0], np.cumsum(np.arange(P + 1) * cells + 1)])
        survival, lows, errors = np.ones(starts[-1]), np.arange(P + 1) * cells, np.zeros((3, P + 1))
        return (survival, starts, lows, errors, cells, 0, L), {}

    note(benchmark, f"P {P}, L {L}", P=P)
    benchmark.pedantic(advance_survival, setup=fresh, rounds=5, warmup_rounds=1)
    note_entries(benchmark, P * (P + 1) / 2 * cells * L)


@pytest.mark.benchmark(group="kernels, null placements")
def test_enumerate(benchmark: Any) -> None:
    note(benchmark, "all 376,992 of (5, 36)", P=5)
    benchmark.pedantic(enumerate_ap, args=(5, 36), **ROUNDS)
    note_entries(benchmark, 376_992)


@pytest.mark.benchmark(group="kernels, null placements")
def test_sample(benchmark: Any) -> None:
    draws = 100_000
    note(benchmark, f"{draws:,} draws of (100, 2000)", P=100)
    benchmark.pedantic(sample_ap, args=(1, 0, draws, 100, 2_000), rounds=3, warmup_rounds=1)
    note_entries(benchmark, draws)


@pytest.mark.parametrize("tool", ["fastbench", "scipy"])
@pytest.mark.benchmark(group="kernels, sums of absolute differences of two sets of rows")
def test_absolute_distances(benchmark: Any, tool: str) -> None:
    n, d = 256, 4_000
    one, other = np.random.default_rng(0).standard_normal((2, n, d))
    of = {"fastbench": partial(cpu.absolute_distances, threads=1), "scipy": partial(cdist, metric="cityblock")}[tool]
    note(benchmark, f"{n} x {n}, d {d:,}, one thread", tool, n=n, d=d)
    benchmark.pedantic(of, args=(one, other), **ROUNDS)
    note_entries(benchmark, n * n * d)
