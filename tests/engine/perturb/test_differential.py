"""Differential expression against SciPy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse, stats

from fastbench.engine.errors import InputError
from fastbench.engine.perturb.comparison import ONE_CELL, Comparison
from fastbench.engine.perturb.differential.settings import (
    CELL_EVAL,
    CELL_EVAL2,
    OVERESTIMATED,
    REST,
    SCPERTEVAL,
    WELCH,
    DifferentialSettings,
)
from fastbench.engine.perturb.differential.table import differential_of_table, differential_table
from fastbench.engine.perturb.differential.testing import differential, pair, provide
from fastbench.engine.perturb.scores.tables import DIFFERENTIAL_COLUMNS
from fastbench.engine.perturb.screens.example import screens
from fastbench.engine.perturb.screens.screen import COUNTS, LOG1P, SCALED, Panel, Screen, scaled
from fastbench.engine.perturb.screens.side import Side
from fastbench.engine.results.tables import Table
from fastbench.kernels import cpu

from ...examples import SOME

T_TEST = DifferentialSettings(method=WELCH)


def side_of(x: np.ndarray, codes: np.ndarray, values: str = LOG1P, *, in_csr: bool = True) -> Side:
    """Cells whose largest code is the control."""
    names, genes = tuple(map(str, range(int(codes.max())))), tuple(map(str, range(x.shape[1])))
    panel = Panel(names, "control", ("all",), genes, tuple(np.array([0]) for _ in names))
    matrix = sparse.csr_array(x) if in_csr else x
    return Side(Screen("x", matrix, values, panel, codes, np.zeros(len(x), np.int64)), 0, 1e4, cpu)


@st.composite
def drawn(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Counts of cells of three perturbations, of one cell or more, and controls: sparse, tied, or all equal."""
    sizes = [draw(st.integers(1, 12)) for _ in range(4)]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rates = draw(st.sampled_from([[0.0, 0.05, 1.0, 8.0, 100.0], [0.0] * 5, [0.3] * 5]))
    x = rng.poisson(rates, (sum(sizes), 5)) + draw(st.sampled_from([0, 0, 0, 2]))
    return x.astype(np.float32), np.repeat(np.arange(4), sizes)


@SOME
@given(drawn(), st.sampled_from([COUNTS, LOG1P]), st.booleans(), st.booleans())
def test_rank_sums_equal_scipy(problem: tuple[np.ndarray, np.ndarray], values: str, in_csr: bool, rest: bool):
    x, codes = problem
    settings = replace(CELL_EVAL, reference=REST) if rest else CELL_EVAL
    found = differential(side_of(x, codes, values, in_csr=in_csr), settings)
    logged = scaled(x, 1e4, log=True) if values == COUNTS else x.astype(np.float64)
    for code in range(3):
        mine = codes == code
        others = (codes < 3) & ~mine if rest else codes == 3
        expected = stats.mannwhitneyu(logged[mine], logged[others], method="asymptotic")
        np.testing.assert_array_equal(found.statistic[code], expected.statistic)
        np.testing.assert_allclose(found.p[code], expected.pvalue, rtol=1e-10)
        np.testing.assert_allclose(found.adjusted[code], stats.false_discovery_control(expected.pvalue), rtol=1e-10)
        with np.errstate(divide="ignore", invalid="ignore"):
            change = np.log2(np.expm1(logged[mine].mean(axis=0)) / np.expm1(logged[others].mean(axis=0)))
        np.testing.assert_allclose(found.change[code], np.nan_to_num(change, posinf=np.inf, neginf=-np.inf), atol=1e-10)
    together = differential(side_of(x, codes, values), replace(settings, correction="all"))
    np.testing.assert_allclose(together.adjusted.ravel(), stats.false_discovery_control(found.p.ravel()), rtol=1e-10)


