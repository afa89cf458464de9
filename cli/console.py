"""What the commands print: readable tables for people, JSON for machines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    import polars as pl

    from ..engine.map.job import MapResult
    from ..engine.map.options import MapOptions
    from ..engine.results.folder import ResultFolder

__all__ = ["listed", "note_compilation", "print_json", "refuse_options_before", "show_map", "show_notes", "show_table"]

SHOWN_GROUPS = 10


def listed(text: str) -> tuple[str, ...]:
    """Take an option of several values apart: ``A,B`` without spaces and empty parts."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def print_json(summary: dict[str, Any]) -> None:
    """Print one JSON object; NaN becomes null."""
    from ..engine.results.files import plain

    typer.echo(json.dumps(plain(summary), indent=2, allow_nan=False))


def refuse_options_before(ctx: typer.Context) -> None:
    """Refuse options that stand before the name of a step: they would be lost."""
    from ..engine.errors import InputError

    sources = {name: ctx.get_parameter_source(name) for name in ctx.params}
    before = [name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]
    if before:
        option = next(each.opts[0] for each in ctx.command.params if each.name == before[0])
        raise InputError(f"Put {option} after {ctx.invoked_subcommand!r}: options belong to the step.")


def note_compilation(folder: ResultFolder) -> None:
    """Print on standard error, and in the manifest, what compiling the kernels took in this process."""
    from ..kernels.compile import compile_seconds

    seconds = round(compile_seconds(), 1)
    folder.manifest["compile_seconds"] = seconds
    if seconds:
        typer.echo(f"note: {seconds} s went into compiling kernels; the next run finds them on disk", err=True)


def show_table(frame: pl.DataFrame, title: str, columns: Sequence[str] | None = None) -> None:
    """Print a small frame as a table, numbers to three or four digits."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", header_style="", box=None, pad_edge=False)
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
    Console(width=width, markup=False, emoji=False, highlight=False).print(table)


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


def show_notes(notes: Sequence[str]) -> None:
    """Print what was dropped or noticed, one line each."""
    for note in notes:
        typer.echo(f"note: {note}")


def show_map(result: MapResult, options: MapOptions, output: Path, as_json: bool) -> None:
    """Print the outcome of ``fastbench map``."""
    groups, report = result.groups, result.report
    n_significant = int(groups["below_corrected_p"].sum())
    mean_map = float(groups["mean_average_precision"].to_numpy().mean())
    summary = {
        "output": str(output),
        "groups": len(groups),
        "mean_map": mean_map,
        "below_corrected_p": n_significant,
        "threshold": options.threshold,
        "definition": result.definition,
        "retrieval": report.as_dict(),
        "notes": list(result.notes),
        "timings": result.timings,
    }
    if as_json:
        print_json(summary)
        return
    show_notes(result.notes)
    scored = result.average_precision
    lowest, highest = (
        float(scored[name if name in scored.columns else "average_precision"].fill_nan(None).mean() or 0)  # type: ignore[arg-type]
        for name in ("ap_pessimistic", "ap_optimistic")
    )
    typer.echo(
        f"{report.n_queries} queries over {report.n_rows} rows, {len(result.feature_names)} features: {report.n_positive_pairs:,} positive and "
        f"{report.n_negative_pairs:,} negative pairs; {options.distance}"
    )
    for count, what in (
        (report.n_without_positives, "rows asked for have no positive and no AP"),
        (report.n_without_negatives, "rows have no negative: their AP is 1 by definition"),
        (
            report.n_tied_queries,
            f"queries have a positive tied with a negative: ties count as {report.ties}; mean AP lies between "
            f"{lowest:.4f} and {highest:.4f} (ap_pessimistic, ap_optimistic)",
        ),
    ):
        if count:
            typer.echo(f"note: {count} {what}")
    top = groups.sort("mean_average_precision", descending=True).head(SHOWN_GROUPS)
    columns = [*result.group_by, "n_queries", "mean_average_precision", "p_value", "corrected_p_value"]
    typer.echo()
    show_table(top, f"Best {len(top)} of {len(groups)} groups", columns)
    typer.echo()
    typer.echo(
        f"mean mAP {mean_map:.5f}; {n_significant} of {len(groups)} groups "
        f"({n_significant / len(groups):.1%}) below corrected p {options.threshold:g}"
    )
    typer.echo(f"{result.definition}")
    typer.echo(f"results: {output}")
