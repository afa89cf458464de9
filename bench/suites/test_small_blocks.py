"""Average precision against the controls of the same plate: many queries, 71 candidates each."""

from __future__ import annotations

from typing import Any

import pytest

from fastbench.bench.measure import measure


@pytest.mark.parametrize("tool", ["fastbench", "copairs", "scikit-learn"])
@pytest.mark.parametrize("n_plates", [pytest.param(4, marks=pytest.mark.quick), 32])
def test_small_blocks(benchmark: Any, n_plates: int, tool: str) -> None:
    benchmark.group = f"small blocks, {n_plates * 320:,} x 500"
    measure(benchmark, tool, ("plates", n_plates, 500, 8), rounds=5 if tool == "fastbench" else 1)
