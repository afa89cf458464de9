"""Summary tables of a result, and how its intervals were made."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from ..names import CELL, SAMPLE
from .options import ReportOptions

__all__ = ["Report", "interval_words"]


@dataclass(frozen=True)
class Report:
    """Summary tables of a result.

    Attributes
    ----------
    by_sample : polars.DataFrame
        One row a sample.
    summary : polars.DataFrame
        One row a group, the best first.
    confusions : polars.DataFrame
        Most frequent confusions of each group.
    intervals : polars.DataFrame or None
        One row a group and metric.
    interval_words : str
        What the intervals are, in words.
    comparison : polars.DataFrame or None
        One row a pair of groups and metric; None where no two groups scored the same cells.
    classes : polars.DataFrame or None
        One row a pair of groups and class; None as `comparison`.
    coverage, calibration : polars.DataFrame or None
        Accuracy against coverage and against score, a group below the other; None where no group has scores.
    headline : str
        The metric that groups are ordered by.
    notes : tuple of str
        What was noticed.
    """

    by_sample: pl.DataFrame
    summary: pl.DataFrame
    confusions: pl.DataFrame
    intervals: pl.DataFrame | None
    interval_words: str
    comparison: pl.DataFrame | None
    classes: pl.DataFrame | None
    coverage: pl.DataFrame | None
    calibration: pl.DataFrame | None
    headline: str
    notes: tuple[str, ...]


def interval_words(report: ReportOptions) -> str:
    """Return in words what the intervals are."""
    units = {CELL: "cells", SAMPLE: "samples"}.get(report.bootstrap_by, f"{report.bootstrap_by} groups")
    return f"95 % percentile intervals of {report.bootstrap} draws of {units}"
