"""The null distribution of average precision: computed here, sampled by copairs (100,000 samples a shape)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fastbench.engine.nulls import ap_null

SAMPLES = 100_000
Shape = tuple[int, int]


def cpjump1_shapes() -> list[Shape]:
    """(P, L) of one CPJUMP1 job: replicability, compound and gene matching, compound against gene."""
    rng = np.random.default_rng(0)
    replicability = [(3, 67), (7, 71), (3, 63), (7, 67)]
    matching = [
        (int(p), int(n))
        for p, n in zip(rng.geometric(0.25, 600).clip(1, 25), rng.integers(230, 311, 600), strict=False)
    ]
    cross = [
        (int(p), int(n)) for p, n in zip(rng.geometric(0.4, 400).clip(1, 20), rng.integers(160, 321, 400), strict=False)
    ]
    return sorted(set(replicability + matching + cross))


SETS: dict[str, list[Shape]] = {
    "7 of 71": [(7, 71)],
    "47 of 431": [(47, 431)],
    "8 of 10,000": [(8, 10_000)],
    "cpjump1": cpjump1_shapes(),
}
CASES = [pytest.param(name, marks=pytest.mark.quick if name == "7 of 71" else []) for name in SETS]


def describe(benchmark: Any, tool: str, name: str) -> list[Shape]:
    shapes = SETS[name]
    benchmark.group = f"null, {name}"
    benchmark.extra_info.update(
        tool=tool, job=f"{len(shapes)} shape{'s'[: len(shapes) > 1]}", P=max(p for p, _ in shapes)
    )
    return shapes


@pytest.mark.parametrize("name", CASES)
def test_fastbench(benchmark: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = describe(benchmark, "fastbench", name)
    n_pos, n_total = np.array(shapes).T
    ap = np.random.default_rng(1).random(len(shapes))
    ap_null.ap_p_values(ap[:1], [7], [71])  # compile

    def empty_cache() -> None:
        monkeypatch.setattr(ap_null, "_CACHE", ap_null._Cache(256 << 20))

    found = benchmark.pedantic(
        ap_null.ap_p_values, args=(ap, n_pos, n_total), setup=empty_cache, rounds=3, warmup_rounds=0
    )
    assert np.all((found.lower <= found.value) & (found.value <= found.upper))


@pytest.mark.parametrize("name", CASES)
def test_copairs(benchmark: Any, name: str) -> None:
    """Large jobs are measured in part: `share` says how much of the job the seconds are for."""
    compute = pytest.importorskip("copairs.compute")
    shapes = describe(benchmark, "copairs", name)
    some = shapes[:: max(len(shapes) // 8, 1)]
    # The draws of a shape of 10,000 items take L x 2 bytes each: 100,000 would be 2 GB.
    draws = SAMPLES // 10 if name == "8 of 10,000" else SAMPLES
    share = draws * sum(total for _, total in some) / (SAMPLES * sum(total for _, total in shapes))
    benchmark.extra_info["share"] = share
    benchmark.pedantic(lambda: [compute.random_ap(draws, *shape, 0) for shape in some], rounds=1)
