"""What the commands print: readable tables for people, JSON for machines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    import polars as pl

    from ..engine.command.command import Plan

__all__ = [
    "print_json",
    "show_notes",
    "show_plan",
    "show_table",
]


def print_json(summary: dict[str, Any]) -> None:
    """Print one JSON object; NaN becomes null."""
    from ..engine.results.files import plain

    typer.echo(json.dumps(plain(summary), indent=2, allow_nan=False))


def show_table(frame: pl.DataFrame, title: str, columns: Sequence[str] | None = None) -> None:
    """Print a small frame as a table, numbers to three or four digits."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(header_style="", box=None, pad_edge=False)
    names = list(columns or frame.columns)
    for name in names:
        numeric = frame[name].dtype.is_numeric()
        # On a narrow terminal names are cut, numbers never.
        widest = max([len(name), *(len(_cell(v)) for v in frame[name])]) if numeric else None
        table.add_column(name, justify="right" if numeric else "left", no_wrap=True, min_width=widest)
    for row in frame.select(names).iter_rows():
        table.add_row(*(_cell(value) for value in row))
    # Piped to a file there is no width to keep to: a cut name would be a lost name.
    # Names are printed as they are: brackets and colons in them are no markup.
    width = None if Console().is_terminal else 240
    console = Console(width=width, markup=False, emoji=False, highlight=False)
    console.print(Text(title, style="bold"))  # a title of the table would be cut to the width of its columns
    console.print(table)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        if value != value:
            return "nan"
        return f"{value:.3f}" if value == 0 or abs(value) >= 1e-3 else f"{value:.1e}"
    return str(value)


def show_plan(plan: Plan, options: Any, as_json: bool) -> None:
    """Print what a command would do and what it would cost."""
    from ..engine.command.command import Work
    from ..engine.options import as_mapping

    frame, cost = plan.frame(), dict(plan.cost())
    unit = plan.unit if isinstance(plan, Work) else "steps"
    if as_json:
        print_json({"options": as_mapping(options), unit: frame.to_dicts(), "cost": cost, "notes": plan.notes()})
        return
    show_notes(plan.notes())
    typer.echo()
    show_table(frame, f"{len(frame)} {unit}")
    seconds, memory = cost.pop("seconds"), cost.pop("peak_megabytes")
    counted = ", ".join(f"{value:,} {name.replace('_', ' ')}" for name, value in cost.items())
    typer.echo(f"\n{counted}; about {seconds:.0f} s on two cores and {memory:,.0f} MB")


def show_notes(notes: Sequence[str]) -> None:
    """Print what was dropped or noticed, one line each."""
    for note in notes:
        typer.echo(f"note: {note}")
