"""``fastbench cpjump``: the CPJUMP1 benchmark; with no arguments, its embedded demo."""

from __future__ import annotations

import typer

from ..engine.cpjump.command import CPJUMP
from .cpjump_compare import compare
from .cpjump_fetch import fetch
from .cpjump_split import split
from .cpjump_view import show_result
from .declared import command_line

__all__ = ["app"]

app = typer.Typer(
    help="The CPJUMP1 benchmark. Without arguments: a demo with simulated features.",
    invoke_without_command=True,
    rich_markup_mode=None,
    add_completion=False,
)
app.callback()(
    command_line(
        CPJUMP,
        show_result,
        "Run the CPJUMP1 benchmark: replicability, target matching and gene-compound matching.",
        group=True,
    )
)
app.command("split")(split)
app.command("fetch")(fetch)
app.command("compare")(compare)
