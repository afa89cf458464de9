"""A matrix of features from any supported library, checked once before a kernel sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from ..errors import InputError, counted, examples

__all__ = [
    "check_finite",
    "check_names",
    "family_of",
    "feature_matrix",
    "is_missing",
    "library_of",
    "non_finite_columns",
    "refuse_other_order",
]

# Every integer of at most this size has a float of the type; beyond it, neighbours collapse.
EXACT_FLOAT32 = 2**24
EXACT_FLOAT64 = 2**53


def library_of(table: Any) -> str:
    """Return the library that a value comes from, by the module of its type, without importing it."""
    return type(table).__module__.partition(".")[0]


def check_names(names: Sequence[Any]) -> None:
    """Raise `InputError` for column names that are not text or not unique."""
    odd = [name for name in names if not isinstance(name, str)]
    if odd:
        raise InputError(f"Column names must be text, but {examples(odd)} are not; rename these columns.")
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InputError(
            f"Column names must be unique, but {examples(repeated)} occur more than once; rename or drop the copies."
        )


def is_missing(value: Any) -> bool:
    """Return whether a value is None, NaN, NaT or pandas.NA."""
    # NaN and NaT are the values unequal to themselves; pandas.NA refuses to say, so it is told by its type.
    if value is None or type(value).__name__ in {"NAType", "NaTType"}:
        return True
    return isinstance(value, (float, np.floating)) and bool(value != value)


def family_of(value: Any) -> str:
    """Return what sort of value it is, in the words of the error sentences."""
    if isinstance(value, str):
        return "text"
    if isinstance(value, (bool, np.bool_)):
        return "true/false"
    if isinstance(value, (int, float, np.integer, np.floating)):
        return "number"
    if isinstance(value, (list, tuple, np.ndarray, set, frozenset)):
        return "list"
    if library_of(value) in ("pandas", "polars", "pyarrow") and hasattr(value, "__len__"):
        return "list"  # an array or series in a cell, as a grouping of pandas makes them
    return type(value).__name__


def feature_matrix(feats: Any, n_rows: int, names: Sequence[str] | None = None, finite: bool = True) -> np.ndarray:
    """Check a matrix of features and give it as a C-contiguous, native-endian float array.

    float32 and float64 stay what they are. Integers, booleans and float16 become float32 when every value
    fits it exactly, else float64. An array that is already in order is returned itself, not copied (so it
    may be read-only or a memory map); the caller's data is never written to.

    Parameters
    ----------
    feats : array_like of shape (n, d), or a pandas, Polars, PyArrow or scipy.sparse table
        One row per profile. A sparse matrix is made dense.
    n_rows : int
        The n rows the metadata has.
    names : sequence of d str, optional
        Names of the columns for error messages. Default: those of the table, else positions.
    finite : bool, default True
        Whether NaN and infinite values are refused here, and not later by `degenerate.refuse_degenerate`.

    Returns
    -------
    numpy.ndarray of shape (n, d), float32 or float64

    Raises
    ------
    InputError
        For a wrong number of dimensions or rows, zero rows or columns, values that are not real numbers,
        integers too large for float64, or NaN and infinite values (columns are named and rows counted).
    """
    array, own_names = _as_array(feats)
    if names is None:
        names = own_names
    if array.ndim != 2:
        raise InputError(
            f"Features must be a two-dimensional matrix (profiles by features), but have the shape {array.shape}."
        )
    if array.shape[0] != n_rows:
        raise InputError(
            f"Metadata has {n_rows} rows but features have {array.shape[0]}; each row of one must be the row "
            "of the other."
        )
    if 0 in array.shape:
        what = "rows" if array.shape[0] == 0 else "columns"
        raise InputError(
            f"Features have no {what} (shape {array.shape}); at least one profile and one feature are needed."
        )
    matrix = _as_float(array, names)
    if finite:
        check_finite(matrix, names, "Features")
    return matrix


def refuse_other_order(meta: Any, feats: Any) -> None:
    """Refuse two pandas tables whose row labels say that their rows do not belong together.

    Rows are paired by position. Other labels say that they do not belong together, and so do the same labels in another
    order; a table that was numbered anew, beside labels of another kind, says nothing.
    """
    ours, theirs = getattr(meta, "index", None), getattr(feats, "index", None)
    if ours is None or theirs is None or callable(ours) or callable(theirs) or len(ours) != len(theirs):
        return
    if ours.equals(theirs):
        return
    mine, other, plain = list(ours), list(theirs), list(range(len(ours)))
    if (mine != plain and other != plain) or set(mine) == set(other):
        raise InputError(
            "The tables meta and feats have the same number of rows but "
            f"{'the same row labels in another order' if set(mine) == set(other) else 'different row labels'} "
            f"(first of meta: {mine[0]!r}, of feats: {other[0]!r}); bring them into one order, or pass "
            "feats as an array."
        )


def _as_array(feats: Any) -> tuple[np.ndarray, Sequence[str] | None]:
    library = library_of(feats)
    if feats is None:
        raise InputError("Features are missing; give an array or a table of numbers, a row for each of the metadata.")
    if isinstance(feats, np.ma.MaskedArray):
        if np.ma.getmaskarray(feats).any():
            raise InputError("Features are a masked array with masked values; fill or drop them first.")
        return np.asarray(feats.data), None
    if isinstance(feats, np.ndarray):
        return np.asarray(feats), None
    if library == "scipy" and hasattr(feats, "toarray"):
        return np.asarray(feats.toarray()), None
    if isinstance(feats, pl.LazyFrame):
        feats = feats.collect()
    if library == "pyarrow" and hasattr(feats, "column_names"):
        check_names(list(feats.column_names))
        feats = pl.DataFrame(pl.from_arrow(feats))
    if isinstance(feats, pl.DataFrame):
        return _stack_columns([(name, _polars_values(feats[name])) for name in feats.columns], feats.height)
    if library == "pandas" and hasattr(feats, "columns"):
        names = [str(name) for name in feats.columns]
        check_names(names)
        if len({str(dtype) for dtype in feats.dtypes}) == 1 and isinstance(feats.dtypes.iloc[0], np.dtype):
            return feats.to_numpy(), names  # one block: no copy where pandas can avoid it
        columns = [(name, _pandas_values(feats.iloc[:, i])) for i, name in enumerate(names)]
        return _stack_columns(columns, len(feats))
    try:
        return np.asarray(feats), None
    except ValueError as error:  # ragged nested lists
        raise InputError(f"Features cannot be read as a matrix of numbers: {error}.") from error


def _polars_values(series: pl.Series) -> np.ndarray:
    if series.dtype.is_decimal():
        series = series.cast(pl.Float64)
    if series.dtype == pl.Null:
        series = series.cast(pl.Float64)
    if series.dtype.is_numeric() or series.dtype == pl.Boolean:
        if series.null_count() and not series.dtype.is_float():
            series = series.cast(pl.Float64)
        return series.to_numpy()
    values = np.empty(len(series), dtype=object)  # refused later, with the values in the sentence
    for position, value in enumerate(series.to_list()):
        values[position] = value
    return values


def _pandas_values(series: Any) -> np.ndarray:
    if isinstance(series.dtype, np.dtype):
        return np.asarray(series.to_numpy())
    if getattr(series.dtype, "kind", "O") in "iufb":  # nullable and Arrow-backed numbers
        if series.isna().any():
            return np.asarray(series.to_numpy(dtype=np.float64, na_value=np.nan))
        return np.asarray(series.to_numpy(dtype=np.dtype(f"{series.dtype.kind}{series.dtype.itemsize}")))
    return np.asarray(series.to_numpy(), dtype=object)


def _stack_columns(columns: list[tuple[str, np.ndarray]], n_rows: int) -> tuple[np.ndarray, list[str]]:
    names = [name for name, _ in columns]
    if not columns:
        return np.empty((n_rows, 0), np.float32), names
    parts = [_as_float(values[:, np.newaxis], [name]) for name, values in columns]
    matrix = np.empty((n_rows, len(parts)), np.result_type(*(part.dtype for part in parts)))
    for position, part in enumerate(parts):
        matrix[:, position] = part[:, 0]
    return matrix, names


def _column(names: Sequence[str] | None, position: int) -> str:
    return repr(names[position]) if names is not None and position < len(names) else f"number {position}"


def _as_float(array: np.ndarray, names: Sequence[str] | None) -> np.ndarray:
    kind = array.dtype.kind
    if kind == "O":
        array = _objects_to_float(array, names)
    elif kind in "iu":
        low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
        largest = max(-low, high)
        if largest > EXACT_FLOAT64:
            place = np.abs(array.astype(np.float64)).max(axis=0).argmax()
            raise InputError(
                f"Feature column {_column(names, int(place))} holds integers as large as {largest}, which floats "
                "cannot hold exactly; is it an identifier? Drop it or divide it."
            )
        array = array.astype(np.float32 if largest <= EXACT_FLOAT32 else np.float64)
    elif kind == "b" or (array.dtype.itemsize < 4 and kind == "f"):
        array = array.astype(np.float32)
    elif kind != "f":
        raise InputError(
            f"Feature column {_column(names, 0)} has the type {array.dtype}, but features must be real numbers."
        )
    wanted = np.float32 if array.dtype.itemsize == 4 else np.float64
    return np.ascontiguousarray(array, dtype=wanted)


def _objects_to_float(array: np.ndarray, names: Sequence[str] | None) -> np.ndarray:
    """Accept objects that are all numbers (as a pandas merge leaves them); name the column with others."""
    flat = array.reshape(array.shape[0], -1)
    for position in range(flat.shape[1]):
        odd = [v for v in flat[:, position] if not is_missing(v) and family_of(v) not in {"number", "true/false"}]
        if odd:
            raise InputError(
                f"Feature column {_column(names, position)} holds values that are not numbers: {examples(odd, 3)}; "
                "move it to the metadata or drop it."
            )
    cells = [np.nan if is_missing(value) else float(value) for value in array.ravel()]
    return np.array(cells, dtype=np.float64).reshape(array.shape)


def non_finite_columns(matrix: np.ndarray) -> tuple[np.ndarray, int]:
    """Find NaN and infinite values.

    Parameters
    ----------
    matrix : numpy.ndarray of shape (n, d), float

    Returns
    -------
    columns : numpy.ndarray of int64
        Positions of the columns with at least one such value, ascending.
    n_rows : int
        Number of rows with at least one.
    """
    step = max(1, 2**22 // max(1, matrix.shape[1]))  # blocks keep the boolean mask small
    bad = np.zeros(matrix.shape[1], dtype=bool)
    n_rows = 0
    for start in range(0, matrix.shape[0], step):
        part = matrix[start : start + step]
        if np.isfinite(np.vdot(part, part)):  # no square is NaN or infinite; many are added up in one pass
            continue
        finite = np.isfinite(part)
        if not finite.all():
            bad |= ~finite.all(axis=0)
            n_rows += int((~finite.all(axis=1)).sum())
    return np.flatnonzero(bad), n_rows


def check_finite(
    matrix: np.ndarray,
    names: Sequence[str] | None,
    where: str,
    of_columns: str = "drop them",
    of_rows: str = "leave them out",
) -> None:
    """Raise `InputError` that names the columns with NaN or infinite values, and the rows that hold nothing else.

    Parameters
    ----------
    matrix : numpy.ndarray of shape (n, d), float
        Features.
    names : sequence of d str, optional
        Their names; numbers when left out.
    where : str
        What holds them, for the sentence.
    of_columns, of_rows : str, optional
        What helps where columns lack all values, and where rows do.
    """
    columns, n_rows = non_finite_columns(matrix)
    if not len(columns):
        return

    def shown(places: np.ndarray) -> str:
        return examples([names[i] if names is not None else int(i) for i in places])

    finite = np.isfinite(matrix)
    empty = np.flatnonzero(~finite.any(axis=1))
    some = f"impute them first, or {of_columns}"
    bare = columns[~finite[:, columns].any(axis=0)]
    help = some if len(bare) < len(columns) else f"there is no other value in these columns: {of_columns}"
    if 0 < len(empty) < len(matrix):
        hold = "row holds" if len(empty) == 1 else "rows hold"
        help = f"{len(empty)} {hold} nothing else (row {examples(empty.tolist())}): {of_rows}"
        if len(others := non_finite_columns(matrix[finite.any(axis=1)])[0]):
            help += f"; in the other rows, {counted(len(others), 'column')} ({shown(others)}): {some}"
    if matrix.dtype == np.float32 and not np.isnan(matrix).any():
        help += "; float32, in which files are read, holds at most 3.4e+38, and what is beyond is infinite in it"
    raise InputError(
        f"{where} hold NaN or infinite values in {len(columns)} of {matrix.shape[1]} columns ({shown(columns)}) "
        f"and {n_rows} of {matrix.shape[0]} rows; {help}."
    )
