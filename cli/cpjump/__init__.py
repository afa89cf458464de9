"""``fastbench cpjump``: the CPJUMP1 benchmark; with no arguments, its embedded demo."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ...engine.cpjump.command import CPJUMP
from ...engine.cpjump.names import TITLES
from ..console import show_notes, show_table
from ..declared import command_line
from .compare import compare
from .fetch import fetch
from .split import split

if TYPE_CHECKING:
    from ...engine.cpjump.options import Options
    from ...engine.cpjump.results import CpjumpResult

__all__ = ["app"]


def _show(result: CpjumpResult, options: Options, output: Path) -> None:
    """Print the three tables of fractions retrieved beside the published values, and the account."""
    show_notes([*result.plan.notes(), *result.warnings, *result.unpublished()])
    for task, frame in result.fr_tables().items():
        typer.echo()
        note = "; SIMULATED features" if result.simulated else ""
        shown = frame.select("Description", "groups", "groups_retrieved", "fr", "published")
        show_table(shown, f"{TITLES[task]}: fraction retrieved{note}")
    typer.echo()
    if result.simulated:
        typer.echo("The features are simulated: 'published' (CellProfiler profiles) is shown for scale only.")
    if left_out := result.left_out():
        typer.echo("left out: " + "; ".join(left_out))
    typer.echo(f"{result.statistic}")
    typer.echo(f"results: {output}")


app = typer.Typer(
    help="The CPJUMP1 benchmark. Without arguments: a demo with simulated features.",
    invoke_without_command=True,
    rich_markup_mode=None,
    add_completion=False,
)
app.callback()(
    command_line(
        CPJUMP,
        _show,
        "Run the CPJUMP1 benchmark: replicability, target matching and gene-compound matching.",
        group=True,
    )
)
app.command("split")(split)
app.command("fetch")(fetch)
app.command("compare")(compare)
