"""Definition of the nearest neighbours of each row."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ...backend import Neighbors
from ..similarity import similarity

__all__ = ["nearest_neighbors"]


def nearest_neighbors(
    features: npt.NDArray[np.floating],
    k: int,
    distance: str,
    threads: int = 0,
    progress: Callable[[float], None] | None = None,
) -> Neighbors:
    """Return the k nearest other rows of each row, nearest first; of rows equally near, the first.

    Parameters
    ----------
    features : ndarray, shape (n, d)
        Finite; no zero row for the cosine family, no constant row for ``correlation``.
    k : int
        Neighbours of a row, at most n - 1.
    distance : str
        One of `names.DISTANCES`.
    threads : int, default 0
        Ignored here.
    progress : callable, optional
        Called with the share of the work that is done, 0..1.

    Returns
    -------
    Neighbors
        Rows and ranking values, (n, k) each. A row is no neighbour of itself; a duplicate of it is.
    """
    n = len(features)
    indices, values = np.empty((n, k), np.int64), np.empty((n, k))
    for row in range(n):
        others = np.delete(np.arange(n), row)
        value = similarity(features, np.full(n - 1, row), others, distance)
        nearest = np.lexsort((others, -value))[:k]
        indices[row], values[row] = others[nearest], value[nearest]
        if progress is not None:
            progress((row + 1) / n)
    return Neighbors(indices, values)
