"""``fastbench embed``: how good embeddings are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ..engine.embed.command import EMBED
from .console import show_notes, show_table
from .declared import command_line

if TYPE_CHECKING:
    from ..engine.embed.job import EmbedResult
    from ..engine.embed.options import EmbedOptions

__all__ = ["embed"]

_COLUMNS = ["embedding", "metric_type", "variant", "value", "lower", "upper", "score"]


def _show(result: EmbedResult, options: EmbedOptions, output: Path) -> None:
    """Print every metric beside its interval and score, and which embedding is best."""
    show_notes(result.notes())
    if not options.embeddings:
        typer.echo(
            "note: nothing was named: this is the packaged sample of 700 blood cells, its batches are cell phases"
        )
    typer.echo()
    show_table(result.results, result.subtitle(), _COLUMNS)
    undefined = result.results.filter(result.results["status"] != "ok")
    for row in undefined.iter_rows(named=True):
        typer.echo(f"note: {row['embedding']}: {row['metric_type']} is not defined: {row['status']}")
    typer.echo()
    if len(result.summary_table) > 1:
        show_table(result.summary_table, "Mean scores (0: worst anchor, 1: best)", result.summary_table.columns)
        typer.echo()
    typer.echo(f"results: {output}")


embed = command_line(
    EMBED, _show, "Judge embeddings of cells or wells: clusters, silhouettes, mixing of batches, order."
)
