"""What ``fastbench perturb`` would do, and what it would cost."""

from __future__ import annotations

from typing import Any

import polars as pl

from ..command.command import Work
from .inputs.reading import read_screens
from .job import prepared
from .options import PerturbOptions
from .presets import chosen
from .screens.screen import Screen

__all__ = ["plan_perturb"]

# Measured on two cores: entries that are ranked or added up a second, and genes of pairs of cells; seconds of a run,
# and of a screen, whatever their size.
_ENTRIES, _PAIRS, _RUN, _SCREEN = 3e7, 2e10, 2.5, 0.25
#: Baselines that are judged beside the predictions, as a rule.
_BASELINES = 5


def plan_perturb(options: PerturbOptions) -> Work:
    """Read the files and count.

    Parameters
    ----------
    options : PerturbOptions
        What would be done.

    Returns
    -------
    Work
        One row a screen; entries, seconds and megabytes in all.
    """
    inputs, preset = prepared(options, read_screens(options))
    metrics = chosen(preset, options.metrics)
    families = {metric.family for metric in metrics}
    truth = inputs.truth
    screens = [truth, *inputs.predictions]
    judged = len(inputs.predictions) + _BASELINES + options.splits  # two halves are about one screen
    entries = float(_entries(truth))
    passes = 2 + 2 * ("differential" in families)
    each = float(len(truth)) / max(len(truth.panel.conditions), 1)
    pairs = 3 * len(truth) * each * len(truth.panel.genes) if "distribution" in families else 0.0
    seconds = _RUN + judged * (_SCREEN + passes * entries / _ENTRIES + pairs / _PAIRS)
    table = pl.DataFrame(
        {
            "screen": [screen.name for screen in screens],
            "cells": [len(screen) for screen in screens],
            "genes": [len(truth.panel.genes)] * len(screens),
            "entries": [_entries(screen) for screen in screens],
        }
    )
    arrays = 12 * (len(truth.panel.conditions) + 1) * len(truth.panel.genes) * 8
    costs = {
        "perturbations": len(truth.panel.conditions),
        "metrics": len(metrics),
        "screens_judged": judged,
        "seconds": seconds,
        "peak_megabytes": 450
        + (max(map(_entries, screens)) * 44 + sum(_entries(s) * 8 for s in screens) + arrays) / 1e6,
    }
    return Work(table, costs, inputs.notes, "screens")


def _entries(screen: Screen) -> int:
    matrix: Any = screen.matrix
    return int(matrix.nnz if hasattr(matrix, "nnz") else matrix.size)