@pytest.mark.filterwarnings("ignore:Precision loss")
@SOME
@given(drawn(), st.booleans())
def test_welch_equals_scipy(problem: tuple[np.ndarray, np.ndarray], rest: bool):
    x, codes = problem
    x = np.log1p(x)
    side = side_of(x, codes)
    found = differential(side, replace(T_TEST, reference=REST) if rest else T_TEST)
    few = differential(side, replace(T_TEST, method=OVERESTIMATED))
    x = x.astype(np.float64)
    for code in range(3):
        mine, control = x[codes == code], x[codes == 3]
        others = x[(codes < 3) & (codes != code)] if rest else control
        if len(mine) < 2 or len(others) < 2:
            assert np.isnan(found.p[code]).all()
            assert (found.reasons.get(code) == ONE_CELL) == (len(mine) < 2)
            continue
        constant = (np.ptp(mine, axis=0) == 0) & (np.ptp(others, axis=0) == 0)
        varies = ~constant
        expected = stats.ttest_ind(mine[:, varies], others[:, varies], equal_var=False)
        np.testing.assert_allclose(found.statistic[code, varies], expected.statistic, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(found.p[code, varies], expected.pvalue, rtol=1e-9)
        assert (found.p[code, constant] == 1).all()
        if len(control) > 1:
            moments = [(each.mean(axis=0), each.std(axis=0, ddof=1), len(mine)) for each in (mine, control)]
            with np.errstate(divide="ignore", invalid="ignore"):
                expected = stats.ttest_ind_from_stats(*moments[0], *moments[1], equal_var=False)
            known = (moments[0][1] > 0) | (moments[1][1] > 0)
            np.testing.assert_allclose(few.p[code, known], expected.pvalue[known], rtol=1e-9)


def test_genes_are_tested_that_the_true_controls_have():
    rng = np.random.default_rng(0)
    x = rng.poisson(1000, (60, 3)).astype(np.float32)
    codes = np.repeat([0, 1, 2], 20)
    x[codes == 2, 0] = 0
    own = x.copy()
    own[:, 0] = 1000  # a prediction with controls of its own
    truth, prediction = (side_of(each, codes, COUNTS) for each in (x, own))
    found = pair(Comparison(truth, prediction), CELL_EVAL2)
    for each in (found.truth, found.prediction):
        assert each.genes.tolist() == [False, True, True]
        assert np.isnan(each.p[:, 0]).all()
        expected = [stats.false_discovery_control(p[1:]) for p in each.p]
        np.testing.assert_allclose(each.adjusted[:, 1:], expected, rtol=1e-12)
    logged = side_of(scaled(x, 1e4, log=True), codes)
    np.testing.assert_allclose(differential(logged, CELL_EVAL2).change, found.truth.change, atol=1e-9)
    cpm = x / x.sum(axis=1, keepdims=True, dtype=np.float64) * 1e6
    change = np.log2((cpm[:20].mean(axis=0) + 1e-9) / (cpm[40:].mean(axis=0) + 1e-9))
    np.testing.assert_allclose(found.truth.change[0], change, atol=1e-9)


def test_a_perturbation_without_cells_has_a_reason():
    x = np.random.default_rng(0).poisson(1.0, (30, 4)).astype(np.float32)
    found = differential(side_of(x, np.repeat([0, 2, 3], 10)), CELL_EVAL)
    assert np.isnan(found.p[1]).all()
    assert not np.isnan(found.p[[0, 2]]).any()
    assert found.reasons == {1: "There are no cells of this perturbation."}
    assert found.counts[1] == 0


def test_each_side_is_tested_once_and_predictions_against_the_true_others():
    truth, model, _ = (Side(each, 0, 1e4, cpu) for each in screens(LOG1P))
    found = pair(Comparison(truth, model), SCPERTEVAL)
    assert pair(Comparison(truth, model), SCPERTEVAL).prediction is found.prediction
    cells = model.cells(3, model.logged).astype(np.float64)
    others = truth.logged[(truth.screen.conditions != 3) & (truth.screen.conditions != 12)].astype(np.float64)
    expected = stats.ttest_ind(cells, others, equal_var=False)
    np.testing.assert_allclose(found.prediction.statistic[3], expected.statistic, rtol=1e-9)
    with pytest.raises(InputError, match="method 't-test'"):
        pair(Comparison(truth, model), replace(CELL_EVAL, reference=REST))


@pytest.mark.parametrize(("at_once", "form"), [(1, np.asarray), (50_000, sparse.csr_array)])
def test_parts_cannot_be_seen(at_once: int, form: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch):
    truth = screens(COUNTS)[0]
    order = np.random.default_rng(0).permutation(len(truth))
    mixed = truth.of(order)
    whole = Side(truth, 0, 1e4, cpu)
    monkeypatch.setattr("fastbench.engine.perturb.screens.side.AT_ONCE", at_once)
    found = Side(replace(mixed, matrix=form(mixed.matrix)), 0, 1e4, cpu)
    for kind in (LOG1P, SCALED):
        for one, other in zip(found.rank_sums(kind), whole.rank_sums(kind), strict=True):
            np.testing.assert_array_equal(one, other)
    for name in ("log_sums", "unlogged_sums", "count_sums"):
        for one, other in zip(getattr(found, name), getattr(whole, name), strict=True):
            np.testing.assert_array_equal(one, other)
    assert "logged" not in vars(found)


def test_tables_from_elsewhere_are_taken():
    truth, model, _ = (Side(each, 0, 1e4, cpu) for each in screens(LOG1P))
    expected = pair(Comparison(truth, model), CELL_EVAL)
    other, pred = (Side(each.screen, 0, 1e4, cpu) for each in (truth, model))
    tables = [differential_table(truth, CELL_EVAL), differential_table(model, CELL_EVAL, truth)]
    shuffled = [table.sample(fraction=1, shuffle=True, seed=0).rename({"fdr": "p_adj"}) for table in tables]
    for table, side, of in zip(shuffled, (other, pred), (None, other), strict=True):
        provide(differential_of_table(table, truth.panel, CELL_EVAL, "de.csv"), side, of)
    found = pair(Comparison(other, pred), CELL_EVAL)
    for one, own in ((found.truth, expected.truth), (found.prediction, expected.prediction)):
        for name in ("p", "adjusted", "change", "effect", "genes", "sizes"):
            np.testing.assert_array_equal(getattr(one, name), getattr(own, name))
    table = tables[0]
    for wrong, message in (
        (table.drop("fdr"), "needs the columns fdr"),
        (pl.concat([table, table[:1]]), "several rows of perturbation 'G000' and gene 'G000'"),
        (table.with_columns(feature=pl.lit("X")), "no genes called 'X'"),
        (table.with_columns(p_value=pl.lit(2.0)), "between 0 and 1"),
    ):
        with pytest.raises(InputError, match=message):
            differential_of_table(wrong, truth.panel, CELL_EVAL, "de.csv")
    less = differential_of_table(table.filter(pl.col("target") != "G005"), truth.panel, CELL_EVAL, "de.csv")
    assert less.reasons == {1: "The table has no row of this perturbation."}


def test_tables_have_a_row_a_perturbation_and_gene():
    truth = Side(screens(LOG1P)[0], 0, 1e4, cpu)
    found, table = differential(truth, CELL_EVAL), differential_table(truth, CELL_EVAL)
    Table(table, DIFFERENTIAL_COLUMNS).check("differential")
    assert len(table) == 12 * 300
    np.testing.assert_array_equal(table["fdr"].to_numpy().reshape(12, 300), found.adjusted)
    last = table.row(-1, named=True)
    assert (last["target"], last["feature"], last["target_membership"], last["ref_membership"]) == (
        "G055",
        "G299",
        60,
        200,
    )
    assert last["log2_fold_change"] == pytest.approx(np.log2(last["target_mean"] / last["ref_mean"]))
    assert last["percent_change"] == pytest.approx(last["target_mean"] / last["ref_mean"] - 1)
    assert len(differential_table(truth, replace(CELL_EVAL, least_cpm=1e3))) % 12 == 0
