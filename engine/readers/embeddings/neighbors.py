"""Nearest neighbours that were found before: a graph of distances of AnnData, or arrays of indices and distances."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ...choices import did_you_mean
from ...errors import InputError, examples
from ...tables.profiles import Source
from ..anndata import matrix_of, open_anndata
from ..digests import source_of
from ..errors import damaged_file_as_input_error
from ..formats import ANNDATA, existing_path, format_of
from ..integrity.arrays import read_archive
from ..integrity.expansion import MAX_EXPANDED_BYTES
from ..integrity.holes import refuse_holes

__all__ = ["Neighbors", "check_neighbors", "neighbors_of", "read_neighbors"]

#: Distances equal those of vectors within this share of the largest: float32, and sums in another order.
_CLOSE = 1e-3
_PAIR, _GRAPH = ("indices", "distances"), ("data", "indices", "indptr", "shape")


class Neighbors(NamedTuple):
    """The nearest others of n cells, without themselves.

    Attributes
    ----------
    indices : ndarray of int64, shape (n, k)
        The nearest first; of cells equally near, the first in the file.
    distances : ndarray of float64, shape (n, k)
        To them.
    """

    indices: npt.NDArray[np.int64]
    distances: npt.NDArray[np.float64]


def neighbors_of(given: Any, n: int, shown: str) -> Neighbors:
    """Return given neighbours, checked and sorted.

    Parameters
    ----------
    given : sparse matrix of shape (n, n), or tuple of (ndarray of integers, ndarray) of shape (n, k)
        A graph of distances, in which zeros that are stored count; or indices and distances. A cell may be among its
        own neighbours; it is taken out.
    n : int
        Cells.
    shown : str
        What they are called in messages.

    Returns
    -------
    Neighbors

    Raises
    ------
    InputError
        When the shape is not that of the cells, cells have different numbers of neighbours, a neighbour is not there
        or named twice, or a distance is negative or not finite.
    """
    if hasattr(given, "tocsr"):
        graph = given.tocsr()
        if graph.shape != (n, n):
            raise InputError(f"{shown} has the shape {graph.shape}, but the embedding has {n:,} cells.")
        rows = np.repeat(np.arange(n), np.diff(graph.indptr))
        columns, distances = np.asarray(graph.indices, np.int64), np.asarray(graph.data, np.float64)
    else:
        rows, columns, distances = _flat(given, n, shown)
    bad = ~(np.isfinite(distances) & (distances >= 0))
    if bad.any():
        place = int(np.flatnonzero(bad)[0])
        raise InputError(
            f"{shown}: {int(bad.sum()):,} distances are negative or not finite, first {distances[place]:g} of cell "
            f"{rows[place]}."
        )
    others = rows != columns
    rows, columns, distances = rows[others], columns[others], distances[others]
    counts = np.bincount(rows, minlength=n)
    k = int(counts.max(initial=0))
    if counts.min(initial=k) != k or not k:
        few = int(counts.argmin())
        raise InputError(
            f"{shown}: cells have from {counts.min(initial=k)} (cell {few}) to {k} neighbours, but each must have as "
            "many: give a graph of distances to a fixed number of neighbours, in which those at distance 0 are stored "
            "(connectivities are no distances)."
        )
    order = np.lexsort((columns, distances, rows))
    found = Neighbors(columns[order].reshape(n, k), distances[order].reshape(n, k))
    twice = np.flatnonzero((np.diff(np.sort(found.indices, axis=1), axis=1) == 0).any(axis=1))
    if len(twice):
        raise InputError(f"{shown}: cell {twice[0]} names a neighbour twice.")
    return found


def _flat(given: Any, n: int, shown: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[Any]]:
    """Return row, column and distance of each pair."""
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        raise InputError(f"{shown} must be a sparse matrix of distances, or the pair (indices, distances).")
    indices, distances = (np.asarray(each) for each in given)
    if indices.shape != distances.shape or indices.ndim != 2 or len(indices) != n:
        raise InputError(
            f"{shown}: indices have the shape {indices.shape} and distances {distances.shape}, but both must be (n, k) "
            f"of the {n:,} cells."
        )
    if indices.dtype.kind not in "iu" or distances.dtype.kind not in "fiu":
        raise InputError(
            f"{shown}: indices must be whole numbers and distances numbers, not {indices.dtype} and {distances.dtype}."
        )
    if indices.size and not 0 <= int(indices.min()) <= int(indices.max()) < n:
        raise InputError(f"{shown}: indices lie between {indices.min()} and {indices.max()}, not 0 and {n - 1}.")
    rows = np.repeat(np.arange(n), indices.shape[1])
    return rows, indices.ravel().astype(np.int64), distances.ravel().astype(np.float64)


def check_neighbors(neighbors: Neighbors, vectors: Mapping[str, npt.NDArray[np.float32]], n: int) -> list[str]:
    """Refuse neighbours that are not of the cells that are judged.

    Parameters
    ----------
    neighbors : Neighbors
        Of n cells.
    vectors : mapping of str to ndarray, shape (m, d)
        Embeddings of the cells that are judged.
    n : int
        Cells that were read.

    Returns
    -------
    list of str
        A sentence where distances are not the euclidean ones, as at most 1,000 cells show.

    Raises
    ------
    InputError
        When there are several embeddings, or cells were left out or drawn.
    """
    if len(vectors) > 1:
        raise InputError(f"--neighbors are of one embedding, but {len(vectors)} are judged; give that one.")
    ((name, x),) = vectors.items()
    if len(x) < n:
        raise InputError(
            f"--neighbors are of {n:,} cells, but {len(x):,} of them are judged: neighbours among all cells are not "
            "those among some. Leave --neighbors out, or find them among the cells that are judged."
        )
    rows = np.linspace(0, n - 1, min(n, 1000)).astype(np.int64)
    near, given = neighbors.indices[rows], neighbors.distances[rows]
    found = np.stack(
        [np.linalg.norm(x[some].astype(np.float64) - x[row], axis=1) for row, some in zip(rows, near, strict=True)]
    )
    far = np.abs(found - given)
    if far.max() <= _CLOSE * found.max():
        return []
    row, place = np.unravel_index(far.argmax(), far.shape)
    return [
        f"The given distances are not the euclidean ones of {name!r} (cells {rows[row]} and {near[row, place]}: "
        f"{given[row, place]:.4g} is given, {found[row, place]:.4g} lie between them): metrics of neighbours judge "
        "what was given."
    ]


def read_neighbors(text: str, n: int) -> tuple[Neighbors, Source]:
    """Read neighbours of n cells.

    Parameters
    ----------
    text : str
        ``FILE@obsp:KEY`` of AnnData, or a ``.npz`` with the arrays ``indices`` and ``distances``, (n, k) each, or as
        ``scipy.sparse.save_npz`` writes it.
    n : int
        Cells.

    Returns
    -------
    Neighbors
        As `neighbors_of` checks them.
    Source
        The file.

    Raises
    ------
    InputError
        Naming the file and what is wrong with it.
    """
    shown, at, part = text.rpartition("@")
    kind, _, key = part.partition(":")
    if not at or Path(text).exists():
        shown, key = text, ""
    elif kind != "obsp" or not key:
        raise InputError(f"'{text}': write @obsp:KEY after the file, not @{part}.")
    path = existing_path(shown, arrays=True)
    if (format_of(path) in ANNDATA) != bool(key) or not (key or format_of(path) == ".npz"):
        raise InputError(f"'{shown}': write FILE.h5ad@obsp:KEY, or give a .npz with the arrays indices and distances.")
    given = _graph(path, shown, key) if key else _arrays(path, shown)
    return neighbors_of(given, n, f"'{shown}' obsp {key!r}" if key else f"'{shown}'"), source_of(path, n)


def _graph(path: Path, shown: str, key: str) -> Any:
    with damaged_file_as_input_error(shown, "AnnData"), open_anndata(path, shown, "obsp") as store:
        entries = sorted(store["obsp"].keys()) if "obsp" in store else []
        if key not in entries:
            hint = did_you_mean(key, entries) or f"; it has {examples(entries) or 'none'}."
            raise InputError(f"'{shown}' has no obsp entry {key!r}{hint}")
        refuse_holes(store, f"obsp/{key}", shown)
        matrix, _ = matrix_of(store, f"obsp/{key}", shown, sparse=True)
    if not hasattr(matrix, "tocsr"):
        raise InputError(f"'{shown}': obsp {key!r} is dense; a sparse graph of distances to neighbours is needed.")
    return matrix


def _arrays(path: Path, shown: str) -> Any:
    with damaged_file_as_input_error(shown, "arrays of NumPy"):
        with zipfile.ZipFile(path) as archive:
            names = {member.removesuffix(".npy") for member in archive.namelist()}
        wanted = _GRAPH if "indptr" in names else _PAIR
        missing = [name for name in wanted if name not in names]
        if missing:
            raise InputError(f"'{shown}' has no array {examples(missing)}; it has {examples(sorted(names))}.")
        arrays = read_archive(path, shown, MAX_EXPANDED_BYTES, list(wanted))
        if wanted == _PAIR:
            return arrays["indices"], arrays["distances"]
        import scipy.sparse

        graph = scipy.sparse.csr_array(
            (arrays["data"], arrays["indices"], arrays["indptr"]), shape=tuple(arrays["shape"].tolist())
        )
        graph.check_format(full_check=True)  # places outside the matrix would be read from outside of memory
        return graph
