"""Average precision of all against all: n profiles, 8 of a group, negatives are all other groups."""

from __future__ import annotations

from typing import Any

import pytest

from fastbench.bench.measure import measure

REPLICATES = 8
PEERS = ("fastbench", "copairs", "scikit-learn", "GEMM")


def size(n: int, d: int, tool: str, mark: pytest.MarkDecorator | None = None) -> Any:
    return pytest.param(n, d, tool, id=f"{n}-{d}-{tool}", marks=[mark] if mark else [])


SIZES = [
    *(size(1_000, 500, tool, pytest.mark.quick) for tool in PEERS),
    *(size(4_000, 500, tool) for tool in PEERS),
    size(8_000, 500, "fastbench"),
    size(8_000, 500, "copairs", pytest.mark.slow),  # 200 s, 3 GB
    size(8_000, 500, "scikit-learn", pytest.mark.slow),
    size(8_000, 500, "GEMM"),
    size(20_000, 512, "fastbench", pytest.mark.slow),
    size(20_000, 512, "GEMM", pytest.mark.slow),
    size(50_000, 512, "fastbench", pytest.mark.slow),
    size(50_000, 512, "GEMM", pytest.mark.slow),
]


@pytest.mark.parametrize(("n", "d", "tool"), SIZES)
def test_all_pairs(benchmark: Any, n: int, d: int, tool: str) -> None:
    benchmark.group = f"all pairs, {n:,} x {d}"
    rounds = {"copairs": 1, "scikit-learn": 1, "GEMM": 5}.get(tool, 5 if n <= 8_000 else 2)
    measure(benchmark, tool, ("all_against_all", n, d, REPLICATES), rounds=rounds)


@pytest.mark.parametrize("n", [2_000, 4_000, 8_000, 16_000])
@pytest.mark.benchmark(group="all pairs, growth with n")
def test_growth_with_rows(benchmark: Any, n: int) -> None:
    measure(benchmark, "fastbench", ("all_against_all", n, 500, REPLICATES), rounds=3)


@pytest.mark.parametrize("d", [125, 250, 500, 1_000, 2_000])
@pytest.mark.benchmark(group="all pairs, growth with d")
def test_growth_with_features(benchmark: Any, d: int) -> None:
    measure(benchmark, "fastbench", ("all_against_all", 4_000, d, REPLICATES), rounds=3)


@pytest.mark.parametrize("replicates", [2, 4, 8, 16, 32, 64, 128, 512])
@pytest.mark.benchmark(group="all pairs, growth with P")
def test_growth_with_positives(benchmark: Any, replicates: int) -> None:
    measure(benchmark, "fastbench", ("all_against_all", 4_096, 500, replicates), rounds=3)
