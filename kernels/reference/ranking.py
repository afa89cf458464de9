"""Definition of the counts behind average precision: which negatives outrank each positive."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..codes import PairCodes
from .pairs import pair_table
from .similarity import moments, similarity

__all__ = ["Prepared", "count_outranking", "prepare"]


class Prepared(NamedTuple):
    """What one run needs again and again: features (n, d), the distance's name, the dense negative table (n, n)."""

    features: npt.NDArray[np.floating]
    distance: str
    table: npt.NDArray[np.bool_]

    @property
    def norms(self) -> npt.NDArray[np.float64]:
        """Lengths of the rows of the cosine and its absolute value, float64."""
        return moments(self.features, self.distance)[1]


def prepare(features: npt.NDArray[np.floating], distance: str, negatives: PairCodes) -> Prepared:
    """Set up the counting for one feature matrix and one rule of negative pairs.

    Parameters
    ----------
    features : ndarray, shape (n, d)
        Finite features; no zero row for the cosine family, no constant row for ``correlation``.
    distance : str
        One of `similarity.DISTANCES`.
    negatives : PairCodes
        The rule of negative pairs.
    """
    return Prepared(features, distance, pair_table(negatives))


def count_outranking(
    prepared: Prepared,
    queries: npt.NDArray[np.integer],
    offsets: npt.NDArray[np.int64],
    positives: npt.NDArray[np.integer],
    threads: int = 1,
    progress: Callable[[float], None] | None = None,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64], npt.NDArray[np.int64], int]:
    """Count, for each positive of each query, the query's negatives that outrank it and that tie with it.

    Parameters
    ----------
    prepared : Prepared
        From `prepare`.
    queries : ndarray of int, shape (q,)
        Query rows, each once.
    offsets : ndarray of int64, shape (q + 1,)
        Positives of query i are ``positives[offsets[i]:offsets[i + 1]]``.
    positives : ndarray of int, shape (m,)
        Rows.
    threads : int, default 1
        Not used here.
    progress : callable, optional
        Not called here.

    Returns
    -------
    values : ndarray of float64, shape (m,)
        Ranking value of each positive, see `similarity.similarity`.
    above, tied : ndarray of int64, shape (m,)
        Negatives strictly above it, and equal to it.
    rechecked : int
        Entries that were first computed in lower precision and then again in float64: none here.
    """
    values = np.zeros(len(positives))
    above = np.zeros(len(positives), np.int64)
    tied = np.zeros(len(positives), np.int64)
    for i, query in enumerate(queries):
        mine = slice(offsets[i], offsets[i + 1])
        mates = positives[mine]
        others = np.flatnonzero(prepared.table[query])
        values[mine] = similarity(prepared.features, np.full(len(mates), query), mates, prepared.distance)
        rivals = similarity(prepared.features, np.full(len(others), query), others, prepared.distance)
        above[mine] = (rivals[None, :] > values[mine][:, None]).sum(axis=1)
        tied[mine] = (rivals[None, :] == values[mine][:, None]).sum(axis=1)
    return values, above, tied, 0
