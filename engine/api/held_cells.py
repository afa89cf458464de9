"""Embeddings and what is known of their cells, as Python holds them: arrays, tables, AnnData."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from ..choices import did_you_mean
from ..errors import InputError, examples
from ..tables.matrix import is_missing, library_of
from .row_labels import in_one_order

__all__ = ["Held", "held_cells"]


class Held(NamedTuple):
    """What `held_cells` returns.

    Attributes
    ----------
    vectors : dict of str to ndarray of float32, shape (n, d)
        By name.
    table : polars.DataFrame
        What is known of the n cells.
    columns : dict of str to str
        Its columns by option.
    before : ndarray or scipy.sparse.csr_array of float32, shape (n, e), or None
        Cells before integration.
    names : dict of str to list of str
        Names of the dimensions of tables.
    notes : list of str
        What was left out or brought into another order.
    there : list of str
        Columns of ``adata.obs`` or of the table.
    """

    vectors: dict[str, npt.NDArray[np.float32]]
    table: pl.DataFrame
    columns: dict[str, str]
    before: Any
    names: dict[str, list[str]]
    notes: list[str]
    there: list[str]


def held_cells(embeddings: Any, given: Mapping[str, Any], obsm: str | Sequence[str], unintegrated: Any) -> Held:
    """Take what was given apart, in one order of cells.

    Parameters
    ----------
    embeddings : AnnData, array or table of shape (n, d), or mapping of str to these
        Of an AnnData, `obsm` names the entries.
    given : mapping of str to str, array or column
        Values of cells, or columns of ``adata.obs`` or of a table, by option; ``""``: none.
    obsm : str or sequence of str
        Entries of ``adata.obsm``; `X` where there is none.
    unintegrated : str, array, table or sparse matrix
        Cells before integration; of an AnnData, an entry.

    Raises
    ------
    InputError
        When something is not there, is no numbers, or is of other cells.
    """
    is_anndata = hasattr(embeddings, "obsm")
    if is_anndata:
        arrays, unintegrated = _of_anndata(embeddings, obsm, unintegrated)
    else:
        arrays = dict(embeddings) if isinstance(embeddings, Mapping) else {"embedding": embeddings}
    tables = [embeddings.obs] if is_anndata else [value for value in arrays.values() if hasattr(value, "columns")]
    columns: dict[str, str] = {}
    values: dict[str, Any] = {}
    for name, value in given.items():
        if not isinstance(value, str):
            columns[name], values[name] = name, value
        elif value:
            columns[name], values[value] = value, _column_of(tables, name, value, is_anndata=is_anndata)
    if isinstance(unintegrated, str) and unintegrated:
        raise InputError(
            f"unintegrated={unintegrated!r} is not there; give X, an entry of obsm or layers, or the vectors."
        )
    parted = {name: _features(str(name), value, columns.values()) for name, value in arrays.items()}
    notes = [note for part in parted.values() for note in part.notes]
    everything = {f"embedding {name!r}": part.values for name, part in parted.items()}
    everything |= {f"{name!r}": value for name, value in values.items()}
    if not isinstance(unintegrated, str):
        everything["unintegrated"] = unintegrated
    ids = embeddings.obs_names if is_anndata else None
    rows, said = in_one_order(everything, ids)
    vectors = {
        str(name): _taken(_vectors(str(name), part.values), rows.get(f"embedding {name!r}"))
        for name, part in parted.items()
    }
    listed = {name: _taken(_column(value), rows.get(f"{name!r}")) for name, value in values.items()}
    before = None if isinstance(unintegrated, str) else _taken(_before(unintegrated), rows.get("unintegrated"))
    sizes = {name: len(x) for name, x in vectors.items()} | {name: len(value) for name, value in listed.items()}
    if before is not None:
        sizes["unintegrated"] = before.shape[0]
    if len(set(sizes.values())) > 1:
        raise InputError(f"What is given differs in its number of cells: {sizes}.")
    names = {str(name): part.names for name, part in parted.items() if part.names}
    there = [str(each) for each in _names_of(tables[0])] if tables else []
    return Held(vectors, pl.DataFrame(listed), columns, before, names, [*notes, *said], there)


def _of_anndata(adata: Any, obsm: str | Sequence[str], unintegrated: Any) -> tuple[dict[str, Any], Any]:
    keys = [obsm] if isinstance(obsm, str) else list(obsm)
    unknown = [key for key in keys if key not in adata.obsm]
    if unknown:
        raise InputError(f"obsm has no {examples(unknown)}; it has {examples(list(adata.obsm)) or 'none'}.")
    if not keys and adata.X is None:
        raise InputError(f"The AnnData has no X; name embeddings: obsm={list(adata.obsm)}.")
    if isinstance(unintegrated, str) and unintegrated:
        there = {"X": adata.X} | dict(adata.layers) | dict(adata.obsm)
        unintegrated = there.get(unintegrated, unintegrated)
    return {key: adata.obsm[key] for key in keys} or {"X": adata.X}, unintegrated


def _names_of(table: Any) -> list[Any]:
    return list(table.column_names if hasattr(table, "column_names") else table.columns)


def _column_of(tables: Sequence[Any], option: str, column: str, *, is_anndata: bool) -> Any:
    """Return the column of the first table that has it."""
    for table in tables:
        if column in _names_of(table):
            return table[column]
    if is_anndata:
        raise InputError(f"obs has no column {column!r}; it has {examples(_names_of(tables[0]), 12)}.")
    if not tables:
        raise InputError(f"{option}={column!r} names a column, but arrays have none; give the values.")
    there = [str(each) for each in _names_of(tables[0])]
    hint = did_you_mean(column, there) or f"; it has {examples(there, 12)}."
    raise InputError(f"{option}={column!r} is no column of the table{hint}")


class _Features(NamedTuple):
    """An embedding without the columns that are none of its dimensions."""

    values: Any
    names: list[str]
    notes: list[str]


def _features(name: str, value: Any, known: Any) -> _Features:
    """Return what are dimensions: of a table, the columns of numbers that no option names."""
    if not hasattr(value, "columns"):
        return _Features(value, [], [])
    library = library_of(value)
    if library == "pandas":
        kinds = [getattr(dtype, "kind", "O") in "fiu" for dtype in value.dtypes]
    else:
        value = value if library == "polars" else pl.DataFrame(pl.from_arrow(value))
        kinds = [dtype.is_numeric() for dtype in value.dtypes]
    columns, named = _names_of(value), set(known)
    kept = [each not in named and is_number for each, is_number in zip(columns, kinds, strict=True)]
    words = [str(each) for each, is_number in zip(columns, kinds, strict=True) if each not in named and not is_number]
    left = value.loc[:, kept] if library == "pandas" else value[:, np.flatnonzero(kept).tolist()]
    said = [f"{name!r}: columns that are no numbers are no features: {examples(words)}."] if words else []
    return _Features(left, [str(each) for each, keep in zip(columns, kept, strict=True) if keep], said)


def _taken(value: Any, rows: npt.NDArray[np.int64] | None) -> Any:
    return value if rows is None else value[rows]


def _vectors(name: str, value: Any) -> npt.NDArray[np.float32]:
    """Return vectors as float32; sparse ones are filled in."""
    dense = value.toarray() if hasattr(value, "toarray") else np.asarray(value)
    if dense.ndim != 2 or dense.dtype.kind not in "fiu":
        raise InputError(f"{name!r} must be an (n, d) array of numbers, but is {dense.dtype} of shape {dense.shape}.")
    with np.errstate(over="ignore"):  # what float32 does not hold is refused below
        found = np.ascontiguousarray(dense, dtype=np.float32)
    faults = ~np.isfinite(found).all(axis=1)
    if faults.any():
        row = int(np.flatnonzero(faults)[0])
        if np.isfinite(dense).all():
            raise InputError(
                f"{name!r} has {np.abs(dense[row]).max():.1e} in row {row}, and float32 holds at most 3.4e+38; divide "
                "all vectors by a number."
            )
        raise InputError(f"{name!r} has NaN or infinity, first in row {row}; leave out those cells or dimensions.")
    return found


def _before(value: Any) -> Any:
    """Return vectors or counts as float32; sparse ones stay so."""
    if not hasattr(value, "toarray"):
        return _vectors("unintegrated", value)
    import scipy.sparse

    return scipy.sparse.csr_array(value, dtype=np.float32)


def _column(value: Any) -> pl.Series:
    """Return a column of values; NaN, None and pandas.NA are missing."""
    if hasattr(value, "astype") and hasattr(value, "cat"):
        value = value.astype(object)
    if library_of(value) == "pyarrow":
        value = value.to_pylist()
    listed = value.to_list() if hasattr(value, "to_list") and hasattr(value, "name") else list(np.asarray(value))
    plain = [None if is_missing(each) else each for each in listed]
    return pl.Series([each.item() if isinstance(each, np.generic) else each for each in plain], strict=False)
