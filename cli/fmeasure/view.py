"""Printed results of ``fastbench fmeasure``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ...engine.fmeasure.names import counted
from ..console import show_notes, show_table

if TYPE_CHECKING:
    from ...engine.fmeasure.result import FmeasureResult
    from ...engine.fmeasure.scores.summary import Report

__all__ = ["show", "show_first_notes"]

#: Groups, confusions and notes that are shown.
SHOWN_GROUPS, SHOWN_CONFUSIONS, SHOWN_NOTES = 20, 8, 12


def show(result: FmeasureResult, options: object, output: Path) -> None:
    """Print the outcome of a step, or of all."""
    show_first_notes(result.notes, output)
    groups = f", {counted(len(result.groups), 'group')}" if result.groups else ""
    typer.echo(f"{counted(len(result.samples), 'run')}, {counted(result.n_cells, 'scored cell')}{groups}")
    if result.report is not None:
        _show_report(result.report, getattr(options, "confusions_of", ""))
    typer.echo(f"results: {output}")


def show_first_notes(notes: Sequence[str], output: Path) -> None:
    """Print the first notes, and how many more the manifest has."""
    show_notes(notes[:SHOWN_NOTES])
    if len(notes) > SHOWN_NOTES:
        typer.echo(f"note: {len(notes) - SHOWN_NOTES} more notes in {output / 'manifest.json'}")


def _show_report(report: Report, confusions_of: str) -> None:
    table = report.summary.head(SHOWN_GROUPS)
    wanted = (
        "group_name",
        "n_cells",
        "accuracy",
        "balanced_accuracy",
        "f1_macro",
        "h_f1_micro",
        "h_f1_macro",
        "mean_ontology_distance",
    )
    typer.echo()
    show_table(
        table, f"Best {len(table)} of {len(report.summary)} groups", [name for name in wanted if name in table.columns]
    )
    if report.intervals is not None and len(report.intervals):
        typer.echo()
        shown = report.intervals.filter(metric=report.headline).sort("value", descending=True).head(SHOWN_GROUPS)
        show_table(shown, f"{report.headline}: {report.interval_words}", ["group_name", "value", "lower", "upper"])
    if report.comparison is not None and len(report.comparison):
        typer.echo()
        shown = report.comparison.filter(metric=report.headline).head(SHOWN_GROUPS)
        columns = ["model_a", "model_b", "difference", "lower", "upper", "p_value", "cells"]
        show_table(shown, f"Differences of {report.headline} on the cells that both scored", columns)
    if len(report.confusions):
        typer.echo()
        group = confusions_of or report.summary["group_name"][0]
        worst = report.confusions.filter(group_name=group).head(SHOWN_CONFUSIONS)
        columns = ["truth_name", "predicted_name", "cells", "share_of_truth", "distance", "relation"]
        show_table(worst, f"Most frequent confusions of {group}", [name for name in columns if name in worst.columns])
    typer.echo()
