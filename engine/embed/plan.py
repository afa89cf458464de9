"""What ``fastbench embed`` would do, and what it would cost."""

from __future__ import annotations

import math
from typing import NamedTuple

import polars as pl

from ..command.command import Work
from .anchors import ANCHOR_CELLS
from .counts import COMPONENTS
from .finding import ANCHORS
from .inputs.reading import read_inputs
from .options import EmbedOptions
from .registry import metrics_of

__all__ = ["plan_embed"]

# Measured on two cores: products of float32 and of float64 a second, and what a run takes at least.
_SINGLE, _DOUBLE, _LEAST = 6e10, 3e10, 1.0
# Seconds of five folds of 10,000 cells, divided by the root of the dimensions.
_FITS = {"lr": 0.1, "knn": 0.05, "rf": 6.0}
# Seconds a cell, of metrics whose work grows with the cells.
_A_CELL = {
    "clustering": 1.6e-4,
    "cilisi": 2e-5,
    "kbet_per_label": 8e-5,
    "sbee": 1.5e-5,
    "perturbation_consistency": 2e-5,
    "perturbation_magnitude": 2e-5,
}
_ANCHOR_DIMENSIONS = 32


class _Size(NamedTuple):
    """What decides the work of a metric."""

    cells: float
    dimensions: int
    labels: int
    species: int


def _seconds(metric: str, size: _Size, options: EmbedOptions) -> float:
    """Return the seconds of one metric, without neighbours and sums of distances."""
    n, d, labels, species = size
    folds = sum(_FITS[name] for name in options.classifiers) * n / 1e4 * math.sqrt(d)
    if metric == "label_prediction":
        return folds
    if metric == "cross-species_label_prediction":  # folds inside each, and one fit for each other species
        return folds * (1 + (species - 1) / 5)
    if metric == "kmeans":
        return 4e-8 * n * labels * d
    if metric == "retrieval_map":  # pairs of queries and cells
        return min(options.retrieval_queries or n, n) * n * (2.5e-9 + 2 * d / _SINGLE)
    if metric == "recall_of_relations":  # pairs of labels
        return labels**2 * (2e-8 + 2 * d / _DOUBLE)
    inside = n * n * d / labels / _DOUBLE if metric in ("batch_silhouette", "cilisi", "sbee") else 0.0
    return _A_CELL.get(metric, 0.0) * n + inside


def _shared(size: _Size) -> float:
    """Return the seconds of neighbours and sums of distances to labels."""
    return size.cells**2 * size.dimensions * (1 / _SINGLE + 1 / _DOUBLE)


def plan_embed(options: EmbedOptions) -> Work:
    """Read the files and count.

    Parameters
    ----------
    options : EmbedOptions
        What would be done.

    Returns
    -------
    Work
        One row an embedding; flops, seconds and megabytes in all.
    """
    inputs = read_inputs(options)
    cells = inputs.cells
    metrics = metrics_of(options.tasks, inputs.given)
    n = len(cells)
    all_cells = _Size(n, 0, len(cells.labels), len(cells.species) if cells.species is not None else 1)
    rows, seconds = [], _LEAST
    for name, x in inputs.vectors.items():
        size = all_cells._replace(dimensions=x.shape[1])
        rows.append({"embedding": name, "cells": n, "dimensions": x.shape[1], "flops": 2.0 * n * n * x.shape[1]})
        seconds += _shared(size) + sum(_seconds(metric.name, size, options) for metric in metrics)
        if options.anchors == "all":
            size = all_cells._replace(cells=min(n, ANCHOR_CELLS), dimensions=_ANCHOR_DIMENSIONS)
            seconds += len(ANCHORS) * _shared(size)
            seconds += sum(len(metric.anchors) * _seconds(metric.name, size, options) for metric in metrics)
            if n > ANCHOR_CELLS:  # batches are shuffled among all cells
                size = all_cells._replace(dimensions=x.shape[1])
                seconds += sum(_seconds(metric.name, size, options) for metric in metrics if metric.mixes)
    if "unintegrated" in inputs.given:
        before = inputs.before.vectors
        size = all_cells._replace(dimensions=COMPONENTS if before is None else before.shape[1])
        seconds += _shared(size) + sum(_seconds(metric.name, size, options) for metric in metrics)
    widest = max(row["dimensions"] for row in rows)
    a_cell = 200 * 16 + 400 * 8 + 8 * len(cells.labels) + 12 * widest
    if options.per_cell:
        a_cell += 8 * len(rows) * len(metrics)
    megabytes = 400 + n * a_cell / 1e6
    if options.anchors == "all":
        megabytes += 100 + min(n, ANCHOR_CELLS) * 8e-3
    if inputs.before.counts is not None:
        megabytes += 20e-6 * inputs.before.counts.nnz
        seconds += 1.5e-7 * inputs.before.counts.nnz
    costs = {
        "cells": n,
        "labels": len(cells.labels),
        "metrics": len(metrics),
        "seconds": seconds,
        "peak_megabytes": megabytes,
    }
    return Work(pl.DataFrame(rows), costs, inputs.notes, "embeddings")
