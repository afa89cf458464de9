"""What surrounds cells against a direct computation from all distances."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from scipy.optimize import brentq
from scipy.stats import chisquare, entropy

from fastbench.engine.embed.cells import Groups
from fastbench.engine.embed.metrics.neighborhoods import cilisi, clisi, entropy_per_cell, ilisi, kbet, ksim
from fastbench.engine.embed.space import Space

from ....examples import FEW, SOME
from .problems import counts, near, problem, problems

#: The bandwidth of LISI is found up to 1e-5 of an entropy.
LISI = 2e-3


def with_itself(space: Space, groups: Groups, k: int) -> np.ndarray:
    indices, _ = near(space, k - 1)
    return counts(np.column_stack([groups.codes, groups.codes[indices]]), len(groups))


def test_neighbours_of_a_space_are_those_of_all_distances() -> None:
    for kind in ("plain", "copies", "grid", "constant"):
        space = problem(kind, 130, 3, 3, 2, 5)
        indices, distances = near(space, 40)
        found = space.neighbors(40)
        np.testing.assert_array_equal(found[0], indices)
        np.testing.assert_allclose(found[1], distances, rtol=1e-12)


@SOME
@given(problems)
def test_entropy_and_kbet_equal_scipy(space: Space) -> None:
    batch = space.cells.batch
    if len(batch) < 2:
        assert "one batch" in entropy_per_cell(space).reason
        assert "one batch" in kbet(space).reason
        return
    around = with_itself(space, batch, min(200, len(space)))
    expected = entropy(around, axis=1) / np.log(len(batch))
    found = entropy_per_cell(space)
    np.testing.assert_allclose(found.per_cell, expected, atol=1e-12)
    assert found.value == pytest.approx(expected.mean(), abs=1e-12)

    around = with_itself(space, batch, min(50, len(space)))
    wanted = around.sum(axis=1, keepdims=True) * np.bincount(batch.codes) / len(space)
    tested = chisquare(around, wanted, axis=1)
    found = kbet(space)
    assert found.value == np.mean(tested.pvalue >= 0.05)
    assert found.params["mean_statistic"] == pytest.approx(tested.statistic.mean(), abs=1e-9)
    assert found.params["mean_p"] == pytest.approx(tested.pvalue.mean(), abs=1e-9)


@SOME
@given(problems)
def test_ksim_equals_a_count(space: Space) -> None:
    labels = space.cells.labels
    indices, _ = near(space, 24)
    same = (labels.codes[indices] == labels.codes[:, None]).sum(axis=1)
    expected = 10 * same >= 9 * indices.shape[1]
    found = ksim(space)
    np.testing.assert_array_equal(found.per_cell, expected)
    assert found.value == expected.mean()


def lisi(distances: np.ndarray, codes: np.ndarray, n_codes: int, perplexity: int) -> np.ndarray:
    """Return 1 / sum of squared shares of weights exp(-beta d), beta from a root finder."""
    found = []
    for distance, code in zip(distances, codes, strict=True):
        away = distance - distance[0]

        def excess(log_beta: float, away: np.ndarray = away) -> float:
            return float(entropy(np.exp(-np.exp(log_beta) * away)) - np.log(perplexity))

        low, high = -30.0, 30.0
        if excess(high) >= 0:  # so many nearest are equally near that no weights are as uneven as asked for
            beta = np.exp(high)
        else:
            beta = np.exp(brentq(excess, low, high, xtol=1e-12)) if excess(low) > 0 else np.exp(low)
        weight = np.exp(-beta * away)
        found.append(1 / ((np.bincount(code, weight, n_codes) / weight.sum()) ** 2).sum())
    return np.array(found)


@FEW
@given(problems)
def test_lisi_equals_a_root_finder(space: Space) -> None:
    k = min(90, len(space))
    indices, distances = near(space, k - 1)
    for found, groups in ((clisi(space), space.cells.labels), (ilisi(space), space.cells.batch)):
        if len(groups) < 2:
            assert np.isnan(found.value)
            continue
        expected = lisi(distances, groups.codes[indices], len(groups), max(k // 3, 1))
        mixed = (expected - 1) / (len(groups) - 1)
        if groups is space.cells.labels:
            mixed = (len(groups) - expected) / (len(groups) - 1)
        np.testing.assert_allclose(found.per_cell, mixed, atol=LISI)
        assert found.value == pytest.approx(np.median(mixed), abs=LISI)
        assert set(found.per_label) == set(space.cells.labels.names)


def test_cilisi_is_ilisi_of_each_label_alone() -> None:
    space = problem("plain", 260, 3, 4, 3, 2)
    labels, batch = space.cells.labels, space.cells.batch
    found = cilisi(space)
    expected = np.full(len(space), np.nan)
    for code in range(len(labels)):
        rows = labels.rows(code)
        if len(rows) < 10:
            continue
        alone = Space(np.ascontiguousarray(space.x[rows]), space.cells.of(rows), space.backend)
        k = min(90, len(rows))
        indices, distances = near(alone, k - 1)
        mine = batch.of(rows)
        expected[rows] = (lisi(distances, mine.codes[indices], len(mine), k // 3) - 1) / (len(mine) - 1)
    np.testing.assert_allclose(found.per_cell, expected, atol=LISI)
    assert found.params["labels_left_out"] == 1  # the label of one cell
    assert found.value == pytest.approx(np.nanmean(expected), abs=LISI)
