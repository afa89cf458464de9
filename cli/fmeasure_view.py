"""Printed results of ``fastbench fmeasure``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ..engine.fmeasure.names import counted
from .console import print_json, show_notes, show_table

if TYPE_CHECKING:
    from ..engine.fmeasure.pipeline import Outcome
    from ..engine.fmeasure.scores.summary import Report

__all__ = ["show", "show_first_notes"]

#: Groups, confusions and notes that are shown.
SHOWN_GROUPS, SHOWN_CONFUSIONS, SHOWN_NOTES = 20, 8, 12


def show(outcome: Outcome, output: Path, as_json: bool) -> None:
    """Print the outcome of a step, or of all."""
    report = outcome.report
    summary: dict[str, Any] = {
        "output": str(output),
        "samples": len(outcome.samples),
        "groups": [group.name for group in outcome.groups],
        "cells": sum(sample.confusions[0].n_cells for sample in outcome.samples),
        "notes": list(outcome.notes),
    }
    if report is not None:
        summary |= {"summary": report.summary.to_dicts(), "top_confusions": report.confusions.head(20).to_dicts()}
        if report.comparison is not None:
            summary["comparison"] = report.comparison.to_dicts()
    if as_json:
        print_json(summary)
        return
    show_first_notes(outcome.notes, output)
    groups = f", {counted(len(outcome.groups), 'group')}" if outcome.groups else ""
    typer.echo(f"{counted(summary['samples'], 'run')}, {counted(summary['cells'], 'scored cell')}{groups}")
    if report is not None:
        _show_report(report)
    typer.echo(f"results: {output}")


def show_first_notes(notes: Sequence[str], output: Path) -> None:
    """Print the first notes, and how many more the manifest has."""
    show_notes(notes[:SHOWN_NOTES])
    if len(notes) > SHOWN_NOTES:
        typer.echo(f"note: {len(notes) - SHOWN_NOTES} more notes in {output / 'manifest.json'}")


def _show_report(report: Report) -> None:
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
        best = report.summary["group_name"][0]
        worst = report.confusions.filter(group_name=best).head(SHOWN_CONFUSIONS)
        columns = ["truth_name", "predicted_name", "cells", "share_of_truth", "distance", "relation"]
        show_table(worst, f"Most frequent confusions of {best}", [name for name in columns if name in worst.columns])
    typer.echo()
