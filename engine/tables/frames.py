"""In-memory tables in, Polars out, and back, without importing the library they come from.

Which library a table comes from is told by the module of its type, so a caller who has no pandas never loads
it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import polars as pl

from ..choices import did_you_mean
from ..errors import InputError, UnknownNameError, counted, examples
from .labels import plain_forms
from .matrix import EXACT_FLOAT64, check_names, family_of, feature_matrix, is_missing, library_of

__all__ = [
    "column_names",
    "distinct_texts",
    "feature_matrix",
    "metadata_frame",
    "near_duplicate_labels",
    "require_columns",
    "select_columns",
    "to_kind",
    "with_columns_like",
    "with_series",
]

_MANY = 20_000
#: The zeros of a whole number with decimals, as in ``10.0 uM``.
_NO_DECIMALS = re.compile(r"(\d)\.0+(?=[^\d.])")
_DECIMAL = re.compile(r"(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?")
#: Types that NumPy and Polars share: columns of them need no conversion by way of Arrow.
_PLAIN = frozenset(np.dtype(name) for name in ("bool", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8"))


def require_columns(frame: pl.DataFrame, columns: Iterable[str], purpose: str) -> None:
    """Raise `UnknownNameError` naming the first of `columns` that `frame` lacks, with its near misses.

    Parameters
    ----------
    frame : polars.DataFrame
        The metadata.
    columns : iterable of str
        The columns that are needed.
    purpose : str
        What they are needed for, as the sentence says it: ``"the filter 'Metadata_x == 1'"``.
    """
    for column in columns:
        if column not in frame.columns:
            hint = did_you_mean(column, frame.columns) or f"; the columns are {examples(frame.columns, 8)}."
            raise UnknownNameError(f"There is no metadata column {column!r}, which {purpose} names{hint}")


def distinct_texts(frame: pl.DataFrame, columns: Iterable[str]) -> dict[str, pl.Series]:
    """Return the distinct values of each text column, in the order in which they come first."""
    texts = [frame[column] for column in columns if frame.schema[column] == pl.String]
    return {series.name: series.unique(maintain_order=True) for series in texts}


def near_duplicate_labels(texts: Mapping[str, pl.Series]) -> list[str]:
    """Return notes on columns with values that differ only by space, case, zeros or Unicode form, or are one number.

    They count as different, but are often one label written in two ways.

    Parameters
    ----------
    texts : mapping of str to polars.Series
        Distinct values by column, as from `distinct_texts`.
    """
    notes = []
    for name, distinct in texts.items():
        if len(distinct) > _MANY:  # names of rows rather than labels
            continue
        values = [value for value in distinct.to_list() if value is not None]
        plain = [_NO_DECIMALS.sub(r"\1", form.replace(" ", "")) for form in plain_forms(values)]
        if len(set(plain)) < len(values):
            forms: dict[str, list[str]] = {}
            for form, value in zip(plain, values, strict=True):
                forms.setdefault(form, []).append(value)
            repeated = [same for same in forms.values() if len(same) > 1]
            notes.append(
                f"Metadata column {name!r} has {counted(len(repeated), 'set')} of values that differ only by space, "
                f"case, zeros or Unicode form and count as different: {examples(repeated[0])}."
            )
        if same := _one_number(plain, values):
            notes.append(f"Metadata column {name!r} has one number written in several ways, as text: {examples(same)}.")
    return notes


def _one_number(plain: Sequence[str], values: Sequence[str]) -> list[str]:
    """Return the spellings of the first number that texts have in several, as ``1``, ``01``, ``1.0`` and ``1E0``."""
    found: dict[float, dict[str, str]] = {}  # by form, so that what differs by space or case alone is not told twice
    for form, value in zip(plain, values, strict=True):
        if (form[:1].isdigit() or form[:1] == ".") and _DECIMAL.fullmatch(form):
            found.setdefault(float(form), {}).setdefault(form, value)
    return next((list(same.values()) for same in found.values() if len(same) > 1), [])


def with_series(frame: pl.DataFrame, added: Iterable[pl.Series]) -> pl.DataFrame:
    """Add columns, in place of those of the same name; `with_columns` would make a query of it, which takes longer."""
    return pl.DataFrame(list({series.name: series for series in (*frame, *added)}.values()))


def metadata_frame(meta: Any) -> tuple[pl.DataFrame, str]:
    """Turn a metadata table of any supported library into a Polars frame.

    Missing values of every kind (None, NaN, NaT, pandas.NA) become nulls. A pandas categorical becomes a
    column of its values; object columns of strings, numbers, booleans, dates, or lists of strings become
    typed columns. The pandas index is not a column: keep it and hand it to `to_kind`.

    Parameters
    ----------
    meta : pandas.DataFrame, polars.DataFrame, polars.LazyFrame or pyarrow.Table
        The table, n rows.

    Returns
    -------
    frame : polars.DataFrame
        The same n rows in the same order.
    kind : str
        ``"pandas"``, ``"polars"`` or ``"pyarrow"``: what `to_kind` needs to give the kind back.

    Raises
    ------
    InputError
        For another kind of table, duplicate or non-text column names, an object column that mixes types
        (``"1"`` and ``1``), or a column of a type that cannot be a key.
    """
    library = library_of(meta)
    if library == "polars" and isinstance(meta, pl.LazyFrame):
        meta = meta.collect()
    if library == "polars" and isinstance(meta, pl.DataFrame):
        return _nan_to_null(meta), "polars"
    if library in {"pyarrow", "pandas"} and type(meta).__name__ in {"Table", "RecordBatch", "DataFrame"}:
        names = list(meta.schema.names) if library == "pyarrow" else list(meta.columns)
        check_names(names)
        if library == "pyarrow":
            frame = pl.DataFrame(pl.from_arrow(meta))
            return _nan_to_null(frame.with_columns(pl.col(pl.Categorical).cast(pl.String))), "pyarrow"
        return pl.DataFrame([_from_pandas(name, meta[name]) for name in names]), "pandas"
    raise InputError(
        f"Metadata must be a pandas, Polars or PyArrow table, but a {type(meta).__module__}.{type(meta).__name__} was "
        "given; wrap it as pandas.DataFrame(...) or polars.DataFrame(...)."
    )


def column_names(table: Any) -> list[Any] | None:
    """Return the names of the columns of a table, None for what is no table of a supported library."""
    if isinstance(table, pl.LazyFrame):
        return table.collect_schema().names()
    library = library_of(table)
    if library == "pyarrow" and hasattr(table, "schema"):
        return list(table.schema.names)
    return list(table.columns) if library in ("pandas", "polars") and hasattr(table, "columns") else None


def select_columns(table: Any, named: Mapping[str, str]) -> Any:
    """Return some columns of a table, so that no other is converted or refused.

    Parameters
    ----------
    table : pandas.DataFrame, polars.DataFrame, polars.LazyFrame or pyarrow.Table
        Anything else is returned as it is, for `metadata_frame` to refuse.
    named : mapping of str to str
        The columns, each with what names it. Of none, all columns are returned.

    Raises
    ------
    InputError
        A column is not there.
    """
    known = column_names(table)
    if known is None or not named:
        return table
    texts = [name for name in known if isinstance(name, str)]  # what no rule names may be called by a number
    check_names(texts)
    empty = pl.DataFrame(schema=dict.fromkeys(texts, pl.Null))
    for column, purpose in named.items():
        require_columns(empty, [column], purpose)
    indexed = isinstance(table, pl.DataFrame) or library_of(table) == "pandas"  # in Polars, a query takes longer
    return table[list(named)] if indexed else table.select(list(named))


def with_columns_like(table: Any, kind: str, rows: np.ndarray | None, added: pl.DataFrame) -> Any:
    """Return rows of a table with columns added last, everything else as it was.

    Parameters
    ----------
    table : table
        What `metadata_frame` took.
    kind : {"pandas", "polars", "pyarrow"}
        Which it is.
    rows : ndarray of int64, shape (m,), or None
        Rows of `table`, newly numbered in pandas. None leaves rows and labels as they are.
    added : polars.DataFrame, m rows
        Columns that take the place of those of the same name.
    """
    names = column_names(table) or []
    replaced = [name for name in added.columns if name in names]
    whole = table.collect() if isinstance(table, pl.LazyFrame) else table
    taken = None if rows is None or np.array_equal(rows, np.arange(len(whole))) else rows
    if kind == "pandas":
        import pandas

        kept = table if taken is None else table.iloc[taken]
        columns = {name: kept[name].array for name in names if name not in replaced}
        columns |= {name: column.array for name, column in to_kind(added, kind).items()}
        found = pandas.DataFrame(columns, index=kept.index if rows is None else None)
        found.attrs = deepcopy(table.attrs)
        return found
    if kind == "polars":
        kept = whole.drop(replaced) if replaced else whole  # a query takes longer than looking
        return with_series(kept if taken is None else kept[taken], added)
    kept = table.select([name for name in names if name not in replaced])
    kept = kept if taken is None else kept.take(pl.Series(taken).to_arrow())
    for series in added:
        kept = kept.append_column(series.name, series.to_arrow())
    return kept


def _nan_to_null(frame: pl.DataFrame) -> pl.DataFrame:
    if not any(series.dtype.is_float() and series.is_nan().any() for series in frame):
        return frame  # a query takes longer than looking
    return frame.with_columns(pl.col(pl.Float32, pl.Float64).fill_nan(None))


def _from_pandas(name: str, series: Any) -> pl.Series:
    dtype = series.dtype
    if type(dtype).__name__ == "CategoricalDtype":
        values = _from_pandas(name, series.cat.categories.to_series())
        codes = np.asarray(series.cat.codes)
        positions = pl.Series(codes).cast(pl.UInt32, strict=False)  # -1, a missing value, becomes null
        return values.gather(positions).alias(name)
    if isinstance(dtype, np.dtype) and dtype.kind == "O":
        return _from_objects(name, series.tolist())
    if dtype in _PLAIN:
        return pl.Series(name, series.to_numpy(), nan_to_null=True)
    try:
        frame = pl.from_pandas(series.to_frame(name), nan_to_null=True)
    except Exception as error:
        raise InputError(
            f"Metadata column {name!r} has the type {dtype}, which is not supported; turn it into text or numbers."
        ) from error
    return frame.to_series().alias(name)


def _from_objects(name: str, values: list[Any]) -> pl.Series:
    """Type an object column by its values; two types in one column have no one meaning as a key."""
    if set(map(type, values)) <= {str, type(None)} and any(value is not None for value in values):
        return pl.Series(name, values, dtype=pl.String)  # the most common column, not looked at value by value
    clean = [None if is_missing(value) else value for value in values]
    present = [value for value in clean if value is not None]
    families = {family_of(value): value for value in reversed(present)}
    if families.keys() == {"text", "number"} and not _coincide(present):
        return pl.Series(name, [None if value is None else str(value) for value in clean], dtype=pl.String)
    if len(families) > 1:
        shown = " and ".join(f"{value!r} ({family})" for family, value in sorted(families.items()))
        raise InputError(
            f"Metadata column {name!r} mixes types: {shown}; give the column one type, for example with .astype(str)."
        )
    if not families:
        return pl.Series(name, clean, dtype=pl.String)
    family = next(iter(families))
    if family == "text":
        return pl.Series(name, [None if value is None else str(value) for value in clean], dtype=pl.String)
    if family == "list":
        return _from_lists(name, clean)
    plain = [value.item() if isinstance(value, np.generic) else value for value in clean]
    if family == "number" and any(isinstance(value, float) for value in plain):
        plain = [None if value is None else float(value) for value in plain]
    series = None
    if family in {"number", "true/false", "date", "datetime", "time", "timedelta", "Timestamp", "Timedelta"}:
        try:
            series = pl.Series(name, plain, strict=True)
        except (TypeError, OverflowError, pl.exceptions.PolarsError):
            series = None
    if series is None or series.dtype in (pl.Object, pl.Int128):
        raise InputError(
            f"Metadata column {name!r} holds values that cannot be a key ({family}): {examples(present, 3)}; turn the "
            "column into text, numbers or lists of text."
        )
    return series


def _coincide(values: list[Any]) -> bool:
    """Return whether a text of the values reads as one of their numbers."""
    numbers = {float(value) for value in values if not isinstance(value, str)}
    for value in values:
        try:
            if isinstance(value, str) and float(value) in numbers:
                return True
        except ValueError:
            continue
    return False


def _from_lists(name: str, values: list[Any]) -> pl.Series:
    """Type a column of lists by their items; missing items stay, as nulls."""
    rows = [None if row is None else [None if is_missing(item) else item for item in _items(row)] for row in values]
    families = {family_of(item): item for row in rows if row for item in row if item is not None}
    if len(families) > 1 or not families.keys() <= {"text", "number", "true/false"}:
        shown = " and ".join(f"{value!r} ({family})" for family, value in sorted(families.items()))
        raise InputError(
            f"Metadata column {name!r} holds lists of {shown}; items must be of one type: text, numbers, or True and "
            "False."
        )
    if "number" in families:
        whole = all(isinstance(item, (int, np.integer)) for row in rows if row for item in row if item is not None)
        rows = [row and [item if item is None else (int if whole else float)(item) for item in row] for row in rows]
        return pl.Series(name, rows, dtype=pl.List(pl.Int64 if whole else pl.Float64))
    if "true/false" in families:
        rows = [row and [item if item is None else bool(item) for item in row] for row in rows]
        return pl.Series(name, rows, dtype=pl.List(pl.Boolean))
    rows = [row and [item if item is None else str(item) for item in row] for row in rows]
    return pl.Series(name, rows, dtype=pl.List(pl.String))


def _items(row: Any) -> list[Any]:
    """Return the items of a list, a set, or an array of any library."""
    if isinstance(row, (set, frozenset)):
        return sorted(row, key=str)
    for method in ("tolist", "to_list", "to_pylist"):
        if hasattr(row, method):
            items = getattr(row, method)()
            return items if isinstance(items, list) else [items]
    return list(row)


def to_kind(frame: pl.DataFrame, kind: str, index: Any = None) -> Any:
    """Give a Polars frame back as the kind of table that `metadata_frame` was handed.

    Parameters
    ----------
    frame : polars.DataFrame
        The table, n rows.
    kind : {"pandas", "polars", "pyarrow"}
        As returned by `metadata_frame`.
    index : pandas.Index, optional
        The n labels of the rows, for pandas only. Default: 0 to n - 1.

    Returns
    -------
    pandas.DataFrame, polars.DataFrame or pyarrow.Table
        In pandas: text is plain `object` with NaN for a null, lists are Python lists, integers with nulls are
        `float64` with NaN (as pandas itself would read them; nullable ``Int64`` beyond 2**53).
    """
    if kind == "polars":
        return frame
    if kind == "pyarrow":
        return frame.to_arrow()
    if kind != "pandas":
        raise ValueError(f"unknown kind of table: {kind!r}")
    import pandas

    rows = pandas.RangeIndex(frame.height) if index is None else index
    columns = {series.name: _to_pandas(series, rows, pandas) for series in frame}
    return pandas.DataFrame(columns, index=rows)


def _to_pandas(series: pl.Series, rows: Any, pandas: Any) -> Any:
    dtype = series.dtype
    nulls = series.null_count() > 0
    if dtype.is_integer():
        if not nulls:
            return series.to_numpy(writable=True)
        if (series.cast(pl.Int128).abs() <= EXACT_FLOAT64).all():
            return series.cast(pl.Float64).to_numpy(writable=True)
        return pandas.array(series.to_list(), dtype="UInt64" if dtype == pl.UInt64 else "Int64")
    if dtype.is_float() or dtype in (pl.Datetime, pl.Duration) or (dtype == pl.Boolean and not nulls):
        return series.to_numpy(writable=True)  # nulls become NaN or NaT
    items = (series.cast(pl.String) if dtype in (pl.Categorical, pl.Enum) else series).to_list()
    values = np.empty(len(series), dtype=object)
    values[:] = items
    if nulls:
        values[series.is_null().to_numpy()] = np.nan
    return pandas.Series(values, index=rows, dtype=object)  # a bare array would be looked at for dates
