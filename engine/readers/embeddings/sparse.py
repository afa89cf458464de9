"""Matrices of AnnData that stay sparse, such as raw counts of thousands of genes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...choices import did_you_mean
from ...errors import InputError, examples
from ...results.digests import file_sha256, folder_sha256
from ...tables.labels import DEFAULT
from ...tables.profiles import Profiles, Source
from ..anndata import check_chunks, check_cut_chunks, check_keys, matrix_of, open_anndata
from ..errors import damaged_file_as_input_error
from ..formats import existing_path
from ..obs import Obs
from ..profiles import finished
from .joining import join_metadata

__all__ = ["read_sparse"]

_HALF = 2**20  # row numbers are held as two float32


def read_sparse(
    path: str | Path,
    layer: str = "",
    *,
    table: str = "",
    key: Sequence[str] = (),
    missing_text: Sequence[str] = (DEFAULT,),
) -> tuple[Profiles, Any]:
    """Read `X` or a layer of an AnnData file or folder as it is stored, dense or sparse.

    Parameters
    ----------
    path : path
        ``.h5ad`` or ``.zarr``.
    layer : str, optional
        The layer; `X` when left out.
    table, key, missing_text
        As in `read_described`.

    Returns
    -------
    profiles : Profiles
        What is known of the cells; their features are not the matrix but the numbers of its rows.
    matrix : ndarray or scipy.sparse.csr_array of float32, shape (n, genes)
        Row by row that of the profiles.

    Raises
    ------
    InputError
        For a damaged file, or a matrix that is not there.
    """
    shown, path = str(path), existing_path(path)
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
        matrix, _ = matrix_of(store, name, shown, sparse=True)
        obs = Obs(store, path, shown)
        metadata = obs.metadata(unread)
    if matrix.shape[0] != metadata.height or 0 in matrix.shape:
        raise InputError(f"'{shown}': obs has {metadata.height} rows but {name} has the shape {matrix.shape}.")
    numbers = np.stack(np.divmod(np.arange(metadata.height), _HALF), axis=1).astype(np.float32)
    source = Source(shown, digest, n_bytes, metadata.height)
    said = (*notes, *unread.values(), *obs.notes)
    found = finished([Profiles(metadata, numbers, ("high", "low"), (source,), said)], "error", missing_text)
    if table:
        found = join_metadata(found, table, key, missing_text)
    rows = found.features.astype(np.int64) @ np.array([_HALF, 1])
    everything = len(rows) == matrix.shape[0]  # a join leaves out rows, and keeps their order
    return found, matrix if everything else matrix[rows]
