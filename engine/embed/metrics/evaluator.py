"""sBEE: batches inside labels, mixed among neighbours and as near as the cells of one batch."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from ..finding import Finding, undefined
from ..space import Space
from .neighborhoods import LISI_NEIGHBORS

__all__ = ["sbee"]

#: How sharply a distance to other batches counts.
SENSITIVITY = 0.15
_BLOCK = 2**22  # distances that are held at once

Floats = npt.NDArray[np.float64]


def sbee(space: Space) -> Finding:
    """Return the single-cell batch effect evaluator of scib-metrics 0.6 (Myradov et al. 2026).

    Each cell has the harmonic mean of two parts: 1 - the Jensen-Shannon distance (base 2) between the batches of its
    label among its 90 nearest, itself included, and in all; and exp(-(1 - r) / 0.15), with r the median distance to its
    label in its batch over that to its label in other batches, at most 1. The mean of cells of a label and batch, then
    of batches, then of labels. A label of one batch has 1. Cells that are alone in their label and batch, or coincide
    with half of a side, have no r and are left out; in compat mode they count 0, as in scib-metrics.
    """
    labels, batch = space.cells.labels, space.cells.batch
    assert batch is not None
    if len(batch) < 2:
        return undefined("There is one batch: nothing can be mixed.")
    apart, k = _apart(space)
    mixed = 1 - apart
    near = np.exp(-(1 - np.minimum(_ratios(space), 1)) / SENSITIVITY)
    with np.errstate(invalid="ignore", divide="ignore"):
        per_cell = np.where(mixed + near > 0, 2 * mixed * near / (mixed + near), 0.0)
    per_cell = np.where(np.isnan(near), 0.0 if space.mode.compat else math.nan, per_cell)
    per_label: dict[str, float] = {}
    single = 0
    for code, name in enumerate(labels.names):
        rows = labels.rows(code)
        known = rows[~np.isnan(per_cell[rows])]
        if not len(known):
            continue
        mine = batch.of(known)
        single += len(np.unique(batch.codes[rows])) == 1
        means = np.bincount(mine.codes, per_cell[known]) / mine.sizes
        per_label[name] = float(means.mean())
    if not per_label:
        return undefined("No cell has another of its label and batch.")
    params = {
        "n_neighbors": k,
        "labels_of_one_batch": int(single),
        "cells_left_out": int(np.isnan(per_cell).sum()),
        **space.mode.params,
    }
    return Finding(float(np.mean(list(per_label.values()))), "", per_label, params=params)


def _apart(space: Space) -> tuple[Floats, int]:
    """Return the Jensen-Shannon distance of each cell, and how many neighbours there are, itself included."""
    labels, batch = space.cells.labels, space.cells.batch
    assert batch is not None
    n, width = len(space), len(batch)
    k = min(LISI_NEIGHBORS, n)
    indices, _ = space.neighbors(k - 1)
    # Of a label with fewer cells than neighbours, only as many of the nearest count.
    taken = np.arange(1, k) < np.minimum(labels.sizes, k)[labels.codes][:, None]
    same = taken & (labels.codes[indices] == labels.codes[:, None])
    flat = (np.arange(n)[:, None] * width + batch.codes[indices])[same]
    around = np.bincount(flat, minlength=n * width).reshape(n, width).astype(np.float64)
    around[np.arange(n), batch.codes] += 1
    whole = np.zeros((len(labels), width))
    np.add.at(whole, (labels.codes, batch.codes), 1)
    p, q = around / around.sum(axis=1, keepdims=True), (whole / whole.sum(axis=1, keepdims=True))[labels.codes]
    middle = (p + q) / 2

    def divergence(share: Floats) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.where(share > 0, share * np.log2(share / middle), 0.0).sum(axis=1))

    return np.sqrt(np.maximum((divergence(p) + divergence(q)) / 2, 0)), k


def _ratios(space: Space) -> Floats:
    """Return the median distance inside the batch over that to other batches, of cells of the label; NaN: none."""
    from scipy.spatial.distance import cdist

    labels, batch = space.cells.labels, space.cells.batch
    assert batch is not None
    found = np.full(len(space), math.nan)
    for code in range(len(labels)):
        rows = labels.rows(code)
        x, codes = space.x[rows].astype(np.float64), batch.codes[rows]
        batches = np.unique(codes)
        step = max(_BLOCK // len(rows), 1)
        for each in batches:
            inside = codes == each
            mine = np.flatnonzero(inside)
            if len(mine) < 2:
                continue
            if len(batches) == 1:
                found[rows] = 1.0
                continue
            for start in range(0, len(mine), step):
                block = mine[start : start + step]
                within = cdist(x[block], x[mine])
                within[np.arange(len(block)), np.arange(start, start + len(block))] = np.inf
                others = np.median(cdist(x[block], x[~inside]), axis=1)
                own = _median_without_one(within)
                positive = (own > 0) & (others > 0)
                found[rows[block[positive]]] = own[positive] / others[positive]
    return found


def _median_without_one(distances: Floats) -> Floats:
    """Return the median of rows that hold one infinity, which does not count."""
    m = distances.shape[1] - 1
    low, high = (m - 1) // 2, m // 2
    ordered = np.partition(distances, (low, high), axis=1)
    return np.asarray((ordered[:, low] + ordered[:, high]) / 2)
