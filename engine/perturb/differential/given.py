"""Differential expression that another tool found, in the place of what would be found from cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import polars as pl

from ...choices import did_you_mean
from ...errors import InputError, counted, examples
from ...readers.arrow import arrow_columns, arrow_frame
from ...readers.digests import source_of
from ...readers.formats import ARROW, TEXT, existing_path, format_of
from ...readers.text_table import text_columns, text_names
from ...tables.profiles import Source
from ..comparison import NO_ROWS
from ..screens.screen import Panel
from ..screens.side import Side
from .settings import DifferentialSettings
from .table import NEEDED, differential_of_table
from .testing import Differential, provide

__all__ = ["Given", "read_given"]

#: Columns that are taken where they are there.
_MORE = ("statistic", "target_membership", "ref_membership")
_NUMBERS = ("log2_fold_change", "p_value", "fdr", *_MORE)
#: The ratio itself, as pdex wrote it up to 0.1.
_RATIO = "fold_change"


@dataclass(frozen=True)
class Given:
    """Differential expression of screens.

    Attributes
    ----------
    tables : mapping of (str, int) to Differential
        By the name of the screen, and the context.
    sources : tuple of Source
        The files.
    notes : tuple of str
        What does not fit, and what is found from cells all the same.
    """

    tables: Mapping[tuple[str, int], Differential] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> set[str]:
        """Screens whose differential expression is here."""
        return {name for name, _ in self.tables}

    def provide(self, name: str, context: int, side: Side, truth: Side | None = None) -> None:
        """Let a side have what is here of it; see `testing.provide`."""
        found = self.tables.get((name, context))
        if found is not None:
            provide(found, side, truth)


def read_given(
    truth: tuple[str, str],
    predictions: Sequence[str],
    files: Sequence[str],
    panel: Panel,
    settings: DifferentialSettings,
    context_col: str = "",
) -> Given:
    """Read differential expression of the truth and of predictions.

    Parameters
    ----------
    truth : (str, str)
        Name of the true screen, and its file; empty: none.
    predictions : sequence of str
        Names of the predicted screens.
    files : sequence of str
        NAME=FILE; FILE alone where there is one prediction.
    panel : Panel
        What is judged.
    settings : DifferentialSettings
        What the tables are taken for.
    context_col : str, default ""
        Column of contexts.

    Returns
    -------
    Given

    Raises
    ------
    InputError
        When a prediction is not there or named twice, a file cannot be read, or nothing in it fits; see
        `table.differential_of_table`.
    """
    named = {truth[0]: truth[1]} if truth[1] else {}
    for text in files:
        name, sign, path = text.partition("=")
        if not sign and len(predictions) == 1:
            name, path = predictions[0], text
        if name not in predictions or not path:
            hint = did_you_mean(name, predictions) or f"; predictions are {examples(predictions)}."
            raise InputError(f"--de {text}: there is no prediction {name!r}, NAME=FILE is needed{hint}")
        if name in named:
            raise InputError(f"--de names the prediction {name!r} twice.")
        named[name] = path
    tables: dict[tuple[str, int], Differential] = {}
    sources, notes = [], []
    for name, path in named.items():
        frame, source = _read(path, context_col)
        sources.append(source)
        frame, said = _fitting(frame, panel, path)
        notes += said
        absent = {} if name == truth[0] else {"absent": NO_ROWS}
        for context, part in enumerate(_by_context(frame, panel, path, context_col)):
            found = differential_of_table(part, panel, settings, f"'{path}'", **absent)
            tables[name, context] = found
            where = f" in {panel.contexts[context]!r}" if len(panel.contexts) > 1 else ""
            for what, gone in (
                ("condition", [panel.conditions[place] for place in sorted(found.reasons)]),
                ("gene", [panel.genes[place] for place in np.flatnonzero(~found.genes).tolist()]),
            ):
                if gone:
                    notes.append(f"'{path}' has no row of {counted(len(gone), what)}{where}: {examples(gone)}.")
    if named:
        notes.append(
            f"Differential expression of {', '.join(named)} was taken from tables; how it was found there cannot be "
            "seen. That of baselines, halves of the truth and all others was found from their cells."
        )
    return Given(tables, tuple(sources), tuple(notes))


def _read(path: str, context_col: str) -> tuple[pl.DataFrame, Source]:
    """Return the columns that are taken, under our names; numbers as such."""
    place = existing_path(path)
    kind = format_of(place)
    if kind not in {*TEXT, *ARROW}:
        raise InputError(f"'{path}' is no table; differential expression comes as csv, tsv, parquet or arrow.")
    names = text_names(place, path) if kind in TEXT else arrow_columns(place, path).names
    taken = {next((each for each in (ours, *others) if each in names), ""): ours for ours, others in NEEDED.items()}
    taken.pop("", None)  # what is missing is told later
    taken |= {name: name for name in (*_MORE, context_col, "context") if name in names}
    ratio = "log2_fold_change" not in taken.values() and _RATIO in names
    taken |= {_RATIO: _RATIO} if ratio else {}
    if kind in TEXT:
        numbers = [name for name, ours in taken.items() if ours in (*_NUMBERS, _RATIO)]
        import pyarrow

        frame = cast(pl.DataFrame, pl.from_arrow(pyarrow.table(text_columns(place, path, list(taken), numbers))))
    else:
        frame = arrow_frame(place, path, list(taken))
    frame = frame.rename(taken)
    source = source_of(place, frame.height)
    frame = frame.with_columns(_number(frame[name], path) for name in (*_NUMBERS, _RATIO) if name in frame.columns)
    if ratio:
        if (frame[_RATIO] < 0).any():
            raise InputError(f"'{path}': fold_change must be a ratio, but has values below 0; call logs of it so.")
        frame = frame.with_columns(log2_fold_change=pl.col(_RATIO).log(2)).drop(_RATIO)
    return frame, source


def _number(values: pl.Series, path: str) -> pl.Series:
    if not values.dtype.is_numeric() and values.dtype not in (pl.String, pl.Null):
        raise InputError(f"'{path}': the column {values.name!r} must hold numbers, but it is {values.dtype}.")
    found = values.cast(pl.Float64, strict=False)
    strange = values.filter(found.is_null() & values.is_not_null())
    if len(strange):
        raise InputError(f"'{path}': the column {values.name!r} must hold numbers, but has {examples(strange)}.")
    return found


def _fitting(frame: pl.DataFrame, panel: Panel, path: str) -> tuple[pl.DataFrame, list[str]]:
    """Return the rows of conditions and genes that are judged, and what is to be said of the others."""
    notes = []
    for column, known, what in (("target", panel.conditions, "condition"), ("feature", panel.genes, "gene")):
        if column not in frame.columns:
            continue  # which the table is refused for
        frame = frame.with_columns(pl.col(column).cast(pl.String))
        inside = frame[column].is_in(known)
        strange = frame[column].filter(~inside).drop_nulls().unique(maintain_order=True).to_list()
        if not inside.any():
            raise InputError(
                f"'{path}' has no {what} that is judged: it has {examples(strange)}, the truth {examples(known, 3)}."
            )
        if not inside.all():
            notes.append(
                f"'{path}' has {counted(len(strange), what)} that {'are' if len(strange) > 1 else 'is'} not judged "
                f"({examples(strange)}): {counted(int((~inside).sum()), 'row')} left out."
            )
            frame = frame.filter(inside)
    return frame, notes


def _by_context(frame: pl.DataFrame, panel: Panel, path: str, context_col: str) -> list[pl.DataFrame]:
    """Return the rows of each context."""
    column: Any = next((name for name in (context_col, "context") if name and name in frame.columns), None)
    if not context_col or (column is None and len(panel.contexts) == 1):
        return [frame]
    if column is None:
        raise InputError(
            f"'{path}' has no column {context_col!r} (or 'context'), but the truth has {len(panel.contexts)} contexts, "
            "each with differential expression of its own."
        )
    values = frame[column].cast(pl.String)
    if not values.is_in(panel.contexts).any():
        raise InputError(
            f"'{path}' has none of the contexts {examples(panel.contexts)}; it has {examples(values.unique())}."
        )
    return [frame.filter(values == context) for context in panel.contexts]
