"""Metrics of differential expression: published values of the simulated screen, and what is not defined."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fastbench.engine.perturb.audit.games import GAMES
from fastbench.engine.perturb.comparison import HIGHER, NO_CALLS, NO_ORDER, Comparison, Metric, Values
from fastbench.engine.perturb.differential.settings import CELL_EVAL, CELL_EVAL2
from fastbench.engine.perturb.metrics.calls import NO_GENES, NO_UNION
from fastbench.engine.perturb.metrics.differential import cell_eval, cell_eval2, cz_benchmarks, scperteval
from fastbench.engine.perturb.metrics.gene_changes import direction_reach
from fastbench.engine.perturb.metrics.gene_sets import jaccard
from fastbench.engine.perturb.screens.example import screens
from fastbench.engine.perturb.screens.screen import COUNTS, LOG1P, Panel, Screen
from fastbench.engine.perturb.screens.side import Side
from fastbench.kernels import cpu

Sides = tuple[Side, Side, Side]

#: Means over perturbations of cell-eval 0.8.2: of the model, and of the mean-like prediction.
OF_CELL_EVAL = {
    "overlap_at_N": (0.6939416, 0.3332384),
    "overlap_at_50": (0.7184390, 0.3380532),
    "overlap_at_100": (0.6943385, 0.3338733),
    "overlap_at_500": (0.6939416, 0.3332384),
    "precision_at_N": (0.6681015, 0.2628425),
    "precision_at_50": (0.6886642, 0.2628425),
    "de_sig_genes_recall": (0.7151538, 0.3332384),
    "de_direction_match": (0.9761400, 0.8155748),
    "de_spearman_lfc_sig": (0.9051368, 0.6125106),
    "de_spearman_sig": (0.8359905, 0.0),
    "de_nsig_counts_real": (47.33333, 47.33333),
    "de_nsig_counts_pred": (45.66667, 19.08333),
    "pr_auc": (0.8033600, 0.5178332),
    "roc_auc": (0.9056187, 0.7204778),
}
#: Of cell-eval2 0.20.0.
OF_CELL_EVAL2 = {
    "de_wilcoxon_direction_fidelity_yield_raw": (0.8631572, 0.4153298),
    "de_wilcoxon_direction_reach_raw": (1.0, 0.7949409),
    "de_wilcoxon_sig_jaccard": (0.5510923, 0.3035596),
    "de_wilcoxon_lfc_nmae": (0.3242082, 0.6705188),
    "de_wilcoxon_overlap": (0.6977295, 0.3332384),
    "de_wilcoxon_precision": (0.6795660, 0.2534563),
    "de_wilcoxon_sig_mcc": (0.6646084, 0.4501247),
    "de_wilcoxon_sig_recall_adjusted": (0.6630438, 0.3151046),
    "de_wilcoxon_precision_adjusted": (0.6720584, 0.6514246),
}
#: Of scPertEval 0.2.0, the model alone.
OF_SCPERTEVAL = {"de_auprc": 0.693071, "de_auroc": 0.871125, "de_overlap_k=50": 0.555}


@pytest.fixture(scope="module")
def logged() -> Sides:
    truth, model, mixed = (Side(each, 0, 1e4, cpu) for each in screens(LOG1P))
    return truth, model, mixed


@pytest.fixture(scope="module")
def counted() -> Sides:
    truth, model, mixed = (Side(each, 0, 5e4, cpu) for each in screens(COUNTS))
    return truth, model, mixed


def named(metrics: tuple[Metric, ...]) -> dict[str, Metric]:
    return {metric.name: metric for metric in metrics}


def assert_published(metrics: tuple[Metric, ...], sides: Sides, published: dict[str, tuple[float, float]]) -> None:
    for name, values in published.items():
        for side, value in zip(sides[1:], values, strict=True):
            found = named(metrics)[name].compute(Comparison(sides[0], side))
            assert found.overall == pytest.approx(value, abs=6e-6 if value > 2 else 1e-6), name


def test_published_values_of_cell_eval(logged: Sides):
    assert_published(cell_eval(), logged, OF_CELL_EVAL)


def test_published_values_of_cell_eval2(counted: Sides):
    assert_published(cell_eval2(), counted, OF_CELL_EVAL2)
    with_own = jaccard(Comparison(*counted[:2]), CELL_EVAL2, own=True)
    assert with_own.overall == pytest.approx(0.559, abs=5e-4)


def test_published_values_of_scperteval(logged: Sides):
    for name, value in OF_SCPERTEVAL.items():
        assert named(scperteval())[name].compute(Comparison(*logged[:2])).overall == pytest.approx(value, abs=1e-6)


def test_the_truth_is_perfect(logged: Sides, counted: Sides):
    for metrics, side in ((cell_eval(), logged[0]), (cz_benchmarks(), logged[0]), (cell_eval2(), counted[0])):
        for metric in metrics:
            found = metric.compute(Comparison(side, side)).overall
            assert found == pytest.approx(metric.perfect, abs=1e-12) or np.isnan(metric.perfect), metric.name


def small(rates: np.ndarray, codes: np.ndarray, seed: int) -> Side:
    """Log1p values of cells with rates (cells, genes); the largest code is the control."""
    x = np.log1p(np.random.default_rng(seed).poisson(rates)).astype(np.float32)
    names = tuple(f"P{code}" for code in range(codes.max()))
    genes = tuple(f"G{gene:02}" for gene in range(x.shape[1]))
    panel = Panel(names, "control", ("all",), genes, tuple(np.array([code]) for code in range(len(names))))
    return Side(Screen("x", x, LOG1P, panel, codes, np.zeros(len(x), np.int64)), 0, 1e4, cpu)


@pytest.fixture(scope="module")
def silent() -> Comparison:
    """Truth: P0 changes eight genes, P1 none, P2 its own alone. Prediction: no change of P0 and P1, and P2 as it is."""
    codes = np.repeat([0, 1, 2, 3], 60)
    rates = np.full((240, 20), 4.0)
    changed = rates.copy()
    changed[:60, :8] = 20.0
    changed[120:180, 2] = 0.0
    truth, prediction = small(changed, codes, 0), small(rates, codes, 1)
    prediction.screen.matrix[:120] = np.tile(truth.screen.matrix[180:], (2, 1))  # exactly the control
    prediction.screen.matrix[120:] = truth.screen.matrix[120:]
    return Comparison(truth, prediction)


def reasons(values: Values) -> list[str]:
    return [values.reasons.get(place, "") for place in range(3)]


def test_what_is_not_defined_has_a_reason_or_the_value_of_the_peer(silent: Comparison):
    ours, theirs = named(cell_eval()), named(cell_eval(peer=True))
    assert reasons(ours["overlap_at_N"].compute(silent)) == ["", NO_GENES, ""]
    assert ours["overlap_at_N"].compute(silent).of_conditions[0] == 0
    assert theirs["overlap_at_N"].compute(silent).of_conditions.tolist() == [0, 0, 1]
    assert reasons(ours["precision_at_N"].compute(silent)) == [NO_CALLS, NO_CALLS, ""]
    assert reasons(ours["de_spearman_lfc_sig"].compute(silent))[:2] == [NO_ORDER, NO_GENES]
    ours, theirs = named(cell_eval2()), named(cell_eval2(peer=True))
    assert reasons(ours["de_wilcoxon_sig_mcc"].compute(silent)) == [NO_CALLS, NO_GENES, ""]
    assert theirs["de_wilcoxon_sig_mcc"].compute(silent).of_conditions[:2].tolist() == [-1, -1]
    assert reasons(ours["de_wilcoxon_sig_jaccard"].compute(silent)) == ["", NO_UNION, NO_UNION]  # own target left out
    assert theirs["de_wilcoxon_sig_jaccard"].compute(silent).of_conditions.tolist() == [0, 1, 1]
    assert "fewer than 10" in reasons(ours["de_wilcoxon_lfc_nmae"].compute(silent))[0]
    for metric in (*cell_eval(), *cell_eval2(), *cz_benchmarks(), *scperteval(k=5)):
        found = metric.compute(silent)
        if found.averaged:
            assert set(found.reasons) == set(np.flatnonzero(np.isnan(found.of_conditions))), metric.name


def test_reach_is_nothing_where_signs_are_wrong(silent: Comparison):
    truth = silent.truth
    wrong = Side(replace(truth.screen, matrix=truth.screen.matrix.copy()), 0, 1e4, cpu)
    wrong.screen.matrix[:60] = 0
    assert direction_reach(Comparison(truth, truth), CELL_EVAL).of_conditions[0] == 1
    assert direction_reach(Comparison(truth, wrong), CELL_EVAL).of_conditions[0] == 0


def test_games_are_no_better_than_the_mean_response(counted: Sides):
    truth, _, mixed = counted
    hard = ("direction_reach_raw", "direction_fidelity_yield", "sig_jaccard", "sig_mcc", "lfc_nmae")
    metrics = [named(cell_eval2())[f"de_wilcoxon_{name}"] for name in hard]
    for game in GAMES:
        made = game.make(truth.screen, np.random.default_rng(0)).with_controls_of(truth.screen)
        played = Comparison(truth, Side(made, 0, 5e4, cpu))
        for metric in metrics:
            sign = 1 if metric.better == HIGHER else -1
            gain = sign * (metric.compute(played).overall - metric.compute(Comparison(truth, mixed)).overall)
            assert not gain > 0, (game.name, metric.name)
