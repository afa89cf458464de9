"""P-values of groups whose lists have many lengths, or are long: beside copairs, and beside their AP."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

import fastbench as fb
from fastbench.engine.nulls import ap_null

Rule = tuple[list[str], list[str], list[str], list[str]]
Problem = tuple[pd.DataFrame, npt.NDArray[np.float32], Rule, npt.NDArray[np.bool_] | None]

NULL_SIZE = 100_000
NULLS = ("shared", "independent", "permutation")


def mixed_shapes(groups: int) -> Problem:
    """Compounds of 2 to 7 replicates, each on a plate of its own among 150 with 10 to 39 controls."""
    rng = np.random.default_rng(0)
    compound: list[str] = []
    plate: list[int] = []
    for p in range(150):
        n_controls = int(rng.integers(10, 40))
        compound += ["DMSO"] * n_controls
        plate += [p] * n_controls
    for c in range(groups):
        some = rng.choice(150, size=rng.integers(2, 8), replace=False).tolist()
        compound += [f"c{c}"] * len(some)
        plate += some
    treated = np.array(compound) != "DMSO"
    meta = pd.DataFrame({"Metadata_group": compound, "Metadata_Plate": plate, "Metadata_control": ~treated})
    rule: Rule = (["Metadata_group"], [], ["Metadata_Plate"], ["Metadata_control"])
    return meta, rng.normal(size=(len(meta), 64)).astype(np.float32), rule, treated


def classes(n: int, count: int, d: int = 512) -> Problem:
    """Rows of classes of unequal size, each against all other classes."""
    rng = np.random.default_rng(0)
    meta = pd.DataFrame({"Metadata_group": rng.integers(0, count, n).astype(str)})
    rule: Rule = (["Metadata_group"], [], [], ["Metadata_group"])
    return meta, rng.normal(size=(n, d)).astype(np.float32), rule, None


PROBLEMS = {
    "1,000 groups of mixed shapes": lambda: mixed_shapes(1_000),
    "8,000 groups of mixed shapes": lambda: mixed_shapes(8_000),
    "8,000 x 500 in 100 classes": lambda: classes(8_000, 100, 500),
    "20,000 x 512 in 1,000 classes": lambda: classes(20_000, 1_000),
    "60,000 x 512 in 3,000 classes": lambda: classes(60_000, 3_000),
}
#: Relabelling counts similarities anew, and copairs draws lists of this length: not for the largest.
LARGE = {"8,000 x 500 in 100 classes", "20,000 x 512 in 1,000 classes", "60,000 x 512 in 3,000 classes"}


def quick(name: str) -> Any:
    return pytest.param(name, marks=pytest.mark.quick if name.startswith("1,000 groups") else [])


def scored(problem: Problem) -> pd.DataFrame:
    meta, x, rule, queries = problem
    ap = fb.average_precision(meta, x, *rule, queries=queries, progress_bar=False)
    found = ap[(ap["n_pos_pairs"] > 0) & ap["average_precision"].notna()].reset_index(drop=True)
    whole: pd.DataFrame = found.astype(dict.fromkeys(["n_pos_pairs", "n_total_pairs"], "int64"))
    return whole


@pytest.mark.parametrize("name", [quick(name) for name in PROBLEMS])
def test_average_precision(benchmark: Any, name: str) -> None:
    problem = PROBLEMS[name]()
    benchmark.group = f"group nulls, {name}"
    benchmark.extra_info.update(tool="fastbench", job="average precision", n=len(problem[0]))
    benchmark.pedantic(scored, args=(problem,), rounds=1, warmup_rounds=1)


@pytest.mark.parametrize("null", NULLS)
@pytest.mark.parametrize("name", [quick(name) for name in PROBLEMS])
def test_p_values(benchmark: Any, name: str, null: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if null == "permutation" and name in LARGE:
        pytest.skip("Relabelling takes minutes here.")
    problem = PROBLEMS[name]()
    table = scored(problem)
    data = fb.Relabelling(*problem[:2], *problem[2], queries=problem[3])
    options = {"relabelling": data} if null == "permutation" else {}

    def once(some: pd.DataFrame = table) -> object:
        monkeypatch.setattr(ap_null, "_CACHE", ap_null._Cache(256 << 20))
        return fb.mean_average_precision(some, ["Metadata_group"], NULL_SIZE, 0.05, 0, null=null, **options)

    first = table["Metadata_group"].unique()[:50]
    once(table[table["Metadata_group"].isin(first)])  # compile
    benchmark.group = f"group nulls, {name}"
    benchmark.extra_info.update(tool="fastbench", job=f"p-values, {null}", n=len(table))
    benchmark.pedantic(once, rounds=1)


@pytest.mark.parametrize("name", [quick(name) for name in PROBLEMS if name not in LARGE])
def test_copairs(benchmark: Any, name: str, tmp_path: Path) -> None:
    """With nothing in its cache, as all of these."""
    copairs = import_module("copairs.map")
    table = scored(PROBLEMS[name]())
    benchmark.group = f"group nulls, {name}"
    benchmark.extra_info.update(tool="copairs", job="p-values, shared", n=len(table))
    benchmark.pedantic(
        copairs.mean_average_precision,
        args=(table, ["Metadata_group"], NULL_SIZE, 0.05, 0),
        kwargs={"progress_bar": False, "cache_dir": tmp_path},
        rounds=1,
    )
