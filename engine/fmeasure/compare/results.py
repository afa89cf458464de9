"""Models of several results side by side, on the cells that all of them scored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ....kernels.backend import Backend
from ...choices import did_you_mean
from ...devices import backend_of
from ...errors import InputError, examples
from ...results.earlier import check_unchanged
from ...results.manifest import read_manifest
from ...results.tables import Table
from ..confusion import Entries
from ..figures.draw import draw_comparison
from ..names import CELL
from ..ontology.ontology import ancestor_sets
from ..runs.samples import Group, make_groups
from ..scores.intervals import interval_table, intervals
from ..scores.options import ReportOptions
from ..scores.resample import point_scores
from ..scores.summary import interval_words
from ..tables import comparison_tables
from ..workspace.read import read_samples
from .groups import compare_paired, scored_model_of
from .options import CompareOptions
from .paired import Paired, ScoredModel, pair_cells

__all__ = ["SideBySide", "compare_results"]


#: The one sample of cells that are matched by their ids alone.
ANY = "any sample"


@dataclass(frozen=True)
class SideBySide:
    """Outcome of a comparison of results.

    Attributes
    ----------
    models : polars.DataFrame
        One row a model, the best first: metrics of the common cells.
    intervals : polars.DataFrame or None
        One row a model and metric.
    comparison : polars.DataFrame
        One row a pair of models and metric, see `paired.compare`.
    classes : polars.DataFrame
        One row a pair of models and class, see `paired.class_changes`.
    headline : str
        The metric that models are ordered by.
    interval_words : str
        What the intervals are, in words.
    notes : tuple of str
        What was left out.
    n_cells : int
        Cells that all models scored.
    left_out : mapping of str to int
        Cells that were left out, by reason.
    simulated : bool
        Whether the calls of any result were simulated.
    options : CompareOptions
        How they were compared.
    """

    models: pl.DataFrame
    intervals: pl.DataFrame | None
    comparison: pl.DataFrame
    classes: pl.DataFrame
    headline: str
    interval_words: str
    notes: tuple[str, ...]
    n_cells: int
    left_out: Mapping[str, int]
    simulated: bool
    options: CompareOptions

    def tables(self) -> dict[str, Table]:
        """Return models, differences and classes."""
        return comparison_tables(self.models, self.intervals, self.comparison, self.classes)

    def draw(self, path: Callable[[str], Path]) -> None:
        """Draw scores and differences."""
        if self.options.figures:
            words = f"{self.n_cells:,} cells that all models scored; {self.interval_words}."
            tables = (self.models, self.intervals, self.comparison)
            draw_comparison(path, *tables, subtitle=words, simulated=self.simulated)

    def account(self) -> dict[str, Any]:
        """Return the entries of the manifest."""
        account = {
            "inputs": [{"path": path} for path in self.options.results],
            "dropped": dict(self.left_out),
            "notes": list(self.notes),
        }
        return account | ({"simulated": True} if self.simulated else {})

    def summary(self) -> dict[str, Any]:
        """Return what ``--json`` prints."""
        return {
            "models": self.models.to_dicts(),
            "comparison": self.comparison.filter(metric=self.headline).to_dicts(),
            "notes": list(self.notes),
        }


def compare_results(options: CompareOptions) -> SideBySide:
    """Compare the models of result folders, cell by cell.

    Parameters
    ----------
    options : CompareOptions
        Result folders of ``fastbench fmeasure``, with the cells kept; models, bootstrap and rules.

    Returns
    -------
    SideBySide

    Raises
    ------
    InputError
        Fewer than two models, an unknown name, cells that were not kept, no cells in common, different truths.
    """
    results, report = [Path(path).expanduser() for path in options.results], options.report
    if not results:
        raise InputError("A comparison needs a result folder of 'fastbench fmeasure' with several models, or two.")
    backend = backend_of(options.device)
    scored, moved = _matched(_scored_models(results, options.models, report.bootstrap_by, backend))
    paired = pair_cells(scored, None if report.bootstrap_by == CELL else report.bootstrap_by)
    compared = compare_paired(paired, report, backend)
    notes = [*moved, *compared.notes]
    assert compared.metrics is not None
    assert compared.classes is not None
    headline = "f1_micro" if paired.ontology is None else "h_f1_micro"
    table = _models(paired, report, backend).sort(headline, "group_name", descending=[True, False], nulls_last=True)
    by_model = _intervals(paired, report, backend) if report.bootstrap else None
    words = interval_words(report) if by_model is not None else "no intervals"
    simulated = any(read_manifest(path).get("simulated") is True for path in results)
    return SideBySide(
        models=table,
        intervals=by_model,
        comparison=compared.metrics,
        classes=compared.classes,
        headline=headline,
        interval_words=words,
        notes=tuple(notes),
        n_cells=int(paired.cells.sum()),
        left_out=dict(paired.left_out),
        simulated=simulated,
        options=options,
    )


def _scored_models(results: Sequence[Path], chosen: Sequence[str], by: str, backend: Backend[Any]) -> list[ScoredModel]:
    """Find the models of the results, by unique names."""
    found = []
    for path in results:
        samples = read_samples(path, with_ontology=True)
        for read in ("cells/*", "cm_raw_k*"):
            check_unchanged(path, read_manifest(path), read)
        found += [(path, group) for group in make_groups(samples, ["model_name"], backend)]
    names = [group.name for _, group in found]
    named: dict[str, Group] = {}
    for path, group in found:
        name = group.name if names.count(group.name) == 1 else f"{path.resolve().name}: {group.name}"
        if name in named:
            raise InputError(
                f"Two results have a model {group.name!r} in a folder {path.resolve().name!r}; rename one."
            )
        named[name] = group
    unknown = [name for name in chosen if name not in named]
    if unknown:
        raise InputError(
            f"No result has a model {unknown[0]!r}{did_you_mean(unknown[0], list(named)) or '.'} The models are "
            f"{examples(named, 10)}."
        )
    taken = [scored_model_of(named[name], name, by) for name in chosen or named]
    if len(taken) < 2:
        raise InputError(
            f"A comparison needs two or more models, but there is only {examples([each.name for each in taken])}."
        )
    return taken


def _matched(models: Sequence[ScoredModel]) -> tuple[list[ScoredModel], list[str]]:
    """Match samples of different paths: by the names of the files of truth, or else cells by their ids alone."""
    if set.intersection(*(set(each.calls) for each in models)):
        return list(models), []
    by_name = [{Path(sample).name: calls for sample, calls in each.calls.items()} for each in models]
    note = "The models were scored with files of truth in different folders; samples are matched by file name."
    whole = all(len(names) == len(each.calls) for names, each in zip(by_name, models, strict=True))
    if not whole or not set.intersection(*map(set, by_name)):
        by_name = [{ANY: pl.concat(each.calls.values(), how="diagonal_relaxed")} for each in models]
        note = "The models were scored with different files of truth; cells are matched by their ids alone."
        if any(calls[ANY]["cell_id"].is_duplicated().any() for calls in by_name):
            return list(models), []
    renamed = [replace(each, calls=calls) for each, calls in zip(models, by_name, strict=True)]
    return renamed, [note]


def _models(paired: Paired, report: ReportOptions, backend: Backend[Any]) -> pl.DataFrame:
    bits, nodes = ancestor_sets(paired.ontology, paired.labels)
    rows: list[Mapping[str, Any]] = [
        {"group_name": name, "n_cells": int(paired.cells.sum())}
        | point_scores(paired.entries(i), bits, len(nodes), report.rules, backend)
        for i, name in enumerate(paired.names)
    ]
    return pl.DataFrame(rows).with_columns(pl.col(pl.Float64).fill_nan(None))


def _intervals(paired: Paired, report: ReportOptions, backend: Backend[Any]) -> pl.DataFrame | None:
    """Return intervals of each model; None where there is only one unit to draw."""
    bits, nodes = ancestor_sets(paired.ontology, paired.labels)
    if len(paired.clusters) == 1 or paired.cells.sum() < 2:
        return None
    order = np.argsort(paired.unit, kind="stable")
    parts = (
        np.split(order, np.searchsorted(paired.unit[order], np.arange(1, len(paired.clusters))))
        if paired.clusters
        else []
    )
    by_model = {}
    for i, name in enumerate(paired.names):
        whole = paired.entries(i)
        units = [Entries(whole.rows[p], whole.cols[p], whole.cells[p], whole.n_labels) for p in parts]
        by_model[name] = intervals(
            units or whole,
            report.rules,
            backend,
            bits=bits,
            n_nodes=len(nodes),
            draws=report.bootstrap,
            seed=report.seed,
        )
    return interval_table(by_model)
