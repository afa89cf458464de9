"""Files beside the tables: differential expression, and the forms of cell-eval and cell-eval2."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl

from ...kernels.backend import Backend
from ..results.folder import ResultFolder
from ..results.tables import Table
from .compat import cell_eval, cell_eval2
from .differential.given import Given
from .differential.table import differential_table
from .presets import Preset
from .scores.assessing import Assessment
from .scores.tables import DIFFERENTIAL_COLUMNS
from .screens.screen import Screen
from .screens.side import Side

__all__ = ["file_names", "prefixes_of", "write_cell_eval", "write_cell_eval2", "write_differential"]


def file_names(names: Sequence[str]) -> dict[str, str]:
    """Return a name of a file or folder for each of several names, no two alike."""
    found: dict[str, str] = {}
    for name in names:
        plain = re.sub(r"[^\w.+ ()-]", "-", name).strip(". ") or "prediction"
        number, made = 1, plain
        while made.lower() in {each.lower() for each in found.values()}:
            number, made = number + 1, f"{plain}-{number + 1}"
        found[name] = made
    return found


def write_differential(
    folder: ResultFolder,
    truth: Screen,
    predictions: Sequence[Screen],
    preset: Preset,
    backend: Backend[Any],
    threads: int,
    given: Given,
    *,
    tables: bool,
    prefixes: Sequence[str] = (),
) -> dict[str, Any]:
    """Write differential expression of truth and predictions; a table that was given is not written again.

    Parameters
    ----------
    folder : ResultFolder
        Where.
    truth : Screen
        True cells.
    predictions : sequence of Screen
        Of the same panel.
    preset : Preset
        How it is found.
    backend : Backend
        The kernels.
    threads : int
        Worker threads; 0 takes all cores.
    given : Given
        What was not found here. Of means of conditions nothing is found either.
    tables : bool
        Whether ``de_true.parquet`` and ``de_NAME.parquet`` are written.
    prefixes : sequence of str, optional
        What begins the names of files of cell-eval, one a context; without any, these are not written.

    Returns
    -------
    dict
        Declarations of the tables, for the manifest.
    """
    named = file_names([screen.name for screen in predictions])
    sides = [Side(truth, context, preset.total, backend, threads) for context in range(len(truth.panel.contexts))]
    declared: dict[str, Any] = {}
    for screen in (truth, *predictions):
        if screen.name in given.names or not screen.of_cells:
            continue
        found = list(_tables(screen, sides, truth, preset))
        of_truth = screen is truth
        if tables:
            name = f"de_{'true' if of_truth else named[screen.name]}.parquet"
            table = Table(_together(found, truth.panel.contexts), DIFFERENTIAL_COLUMNS)
            table.check(name)
            folder.parquet(name, table.frame)
            declared[name] = table.as_dict()
        for prefix, frame in zip(prefixes, found, strict=False):
            for where in named.values() if of_truth else (named[screen.name],):
                folder.csv(f"cell-eval/{where}/{prefix}{'real' if of_truth else 'pred'}_de.csv", frame)
    return declared


def _tables(screen: Screen, sides: Sequence[Side], truth: Screen, preset: Preset) -> Iterator[pl.DataFrame]:
    """Give the differential expression of a screen in each context."""
    if screen is not truth and not preset.own_controls:
        screen = screen.with_controls_of(truth)
    for context, side in enumerate(sides):
        if screen is truth:
            yield differential_table(side, preset.tested)
        else:
            yield differential_table(Side(screen, context, side.total, side.backend, side.threads), preset.tested, side)


def _together(found: Sequence[pl.DataFrame], contexts: Sequence[str]) -> pl.DataFrame:
    if len(found) == 1:
        return found[0]
    parts = zip(found, contexts, strict=True)
    return pl.concat([frame.insert_column(0, pl.lit(name).alias("context")) for frame, name in parts])


def prefixes_of(contexts: Sequence[str], named: bool) -> dict[str, str]:
    """Return what begins the names of files of cell-eval: the context, where a column of contexts was named."""
    return {name: re.sub(r"[/\\]", "-", name) + "_" if named else "" for name in contexts}


def write_cell_eval(folder: ResultFolder, found: Assessment, names: Sequence[str], prefixes: dict[str, str]) -> None:
    """Write ``results.csv`` and ``agg_results.csv`` of cell-eval below ``cell-eval/PREDICTION/``.

    Parameters
    ----------
    folder : ResultFolder
        Where.
    found : Assessment
        Results and summary.
    names : sequence of str
        Predictions.
    prefixes : dict of str to str
        What begins the names of files, by context.
    """
    for name, place in file_names(names).items():
        for context, prefix in prefixes.items():
            results, summary = _of(found.results, name, context), _of(found.summary, name, context)
            table = cell_eval.by_perturbation(results, summary)
            if len(table):
                folder.csv(f"cell-eval/{place}/{prefix}results.csv", table)
                folder.csv(f"cell-eval/{place}/{prefix}agg_results.csv", cell_eval.aggregated(table))


def write_cell_eval2(folder: ResultFolder, found: Assessment, names: Sequence[str], prefixes: dict[str, str]) -> None:
    """Write ``results.csv`` and ``agg_results.csv`` of cell-eval2 below ``cell-eval2/PREDICTION/``."""
    for name, place in file_names(names).items():
        for context, prefix in prefixes.items():
            table = cell_eval2.by_perturbation(_of(found.results, name, context))
            folder.csv(f"cell-eval2/{place}/{prefix}results.csv", table)
            whole = cell_eval2.aggregated(table, _of(found.summary, name, context))
            folder.csv(f"cell-eval2/{place}/{prefix}agg_results.csv", whole)


def _of(frame: pl.DataFrame, name: str, context: str) -> pl.DataFrame:
    return frame.filter(pl.col("prediction") == name, pl.col("context") == context)
