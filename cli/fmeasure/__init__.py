"""``fastbench fmeasure``: flat and ontology-aware F-measure of cell-type annotation; with no arguments, an example."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ...engine.fmeasure.azimuth.command import AZIMUTH
from ...engine.fmeasure.command import AGGREGATE, CONFUSION_MATRIX, FLAT, FMEASURE, HIERARCHICAL
from ...engine.fmeasure.runs.options import ScoreOptions
from ...engine.options import options_of
from ..console import show_notes, show_table
from ..declared import command_line
from .compare import compare
from .view import show, show_first_notes

if TYPE_CHECKING:
    from ...engine.fmeasure.azimuth.options import AzimuthOptions
    from ...engine.fmeasure.azimuth.result import Converted

__all__ = ["app"]

app = typer.Typer(
    help="Flat and ontology-aware F-measure of cell-type annotation. Without arguments: an example with simulated calls.",
    invoke_without_command=True,
    rich_markup_mode=None,
    add_completion=False,
)

FIRST = "fastbench fmeasure confusion-matrix"
#: Options of how ratios become scores.
RATIOS = ("zero_division", "zero_division_rule", "macro")


def _show_azimuth(result: Converted, options: AzimuthOptions, output: Path) -> None:
    """Print the levels, what was noticed, and how to go on."""
    calls = result.calls
    show_first_notes(calls.notes, output)
    typer.echo()
    columns = ["rank", "level", "labels", "terms", "mapped", "unmapped", "outside", "missing", "mean_score"]
    show_table(calls.levels, f"{options.model_name}: {len(calls.table):,} cells", columns)
    typer.echo()
    show_notes(result.hints)
    typer.echo(f"results: {output}")
    typer.echo(f"next: {result.command}")


app.callback()(
    command_line(
        FMEASURE,
        show,
        "Score cell-type annotation: confusion matrices, flat and hierarchical F-measure, tables and figures.",
        group=True,
    )
)
app.command("confusion-matrix")(
    command_line(
        CONFUSION_MATRIX,
        show,
        "Step 1: count truth and prediction of every run (cm_raw_k1 ...); obs columns of later steps are named here.",
        names=(*(each.name for each in options_of(ScoreOptions)), "group_by", "bootstrap_by"),
    )
)
app.command("aggregate")(
    command_line(
        AGGREGATE,
        show,
        "Step 2: add the matrices of runs up to groups (cm_aggregate_k1 ...).",
        names=("group_by", "device"),
        after=FIRST,
    )
)
flat = command_line(FLAT, show, "Step 3: flat F-measure of runs and groups.", names=(*RATIOS, "device"), after=FIRST)
app.command("flat")(flat)
app.command("f-measure", hidden=True)(flat)
app.command("hierarchical")(
    command_line(
        HIERARCHICAL,
        show,
        "Step 4: hierarchical F-measure of runs and groups, summary tables and figures.",
        names=("ontology", "bootstrap", "bootstrap_by", "seed", *RATIOS, "beta", "confusions_of", "figures", "device"),
        after=FIRST,
    )
)
app.command("azimuth")(
    command_line(
        AZIMUTH,
        _show_azimuth,
        "Convert Azimuth calls to an annotate directory, which this benchmark and cellarium-cas score.",
    )
)
app.command("compare")(compare)
