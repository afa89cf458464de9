"""Clusters, graphs, regression and order against scikit-learn, SciPy and plain NumPy; order of cells and threads."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score, f1_score, normalized_mutual_info_score

from fastbench.engine.embed.finding import named
from fastbench.engine.embed.metrics.clusters import (
    adjusted_rand_index,
    isolated_f1,
    kmeans_agreement,
    normalized_mutual_information,
)
from fastbench.engine.embed.metrics.graphs import fuzzy_graph, graph_connectivity, leiden
from fastbench.engine.embed.metrics.regression import explained_by, pcr_comparison
from fastbench.engine.embed.metrics.sequences import sequential_alignment
from fastbench.engine.embed.registry import METRICS
from fastbench.engine.embed.space import Space

from ....examples import FEW, MANY, SOME
from .problems import KINDS, moved, near, problem, problems, values

#: Metrics that draw random numbers, or number clusters in the order of the cells.
CLUSTERS = {"clustering", "kmeans"}


@MANY
@given(st.integers(1, 60), st.integers(1, 6), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_agreement_of_clusters_equals_scikit_learn(n: int, one: int, other: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, one, n), rng.integers(0, other, n)
    for left, right in ((a, b), (b, a), (a, a), (a, np.zeros(n, int)), (a, np.arange(n))):
        assert adjusted_rand_index(left, right) == pytest.approx(adjusted_rand_score(left, right), abs=1e-12)
        expected = normalized_mutual_info_score(left, right)
        assert normalized_mutual_information(left, right) == pytest.approx(expected, abs=1e-12)


@SOME
@given(problems, st.integers(1, 5))
def test_isolated_f1_is_that_of_the_best_cluster(space: Space, n_clusters: int) -> None:
    labels, batch = space.cells.labels, space.cells.batch
    rng = np.random.default_rng(0)
    clusterings = [rng.integers(0, n_clusters, len(space)) for _ in range(2)]
    seen = [len(np.unique(batch.codes[labels.rows(code)])) for code in range(len(labels))]
    expected = {
        name: max(f1_score(labels.codes == code, some == one) for some in clusterings for one in np.unique(some))
        for code, name in enumerate(labels.names)
        if seen[code] == min(seen)
    }
    assert isolated_f1(space, clusterings).per_label == pytest.approx(expected)


@SOME
@given(problems)
def test_connectivity_equals_paths_of_the_graph(space: Space) -> None:
    labels = space.cells.labels
    indices, _ = near(space, 14)
    edge = np.zeros((len(space), len(space)), bool)
    np.put_along_axis(edge, indices, True, axis=1)
    expected = {}
    for code, name in enumerate(labels.names):
        rows = labels.rows(code)
        reached = edge[np.ix_(rows, rows)] | np.eye(len(rows), dtype=bool)
        for _ in range(9):  # paths of up to 2^9 steps
            reached = (reached.astype(np.float32) @ reached.astype(np.float32)) > 0
        expected[name] = (reached & reached.T).sum(axis=1).max() / len(rows)
    found = graph_connectivity(space)
    assert found.per_label == pytest.approx(expected)
    assert found.value == pytest.approx(np.mean(list(expected.values())))


@FEW
@given(problems)
def test_weights_of_the_graph_are_those_of_their_definition(space: Space) -> None:
    indices, distances = near(space, 14)
    graph = fuzzy_graph(space)
    assert abs(graph - graph.T).max() == 0
    assert graph.data.min() > 0
    assert graph.data.max() <= 1
    nearest = np.where(distances > 0, distances, np.inf).min(axis=1)
    at_once = distances <= np.where(np.isfinite(nearest), nearest, 0)[:, None]
    dense = graph.toarray()
    weights = np.take_along_axis(dense, indices, axis=1)
    np.testing.assert_allclose(weights[at_once], 1, rtol=1e-6)  # the nearest neighbour is joined for sure


@FEW
@given(problems)
def test_clusters_never_fail(space: Space) -> None:
    pytest.importorskip("igraph")
    clusters = leiden(fuzzy_graph(space))
    assert len(clusters) == len(space)
    assert (clusters == leiden(fuzzy_graph(space))).all()
    for value in values(kmeans_agreement(space)).values():
        assert np.isnan(value) == (len(space.cells.labels) < 2)


@SOME
@given(problems)
def test_variance_between_batches_is_that_of_components(space: Space) -> None:
    batch = space.cells.batch
    x = space.x.astype(np.float64) - space.x.astype(np.float64).mean(axis=0)
    scores, sizes, _ = np.linalg.svd(x, full_matrices=False)
    design = (batch.codes[:, None] == np.arange(len(batch))).astype(float)
    fitted = design @ np.linalg.lstsq(design, scores, rcond=None)[0]
    total = (sizes**2).sum()
    expected = ((fitted**2).sum(axis=0) * sizes**2).sum() / total if total > 1e-12 else 0.0
    assert explained_by(space.x, batch) == pytest.approx(expected, abs=1e-9)
    found = pcr_comparison(space)
    if len(batch) > 1:
        before = explained_by(space.unintegrated, batch)
        assert found.value == pytest.approx(max((before - expected) / before, 0), abs=1e-6)
    else:
        assert "one batch" in found.reason


@SOME
@given(problems)
def test_alignment_equals_all_pairs(space: Space) -> None:
    order = space.cells.order
    found = sequential_alignment(space)
    if np.ptp(order) == 0:
        assert "one place" in found.reason
        return
    indices, _ = near(space, 15)
    apart = np.abs(order[indices] - order[:, None]).mean()
    n = len(order)
    at_random = np.abs(order[:, None] - order).sum() / (n * (n - 1))
    assert found.value == pytest.approx(np.clip(1 - apart / at_random, 0, 1), abs=1e-12)
    start, slope = found.rescaled
    assert max(start + slope * found.per_cell.mean(), 0) == pytest.approx(found.value, abs=1e-12)


#: Those of labels, batches and order; fits of classifiers, species and perturbations have tests of their own.
OTHERS = {"species", "relations", "control-labels"}
SHARED = [each for each in METRICS if not OTHERS & set(each.needs) and each.name != "label_prediction"]


@pytest.mark.parametrize("metric", [each for each in SHARED if each.name not in CLUSTERS], ids=lambda each: each.name)
def test_order_of_cells_and_threads_cannot_be_seen(metric) -> None:
    space = problem("plain", 260, 9, 4, 3, 11)
    expected = values(metric.compute(space))
    order = np.random.default_rng(3).permutation(len(space))
    assert values(metric.compute(moved(space, order))) == pytest.approx(expected, rel=1e-12, abs=1e-12, nan_ok=True)
    for threads in (1, 3):
        assert values(metric.compute(problem("plain", 260, 9, 4, 3, 11, threads))) == pytest.approx(
            expected, rel=0, abs=0, nan_ok=True
        )


@pytest.mark.parametrize("metric", SHARED, ids=lambda each: each.name)
@pytest.mark.parametrize("kind", KINDS)
def test_values_lie_between_0_and_1_or_have_a_reason(metric, kind) -> None:
    pytest.importorskip("igraph")
    for n, labels, batches in ((2, 1, 1), (2, 2, 2), (5, 5, 1), (40, 3, 2)):
        found = metric.compute(problem(kind, n, 3, labels, batches, n))
        for name, each in named(found, metric.name):
            if np.isnan(each.value):
                assert each.reason.endswith("."), name
            else:
                assert -0.5 <= each.value <= 1 + 1e-9, name  # the adjusted Rand index alone may be negative
                assert not each.reason
