"""Label prediction and transfer: the numbers of cz-benchmarks 0.15.1, scores of scikit-learn, and what is refused."""

from __future__ import annotations

from functools import cache

import anndata
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from fastbench.engine.embed.cells import Cells, grouped
from fastbench.engine.embed.metrics.classifiers import Scores, at_chance, scored
from fastbench.engine.embed.metrics.prediction import label_prediction
from fastbench.engine.embed.metrics.transfer import label_transfer, species_entropy, species_silhouette
from fastbench.engine.embed.space import Prediction, Space
from fastbench.engine.readers.packaged import resolve
from fastbench.kernels import cpu

QUICK = Prediction(("lr", "knn"))
EXACT, LINEAR, FOREST = 1e-6, 0.01, 0.02


@cache
def blood(prediction: Prediction) -> Space:
    """The 700 cells, rows in turn of two species."""
    cells = anndata.read_h5ad(resolve("sample:pbmc68k", "cells"))
    labels = grouped(cells.obs["bulk_labels"].astype(str).to_numpy())
    species = grouped(["human" if row % 2 == 0 else "mouse" for row in range(cells.n_obs)])
    x = np.ascontiguousarray(cells.obsm["X_pca"])
    return Space(x, Cells(labels, species=species), cpu, prediction=prediction)


@cache
def halves(prediction: Prediction) -> Space:
    """Those of the labels with ten cells in both species."""
    whole = blood(prediction)
    labels, species = whole.cells.labels, whole.cells.species
    counts = np.zeros((2, len(labels)), int)
    np.add.at(counts, (species.codes, labels.codes), 1)
    rows = np.flatnonzero((counts >= 10).all(axis=0)[labels.codes])
    return Space(whole.x[rows], whole.cells.of(rows), cpu, prediction=prediction)


def values(found) -> dict[tuple[str, str], float]:
    keys = [(name, finding.variant) for name, finding in found]
    assert len(set(keys)) == len(keys)
    return {(name, finding.variant): finding.value for name, finding in found}


@cache
def predicted(prediction: Prediction):
    return label_prediction(blood(prediction))


@cache
def transferred(prediction: Prediction):
    return label_transfer(halves(prediction))


@pytest.mark.parametrize(
    ("classifier", "tolerance", "expected"),
    [
        ("lr", LINEAR, (0.764415, 0.668067, 0.692508, 0.666081, 0.957215)),
        ("knn", EXACT, (0.674872, 0.532327, 0.615206, 0.508921, 0.851992)),
    ],
)
def test_label_prediction_equals_the_peer(classifier, tolerance, expected):
    found = values(predicted(QUICK))
    for name, value in zip(Scores._fields, expected, strict=True):
        assert found[f"mean_fold_{name}", classifier] == pytest.approx(value, abs=tolerance)


@pytest.mark.slow
def test_forests_and_the_mean_equal_the_peer():
    found = values(predicted(Prediction()))
    forest = (0.829434, 0.728875, 0.738551, 0.741576, 0.972076)
    mean = (0.756240, 0.643090, 0.682088, 0.638859, 0.927094)
    for place, name in enumerate(Scores._fields):
        assert found[f"mean_fold_{name}", "rf"] == pytest.approx(forest[place], abs=FOREST)
        assert found[f"mean_fold_{name}", "all"] == pytest.approx(mean[place], abs=LINEAR)
        each = [found[f"mean_fold_{name}", classifier] for classifier in ("lr", "knn", "rf")]
        assert found[f"mean_fold_{name}", "all"] == pytest.approx(np.mean(each))


