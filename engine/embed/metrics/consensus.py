"""scGraph: whether labels lie to each other as they do inside the batches before integration."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from ..cells import Groups
from ..finding import Finding, undefined
from ..space import Space

__all__ = ["scgraph"]

#: Share that is cut off on both sides of a mean; cells that a batch and a label must have; components of a batch.
TRIM, LEAST_BATCH, LEAST_LABEL, COMPONENTS = 0.05, 100, 10, 10

Floats = npt.NDArray[np.float64]


def scgraph(space: Space) -> Finding:
    """Return the weighted correlation of distances between labels with those inside batches, mean over labels.

    `Corr-Weighted` of scGraph (Wang et al. 2024): of each batch of 100 cells or more, ten principal components of the
    unintegrated vectors, trimmed means of the labels of 10 cells or more, their distances, each column as a share of
    its largest; the consensus is the mean over batches. Of each label, the Pearson correlation of its column with that
    of the embedding, weighted by one over the distance in the consensus. scGraph chooses 1,000 variable genes of each
    batch first; here the unintegrated vectors are taken as they are given.
    """
    labels, batch = space.cells.labels, space.cells.batch
    assert batch is not None
    assert space.unintegrated is not None
    kept = np.flatnonzero(labels.sizes >= LEAST_LABEL)
    large = np.flatnonzero(batch.sizes >= LEAST_BATCH)
    if len(kept) < 3:
        return undefined(f"Fewer than three labels have {LEAST_LABEL} cells.")
    if not len(large):
        return undefined(f"No batch has {LEAST_BATCH} cells.")
    tables = []
    for code in large:
        rows = batch.rows(int(code))
        places = _components(space.unintegrated[rows].astype(np.float64))
        tables.append(_shares(_centers(places, Groups(labels.codes[rows], labels.names), kept)))
    count = np.sum([~np.isnan(table) for table in tables], axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        consensus = np.nansum(tables, axis=0) / count
        consensus /= np.nanmax(np.where(np.isnan(consensus), -1, consensus), axis=0)
    mine = _shares(_centers(space.x.astype(np.float64), labels, kept))
    per_label = {}
    for place, code in enumerate(kept):
        value = _correlation(mine[:, place], consensus[:, place])
        if not math.isnan(value):
            per_label[labels.names[code]] = value
    if not per_label:
        return undefined("No label has distances to two others inside a batch.")
    params = {
        "batches": len(large),
        "batches_left_out": len(batch) - len(large),
        "labels_left_out": len(labels) - len(per_label),
        "trim": TRIM,
    }
    return Finding(float(np.mean(list(per_label.values()))), "", per_label, params=params)


def _components(x: Floats) -> Floats:
    """Return up to ten principal components."""
    moved = x - x.mean(axis=0)
    if moved.shape[1] <= len(moved):
        _, vectors = np.linalg.eigh(moved.T @ moved)
        return np.asarray(moved @ vectors[:, ::-1][:, :COMPONENTS])
    left, values, _ = np.linalg.svd(moved, full_matrices=False)
    return np.asarray((left * values)[:, :COMPONENTS])


def _centers(x: Floats, labels: Groups, kept: npt.NDArray[np.int64]) -> Floats:
    """Return the trimmed mean of each label, one row each; NaN of labels without cells."""
    found = np.full((len(kept), x.shape[1]), math.nan)
    for place, code in enumerate(kept):
        mine = np.sort(x[labels.rows(code)], axis=0)
        cut = int(TRIM * len(mine))
        if len(mine):
            found[place] = mine[cut : len(mine) - cut].mean(axis=0)
    return found


def _shares(centers: Floats) -> Floats:
    """Return the distances between rows, each column as a share of its largest; NaN where a row is not there."""
    apart = np.sqrt(((centers[:, None] - centers) ** 2).sum(axis=2))
    most = np.max(np.where(np.isnan(apart), 0, apart), axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(apart / most)


def _correlation(x: Floats, reference: Floats) -> float:
    """Return the Pearson correlation, weighted by one over the reference; where that is 0, a value has no weight."""
    known = ~np.isnan(x) & ~np.isnan(reference) & (reference > 0)
    if known.sum() < 2:
        return math.nan
    x, y = x[known], reference[known]
    weights = 1 / y / (1 / y).sum()
    x, y = x - weights @ x, y - weights @ y
    scale = math.sqrt((weights @ x**2) * (weights @ y**2))
    return float(weights @ (x * y)) / scale if scale > 0 else math.nan
