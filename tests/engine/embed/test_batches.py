"""Batches inside labels (kBET per label, sBEE) and labels among batches (scGraph), against plain definitions."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from scipy.spatial.distance import cdist, jensenshannon
from scipy.stats import trim_mean

from fastbench.engine.embed.cells import Cells, grouped
from fastbench.engine.embed.metrics.consensus import scgraph
from fastbench.engine.embed.metrics.diffusion import diffusion_map, kbet_per_label
from fastbench.engine.embed.metrics.evaluator import sbee
from fastbench.engine.embed.space import Space
from fastbench.kernels import cpu
from tests.engine.embed.test_acceptance import space


def mixture(n: int, labels: int, batches: int, shift: float, seed: int = 0) -> Space:
    """Cells of labels that are apart, and of batches that are moved by `shift`."""
    rng = np.random.default_rng(seed)
    label, batch = rng.integers(0, labels, n), rng.integers(0, batches, n)
    x = rng.normal(size=(n, 12)) + 4 * np.eye(labels, 12)[label] + shift * np.eye(batches, 12, 12 - batches)[batch]
    cells = Cells(grouped([f"l{i}" for i in label]), grouped([f"b{i}" for i in batch]))
    return Space(x.astype(np.float32), cells, cpu)


@pytest.mark.parametrize(("batch", "expected"), [("phase", 0.9601166857), ("mod3", 0.9855244768)])
def test_kbet_per_label_is_near_the_peer(batch, expected):
    found = kbet_per_label(space(batch))
    # Distances of the peer to itself are not quite 0 in float32, and its neighbours are approximate.
    assert found.value == pytest.approx(expected, abs=0.03)
    assert "CD4+/CD45RA+/CD25- Naive T" not in found.per_label  # eight cells


def test_kbet_of_labels_equals_the_peer_on_exact_distances():
    """Steps of scib-metrics 0.5.10 in float64, its neighbours found by brute force."""
    found = kbet_per_label(space("phase")).per_label
    assert found["Dendritic"] == pytest.approx(208 / 240)
    assert found["CD4+/CD25 T Reg"] == pytest.approx(51 / 68)
    assert found["CD19+ B"] == pytest.approx(90 / 95)
    assert found["CD56+ NK"] == pytest.approx(29 / 31)
    found = kbet_per_label(space("mod3")).per_label
    assert found["CD14+ Monocyte"] == pytest.approx(126 / 129)
    assert found["Dendritic"] == pytest.approx(239 / 240)
    assert found["CD8+/CD45RA+ Naive Cytotoxic"] == pytest.approx(40 / 43)


def test_kbet_falls_when_batches_part():
    values = [kbet_per_label(mixture(600, 3, 2, shift)).value for shift in (0.0, 1.5, 6.0)]
    assert values[0] > 0.8
    assert values == sorted(values, reverse=True)
    assert values[2] < 0.05


def test_diffusion_maps_of_both_solvers_agree():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(700, 3))
    weights = np.exp(-(cdist(x, x) ** 2))
    weights[weights < 0.05] = 0
    graph = scipy.sparse.csr_array(weights)
    sparse = diffusion_map(graph, 8)  # more than 600 cells: Lanczos
    root = weights / np.outer(weights.sum(0), weights.sum(0))
    root = root / np.sqrt(np.outer(root.sum(0), root.sum(0)))
    values, vectors = np.linalg.eigh(root)
    values, vectors = values[::-1][:8], vectors[:, ::-1][:, :8]
    factors = np.where(values > 1 - 1e-6, 1, values / (1 - np.minimum(values, 1 - 1e-9)))
    np.testing.assert_allclose(cdist(sparse, sparse), cdist(vectors * factors, vectors * factors), atol=1e-6)


def plain_sbee(whole: Space) -> float:
    """The definition, cell by cell."""
    labels, batch, x = whole.cells.labels.codes, whole.cells.batch.codes, whole.x.astype(float)
    apart = cdist(x, x)
    scores = np.full(len(x), math.nan)
    for i in range(len(x)):
        mine = labels == labels[i]
        nearest = [i, *(j for j in np.argsort(apart[i], kind="stable") if j != i)][: min(90, mine.sum())]
        inside = [batch[j] for j in nearest if labels[j] == labels[i]]
        width = batch.max() + 1
        distance = jensenshannon(np.bincount(inside, minlength=width), np.bincount(batch[mine], minlength=width), 2)
        own, other = mine & (batch == batch[i]), mine & (batch != batch[i])
        own[i] = False
        if not own.any():
            continue
        ratio = np.median(apart[i, own]) / np.median(apart[i, other]) if other.any() else 1.0
        parts = 1 - np.nan_to_num(distance), np.exp(-(1 - min(ratio, 1)) / 0.15)
        scores[i] = 2 * parts[0] * parts[1] / sum(parts)
    frame = pd.DataFrame({"label": labels, "batch": batch, "score": scores})
    return frame.groupby(["label", "batch"])["score"].mean().groupby(level="label").mean().mean()


def test_sbee_is_its_definition():
    for shift in (0.0, 2.0):
        whole = mixture(240, 4, 3, shift)
        assert sbee(whole).value == pytest.approx(plain_sbee(whole), abs=1e-6)
    alone = space("phase")
    assert sbee(alone).value == pytest.approx(plain_sbee(alone), abs=1e-6)
    assert sbee(alone).params["cells_left_out"] == 2


def test_sbee_equals_the_peer():  # the file of scib-metrics 0.6, on exact neighbours
    assert sbee(space("mod3")).value == pytest.approx(0.8157858494, abs=1e-7)


def plain_scgraph(whole: Space) -> float:
    """The definition with tables of pandas, and the components of a singular value decomposition."""
    names = np.array(whole.cells.labels.names)[whole.cells.labels.codes]
    batch = whole.cells.batch.codes
    kept = [name for name, count in pd.Series(names).value_counts().items() if count >= 10]

    def shares(x, names):
        centers = {name: trim_mean(x[names == name], 0.05) for name in kept if (names == name).any()}
        listed = sorted(centers)
        table = pd.DataFrame(cdist([centers[n] for n in listed], [centers[n] for n in listed]), listed, listed)
        return table / table.max(axis=0)

    tables = []
    for code in np.unique(batch):
        x = whole.unintegrated[batch == code].astype(float)
        if len(x) >= 100:
            left, values, _ = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
            tables.append(shares(left[:, :10] * values[:10], names[batch == code]))
    together = pd.concat(tables)
    consensus = together.groupby(together.index).mean()
    consensus = consensus.loc[consensus.columns] / consensus.max(axis=0)
    mine, found = shares(whole.x.astype(float), names), []
    for name in mine.columns:
        pair = pd.concat([mine[name], consensus[name]], axis=1).dropna().to_numpy()
        weights = np.divide(1, pair[:, 1], out=np.zeros(len(pair)), where=pair[:, 1] > 0)
        covariance = np.cov(pair.T, aweights=weights, ddof=0)
        found.append(covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1]))
    return float(np.nanmean(found))


@pytest.mark.parametrize("batch", ["phase", "mod3"])
def test_scgraph_is_its_definition(batch):
    whole = space(batch)
    judged = Space(np.ascontiguousarray(whole.x[:, :6]), whole.cells, cpu, unintegrated=whole.x)
    assert scgraph(judged).value == pytest.approx(plain_scgraph(judged), abs=1e-8)
    assert scgraph(judged).params["batches_left_out"] == (batch == "phase")
    rng = np.random.default_rng(0)
    noise = Space(rng.normal(size=whole.x.shape), whole.cells, cpu, unintegrated=whole.x)
    assert scgraph(noise).value < scgraph(judged).value


def test_scgraph_takes_labels_that_a_batch_lacks():
    whole = mixture(900, 5, 3, 1.0)
    gone = (whole.cells.labels.codes == 2) & (whole.cells.batch.codes == 1)
    rows = np.flatnonzero(~gone)
    judged = Space(whole.x[rows], whole.cells.of(rows), cpu, unintegrated=whole.x[rows])
    assert scgraph(judged).value == pytest.approx(plain_scgraph(judged), abs=1e-8)


def test_one_batch_or_few_labels_are_a_reason():
    one = mixture(60, 2, 1, 0.0)
    for metric in (kbet_per_label, sbee):
        assert "one batch" in metric(one).reason
    assert "three labels" in scgraph(Space(one.x, one.cells, cpu, unintegrated=one.x)).reason
    small = mixture(80, 4, 2, 0.0)
    assert "No batch has 100" in scgraph(Space(small.x, small.cells, cpu, unintegrated=small.x)).reason
