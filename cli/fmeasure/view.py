"""Printed results of ``fastbench fmeasure``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ...engine.fmeasure.names import CELL, counted
from ..console import show_notes, show_table

if TYPE_CHECKING:
    import polars as pl

    from ...engine.fmeasure.result import FmeasureResult
    from ...engine.fmeasure.scores.summary import Report

__all__ = ["macro_words", "show", "show_differences", "show_first_notes"]

#: Classes of flat macro means, by the value of ``--macro``.
_MACRO_WORDS = {"active": "seen as truth or prediction", "true": "seen as truth"}

#: Groups, confusions and notes that are shown.
SHOWN_GROUPS, SHOWN_CONFUSIONS, SHOWN_NOTES = 20, 8, 12


def show(result: FmeasureResult, options: Any, output: Path) -> None:
    """Print the outcome of a step, or of all."""
    show_first_notes(result.notes, output)
    groups = f", {counted(len(result.groups), 'group')}" if result.groups else ""
    typer.echo(f"{counted(len(result.samples), 'run')}, {counted(result.n_cells, 'scored cell')}{groups}")
    if result.report is not None:
        _show_report(result.report, options)
    typer.echo(f"results: {output}")


def show_first_notes(notes: Sequence[str], output: Path) -> None:
    """Print the first notes, and how many more the manifest has."""
    show_notes(notes[:SHOWN_NOTES])
    if len(notes) > SHOWN_NOTES:
        typer.echo(f"note: {len(notes) - SHOWN_NOTES} more notes in {output / 'manifest.json'}")


def macro_words(options: Any) -> str:
    """Return which classes flat macro means are over, in words."""
    return f"f1_macro is over the n_macro_classes classes {_MACRO_WORDS[options.macro]} (--macro {options.macro})"


def show_differences(comparison: pl.DataFrame, headline: str, title: str, options: Any) -> None:
    """Print differences between models; where p-values are as small as draws can make them, McNemar's beside them."""
    import polars as pl

    shown = comparison.filter(metric=headline).head(SHOWN_GROUPS)
    columns = ["model_a", "model_b", "difference", "lower", "upper", "p_value", "cells"]
    floor = 2 / (options.bootstrap + 1)
    if options.bootstrap_by == CELL and (shown["p_value"] <= floor * (1 + 1e-9)).any():
        pair = ["model_a", "model_b"]
        mcnemar = comparison.filter(pl.col("mcnemar_exact_p").is_not_null()).select(*pair, "mcnemar_exact_p")
        shown = shown.drop("mcnemar_exact_p").join(mcnemar, on=pair, how="left", maintain_order="left")
        columns.insert(columns.index("cells"), "mcnemar_exact_p")
        title += (
            f"; {options.bootstrap} draws give no p-value below {floor:.2g}, so McNemar's of accuracy stands beside"
        )
    show_table(shown, title, columns)


def _show_report(report: Report, options: Any) -> None:
    table = report.summary.head(SHOWN_GROUPS)
    wanted = (
        "group_name",
        "n_cells",
        "accuracy",
        "balanced_accuracy",
        "f1_macro",
        "n_macro_classes",
        "h_f1_micro",
        "h_f1_macro",
        "mean_ontology_distance",
    )
    typer.echo()
    title = f"Best {len(table)} of {len(report.summary)} groups; {macro_words(options)}"
    show_table(table, title, [name for name in wanted if name in table.columns])
    if report.intervals is not None and len(report.intervals):
        typer.echo()
        shown = report.intervals.filter(metric=report.headline).sort("value", descending=True).head(SHOWN_GROUPS)
        show_table(shown, f"{report.headline}: {report.interval_words}", ["group_name", "value", "lower", "upper"])
    if report.comparison is not None and len(report.comparison):
        typer.echo()
        title = f"Differences of {report.headline} on the cells that both scored"
        show_differences(report.comparison, report.headline, title, options)
    if len(report.confusions):
        typer.echo()
        group = getattr(options, "confusions_of", "") or report.summary["group_name"][0]
        worst = report.confusions.filter(group_name=group).head(SHOWN_CONFUSIONS)
        columns = ["truth_name", "predicted_name", "cells", "share_of_truth", "distance", "relation"]
        show_table(worst, f"Most frequent confusions of {group}", [name for name in columns if name in worst.columns])
    typer.echo()
