"""Errors and correlations of rows against plain SciPy, of chosen genes, and where there is no value."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from fastbench.engine.perturb.comparison import Comparison
from fastbench.engine.perturb.metrics import correlations, errors, noise, retrieval
from fastbench.engine.perturb.metrics.profiles import Genes, effects, expressed, of_enough_cells, strongest
from fastbench.engine.perturb.screens.example import screens
from fastbench.engine.perturb.screens.side import Side
from fastbench.kernels import cpu
from tests.examples import SOME

from .tables import compared, without

GENES = 7
TABLE = arrays(np.float64, (3, GENES), elements=st.integers(-3, 3).map(float))


@given(TABLE, TABLE, arrays(np.bool_, (3, GENES)))
@SOME
def test_rows_over_chosen_genes_are_those_of_scipy(true: np.ndarray, predicted: np.ndarray, chosen: np.ndarray):
    comparison = compared(true, predicted)
    genes = Genes("chosen", weights=lambda _: chosen)
    found = {
        of.__name__: correlations.correlation("r", of, effects, "", genes).compute(comparison)
        for of in (correlations.pearson, correlations.spearman, correlations.explained)
    }
    off = errors.error("e", errors.length, effects, "", genes).compute(comparison)
    for row, mine in enumerate(chosen):
        one, other = true[row, mine], predicted[row, mine]
        if not mine.any():
            assert "No gene" in found["pearson"].reasons[row]
            assert np.isnan(off.of_conditions[row])
            continue
        assert off.of_conditions[row] == pytest.approx(np.linalg.norm(one - other))
        for name, plain in (("pearson", stats.pearsonr), ("spearman", stats.spearmanr)):
            if np.ptp(one) and np.ptp(other):
                assert found[name].of_conditions[row] == pytest.approx(plain(one, other)[0], abs=1e-12)
            else:
                assert ("predicted" if np.ptp(one) else "true") in found[name].reasons[row]
        if np.ptp(one):
            expected = 1 - ((one - other) ** 2).sum() / ((one - one.mean()) ** 2).sum()
            assert found["explained"].of_conditions[row] == pytest.approx(expected)


def test_metrics_of_effects_have_names_of_their_own_and_values():
    comparison = compared(np.eye(3, GENES) * 3 + 1, np.eye(3, GENES) + np.linspace(0, 1, GENES))
    scores = Genes("de", weights=lambda _: comparison.truth.effects > 0)
    metrics = [*errors.of_effects(effects_of, scores), *correlations.of_effects(effects_of, scores)]
    assert len({metric.name for metric in metrics}) == len(metrics) == 7 + 44
    assert {metric.compute(comparison).params["subset"] for metric in metrics} >= {"all", "top20", "de", "weighted2"}


def effects_of(comparison: Comparison) -> np.ndarray:
    return comparison.truth.effects


def test_strongest_genes_are_the_largest_and_of_ties_the_first():
    table = np.array([[-5.0, 5, 1, np.nan], [0, 0, 0, 2]])
    comparison = compared(np.nan_to_num(table), np.nan_to_num(table))
    assert strongest(2, lambda _: table).columns(comparison).tolist() == [[0, 1], [3, 0]]
    assert strongest(2, lambda _: table, signed=True).columns(comparison).tolist() == [[1, 2], [3, 0]]
    assert expressed(9).columns(comparison).shape == (2, 4)


def test_a_prediction_of_no_change_knows_nothing():
    truth = screens("counts")[0]
    cells = np.flatnonzero(truth.conditions == truth.panel.control_code)
    none = replace(truth.of(np.tile(cells, 13)), conditions=np.repeat(np.arange(13), len(cells)))
    comparison = Comparison(Side(truth, 0, 1e4, cpu), Side(none, 0, 1e4, cpu))
    pearson = correlations.CELL_EVAL[0].compute(comparison)
    assert np.isnan(pearson.overall)
    assert "predicted profile does not vary" in pearson.reason
    # Predictions that are all the same show no noise of their own, and none is taken off.
    assert 1 <= noise.CELL_EVAL2[0].compute(comparison).overall < 1.05
    by_ties = {ties: retrieval.discrimination(ties)[2].compute(comparison) for ties in ("half", "before")}
    np.testing.assert_allclose(by_ties["half"].of_conditions, 1 - 5.5 / 12)
    np.testing.assert_allclose(by_ties["before"].of_conditions, 1 - np.arange(12) / 12)  # the first names win


def test_what_is_not_predicted_has_no_value_and_changes_no_other():
    truth, model, _ = (Side(each, 0, 1e4, cpu) for each in screens("counts"))
    whole, partial = Comparison(truth, model), Comparison(truth, without(model, 3))
    rest = np.arange(12) != 3
    for metric in (*errors.CELL_EVAL, *correlations.CELL_EVAL2, *retrieval.CELL_EVAL2, noise.CELL_EVAL2[2]):
        of_whole, of_partial = (metric.compute(each).of_conditions for each in (whole, partial))
        assert np.isnan(of_partial[3])
        np.testing.assert_allclose(of_partial[rest], of_whole[rest], rtol=1e-12)
    (guarded,) = of_enough_cells(61, errors.CELL_EVAL[0])
    assert "Fewer than 61 cells" in guarded.compute(whole).reason
