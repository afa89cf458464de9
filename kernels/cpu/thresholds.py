"""Thresholds: the ranking values of the positives of each query, sorted, with the edges of their bands."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

from ..compile import njit
from .counting import Rows
from .similarity import pair_value

__all__ = ["positive_values", "sort_values", "thresholds"]

#: Queries and positives of each whose values are computed together.
QUERIES, PART = 16, 64
#: Lists up to this length are sorted by insertion, longer ones by NumPy.
SHORT = 48

Ints = npt.NDArray[np.int64]


def thresholds(
    rows: Rows, queries: Ints, offsets: Ints, positives: Ints, factor: float, bound: float,
    values: npt.NDArray[np.float64], order: Ints, low: npt.NDArray[np.float32], high: npt.NDArray[np.float32],
) -> None:  # fmt: skip
    """Fill the slots offsets[0]..offsets[-1] of the last four arrays, all (m,).

    Parameters
    ----------
    rows, queries, offsets, positives
        Places of the queries (q,), their slots (q + 1,), and the place of each slot's positive (m,).
    factor, bound : float
        An entry of a tile is within `bound` of ``value * factor``; outside ``low..high`` it is decided.
    values, order, low, high
        Ranking values, ascending in each query; the slot that each came from; the edges.
    """
    positive_values(rows, queries, offsets, positives, values)
    sort_values(offsets, values, order)
    here = slice(offsets[0], offsets[-1])
    np.subtract(values[here] * factor, bound, out=low[here], casting="same_kind")
    np.add(values[here] * factor, bound, out=high[here], casting="same_kind")


def sort_values(offsets: Ints, values: npt.NDArray[np.float64], order: Ints) -> None:
    """Sort the values of each query, ascending; `order` gets the slot that each came from."""
    if np.diff(offsets).max(initial=0) <= SHORT:
        _sort_short(offsets, values, order)
        return
    for start, stop in itertools.pairwise(offsets):
        rank = np.argsort(values[start:stop])
        values[start:stop] = values[start:stop][rank]
        order[start:stop] = start + rank


@njit
def positive_values(rows, queries, offsets, positives, values):
    """Write the ranking value of each positive to values (m,) float64.

    Neighbouring queries often have the same positives, so a part of those of several queries is computed together,
    while their rows are in the cache.
    """
    for block in range(0, queries.size, QUERIES):
        last = min(block + QUERIES, queries.size)
        most = 0
        for q in range(block, last):
            most = max(most, offsets[q + 1] - offsets[q])
        for part in range(0, most, PART):
            for q in range(block, last):
                for slot in range(offsets[q] + part, min(offsets[q] + part + PART, offsets[q + 1])):
                    values[slot] = pair_value(
                        rows.x, queries[q], positives[slot], rows.shift, rows.norm, rows.distance
                    )  # fmt: skip


@njit
def _sort_short(offsets, values, order):
    """Sort the values of each query; order (m,) int64 gets the slot that each came from. For short lists."""
    for q in range(offsets.size - 1):
        for slot in range(offsets[q], offsets[q + 1]):
            value = values[slot]
            at = slot
            while at > offsets[q] and values[at - 1] > value:
                values[at], order[at] = values[at - 1], order[at - 1]
                at -= 1
            values[at], order[at] = value, slot
