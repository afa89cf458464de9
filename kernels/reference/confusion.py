"""Definition of top-k confusion counts from label codes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..sparse_counts import SparseCounts

__all__ = ["count_confusion", "first_hits"]


def first_hits(truth: npt.NDArray[np.int32], predictions: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Rank (1..k) at which the truth of each cell first comes, 0 where it does not.

    Parameters
    ----------
    truth : ndarray of int32, shape (n,)
        Label codes.
    predictions : ndarray of int32, shape (k, n)
        Label codes by rank, the best first.
    """
    hit = predictions == truth
    return np.where(hit.any(axis=0), hit.argmax(axis=0) + 1, 0)


def count_confusion(
    truth: npt.NDArray[np.int32],
    predictions: npt.NDArray[np.int32],
    n_labels: int,
    weights: npt.NDArray[np.int64] | None = None,
    threads: int = 0,
) -> SparseCounts:
    """Count cells by truth, prediction and the rank at which the truth comes.

    Parameters
    ----------
    truth : ndarray of int32, shape (n,)
        Label codes 0..c - 1.
    predictions : ndarray of int32, shape (k, n)
        Label codes by rank, k >= 1; c is "no prediction". Beyond the first rank any other number is a label that is
        nobody's truth; the first rank must hold 0..c alone, since compiled backends count in memory that it addresses.
    n_labels : int
        c.
    weights : ndarray of int64, shape (n,), optional
        How many cells each stands for. Default: one.
    threads : int, default 0
        Not used here.

    Returns
    -------
    SparseCounts
        Counts for top-1 to top-k.

    References
    ----------
    The rule of cellarium-cas: the effective prediction at k is the truth if it is among the first k ranks, else the
    prediction of rank 1.
    """
    k = len(predictions)
    weight = np.ones(len(truth), np.int64) if weights is None else weights
    pairs, entry = np.unique(truth.astype(np.int64) * (n_labels + 1) + predictions[0], return_inverse=True)
    counts = np.zeros((len(pairs), k), np.int64)
    np.add.at(counts[:, 0], entry, weight)
    rank = first_hits(truth, predictions)
    for r in range(2, k + 1):
        np.add.at(counts[:, r - 1], entry[rank == r], weight[rank == r])
    rows, cols = np.divmod(pairs, n_labels + 1)
    return SparseCounts(rows.astype(np.int32), cols.astype(np.int32), counts)
