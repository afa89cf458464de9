"""``fastbench rerun``: a result again from its manifest, and what differs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .declared import reporter_for

if TYPE_CHECKING:
    import polars as pl

__all__ = ["rerun"]


def rerun(
    manifest: Annotated[Path, typer.Argument(help="The manifest.json of a result, or its folder.")],
    output: Annotated[
        Path | None, typer.Option(help="Folder of the new result. Left out: beside the old one, NAME_rerun.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an older result in the output folder.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Take the finished steps of a run that was stopped.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON summary for machines.")] = False,
) -> None:
    """Run a result again from its manifest; say which inputs changed and which numbers differ."""
    reporter = reporter_for("rerun", quiet)
    reporter.say(f"{manifest} is run again")
    from ..engine.command.rerun import rerun as run_again
    from .console import print_json, show_notes

    found = run_again(manifest, output, overwrite=overwrite, resume=resume, reporter=reporter)
    if as_json:
        print_json(found.summary())
        return
    show_notes([f"Another version: {each}." for each in found.versions])
    _show("inputs", found.inputs, "path")
    _show("files of the result", found.outputs, "file")
    typer.echo(f"results: {found.after}")


def _show(what: str, table: pl.DataFrame, name: str) -> None:
    """Print what is not as it was, a line each."""
    changed = table.filter(table["status"] != "equal")
    if not len(changed):
        typer.echo(f"Equal: all {what} ({len(table)}).")
        return
    typer.echo(f"Different: {len(changed)} of {len(table)} {what}:")
    for row in changed.iter_rows(named=True):
        words = f": {row['difference']}" if row.get("difference") else ""
        typer.echo(f"  {row[name]} {row['status']}{words}")
