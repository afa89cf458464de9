"""Columns of vectors: lists of numbers of one length, in Parquet, Arrow and tables in memory."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from ...choices import did_you_mean
from ...errors import InputError, examples
from ...tables.profiles import Profiles
from ..arrow import arrow_columns, arrow_frame, arrow_lists
from ..column_roles import METADATA_PREFIXES, FeatureChoice, refuse_repeated, tidy_metadata
from ..digests import source_of
from ..vectors import unlisted
from .arrays import embedding_names

__all__ = ["from_vectors", "number_lists", "read_vectors", "vector_column"]


def vector_column(
    names: Collection[str], lists: Collection[str], shown: str, choice: FeatureChoice, wanted: str
) -> str:
    """Return the column of vectors of a table; empty where it has none.

    Parameters
    ----------
    names : collection of str
        All columns.
    lists : collection of str
        Those that hold lists of numbers.
    shown : str
        The table, for messages.
    choice : FeatureChoice
        Columns that options name hold no vectors; where the user chose features, none is looked for.
    wanted : str
        What the user asked for, or empty.

    Raises
    ------
    InputError
        When the column asked for is not there or holds no lists of numbers, or there are several.
    """
    if wanted:
        if wanted not in names:
            hint = did_you_mean(wanted, names) or f"; those of lists of numbers are {examples(lists) or 'none'}."
            raise InputError(f"'{shown}' has no column {wanted!r}, which --embedding names{hint}")
        if wanted not in lists:
            raise InputError(f"'{shown}': --embedding {wanted!r} holds no lists of numbers.")
        return wanted
    if not choice.judges:
        return ""
    found = [name for name in lists if name not in choice.metadata and not name.startswith(METADATA_PREFIXES)]
    if len(found) > 1:
        raise InputError(
            f"'{shown}' has {len(found)} columns of vectors: choose one with --embedding {'|'.join(found)}."
        )
    return found[0] if found else ""


def number_lists(frame: pl.DataFrame) -> list[str]:
    """Return the columns of a table that hold lists of numbers."""
    nested = {name: getattr(dtype, "inner", None) for name, dtype in frame.schema.items()}
    return [name for name, inner in nested.items() if inner is not None and inner.is_numeric()]


def read_vectors(path: Path, shown: str, choice: FeatureChoice, wanted: str = "") -> Profiles | None:
    """Read a Parquet or Arrow file that has a column of vectors; None where it has none, see `vector_column`."""
    names, index, _ = arrow_columns(path, shown)
    column = vector_column(names, arrow_lists(path, shown), shown, choice, wanted)
    if not column:
        return None
    refuse_repeated(names, shown)
    frame = arrow_frame(path, shown, [name for name in names if name not in index or name in choice.metadata])
    return replace(from_vectors(frame, column, shown), sources=(source_of(path, frame.height),))


def from_vectors(frame: pl.DataFrame, column: str, shown: str) -> Profiles:
    """Make profiles of a table with a column of vectors; every other column is metadata.

    Parameters
    ----------
    frame : polars.DataFrame
        n rows.
    column : str
        The column of lists.
    shown : str
        The table, for messages.

    Raises
    ------
    InputError
        When vectors differ in length or are missing.
    """
    if missing := frame[column].null_count():
        raise InputError(f"'{shown}': {missing} of {frame.height} rows have no vector in {column!r}; leave them out.")
    matrix = np.ascontiguousarray(unlisted(frame[column], 0, shown))
    others = frame.drop(column)
    odd = [name for name, dtype in others.schema.items() if dtype in (pl.Struct, pl.Binary, pl.Object)]
    metadata = tidy_metadata(others.drop(odd))
    notes = [
        f"'{shown}': the vectors are the column {column!r}, of {matrix.shape[1]} numbers; the others are metadata."
    ]
    if odd:
        notes.append(f"'{shown}': {examples(odd)} were left out, since they hold structs or bytes.")
    return Profiles(metadata, matrix, embedding_names(matrix.shape[1]), notes=tuple(notes), left_out=tuple(odd))
