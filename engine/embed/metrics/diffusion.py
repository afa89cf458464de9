"""kBET inside labels, among neighbours by diffusion distance."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ..cells import Groups
from ..finding import Finding, undefined
from ..space import Space
from .graphs import SEED, fuzzy_graph
from .neighborhoods import KBET_LEVEL, KBET_NEIGHBORS

__all__ = ["diffusion_map", "kbet_per_label"]

#: Components of a diffusion map; cells that a label must have.
COMPONENTS, LEAST_CELLS = 100, 10
#: Neighbours inside a label: a quarter of the mean batch, between these.
FEWEST, MOST = 10, 70
#: Parts of a label count where they have so many times these neighbours; the label where they hold this share of it.
TIMES, SHARE = 3, 0.75
#: Up to so many cells, all components are found at once.
_DENSE = 600
_ONE = 1e-6  # an eigenvalue nearer to 1 than this is 1

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def diffusion_map(graph: Any, components: int = COMPONENTS) -> Floats:
    """Return coordinates in which Euclidean distance is diffusion distance, all times together.

    Parameters
    ----------
    graph : CSR array of shape (n, n)
        Symmetric weights; each row has one.
    components : int, default 100
        At most; less than n.

    Returns
    -------
    ndarray of float64, shape (n, components)
        Eigenvectors of the transitions, free of density (Coifman et al. 2005, PNAS 102:7426), times e / (1 - e); where
        the eigenvalue e is 1, times 1.
    """
    import scipy.sparse
    from scipy.sparse.linalg import eigsh
    from threadpoolctl import threadpool_limits

    n = graph.shape[0]
    weights = scipy.sparse.csr_array(graph, dtype=np.float64)
    for power in (1.0, 0.5):
        scale = scipy.sparse.diags_array(np.asarray(weights.sum(axis=0)).ravel() ** -power)
        weights = scale @ weights @ scale
    wanted = min(components, n - 1)
    with threadpool_limits(1):  # thousands of small products
        if n <= _DENSE:
            values, vectors = np.linalg.eigh(weights.toarray())
            chosen = np.argsort(-np.abs(values), kind="stable")[:wanted]
            values, vectors = values[chosen], vectors[:, chosen]
        else:
            start = np.random.default_rng(SEED).normal(size=n)
            values, vectors = eigsh(weights, k=wanted, which="LM", v0=start)
    ones = np.abs(1 - values) < _ONE
    factors = np.where(ones, 1.0, values / np.where(ones, 1.0, 1 - values))
    return np.asarray(vectors * factors)


def kbet_per_label(space: Space) -> Finding:
    """Return the share of cells that pass kBET inside their label, mean over labels: `kbet_per_label` of scib-metrics.

    Of each label of 10 cells and two batches or more: the part of the graph of 50 neighbours inside it, its diffusion
    map, a chi-square test of the batches among the nearest there (a quarter of the mean batch, 10 to 70) against those
    of the label. A label that falls into pieces counts by its large ones where they hold 75 % of it, else as 0. Labels
    with too few cells or one batch are left out. Neighbours are exact, where scib-metrics approximates.

    In compat mode, a label has no more components than a label before it could have: scib-metrics does not set the
    number back. And large pieces of one batch are 0, where they are left out else.
    """
    from scipy.sparse.csgraph import connected_components

    labels, batch = space.cells.labels, space.cells.batch
    assert batch is not None
    if len(batch) < 2:
        return undefined("There is one batch: nothing can be mixed.")
    graph = fuzzy_graph(space, min(KBET_NEIGHBORS, len(space)))
    per_label: dict[str, float] = {}
    pieces, components = 0, COMPONENTS
    for code, name in enumerate(labels.names):
        rows = labels.rows(code)
        mine = batch.of(rows)
        if len(rows) < LEAST_CELLS or len(mine) < 2:
            continue
        k = int(np.clip(len(rows) // len(mine) // 4, FEWEST, MOST))
        part = graph[rows][:, rows]
        count, piece = connected_components(part, connection="strong")
        if count > 1:
            pieces += 1
            kept = np.flatnonzero(np.bincount(piece)[piece] >= TIMES * k)
            if len(kept) < SHARE * len(rows):
                per_label[name] = 0.0
                continue
            part, mine = part[kept][:, kept], mine.of(kept)
        least = min(components, part.shape[0] - 1)
        components = least if space.mode.compat else COMPONENTS
        value = _accepted(space, part, mine, k, least)
        if not math.isnan(value):
            per_label[name] = value
    if not per_label:
        return undefined(f"No label has {LEAST_CELLS} cells of two batches.")
    params = {
        "form": "per label, diffusion distance",
        "graph_neighbors": min(KBET_NEIGHBORS, len(space)),
        "labels_left_out": len(labels) - len(per_label),
        "labels_in_pieces": pieces,
        **space.mode.params,
    }
    return Finding(float(np.mean(list(per_label.values()))), "", per_label, params=params)


def _accepted(space: Space, graph: Any, batch: Groups, k: int, components: int) -> float:
    """Return the share of cells around which batches are as frequent as among all of them; NaN of one batch."""
    from scipy.special import chdtrc

    if len(batch) < 2:
        return 0.0 if space.mode.compat else math.nan  # the large pieces are of one batch
    n = graph.shape[0]
    k = min(k, n - 1)
    places = np.ascontiguousarray(diffusion_map(graph, components), dtype=np.float32)
    others = space.backend.nearest_neighbors(places, k, "euclidean", space.threads).indices
    flat = (np.arange(n)[:, None] * len(batch) + batch.codes[others]).ravel()
    observed = np.bincount(flat, minlength=n * len(batch)).reshape(n, len(batch))
    observed[np.arange(n), batch.codes] += 1
    expected = (k + 1) * batch.sizes / n
    p = chdtrc(len(batch) - 1, ((observed - expected) ** 2 / expected).sum(axis=1))
    return float((p >= KBET_LEVEL).mean())
