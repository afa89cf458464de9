"""Silhouettes: how near cells are to those of their label, and how little to those of their batch."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ..cells import Groups
from ..finding import Finding, undefined
from ..space import Space, silhouettes_of

__all__ = ["batch_silhouette", "bras", "isolated_labels", "label_silhouette", "order_silhouette"]

Floats = npt.NDArray[np.float64]


def per_label_means(values: Floats, labels: Groups) -> dict[str, float]:
    """Return the mean value of each label; NaN values are left out, and labels of nothing else."""
    known = ~np.isnan(values)
    sums = np.bincount(labels.codes[known], values[known], len(labels))
    counts = np.bincount(labels.codes[known], minlength=len(labels))
    return {name: float(sums[i] / counts[i]) for i, name in enumerate(labels.names) if counts[i]}


def label_silhouette(space: Space) -> Finding:
    """Return the mean silhouette of labels, on a scale from 0 to 1: `silhouette_label` of scib-metrics."""
    labels = space.cells.labels
    if reason := _too_few(space, labels, "labels, and a label of two cells"):
        return undefined(reason)
    s = space.label_silhouettes
    per_label = per_label_means(s, labels)
    return Finding(
        (float(s.mean()) + 1) / 2,
        "",
        per_label,
        s,
        "mean",
        (0.5, 0.5),
        {"distance": "euclidean"} | _said(space, labels),
    )


def _said(space: Space, groups: Groups) -> dict[str, str]:
    """Return the mode, where silhouettes of one group are 0 because of it."""
    return space.mode.params if len(groups) < 2 else {}


def _too_few(space: Space, groups: Groups, need: str) -> str:
    """Return why silhouettes of groups are not defined; empty where they are, or the peers take them for 0."""
    apart = 1 < len(groups) < len(space)
    return "" if apart or space.mode.compat else f"Silhouettes need at least two {need}."


def order_silhouette(space: Space) -> Finding:
    """Return the mean silhouette of the places in the order, as if they were labels."""
    order = space.cells.order
    assert order is not None
    names, codes = np.unique(order, return_inverse=True)
    groups = Groups(codes.astype(np.int64), tuple(f"{name:g}" for name in names))
    if reason := _too_few(space, groups, "places in the order, and two cells at one of them"):
        return undefined(reason)
    s = silhouettes_of(space.sums(space.x, groups), groups)
    return Finding(
        (float(s.mean()) + 1) / 2, "", per_label_means(s, groups), s, "mean", (0.5, 0.5), _said(space, groups)
    )


def isolated_labels(space: Space) -> Finding:
    """Return the mean silhouette, from 0 to 1, of the labels that occur in the fewest batches."""
    labels = space.cells.labels
    if reason := _too_few(space, labels, "labels, and a label of two cells"):
        return undefined(reason)
    n_batches = space.cells.batches_of_labels
    chosen = np.flatnonzero(n_batches == n_batches.min())
    means = per_label_means((space.label_silhouettes + 1) / 2, labels)
    per_label = {labels.names[code]: means[labels.names[code]] for code in chosen}
    value = float(np.mean(list(per_label.values())))
    return Finding(value, "", per_label, params={"batches": int(n_batches.min())} | _said(space, labels))


def _within_labels(space: Space, of: Callable[[npt.NDArray[np.floating], Groups], Floats]) -> Finding:
    """Return the mean over labels of the mean 1 - |s| of silhouettes of batches inside each label."""
    labels, batch = space.cells.labels, space.cells.batch
    assert batch is not None
    per_cell = np.full(len(space), math.nan)
    for code in range(len(labels)):
        rows = labels.rows(code)
        mine = batch.of(rows)
        if 1 < len(mine) < len(rows):
            per_cell[rows] = 1 - np.abs(of(np.ascontiguousarray(space.x[rows]), mine))
    per_label = per_label_means(per_cell, labels)
    if not per_label:
        return undefined("No label has cells of two batches, and two cells of one of them.")
    left_out = len(labels) - len(per_label)
    return Finding(float(np.mean(list(per_label.values()))), "", per_label, params={"labels_left_out": left_out})


def batch_silhouette(space: Space) -> Finding:
    """Return how little batches show inside labels: `silhouette_batch` of scib-metrics.

    Silhouettes of nested batches mislead (Rautenstrauch and Ohler 2025): prefer `bras`.
    """
    return _within_labels(space, lambda x, batch: silhouettes_of(space.sums(x, batch), batch))


def bras(space: Space) -> Finding:
    """Return batch-removal adapted silhouettes: cosine distances, all other batches together (same authors).

    In compat mode distances to cells without direction are missing, as in scib-metrics: inside a batch they make its
    silhouettes 0, to other batches they are no distance at all.
    """
    lost_cells = bool(_without_direction(space.x).any())
    if lost_cells and not space.mode.compat:
        return undefined("A cell is zero in all dimensions, so that it has no cosine.")

    def of(x: npt.NDArray[np.floating], batch: Groups) -> Floats:
        without = _without_direction(x)
        x[without] = 1  # any direction: no sum that it is part of stays
        sums = space.backend.cosine_sums(x, batch.codes, len(batch))
        # What 1 - cos leaves of vectors of one direction is rounding, whose silhouette would be any number.
        sums[sums <= (x.shape[1] + 8) * np.finfo(np.float64).eps * batch.sizes] = 0
        if without.any():
            lost = np.unique(batch.codes[without])
            mine = np.isin(batch.codes, lost)
            sums[:, lost] = 0
            sums[mine, batch.codes[mine]] = math.nan
        return silhouettes_of(sums, batch, pooled=True)

    found = _within_labels(space, of)
    return replace(found, params={**found.params, **space.mode.params}) if lost_cells else found


def _without_direction(x: npt.NDArray[np.floating]) -> npt.NDArray[np.bool_]:
    return np.asarray(np.einsum("ij,ij->i", x, x) == 0)
