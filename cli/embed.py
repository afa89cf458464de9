"""``fastbench embed``: how good embeddings are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ..engine.embed.command import EMBED
from .console import show_notes, show_table
from .declared import command_line

if TYPE_CHECKING:
    import polars as pl

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
    shown = _COLUMNS if result.results["unintegrated"].is_null().all() else [*_COLUMNS, "unintegrated"]
    show_table(result.results, result.subtitle(), shown)
    for line in _undefined(result.results):
        typer.echo(f"note: {line}")
    typer.echo()
    if len(result.summary_table) > 1:
        from ..engine.embed.summary import verdict

        show_table(result.summary_table, "Mean scores (0: worst anchor, 1: best)", result.summary_table.columns)
        typer.echo(f"{verdict(result.results, result.summary_table).sentence}.")
        typer.echo()
    for line in _beside_unintegrated(result.results):
        typer.echo(line)
    typer.echo(f"results: {output}")


def _undefined(results: pl.DataFrame) -> list[str]:
    """Return one sentence for metrics that are not defined for one reason."""
    from ..engine.embed.finding import WHOLE

    named: dict[tuple[str, str, str], list[str]] = {}
    for row in results.iter_rows(named=True):
        if row["status"] != "ok":
            named.setdefault((row["embedding"], row["variant"], row["status"]), []).append(row["metric_type"])
    return [
        f"{embedding}: {', '.join(metrics)}{'' if variant == WHOLE else f' ({variant})'} "
        f"{'is' if len(metrics) == 1 else 'are'} not defined: {reason}"
        for (embedding, variant, reason), metrics in named.items()
    ]


def _beside_unintegrated(results: pl.DataFrame) -> list[str]:
    from ..engine.embed.summary import above_unintegrated

    return [
        f"{name} is above the unintegrated cells in {above} of {of} metrics."
        for name, (above, of) in above_unintegrated(results).items()
    ]


embed = command_line(
    EMBED, _show, "Judge embeddings of cells or wells: clusters, silhouettes, mixing of batches, order."
)
