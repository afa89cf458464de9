"""Thresholds: the ranking values of the positives of each query, sorted, with the edges of their bands.

A value belongs to a pair of rows, whichever is the query, so of two queries that are each other's positives one takes
the value from the other.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...codes import stable_order
from ...compile import njit
from ..similarity import pair_value
from ..sort import descending
from .rows import Rows

__all__ = ["band_edges", "copy_values", "mirrors", "positive_values", "sort_values", "thresholds", "visiting_order"]

#: Queries and positives of each whose values are computed together.
QUERIES, PART = 16, 64
#: Lists up to this length are sorted by insertion while they are copied.
SHORT = 32

Ints = npt.NDArray[np.int64]


def thresholds(
    rows: Rows,
    queries: Ints,
    offsets: Ints,
    positives: Ints,
    factor: float,
    bound: float,
    values: npt.NDArray[np.float64],
    order: Ints,
    low: npt.NDArray[np.float32],
    high: npt.NDArray[np.float32],
) -> None:
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
    here = slice(offsets[0], offsets[-1])
    given, firsts = np.empty(here.stop - here.start), offsets[:-1] - here.start
    places = positives[here]
    positive_values(
        rows, rows.at[queries], firsts, offsets[1:] - here.start, rows.at[places], np.empty(0, np.int64), given
    )
    sort_values(firsts, given, offsets, values, order)
    order[here] += np.repeat(offsets[:-1], np.diff(offsets))
    band_edges(values[here], factor, bound, low[here], high[here])


def band_edges(
    values: npt.NDArray[np.float64],
    factor: float,
    bound: float,
    low: npt.NDArray[np.float32],
    high: npt.NDArray[np.float32],
) -> None:
    """Write the edges of the bands around values (m,) to low and high, see `thresholds`."""
    np.subtract(values * factor, bound, out=low, casting="same_kind")
    np.add(values * factor, bound, out=high, casting="same_kind")


def sort_values(
    firsts: Ints,
    given: npt.NDArray[np.float64],
    offsets: Ints,
    values: npt.NDArray[np.float64],
    order: npt.NDArray[np.integer],
) -> None:
    """Sort the values of each query, ascending.

    Parameters
    ----------
    firsts : ndarray of int64, shape (q,)
        Where the values of each query begin in `given`.
    given : ndarray of float64
        The values.
    offsets : ndarray of int64, shape (q + 1,)
        Where they go in `values`.
    values, order : ndarray
        Written to: the sorted values, and which of its query each is, counted from zero.
    """
    most = np.diff(offsets).max(initial=0)
    space = np.empty((2, most if most > SHORT else 0), np.int64)
    _sort_lists(firsts, given, offsets, values, order, space, np.empty(most + 1, np.int64))


def visiting_order(queries: Ints, offsets: Ints, positives: npt.NDArray[np.integer], n: int) -> Ints:
    """Return the order (q,) in which `mirrors` looks for the queries: by row.

    Where positives are classes (each query's are the other rows of its class), one class after the other: what is
    looked up then stays in the cache. Arguments are those of `mirrors`.
    """
    leader = np.full(n, -1, np.int64)
    if _are_classes(queries, offsets, positives, leader):
        return stable_order(leader[queries], queries)
    return stable_order(queries)


@njit
def _are_classes(queries, offsets, positives, leader):
    """Return whether positives are classes; write the first row of each to `leader` (n,), which holds -1."""
    for k in range(queries.size):
        leader[queries[k]] = queries[k]
        if offsets[k] < offsets[k + 1]:
            leader[queries[k]] = min(queries[k], np.int64(positives[offsets[k]]))
    for k in range(queries.size):
        mine = leader[queries[k]]
        for slot in range(offsets[k], offsets[k + 1]):
            if leader[positives[slot]] != mine:
                return False
    return True


def mirrors(queries: Ints, offsets: Ints, positives: npt.NDArray[np.integer], order: Ints, n: int) -> Ints:
    """Find, for each positive that is a query before its own, the slot where the two have changed places: (m,) int64.

    -1 where there is none, and for some where the positives of a query do not ascend. All arguments are rows, of which
    there are n, and order (q,) is one in which the queries that share a positive ascend, see `visiting_order`. So do
    the slots that are looked for in the list of one query, and each list is gone through once.
    """
    mirror = np.full(len(positives), -1, np.int64)
    _find_mirrors(queries, offsets, positives, order, np.full(n, -1, np.int64), offsets[:-1].copy(), mirror)
    return mirror


@njit
def _find_mirrors(queries, offsets, positives, order, query_of, next_slot, mirror):
    """Write what `mirrors` returns to `mirror`, which holds -1, as does query_of (n,); next_slot is offsets[:-1]."""
    for k in range(queries.size):
        query_of[queries[k]] = k
    for q in range(order.size):
        k = order[q]
        row = queries[k]
        for slot in range(offsets[k], offsets[k + 1]):
            other = query_of[positives[slot]]
            if positives[slot] >= row or other < 0:
                continue
            at = next_slot[other]
            while at < offsets[other + 1] and positives[at] < row:
                at += 1
            next_slot[other] = at
            if at < offsets[other + 1] and positives[at] == row:
                mirror[slot] = at


@njit
def copy_values(firsts, lasts, mirror, values):
    """Copy to the slots firsts (q,) .. lasts (q,) that have a mirror the value of it."""
    for q in range(firsts.size):
        for slot in range(firsts[q], lasts[q]):
            if mirror[slot] >= 0:
                values[slot] = values[mirror[slot]]


@njit
def positive_values(rows, queries, firsts, lasts, positives, mirror, values):
    """Write the ranking value of each positive without a mirror to values (m,) float64; an empty mirror says none has.

    queries (q,) and positives (m,) are rows, not places; the slots of a query are firsts (q,) .. lasts (q,).
    Neighbouring queries often have the same positives, so a part of those of several queries is computed together,
    while their rows are in the cache.
    """
    for block in range(0, queries.size, QUERIES):
        last = min(block + QUERIES, queries.size)
        most = 0
        for q in range(block, last):
            most = max(most, lasts[q] - firsts[q])
        for part in range(0, most, PART):
            for q in range(block, last):
                for slot in range(firsts[q] + part, min(firsts[q] + part + PART, lasts[q])):
                    if mirror.size == 0 or mirror[slot] < 0:
                        values[slot] = pair_value(
                            rows.x, queries[q], np.int64(positives[slot]), rows.shift, rows.norm, rows.distance
                        )


@njit
def _sort_lists(firsts, given, offsets, values, order, space, table):
    """Write what `sort_values` does to values and order; space and table are scratch of `descending`."""
    for q in range(firsts.size):
        start, stop, first = offsets[q], offsets[q + 1], firsts[q]
        size = stop - start
        if size > SHORT:
            mine = given[first : first + size]
            found = space[descending(mine, space, table)]
            for t in range(size):
                at = found[size - 1 - t]
                values[start + t], order[start + t] = mine[at], at
            continue
        for slot in range(start, stop):
            value = given[first + slot - start]
            at = slot
            while at > start and values[at - 1] > value:
                values[at], order[at] = values[at - 1], order[at - 1]
                at -= 1
            values[at], order[at] = value, slot - start
