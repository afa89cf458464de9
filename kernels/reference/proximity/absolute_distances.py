"""Definition of the sums of absolute differences of two sets of rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

__all__ = ["absolute_distances"]

Floats = npt.NDArray[np.float64]


def absolute_distances(
    one: Floats, other: Floats, threads: int = 0, progress: Callable[[float], None] | None = None
) -> Floats:
    """Add up the absolute differences of each row of one set to each of another (Manhattan distance).

    Parameters
    ----------
    one : ndarray of float64, shape (n, d)
        Finite.
    other : ndarray of float64, shape (m, d)
        Finite.
    threads, progress
        Not used here.

    Returns
    -------
    ndarray of float64, shape (n, m)
        Columns are added one after the other, so that equal rows have equal distances.
    """
    found = np.zeros((len(one), len(other)))
    for column in range(one.shape[1]):
        found += np.abs(one[:, column, None] - other[None, :, column])
    return found
