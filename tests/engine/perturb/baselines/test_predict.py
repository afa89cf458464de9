"""Baselines have the means that they must have, as cells."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from fastbench.engine.errors import InputError
from fastbench.engine.perturb.baselines import models
from fastbench.engine.perturb.baselines.cells import Pool, with_means
from fastbench.engine.perturb.baselines.predict import baselines
from fastbench.engine.perturb.baselines.responses import parts_of, responses_of
from fastbench.engine.perturb.screens.example import screens
from fastbench.engine.perturb.screens.screen import Panel, Screen
from fastbench.engine.perturb.screens.side import Side
from fastbench.kernels import cpu

TRUTH = screens("log1p")[0]
MEANS = Side(TRUTH, 0, 1e4, cpu).means


def made(truth: Screen, training: Screen | None = None) -> dict[str, Screen]:
    return {each.screen.name: each.screen.make() for each in baselines(truth, training, cpu)}


def without_targets(table: np.ndarray, panel: Panel) -> np.ndarray:
    """Mean over perturbations, each gene without those that act on it."""
    kept = np.ones(table.shape, bool)
    for row, columns in enumerate(panel.targets):
        kept[row, columns] = False
    return np.where(kept, table, 0).sum(axis=0) / kept.sum(axis=0)


KNOWN = responses_of(TRUTH, None, cpu)[0]


def test_means_of_models_land_where_they_must():
    means = {name: model(KNOWN) + MEANS[-1] for name, model in models.MODELS.items()}
    generic = without_targets(MEANS[:-1], TRUTH.panel)
    np.testing.assert_allclose(means["mean response"], np.tile(generic, (12, 1)))
    np.testing.assert_allclose(means["no change"], np.tile(MEANS[-1], (12, 1)))
    others = replace(TRUTH.panel, targets=TRUTH.panel.targets[1:])
    np.testing.assert_allclose(means["mean of the others"][0], without_targets(MEANS[1:-1], others))
    np.testing.assert_allclose(means["context mean"][3], MEANS[:-1].mean(axis=0))
    apart = np.abs(MEANS[:-1, None] - means["nearest perturbation"]).max(axis=2)
    assert apart.min(axis=0).max() < 1e-9
    assert np.diag(apart).min() > 0.1  # never itself
    effects = Side(TRUTH, 0, 1e4, cpu).effects
    linear = means["low-rank linear"] - MEANS[-1]
    assert np.mean([np.corrcoef(one, other)[0, 1] for one, other in zip(linear, effects, strict=True)]) > 0.2


def test_baselines_have_cells_where_the_truth_has_them():
    found = made(TRUTH)
    assert list(found) == [
        "baseline: mean response (oracle)",
        "baseline: no change",
        "baseline: mean of the others (oracle)",
        "baseline: nearest perturbation (oracle)",
        "baseline: low-rank linear (oracle)",
    ]
    for screen in found.values():
        side = Side(screen, 0, 1e4, cpu)
        np.testing.assert_array_equal(side.sizes, Side(TRUTH, 0, 1e4, cpu).sizes)
        assert side.logged.min() >= 0
        assert side.logged.max() < 1.5 * TRUTH.matrix.max()
        np.testing.assert_array_equal(side.control_mean, MEANS[-1])
    again = made(TRUTH)["baseline: mean response (oracle)"].matrix
    np.testing.assert_array_equal(found["baseline: mean response (oracle)"].matrix, again)
    drawn = found["baseline: no change"].matrix[:720]
    assert (drawn[:, None, :20] == TRUTH.matrix[TRUTH.conditions == 12][None, :, :20]).all(axis=2).any(axis=1).all()


def test_training_cells_alone_are_used_where_they_are_given():
    rows = np.flatnonzero((TRUTH.conditions < 6) | (TRUTH.conditions == 12))
    trained = replace(TRUTH.panel, conditions=TRUTH.panel.conditions[:6], targets=TRUTH.panel.targets[:6])
    codes = np.where(TRUTH.conditions[rows] == 12, 6, TRUTH.conditions[rows])
    training = replace(TRUTH.of(rows), panel=trained, conditions=codes)
    blind = TRUTH.matrix.copy()
    blind[TRUTH.conditions != 12] = 7
    found, same = (made(replace(TRUTH, matrix=matrix), training) for matrix in (TRUTH.matrix, blind))
    assert found.keys() == same.keys()
    for name, screen in found.items():
        assert "oracle" not in name
        np.testing.assert_array_equal(screen.matrix, same[name].matrix)
    known = responses_of(TRUTH, training, cpu)[0]
    np.testing.assert_allclose(models.mean_response(known)[9] + MEANS[-1], without_targets(MEANS[:6], trained))
    with pytest.raises(InputError, match="other genes"):
        baselines(TRUTH, replace(training, panel=replace(trained, genes=trained.genes[::-1])), cpu)
    with pytest.raises(InputError, match="hold counts"):
        baselines(TRUTH, replace(training, values="counts"), cpu)


def test_counts_and_means_have_the_profile_of_the_mean_response():
    truth = screens()[0]
    dense, sparser = (made(replace(truth, matrix=form(truth.matrix))) for form in (np.asarray, sparse.csr_array))
    name = "baseline: mean response (oracle)"
    np.testing.assert_array_equal(sparser[name].matrix.toarray(), dense[name].matrix)
    sums = Side(truth, 0, 1e4, cpu).count_sums.sums
    shares = sums / sums.sum(axis=1, keepdims=True)
    expected = without_targets(shares[:-1], truth.panel)
    drawn = Side(dense[name], 0, 1e4, cpu).count_sums.sums[:-1].sum(axis=0)
    assert np.corrcoef(drawn / drawn.sum() - shares[-1], expected - shares[-1])[0, 1] > 0.95
    codes = np.arange(13)
    rows = replace(TRUTH, matrix=MEANS, conditions=codes, contexts=np.zeros(13, np.int64), of_cells=False)
    np.testing.assert_allclose(made(rows)[name].matrix[4], without_targets(MEANS[:-1], TRUTH.panel))


def test_combinations_are_sums_or_means_of_their_parts():
    names = ("A", "A+B", "A+C", "B+ctrl")
    panel = Panel(names, "control", ("x", "y"), ("g", "h"), tuple(np.empty(0, np.int64) for _ in names))
    table = {"A": [3, 1], "A+B": [9, 9], "A+C": [7, 7], "B+ctrl": [1, 2], "control": [1, 1]}
    matrix = np.repeat(np.array([*table.values()], float), 2, axis=0)
    screen = Screen("t", matrix, "log1p", panel, np.repeat(np.arange(5), 2), np.tile([0, 1], 5))
    known = responses_of(screen, None, cpu)[0]
    np.testing.assert_allclose(models.additive(known), [[np.nan] * 2, [2, 1], [np.nan] * 2, [np.nan] * 2])
    rest = np.array([13, 12]) / 3
    matching = models.matching_mean(known)
    np.testing.assert_allclose(matching[1], [1, 0.5])
    np.testing.assert_allclose(matching[2], (np.array([3, 1]) + rest) / 2 - 1)
    np.testing.assert_allclose(models.perturbation_mean(known), known.effects)
    assert parts_of("B + A+ctrl", "control") == ("A", "B")
    found = {each.screen.name: each for each in baselines(screen, None, cpu)}
    assert found["baseline: additive (oracle)"].n_without == 6
    assert found["baseline: additive (oracle)"].meaning.startswith("The sum of the effects")


def test_genes_that_hardly_a_cell_has_come_into_more_cells():
    cells = np.zeros((4000, 4))
    cells[:100, 0], cells[:, 1], cells[:2000, 3] = 2.0, 1.0, 4.0
    panel = Panel((), "c", ("all",), ("g",) * 4, ())
    pool = Pool.of(Screen("t", cells, "log1p", panel, np.zeros(4000, np.int64), np.zeros(4000, np.int64)), 0)
    found = with_means(cells, pool, np.array([0.5, 3.0, 0.1, 1.0]), 1.5, np.random.default_rng(0))
    np.testing.assert_allclose(found.mean(axis=0), [0.5, 3.0, 0.1, 1.0], rtol=0.1)
    assert sorted(np.unique(found[:, 0])) == [0, 2]
    assert np.ptp(found[:, 1]) == 0
    assert sorted(np.unique(found[:, 3])) == [0, 2]
