"""What ``fastbench cpjump`` shows: the tables of fractions retrieved, and what was left out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from .console import show_notes, show_table

if TYPE_CHECKING:
    from ..engine.cpjump.options import Options
    from ..engine.cpjump.results import CpjumpResult

__all__ = ["show_result"]


def show_result(result: CpjumpResult, options: Options, output: Path) -> None:
    """Print the three tables of fractions retrieved beside the published values, and the account."""
    from ..engine.cpjump.names import TITLES

    show_notes([*result.plan.notes(), *result.warnings])
    for task, frame in result.fr_tables().items():
        typer.echo()
        note = "; SIMULATED features" if result.simulated else ""
        shown = frame.select(
            "Description", "groups", "groups_retrieved", "fr", *(["published"] if "published" in frame.columns else [])
        )
        show_table(shown, f"{TITLES[task]}: fraction retrieved{note}")
    typer.echo()
    if result.simulated:
        typer.echo("The features are simulated: 'published' (CellProfiler profiles) is shown for scale only.")
    if left_out := result.left_out():
        typer.echo("left out: " + "; ".join(left_out))
    typer.echo(f"{result.statistic}")
    typer.echo(f"results: {output}")
