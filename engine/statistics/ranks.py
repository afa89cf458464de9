"""Numbers that depend on the order of scores alone: rank correlation, areas under curves."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["average_precision", "mid_ranks", "roc_area", "spearman"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def mid_ranks(values: npt.NDArray[np.generic]) -> Floats:
    """Return the rank of each value, from 1; equal values have their mean rank.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Without NaN.
    """
    _, place, times = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(times)
    return np.asarray((last - (times - 1) / 2)[place])


def spearman(x: npt.NDArray[np.generic], y: npt.NDArray[np.generic]) -> float:
    """Return Spearman's rank correlation of two arrays, (n,); NaN where one of them is constant or n < 2."""
    if len(x) < 2:
        return float("nan")
    a, b = mid_ranks(x), mid_ranks(y)
    a -= a.mean()
    b -= b.mean()
    spread = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / spread if spread else float("nan")


def roc_area(positive: Bools, score: Floats) -> float:
    """Return the probability that a positive has the higher score, ties counting half; NaN if one class is empty.

    Parameters
    ----------
    positive : ndarray of bool, shape (n,)
        Which are positive.
    score : ndarray of float64, shape (n,)
        Without NaN.
    """
    n, n_positive = len(positive), int(positive.sum())
    if n_positive in (0, n):
        return float("nan")
    above = mid_ranks(score)[positive].sum() - n_positive * (n_positive + 1) / 2
    return float(above / (n_positive * (n - n_positive)))


def average_precision(positive: Bools, score: Floats) -> float:
    """Return the mean of precision over recall, one step a distinct score (scikit-learn's); NaN without a positive.

    Parameters
    ----------
    positive : ndarray of bool, shape (n,)
        Which are positive.
    score : ndarray of float64, shape (n,)
        Without NaN.
    """
    if not positive.any():
        return float("nan")
    order = np.argsort(-score, kind="stable")
    ordered = score[order]
    ends = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), len(order) - 1)  # of each run of equal scores
    found = np.cumsum(positive[order])[ends]
    return float((np.diff(found, prepend=0) * found / (ends + 1)).sum() / found[-1])
