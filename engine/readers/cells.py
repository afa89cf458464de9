"""Reading cell ids, label columns and score columns, and only these, from tables and AnnData files."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from ..choices import did_you_mean
from ..errors import InputError, examples
from ..tables.labels import DEFAULT, is_missing_text, missing_texts
from .arrow import arrow_columns, arrow_frame, check_size
from .column_roles import refuse_repeated
from .errors import unreadable_error
from .formats import ARROW, TEXT, existing_path, format_of
from .obs import open_obs
from .text import not_numbers, parse_numbers
from .text_table import text_columns, text_names

__all__ = ["CellTable", "LabelColumn", "column_names", "read_cells"]


@dataclass(frozen=True)
class LabelColumn:
    """Labels of n cells.

    Attributes
    ----------
    codes : ndarray of int32, shape (n,)
        Position in `values`; -1 is a missing value.
    values : tuple of str
        The distinct values that occur, sorted, as text exactly as in the file.
    missing : mapping of str to int
        Texts that mean missing, with their cells, the empty one apart.
    """

    codes: npt.NDArray[np.int32]
    values: tuple[str, ...]
    missing: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class CellTable:
    """What was read of a file; the same for the same content in any format.

    Attributes
    ----------
    ids : polars.Series of n String
        Cell ids as in the file, called ``cell_id``; an empty cell of a CSV file is null.
    columns : dict of str to LabelColumn
        The label columns asked for.
    scores : dict of str to ndarray of float64, shape (n,)
        The columns asked for as numbers; NaN where missing.
    source : dict
        ``path`` as given, ``bytes`` of the file (of a zarr folder: of its `obs`), ``sha256`` and ``rows``. The digest
        is over what was read, the ids and the columns asked for, and not over the file, which may hold gigabytes of
        counts: it does not depend on the format, on row groups, or on the order of columns.
    id_column : str
        Column that the ids are from; empty for an index without a name.
    notes : tuple of str
        What was read as the fill value of a zarr folder, and a CSV file that does not end with a line break.
    """

    ids: pl.Series
    columns: dict[str, LabelColumn]
    scores: dict[str, npt.NDArray[np.float64]]
    source: dict[str, Any]
    id_column: str = ""
    notes: tuple[str, ...] = ()


def read_cells(
    path: str | Path,
    labels: Sequence[str],
    scores: Sequence[str] = (),
    *,
    ids: str | None = None,
    missing_text: Sequence[str] = (DEFAULT,),
    zarr_fill: bool = False,
) -> CellTable:
    """Read the cell ids and some columns of a file.

    Parameters
    ----------
    path : path
        ``.h5ad`` or ``.zarr`` (AnnData), ``.csv`` or ``.tsv`` (``.gz``), ``.parquet``, ``.arrow`` or ``.feather``. Of
        AnnData, only the index and the columns of `obs` are read, so the size of the matrix does not matter.
    labels : sequence of str
        Label columns. Numbers become text as they are written (``3``, ``3.0``, ``True``). Missing are: an empty text, a
        null, a NaN, a missing category, and what `missing_text` says.
    scores : sequence of str, optional
        Columns of numbers, in which the texts of `labels.MISSING_TEXT` are missing, too.
    ids : str, optional
        Column of the cell ids. Default: the index of `obs`; the index that pandas wrote to a Parquet or Arrow file;
        else the first column that is none of `labels` and `scores`.
    missing_text : sequence of str, default ("default",)
        Texts that mean missing, see `labels.missing_texts`.
    zarr_fill : bool, default False
        Whether chunks that a zarr folder does not store are read as their fill value; they are refused otherwise.

    Returns
    -------
    CellTable

    Raises
    ------
    InputError
        For a file that is not there, damaged or cut off, a column that is not there, is there twice, or is neither
        text nor numbers, rows that do not fit the header, no rows, scores that are no numbers.
    """
    shown, path = str(path), existing_path(path)
    wanted = list(dict.fromkeys([*labels, *scores]))
    kind = format_of(path)
    notes: list[str] = []
    try:
        if kind in TEXT:
            read = _from_text(path, shown, wanted, ids, set(scores) - set(labels), notes)
        elif kind in ARROW:
            read = _from_arrow(path, shown, wanted, ids)
        else:
            read = _from_obs(path, shown, wanted, ids, zarr_fill, notes)
        files = [path] if path.is_file() else [file for file in (path / "obs").rglob("*") if file.is_file()]
        n_bytes = sum(file.stat().st_size for file in files)
    except OSError as error:
        raise unreadable_error(shown, error) from error
    found, gone = read.columns, missing_texts(missing_text)
    cells = _ids(read.ids, f"'{shown}': the column of the cell ids")
    if not len(cells):
        raise InputError(f"'{shown}' has no rows.")
    for name, values in found.items():
        if len(values) != len(cells):
            raise InputError(
                f"'{shown}' is damaged: column {name!r} has {len(values)} values for {len(cells)} cells; get it again."
            )
    columns = {name: _encode(found[name], gone, f"'{shown}': column {name!r}") for name in labels}
    header, gone = int(kind in TEXT), gone | missing_texts()
    numbers = {name: _numbers(found[name], gone, f"'{shown}': column {name!r}", header) for name in scores}
    source = {"path": shown, "bytes": n_bytes, "sha256": _digest(cells, columns, numbers), "rows": len(cells)}
    return CellTable(cells, columns, numbers, source, read.id_column, tuple(notes))


def column_names(path: str | Path) -> list[str]:
    """Read the names of the columns that `read_cells` can read, in order; a nameless index is not one of them."""
    shown, path = str(path), existing_path(path)
    try:
        if format_of(path) in TEXT:
            return [name for name in text_names(path, shown) if name]
        if format_of(path) in ARROW:
            names, index, _ = arrow_columns(path, shown)
            refuse_repeated(names, shown)
            return [name for name in names if name and not (name in index and name.startswith("__index_level_"))]
        with open_obs(path, shown) as obs:
            return obs.names
    except OSError as error:
        raise unreadable_error(shown, error) from error


# --- files to Arrow arrays: the columns by name, and the ids ---


class _Read(NamedTuple):
    """Columns by name, ids, and the column that the ids are from, as Arrow arrays."""

    columns: dict[str, Any]
    ids: Any
    id_column: str


def _require(wanted: Sequence[str], names: Sequence[str], shown: str) -> None:
    for name in wanted:
        if name not in names:
            raise InputError(
                f"'{shown}' has no column {name!r}{did_you_mean(name, names) or '.'} Its columns are "
                f"{examples([n for n in names if n], 10) or 'none'}."
            )


def _first_other(names: Sequence[str], wanted: Sequence[str]) -> str:
    """Return the first column that is not asked for as labels or scores; the first one where all are."""
    return next((name for name in names if name not in wanted), (*names, "")[0])


def _from_obs(
    path: Path, shown: str, wanted: Sequence[str], ids: str | None, zarr_fill: bool, notes: list[str]
) -> _Read:
    with open_obs(path, shown, zarr_fill) as obs:
        _require([*wanted, *([] if ids is None else [ids])], obs.names, shown)
        columns = {name: obs.column(name) for name in wanted}
        found = _Read(columns, obs.ids() if ids is None else obs.column(ids), ids or "")
        notes += obs.notes
        return found


def _from_arrow(path: Path, shown: str, wanted: Sequence[str], ids: str | None) -> _Read:
    names, index, n_rows = arrow_columns(path, shown)
    refuse_repeated(names, shown)
    index = [name for name in index if name in names]
    if ids is None and len(index) > 1:
        raise InputError(f"'{shown}' has an index of {len(index)} columns, {examples(index)}; write it with one.")
    id_column = ids if ids is not None else (index or [_first_other(names, wanted)])[0]
    _require([*wanted, id_column], names, shown)
    read = list(dict.fromkeys([id_column, *wanted]))
    check_size(n_rows, len(read), shown)
    frame = arrow_frame(path, shown, read)
    found = {name: frame[name].to_arrow(compat_level=pl.CompatLevel.oldest()) for name in read}
    return _Read({name: found[name] for name in wanted}, found[id_column], "" if ids is None and index else id_column)


def _from_text(
    path: Path, shown: str, wanted: Sequence[str], ids: str | None, numbers: Collection[str], notes: list[str]
) -> _Read:
    names = text_names(path, shown)
    id_column = _first_other(names, wanted) if ids is None else ids
    _require([*wanted, id_column], names, shown)
    read = list(dict.fromkeys([id_column, *wanted]))
    found = text_columns(path, shown, read, set(numbers) - {id_column}, notes)
    return _Read({name: found[name] for name in wanted}, found[id_column], id_column)


# --- Arrow arrays to codes, numbers and text ---


def _chunked(column: Any, where: str) -> Any:
    """Make it a chunked array of text, numbers, booleans or times, or of a dictionary of them."""
    import pyarrow as pa

    column = column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    kinds = ("string", "large_string", "integer", "float32", "float64", "boolean", "decimal", "temporal", "null")
    if not any(getattr(pa.types, f"is_{name}")(kind) for name in kinds):
        raise InputError(f"{where} is of type {kind}, which is neither text nor numbers.")
    return column.cast(pa.large_string()) if pa.types.is_null(kind) else column


def _decoded(column: Any) -> pl.Series:
    import pyarrow as pa

    return pl.Series(
        pl.from_arrow(column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column)
    )


def _as_text(values: pl.Series) -> pl.Series:
    if values.dtype == pl.Boolean:
        return values.replace_strict([False, True], ["False", "True"], default=None, return_dtype=pl.String)
    return (values.fill_nan(None) if values.dtype.is_float() else values).cast(pl.String)


def _ids(column: Any, where: str) -> pl.Series:
    return _as_text(_decoded(_chunked(column, where))).rechunk().alias("cell_id")


def _encode(column: Any, missing: Collection[str], where: str) -> LabelColumn:
    import pyarrow as pa

    column = _chunked(column, where)
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    whole = column.unify_dictionaries().combine_chunks()
    found = _as_text(pl.Series(pl.from_arrow(whole.dictionary)))
    # PyArrow's own fill_null imports pandas, which costs more than all this.
    codes = pl.Series(pl.from_arrow(whole.indices)).cast(pl.Int32).fill_null(-1).to_numpy()
    cells = np.bincount(codes + 1, minlength=len(found) + 1)[1:]
    gone = is_missing_text(found, missing).fill_null(True)
    texts: dict[str, int] = {}
    for place in np.flatnonzero(gone.to_numpy() & (cells > 0)).tolist():
        text = (found[place] or "").strip()
        texts |= {text: texts.get(text, 0) + int(cells[place])} if text else {}
    values = found.filter(pl.Series(cells > 0) & ~gone).unique().sort()
    # Numbers that are written alike share a code; what does not occur is never looked up.
    renumber = values.search_sorted(found).cast(pl.Int32).set(gone, -1).to_numpy()
    return LabelColumn(np.append(renumber, np.int32(-1))[codes], tuple(values), texts)  # the last one serves code -1


def _numbers(column: Any, missing: Collection[str], where: str, header: int) -> npt.NDArray[np.float64]:
    values = _decoded(_chunked(column, where))
    if values.dtype == pl.String:
        parsed = parse_numbers(values, missing)
        values = parsed.number
        if len(parsed.odd):
            raise InputError(f"{where} holds {not_numbers(parsed, 'name a column of numbers, or mend them', header)}")
    if not values.dtype.is_numeric():
        raise InputError(f"{where} is of type {values.dtype}, but numbers are needed.")
    return np.array(values.cast(pl.Float64).to_numpy())


def _digest(ids: pl.Series, columns: Mapping[str, LabelColumn], scores: Mapping[str, npt.NDArray[np.float64]]) -> str:
    """SHA-256 over what was read: ids, then label columns and scores, each sorted by name."""
    total = hashlib.sha256()

    def add(texts: pl.Series) -> None:
        lengths = texts.str.len_bytes()
        total.update(len(texts).to_bytes(8, "little"))
        total.update(lengths.fill_null(2**32 - 1).to_numpy().astype("<u4", copy=False).data)
        content = texts.to_arrow(compat_level=pl.CompatLevel.oldest()).buffers()[2] or b""
        total.update(memoryview(content)[: int(lengths.sum())])

    add(ids)
    for name in sorted(columns):
        add(pl.Series(["label", name, *columns[name].values], dtype=pl.String))
        total.update(columns[name].codes.astype("<i4", copy=False).data)
    for name in sorted(scores):
        add(pl.Series(["score", name], dtype=pl.String))
        total.update(np.where(np.isnan(scores[name]), np.nan, scores[name]).astype("<f8", copy=False).data)
    return total.hexdigest()
