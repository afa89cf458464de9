"""The formats that vectors are stored in: each opened as a `VectorTable`.

=====================  ==================================================================================
``.h5`` (CellCLIP)     ``embeddings`` (n, 1, D) with ``well_position`` and ``broad_sample``: one plate, whose
                       name is that of the file; or with ``names``: any plates
``.npy .npz``          an array (of a ``.npz`` that called ``embeddings``, or one alone without a name), and a table of
                       keys beside it
``.parquet``           one column of lists, or one column a dimension; the keys are columns
``.h5ad .zarr``        AnnData: an entry of `obsm`, else `X`; the keys are columns of `obs`
=====================  ==================================================================================

CellCLIP's ``names`` are ``PLATE-<second>-<first>``: the tokens after the plate, swapped. Images are named
``ROWCOL-WELL-SITE`` (``r02c07-B07-3``), so a merged file has ``PLATE-WELL-ROWCOL`` (``BR00117010-B07-r02c07``); names
that begin with the plate before they are merged, or are merged twice, become ``PLATE-ROWCOL-WELL``. The well is
therefore told by its look and not by its place, and must be the only token that looks like one.
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from shutil import copyfileobj
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from ..errors import InputError, examples
from ..tables.bookkeeping import row_numbers
from .arrow import arrow_columns, arrow_frame
from .column_roles import FeatureChoice, features_of, plan_columns
from .errors import damaged_file_as_input_error, missing_file_error
from .formats import ANNDATA, ARROW, TEXT, format_of, refuse_obsm
from .integrity.arrays import check_member, mapped_array
from .integrity.expansion import MAX_EXPANDED_BYTES
from .integrity.holes import refuse_holes
from .integrity.isolation import read_first_in_a_child
from .text_table import text_columns, text_names
from .vector_table import (
    PLATE,
    SAMPLE,
    WELL,
    Vectors,
    VectorTable,
    dimension_of,
    key_columns,
    read_rows,
    table_of,
)

__all__ = ["FORMATS", "array_of", "is_list", "open_table", "unlisted"]

FORMATS: Final = ".h5, .npy, .npz, .parquet, .h5ad or .zarr"
_EMBEDDINGS: Final = "embeddings"
_UNNAMED: Final = "arr_0"  # what NumPy calls an array that was given no name
_WELL_TOKEN: Final = r"^[A-P](0?[1-9]|1[0-9]|2[0-4])$"
_BATCH_ROWS: Final = 2048


def open_table(
    path: Path,
    keys: Path | None,
    obsm: str | None,
    zarr_fill: bool = False,
    *,
    key: Sequence[str] = (),
    embedding: str = "",
) -> VectorTable:
    """Open one file of vectors by its suffix.

    Parameters
    ----------
    path : Path
        See the formats above.
    keys : Path, optional
        CSV, TSV or Parquet with ``Metadata_Plate`` and ``Metadata_Well``, a row for each vector, in their order;
        needed for ``.npy`` and ``.npz``, and only there.
    obsm : str, optional
        The entry of `obsm`, for AnnData only.
    zarr_fill : bool, default False
        Whether chunks that a zarr folder does not store are read as their fill value.
    key : sequence of 2 str, optional
        Columns of plates and of wells, where their names do not say it.
    embedding : str, optional
        The column of vectors of Parquet, or the array of a ``.npz``; needed where there are several.

    Raises
    ------
    InputError
        For another format, an option that does not go with it, and a file that cannot be used.
    """
    suffix = format_of(path)
    shown = str(path)
    if keys is not None and suffix not in {".npy", ".npz"}:
        raise InputError(f"A table of keys was given, but '{shown}' has its own: leave '{keys}' out.")
    refuse_obsm(path, shown, obsm)
    if embedding and suffix not in {".npz", ".parquet", ".pq"}:
        raise InputError(f"--embedding {embedding!r} is for Parquet and .npz, and '{shown}' is neither.")
    if suffix in {".h5", ".hdf5"}:
        if key:
            raise InputError(f"--key names columns, of which '{shown}' has none: leave it out.")
        return _open_h5(path, shown)
    if suffix in {".npy", ".npz"}:
        return _open_array(path, shown, keys, key, embedding)
    if suffix in {".parquet", ".pq"}:
        return _open_parquet(path, shown, key, embedding)
    if suffix in ANNDATA:
        return _open_anndata(path, shown, obsm, zarr_fill, key)
    raise InputError(f"'{shown}' is not a format that embeddings are read from: give a {FORMATS}.")


# --- HDF5 as CellCLIP writes it ---


def _open_h5(path: Path, shown: str) -> VectorTable:
    import h5py

    read_first_in_a_child(path, shown, [_EMBEDDINGS, "names", "well_position", "broad_sample"])
    with damaged_file_as_input_error(shown, "HDF5"), h5py.File(path, "r") as file:
        merged = "names" in file
        needed = (_EMBEDDINGS, "names" if merged else "well_position")
        absent = [name for name in needed if not isinstance(file.get(name), h5py.Dataset)]
        if absent:
            raise InputError(
                f"'{shown}' has no dataset {examples(absent)} (it has {examples(file) or 'none'}): embeddings stand "
                "beside well_position in the file of a plate, or beside names in a file of several."
            )
        for name in (*needed, "broad_sample"):
            if name in file:
                refuse_holes(file, name, shown)
        texts = {name: _texts(file[name], shown) for name in ("names", "well_position", "broad_sample") if name in file}
        if merged:
            keys = _named(texts["names"], shown)
        else:
            columns = {WELL: texts["well_position"], SAMPLE: texts.get("broad_sample")}
            lengths = {name: len(values) for name, values in texts.items()}
            if len(set(lengths.values())) > 1:
                raise InputError(f"'{shown}': its datasets differ in length ({lengths}): writing was cut off.")
            known = [values.alias(name) for name, values in columns.items() if values is not None]
            keys = pl.DataFrame(known).select(pl.lit(path.stem).alias(PLATE), pl.all())
        stored = file[_EMBEDDINGS]
        dimension = dimension_of(stored.shape, stored.dtype, shown, _EMBEDDINGS, keys.height)

    def fetch(rows: npt.NDArray[np.int64]) -> Vectors:
        with damaged_file_as_input_error(shown, "HDF5"), h5py.File(path, "r") as file:
            stored = file[_EMBEDDINGS]
            return read_rows(lambda start, stop: stored[start:stop], rows, dimension)

    return table_of(shown, keys, fetch, (path,), one_row_a_well=not merged)


def _texts(dataset: Any, shown: str) -> pl.Series:
    import h5py

    if h5py.check_string_dtype(dataset.dtype) is None or dataset.ndim != 1:
        raise InputError(
            f"'{shown}': {dataset.name[1:]} is {dataset.dtype} of shape {dataset.shape}, but one text a row is needed."
        )
    return pl.Series(dataset[()].astype(object).tolist(), dtype=pl.Binary).cast(pl.String)


def _named(names: pl.Series, shown: str) -> pl.DataFrame:
    """Take names apart into plate and well."""
    tokens = names.str.strip_chars().str.strip_suffix(".npz").str.split("-")
    wells = tokens.list.slice(1).list.eval(pl.element().filter(pl.element().str.contains(_WELL_TOKEN)))
    odd = (wells.list.len() != 1) | (tokens.list.first() == "")
    if odd.any():
        raise InputError(
            f"{odd.sum()} of the {len(names)} names of '{shown}' are neither PLATE-WELL-ROWCOL nor PLATE-ROWCOL-WELL "
            f"(exactly one token after the plate must be a well such as B07): {examples(names.filter(odd), 3)}."
        )
    return pl.DataFrame({PLATE: tokens.list.first(), WELL: wells.list.first()})


# --- NumPy ---


def _open_array(path: Path, shown: str, keys_path: Path | None, key: Sequence[str], embedding: str) -> VectorTable:
    if keys_path is None:
        raise InputError(
            f"'{shown}' does not say which well each row is of: give a table of keys (CSV, TSV or Parquet) with "
            f"{PLATE} and {WELL}, its rows in the order of the vectors."
        )
    keys = _key_table(keys_path, key)
    n_keys = keys.height

    @cache
    def stored() -> tuple[np.ndarray, int]:
        with damaged_file_as_input_error(shown, "a NumPy array (pickled objects are never read)"):
            array = array_of(path, shown, embedding)
            return array, dimension_of(array.shape, array.dtype, shown, "the array", n_keys)

    def fetch(rows: npt.NDArray[np.int64]) -> Vectors:
        array, dimension = stored()
        return read_rows(lambda start, stop: array[start:stop], rows, dimension)

    return table_of(shown, keys, fetch, (path, keys_path))


def _key_table(path: Path, key: Sequence[str]) -> pl.DataFrame:
    shown, suffix = str(path), format_of(path)
    if not path.is_file():
        raise missing_file_error(path, "table of keys")
    if suffix in TEXT:
        names = key_columns(text_names(path, shown), shown, key)
        columns = text_columns(path, shown, list(names.values()))
        return pl.DataFrame({usual: pl.from_arrow(columns[name]) for usual, name in names.items()})
    if suffix in ARROW:
        return _keys_of_arrow(path, shown, key_columns(arrow_columns(path, shown)[0], shown, key))
    raise InputError(f"The table of keys '{shown}' is not a format that is read here: give a .csv, .tsv or .parquet.")


def _keys_of_arrow(path: Path, shown: str, names: Mapping[str, str]) -> pl.DataFrame:
    """Read the columns of keys under their usual names."""
    frame = arrow_frame(path, shown, list(names.values()))
    return frame.select(pl.col(name).alias(usual) for usual, name in names.items())


def array_of(path: Path, shown: str, name: str = "") -> np.ndarray:
    """Map the array of a ``.npy``, or that of a ``.npz`` called `name`: ``embeddings``, or one that has no name."""
    return _unpacked_npz(path, shown, name) if format_of(path) == ".npz" else _mapped_file(path, shown)


def _mapped_file(path: Path, shown: str) -> np.ndarray:
    with path.open("rb") as handle:
        return mapped_array(handle, shown)


def _unpacked_npz(path: Path, shown: str, name: str) -> np.ndarray:
    """Unpack the vectors of a ``.npz`` into a nameless temporary file, which is mapped and goes with the map."""
    with zipfile.ZipFile(path) as archive, tempfile.TemporaryFile() as handle:
        unnamed = archive.namelist() == [f"{_UNNAMED}.npy"]
        member = f"{name or (_UNNAMED if unnamed else _EMBEDDINGS)}.npy"
        if member not in archive.namelist():
            names = [name.removesuffix(".npy") for name in archive.namelist()]
            raise InputError(f"'{shown}' has no array '{_EMBEDDINGS}': it has {examples(names) or 'none'}.")
        check_member(archive, member, shown, MAX_EXPANDED_BYTES)
        with archive.open(member) as packed:
            copyfileobj(packed, handle, 2**20)
        handle.flush()
        handle.seek(0)
        return mapped_array(handle, shown)


# --- Parquet ---


def _open_parquet(path: Path, shown: str, key: Sequence[str], embedding: str) -> VectorTable:
    import pyarrow.parquet as pq

    names, index, _ = arrow_columns(path, shown)
    key_names = key_columns(names, shown, key)
    plan = plan_columns(names, shown, FeatureChoice(metadata=frozenset(key_names.values())), index)
    keys = _keys_of_arrow(path, shown, key_names)
    with damaged_file_as_input_error(shown, "Parquet"):
        schema = pq.read_schema(path)
    lists = [name for name in plan.features if is_list(schema.field(name).type)]
    if embedding:
        if embedding not in lists:
            raise InputError(f"'{shown}' has no column of vectors {embedding!r}: it has {examples(lists) or 'none'}.")
        lists = [embedding]
    if len(lists) > 1:
        raise InputError(
            f"'{shown}' has {len(lists)} columns of vectors ({examples(lists)}): leave one in the file, or name it "
            "with --embedding."
        )
    notes = []
    others = [name for name in (*plan.features, *plan.left_out) if name not in lists]
    if lists and others:
        notes.append(f"the vectors are the column {lists[0]!r}; {len(others)} others are not read: {examples(others)}.")
    numbers = [] if lists else _row_numbers(path, shown, plan.features, schema)
    if not lists and (plan.left_out or numbers):
        notes.append(f"no part of the vectors, since they number or count: {examples([*plan.left_out, *numbers])}.")
    columns = lists or [name for name in plan.features if name not in numbers]

    @cache
    def stored() -> np.ndarray:
        with damaged_file_as_input_error(shown, "Parquet"):
            return _unpacked_parquet(path, shown, columns, bool(lists))

    def fetch(rows: npt.NDArray[np.int64]) -> Vectors:
        array = stored()
        return read_rows(lambda start, stop: array[start:stop], rows, array.shape[1])

    return table_of(shown, keys, fetch, (path,), notes=notes)


def _row_numbers(path: Path, shown: str, names: list[str], schema: Any) -> list[str]:
    """Return the columns of whole numbers that number the rows, unless all columns are whole numbers."""
    from pyarrow import types

    whole = [name for name in names if types.is_integer(schema.field(name).type)]
    if not whole or len(whole) == len(names):
        return []
    found = features_of(arrow_frame(path, shown, whole), whole, shown)
    return [whole[i] for i in row_numbers(np.c_[found, np.full(len(found), 0.5, np.float32)])]


def is_list(dtype: Any) -> bool:
    """Return whether a type of Arrow is one of lists."""
    from pyarrow import types

    return bool(types.is_list(dtype) or types.is_large_list(dtype) or types.is_fixed_size_list(dtype))


def _unpacked_parquet(path: Path, shown: str, columns: list[str], listed: bool) -> np.ndarray:
    """Unpack vectors into a nameless temporary file, a batch at a time, which is mapped and goes with the map.

    Rows of a plate cannot be read alone: a row group usually holds many plates, and is unpacked from its start.
    """
    import pyarrow.parquet as pq

    n_rows = dimension = 0
    with tempfile.TemporaryFile() as handle, pq.ParquetFile(path, memory_map=True, pre_buffer=False) as file:
        for batch in file.iter_batches(_BATCH_ROWS, columns=columns):
            frame = pl.DataFrame(pl.from_arrow(batch))
            part = unlisted(frame[columns[0]], dimension, shown) if listed else features_of(frame, columns, shown)
            handle.write(part.data)
            n_rows += part.shape[0]
            dimension = part.shape[1]
        handle.flush()
        return np.memmap(handle, np.float32, "r", 0, (n_rows, dimension))


def unlisted(vectors: pl.Series, dimension: int, shown: str) -> Vectors:
    """Turn a column of lists into a matrix of `dimension` columns (0: not yet known); a missing vector is NaN."""
    if vectors.dtype == pl.Array:
        vectors = vectors.arr.to_list()
    inner = getattr(vectors.dtype, "inner", None)
    if inner is None or not inner.is_numeric():
        raise InputError(f"'{shown}': {vectors.name} is of type {vectors.dtype}, but vectors of numbers are needed.")
    lengths = set(vectors.list.len().drop_nulls()) | ({dimension} if dimension else set())
    if len(lengths) != 1 or 0 in lengths:
        raise InputError(
            f"'{shown}': the vectors of {vectors.name} have {examples(sorted(lengths)) or 'no'} numbers, but one "
            "length is needed."
        )
    there = vectors.is_not_null().to_numpy()
    found = np.full((len(vectors), lengths.pop()), np.nan, np.float32)
    found[there] = vectors.drop_nulls().explode().cast(pl.Float32).to_numpy().reshape(-1, found.shape[1])
    return found


# --- AnnData ---


def _open_anndata(path: Path, shown: str, obsm: str | None, zarr_fill: bool, key: Sequence[str]) -> VectorTable:
    from .obs import open_obs

    with open_obs(path, shown, zarr_fill) as obs:
        names = key_columns(obs.names, shown, key)
        keys = pl.DataFrame({usual: pl.from_arrow(obs.column(name)) for usual, name in names.items()})

    @cache
    def whole() -> Vectors:
        from .profiles import read_anndata

        return read_anndata(path, shown, "", 0, obsm, FeatureChoice("all"), zarr_fill).features

    def fetch(rows: npt.NDArray[np.int64]) -> Vectors:
        from .anndata import check_cut_chunks, open_anndata

        key = "X" if obsm is None else f"obsm/{obsm}"
        with (
            damaged_file_as_input_error(shown, "AnnData"),
            open_anndata(path, shown, key if obsm is None else "obsm") as store,
        ):
            node: Any = store.get(key)
            if not hasattr(node, "ndim"):  # sparse, a data frame, or not there, which its reader says
                return whole()[rows]
            refuse_holes(store, key, shown, fill=zarr_fill)
            if path.is_dir():
                check_cut_chunks(path, (key,), shown)
            dimension = dimension_of(node.shape, node.dtype, shown, key, keys.height)
            return read_rows(lambda start, stop: node[start:stop], rows, dimension)

    return table_of(shown, keys, fetch, (path,))
