"""Agreement of clusters with labels."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

from ...errors import InputError
from ..cells import Groups
from ..finding import Finding, undefined
from ..space import Space
from .graphs import SEED, fuzzy_graph, leiden
from .lloyd import kmeans_of_scib

__all__ = [
    "adjusted_rand_index",
    "isolated_f1",
    "kmeans_agreement",
    "leiden_agreement",
    "normalized_mutual_information",
]

Ints = npt.NDArray[np.int64]
#: Resolutions of Leiden among which scib-metrics takes the best.
RESOLUTIONS = tuple(round(0.2 * step, 1) for step in range(1, 11))


def _contingency(a: Ints, b: Ints) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """Return the cells of the table of two clusterings that are not empty: rows, columns, counts; and both sums."""
    width = int(b.max()) + 1
    flat, counts = np.unique(a * width + b, return_counts=True)
    return flat // width, flat % width, counts, np.bincount(a), np.bincount(b)


def adjusted_rand_index(a: Ints, b: Ints) -> float:
    """Return the Rand index adjusted for chance (Hubert and Arabie 1985, J Classif 2:193); 1 where both are trivial."""
    _, _, counts, of_a, of_b = _contingency(a, b)

    def pairs(sizes: Ints) -> int:
        return sum(size * (size - 1) // 2 for size in sizes.tolist())

    together, in_a, in_b, total = pairs(counts), pairs(of_a), pairs(of_b), pairs(np.array([len(a)]))
    if total == 0 or in_a == in_b == together:
        return 1.0
    expected = in_a * in_b / total
    most = (in_a + in_b) / 2
    return float((together - expected) / (most - expected)) if most != expected else 1.0


def normalized_mutual_information(a: Ints, b: Ints) -> float:
    """Return 2 I(A; B) / (H(A) + H(B)); 1 where both have one cluster, 0 where one has."""
    rows, columns, counts, of_a, of_b = _contingency(a, b)
    n = len(a)

    def entropy(sizes: Ints) -> float:
        share = sizes[sizes > 0] / n
        return float(-(share * np.log(share)).sum())

    h_a, h_b = entropy(of_a), entropy(of_b)
    if h_a == h_b == 0:
        return 1.0
    if h_a == 0 or h_b == 0:
        return 0.0
    share = counts / n
    information = float((share * (np.log(share) - np.log(of_a[rows] / n) - np.log(of_b[columns] / n))).sum())
    return max(2 * information / (h_a + h_b), 0.0)


def _agreement(clusters: Ints, labels: Groups, **params: object) -> dict[str, Finding]:
    about = {"n_clusters": len(np.unique(clusters)), **params}
    return {
        "adjusted_rand_index": Finding(adjusted_rand_index(labels.codes, clusters), params=about),
        "normalized_mutual_info": Finding(normalized_mutual_information(labels.codes, clusters), params=about),
    }


def leiden_agreement(space: Space) -> dict[str, Finding]:
    """Return ARI and NMI of labels with Leiden clusters at resolution 1, and of the best of ten resolutions by NMI.

    In compat mode, the ten are found with the random numbers of scib-metrics, resolution 1 with those of scanpy.
    """
    labels = space.cells.labels
    graph = fuzzy_graph(space)
    tried = {}
    for resolution in RESOLUTIONS:
        clusters = leiden(graph, resolution, scib=space.mode.compat)
        tried[resolution] = (normalized_mutual_information(labels.codes, clusters), clusters)
    best = max(tried, key=lambda resolution: (tried[resolution][0], -resolution))
    found = _agreement(leiden(graph) if space.mode.compat else tried[1.0][1], labels, resolution=1.0)
    about = {"resolution": best, "resolutions": len(RESOLUTIONS), **space.mode.params}
    found |= {f"leiden_{name}": finding for name, finding in _agreement(tried[best][1], labels, **about).items()}
    if space.cells.batch is not None:
        found["isolated_labels_f1"] = isolated_f1(space, [clusters for _, clusters in tried.values()])
    return found


def isolated_f1(space: Space, clusterings: list[Ints]) -> Finding:
    """Return the F1 of labels that occur in the fewest batches: that of the cluster that fits each best, their mean."""
    labels, n_batches = space.cells.labels, space.cells.batches_of_labels
    per_label = {}
    for code in np.flatnonzero(n_batches == n_batches.min()):
        mine = labels.codes == code
        scores = [0.0]
        for clusters in clusterings:
            inside, sizes = np.bincount(clusters[mine], minlength=clusters.max() + 1), np.bincount(clusters)
            scores.append(float((2 * inside / (sizes + mine.sum())).max()))
        per_label[labels.names[code]] = max(scores)
    return Finding(float(np.mean(list(per_label.values()))), "", per_label, params={"batches": int(n_batches.min())})


def kmeans_agreement(space: Space) -> dict[str, Finding]:
    """Return ARI and NMI of labels with as many k-means clusters, the best of ten starts.

    In compat mode of the one start of scib-metrics, see `lloyd`.
    """
    from threadpoolctl import threadpool_limits

    labels = space.cells.labels
    if space.mode.compat:
        clusters = kmeans_of_scib(space.x, len(labels))
        found = _agreement(clusters, labels, starts=1, **space.mode.params)
        return {f"kmeans_{name}": finding for name, finding in found.items()}
    try:
        from sklearn.cluster import KMeans
    except ModuleNotFoundError:
        raise InputError("K-means needs scikit-learn: pip install 'fastbench[embed]', or name other --tasks.") from None
    if len(labels) < 2:
        reason = "There is one label: clusters cannot agree with it."
        return {name: undefined(reason) for name in ("kmeans_adjusted_rand_index", "kmeans_normalized_mutual_info")}
    # One thread: those of OpenMP wait busily for each other, on shared cores many times as long as they work.
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")  # of fewer places than clusters, as n_clusters says
        clusters = KMeans(len(labels), n_init=10, random_state=SEED).fit_predict(space.x).astype(np.int64)
    return {f"kmeans_{name}": finding for name, finding in _agreement(clusters, labels).items()}
