"""``--mode compat``: the numbers that cz-benchmarks 0.15.1 and scib-metrics 0.5.10 gave of the 700 blood cells."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
import pytest
import sklearn

import fastbench as fb
from fastbench.engine.embed.cells import Cells, grouped
from fastbench.engine.embed.finding import named
from fastbench.engine.embed.metrics import clusters, diffusion, evaluator, sequences, silhouettes, transfer
from fastbench.engine.embed.records import as_records
from fastbench.engine.embed.space import Mode, Prediction, Space
from fastbench.kernels import cpu

from .test_acceptance import space as blood

COMPAT = Mode(compat=True, seed=0)


def compat(space: Space, cells: Cells | None = None) -> Space:
    return Space(space.x, cells or space.cells, cpu, prediction=Prediction(("knn",)), mode=COMPAT)


@pytest.mark.parametrize(("batch", "expected"), [("phase", 0.9366128519744412), ("mod3", 0.9752312291909454)])
def test_kbet_inside_labels_keeps_the_components_of_smaller_labels_before(batch: str, expected: float) -> None:
    found = diffusion.kbet_per_label(compat(blood(batch)))
    assert found.value == pytest.approx(expected, abs=1e-12)
    assert found.params["mode"] == "compat"
    assert diffusion.kbet_per_label(blood(batch)).value != pytest.approx(expected, abs=1e-4)


def test_leiden_of_ten_resolutions_has_the_random_numbers_of_the_peer() -> None:
    pytest.importorskip("igraph", minversion="1.0")
    found = clusters.leiden_agreement(compat(blood("phase")))
    assert found["leiden_normalized_mutual_info"].value == pytest.approx(0.6609735916507549, abs=1e-9)
    assert found["leiden_adjusted_rand_index"].value == pytest.approx(0.5009513115149175, abs=1e-9)
    assert found["adjusted_rand_index"].value == pytest.approx(0.4283151036, abs=1e-9)


def test_kmeans_starts_where_the_peer_does() -> None:
    found = clusters.kmeans_agreement(compat(blood("phase")))
    assert found["kmeans_normalized_mutual_info"].value == pytest.approx(0.6405625857128096, abs=1e-9)
    assert found["kmeans_adjusted_rand_index"].value == pytest.approx(0.4249301023284572, abs=1e-9)
    few = Space(np.eye(4)[[0, 0, 0, 1]], Cells(grouped(["a", "b", "c", "a"])), cpu, mode=COMPAT)
    assert clusters.kmeans_agreement(few)["kmeans_adjusted_rand_index"].params["n_clusters"] == 2


def test_an_order_is_put_beside_the_draws_of_the_peer() -> None:
    space = compat(blood("phase"))
    assert sequences.sequential_alignment(space).value == pytest.approx(0.19005209208536378, abs=1e-12)
    x = np.repeat(np.arange(8.0), 3)[:, None]
    cells = Cells(grouped(["a"] * 24), order=np.tile([0.0, 1.0, 2.0], 8))
    found = sequences.sequential_alignment(Space(x, cells, cpu, mode=COMPAT))
    strict = sequences.sequential_alignment(Space(x, cells, cpu))
    # Copies after the first lose that one, and have themselves among their neighbours.
    np.testing.assert_allclose((strict.per_cell - found.per_cell)[:3] * 15, [0, 1, 2])
    one = Cells(cells.labels, order=np.zeros(24))
    assert sequences.sequential_alignment(Space(x, one, cpu, mode=COMPAT)).value == 1
    assert "refuses" in sequences.sequential_alignment(Space(x[:15], one.of(np.arange(15)), cpu, mode=COMPAT)).reason


def test_what_the_peers_take_for_a_number_has_one() -> None:
    space = blood("phase")
    single = compat(space, Cells(grouped(["a"] * len(space)), space.cells.batch))
    assert silhouettes.label_silhouette(single).value == 0.5
    agreed = clusters.kmeans_agreement(single)
    assert [finding.value for finding in agreed.values()] == [1.0, 1.0]
    x = np.random.default_rng(0).normal(size=(90, 4)).astype(np.float32)
    x[[3, 40]] = 0
    rows = np.arange(90)
    cells = Cells(grouped([f"t{row % 2}" for row in rows]), grouped([f"b{row // 2 % 3}" for row in rows]))
    found = silhouettes.bras(Space(x, cells, cpu, mode=COMPAT))
    assert found.value == pytest.approx(0.7115837, abs=1e-6)
    assert found.params["mode"] == "compat"
    assert "no cosine" in silhouettes.bras(Space(x, cells, cpu)).reason
    alone = Space(np.eye(3), Cells(grouped(["a", "a", "b"]), grouped(["x", "y", "x"])), cpu, mode=COMPAT)
    assert evaluator.sbee(alone).value == 0


def transferred(space: Space) -> Mapping[tuple[str, str], float]:
    found = named(transfer.label_transfer(space), "")
    return {(name, finding.variant): finding.value for name, finding in found}


def test_labels_are_transferred_without_a_filter() -> None:
    whole = blood("phase")
    labels = np.array(whole.cells.labels.names)[whole.cells.labels.codes]
    species = np.array(["human" if row % 2 == 0 else "mouse" for row in range(len(whole))])
    found = transferred(compat(whole, Cells(whole.cells.labels, species=grouped(species))))
    for name, value in {"accuracy": 0.622857, "f1": 0.44255, "precision": 0.570473, "auroc": 0.798245}.items():
        assert found[name, "human -> mouse knn"] == pytest.approx(value, abs=1e-6)
    assert found["mean_fold_f1", "human knn"] == pytest.approx(0.369302, abs=1e-6)
    assert np.isnan(found["mean_fold_auroc", "mouse knn"])  # a label has fewer cells than there are folds
    rows = np.flatnonzero((labels != "Dendritic") | (species != "human"))
    some = Cells(grouped(labels[rows]), species=grouped(species[rows]), donor=grouped([f"d{row % 23}" for row in rows]))
    space = Space(whole.x[rows], some, cpu, prediction=Prediction(("knn",)), mode=COMPAT)
    found = transferred(space)
    for name, value in {"accuracy": 0.482857, "f1": 0.398739, "precision": 0.411543, "recall": 0.454146}.items():
        assert found[name, "human -> mouse knn"] == pytest.approx(value, abs=1e-6)
    assert np.isnan(found["auroc", "human -> mouse knn"])


def test_donors_are_put_together_whatever_their_labels() -> None:
    whole = blood("phase")
    species = grouped(["human" if row % 2 == 0 else "mouse" for row in range(len(whole))])
    donor = grouped([f"d{row % 23}" for row in range(len(whole))])
    cells = Cells(whole.cells.labels, species=species, donor=donor)
    found = transferred(Space(whole.x, cells, cpu, prediction=Prediction(("knn",), "mean"), mode=COMPAT))
    assert found["f1", "human -> mouse knn"] == pytest.approx(0.108824, abs=1e-6)
    assert found["f1", "mouse -> human knn"] == pytest.approx(0.10263, abs=1e-6)
    if tuple(map(int, sklearn.__version__.split(".")[:2])) >= (1, 7):  # before, folds of groups were drawn otherwise
        assert found["mean_fold_accuracy", "mouse knn"] == pytest.approx(0.21, abs=1e-6)


def test_a_missing_label_is_a_class_of_label_transfer_alone() -> None:
    rng = np.random.default_rng(0)
    labels = [None if row % 10 == 0 else f"t{row % 3}" for row in range(120)]
    given = {"labels": labels, "species": np.arange(120) % 2, "anchors": "none", "classifiers": ["knn"]}
    more = {"bootstrap": 0, "progress_bar": False, "mode": "compat"}
    x = {"x": rng.normal(size=(120, 4)).astype(np.float32)}
    found = fb.embed(x, tasks=["cross-species_label_prediction"], **given, **more)
    assert "nan" in set(found.tables["per_label"]["label"])
    found = fb.embed(x, tasks=["embedding"], **given, **more)
    assert any("12 cells were left out" in note for note in found.notes)


def test_records_have_the_names_of_the_peer() -> None:
    row = {"task": "sequential_organization", "embedding": "x", "metric_type": "sequential_silhouette", "value": 0.5}
    results = pl.DataFrame([row | {"status": "ok", "params": "{}"}])
    (compat_record,) = as_records(results, "compat")["sequential_organization"]["x"]
    (strict_record,) = as_records(results)["sequential_organization"]["x"]
    assert (compat_record["metric_type"], strict_record["metric_type"]) == ("silhouette_score", "sequential_silhouette")
