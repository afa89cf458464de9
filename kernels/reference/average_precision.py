"""Definition of average precision from counts, with the three tie policies."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["average_precision"]


def average_precision(
    offsets: npt.NDArray[np.int64],
    values: npt.NDArray[np.float64],
    above: npt.NDArray[np.int64],
    tied: npt.NDArray[np.int64],
    ties: str,
) -> npt.NDArray[np.float64]:
    """Average precision of each list of positives.

    With positives sorted best first, AP = (1/P) sum_i i / (i + n_i), where n_i negatives rank above the i-th
    positive. Negatives equal to a positive count as below it (``optimistic``, the rule of copairs), as above it
    (``pessimistic``), or the mean over all orders of the equal items is taken (``expected``).

    For ``expected``, a group of T = p + m equal items (p positives, m negatives) stands behind a positives and b
    negatives. Its t-th place holds a positive with probability p / T, and then (t - 1)(p - 1)/(T - 1) positives of
    the group are expected before it; so the group adds sum_t (p/T) (a + 1 + (t - 1)(p - 1)/(T - 1)) / (a + b + t).

    Parameters
    ----------
    offsets : ndarray of int64, shape (u + 1,)
        Bounds of the lists.
    values : ndarray of float64, shape (m,)
        Ranking values of the positives, any order.
    above, tied : ndarray of int64, shape (m,)
        Negatives of the query strictly above, and equal.
    ties : {"expected", "optimistic", "pessimistic"}
        The policy.

    Returns
    -------
    ndarray of float64, shape (u,)
        AP; NaN for an empty list.
    """
    result = np.full(len(offsets) - 1, np.nan)
    for u in range(len(result)):
        mine = slice(offsets[u], offsets[u + 1])
        n_pos = offsets[u + 1] - offsets[u]
        if n_pos == 0:
            continue
        order = np.argsort(-values[mine], kind="stable")
        v, a, e = values[mine][order], above[mine][order], tied[mine][order]
        rank = np.arange(1, n_pos + 1)
        if ties == "optimistic":
            result[u] = np.sum(rank / (rank + a)) / n_pos
        elif ties == "pessimistic":
            result[u] = np.sum(rank / (rank + a + e)) / n_pos
        else:
            total = 0.0
            for value in np.unique(v):
                group = np.flatnonzero(v == value)
                p, m, before, b = len(group), e[group[0]], group[0], a[group[0]]
                size = p + m
                t = np.arange(1, size + 1)
                inside = (t - 1) * (p - 1) / max(size - 1, 1)
                total += np.sum((p / size) * (before + 1 + inside) / (before + b + t))
            result[u] = total / n_pos
    return result
