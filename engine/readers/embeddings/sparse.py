"""Matrices of AnnData that stay sparse, such as raw counts of thousands of genes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import polars as pl

from ...choices import did_you_mean
from ...errors import InputError, examples
from ...results.digests import file_sha256, folder_sha256
from ...tables.labels import DEFAULT
from ...tables.profiles import Profiles, Source
from ..anndata import check_chunks, check_cut_chunks, check_keys, matrix_of, open_anndata
from ..column_roles import refuse_repeated
from ..errors import damaged_file_as_input_error
from ..formats import existing_path
from ..obs import Obs
from ..profiles import finished
from .joining import join_metadata

__all__ = ["SparseCells", "read_sparse"]

_HALF = 2**20  # row numbers are held as two float32


class SparseCells(NamedTuple):
    """What `read_sparse` returns.

    Attributes
    ----------
    profiles : Profiles
        What is known of the cells; their features are not the matrix but the numbers of its rows.
    matrix : ndarray or scipy.sparse.csr_array of float32, shape (n, genes)
        Row by row that of the profiles.
    genes : list of str
        Names of its columns; empty where they were not asked for.
    """

    profiles: Profiles
    matrix: Any
    genes: list[str]


def read_sparse(
    path: str | Path,
    layer: str = "",
    *,
    table: str = "",
    key: Sequence[str] = (),
    missing_text: Sequence[str] = (DEFAULT,),
    genes: str | None = None,
    shown: str = "",
) -> SparseCells:
    """Read `X` or a layer of an AnnData file or folder as it is stored, dense or sparse.

    Parameters
    ----------
    path : path
        ``.h5ad`` or ``.zarr``.
    layer : str, optional
        The layer; `X` when left out.
    table, key, missing_text
        As in `read_described`.
    genes : str, optional
        The column of `var` that names the columns of the matrix; empty: its index. Default: they are not read.
    shown : str, optional
        How the file is called in messages. Default: `path`.

    Returns
    -------
    SparseCells

    Raises
    ------
    InputError
        For a damaged file, a matrix or column that is not there, or genes of one name.
    """
    shown, path = shown or str(path), existing_path(path)
    name = f"layers/{layer}" if layer else "X"
    digest, n_bytes = folder_sha256(path) if path.is_dir() else (file_sha256(path), path.stat().st_size)
    with damaged_file_as_input_error(shown, "AnnData"), open_anndata(path, shown) as store:
        layers = sorted(store["layers"].keys()) if "layers" in store else []
        if layer and layer not in layers:
            hint = did_you_mean(layer, layers) or f"; it has {examples(layers) or 'none'}."
            raise InputError(f"'{shown}' has no layer {layer!r}{hint}")
        check_keys(store, shown, None, needs_x=not layer)
        notes, unread = check_chunks(store, name, shown, zarr_fill=False, whole=not path.is_dir())
        if path.is_dir():
            check_cut_chunks(path, (name, "obs"), shown)
        columns = [] if genes is None else _names(Obs(store, path, shown, "var"), genes, shown)
        matrix, _ = matrix_of(store, name, shown, sparse=True)
        obs = Obs(store, path, shown)
        metadata = obs.metadata(unread)
    if matrix.shape[0] != metadata.height or 0 in matrix.shape:
        raise InputError(f"'{shown}': obs has {metadata.height} rows but {name} has the shape {matrix.shape}.")
    if genes is not None and len(columns) != matrix.shape[1]:
        raise InputError(f"'{shown}': var has {len(columns)} rows but {name} has the shape {matrix.shape}.")
    numbers = np.stack(np.divmod(np.arange(metadata.height), _HALF), axis=1).astype(np.float32)
    source = Source(shown, digest, n_bytes, metadata.height)
    said = (*notes, *unread.values(), *obs.notes)
    found = finished([Profiles(metadata, numbers, ("high", "low"), (source,), said)], "error", missing_text)
    if table:
        found = join_metadata(found, table, key, missing_text)
    rows = found.features.astype(np.int64) @ np.array([_HALF, 1])
    everything = len(rows) == matrix.shape[0]  # a join leaves out rows, and keeps their order
    return SparseCells(found, matrix if everything else matrix[rows], columns)


def _names(var: Obs, column: str, shown: str) -> list[str]:
    """Return the names of genes, each once."""
    if column and column not in var.names:
        hint = did_you_mean(column, var.names) or f"; it has {examples(var.names, 8) or 'none'}."
        raise InputError(f"'{shown}': var has no column {column!r}{hint}")
    texts = cast(pl.Series, pl.from_arrow(var.column(column))).cast(pl.String) if column else var.id_texts()
    names: list[str] = texts.fill_null("").to_list()
    refuse_repeated(names, shown, "gene", "make their names unique")
    return names