def test_predictions_have_folds_labels_and_what_cells_add():
    found = {(name, finding.variant): finding for name, finding in predicted(QUICK)}
    accuracy = found["mean_fold_accuracy", "knn"]
    folds = [accuracy.per_label[f"fold {number}"] for number in range(1, 6)]
    assert len(accuracy.per_label) == 5
    assert np.mean(folds) == pytest.approx(accuracy.value)
    assert np.nanmean(accuracy.per_cell) == pytest.approx(accuracy.value, abs=1e-12)
    assert np.isnan(accuracy.per_cell).sum() == 8
    assert accuracy.params["labels_left_out"] == 1
    assert accuracy.params["cells_left_out"] == 8
    assert accuracy.params["majority"] == pytest.approx(240 / 692)
    recall = found["mean_fold_recall", "knn"].per_label
    assert recall["Dendritic"] > recall["CD4+/CD45RO+ Memory"]
    assert found["mean_fold_accuracy", "all"].params["classifier"] == "MEAN(knn,lr)"


HUMAN_TO_MOUSE = {
    "lr": (0.805471, 0.706174, 0.945698),
    "knn": (0.632219, 0.483494, 0.842029),
    "rf": (0.860182, 0.808120, 0.980752),
}
MOUSE_TO_HUMAN = {
    "lr": (0.761329, 0.710464, 0.957129),
    "knn": (0.652568, 0.515872, 0.863236),
    "rf": (0.830816, 0.762986, 0.978333),
}
INSIDE = {
    ("human", "lr"): (0.770556, 0.687838, 0.933586),
    ("human", "knn"): (0.643510, 0.500621, 0.843074),
    ("human", "rf"): (0.833786, 0.794919, 0.976868),
    ("mouse", "lr"): (0.805501, 0.689916, 0.950287),
    ("mouse", "knn"): (0.692867, 0.575739, 0.850718),
    ("mouse", "rf"): (0.847925, 0.786544, 0.978583),
}
TOLERANCES = {"lr": LINEAR, "knn": EXACT, "rf": FOREST}


@pytest.mark.parametrize("prediction", [QUICK, pytest.param(Prediction(), marks=pytest.mark.slow)])
def test_transfer_equals_the_peer(prediction):
    found = values(transferred(prediction))
    for classifier in prediction.classifiers:
        for pair, expected in (("human -> mouse", HUMAN_TO_MOUSE), ("mouse -> human", MOUSE_TO_HUMAN)):
            for name, value in zip(("accuracy", "f1", "auroc"), expected[classifier], strict=True):
                close = pytest.approx(value, abs=TOLERANCES[classifier])
                assert found[name, f"{pair} {classifier}"] == close
        for species in ("human", "mouse"):
            for name, value in zip(("accuracy", "f1", "auroc"), INSIDE[species, classifier], strict=True):
                close = pytest.approx(value, abs=TOLERANCES[classifier])
                assert found[f"mean_fold_{name}", f"{species} {classifier}"] == close
    pairs = [found["accuracy", "human -> mouse"], found["accuracy", "mouse -> human"]]
    assert found["accuracy", "all"] == pytest.approx(np.mean(pairs))


def test_integration_of_species_equals_the_peer():
    assert species_entropy(blood(QUICK))["entropy_per_cell"].value == pytest.approx(0.998619, abs=1e-3)
    assert species_silhouette(blood(QUICK))["batch_silhouette"].value == pytest.approx(0.939610, abs=1e-5)


@settings(deadline=None, max_examples=25)
@given(st.integers(2, 5), st.integers(0, 10_000))
def test_scores_are_those_of_scikit_learn(k, seed):
    rng = np.random.default_rng(seed)
    truth = np.concatenate([np.arange(k), rng.integers(0, k, 20)])
    probability = rng.integers(1, 4, (len(truth), k)).astype(float)
    probability /= probability.sum(axis=1, keepdims=True)
    found = scored(truth, probability)
    said = probability.argmax(axis=1)
    average = {"average": "binary" if k == 2 else "macro", "zero_division": 0}
    assert found.accuracy == pytest.approx(sk.accuracy_score(truth, said))
    assert found.f1 == pytest.approx(sk.f1_score(truth, said, **average))
    assert found.precision == pytest.approx(sk.precision_score(truth, said, **average))
    assert found.recall == pytest.approx(sk.recall_score(truth, said, **average))
    area = sk.roc_auc_score(truth, probability[:, 1] if k == 2 else probability, multi_class="ovr")
    assert found.auroc == pytest.approx(area)


