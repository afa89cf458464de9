"""The figures of a result folder, from its tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from ...results.folder import ResultFolder
from ..runs.samples import Group
from ..scores.tables import Rules, per_class, top_confusions

if TYPE_CHECKING:
    from ..scores.summary import Report

__all__ = ["COMPARED", "draw_all", "paths_of", "with_limits"]

#: Metrics of the figure of differences.
COMPARED = ("h_f1_micro", "accuracy", "f1_macro")
#: Confusions of the best group that are counted in its figure: as many as there are.
ALL = 1 << 60


def paths_of(folder: ResultFolder, name: str) -> tuple[Path, Path]:
    """Return where the PNG and the SVG of a figure are written."""
    return folder.path(f"figures/{name}.png"), folder.path(f"figures/{name}.svg")


def with_limits(summary: pl.DataFrame, intervals: pl.DataFrame | None) -> pl.DataFrame:
    """Put intervals beside the metrics: ``<metric>_lower`` and ``<metric>_upper``."""
    if intervals is None:
        return summary
    for metric in ("h_f1_micro", "f1_micro", "f1_macro"):
        limits = intervals.filter(metric=metric).select(
            "group_name", pl.col("lower").alias(f"{metric}_lower"), pl.col("upper").alias(f"{metric}_upper")
        )
        summary = summary.join(limits, on="group_name", how="left", maintain_order="left")
    return summary


def draw_all(
    folder: ResultFolder,
    report: Report,
    groups: Sequence[Group],
    coverage: pl.DataFrame | None,
    calibration: pl.DataFrame | None,
    backend: Any,
    simulated: bool,
) -> None:
    """Draw scores, coverage, differences and confusions.

    Parameters
    ----------
    folder : ResultFolder
        Open result folder; figures go into ``figures/``.
    report : Report
        Tables; the first group of the summary is the best.
    groups : sequence of Group
        Their ontologies are drawn.
    coverage, calibration : polars.DataFrame or None
        Tables of the scores of predictions, where there are any.
    backend : module
        Kernels.
    simulated : bool
        The header of each figure says so.
    """
    from .confusions import draw_confusions
    from .coverage import draw_coverage
    from .differences import draw_differences
    from .scores import draw_scores

    summary = report.summary
    table = with_limits(summary, report.intervals)
    table = table.with_columns(pl.lit(None, pl.Float64).alias(n) for n in ("h_f1_micro",) if n not in table.columns)
    n_cells = int(summary["n_cells"].sum())
    n_samples = len({member.sample.name for group in groups for member in group.members})
    where = f"{n_cells:,} scored cells in {n_samples:,} samples"
    draw_scores(table, *paths_of(folder, "scores"), subtitle=f"{where}; {report.interval_words}.", simulated=simulated)
    if coverage is not None and calibration is not None:
        order = summary["group_name"].to_list()
        draw_coverage(
            coverage, calibration, order, *paths_of(folder, "coverage"), subtitle=where + ".", simulated=simulated
        )
    if report.comparison is not None:
        words = f"On the cells that both models scored; {report.interval_words}."
        draw_differences(
            report.comparison, COMPARED, *paths_of(folder, "differences"), subtitle=words, simulated=simulated
        )
    best = next(group for group in groups if group.name == summary["group_name"][0])
    ontology = best.ontology
    draw_confusions(
        top_confusions(best.confusions[0], ontology, backend, most=ALL),
        per_class(best.confusions, ontology, Rules()),
        *paths_of(folder, "confusions"),
        group=best.name,
        subtitle=f"The best of {len(groups)} groups by {report.headline}." if len(groups) > 1 else where + ".",
        parents=ontology.parents_by_node() if ontology is not None else None,
        names=ontology.names if ontology is not None else None,
        simulated=simulated,
    )
