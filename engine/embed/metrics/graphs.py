"""The graph of nearest neighbours: weights as UMAP gives them, connected labels, Leiden clusters."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import InputError
from ..finding import Finding
from ..space import Space

__all__ = ["fuzzy_graph", "graph_connectivity", "leiden"]

#: Neighbours of a cell, itself included, as scanpy counts them.
GRAPH_NEIGHBORS = 15
SEED = 42
_STEPS, _TOLERANCE = 64, 1e-5  # of the search for a bandwidth
_LEAST = 1e-3  # bandwidth, in mean distances

Floats = npt.NDArray[np.float64]


def bandwidths(distances: Floats) -> tuple[Floats, Floats]:
    """Return the distance of each row to its nearest neighbour and the bandwidth beyond it.

    Parameters
    ----------
    distances : ndarray of float64, shape (n, k)
        To the nearest others, ascending.

    Returns
    -------
    nearest, width : ndarray of float64, shape (n,)
        The weights exp(-(d - nearest) / width) add up to log2(k + 1) (McInnes et al. 2018, arXiv:1802.03426).
    """
    n, k = distances.shape
    nearest = np.where(distances > 0, distances, np.inf).min(axis=1, initial=np.inf)
    nearest = np.where(np.isinf(nearest), 0.0, nearest)
    beyond = np.maximum(distances - nearest[:, None], 0.0)
    wanted = np.log2(k + 1)
    low, high, width = np.zeros(n), np.full(n, np.inf), np.ones(n)
    left = np.arange(n)
    for _ in range(_STEPS):
        total = np.exp(-beyond[left] / width[left, None]).sum(axis=1)
        left, total = left[np.abs(total - wanted) >= _TOLERANCE], total[np.abs(total - wanted) >= _TOLERANCE]
        if not len(left):
            break
        more, less = left[total > wanted], left[total <= wanted]
        high[more], low[less] = width[more], width[less]
        unbounded = less[np.isinf(high[less])]
        bounded = np.setdiff1d(left, unbounded)
        width[unbounded] *= 2
        width[bounded] = (low[bounded] + high[bounded]) / 2
    # A cell counts among its own neighbours, at distance 0.
    mine, all_ = distances.sum(axis=1) / (k + 1), distances.sum() / (n * (k + 1))
    return nearest, np.maximum(width, _LEAST * np.where(nearest > 0, mine, all_))


def fuzzy_graph(space: Space, neighbors: int = GRAPH_NEIGHBORS) -> Any:
    """Return the weights of the graph of neighbours, (n, n) CSR: the fuzzy union of UMAP, as scanpy makes it.

    A cell counts among its own `neighbors`.
    """
    import scipy.sparse

    indices, distances = space.neighbors(neighbors - 1)
    nearest, width = bandwidths(distances)
    with np.errstate(invalid="ignore", divide="ignore"):
        weights = np.exp(-np.maximum(distances - nearest[:, None], 0) / width[:, None])
    weights = np.where(distances <= nearest[:, None], 1.0, weights).astype(np.float32)
    n, k = indices.shape
    offsets = np.arange(0, n * k + 1, k)
    directed = scipy.sparse.csr_array((weights.ravel(), indices.ravel(), offsets), shape=(n, n))
    both = directed.multiply(directed.T)
    found = scipy.sparse.csr_array(directed + directed.T - both)
    found.eliminate_zeros()
    found.sort_indices()
    return found


class _NumpyNumbers:
    """The random numbers that scanpy hands to igraph, so that clusters are the same: those of NumPy's RandomState."""

    def __init__(self, seed: int) -> None:
        self._numbers = np.random.RandomState(seed)
        self.random, self.gauss = self._numbers.random, self._numbers.normal

    def getrandbits(self, bits: int) -> int:
        """Return a whole number of so many bits."""
        return int(self._numbers.tomaxint() & ((1 << bits) - 1))

    def randint(self, low: int, high: int) -> int:
        """Return a whole number from low to high, both included."""
        return int(self._numbers.randint(low, high + 1))


def leiden(graph: Any, resolution: float = 1.0, *, scib: bool = False) -> npt.NDArray[np.int64]:
    """Return the Leiden clusters of a weighted graph: modularity by igraph, two iterations, seed 42, as scanpy.

    With `scib`, random numbers are Python's, as in scib-metrics, in the place of NumPy's.

    Raises
    ------
    InputError
        Where igraph is not installed.
    """
    try:
        import igraph
    except ModuleNotFoundError:
        raise InputError(
            "Leiden clusters need igraph: pip install 'fastbench[embed]' (or leave clustering out of --tasks)."
        ) from None
    sources, targets = graph.nonzero()
    drawn = igraph.Graph(n=graph.shape[0], directed=False)
    drawn.add_edges(np.stack([sources, targets], axis=1))
    drawn.es["weight"] = np.asarray(graph[sources, targets]).ravel()
    igraph.set_random_number_generator(random.Random(SEED) if scib else _NumpyNumbers(SEED))
    try:
        found = drawn.community_leiden(
            objective_function="modularity", weights="weight", resolution=resolution, n_iterations=2
        )
    finally:
        igraph.set_random_number_generator(random)
    return np.asarray(found.membership, dtype=np.int64)


def graph_connectivity(space: Space) -> Finding:
    """Return how connected labels are: the share of their cells in the largest strong component, mean over labels."""
    import scipy.sparse
    from scipy.sparse.csgraph import connected_components

    labels = space.cells.labels
    indices, _ = space.neighbors(GRAPH_NEIGHBORS - 1)
    n, k = indices.shape
    same = labels.codes[indices] == labels.codes[:, None]
    rows = np.repeat(np.arange(n), k).reshape(n, k)[same]
    graph = scipy.sparse.csr_array((np.ones(len(rows), np.int8), (rows, indices[same])), shape=(n, n))
    _, part = connected_components(graph, directed=True, connection="strong")
    per_label = {}
    for code, name in enumerate(labels.names):
        mine = part[labels.rows(code)]
        per_label[name] = float(np.unique(mine, return_counts=True)[1].max() / len(mine))
    return Finding(float(np.mean(list(per_label.values()))), "", per_label, params={"n_neighbors": k + 1})
