"""``fastbench rerun``: a result again from its manifest, and what differs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .declared import reporter_for

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
    import polars as pl

    from ..engine.command.rerun import rerun as run_again
    from .console import print_json, show_notes, show_table

    found = run_again(manifest, output, overwrite=overwrite, resume=resume, reporter=reporter)
    if as_json:
        print_json(found.summary())
        return
    show_notes([f"Another version: {each}." for each in found.versions])
    changed = found.inputs.filter(pl.col("status") != "equal")
    differing = found.outputs.filter(pl.col("status") != "equal")
    if len(changed):
        show_table(changed, f"{len(changed)} of {len(found.inputs)} inputs are not what they were")
    else:
        typer.echo(f"All {len(found.inputs)} inputs are what they were.")
    if len(differing):
        typer.echo()
        show_table(differing, f"{len(differing)} of {len(found.outputs)} files of the result differ")
    else:
        typer.echo(f"All {len(found.outputs)} files of the result are equal, byte for byte.")
    typer.echo(f"results: {found.after}")
