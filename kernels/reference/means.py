"""Definition of the mean of each group."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

__all__ = ["group_means"]


def group_means(
    values: npt.NDArray[np.float64], rows: npt.NDArray[np.int64], offsets: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Mean of the values of each group, NaN left out.

    The sum is rounded once, as if it had been added up without any error, so that the order of the rows cannot be seen
    in it.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
        Finite values, at most 1e300 in all, or NaN.
    rows : ndarray of int64, shape (m,)
        Rows of all groups, one group after the other.
    offsets : ndarray of int64, shape (g + 1,)
        Group i has ``rows[offsets[i]:offsets[i + 1]]``.

    Returns
    -------
    ndarray of float64, shape (g,)
        NaN for a group without a value.
    """
    result = np.full(len(offsets) - 1, np.nan)
    for g in range(len(result)):
        mine = values[rows[offsets[g] : offsets[g + 1]]]
        present = mine[~np.isnan(mine)]
        if len(present):
            result[g] = math.fsum(present) / len(present)
    return result
