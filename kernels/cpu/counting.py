"""Compiled inner loops of the ranking: thresholds, and how many entries of a tile row lie above each.

Shapes: q queries, m positives of all queries together, w columns of a tile. Rows are numbered by place.

Few thresholds are compared one by one: the loops over a tile row add 0 or 1 to 32-bit counters, which compiles to
full-width vector compares (Numba widens a sum of two 32-bit integers to 64 bits, hence the casts). Many thresholds
are searched through a table of equal buckets of the value range: a bucket holds about one threshold, whatever their
number. Both leave what lies inside a band to the float64 arithmetic of the definition.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..compile import njit
from .pairs import first_at_least, shares_key
from .similarity import pair_value

__all__ = ["Rows", "Slots", "count_direct", "count_tile", "thresholds"]

#: Columns after which bands are looked at; a multiple of 8.
STRIDE = 512
#: Buckets of the table for each threshold, and thresholds of a bucket up to which it is scanned.
BUCKETS, SCANNED = 2, 8


class Rows(NamedTuple):
    """What float64 values are computed from, by place."""

    x: npt.NDArray[np.floating]  # (n, d)
    shift: npt.NDArray[np.float64]  # (n,)
    norm: npt.NDArray[np.float64]  # (n,)
    twin: npt.NDArray[np.int64]  # (n,) first row that equals this one
    distance: int


class Slots(NamedTuple):
    """One entry for each positive, ascending within its query.

    Below `low` or above `high`, an entry of a tile is decided. Exact tiles have low = high = values.
    """

    values: npt.NDArray[np.float64]  # (m,) ranking values of the positives
    low: npt.NDArray[np.floating]  # (m,)
    high: npt.NDArray[np.floating]  # (m,)
    above: npt.NDArray[np.int64]  # (m,) negatives above it, added to
    tied: npt.NDArray[np.int64]  # (m,) negatives equal to it, added to


@njit
def thresholds(rows, queries, offsets, positives, factor, bound, values, order, low, high):
    """Fill the thresholds of each query, ascending.

    values (m,) float64: ranking values. order (m,) int64: the slot of each in `positives`. low, high (m,) float32:
    an entry that is within `bound` of ``value * factor`` and lies outside them is decided. They may be `values`
    itself, for entries that are exact (factor 1, bound 0).
    """
    for q in range(queries.size):
        start, stop = offsets[q], offsets[q + 1]
        if stop == start:
            continue
        mine = np.empty(stop - start)
        for slot in range(start, stop):
            mine[slot - start] = pair_value(rows.x, queries[q], positives[slot], rows.shift, rows.norm, rows.distance)
        rank = np.argsort(mine, kind="mergesort")
        for place in range(stop - start):
            slot = start + place
            values[slot] = mine[rank[place]]
            order[slot] = start + rank[place]
            low[slot] = values[slot] * factor - bound
            high[slot] = values[slot] * factor + bound


@njit
def _place(value, values, above, tied):
    """Add one negative of known value to `above` and `tied`."""
    under = first_at_least(values, value)
    for t in range(under):
        above[t] += 1
    while under < values.size and values[under] == value:
        tied[under] += 1
        under += 1


@njit
def _count_few(rows, query, first, row, exact, slots, begin, end, marks):
    """Compare a tile row with thresholds begin..end; an entry inside bands is decided in float64, once for all.

    A candidate equal to the one decided before it (same twin) has the same value, which keeps collapsed
    embeddings, where nothing is decided in float32, affordable. marks (STRIDE,) uint8 is scratch. Loops run from
    zero over slices: an index that might be negative would keep the compiler from using vectors.
    """
    values, low, high, above, tied = slots
    rechecked = 0
    last_twin = np.int64(-1)
    value = 0.0
    words = marks.view(np.uint64)
    for start in range(0, row.size, STRIDE):
        part = row[start : min(start + STRIDE, row.size)]
        undecided = False
        t = begin
        while t < end:
            lo, hi = low[t], high[t]
            over = np.int32(0)
            reached = np.int32(0)
            for k in range(part.size):
                over = np.int32(over + (part[k] > hi))
                reached = np.int32(reached + (part[k] >= lo))
            if reached > over:
                if not undecided:
                    marks[:] = 0
                    undecided = True
                for k in range(part.size):
                    marks[k] |= (part[k] >= lo) & (part[k] <= hi)
            here = values[t]
            while t < end and values[t] == here:  # equal thresholds have equal counts
                above[t] += over
                t += 1
        if not undecided:
            continue
        for word in range(words.size):
            if words[word] == 0:
                continue
            for k in range(8 * word, 8 * word + 8):
                if marks[k] == 0:
                    continue
                entry = part[k]
                if exact:
                    value = np.float64(entry)
                else:
                    column = first + start + k
                    rechecked += 1
                    if rows.twin[column] != last_twin:
                        value = pair_value(rows.x, query, column, rows.shift, rows.norm, rows.distance)
                        last_twin = rows.twin[column]
                for t in range(begin, end):
                    if low[t] <= entry <= high[t]:
                        if value > values[t]:
                            above[t] += 1
                        elif value == values[t]:
                            tied[t] += 1
    return rechecked


@njit
def _count_many(rows, query, first, row, exact, slots, scratch):
    """Search each entry of a tile row in the thresholds; entries inside a band are decided in float64.

    The bucket of a value does not fall as the value rises, rounding included; so thresholds in lower buckets are
    below an entry, those in higher buckets above it, and only those of its own are compared. scratch: table
    (b + 1,) int32, bucket (w,) int32, steps (p + 1,) int64, and edge (2,) of the type of the tile, so that no wider
    arithmetic creeps in.
    """
    values, low, high, above, tied = slots
    table, bucket, steps, edge = scratch
    p = values.size
    base = high[0]
    zero = base - base
    edge[0] = (table.size - 1) / (high[p - 1] - base)
    edge[1] = table.size - 2
    scale, top = edge[0], edge[1]
    if not scale < 1e30:  # one threshold, or thresholds too near for equal buckets
        scale = zero
    for b in range(table.size):
        table[b] = 0
    for t in range(p):
        place = (high[t] - base) * scale
        table[np.int32(place if place < top else top) + 1] += 1
    for b in range(1, table.size):
        table[b] += table[b - 1]
    for k in range(row.size):
        place = (row[k] - base) * scale
        place = place if place > zero else zero  # also where minus infinity makes a NaN
        bucket[k] = np.int32(place if place < top else top)
    steps[: p + 1] = 0
    rechecked = 0
    last_twin = np.int64(-1)
    value = 0.0
    for k in range(row.size):
        entry = row[k]
        under, end = table[bucket[k]], table[bucket[k] + 1]
        if end - under > SCANNED:
            under += first_at_least(high[under:end], entry)
        else:
            while under < end and high[under] < entry:
                under += 1
        if under == p or low[under] > entry:
            steps[under] += 1
            continue
        if exact:
            value = np.float64(entry)
        else:
            rechecked += 1
            if rows.twin[first + k] != last_twin:
                value = pair_value(rows.x, query, first + k, rows.shift, rows.norm, rows.distance)
                last_twin = rows.twin[first + k]
        under = first_at_least(values, value)
        steps[under] += 1
        while under < p and values[under] == value:
            tied[under] += 1
            under += 1
    running = 0
    for t in range(p - 1, -1, -1):
        running += steps[t + 1]
        above[t] += running
    return rechecked


@njit
def count_tile(rows, queries, offsets, tile, width, first, few, exact, slots):
    """Add the negatives of one tile to the counts of its queries.

    tile (q, s) holds in its first w columns the similarities of the queries to the places first .. first + w, minus
    infinity where there is no negative: float32 approximations, or float64 ranking values when `exact`. Up to `few`
    positives a query, the tile row is compared with each threshold; above that, each entry is searched in the
    thresholds. Returns how many entries were rechecked.
    """
    most = 0
    for q in range(queries.size):
        most = max(most, offsets[q + 1] - offsets[q])
    if most <= few:
        most = 0
    table = np.empty(min(most * BUCKETS, width) + 1, np.int32)
    bucket = np.empty(width if most else 0, np.int32)
    steps = np.empty(most + 1, np.int64)
    edge = np.empty(2, tile.dtype)
    marks = np.empty(STRIDE, np.uint8)
    rechecked = 0
    for q in range(queries.size):
        start, stop = offsets[q], offsets[q + 1]
        if stop == start:
            continue
        if stop - start <= few:
            rechecked += _count_few(
                rows, queries[q], first, tile[q, :width], exact, slots, start, stop, marks
            )  # fmt: skip
        else:
            scratch = table[: min((stop - start) * BUCKETS, width) + 1], bucket, steps, edge
            part = Slots(
                slots.values[start:stop], slots.low[start:stop], slots.high[start:stop], slots.above[start:stop],
                slots.tied[start:stop],
            )  # fmt: skip
            rechecked += _count_many(rows, queries[q], first, tile[q, :width], exact, part, scratch)
    return rechecked


@njit
def count_direct(rows, queries, bounds, offsets, include, exclude, slots):
    """Count in float64, one pair after the other, for lists too short for a tile.

    bounds (q, 4): candidates of a query are the places bounds[0]..bounds[1] and bounds[2]..bounds[3].
    """
    limited = include.key_rows.size > 0
    for q in range(queries.size):
        start, stop = offsets[q], offsets[q + 1]
        if stop == start:
            continue
        query = queries[q]
        values, above, tied = slots.values[start:stop], slots.above[start:stop], slots.tied[start:stop]
        for side in range(0, 4, 2):
            for other in range(bounds[q, side], bounds[q, side + 1]):
                if other == query or shares_key(exclude, query, other):
                    continue
                if not limited or shares_key(include, query, other):
                    value = pair_value(rows.x, query, other, rows.shift, rows.norm, rows.distance)
                    _place(value, values, above, tied)
