"""Silhouettes against scikit-learn's, from distances of SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from scipy.spatial.distance import cdist
from sklearn.metrics import silhouette_samples

from fastbench.engine.embed.metrics.silhouettes import (
    batch_silhouette,
    bras,
    isolated_labels,
    label_silhouette,
    order_silhouette,
)
from fastbench.engine.embed.space import Space

from ....examples import SOME
from .problems import problem, problems

#: Distances are counted in 2^-31 of the diagonal of the box around all cells.
CLOSE = {"atol": 1e-6}


def samples(x: np.ndarray, codes: np.ndarray) -> np.ndarray:
    wide = x.astype(np.float64)
    return silhouette_samples(cdist(wide, wide), codes, metric="precomputed")


@SOME
@given(problems)
def test_labels_and_order_equal_scikit_learn(space: Space) -> None:
    labels = space.cells.labels
    names, places = np.unique(space.cells.order, return_inverse=True)
    for found, codes, count in (
        (label_silhouette(space), labels.codes, len(labels)),
        (order_silhouette(space), places, len(names)),
    ):
        if not 1 < count < len(space):
            assert np.isnan(found.value)
            assert "at least two" in found.reason
            continue
        expected = samples(space.x, codes)
        np.testing.assert_allclose(found.per_cell, expected, **CLOSE)
        assert found.value == pytest.approx((expected.mean() + 1) / 2, abs=1e-6)
        assert list(found.per_label.values()) == pytest.approx(
            [expected[codes == code].mean() for code in range(count)], abs=1e-6
        )


@SOME
@given(problems)
def test_batches_inside_labels_equal_scikit_learn(space: Space) -> None:
    labels, batch = space.cells.labels, space.cells.batch
    expected = {}
    for code, name in enumerate(labels.names):
        rows = labels.rows(code)
        if 1 < len(np.unique(batch.codes[rows])) < len(rows):
            expected[name] = (1 - np.abs(samples(space.x[rows], batch.codes[rows]))).mean()
    found = batch_silhouette(space)
    assert found.per_label == pytest.approx(expected, abs=1e-6)
    if expected:
        assert found.value == pytest.approx(np.mean(list(expected.values())), abs=1e-6)
    else:
        assert np.isnan(found.value)
        assert "No label" in found.reason


def pooled_cosine(x: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Return silhouettes of cosine distances, all other groups together; equal rows have distance 0."""
    unit = x.astype(np.float64) / np.linalg.norm(x.astype(np.float64), axis=1)[:, None]
    apart = ((unit[:, None] - unit) ** 2).sum(axis=2) / 2  # as 1 - cos, without its cancellation
    found = np.zeros(len(x))
    for row, code in enumerate(codes):
        own = codes == code
        if own.sum() > 1:
            a, b = apart[row, own].sum() / (own.sum() - 1), apart[row, ~own].mean()
            found[row] = (b - a) / max(a, b) if max(a, b) > 1e-14 else 0
    return found


@SOME
@given(problems)
def test_bras_equals_its_definition(space: Space) -> None:
    labels, batch = space.cells.labels, space.cells.batch
    expected = {}
    for code, name in enumerate(labels.names):
        rows = labels.rows(code)
        if 1 < len(np.unique(batch.codes[rows])) < len(rows):
            expected[name] = (1 - np.abs(pooled_cosine(space.x[rows], batch.codes[rows]))).mean()
    found = bras(space)
    assert found.per_label == pytest.approx(expected, abs=1e-6)
    assert bool(expected) == (found.reason == "")


def test_equal_cells_show_no_batch() -> None:
    space = problem("constant", 60, 9, 3, 2, 0)
    assert bras(space).value == 1
    assert batch_silhouette(space).value == 1
    assert label_silhouette(space).value == 0.5


def test_a_cell_at_the_origin_has_no_cosine() -> None:
    space = problem("plain", 30, 2, 2, 2, 0)
    space.x[3] = 0
    assert "no cosine" in bras(space).reason


@SOME
@given(problems)
def test_isolated_labels_are_those_of_the_fewest_batches(space: Space) -> None:
    labels, batch = space.cells.labels, space.cells.batch
    found = isolated_labels(space)
    if not 1 < len(labels) < len(space):
        assert np.isnan(found.value)
        return
    seen = [len(np.unique(batch.codes[labels.rows(code)])) for code in range(len(labels))]
    s = samples(space.x, labels.codes)
    expected = {
        labels.names[code]: (s[labels.rows(code)].mean() + 1) / 2
        for code in range(len(labels))
        if seen[code] == min(seen)
    }
    assert found.per_label == pytest.approx(expected, abs=1e-6)
    assert found.value == pytest.approx(np.mean(list(expected.values())), abs=1e-6)


def test_a_cell_far_away_costs_digits_of_the_others_as_told() -> None:
    space = problem("plain", 80, 3, 3, 2, 1)
    space.x[7] *= 1e5
    unit = space.backend.distance_unit(space.x)
    found = label_silhouette(space).per_cell
    expected = samples(space.x, space.cells.labels.codes)
    wide = space.x.astype(np.float64)
    usual = np.median(cdist(wide, wide), axis=1)
    assert (np.abs(found - expected) <= 4 * unit / usual).all()
    assert np.abs(found - expected).max() < 1e-3
