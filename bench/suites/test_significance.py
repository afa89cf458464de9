"""mAP of groups with p-values: computed here, from 10,000 samples a shape by copairs."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fastbench.engine.nulls import ap_null

pytestmark = pytest.mark.quick

GROUPS, MEMBERS, NULL_SIZE = 500, 8, 10_000


def scores() -> pd.DataFrame:
    """AP of 500 compounds in 8 wells at 2 doses, of 8 shapes."""
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(GROUPS), MEMBERS)
    ap = rng.beta(2, 6, len(group))
    return pd.DataFrame(
        {
            "Metadata_compound": group // 2,
            "Metadata_dose": group % 2,
            "average_precision": ap,
            "normalized_average_precision": ap,
            "n_pos_pairs": 7,
            "n_total_pairs": 64 + group % 8,
        }
    )


def run(benchmark: Any, tool: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **more: Any) -> None:
    """One call with nothing in any cache."""
    table = scores()
    call = getattr(import_module("fastbench" if tool == "fastbench" else "copairs.map"), name)
    folders = iter(range(100))

    def empty_caches() -> tuple[tuple[()], dict[str, Any]]:
        monkeypatch.setattr(ap_null, "_CACHE", ap_null._Cache(256 << 20))
        return (), {"cache_dir": tmp_path / str(next(folders))}

    def once(cache_dir: Path) -> object:
        return call(
            table,
            ["Metadata_compound", "Metadata_dose"],
            null_size=NULL_SIZE,
            threshold=0.05,
            seed=0,
            progress_bar=False,
            cache_dir=cache_dir,
            **more,
        )

    benchmark.extra_info.update(tool=tool, job=f"{GROUPS} groups of {MEMBERS}", n=len(table), P=7)
    benchmark.pedantic(once, setup=empty_caches, rounds=3, warmup_rounds=1)


@pytest.mark.parametrize("tool", ["fastbench", "copairs"])
@pytest.mark.benchmark(group="null, p-values of mAP")
def test_mean_average_precision(benchmark: Any, tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(benchmark, tool, "mean_average_precision", tmp_path, monkeypatch)


@pytest.mark.parametrize("tool", ["fastbench", "copairs"])
@pytest.mark.benchmark(group="null, p-values of mAP in two stages")
def test_hierarchical(benchmark: Any, tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "mean_average_precision_hierarchical"
    run(benchmark, tool, name, tmp_path, monkeypatch, hierarchical_by=["Metadata_compound"])
