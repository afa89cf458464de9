"""Definition of what tells two samples of rows apart: their distances, and a kernel of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ...backend import Apart
from .label_distances import distance_unit, whole_distances

__all__ = ["SHARES", "compare_samples", "pair_sums"]

#: A value of the kernel, 0..1, is counted in so many parts: whole numbers add up the same in any order.
SHARES = 2.0**32


def pair_sums(
    features: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    n_labels: int,
    pairs: npt.NDArray[np.integer],
    threads: int = 0,
    progress: Callable[[float], None] | None = None,
) -> npt.NDArray[np.float64]:
    """Add up the euclidean distances between the rows of pairs of labels.

    Parameters
    ----------
    features : ndarray, shape (n, d)
        Finite.
    labels : ndarray of int, shape (n,)
        0 .. n_labels - 1, or -1 for rows that count for no label.
    n_labels : int
        Number of labels.
    pairs : ndarray of int, shape (k, 2)
        Pairs of labels, of one with itself too.
    threads : int, default 0
        Ignored here.
    progress : callable, optional
        Called with the share of the work that is done, 0..1.

    Returns
    -------
    ndarray of float64, shape (k,)
        Sums over all rows of the one and all of the other label, of distances that are each rounded to whole units
        (`distance_unit` of the rows) as in `distance_sums`; 0 where a label has no row.
    """
    unit, found = distance_unit(features), np.zeros(len(pairs))
    for place, (one, other) in enumerate(np.asarray(pairs).tolist()):
        others = np.flatnonzero(labels == other)
        total = 0
        for row in np.flatnonzero(labels == one):
            total += int(whole_distances(features, int(row), others, unit).sum())
        found[place] = total * unit
        if progress is not None:
            progress((place + 1) / len(pairs))
    return found


def compare_samples(
    one: npt.NDArray[np.floating],
    other: npt.NDArray[np.floating],
    threads: int = 0,
    progress: Callable[[float], None] | None = None,
) -> Apart:
    """Add up distances within and between two samples, and a kernel of them as wide as their median.

    Parameters
    ----------
    one, other : ndarray, shape (n, d) and (m, d)
        Rows of each; finite.
    threads : int, default 0
        Ignored here.
    progress : callable, optional
        Called with the share of the work that is done, 0..1.

    Returns
    -------
    Apart
        Of distances in whole units (`distance_unit` of all rows), so that the order of the rows cannot be seen. The
        median is that of all pairs of rows of the two together (Gretton et al. 2012, JMLR 13:723), half the sum of the
        two in the middle where they are even in number; the kernel exp(-d^2 / (2 median^2)) is counted in 2^-32.
    """
    rows, first = np.concatenate([one, other]), len(one)
    n, unit = len(rows), distance_unit(rows)
    kinds, whole = [], []
    for row in range(n):
        later = np.arange(row + 1, n)
        kinds.append((later >= first).astype(np.int64) + (row >= first))
        whole.append(whole_distances(rows, row, later, unit))
    kind, counted = np.concatenate([np.empty(0, np.int64), *kinds]), np.concatenate([np.empty(0, np.int64), *whole])
    times = np.array([2, 1, 2])
    sums = np.array([counted[kind == each].sum() for each in range(3)]) * times * unit
    median = float(np.median(counted)) if len(counted) else float("nan")
    if not median > 0:
        return Apart(sums, median * unit, np.full(3, np.nan))
    parts = np.rint(np.exp(-0.5 * (counted / median) ** 2) * SHARES)
    if progress is not None:
        progress(1.0)
    return Apart(sums, median * unit, np.array([parts[kind == each].sum() for each in range(3)]) * times / SHARES)
