"""Distances of cells against published values and plain definitions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse, stats
from scipy.spatial.distance import cdist

from fastbench.engine.perturb.comparison import Comparison
from fastbench.engine.perturb.metrics.distances import distances
from fastbench.engine.perturb.screens.example import screens
from fastbench.engine.perturb.screens.side import Side
from fastbench.engine.statistics.components import components_of
from fastbench.kernels import cpu


def welch(truth: Side) -> np.ndarray:
    """Welch's t of each perturbation against all cells of the others."""
    x, codes = np.asarray(truth.logged, float), truth.screen.conditions
    perturbed = codes != truth.panel.control_code
    found = []
    for code in range(len(truth.panel.conditions)):
        with np.errstate(invalid="ignore", divide="ignore"):
            found.append(stats.ttest_ind(x[codes == code], x[perturbed & (codes != code)], equal_var=False).statistic)
    return np.array(found)


METRICS = {metric.name: metric.compute for metric in distances(welch)}


@pytest.fixture(scope="module")
def sides() -> list[Side]:
    return [Side(each, 0, 1e4, cpu) for each in screens("log1p")]


#: Of scPertEval 0.2.0, cell-eval 0.8.2, and definitions; see `example`.
PUBLISHED = {
    "energy_distance_top_k=50": (0.221627, 1e-6),
    "energy_distance_pca_k=50": (0.321869, 1e-4),
    "unbiased_mmd_median_top_k=50": (0.015029, 1e-6),
    "unbiased_mmd_median_pca_k=50": (0.017213, 1e-4),
    "energy_distance_v_all_genes": (0.9058223185, 1e-7),
    "energy_distance_u_all_genes": (0.1402664967, 1e-7),
    "energy_distance_sq_v_all_genes": (24.2033788684, 1e-9),
    "energy_distance_sq_u_all_genes": (6.4753698413, 1e-9),
    "mmd2_linear_v_all_genes": (12.1016894342, 1e-9),
    "pearson_edistance": (0.9896019, 1e-6),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_good_prediction_has_the_published_value(name, sides):
    expected, tolerance = PUBLISHED[name]
    assert abs(METRICS[name](Comparison(*sides[:2])).overall - expected) <= tolerance


def test_halves_along_the_components_of_all_cells_have_the_published_value(sides):
    truth, parts, rng = sides[0], ([], []), np.random.default_rng(42)
    for code in range(12):
        rows = truth.screen.rows(code, 0)
        rng.shuffle(rows)
        for part, half in zip(parts, (rows[:30], rows[30:]), strict=True):
            part.extend(half.tolist())
    halves = (Side(truth.screen.of(np.array(part)), 0, 1e4, cpu) for part in parts)
    found = METRICS["energy_distance_pca_k=50"](Comparison(*halves, truth))
    assert abs(found.overall + 0.019122) < 1e-4


def test_a_mean_like_prediction_has_the_published_correlation(sides):
    # The peer averages float32 distances in float32; the distances of this prediction from the control hardly differ.
    assert abs(METRICS["pearson_edistance"](Comparison(sides[0], sides[2])).overall + 0.0418905) < 2e-5


def test_distances_equal_their_definition_along_components(sides):
    truth, model, _ = sides
    x, y = (components_of(truth.logged).of(side.cells(3, side.logged)) for side in (truth, model))
    n, both = len(x), np.concatenate([x, y])
    within = cdist(x, x).sum() / (n * (n - 1)) + cdist(y, y).sum() / (n * (n - 1))
    found = METRICS["energy_distance_u_pca_50"](Comparison(truth, model))
    assert abs(found.of_conditions[3] - (2 * cdist(x, y).mean() - within)) < 1e-8
    assert found.params == {"space": "pca_50", "components": 50, "cells_of_components": 920}
    squared = 2 * ((x.mean(axis=0) - y.mean(axis=0)) ** 2).sum()
    assert abs(METRICS["energy_distance_sq_v_pca_50"](Comparison(truth, model)).of_conditions[3] - squared) < 1e-10
    width = np.median(cdist(both, both)[~np.eye(2 * n, dtype=bool)])
    k = np.exp(-(cdist(both, both) ** 2) / (2 * width**2))
    same = [(part.sum() - n) / (n * (n - 1)) for part in (k[:n, :n], k[n:, n:])]
    found = METRICS["mmd2_rbf_u_pca_50"](Comparison(truth, model)).of_conditions[3]
    assert abs(found - (sum(same) - 2 * k[:n, n:].mean())) < 1e-8


def test_sparse_rows_and_their_order_cannot_be_seen(sides):
    truth, model, _ = sides
    order = np.random.default_rng(0).permutation(len(model.screen))
    moved = model.screen.of(order)
    sparser = Side(replace(moved, matrix=sparse.csr_array(moved.matrix)), 0, 1e4, cpu)
    for name in ("energy_distance_u_all_genes", "mmd2_rbf_u_top_50_de", "energy_distance_sq_u_all_genes"):
        one, other = (METRICS[name](Comparison(truth, each)) for each in (model, sparser))
        np.testing.assert_array_equal(one.of_conditions, other.of_conditions)


def test_the_truth_is_no_distance_from_itself(sides):
    itself = Comparison(sides[0], sides[0])
    assert np.abs(METRICS["energy_distance_v_all_genes"](itself).of_conditions).max() == 0
    assert METRICS["energy_distance_u_all_genes"](itself).overall < 0
    assert METRICS["pearson_edistance"](itself).overall == pytest.approx(1)


def test_what_has_no_distance_says_why(sides):
    truth, model, _ = sides
    rows = np.flatnonzero((model.screen.conditions != 2) | (np.arange(len(model.screen)) == model.screen.rows(2, 0)[0]))
    few = Comparison(truth, Side(model.screen.of(rows), 0, 1e4, cpu))
    means = Comparison(truth, Side(replace(model.screen, of_cells=False), 0, 1e4, cpu))
    for name in ("energy_distance_u_all_genes", "energy_distance_sq_u_all_genes", "mmd2_rbf_u_top_50_de"):
        found = METRICS[name](few)
        assert np.flatnonzero(np.isnan(found.of_conditions)).tolist() == [2]
        assert "1 predicted" in found.reasons[2]
        assert "means of conditions" in METRICS[name](means).reason
    same = replace(model.screen, matrix=np.ones_like(model.screen.matrix))
    constant = [Side(each, 0, 1e4, cpu) for each in (same, same)]
    assert "median distance is 0" in METRICS["mmd2_rbf_u_all_genes"](Comparison(*constant)).reasons[0]
    assert "equally far" in METRICS["pearson_edistance"](Comparison(truth, constant[0])).reason


def test_large_screens_have_the_same_distances_or_say_that_they_take_too_long(monkeypatch):
    counts = screens()[:2]
    names = "energy_distance_u_all_genes", "energy_distance_u_pca_50", "mmd2_rbf_u_top_50_de"
    sides = [Side(each, 0, 1e4, cpu) for each in counts]
    whole = [METRICS[name](Comparison(*sides)).of_conditions for name in names]
    monkeypatch.setattr(f"{Side.__module__}.AT_ONCE", 1)
    monkeypatch.setattr(f"{distances.__module__}._ROWS", 100)
    monkeypatch.setattr(f"{distances.__module__}.MOST_PRODUCTS", 1)
    parts = [Side(each, 0, 1e4, cpu) for each in counts]
    assert all(each.is_large for each in parts)
    for name, expected in zip(names, whole, strict=True):
        np.testing.assert_allclose(METRICS[name](Comparison(*parts)).of_conditions, expected, rtol=1e-9, atol=1e-12)
    assert "take too long" in METRICS["pearson_edistance"](Comparison(*parts)).reason
