"""Arrays of NumPy as profiles: ``.npy``, and ``.npz`` with the columns that stand beside the vectors."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import polars as pl

from ...choices import did_you_mean
from ...errors import InputError, examples
from ...tables.profiles import Profiles
from ..digests import source_of
from ..errors import damaged_file_as_input_error
from ..formats import format_of
from ..integrity.arrays import read_archive
from ..integrity.expansion import MAX_EXPANDED_BYTES
from ..vector_table import dimension_of, read_rows
from ..vectors import array_of

__all__ = ["embedding_names", "read_array"]

_EMBEDDINGS: Final = "embeddings"
_KIND: Final = "a NumPy array (pickled objects are never read)"


class _Header(NamedTuple):
    """Shape and type of an array that has not been read."""

    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]


def embedding_names(dimension: int) -> tuple[str, ...]:
    """Return names for the D numbers of a vector, as ``cpjump`` has them: ``Embedding_0001`` and so on."""
    return tuple(f"Embedding_{i:04d}" for i in range(1, dimension + 1))


def read_array(path: Path, shown: str, wanted: str = "") -> Profiles:
    """Read the vectors of a ``.npy`` or ``.npz``; arrays of one value a row beside them are metadata.

    Parameters
    ----------
    path : Path
    shown : str
        The path as the user gave it, for messages.
    wanted : str, optional
        The array of vectors in a ``.npz``. Default: the one called ``embeddings``, or the only one of two dimensions.

    Returns
    -------
    Profiles
        Without metadata for a ``.npy``; features may hold NaN.

    Raises
    ------
    InputError
        For a damaged file, pickled objects, no array of vectors, or several.
    """
    notes: list[str] = []
    metadata, name = pl.DataFrame(), ""
    with damaged_file_as_input_error(shown, _KIND):
        if format_of(path) == ".npz":
            headers = _headers(path)
            name = _chosen(headers, shown, wanted)
            columns = [other for other in headers if other != name]
            metadata, notes = _columns(path, shown, headers, columns, headers[name].shape[0])
        elif wanted:
            raise InputError(f"'{shown}' is one array without a name: leave --embedding {wanted!r} out.")
        array = array_of(path, shown, name)
        n_rows = array.shape[0] if array.ndim else 0
        dimension = dimension_of(array.shape, array.dtype, shown, f"array {name!r}" if name else "the array", n_rows)
        features = read_rows(lambda start, stop: array[start:stop], np.arange(n_rows), dimension)
    return Profiles(metadata, features, embedding_names(dimension), (source_of(path, n_rows),), tuple(notes))


def _headers(path: Path) -> dict[str, _Header]:
    """Read what the arrays of a ``.npz`` are, by name, without reading their values."""
    found = {}
    with zipfile.ZipFile(path) as archive:
        for member in archive.namelist():
            with archive.open(member) as handle:
                version = np.lib.format.read_magic(handle)
                read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                shape, _, dtype = read(handle)
            found[member.removesuffix(".npy")] = _Header(shape, dtype)
    return found


def _chosen(headers: Mapping[str, _Header], shown: str, wanted: str) -> str:
    if wanted and wanted not in headers:
        hint = did_you_mean(wanted, headers) or f"; it has {examples(headers) or 'none'}."
        raise InputError(f"'{shown}' has no array {wanted!r}{hint}")
    if wanted or _EMBEDDINGS in headers:
        return wanted or _EMBEDDINGS
    matrices = [name for name, header in headers.items() if len(header.shape) > 1]
    if len(matrices) == 1:
        return matrices[0]
    if not matrices:
        raise InputError(f"'{shown}' has no array of vectors, (rows, numbers); it has {examples(headers) or 'none'}.")
    raise InputError(
        f"'{shown}' has {len(matrices)} arrays of vectors: choose one with --embedding {'|'.join(matrices)}."
    )


def _columns(
    path: Path, shown: str, headers: Mapping[str, _Header], names: list[str], n_rows: int
) -> tuple[pl.DataFrame, list[str]]:
    """Read the arrays that hold one value a row; tell which others were left out."""
    kept, pickled, others = [], [], []
    for name in names:
        shape, dtype = headers[name]
        if dtype.hasobject:
            pickled.append(name)
        elif shape == (n_rows,) and dtype.kind in "USfiub":
            kept.append(name)
        else:
            others.append(name)
    notes = []
    if pickled:
        what = f"arrays of pickled objects, which are never read, were left out: {examples(pickled)}"
        notes.append(f"'{shown}': {what}; save text with .astype(str).")
    if others:
        notes.append(
            f"'{shown}': arrays without one value for each of its {n_rows} rows were left out: {examples(others)}."
        )
    arrays = read_archive(path, shown, MAX_EXPANDED_BYTES, kept)
    return pl.DataFrame([_series(name, arrays[name], shown) for name in kept]), notes


def _series(name: str, values: np.ndarray, shown: str) -> pl.Series:
    if values.dtype.kind == "S":
        try:
            values = np.char.decode(values, "utf-8")
        except UnicodeDecodeError as error:
            raise InputError(f"'{shown}': the text of {name!r} is not UTF-8; save it as such.") from error
    if values.dtype.kind == "f":
        values = values.astype(np.float64)
    found = pl.Series(
        name, values.tolist() if values.dtype.kind == "U" else values.astype(values.dtype.newbyteorder("="))
    )
    return found.fill_nan(None) if found.dtype.is_float() else found
