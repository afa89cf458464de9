"""Compiled inner loops of the ranking: how many entries of a tile row lie above each threshold.

Shapes: q queries, m positives of all queries together, w columns of a tile. Rows are numbered by place.

Few thresholds are compared one by one: the loops over a tile row add 0 or 1 to 32-bit counters, which compiles to
full-width vector compares (Numba widens a sum of two 32-bit integers to 64 bits, hence the casts). Many thresholds
are searched, all entries of a row together (`_search`). Both leave what lies inside a band to the float64 arithmetic
of the definition.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...compile import njit
from ..pairs import first_at_least, shares_key
from ..similarity import pair_value
from .rows import Rows

__all__ = ["GAP", "Slots", "count_direct", "count_tile", "fill_tables", "gather_counts"]

#: Columns after which bands are looked at; a multiple of 8.
STRIDE = 512
#: Columns of a tile that are turned together: so many rows of them stay in the second-level cache.
TURNED = 32
#: Floats between the rows of a tile, see `tiles`.
GAP = 16


class Slots(NamedTuple):
    """One entry for each positive, ascending within its query.

    Below `low` or above `high`, an entry of a tile is decided. Exact tiles have low = high = values. Where a query has
    many thresholds, `above` holds while it is counted how many negatives lie above a threshold and not above the next,
    so that an entry changes one number; `gather_counts` adds them up.
    """

    values: npt.NDArray[np.float64]  # (m,) ranking values of the positives
    low: npt.NDArray[np.floating]  # (m,)
    high: npt.NDArray[np.floating]  # (m,)
    above: npt.NDArray[np.int32]  # (m,) negatives above it, added to
    tied: npt.NDArray[np.int32]  # (m,) negatives equal to it, added to
    #: (m,) where they are searched: how many of the query's thresholds lie below each of as many equal buckets of their
    #: range. That is none for the first, in whose place is the most that share a bucket.
    table: npt.NDArray[np.int32]


class Scratch(NamedTuple):
    """Room for the rows of one tile; numbers of the type of the tile, so that no wider arithmetic creeps in."""

    marks: npt.NDArray[np.uint8]  # (at least w, a multiple of 8) undecided entries
    words: npt.NDArray[np.uint64]  # the same memory, eight at a time
    table: npt.NDArray[np.int32]  # (p,) thresholds below each bucket
    under: npt.NDArray[np.uint32]  # (w,) thresholds below each entry
    steps: npt.NDArray[np.int32]  # (p + 1,) entries by the number of thresholds below them
    low: npt.NDArray[np.floating]  # (p + 1,) edges of the thresholds, then infinity
    high: npt.NDArray[np.floating]  # (2 p + 8,)
    edge: npt.NDArray[np.floating]  # (2,)


@njit
def _place(value, values, above, tied, few):
    """Add one negative of known value to `above` and `tied`; see `Slots` for more than `few` thresholds."""
    under = first_at_least(values, value)
    for t in range(under - 1 if values.size > few and under > 0 else 0, under):
        above[t] += 1
    while under < values.size and values[under] == value:
        tied[under] += 1
        under += 1


@njit
def _count_few(rows, query, first, row, exact, slots, begin, end, words, marks):
    """Compare a tile row with thresholds begin..end; an entry inside bands is decided in float64.

    A candidate equal to the one decided before it (`Rows.duplicate_of`) has the same value, which keeps collapsed
    embeddings, where nothing is decided in float32, affordable. marks (STRIDE,) uint8 is scratch, words the same
    memory eight at a time. Loops run from zero over slices: an index that might be negative would keep the compiler
    from using vectors.
    """
    values, low, high, above, tied = slots.values, slots.low, slots.high, slots.above, slots.tied
    rechecked = 0
    last_decided = np.int64(-1)
    value = 0.0
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
                    for word in range(words.size):
                        words[word] = 0
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
                    other = rows.at[column]
                    if rows.duplicate_of[other] != last_decided:
                        value = pair_value(rows.x, rows.at[query], other, rows.shift, rows.norm, rows.distance)
                        last_decided = rows.duplicate_of[other]
                for t in range(begin, end):
                    if low[t] <= entry <= high[t]:
                        if value > values[t]:
                            above[t] += 1
                        elif value == values[t]:
                            tied[t] += 1
    return rechecked


@njit
def _set_scale(high, count, edge):
    """Write to edge (2,) by what a value above high[0] is multiplied, and the last of as many buckets as thresholds."""
    zero = high[0] - high[0]
    edge[0] = count / (high[count - 1] - high[0])
    edge[1] = count - 1
    if not edge[0] < 1e30:  # one threshold, or thresholds too near for equal buckets
        edge[0] = zero


@njit
def fill_tables(offsets, few, slots, edge):
    """Fill `Slots.table` for the queries with more than `few` thresholds; edge (2,), of the type of `high`, is scratch.

    Equal buckets of the value range say how many thresholds lie below a value, up to the few that share its bucket: the
    bucket of a value does not fall as the value rises, rounding included.
    """
    for q in range(offsets.size - 1):
        high, table = slots.high[offsets[q] : offsets[q + 1]], slots.table[offsets[q] : offsets[q + 1]]
        count = high.size
        if count <= few:
            continue
        _set_scale(high, count, edge)
        base, scale, top = high[0], edge[0], edge[1]
        for b in range(count):
            table[b] = 0
        for t in range(count):
            place = (high[t] - base) * scale
            table[np.int32(place if place < top else top)] += 1
        fullest, below = 0, 0
        for b in range(count):
            here = table[b]
            fullest = max(fullest, here)
            table[b] = below
            below += here
        table[0] = fullest


@njit
def _search(row, high, count, fullest, scratch):
    """Write to scratch.under how many of the ascending high[:count] are < each entry of a row.

    The table of the query says it up to the thresholds of a bucket (`fill_tables`). The rest is a bisection in as many
    steps as the fullest bucket needs, all entries together and without branches, which compiles to gathers. `high` goes
    on with infinity.
    """
    table, under, edge = scratch.table, scratch.under, scratch.edge
    _set_scale(high, count, edge)
    base, scale, top = high[0], edge[0], edge[1]
    zero = base - base
    for k in range(row.size):
        place = (row[k] - base) * scale
        place = place if place > zero else zero  # also where minus infinity makes a NaN
        under[k] = np.uint32(np.int32(place if place < top else top))
    if fullest < 8:  # as a rule
        for k in range(row.size):
            at = np.uint32(table[under[k]])
            at = np.uint32(at + np.uint32(4)) if high[np.uint32(at + np.uint32(3))] < row[k] else at
            at = np.uint32(at + np.uint32(2)) if high[np.uint32(at + np.uint32(1))] < row[k] else at
            under[k] = np.uint32(at + np.uint32(1)) if high[at] < row[k] else at
        return
    for k in range(row.size):
        under[k] = table[under[k]]
    width = np.uint32(1)
    while width <= fullest:
        width *= np.uint32(2)
    width //= np.uint32(2)
    while width > 0:
        last = np.uint32(width - np.uint32(1))
        for k in range(row.size):
            at = under[k]
            under[k] = np.uint32(at + width) if high[np.uint32(at + last)] < row[k] else at
        width //= np.uint32(2)


@njit
def _count_many(rows, query, first, row, exact, slots, begin, end, scratch):
    """Search each entry of a tile row in thresholds begin..end; entries inside a band are decided in float64."""
    values, above, tied = slots.values, slots.above, slots.tied
    under, marks, steps, low, high = scratch.under, scratch.marks, scratch.steps, scratch.low, scratch.high
    count = end - begin
    given_low, given_high, given_table = slots.low[begin:end], slots.high[begin:end], slots.table[begin:end]
    for t in range(given_low.size):
        low[t], high[t] = given_low[t], given_high[t]
        scratch.table[t] = given_table[t]
    scratch.table[0] = 0
    low[count] = np.inf
    for t in range(count, 2 * count + 8):
        high[t] = np.inf
    _search(row, high, count, np.int64(given_table[0]), scratch)
    undecided = np.int32(0)
    for k in range(row.size):
        undecided = np.int32(undecided + (low[under[k]] <= row[k]))
    for t in range(count + 1):
        steps[t] = 0
    for k in range(row.size):
        steps[under[k]] += 1
    rechecked = 0
    if undecided:
        last_decided = np.int64(-1)
        value = 0.0
        for k in range(row.size):
            marks[k] = low[under[k]] <= row[k]
        for k in range(row.size, marks.size):
            marks[k] = 0
        words = scratch.words
        for word in range(words.size):
            if words[word] == 0:
                continue
            for k in range(8 * word, 8 * word + 8):
                if marks[k] == 0:
                    continue
                at = np.int64(under[k])
                steps[at] -= 1
                if exact:
                    value = np.float64(row[k])
                else:
                    rechecked += 1
                    other = rows.at[first + k]
                    if rows.duplicate_of[other] != last_decided:
                        value = pair_value(rows.x, rows.at[query], other, rows.shift, rows.norm, rows.distance)
                        last_decided = rows.duplicate_of[other]
                while at < count and values[begin + at] < value:  # those before are surely below
                    at += 1
                steps[at] += 1
                while at < count and values[begin + at] == value:
                    tied[begin + at] += 1
                    at += 1
    above = above[begin:end]
    for t in range(above.size):
        above[t] = np.int32(above[t] + steps[t + 1])
    return rechecked


def count_tile(
    rows: Rows,
    queries: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int64],
    tile: npt.NDArray[np.floating],
    width: int,
    first: int,
    few: int,
    exact: bool,
    slots: Slots,
    column: int = -1,
) -> int:
    """Add the negatives of one tile to the counts of its queries.

    tile (q, s) holds in its first w columns the similarities of the queries to the places first .. first + w, minus
    infinity where there is no negative: float32 approximations, or float64 ranking values when `exact`. Up to `few`
    positives a query, the tile row is compared with each threshold; above that, each entry is searched in the
    thresholds. With a `column`, the tile is turned: its columns from that on are the queries, and its first w rows the
    places. Returns how many entries were rechecked.
    """
    sizes = np.diff(offsets)
    most, rechecked = int(sizes.max(initial=0)), 0
    turned = np.empty((min(TURNED, len(queries)) if column >= 0 else 0, width + GAP), tile.dtype)
    if sizes.size and sizes.min() <= few:
        words = np.empty(STRIDE // 8, np.uint64)
        rechecked += _count_rows_few(
            rows, queries, offsets, tile, width, first, few, exact, slots, words, words.view(np.uint8), turned, column
        )
    if most > few:
        words = np.empty(width // 8 + 1, np.uint64)
        scratch = Scratch(
            words.view(np.uint8),
            words,
            np.empty(most, np.int32),
            np.empty(width, np.uint32),
            np.empty(most + 1, np.int32),
            np.empty(most + 1, tile.dtype),
            np.empty(2 * most + 8, tile.dtype),
            np.empty(2, tile.dtype),
        )
        rechecked += _count_rows_many(
            rows, queries, offsets, tile, width, first, few, exact, slots, scratch, turned, column
        )
    return rechecked


@njit
def _turn(tile, column, last, turned, width):
    """Write the columns column .. last of the first w rows of a tile to the rows of `turned`."""
    for k in range(width):
        row = tile[k, column:last]
        for q in range(row.size):
            turned[q, k] = row[q]


@njit
def _count_rows_few(rows, queries, offsets, tile, width, first, few, exact, slots, words, marks, turned, column):
    """Count the tile rows of the queries with up to `few` positives; words, marks and turned are scratch."""
    rechecked = 0
    step = turned.shape[0] if column >= 0 else queries.size
    for block in range(0, queries.size, max(step, 1)):
        last = min(block + step, queries.size)
        if column >= 0:
            _turn(tile, column + block, column + last, turned, width)
        for q in range(block, last):
            start, stop = offsets[q], offsets[q + 1]
            if start < stop <= start + few:
                row = turned[q - block, :width] if column >= 0 else tile[q, :width]
                rechecked += _count_few(rows, queries[q], first, row, exact, slots, start, stop, words, marks)
    return rechecked


@njit
def _count_rows_many(rows, queries, offsets, tile, width, first, few, exact, slots, scratch, turned, column):
    """Count the tile rows of the queries with more than `few` positives."""
    rechecked = 0
    step = turned.shape[0] if column >= 0 else queries.size
    for block in range(0, queries.size, max(step, 1)):
        last = min(block + step, queries.size)
        if column >= 0:
            _turn(tile, column + block, column + last, turned, width)
        for q in range(block, last):
            start, stop = offsets[q], offsets[q + 1]
            if stop > start + few:
                row = turned[q - block, :width] if column >= 0 else tile[q, :width]
                rechecked += _count_many(rows, queries[q], first, row, exact, slots, start, stop, scratch)
    return rechecked


@njit
def count_direct(rows, queries, bounds, offsets, include, exclude, few, slots):
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
                    value = pair_value(rows.x, rows.at[query], rows.at[other], rows.shift, rows.norm, rows.distance)
                    _place(value, values, above, tied, few)


@njit
def gather_counts(offsets, order, few, slots, firsts, above, tied):
    """Write counts to above and tied (m,) int64, slots of the caller, whose lists begin at firsts (q,)."""
    for q in range(firsts.size):
        start, stop, first = offsets[q], offsets[q + 1], firsts[q]
        running = 0
        for slot in range(stop - 1, start - 1, -1):
            running = slots.above[slot] + (running if stop - start > few else 0)
            above[first + order[slot]] = running
            tied[first + order[slot]] = slots.tied[slot]
