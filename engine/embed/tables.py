"""The columns of what ``fastbench embed`` writes, and their rows."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..results.tables import Column, or_none
from .anchors import COLUMNS, rescaled
from .cells import Cells
from .finding import WHOLE, Finding, Key
from .intervals import interval_of
from .options import EmbedOptions

__all__ = ["LABEL_COLUMNS", "OF_LABELS", "RESULT_COLUMNS", "SUMMARY_COLUMNS", "WIDE_COLUMNS", "rows_of"]

RESULT_COLUMNS = (
    Column("embedding", "text", "Its name."),
    Column("task", "text", "Task, as cz-benchmarks names it."),
    Column("metric_type", "text", "Metric."),
    Column("variant", "text", "What tells values of one metric apart, such as the classifier; all: the whole."),
    Column("family", "text", "What is judged: biology, batch, order or perturbation (which is in no total)."),
    Column("value", "number", "Value of the metric, higher is better; missing where it is not defined."),
    Column("status", "text", "Why the value is missing; else 'ok'."),
    Column("lower", "number", "Lower bound of the bootstrap interval; of metrics that are a mean or median of cells."),
    Column("upper", "number", "Upper bound."),
    Column("unintegrated", "number", "The metric of the cells before integration (--unintegrated)."),
    Column("random", "number", "The metric of random vectors."),
    Column(
        "shuffled",
        "number",
        "The metric of this embedding with labels (the order; of batches, batches inside each label) shuffled.",
    ),
    Column("one_hot_labels", "number", "The metric of vectors with one place a label."),
    Column("one_hot_batches", "number", "The metric of vectors with one place a batch."),
    Column("score", "number", "The value between the worst (0) and the best (1) of these, not cut off."),
    Column("params", "text", "What it was computed with, as JSON."),
)
LABEL_COLUMNS = (
    Column("embedding", "text", "Its name."),
    Column("task", "text", "Task."),
    Column("metric_type", "text", "Metric."),
    Column("variant", "text", "As in results.csv."),
    Column("label", "text", "Label, place in the order, or fold of cells."),
    Column("n_cells", "integer", "Cells of the label; missing of others."),
    Column("value", "number", "Value of the metric among them."),
)
#: What the other columns of ``labels.csv`` mean.
OF_LABELS = "Value of this metric among the cells of the label, see per_label.csv."
WIDE_COLUMNS = (
    Column("embedding", "text", "Its name."),
    Column("label", "text", "Label."),
    Column("n_cells", "integer", "Its cells."),
)
SUMMARY_COLUMNS = (
    Column("embedding", "text", "Its name."),
    Column(
        "biology",
        "number",
        "Mean score of biology: of metrics that all embeddings with a value have, the mean by task, then of tasks.",
    ),
    Column("batch", "number", "The same of the metrics of batches."),
    Column("order", "number", "The same of the metrics of order."),
    Column("total", "number", "0.6 biology + 0.4 batch, as scib; the one that is there where one is missing."),
    Column("above_random", "boolean", "Whether the mean score of biology is above 0.05, what random vectors may have."),
    Column("rank", "integer", "1 is best by total; what is not above random vectors comes after all that is."),
)


def rows_of(
    found: Mapping[str, Mapping[Key, Finding]],
    anchors: Mapping[str, Mapping[Key, Mapping[str, float]]],
    before: Mapping[Key, Finding],
    cells: Cells,
    options: EmbedOptions,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, npt.NDArray[np.float64]]]:
    """Return the rows of results and of labels, and the columns of cells.

    Parameters
    ----------
    found : mapping of str to mapping of Key to Finding
        By embedding.
    anchors : mapping of str to mapping of Key to mapping of str to float
        Their values by embedding and finding.
    before : mapping of Key to Finding
        Of the unintegrated cells.
    cells : Cells
        That were judged.
    options : EmbedOptions
        How intervals are drawn.
    """
    results: list[dict[str, Any]] = []
    labels: list[dict[str, Any]] = []
    per_cell: dict[str, npt.NDArray[np.float64]] = {}
    sizes = dict(zip(cells.labels.names, cells.labels.sizes.tolist(), strict=True))
    for name, findings in found.items():
        for key, finding in findings.items():
            metric = key.metric
            lower, upper = interval_of(finding, cells.donor, options.bootstrap, options.level, options.seed)
            near = anchors.get(name, {}).get(key, {})
            results.append(
                {
                    "embedding": name,
                    "task": metric.task,
                    "metric_type": key.name,
                    "variant": key.variant,
                    "family": metric.family,
                    "value": or_none(finding.value),
                    "status": finding.reason or "ok",
                    "lower": or_none(lower),
                    "upper": or_none(upper),
                    "unintegrated": or_none(before[key].value) if key in before else None,
                    **{column: or_none(near.get(anchor, math.nan)) for anchor, column in COLUMNS.items()},
                    "score": or_none(rescaled(metric, finding.value, near)) if near else None,
                    "params": json.dumps(dict(finding.params), sort_keys=True),
                }
            )
            labels += [
                {
                    "embedding": name,
                    "task": metric.task,
                    "metric_type": key.name,
                    "variant": key.variant,
                    "label": label,
                    "n_cells": sizes.get(label),
                    "value": value,
                }
                for label, value in finding.per_label.items()
            ]
            if finding.per_cell is not None:
                per_cell[_column(name, key, per_cell)] = finding.per_cell
    return results, labels, per_cell


def _column(name: str, key: Key, taken: Mapping[str, Any]) -> str:
    """Return the name of a column of cells: its variant and task stand in it where it needs them."""
    plain = " ".join([name, key.name, *([] if key.variant == WHOLE else [key.variant])])
    return plain if plain not in taken else f"{plain} ({key.metric.task})"
