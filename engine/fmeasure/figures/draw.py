"""The figures of a result folder, from its tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from ....kernels.backend import Backend
from ..runs.samples import Group
from ..scores.summary import Report
from ..scores.tables import Rules, per_class, top_confusions
from .confusions import draw_confusions
from .coverage import draw_coverage
from .differences import draw_differences
from .heatmap import draw_heatmap
from .scores import draw_scores

__all__ = ["draw_all", "draw_comparison"]

#: Metrics of the figure of differences.
_COMPARED = ("h_f1_micro", "accuracy", "f1_macro")


def _paths(path: Callable[[str], Path], name: str) -> tuple[Path, Path]:
    """Return where the PNG and the SVG of a figure are written."""
    return path(f"figures/{name}.png"), path(f"figures/{name}.svg")


def _with_limits(summary: pl.DataFrame, intervals: pl.DataFrame | None) -> pl.DataFrame:
    """Return the table of the figure of scores: metrics beside ``<metric>_lower`` and ``<metric>_upper``."""
    if "h_f1_micro" not in summary.columns:
        summary = summary.with_columns(h_f1_micro=pl.lit(None, pl.Float64))
    if intervals is None:
        return summary
    for metric in ("h_f1_micro", "f1_micro", "f1_macro"):
        limits = intervals.filter(metric=metric).select(
            "group_name", pl.col("lower").alias(f"{metric}_lower"), pl.col("upper").alias(f"{metric}_upper")
        )
        summary = summary.join(limits, on="group_name", how="left", maintain_order="left")
    return summary


def draw_all(
    path: Callable[[str], Path],
    report: Report,
    groups: Sequence[Group],
    backend: Backend[Any],
    simulated: bool,
    confusions_of: str = "",
) -> None:
    """Draw scores, models by group, coverage, differences and confusions.

    Parameters
    ----------
    path : callable
        Gives the place of a file by its name; figures go into ``figures/``.
    report : Report
        Tables; the first group of the summary is the best.
    groups : sequence of Group
        Their ontologies are drawn.
    backend : Backend
        Kernels.
    simulated : bool
        The header of each figure says so.
    confusions_of : str, default ""
        The group whose confusions are drawn; the best when left out.
    """
    summary = report.summary
    table = _with_limits(summary, report.intervals)
    n_cells = int(summary["n_cells"].sum())
    n_samples = len({member.sample.name for group in groups for member in group.members})
    where = f"{n_cells:,} scored cells in {n_samples:,} samples"
    draw_scores(table, *_paths(path, "scores"), subtitle=f"{where}; {report.interval_words}.", simulated=simulated)
    draw_heatmap(
        summary,
        {group.name: group.keys for group in groups},
        path,
        metric=report.headline,
        subtitle=where + ".",
        simulated=simulated,
    )
    if report.coverage is not None and report.calibration is not None:
        draw_coverage(
            report.coverage,
            report.calibration,
            summary["group_name"].to_list(),
            *_paths(path, "coverage"),
            subtitle=where + ".",
            simulated=simulated,
        )
    if report.comparison is not None:
        words = f"On the cells that both models scored; {report.interval_words}."
        draw_differences(
            report.comparison, _COMPARED, *_paths(path, "differences"), subtitle=words, simulated=simulated
        )
    names = summary["group_name"].to_list()
    shown = next(group for group in groups if group.name == (confusions_of or names[0]))
    place = "The best" if shown.name == names[0] else f"Number {names.index(shown.name) + 1}"
    ontology = shown.ontology
    draw_confusions(
        top_confusions(shown.confusions[0], ontology, backend, most=None),
        per_class(shown.confusions, ontology, Rules()),
        *_paths(path, "confusions"),
        group=shown.name,
        subtitle=f"{place} of {len(groups)} groups by {report.headline}." if len(groups) > 1 else where + ".",
        parents=ontology.parents_by_node() if ontology is not None else None,
        names=ontology.names if ontology is not None else None,
        simulated=simulated,
    )


def draw_comparison(
    path: Callable[[str], Path],
    models: pl.DataFrame,
    intervals: pl.DataFrame | None,
    comparison: pl.DataFrame,
    *,
    subtitle: str,
    simulated: bool,
) -> None:
    """Draw scores and differences of the models of several results.

    Parameters
    ----------
    path : callable
        Gives the place of a file by its name; figures go into ``figures/``.
    models : polars.DataFrame
        One row a model, see `compare.results.SideBySide`.
    intervals : polars.DataFrame or None
        One row a model and metric.
    comparison : polars.DataFrame
        One row a pair of models and metric.
    subtitle : str
        The cells that were compared, and what the intervals are.
    simulated : bool
        The header of each figure says so.
    """
    draw_scores(_with_limits(models, intervals), *_paths(path, "scores"), subtitle=subtitle, simulated=simulated)
    draw_differences(comparison, _COMPARED, *_paths(path, "differences"), subtitle=subtitle, simulated=simulated)
