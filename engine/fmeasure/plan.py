"""What ``fastbench fmeasure`` would do, and what it would cost, found from headers and metadata."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import polars as pl

from ..command.command import Work
from ..readers.arrow import arrow_columns
from ..readers.cells import column_names
from ..readers.formats import ANNDATA, TEXT, existing_path, format_of
from ..readers.obs import open_obs
from ..results.digests import file_sha256
from ..results.progress import peak_megabytes
from .example import CELLS, DONORS, MODELS, RANKS
from .names import counted
from .ontology.read import read_ontology
from .options import FmeasureOptions
from .pipeline import find_runs
from .runs.runs import Run

__all__ = ["plan_fmeasure"]

# Measured on two cores: bytes read and cells counted, and drawn and scored, a second; the least that any run takes.
_BYTES_A_SECOND = 1e8
_CELLS_A_SECOND = 1e6
_CLASS_DRAWS_A_SECOND = 4e6
_LEAST_SECONDS = 1.0
_BYTES_A_CELL = 450  # of a scored cell, with what is read and kept beside it
#: Start of a text file that the length of its lines is taken from.
_SAMPLED = 1 << 16


def plan_fmeasure(options: FmeasureOptions) -> Work:
    """Find the runs, and what is known of them before they are read.

    Parameters
    ----------
    options : FmeasureOptions
        What would be done.

    Returns
    -------
    Work
        One row a run; runs, cells, ranks, terms, seconds on two cores and megabytes in all.
    """
    if options.is_example:
        example: list[dict[str, Any]] = [
            {"run": f"{model}_{donor}", "model": f"{model} (simulated)", "cells": CELLS, "ranks": RANKS, "terms": None}
            for donor in DONORS
            for model in MODELS
        ]
        return _work(options, example, 0, ["The packaged example, with simulated calls, would be scored."])
    runs = find_runs(options, os.path.abspath)
    terms: dict[str, int] = {}
    sizes: dict[Path, tuple[int | None, bool]] = {}
    rows: list[dict[str, Any]] = []
    guessed = 0
    for run in runs:
        content = ""
        if run.ontology is not None:
            content = file_sha256(run.ontology)
            if content not in terms:
                terms[content] = len(read_ontology(run.ontology, root=options.root, relations=options.relations).terms)
        cells, exact = sizes.setdefault(run.truth, _count_rows(run.truth)) if not _told(run) else (_told(run), True)
        guessed += not exact
        rows.append(
            {
                "run": run.name,
                "model": run.model_name,
                "cells": cells,
                "ranks": len(run.columns),
                "terms": terms.get(content),
            }
        )
    notes = []
    if guessed:
        notes.append(f"The cells of {counted(guessed, 'run')} are estimated from the size of the file of truth.")
    return _work(options, rows, sum(run.predictions.stat().st_size for run in runs), notes)


def _work(options: FmeasureOptions, rows: list[dict[str, Any]], n_bytes: int, notes: list[str]) -> Work:
    schema = {"run": pl.String, "model": pl.String, "cells": pl.Int64, "ranks": pl.Int64, "terms": pl.Int64}
    frame = pl.DataFrame(rows, schema=schema)
    cells = int(frame["cells"].sum())
    ranks, terms = (max([0, *frame[name].drop_nulls()]) for name in ("ranks", "terms"))
    models = frame["model"].n_unique()
    drawn = options.bootstrap * models * models * max(terms, 100)  # each model, and each pair of models
    seconds = n_bytes / _BYTES_A_SECOND + cells / _CELLS_A_SECOND + drawn / _CLASS_DRAWS_A_SECOND
    costs = {
        "runs": len(frame),
        "cells": cells,
        "ranks": ranks,
        "terms": terms,
        "draws": options.bootstrap,
        "seconds": round(_LEAST_SECONDS + 3.0 * options.figures + seconds, 1),
        "peak_megabytes": round(peak_megabytes() + 100 + cells * _BYTES_A_CELL / 1e6),
    }
    return Work(frame, costs, notes)


def _told(run: Run) -> int | None:
    """Return the cells that ``metadata.json`` tells."""
    n_cells = run.metadata.get("n_cells")
    return n_cells if isinstance(n_cells, int) and n_cells > 0 else None


def _count_rows(path: Path) -> tuple[int | None, bool]:
    """Return the rows of a file, and whether they are exact; those of a text file are estimated."""
    column_names(path)  # it says what is wrong with the file
    found, shown = existing_path(path), str(path)
    if format_of(found) in ANNDATA:
        with open_obs(found, shown) as obs:
            return obs.n_rows, True
    if format_of(found) not in TEXT:
        n_rows = arrow_columns(found, shown).n_rows
        return n_rows or None, bool(n_rows)
    if found.suffix == ".gz":
        return None, False
    with found.open("rb") as handle:
        start = handle.read(_SAMPLED)
    return round(found.stat().st_size * start.count(b"\n") / len(start)), False
