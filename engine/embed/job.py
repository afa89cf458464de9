"""The job of ``fastbench embed``: embeddings and labels in, every metric with its anchors out."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ..command.job import Job
from ..devices import backend_of
from ..results.folder import ResultFolder
from ..results.progress import Advance
from ..results.tables import Table
from .anchors import ANCHOR_CELLS, anchor_spaces, rescaled
from .finding import Finding, Metric
from .inputs import Inputs, read_inputs
from .intervals import interval_of
from .options import EmbedOptions
from .records import as_records
from .registry import metrics_of
from .space import Space
from .summary import summarised
from .tables import LABEL_COLUMNS, RESULT_COLUMNS, SUMMARY_COLUMNS

__all__ = ["EmbedResult", "run_embed"]

#: Names of anchors as columns of ``results.csv``.
_ANCHORS = {"random": "random", "shuffled": "shuffled", "labels": "one_hot_labels", "batches": "one_hot_batches"}
_UNINTEGRATED = "unintegrated"
#: Needs of metrics that random vectors or one place a label say nothing of; their chance is known, or tested.
_WITHOUT_ANCHORS = {_UNINTEGRATED, "relations", "control-labels"}


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
            "per_label.csv": Table(self.per_label, LABEL_COLUMNS),
        }
        if self.per_cell is not None:
            found["per_cell.parquet"] = self.per_cell
        return found

    def write_files(self, folder: ResultFolder) -> dict[str, Any]:
        """Write the records of cz-benchmarks."""
        folder.path("results.json").write_text(json.dumps(as_records(self.results), indent=1))
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

    def account(self) -> dict[str, Any]:
        """Return the entries of the manifest."""
        return {
            "inputs": [source.as_dict() for source in self.inputs.sources],
            "dropped": self.inputs.dropped,
            "notes": list(self.inputs.notes),
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
    given = [
        *(["batch"] if cells.batch is not None else []),
        *(["order"] if cells.order is not None else []),
        *([_UNINTEGRATED] if inputs.unintegrated is not None else []),
        *inputs.needs_met,
    ]
    metrics = metrics_of(options.tasks, given)
    judged = dict(inputs.vectors)
    if inputs.unintegrated is not None and _UNINTEGRATED not in judged:
        judged[_UNINTEGRATED] = inputs.unintegrated
    digests = [source.sha256 for source in inputs.sources]
    found: dict[str, dict[tuple[Metric, str], Finding]] = {}
    anchors: dict[str, dict[str, dict[str, float]]] = {}
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
            labels, schema={"embedding": str, "metric_type": str, "label": str, "n_cells": int, "value": float}
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
    return Space(
        x, inputs.cells, backend, unintegrated=inputs.unintegrated, threads=options.threads, known=inputs.known
    )


def _judge(
    space: Space, metrics: list[Metric], keep: Callable[[str, Callable[[], Any]], Any]
) -> dict[tuple[Metric, str], Finding]:
    """Return what each metric finds, by metric and name; several may come from one computation."""
    found: dict[tuple[Metric, str], Finding] = {}
    for metric in metrics:

        def compute(metric: Metric = metric) -> list[dict[str, Any]]:
            started = time.process_time()
            value = metric.compute(space)
            several = value if isinstance(value, Mapping) else {metric.name: value}
            return [_packed(name, each, time.process_time() - started) for name, each in several.items()]

        for packed in keep(metric.name, compute):
            name, finding = _unpacked(packed)
            found[metric, name] = finding
    return found


def _packed(name: str, finding: Finding, seconds: float) -> dict[str, Any]:
    """Return a finding as a step keeps it."""
    return {
        "name": name,
        "value": None if math.isnan(finding.value) else finding.value,
        "reason": finding.reason,
        "per_label": dict(finding.per_label),
        "per_cell": finding.per_cell,
        "statistic": finding.statistic,
        "rescaled": list(finding.rescaled),
        "params": dict(finding.params) | {"cpu_seconds": round(seconds, 3)},
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
        {key: each for key, each in packed["params"].items() if key != "cpu_seconds"},
    )


def _anchors(
    space: Space, options: EmbedOptions, metrics: list[Metric], job: Job, name: str, digests: list[str]
) -> dict[str, dict[str, float]]:
    """Return the values of anchors by metric name and anchor."""
    rows = np.arange(len(space))
    if len(rows) > ANCHOR_CELLS:
        rows = np.sort(np.random.default_rng(options.seed).choice(rows, ANCHOR_CELLS, replace=False))
    whole = len(rows) == len(space)
    x, cells = (space.x, space.cells) if whole else (np.ascontiguousarray(space.x[rows]), space.cells.of(rows))
    spaces = anchor_spaces(
        x,
        cells,
        space.backend,
        options.seed,
        options.threads,
        (lambda: space.neighbors(len(space))) if whole else None,
    )
    wanted = [metric for metric in metrics if not _WITHOUT_ANCHORS & set(metric.needs)]
    values: dict[str, dict[str, float]] = {}
    for anchor, other in spaces:
        found = _judge(other, wanted, partial(_kept, job, f"{name} {anchor}", digests))
        for (_, key), finding in found.items():
            values.setdefault(key, {})[anchor] = finding.value
    return values


def _schema() -> dict[str, Any]:
    kinds = {"text": pl.String, "number": pl.Float64}
    return {column.name: kinds[column.kind] for column in RESULT_COLUMNS}


def _tables(
    found: Mapping[str, Mapping[tuple[Metric, str], Finding]],
    anchors: Mapping[str, Mapping[str, Mapping[str, float]]],
    cells: Any,
    options: EmbedOptions,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, np.ndarray]]:
    """Return the rows of results and of labels, and the columns of cells."""
    results, labels, per_cell = [], [], {}
    sizes = dict(zip(cells.labels.names, cells.labels.sizes.tolist(), strict=True))
    for name, findings in found.items():
        for (metric, key), finding in findings.items():
            lower, upper = interval_of(finding, cells.donor, options.bootstrap, options.level, options.seed)
            near = anchors.get(name, {}).get(key, {})
            results.append(
                {
                    "embedding": name,
                    "task": metric.task,
                    "metric_type": key,
                    "family": metric.family,
                    "value": _or_none(finding.value),
                    "status": finding.reason or "ok",
                    "lower": _or_none(lower),
                    "upper": _or_none(upper),
                    **{column: _or_none(near.get(anchor, math.nan)) for anchor, column in _ANCHORS.items()},
                    "score": _or_none(rescaled(metric, finding.value, near)) if near else None,
                    "params": json.dumps(dict(finding.params), sort_keys=True),
                }
            )
            labels += [
                {"embedding": name, "metric_type": key, "label": label, "n_cells": sizes.get(label), "value": value}
                for label, value in finding.per_label.items()
            ]
            if finding.per_cell is not None:
                per_cell[f"{name} {key}"] = finding.per_cell
    return results, labels, per_cell


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value
