"""The sparse form of confusion matrices: what the counting kernels emit, for all top-k at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["SparseCounts", "from_packed", "merge"]

Ints = npt.NDArray[np.int64]


class SparseCounts(NamedTuple):
    """Cells by (truth, prediction of rank 1), and by the rank at which the truth comes.

    Attributes
    ----------
    rows, cols : ndarray of int32, shape (m,)
        Truth and rank-1 prediction of an entry; ascending by row, then column, each pair once. The column after the
        last label stands for "no prediction".
    counts : ndarray of int64, shape (m, k)
        ``counts[:, 0]``: all cells of the entry. ``counts[:, r - 1]`` for r >= 2: those of them whose truth first
        comes at rank r. A matrix of top-r is that of top-1 with the latter moved to the diagonal.
    """

    rows: npt.NDArray[np.int32]
    cols: npt.NDArray[np.int32]
    counts: Ints


def from_packed(rows: npt.NDArray[np.integer], packed: npt.NDArray[np.integer], counts: Ints, k: int) -> SparseCounts:
    """Put entries of (row, column, slot) together to entries of (row, column).

    Parameters
    ----------
    rows : ndarray of int, shape (e,)
        Row of each entry, ascending.
    packed : ndarray of int, shape (e,)
        ``column * k + slot``, ascending within a row, each once. Slot 0: the truth comes at rank 1 or nowhere; slot s:
        at rank s + 1.
    counts : ndarray of int64, shape (e,)
        Cells.
    k : int
        Number of ranks.
    """
    cols, slot = np.divmod(packed, k)
    new = np.ones(len(rows), dtype=bool)
    new[1:] = (rows[1:] != rows[:-1]) | (cols[1:] != cols[:-1])
    entry = np.cumsum(new) - 1
    table = np.zeros((int(new.sum()), k), np.int64)
    table[entry, slot] = counts
    table[:, 0] = table.sum(axis=1)
    return SparseCounts(rows[new].astype(np.int32), cols[new].astype(np.int32), table)


def merge(parts: list[SparseCounts]) -> SparseCounts:
    """Add counts over the same labels and ranks; the order of the parts does not matter."""
    rows, cols = (np.concatenate([part[axis] for part in parts]) for axis in (0, 1))
    counts = np.concatenate([part.counts for part in parts])
    order = np.lexsort([cols, rows])
    rows, cols = rows[order], cols[order]
    starts = np.flatnonzero(np.diff(rows, prepend=-1) | np.diff(cols, prepend=-1))
    if len(starts):
        counts = np.add.reduceat(counts[order], starts)
    return SparseCounts(rows[starts], cols[starts], counts)
