"""The job of ``fastbench embed``: embeddings and labels in, every metric with its anchors out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ..command.job import Job
from ..devices import backend_of
from ..errors import counted
from ..options import as_mapping
from ..readers.embeddings.neighbors import Neighbors
from ..results.cache import Cache
from ..results.files import write_json
from ..results.folder import ResultFolder
from ..results.tables import Table, frame_of
from .counts import COMPONENTS, Before, components_of_counts
from .finding import Finding, Key
from .inputs.judged import Inputs
from .inputs.reading import read_inputs
from .judging import Judging
from .options import EmbedOptions
from .records import as_records, as_vcp, not_converged, peak_mebibytes
from .registry import metrics_of
from .space import WERE_GIVEN, Mode, Prediction, Space
from .summary import labels_side_by_side, summarised
from .tables import LABEL_COLUMNS, OF_LABELS, RESULT_COLUMNS, SUMMARY_COLUMNS, WIDE_COLUMNS, rows_of

if TYPE_CHECKING:
    from .figures.maps import Map

__all__ = ["EmbedResult", "run_embed"]


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
    of_metrics : dict
        ``metrics``: seconds by embedding and metric; ``taken``: which of them are those of an earlier run.
    maps : dict of str to Map
        Layouts of the embeddings (``--umap``), of the cells `drawn`.
    drawn : ndarray of int64
        Their places.
    """

    options: EmbedOptions
    results: pl.DataFrame
    per_label: pl.DataFrame
    summary_table: pl.DataFrame
    inputs: Inputs
    per_cell: pl.DataFrame | None = None
    timings: dict[str, float] = field(default_factory=dict)
    of_metrics: dict[str, Any] = field(default_factory=dict)
    maps: dict[str, Map] = field(default_factory=dict)
    drawn: npt.NDArray[np.int64] = field(default_factory=lambda: np.arange(0))

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
        write_json(as_records(self.results, self.options.mode), folder.path("results.json"))
        vcp = as_vcp(self.results, as_mapping(self.options), sum(self.timings.values()))
        write_json(vcp, folder.path("results.vcp.json"))
        return {}

    def draw(self, path: Callable[[str], Path]) -> None:
        """Draw the overview and the labels."""
        from .figures.labels import draw_labels
        from .figures.overview import draw_overview

        notes = self.subtitle()
        draw_overview(
            self.results, self.summary_table, path("figures/overview.png"), path("figures/overview.svg"), notes
        )
        draw_labels(self.per_label, path("figures/labels.png"), path("figures/labels.svg"), notes)
        if self.maps:
            from .figures.maps import draw_maps

            cells = self.inputs.cells
            groups = {"label": cells.labels} | ({"batch": cells.batch} if cells.batch is not None else {})
            said = f"{notes}; {len(self.drawn):,} are drawn" if len(self.drawn) < len(cells) else notes
            draw_maps(self.maps, self.drawn, groups, path("figures/umap.png"), path("figures/umap.svg"), said)

    def subtitle(self) -> str:
        """Return what was judged, in words."""
        cells = self.inputs.cells
        batches = f", {counted(len(cells.batch), 'batch', 'batches')}" if cells.batch is not None else ""
        return f"{len(cells):,} cells of {counted(len(cells.labels), 'label')}{batches}"

    def notes(self) -> list[str]:
        """Return what was left out, what given neighbours are too few for, and which classifiers did not converge."""
        few = self.results.filter(pl.col("status").str.ends_with(WERE_GIVEN))["metric_type"].unique(maintain_order=True)
        lacking = f"{len(few)} metrics need more neighbours than were given, and have no value: {', '.join(few)}."
        return [*self.inputs.notes, *([lacking] if len(few) else []), *not_converged(self.results)]

    def account(self) -> dict[str, Any]:
        """Return the entries of the manifest."""
        return {
            "inputs": [source.as_dict() for source in self.inputs.sources],
            "dropped": self.inputs.dropped,
            "notes": self.notes(),
            "statistic": {
                "interval": f"bootstrap, {self.options.level:g}",
                "neighbors": f"given, {self.options.neighbors}" if self.options.neighbors else "exact, euclidean",
            },
            "device": self.options.device,
            "timings": self.of_metrics,
            "peak_memory_mebibytes": peak_mebibytes(),
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
    if options.umap:
        from .figures.maps import refuse_without_umap

        widest = max(x.shape[1] for x in _drawn(inputs).values())
        refuse_without_umap(widest if inputs.before.counts is None else COMPONENTS)
    inputs = _with_components(inputs, job)
    judging = Judging(job, metrics_of(options.tasks, inputs.given), [source.sha256 for source in inputs.sources])
    found: dict[str, dict[Key, Finding]] = {}
    anchors: dict[str, dict[Key, dict[str, float]]] = {}
    for name, x in inputs.vectors.items():
        space = _space(x, inputs, options, None if found else inputs.neighbors)
        with job.stage(_title(name, x, len(judging.metrics)), name) as advance:
            found[name] = judging.findings(space, name, advance)
        if options.anchors == "all":
            with job.stage(f"{name}: anchors", f"{name}, anchors") as advance:
                anchors[name] = judging.anchors(space, name, options.seed, advance)
        if space.cache.n_taken:
            job.account.setdefault("taken_from_cache", []).append(name)
            job.reporter.say(f"{name}: distances that an earlier run found were taken from {space.cache.folder}")
    before: dict[Key, Finding] = {}
    if inputs.before.vectors is not None:
        alone = [metric for metric in judging.metrics if "unintegrated" not in metric.needs]
        name, x = "unintegrated cells", inputs.before.vectors
        with job.stage(_title(name, x, len(alone)), name) as advance:
            before = judging.findings(_space(x, inputs, options), name, advance, alone)
    maps, drawn = _maps(inputs, options, job)
    results, labels, per_cell = rows_of(found, anchors, before, inputs.cells, options)
    every = frame_of(results, RESULT_COLUMNS)
    return EmbedResult(
        options,
        every,
        frame_of(labels, LABEL_COLUMNS),
        summarised(every),
        inputs,
        pl.concat([inputs.ids, pl.DataFrame(per_cell)], how="horizontal") if options.per_cell else None,
        dict(job.timings),
        {"metrics": judging.seconds, "taken": judging.taken},
        maps,
        drawn,
    )


def _with_components(inputs: Inputs, job: Job) -> Inputs:
    """Make vectors of raw counts, where these were given; a step that is kept."""
    counts = inputs.before.counts
    if counts is None:
        return inputs
    title = f"unintegrated: principal components of {counts.shape[1]:,} genes"
    with job.stage(title, "components of counts"):
        vectors, note = job.steps.do(title, lambda: components_of_counts(counts), [s.sha256 for s in inputs.sources])
    return replace(inputs, before=Before(vectors), notes=(*inputs.notes, note))


def _title(name: str, x: np.ndarray, count: int) -> str:
    return f"{name}: {count} metrics of {len(x):,} cells in {x.shape[1]} dimensions"


def _space(x: np.ndarray, inputs: Inputs, options: EmbedOptions, neighbors: Neighbors | None = None) -> Space:
    backend = backend_of(options.device)
    prediction = Prediction(options.classifiers, options.aggregate)
    return Space(
        x,
        inputs.cells,
        backend,
        unintegrated=inputs.before.vectors,
        threads=options.threads,
        neighbors=None if neighbors is None else lambda: neighbors,
        prediction=prediction,
        known=inputs.known,
        cache=Cache.of_user() if options.cache else None,
        mode=Mode(options.mode == "compat", options.seed),
    )


def _drawn(inputs: Inputs) -> dict[str, np.ndarray]:
    """Return what maps are drawn of."""
    before = inputs.before.vectors
    return ({} if before is None else {"unintegrated": before}) | inputs.vectors


def _maps(inputs: Inputs, options: EmbedOptions, job: Job) -> tuple[dict[str, Map], npt.NDArray[np.int64]]:
    """Lay out the embeddings, where that is asked for; steps that are kept."""
    if not options.umap:
        return {}, np.arange(0)
    from .figures.maps import MOST_CELLS, Map, laid_out

    n, found = len(inputs.cells), {}
    rng = np.random.default_rng(options.seed)
    rows = np.arange(n) if n <= MOST_CELLS else np.sort(rng.choice(n, MOST_CELLS, replace=False))
    for name, x in _drawn(inputs).items():
        with job.stage(f"{name}: UMAP of {len(rows):,} cells", f"{name}, UMAP"):
            step = job.steps.do(f"{name} UMAP", partial(laid_out, x[rows]), [s.sha256 for s in inputs.sources])
            if step is not None:
                found[name] = Map(*step)
    return found, rows
