"""Metrics of 700 blood cells: the numbers that scib-metrics 0.5.10 and cz-benchmarks 0.15.1 give."""

from __future__ import annotations

from functools import cache

import anndata
import numpy as np
import pytest

from fastbench.engine.embed.cells import Cells, grouped
from fastbench.engine.embed.metrics.regression import explained_by, pcr_comparison
from fastbench.engine.embed.metrics.sequences import gini_mean_difference
from fastbench.engine.embed.registry import METRICS
from fastbench.engine.embed.space import Space
from fastbench.engine.readers.packaged import resolve
from fastbench.kernels import cpu

PHASES = {"G1": 0.0, "S": 1.0, "G2M": 2.0}
SCIB, EXACT, CLUSTERS = 1e-5, 1e-6, 0.02  # float32 sums of the peer; the same arithmetic; other random numbers


@cache
def space(batch: str) -> Space:
    cells = anndata.read_h5ad(resolve("sample:pbmc68k", "cells"))
    x = np.ascontiguousarray(cells.obsm["X_pca"])
    phase = cells.obs["phase"].astype(str).to_numpy()
    batches = phase if batch == "phase" else np.array([f"b{row % 3}" for row in range(len(x))])
    order = np.array([PHASES[name] for name in phase])
    labels = grouped(cells.obs["bulk_labels"].astype(str).to_numpy())
    return Space(x, Cells(labels, grouped(batches), None, order), cpu)


@cache
def found(batch: str, name: str) -> dict[str, object]:
    (metric,) = (metric for metric in METRICS if metric.name == name)
    value = metric.compute(space(batch))
    return value if isinstance(value, dict) else {name: value}


@pytest.mark.parametrize(
    ("name", "metric", "batch", "expected", "tolerance"),
    [
        ("silhouette_score", "", "phase", 0.5502624535, 1e-9),
        ("entropy_per_cell", "", "phase", 0.5239947898, EXACT),
        ("entropy_per_cell", "", "mod3", 0.9962635154, EXACT),
        ("batch_silhouette", "", "phase", 0.8981001973, SCIB),
        ("batch_silhouette", "", "mod3", 0.9248439670, SCIB),
        ("bras", "", "phase", 0.8901940584, SCIB),
        ("bras", "", "mod3", 0.9166094065, SCIB),
        ("isolated_labels", "", "phase", 0.5547410250, SCIB),
        ("isolated_labels", "", "mod3", 0.5215693712, SCIB),
        ("ilisi", "", "phase", 0.2653417587, 1e-4),
        ("ilisi", "", "mod3", 0.8636643887, 1e-4),
        ("clisi", "", "phase", 0.9363795519, 1e-4),
        ("kbet", "", "phase", 0.7557142857, EXACT),
        ("kbet", "", "mod3", 0.9757142857, EXACT),
        ("graph_connectivity", "", "phase", 0.6342102268, EXACT),
        ("clustering", "adjusted_rand_index", "phase", 0.4283151036, CLUSTERS),
        ("clustering", "normalized_mutual_info", "phase", 0.6440463095, CLUSTERS),
        ("clustering", "leiden_normalized_mutual_info", "phase", 0.661064, CLUSTERS),
        ("clustering", "leiden_adjusted_rand_index", "phase", 0.505992, CLUSTERS),
        ("kmeans", "kmeans_normalized_mutual_info", "phase", 0.640563, 0.03),
        ("sequential_silhouette", "", "phase", 0.5172606111, SCIB),
        ("sequential_alignment", "", "phase", 0.1928416135, EXACT),
    ],
)
def test_equals_the_peers(name, metric, batch, expected, tolerance):
    pytest.importorskip("igraph")
    assert found(batch, name)[metric or name].value == pytest.approx(expected, abs=tolerance)


def test_leiden_clusters_are_those_of_scanpy():
    pytest.importorskip("igraph", minversion="1.0")
    assert found("phase", "clustering")["adjusted_rand_index"].value == pytest.approx(0.4283151036, abs=1e-9)
    assert found("phase", "clustering")["normalized_mutual_info"].value == pytest.approx(0.6440463095, abs=1e-9)


def test_details_equal_the_peers():
    silhouettes = found("phase", "silhouette_score")["silhouette_score"].per_label
    assert silhouettes["Dendritic"] == pytest.approx(0.223791, abs=1e-6)
    assert silhouettes["CD8+ Cytotoxic T"] == pytest.approx(-0.074453, abs=1e-6)
    kbet = found("phase", "kbet")["kbet"].params
    assert kbet["mean_statistic"] == pytest.approx(5.88836, abs=1e-3)
    assert kbet["mean_p"] == pytest.approx(0.195247, abs=1e-3)
    sequence = found("phase", "sequential_alignment")["sequential_alignment"].params
    assert sequence["difference"] == pytest.approx(0.3672380952, abs=1e-9)
    assert sequence["difference_at_random"] == pytest.approx(0.4549764970, abs=1e-9)


def test_regression_on_batches_equals_the_peers():
    for batch, expected in (("phase", 0.0277738404), ("mod3", 0.0025455712)):
        assert explained_by(space(batch).x, space(batch).cells.batch) == pytest.approx(expected, abs=1e-5)
    whole = space("mod3")
    first = Space(np.ascontiguousarray(whole.x[:, :10]), whole.cells, cpu, unintegrated=whole.x)
    assert pcr_comparison(first).value == pytest.approx(0.0965545596, abs=1e-4)
    less = Space(space("phase").x[:, :10], space("phase").cells, cpu, unintegrated=whole.x)
    assert pcr_comparison(less).value == 0


def test_the_mean_difference_is_that_of_all_pairs():
    values = np.random.default_rng(0).normal(size=40)
    pairs = np.abs(values[:, None] - values)
    assert gini_mean_difference(values) == pytest.approx(pairs.sum() / (40 * 39), rel=1e-12)
