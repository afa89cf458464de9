"""The figures of a result folder, from its tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from ..outputs import ResultFolder
from .samples import Group

if TYPE_CHECKING:
    from .report import Report

__all__ = ["COMPARED", "draw_all", "with_limits"]

#: Metrics of the figure of differences.
COMPARED = ("h_f1_micro", "accuracy", "f1_macro")


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
    simulated : bool
        The header of each figure says so.
    """
    from ..figures.coverage import draw_coverage
    from ..figures.differences import draw_differences
    from ..figures.fmeasure import draw_scores

    def paths(name: str) -> tuple[Path, Path]:
        return folder.path(f"figures/{name}.png"), folder.path(f"figures/{name}.svg")

    summary = report.summary
    table = with_limits(summary, report.intervals)
    table = table.with_columns(pl.lit(None, pl.Float64).alias(n) for n in ("h_f1_micro",) if n not in table.columns)
    n_cells, n_samples = int(summary["n_cells"].sum()), int(summary["n_samples"].sum())
    where = f"{n_cells:,} scored cells in {n_samples:,} samples"
    draw_scores(table, *paths("scores"), subtitle=f"{where}; {report.interval_words}.", simulated=simulated)
    if coverage is not None and calibration is not None:
        order = summary["group_name"].to_list()
        draw_coverage(coverage, calibration, order, *paths("coverage"), subtitle=where + ".", simulated=simulated)
    if report.comparison is not None:
        words = f"On the cells that both models scored; {report.interval_words}."
        draw_differences(report.comparison, COMPARED, *paths("differences"), subtitle=words, simulated=simulated)
