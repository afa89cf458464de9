"""The ``fastbench`` command: parse, call the engine, show. Nothing heavy is imported before a command runs."""

from __future__ import annotations

import gc
import os
import signal
import sys
from typing import Annotated

import typer

from . import bench, compare, cpjump, fmeasure, info, ontology, rerun
from . import map as map_command

__all__ = ["app", "main"]

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
app.add_typer(fmeasure.app, name="fmeasure")
app.add_typer(ontology.app, name="ontology")
app.command("compare")(compare.compare)
app.command("rerun")(rerun.rerun)
app.command("info")(info.info)
app.command("bench")(bench.bench)


#: Exit code after Ctrl-C, as shells have it.
INTERRUPTED = 130


def main() -> None:
    """Run the command line: exit 0 when done, 2 on bad usage or input, 130 after Ctrl-C, 1 on an internal error."""
    from ..engine.errors import FastbenchError

    # A termination request unwinds like an error, so that what was staged is taken away.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    # Arrow's own allocator keeps what is freed, file after file; the system's gives it back.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    # What is imported is no garbage, and is looked through again and again while more is imported.
    gc.set_threshold(50_000, 20, 100)
    try:
        app()
    except SystemExit as stop:
        if stop.code == INTERRUPTED:
            typer.echo("fastbench: interrupted; what was not finished was not written.", err=True)
        raise
    except FastbenchError as error:
        typer.echo(f"fastbench: {error}", err=True)
        sys.exit(2)
    except RuntimeError as error:
        if not isinstance(error.__cause__ or error.__context__, KeyboardInterrupt):
            raise
        # Python makes this of an interrupt that falls into the making of a class.
        typer.echo("fastbench: interrupted; what was not finished was not written.", err=True)
        sys.exit(INTERRUPTED)
    except PermissionError as error:
        typer.echo(f"fastbench: {error.filename} cannot be used: no permission; change it or choose another.", err=True)
        sys.exit(2)
