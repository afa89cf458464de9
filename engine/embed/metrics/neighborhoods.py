"""What surrounds each cell: mixing of batches, purity of labels."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from ..cells import Groups
from ..finding import Finding, undefined
from ..space import MOST_NEIGHBORS, Space
from .silhouettes import per_label_means

__all__ = ["cilisi", "clisi", "entropy_per_cell", "ilisi", "kbet", "ksim"]

#: Neighbours of LISI and kBET in scib-metrics, the cell itself included; of kSIM, without it.
LISI_NEIGHBORS, KBET_NEIGHBORS, KSIM_NEIGHBORS = 90, 50, 24
#: Share of the neighbours of a cell that must have its label (kSIM), and level of the test of a cell (kBET).
KSIM_SHARE, KBET_LEVEL = 0.9, 0.05
#: Cells and batches of a label that CiLISI takes in.
LEAST_CELLS, LEAST_BATCHES = 10, 2
_AT_ONCE = 65_536  # cells whose neighbours are taken at once

#: How LISI takes the cell itself, as scib-metrics; harmonypy takes 90 others.
_LISI = {"itself": "among the neighbours, without weight"}

Floats = npt.NDArray[np.float64]


def _counts(space: Space, groups: Groups, k: int, *, itself: bool) -> npt.NDArray[np.int64]:
    """Count the groups among the k nearest of each cell, (n, groups)."""
    indices, _ = space.neighbors(k - 1 if itself else k)
    n, width = len(space), len(groups)
    counts = np.empty((n, width), np.int64)
    for start in range(0, n, _AT_ONCE):
        mine = groups.codes[indices[start : start + _AT_ONCE]]
        mine += np.arange(len(mine))[:, None] * width
        counts[start : start + len(mine)] = np.bincount(mine.ravel(), minlength=len(mine) * width).reshape(-1, width)
    if itself:
        counts[np.arange(n), groups.codes] += 1
    return counts


def entropy_per_cell(space: Space) -> Finding:
    """Return the mean entropy of batches among 200 nearest, itself included, as a share of ln(batches)."""
    batch = space.cells.batch
    assert batch is not None
    if len(batch) < 2:
        return undefined("There is one batch, whose entropy has no scale.")
    k = min(MOST_NEIGHBORS, len(space))
    share = _counts(space, batch, k, itself=True) / k
    with np.errstate(divide="ignore", invalid="ignore"):
        per_cell = -np.where(share > 0, share * np.log(share), 0).sum(axis=1) / math.log(len(batch))
    per_label = per_label_means(per_cell, space.cells.labels)
    return Finding(float(per_cell.mean()), "", per_label, per_cell, "mean", params={"n_neighbors": k})


def _simpson(space: Space, groups: Groups) -> tuple[Floats, int]:
    """Return LISI of each cell and the number of neighbours, itself included."""
    k = min(LISI_NEIGHBORS, len(space))
    indices, distances = space.neighbors(k - 1)
    parts = [slice(start, start + _AT_ONCE) for start in range(0, len(space), _AT_ONCE)]
    found = [
        space.backend.inverse_simpson(distances[part], groups.codes[indices[part]], len(groups), max(k // 3, 1))
        for part in parts
    ]
    return np.concatenate(found), k


def ilisi(space: Space) -> Finding:
    """Return the median LISI of batches, from 0 (apart) to 1 (mixed)."""
    batch = space.cells.batch
    assert batch is not None
    if len(batch) < 2:
        return undefined("There is one batch: nothing can be mixed.")
    lisi, k = _simpson(space, batch)
    per_cell = (lisi - 1) / (len(batch) - 1)
    labels = space.cells.labels
    per_label = {name: float(np.median(per_cell[labels.rows(i)])) for i, name in enumerate(labels.names)}
    return Finding(float(np.median(per_cell)), "", per_label, per_cell, "median", params=_LISI | {"n_neighbors": k})


def clisi(space: Space) -> Finding:
    """Return the median LISI of labels, from 0 (mixed) to 1 (apart)."""
    labels = space.cells.labels
    if len(labels) < 2:
        return undefined("There is one label: nothing can be apart.")
    lisi, k = _simpson(space, labels)
    per_cell = (len(labels) - lisi) / (len(labels) - 1)
    per_label = {name: float(np.median(per_cell[labels.rows(i)])) for i, name in enumerate(labels.names)}
    return Finding(float(np.median(per_cell)), "", per_label, per_cell, "median", params=_LISI | {"n_neighbors": k})


def cilisi(space: Space) -> Finding:
    """Return iLISI inside labels: the mean over cells of labels of 10 cells and 2 batches or more.

    From 0 (apart) to 1 (mixed); neighbours are those of the same label (Andreatta et al. 2024, Nat Commun 15:872).
    """
    labels, batch = space.cells.labels, space.cells.batch
    assert batch is not None
    per_cell = np.full(len(space), math.nan)
    for code in range(len(labels)):
        rows = labels.rows(code)
        mine = batch.of(rows)
        if len(rows) < LEAST_CELLS or len(mine) < LEAST_BATCHES:
            continue
        k = min(LISI_NEIGHBORS, len(rows)) - 1
        x = np.ascontiguousarray(space.x[rows])
        indices, distances = space.nearest(x, k)
        lisi = space.backend.inverse_simpson(distances, mine.codes[indices], len(mine), max((k + 1) // 3, 1))
        per_cell[rows] = (lisi - 1) / (len(mine) - 1)
    per_label = per_label_means(per_cell, labels)
    if not per_label:
        return undefined(f"No label has {LEAST_CELLS} cells of {LEAST_BATCHES} batches.")
    params = {"labels_left_out": len(labels) - len(per_label)}
    return Finding(float(np.nanmean(per_cell)), "", per_label, per_cell, "mean", params=params)


def kbet(space: Space) -> Finding:
    """Return the share of cells around which batches are as frequent as in all (chi-square test, global form)."""
    from scipy.special import chdtrc

    batch = space.cells.batch
    assert batch is not None
    if len(batch) < 2:
        return undefined("There is one batch: nothing can be mixed.")
    k = min(KBET_NEIGHBORS, len(space))
    expected = k * batch.sizes / len(space)
    observed = _counts(space, batch, k, itself=True)
    statistic = ((observed - expected) ** 2 / expected).sum(axis=1)
    p = chdtrc(len(batch) - 1, statistic)
    accepted = (p >= KBET_LEVEL).astype(np.float64)
    params = {"n_neighbors": k, "mean_statistic": float(statistic.mean()), "mean_p": float(p.mean()), "form": "global"}
    per_label = per_label_means(accepted, space.cells.labels)
    return Finding(float(accepted.mean()), "", per_label, accepted, "mean", params=params)


def ksim(space: Space) -> Finding:
    """Return the share of cells whose 24 nearest others are to 90 % of their label (Li et al. 2020, Pegasus)."""
    labels = space.cells.labels
    indices, _ = space.neighbors(KSIM_NEIGHBORS)
    k = indices.shape[1]
    same = (labels.codes[indices] == labels.codes[:, None]).sum(axis=1)
    per_cell = (same >= KSIM_SHARE * k).astype(np.float64)
    params = {"n_neighbors": k}
    return Finding(float(per_cell.mean()), "", per_label_means(per_cell, labels), per_cell, "mean", params=params)
