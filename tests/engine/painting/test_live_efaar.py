"""Recall of relations, consistency and magnitude beside efaar-benchmarking, as it is installed."""

from __future__ import annotations

import numpy as np
import pytest

from fastbench.engine.embed.cells import Cells, Known, grouped
from fastbench.engine.embed.metrics.perturbations import magnitude, signal_consistency
from fastbench.engine.embed.space import Space
from fastbench.engine.painting.relations import known_pairs, recall_of_relations
from fastbench.kernels import cpu

pd = pytest.importorskip("pandas")
efaar = pytest.importorskip("efaar_benchmarking.benchmarking")


@pytest.fixture(scope="module")
def screen():
    """Wells of 24 genes and 3 unexpressed ones, of which all wells are controls too."""
    rng = np.random.default_rng(0)
    genes = [f"g{i:02}" for i in range(27)]
    label = np.repeat(genes, 7)
    base = np.where(np.arange(27)[:, None] < 24, rng.normal(size=(27, 6)), 0)
    return np.repeat(base, 7, axis=0) + rng.normal(size=(len(label), 6)), label, genes


@pytest.fixture(scope="module")
def signal(screen):
    x, label, genes = screen
    space = Space(x, Cells(grouped(label)), cpu, known=Known(controls=tuple(genes[-3:]), null_size=9))
    return {**signal_consistency(space), **magnitude(space)}


def compared(found, name, values, p_values, tolerance):
    """Compare values, and p-values against the labels that are controls."""
    ours = found[f"perturbation_{name}"].per_label
    assert list(ours) == list(values)
    np.testing.assert_allclose(list(ours.values()), list(values.values()), atol=tolerance)
    assert found[f"perturbation_{name}_active_efaar"].per_label == pytest.approx(p_values, abs=1e-12)


def test_consistency_is_that_of_efaar(screen, signal):
    x, label, genes = screen
    table = pd.DataFrame({"gene": label})
    peer = efaar.pert_signal_consistency_benchmark(x, table, "gene", genes[-3:], n_jobs=1).set_index("pert")
    compared(signal, "consistency", peer["avgcossim"].to_dict(), peer["pval"].to_dict(), 1e-12)


def test_magnitude_is_that_of_efaar(screen, signal):
    x, label, genes = screen
    controls = np.isin(label, genes[-3:])
    both, names = np.concatenate([x, x[controls]]), np.concatenate([label, np.full(controls.sum(), "control")])
    peer = efaar.pert_signal_magnitude_benchmark(
        both, pd.DataFrame({"gene": names}), "gene", genes[-3:], "control", n_jobs=1
    ).set_index("pert")
    peer = peer.drop("control")
    # Its distances of a well to itself are 1e-4, not 0.
    compared(signal, "magnitude", peer["edist"].to_dict(), peer["pval"].to_dict(), 1e-3)


def test_recall_is_that_of_efaar(screen, tmp_path):
    sklearn_utils = pytest.importorskip("sklearn.utils")
    x, label, genes = screen
    means = np.stack([x[label == gene].mean(axis=0) for gene in genes])
    relations = [(genes[i], genes[j]) for i, j in np.random.default_rng(1).integers(0, 27, (60, 2))]
    pd.DataFrame(relations, columns=["entity1", "entity2"]).to_csv(tmp_path / "mine.txt", index=False)
    table = sklearn_utils.Bunch(features=pd.DataFrame(means), metadata=pd.DataFrame({"gene": genes}))
    peer = efaar.known_relationship_benchmark(table, "gene", ["mine"], benchmark_data_dir=str(tmp_path)).iloc[0]
    found = recall_of_relations(means, {"mine": known_pairs(relations, genes)}, draws=0)["mine"]
    assert (found.n_null, found.n_pairs) == (peer["null_distribution_size"], peer["query_distribution_size"])
    for low, high in found.values:
        assert found.values[low, high] == pytest.approx(peer[f"recall_{low}_{high}"], abs=1e-12)
