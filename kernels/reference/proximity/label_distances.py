"""Definition of the sums of distances of each row to the rows of each label."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ..similarity import feature_sums, moments, similarity

__all__ = ["cosine_sums", "distance_sums", "distance_unit", "whole_distances"]

#: A distance is counted in so many parts of the largest that there can be: whole numbers add up the same in any order.
PARTS = 2.0**31


def distance_unit(features: npt.NDArray[np.floating]) -> float:
    """Return the unit in which euclidean distances are counted: a power of two, the diagonal of the rows' box / 2^31.

    Parameters
    ----------
    features : ndarray, shape (n, d)
        Finite.

    Returns
    -------
    float
        1 where all rows are equal. No distance is more than 2^31 units.
    """
    if not features.size:
        return 1.0
    wide = features.max(axis=0).astype(np.float64) - features.min(axis=0).astype(np.float64)
    largest = float(wide.max())
    if largest == 0:
        return 1.0
    diagonal = math.sqrt(math.fsum((each / largest) ** 2 for each in wide.tolist()))
    return 2.0 ** (math.frexp(largest)[1] + math.ceil(math.log2(diagonal)) + 1) / PARTS


def whole_distances(
    features: npt.NDArray[np.floating], row: int, others: npt.NDArray[np.integer], unit: float
) -> npt.NDArray[np.int64]:
    """Return the distances of a row to others, (q,), each in whole units, half to even."""
    distance = np.sqrt(-similarity(features, np.full(len(others), row), others, "euclidean"))
    return np.rint(distance / unit).astype(np.int64)


def distance_sums(
    features: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    n_labels: int,
    threads: int = 0,
    progress: Callable[[float], None] | None = None,
) -> npt.NDArray[np.int64]:
    """Add up the euclidean distances of each row to all rows of each label, in units.

    Parameters
    ----------
    features : ndarray, shape (n, d)
        Finite.
    labels : ndarray of int, shape (n,)
        0 .. n_labels - 1, or -1 for rows that count for no label.
    n_labels : int
        Number of labels.
    threads : int, default 0
        Ignored here.
    progress : callable, optional
        Called with the share of the work that is done, 0..1.

    Returns
    -------
    ndarray of int64, shape (n, n_labels)
        Sums of distances, each rounded to whole units (`distance_unit`), half to even.
    """
    n, unit = len(features), distance_unit(features)
    sums = np.zeros((n, n_labels), np.int64)
    for row in range(n):
        counted = whole_distances(features, row, np.arange(n), unit)
        np.add.at(sums[row], labels[labels >= 0], counted[labels >= 0])
        if progress is not None:
            progress((row + 1) / n)
    return sums


def cosine_sums(
    features: npt.NDArray[np.floating], labels: npt.NDArray[np.integer], n_labels: int
) -> npt.NDArray[np.float64]:
    """Add up the cosine distances of each row to all rows of each label.

    The mean over the rows of a label is 1 less the product with the mean of their directions, so no pair of rows is
    visited: 2 n d flops a label.

    Parameters
    ----------
    features : ndarray, shape (n, d)
        Finite; no row is zero.
    labels, n_labels
        As in `distance_sums`.

    Returns
    -------
    ndarray of float64, shape (n, n_labels)
        Sums of 1 - cos. The mean direction has each sum rounded once, so that the order of the rows cannot be seen in
        it; its product with a row is added up in the order of `similarity`.
    """
    _, norm = moments(features, "cosine")
    unit = features.astype(np.float64) / norm[:, None]
    sums = np.zeros((len(features), n_labels))
    for label in range(n_labels):
        mine = unit[labels == label]
        if len(mine):
            mean = np.array([math.fsum(column) / len(mine) for column in mine.T])
            sums[:, label] = len(mine) * (1 - feature_sums(unit * mean))
    return sums
