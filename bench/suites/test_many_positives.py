"""Average precision of class labels: hundreds of positives a query; and of list columns."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fastbench.bench.measure import measure

PEERS = ("fastbench", "copairs", "scikit-learn", "GEMM")
RULE: dict[str, Any] = {
    "pos_sameby": ["Metadata_target"],
    "pos_diffby": [],
    "neg_sameby": [],
    "neg_diffby": ["Metadata_target"],
    "multilabel_col": "Metadata_target",
}


@pytest.mark.parametrize(
    ("n", "d", "classes", "tool"),
    [
        *(pytest.param(2_000, 500, 4, tool, marks=pytest.mark.quick) for tool in PEERS),
        (8_000, 500, 10, "fastbench"),
        pytest.param(8_000, 500, 10, "copairs", marks=pytest.mark.slow),  # minutes, gigabytes
        pytest.param(8_000, 500, 10, "scikit-learn", marks=pytest.mark.slow),
        (8_000, 500, 10, "GEMM"),
        (8_000, 500, 1_000, "fastbench"),
        (8_000, 500, 1_000, "GEMM"),
        # copairs would hold 200 million pairs: tens of gigabytes.
        *(
            pytest.param(20_000, 512, 20, tool, marks=pytest.mark.slow)
            for tool in ("fastbench", "scikit-learn", "GEMM")
        ),
    ],
)
def test_class_labels(benchmark: Any, n: int, d: int, classes: int, tool: str) -> None:
    benchmark.group = f"many positives, class labels, {n:,} x {d}, {classes:,} classes"
    rounds = {"fastbench": 3, "GEMM": 5}.get(tool, 1)
    # Memory takes a second call: too long for copairs, which needs what it needs for all pairs of as many rows.
    measure(benchmark, tool, ("all_against_all", n, d, n // classes), rounds=rounds, memory=tool == "fastbench")


@pytest.mark.parametrize("tool", ["fastbench", "copairs"])
@pytest.mark.benchmark(group="many positives, list column")
def test_multilabel(benchmark: Any, tool: str) -> None:
    """Compounds with one to three targets of 40."""
    n, d, targets = 1_000, 500, 40
    rng = np.random.default_rng(0)
    labels = [[f"t{t}" for t in rng.choice(targets, rng.integers(1, 4), replace=False)] for _ in range(n)]
    meta, x = pd.DataFrame({"Metadata_target": labels}), rng.standard_normal((n, d), dtype=np.float32)
    benchmark.extra_info.update(tool=tool, job=f"{n:,} x {d}, {targets} labels", n=n, d=d)
    score = import_module("fastbench" if tool == "fastbench" else "copairs.map").multilabel.average_precision
    benchmark.pedantic(
        lambda: score(meta, x, **RULE, progress_bar=False),
        rounds=3 if tool == "fastbench" else 1,
        warmup_rounds=int(tool == "fastbench"),
    )
