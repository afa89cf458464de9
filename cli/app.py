"""The commands of ``fastbench``: parse, call the engine, show. Nothing heavy is imported before a command runs."""

from __future__ import annotations

from typing import Annotated

import typer

from . import bench, compare, cpjump, embed, fmeasure, info, ontology, perturb, rerun
from . import map as map_command

__all__ = ["app"]

app = typer.Typer(
    name="fastbench",
    help="Exact, fast benchmarks for Cell Painting profiles and single-cell embeddings.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"fastbench {version('fastbench')}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Exact, fast benchmarks for Cell Painting profiles and single-cell embeddings."""


app.add_typer(cpjump.app, name="cpjump")
app.command("map")(map_command.map_)
app.command("embed")(embed.embed)
app.add_typer(fmeasure.app, name="fmeasure")
app.add_typer(perturb.app, name="perturb")
app.add_typer(ontology.app, name="ontology")
app.command("compare")(compare.compare)
app.command("rerun")(rerun.rerun)
app.command("info")(info.info)
app.command("bench")(bench.bench)
