"""Definition of the counts behind average precision: which negatives outrank each positive."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..backend import Outranking, Status
from ..codes import PairCodes
from ..names import Similarity, is_metric
from .metrics import metric_options, why_not_numbers
from .pairs import pair_table
from .similarity import moments, similarity

__all__ = ["Prepared", "count_outranking", "prepare"]


class Prepared(NamedTuple):
    """What one run needs again and again."""

    features: npt.NDArray[np.floating]  # (n, d)
    distance: str | Similarity
    table: npt.NDArray[np.bool_]  # (n, n) negative pairs
    status: Status
    reason: str
    precision: str = "float32"  # as in the other backends, which multiply tiles; here all is float64

    @property
    def norms(self) -> npt.NDArray[np.float64]:
        """Length of each row, (n,), of the distances that divide by it."""
        assert isinstance(self.distance, str)
        return moments(self.features, self.distance)[1]


def prepare(features: npt.NDArray[np.floating], distance: str | Similarity, negatives: PairCodes) -> Prepared:
    """Set up the counting for one feature matrix and one rule of negative pairs.

    Parameters
    ----------
    features : ndarray, shape (n, d)
        Finite features; no zero row for the cosine family, no constant row for ``correlation``.
    distance : str or callable
        One of `names.DISTANCES` or `names.METRICS`; or a `names.Similarity`.
    negatives : PairCodes
        The rule of negative pairs.

    Returns
    -------
    Prepared
        Its status is ``REFUSED``, with a reason, where these features have no such distance.
    """
    reason = metric_options(features, distance).reason if is_metric(distance) else ""
    return Prepared(features, distance, pair_table(negatives), Status.REFUSED if reason else Status.READY, reason)


def count_outranking(
    prepared: Prepared,
    queries: npt.NDArray[np.integer],
    offsets: npt.NDArray[np.int64],
    positives: npt.NDArray[np.integer],
    threads: int = 0,
    progress: Callable[[float], None] | None = None,
) -> Outranking:
    """Count, for each positive of each query, the query's negatives that outrank it and that tie with it.

    Parameters
    ----------
    prepared : Prepared
        From `prepare`, not refused.
    queries : ndarray of int, shape (q,)
        Query rows, each once.
    offsets : ndarray of int64, shape (q + 1,)
        Positives of query i are ``positives[offsets[i]:offsets[i + 1]]``.
    positives : ndarray of int, shape (m,)
        Rows.
    threads : int, default 0
        Not used here.
    progress : callable, optional
        Not called here.

    Returns
    -------
    Outranking
        Values and counts by slot of `positives`; no entry is rechecked here. ``REFUSED`` if a similarity that counts is
        not a number, as some of scipy's distances can be.
    """
    values = np.zeros(len(positives))
    above = np.zeros(len(positives), np.int64)
    tied = np.zeros(len(positives), np.int64)
    for i, query in enumerate(queries):
        mine = slice(offsets[i], offsets[i + 1])
        others = np.flatnonzero(prepared.table[query])
        values[mine] = _values(prepared, query, positives[mine])
        rivals = _values(prepared, query, others)
        if reason := why_not_numbers(values[mine]) or why_not_numbers(rivals):
            return Outranking(values, above, tied, 0, Status.REFUSED, reason)
        above[mine] = (rivals[None, :] > values[mine][:, None]).sum(axis=1)
        tied[mine] = (rivals[None, :] == values[mine][:, None]).sum(axis=1)
    return Outranking(values, above, tied, 0)


def _values(p: Prepared, query: int, others: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    """Return the ranking values of a query and other rows (w,)."""
    return similarity(p.features, np.full(len(others), query), others, p.distance)
