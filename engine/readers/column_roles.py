"""Which column is what: metadata, feature, or a row index that a writer left behind."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from ..errors import InputError, examples

__all__ = [
    "ColumnPlan",
    "compile_features",
    "features_of",
    "pandas_index_columns",
    "plan_columns",
    "refuse_repeated",
    "tidy_metadata",
]

METADATA_PREFIXES = ("Metadata_", "Meta_")

# A row index as pandas writes it to CSV (``Unnamed: 0``), to Parquet (``__index_level_0__``), and without a
# name.
_INDEX_NAME = re.compile(r"(Unnamed: \d+(\.\d+)?|__index_level_\d+__|)$")


@dataclass
class ColumnPlan:
    """The columns of one file by role, in file order."""

    metadata: list[str] = field(default_factory=list)
    features: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def compile_features(pattern: str | None) -> re.Pattern[str] | None:
    """Compile the regular expression that selects features, or raise `InputError` quoting it."""
    if pattern is None:
        return None
    try:
        return re.compile(pattern)
    except re.error as error:
        raise InputError(f"The features pattern {pattern!r} is not a regular expression: {error}.") from error


def refuse_repeated(
    names: Sequence[str], path: str, what: str = "column", advice: str = "rename or drop the copies"
) -> None:
    """Raise `InputError` when two columns have the same name."""
    repeated = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if repeated:
        raise InputError(f"'{path}' has more than one {what} named {examples(repeated)}; {advice}.")


def plan_columns(
    names: Sequence[str], path: str, pattern: re.Pattern[str] | None, index: Collection[str] = ()
) -> ColumnPlan:
    """Give every column of a table its role.

    Parameters
    ----------
    names : sequence of str
        Column names in file order.
    path : str
        The file, for messages.
    pattern : re.Pattern, optional
        Features are the columns in which it is found (`re.search`). Default: every column that is not
        metadata.
    index : collection of str
        Further columns the file itself declares to be its row index.

    Returns
    -------
    ColumnPlan

    Raises
    ------
    InputError
        For duplicate names, or when no column is left as a feature.
    """
    refuse_repeated(names, path)
    plan = ColumnPlan()
    dropped, ignored = [], []
    for name in names:
        if name.startswith(METADATA_PREFIXES):
            plan.metadata.append(name)
        elif _INDEX_NAME.match(name) or name in index:
            dropped.append(name)
        elif pattern is None or pattern.search(name):
            plan.features.append(name)
        else:
            ignored.append(name)
    if dropped:
        plan.notes.append(f"'{path}': row index column {examples(dropped)} is not a feature and was dropped.")
    if ignored and pattern is not None:
        plan.notes.append(
            f"'{path}': {len(ignored)} columns that the features pattern {pattern.pattern!r} does not match were left "
            f"out: {examples(ignored)}."
        )
    if not plan.features:
        others = ignored or list(names)
        raise InputError(
            f"'{path}' has no feature column"
            + (f" that the features pattern {pattern.pattern!r} matches" if pattern is not None else "")
            + f"; its columns are {examples(others)}."
        )
    return plan


def pandas_index_columns(metadata: dict[bytes, bytes] | None) -> list[str]:
    """Read which columns of a Parquet or Arrow file pandas wrote as the index of its rows."""
    try:
        found = json.loads((metadata or {}).get(b"pandas", b"{}")).get("index_columns", [])
    except (ValueError, AttributeError):
        return []
    return [name for name in found if isinstance(name, str)]


def features_of(frame: pl.DataFrame, names: Sequence[str], path: str) -> np.ndarray:
    """Turn typed columns into the matrix of features; a null becomes NaN.

    Parameters
    ----------
    frame : polars.DataFrame
        n rows.
    names : sequence of d str
        The feature columns.
    path : str
        The file, for messages.

    Returns
    -------
    numpy.ndarray of shape (n, d), float32, C-contiguous

    Raises
    ------
    InputError
        Naming the columns that are not numbers: text, dates, lists, structs, binary.
    """
    schema = frame.schema
    odd = [n for n in names if not (schema[n].is_numeric() or schema[n] in (pl.Boolean, pl.Null))]
    if odd:
        first = frame[odd[0]].drop_nulls().head(3).to_list()
        raise InputError(
            f"'{path}': column {odd[0]!r} is of type {schema[odd[0]]} and not a number (it begins {examples(first, 3)})"
            + (f", as are {len(odd) - 1} more columns: {examples(odd[1:])}" if len(odd) > 1 else "")
            + "; rename it to Metadata_... or choose the features with a pattern."
        )
    return np.ascontiguousarray(frame.select(pl.col(list(names)).cast(pl.Float32)).to_numpy(order="c"))


def tidy_metadata(frame: pl.DataFrame) -> pl.DataFrame:
    """Make metadata of a typed file comparable: categories become text, NaN becomes null."""
    return frame.with_columns(
        pl.col(pl.Categorical, pl.Enum).cast(pl.String), pl.col(pl.Float32, pl.Float64).fill_nan(None)
    )
