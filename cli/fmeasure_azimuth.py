"""``fastbench fmeasure azimuth``: Azimuth (Seurat) calls become an annotate directory."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .console import listed
from .fmeasure_view import show_first_notes

if TYPE_CHECKING:
    from ..engine.fmeasure.azimuth.calls import AzimuthCalls
    from ..engine.fmeasure.azimuth.options import AzimuthOptions

__all__ = ["azimuth"]

#: Column of the truth that is suggested where it is there.
CELLXGENE_LABEL = "cell_type_ontology_term_id"


def azimuth(
    azimuth_csv: Annotated[
        str,
        typer.Option(
            help="Metadata written by Seurat: barcode first, then predicted.<level> and predicted.<level>.score."
        ),
    ],
    h5ad: Annotated[str, typer.Option(help="The cells and later the truth, .h5ad or .zarr; only cell ids are read.")],
    crosswalk_csv: Annotated[
        str, typer.Option(help="CSV or TSV file: Azimuth label to Cell Ontology id, for all levels.")
    ],
    crosswalk_azimuth_col: Annotated[str, typer.Option(help="Column of the Azimuth labels in the crosswalk.")],
    crosswalk_cl_id_col: Annotated[str, typer.Option(help="Column of the ids: CL:0000084, CL_0000084 or an address.")],
    azimuth_ref_name: Annotated[
        str, typer.Option(help="Azimuth reference, e.g. pbmcref; the model is called azimuth_<name>.")
    ],
    ontology: Annotated[
        str, typer.Option(help="ontology_resource.json, OBO or OBO-graph JSON; goes into the directory.")
    ],
    output_dir: Annotated[Path, typer.Option(help="The annotate directory to be made.")],
    crosswalk_cl_label_col: Annotated[
        str, typer.Option(help="Column of the labels of terms. Left out: the Azimuth label is the label.")
    ] = "",
    levels: Annotated[
        str,
        typer.Option(
            help="Columns of labels, most granular first, LABEL[:SCORE],...; the score is LABEL.score. Left out: all predicted.<level>, the last first."
        ),
    ] = "",
    unmapped: Annotated[
        str, typer.Option(help="Calls that are no term become: unknown (the benchmark decides), error, empty or root.")
    ] = "unknown",
    relations: Annotated[
        str, typer.Option(help="Relations of an OBO file that lead to ancestors: is_a or is_a,part_of.")
    ] = "is_a",
    response: Annotated[
        bool,
        typer.Option(
            "--response/--no-response",
            help="Write ontology_response.json in full (about 1.5 kB a cell), not {}; no benchmark reads it.",
        ),
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an older result in the output folder.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON summary for machines.")] = False,
) -> None:
    """Convert Azimuth calls to an annotate directory, which this benchmark and cellarium-cas score."""
    from ..engine.fmeasure.azimuth.convert import convert_azimuth
    from ..engine.fmeasure.azimuth.options import AzimuthOptions
    from ..engine.results.folder import ResultFolder

    options = AzimuthOptions(
        azimuth_csv=azimuth_csv,
        h5ad=h5ad,
        crosswalk_csv=crosswalk_csv,
        crosswalk_azimuth_col=crosswalk_azimuth_col,
        crosswalk_cl_id_col=crosswalk_cl_id_col,
        azimuth_ref_name=azimuth_ref_name,
        crosswalk_cl_label_col=crosswalk_cl_label_col,
        ontology=ontology,
        levels=_levels(levels, azimuth_csv),
        unmapped=unmapped,
        relations=listed(relations),
        response=response,
    )
    with ResultFolder(output_dir, "fmeasure azimuth", options.as_dict(), overwrite) as folder:
        calls = convert_azimuth(options, folder)
    _show(calls, options, output_dir, as_json)


def _levels(text: str, azimuth_csv: str) -> tuple[tuple[str, str], ...]:
    """Read ``LABEL[:SCORE],...``; a label may be written without ``predicted.``."""
    if not text:
        return ()
    from ..engine.readers.cells import column_names

    names = column_names(azimuth_csv)
    found = []
    for level in listed(text):
        label, colon, score = (level, "", "") if level in names else level.partition(":")
        label = f"predicted.{label}" if label not in names and f"predicted.{label}" in names else label
        found.append((label, score if colon else f"{label}.score"))
    return tuple(found)


def _show(calls: AzimuthCalls, options: AzimuthOptions, output: Path, as_json: bool) -> None:
    """Print the levels, what was noticed, and how to go on."""
    from .console import print_json, show_notes, show_table

    command, hints = _next(calls, options, output)
    if as_json:
        summary = {
            "output": str(output),
            "model_name": options.model_name,
            "cells": len(calls.table),
            **calls.account(),
            "extra_rows": calls.extra_rows,
            "notes": [*calls.notes, *hints],
            "next": command,
        }
        print_json(summary)
        return
    show_first_notes(calls.notes, output)
    typer.echo()
    columns = ["rank", "level", "labels", "terms", "mapped", "unmapped", "outside", "missing", "mean_score"]
    show_table(calls.levels, f"{options.model_name}: {len(calls.table):,} cells", columns)
    typer.echo()
    show_notes(hints)
    typer.echo(f"results: {output}")
    typer.echo(f"next: {command}")


def _next(calls: AzimuthCalls, options: AzimuthOptions, output: Path) -> tuple[str, list[str]]:
    """Return the command that scores the directory, and what to know about it."""
    from ..engine.readers.cells import column_names

    hints = []
    truth = CELLXGENE_LABEL if CELLXGENE_LABEL in column_names(options.h5ad) else "COLUMN"
    command = [
        "fastbench",
        "fmeasure",
        "--annotate-dirs",
        str(output),
        "--gt-label",
        truth,
        "--inferred-label",
        "cas_cell_type_name_1",
    ]
    without = sum(int(calls.levels[name][0]) for name in ("unmapped", "outside", "missing"))
    if without and options.unmapped != "root":
        hints.append(
            f"{without} cells have no term at rank 1: they are scored as wrong by --unknown miss, left out by drop, the root by root, and refused otherwise."
        )
        command += ["--unknown", "miss"]
    return shlex.join(command), hints