@pytest.mark.parametrize("k", [2, 4])
def test_chance_is_what_guesses_give(k):
    rng = np.random.default_rng(0)
    truth = np.sort(rng.choice(k, 20_000, p=np.arange(1, k + 1) / (k * (k + 1) / 2)))
    majority, stratified = at_chance(truth, k)
    most = np.zeros((len(truth), k))
    most[:, np.bincount(truth).argmax()] = 1
    np.testing.assert_allclose(majority, scored(truth, most), atol=1e-12)
    drawn = np.eye(k)[rng.permutation(truth)]
    np.testing.assert_allclose(stratified, scored(truth, drawn), atol=0.02)


def mixture(n: int, species: int, donors: int, seed: int = 0) -> tuple[np.ndarray, Cells]:
    """Vectors that hold two labels apart; a third label is of the first species alone."""
    rng = np.random.default_rng(seed)
    of, label = rng.integers(0, species, n), rng.integers(0, 2, n)
    label[(of == 0) & (rng.random(n) < 0.3)] = 2
    x = (rng.normal(size=(n, 4)) + 4 * np.eye(3, 4)[label]).astype(np.float32)
    donor = grouped([f"s{a}d{b}" for a, b in zip(of, rng.integers(0, donors, n), strict=True)])
    return x, Cells(grouped([f"l{i}" for i in label]), donor=donor, species=grouped([f"s{i}" for i in of]))


def test_labels_that_were_not_seen_take_no_part():
    x, cells = mixture(300, 2, 6)
    found = {
        (name, finding.variant): finding for name, finding in label_transfer(Space(x, cells, cpu, prediction=QUICK))
    }
    back = found["accuracy", "s1 -> s0 lr"]
    unseen = int(((cells.species.codes == 0) & (cells.labels.codes == 2)).sum())
    assert back.params["labels"] == 2
    assert back.params["test_cells_left_out"] == unseen > 10
    assert np.isnan(back.per_cell).sum() == unseen + (cells.species.codes == 1).sum()
    assert back.value > 0.95
    assert found["mean_fold_accuracy", "s0 lr"].params["labels"] == 3
    assert found["mean_fold_accuracy", "s0 lr"].params["folds_of"] == "donors"


@pytest.mark.parametrize("how", ["mean", "median"])
def test_donors_are_put_together_by_label(how):
    x, cells = mixture(400, 2, 8)
    space = Space(x, cells, cpu, prediction=Prediction(("knn",), how))
    found = {(name, finding.variant): finding for name, finding in label_transfer(space)}
    assert found["accuracy", "s0 -> s1"].value == 1
    assert found["accuracy", "s0 -> s1"].per_cell is None
    assert found["mean_fold_accuracy", "s1"].value == 1


def test_what_cannot_be_predicted_has_a_reason():
    x, cells = mixture(60, 1, 2)
    space = Space(x, cells, cpu, prediction=QUICK)
    assert all("one species" in finding.reason for _, finding in label_transfer(space))
    assert "one species" in species_entropy(space)["entropy_per_cell"].reason
    few = Space(x[:16], cells.of(np.arange(16)), cpu, prediction=QUICK)
    assert all(
        "Fewer than two labels" in finding.reason and np.isnan(finding.value) for _, finding in label_prediction(few)
    )
    two = Cells(cells.labels, None, grouped(["d"] * 60), None, grouped(["a", "b"] * 30))
    found = {(name, each.variant): each for name, each in label_transfer(Space(x, two, cpu, prediction=QUICK))}
    assert "fewer than 5 donors" in found["mean_fold_accuracy", "a"].reason


def test_regression_that_does_not_converge_is_counted():
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(90, 20)) + 500).astype(np.float64)  # far from 0, where scaling does not centre
    labels = grouped([f"l{i % 3}" for i in range(90)])
    space = Space(x, Cells(labels), cpu, prediction=QUICK)
    found = {finding.variant: finding.params for name, finding in label_prediction(space) if name == "mean_fold_f1"}
    assert found["lr"]["not_converged"] == 5
    assert "not_converged" not in found["knn"]
