"""Thirty labels in five batches whose mixing is known: metrics move the right way, anchors lie at the ends."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import fastbench as fb
from fastbench.engine.embed import anchors

LABELS, BATCHES, CELLS, D = 30, 5, 30, 16
#: Distance of labels and of batches, in standard deviations of a cell.
EMBEDDINGS = {
    "best": (6.0, 0.0),
    "batches half apart": (6.0, 4.0),
    "batches apart": (6.0, 8.0),
    "labels lost": (0.5, 0.0),
}
BATCH = ("entropy_per_cell", "batch_silhouette", "bras", "ilisi", "cilisi", "kbet")
BIOLOGY = ("silhouette_score", "clisi", "ksim")


def directions(count: int, length: float, rng: np.random.Generator) -> np.ndarray:
    """Random points at a distance from 0."""
    found = rng.normal(size=(count, D))
    return length * found / np.linalg.norm(found, axis=1)[:, None]


@cache
def rows() -> dict[tuple[str, str], dict]:
    rng = np.random.default_rng(4)
    label = np.repeat(np.arange(LABELS), CELLS)
    batch = rng.integers(0, BATCHES, len(label))  # as many of each in all labels would be mixed better than at random
    noise = rng.normal(size=(len(label), D))
    vectors = {
        name: noise + directions(LABELS, apart, rng)[label] + directions(BATCHES, shift, rng)[batch]
        for name, (apart, shift) in EMBEDDINGS.items()
    }
    found = fb.embed(
        vectors,
        labels=[f"type {each:02}" for each in label],
        batch=[f"batch {each}" for each in batch],
        tasks=("embedding", "batch_integration"),
        bootstrap=200,
        progress_bar=False,
    )
    assert found.tables["summary"]["embedding"][0] == "best"
    assert found.tables["summary"]["embedding"][-1] != "batches half apart"
    return {(row["embedding"], row["metric_type"]): row for row in found.tables["results"].iter_rows(named=True)}


@pytest.mark.parametrize("metric", BATCH)
def test_batches_that_move_apart_lower_the_metrics_of_batches(metric: str) -> None:
    values = [rows()[name, metric]["value"] for name in ("best", "batches half apart", "batches apart")]
    assert values == sorted(values, reverse=True)
    assert values[0] - values[2] > 0.1


@pytest.mark.parametrize("metric", BIOLOGY)
def test_labels_that_are_lost_lower_the_metrics_of_labels(metric: str) -> None:
    best, lost = (rows()[name, metric] for name in ("best", "labels lost"))
    assert best["value"] > lost["upper"]
    assert lost["value"] < best["lower"]
    assert abs(lost["score"]) < 0.15  # as random vectors


@pytest.mark.parametrize("metric", BATCH)
def test_mixed_batches_score_as_shuffled_ones(metric: str) -> None:
    assert rows()["best", metric]["score"] == pytest.approx(1, abs=0.1)
    assert rows()["labels lost", metric]["score"] == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("metric", [*BATCH, *BIOLOGY])
def test_anchors_lie_at_the_ends(metric: str) -> None:
    for name in EMBEDDINGS:
        row = rows()[name, metric]
        worst, best = ("one_hot_batches", "shuffled") if metric in BATCH else ("random", "one_hot_labels")
        assert row[worst] < row[best]
        assert row[worst] - 0.03 <= row["value"] <= row[best] + 0.03


def confounded(share: float) -> dict[tuple[str, str], dict]:
    """Cells whose label says their batch, but for a share; mixed as well as can be, and not."""
    rng = np.random.default_rng(0)
    label = rng.integers(0, 4, 480)
    batch = np.where(rng.random(480) < share, rng.integers(0, 2, 480), label % 2)
    mixed = rng.normal(size=(480, 8)) + 6 * np.eye(4, 8)[label]
    found = fb.embed(
        {"mixed": mixed, "apart": mixed + 4 * np.eye(2, 8, 6)[batch]},
        labels=[f"type {each}" for each in label],
        batch=[f"batch {each}" for each in batch],
        unintegrated=mixed + 6 * np.eye(2, 8, 6)[batch],
        tasks=("batch_integration",),
        bootstrap=0,
        progress_bar=False,
    )
    return {(row["embedding"], row["metric_type"]): row for row in found.tables["results"].iter_rows(named=True)}


def test_what_the_design_allows_scores_1() -> None:
    rows = confounded(0.4)
    for metric in (*BATCH, "sbee", "kbet_per_label", "pcr_comparison"):
        mixed, apart = rows["mixed", metric], rows["apart", metric]
        if metric == "kbet":  # labels decide it
            assert mixed["score"] is None
            assert mixed["shuffled"] < 0.05
            continue
        assert mixed["score"] == pytest.approx(1, abs=0.15)
        assert apart["score"] < mixed["score"] - 0.05
    assert rows["mixed", "entropy_per_cell"]["value"] < 0.95


def test_labels_of_one_batch_have_no_score_of_mixing() -> None:
    rows = confounded(0.0)
    assert rows["mixed", "entropy_per_cell"]["value"] is not None
    assert all(row["score"] is None and row["shuffled"] is None for row in rows.values())


def test_batches_are_shuffled_among_all_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many cells, fewer give the other anchors; the best is that of the neighbours which were judged."""
    rows = confounded(0.4)
    monkeypatch.setattr(anchors, "ANCHOR_CELLS", 200)
    fewer = confounded(0.4)
    assert fewer["mixed", "ilisi"]["shuffled"] == rows["mixed", "ilisi"]["shuffled"]
    assert fewer["mixed", "ilisi"]["random"] != rows["mixed", "ilisi"]["random"]
