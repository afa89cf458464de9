"""What ``fastbench embed`` would do, and what it would cost."""

from __future__ import annotations

import polars as pl

from ..command.command import Work
from .inputs import read_inputs
from .options import EmbedOptions
from .registry import metrics_of

__all__ = ["plan_embed"]

# Measured on two cores: products of float32 and of float64 a second, and what a run takes at least.
_SINGLE, _DOUBLE, _LEAST = 6e10, 3e10, 1.0


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
    given = [name for name in ("batch", "order") if getattr(cells, name) is not None]
    given += ["unintegrated"] if inputs.unintegrated is not None else []
    given += inputs.needs_met
    names = {metric.name for metric in metrics_of(options.tasks, given)}
    n = float(len(cells))
    rows, seconds = [], _LEAST
    for name, x in inputs.vectors.items():
        flops = n * n * x.shape[1]
        rows.append({"embedding": name, "cells": len(x), "dimensions": x.shape[1], "flops": 2 * flops})
        seconds += flops / _SINGLE + flops / _DOUBLE
    if options.anchors == "all":
        seconds += len(rows) * 4 * min(n, 20_000.0) ** 2 * 64 / _DOUBLE
    costs = {
        "cells": len(cells),
        "labels": len(cells.labels),
        "metrics": len(names),
        "seconds": seconds,
        "peak_megabytes": 400
        + n * (200 * 16 + 400 * 8 + 8 * len(cells.labels) + 12 * max(r["dimensions"] for r in rows)) / 1e6,
    }
    return Work(pl.DataFrame(rows), costs, inputs.notes, "embeddings")
