"""``fastbench fmeasure compare``: models of several results side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ...engine.fmeasure.compare.command import COMPARE
from ..console import show_notes, show_table
from ..declared import command_line
from .view import macro_words, show_differences

if TYPE_CHECKING:
    from ...engine.fmeasure.compare.options import CompareOptions
    from ...engine.fmeasure.compare.results import SideBySide

__all__ = ["compare", "show"]

#: Classes that are shown.
SHOWN_CLASSES = 8


def show(found: SideBySide, options: CompareOptions, output: Path) -> None:
    """Print the models, their differences, and the classes that differ most."""
    show_notes(found.notes)
    names = (
        "group_name",
        "n_cells",
        "accuracy",
        "balanced_accuracy",
        "f1_macro",
        "n_macro_classes",
        "h_f1_micro",
        "h_f1_macro",
    )
    title = f"Models, the best first; {macro_words(options)}"
    show_table(found.models, title, [name for name in names if name in found.models.columns])
    typer.echo()
    title = f"Differences of {found.headline}: {found.interval_words}"
    show_differences(found.comparison, found.headline, title, options)
    typer.echo()
    worst = found.classes.head(SHOWN_CLASSES)
    columns = ["name", "support", "recall_a", "recall_b", "right_only_a", "right_only_b"]
    title = "Classes that differ most between {} (a) and {} (b)".format(*worst.row(0)[:2]) if len(worst) else "No class"
    show_table(worst, title, columns)
    typer.echo(f"\nresults: {output}")


compare = command_line(
    COMPARE,
    show,
    "Put models side by side on the cells that all of them scored: differences with paired intervals, class by class.",
)
