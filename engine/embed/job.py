"""The job of ``fastbench embed``: embeddings and labels in, every metric with its anchors out."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from ..command.job import Job
from ..devices import backend_of
from ..options import as_mapping
from ..results.files import write_json
from ..results.folder import ResultFolder
from ..results.progress import Advance
from ..results.tables import Table
from .anchors import ANCHOR_CELLS, COLUMNS, anchors_of, rescaled
from .finding import WHOLE, Finding, Metric, named, undefined
from .inputs import Inputs, read_inputs
from .intervals import interval_of
from .options import EmbedOptions
from .records import as_records, as_vcp, not_converged
from .registry import metrics_of
from .space import Prediction, Space
from .summary import labels_side_by_side, summarised
from .tables import LABEL_COLUMNS, OF_LABELS, RESULT_COLUMNS, SUMMARY_COLUMNS, WIDE_COLUMNS

__all__ = ["EmbedResult", "run_embed"]

_UNINTEGRATED = "unintegrated"
_KINDS = {"text": pl.String, "number": pl.Float64, "integer": pl.Int64}


class _Key(NamedTuple):
    """What names a finding."""

    metric: Metric
    name: str
    variant: str


@dataclass(frozen=True)
class EmbedResult:
    """Tables and account of one run.

    Attributes
    ----------
    options : EmbedOptions
        What was asked for.
    results : polars.DataFrame
        One row a metric and embedding.
    per_label : polars.DataFrame
        One row a metric, embedding and label.
    summary_table : polars.DataFrame
        One row an embedding, the best first.
    inputs : Inputs
        What was read.
    per_cell : polars.DataFrame or None
        What each cell adds to each metric.
    timings : dict of str to float
        Seconds by stage.
    """

    options: EmbedOptions
    results: pl.DataFrame
    per_label: pl.DataFrame
    summary_table: pl.DataFrame
    inputs: Inputs
    per_cell: pl.DataFrame | None = None
    timings: dict[str, float] = field(default_factory=dict)

    def tables(self) -> dict[str, Table | pl.DataFrame]:
        """Return results, their summary and labels, with their columns declared."""
        found: dict[str, Table | pl.DataFrame] = {
            "results.csv": Table(self.results, RESULT_COLUMNS),
            "summary.csv": Table(self.summary_table, SUMMARY_COLUMNS),
            "labels.csv": Table(
                labels_side_by_side(self.per_label, self.inputs.cells.labels.names), WIDE_COLUMNS, OF_LABELS
            ),
            "per_label.csv": Table(self.per_label, LABEL_COLUMNS),
        }
        if self.per_cell is not None:
            found["per_cell.parquet"] = self.per_cell
        return found

    def write_files(self, folder: ResultFolder) -> dict[str, Any]:
        """Write the records of cz-benchmarks."""
        write_json(as_records(self.results), folder.path("results.json"))
        vcp = as_vcp(self.results, as_mapping(self.options), sum(self.timings.values()))
        write_json(vcp, folder.path("results.vcp.json"))
        return {}

    def draw(self, path: Callable[[str], Path]) -> None:
        """Draw the overview and the labels."""
        from .figures import draw_labels, draw_overview

        notes = self.subtitle()
        draw_overview(
            self.results, self.summary_table, path("figures/overview.png"), path("figures/overview.svg"), notes
        )
        draw_labels(self.per_label, path("figures/labels.png"), path("figures/labels.svg"), notes)

    def subtitle(self) -> str:
        """Return what was judged, in words."""
        cells = self.inputs.cells
        batches = f", {len(cells.batch)} batches" if cells.batch is not None else ""
        return f"{len(cells):,} cells of {len(cells.labels)} labels{batches}"

    def notes(self) -> list[str]:
        """Return what was left out, and which classifiers stopped before they converged."""
        return [*self.inputs.notes, *not_converged(self.results)]

    def account(self) -> dict[str, Any]:
        """Return the entries of the manifest."""
        return {
            "inputs": [source.as_dict() for source in self.inputs.sources],
            "dropped": self.inputs.dropped,
            "notes": self.notes(),
            "statistic": {"interval": f"bootstrap, {self.options.level:g}", "neighbors": "exact, euclidean"},
            "device": self.options.device,
        }

    def summary(self) -> Mapping[str, Any]:
        """Return what ``--json`` prints."""
        return {
            "cells": len(self.inputs.cells),
            "labels": len(self.inputs.cells.labels),
            "embeddings": self.summary_table.to_dicts(),
            "results": self.results.drop("params").to_dicts(),
        }


def run_embed(options: EmbedOptions, job: Job | None = None, inputs: Inputs | None = None) -> EmbedResult:
    """Read, judge and compare with the anchors.

    Parameters
    ----------
    options : EmbedOptions
        What to do.
    job : Job, optional
        Shows progress, and keeps what was found of each embedding and metric.
    inputs : Inputs, optional
        What is in memory, in the place of the files.

    Returns
    -------
    EmbedResult
        Nothing is written, but what `job` keeps.
    """
    job = job or Job()
    with job.stage("reading embeddings", "read"):
        inputs = inputs or read_inputs(options)
    cells = inputs.cells
    metrics = metrics_of(options.tasks, inputs.given)
    judged = dict(inputs.vectors)
    if inputs.unintegrated is not None and _UNINTEGRATED not in judged:
        judged[_UNINTEGRATED] = inputs.unintegrated
    digests = [source.sha256 for source in inputs.sources]
    found: dict[str, dict[_Key, Finding]] = {}
    anchors: dict[str, dict[_Key, dict[str, float]]] = {}
    for name, x in judged.items():
        space = _space(x, inputs, options)
        with job.stage(
            f"{name}: {len(metrics)} metrics of {len(x):,} cells in {x.shape[1]} dimensions", name
        ) as advance:
            space.advance = partial(_tell, advance)
            found[name] = _judge(space, metrics, partial(_kept, job, name, digests))
        if options.anchors == "all":
            with job.stage(f"{name}: anchors", f"{name}, anchors"):
                anchors[name] = _anchors(space, options, metrics, job, name, digests)
    results, labels, per_cell = _tables(found, anchors, cells, options)
    every = pl.DataFrame(results, schema=_schema(), orient="row")
    return EmbedResult(
        options,
        every,
        pl.DataFrame(
            labels,
            schema={column.name: _KINDS[column.kind] for column in LABEL_COLUMNS},
            orient="row",
        ),
        summarised(every),
        inputs,
        pl.concat([inputs.ids, pl.DataFrame(per_cell)], how="horizontal") if options.per_cell else None,
        dict(job.timings),
    )


def _tell(advance: Advance, share: float) -> None:
    advance(int(1000 * share), 1000)


def _kept(job: Job, of: str, digests: list[str], key: str, compute: Callable[[], Any]) -> Any:
    return job.steps.do(f"{of} {key}", compute, digests)


def _space(x: np.ndarray, inputs: Inputs, options: EmbedOptions) -> Space:
    backend = backend_of(options.device)
    prediction = Prediction(options.classifiers, options.aggregate)
    return Space(
        x,
        inputs.cells,
        backend,
        unintegrated=inputs.unintegrated,
        threads=options.threads,
        prediction=prediction,
        known=inputs.known,
    )


def _judge(space: Space, metrics: list[Metric], keep: Callable[[str, Callable[[], Any]], Any]) -> dict[_Key, Finding]:
    """Return what each metric finds; several findings may come from one computation."""
    found: dict[_Key, Finding] = {}
    for metric in metrics:

        def compute(metric: Metric = metric) -> list[dict[str, Any]]:
            value = undefined("All vectors are equal.") if space.is_constant else metric.compute(space)
            return [_packed(name, each) for name, each in named(value, metric.name)]

        for packed in keep(metric.name, compute):
            name, finding = _unpacked(packed)
            found[_Key(metric, name, finding.variant)] = finding
    return found


def _packed(name: str, finding: Finding) -> dict[str, Any]:
    """Return a finding as a step keeps it."""
    return {
        "name": name,
        "variant": finding.variant,
        "value": None if math.isnan(finding.value) else finding.value,
        "reason": finding.reason,
        "per_label": dict(finding.per_label),
        "per_cell": finding.per_cell,
        "statistic": finding.statistic,
        "rescaled": list(finding.rescaled),
        "params": dict(finding.params),
    }


def _unpacked(packed: Mapping[str, Any]) -> tuple[str, Finding]:
    value = math.nan if packed["value"] is None else packed["value"]
    start, slope = packed["rescaled"]
    return packed["name"], Finding(
        value,
        packed["reason"],
        packed["per_label"],
        packed["per_cell"],
        packed["statistic"],
        (start, slope),
        packed["params"],
        packed["variant"],
    )


def _anchors(
    space: Space, options: EmbedOptions, metrics: list[Metric], job: Job, name: str, digests: list[str]
) -> dict[_Key, dict[str, float]]:
    """Return the values of anchors by metric and anchor."""
    rows = np.arange(len(space))
    if len(rows) > ANCHOR_CELLS:
        rows = np.sort(np.random.default_rng(options.seed).choice(rows, ANCHOR_CELLS, replace=False))
        space = space.of(rows)
    values: dict[_Key, dict[str, float]] = {}
    for anchor in anchors_of(space, options.seed):
        wanted = [metric for metric in metrics if anchor.serves(metric)]
        found = _judge(anchor.space, wanted, partial(_kept, job, f"{name} {anchor.name}", digests))
        for key, finding in found.items():
            values.setdefault(key, {})[anchor.name] = finding.value
    return values


def _schema() -> dict[str, Any]:
    return {column.name: _KINDS[column.kind] for column in RESULT_COLUMNS}


def _tables(
    found: Mapping[str, Mapping[_Key, Finding]],
    anchors: Mapping[str, Mapping[_Key, Mapping[str, float]]],
    cells: Any,
    options: EmbedOptions,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, np.ndarray]]:
    """Return the rows of results and of labels, and the columns of cells."""
    results: list[dict[str, Any]] = []
    labels: list[dict[str, Any]] = []
    per_cell: dict[str, np.ndarray] = {}
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
                    "value": _or_none(finding.value),
                    "status": finding.reason or "ok",
                    "lower": _or_none(lower),
                    "upper": _or_none(upper),
                    **{column: _or_none(near.get(anchor, math.nan)) for anchor, column in COLUMNS.items()},
                    "score": _or_none(rescaled(metric, finding.value, near)) if near else None,
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


def _column(name: str, key: _Key, taken: Mapping[str, Any]) -> str:
    """Return the name of a column of cells: its variant and task stand in it where it needs them."""
    plain = " ".join([name, key.name, *([] if key.variant == WHOLE else [key.variant])])
    return plain if plain not in taken else f"{plain} ({key.metric.task})"


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value
