"""Compiled inner loops of the ranking: thresholds, counting on a float32 tile, counting without a tile.

Shapes: n rows, d features, q queries, m positives of all queries together, w columns of a tile.
Rows are numbered by their place in the order of `ranking.prepare`.
"""

from __future__ import annotations

import numpy as np

from ..compile import njit
from ..reference.similarity import LANES
from .pairs import shares_key
from .similarity import ABS_COSINE, pair_value

__all__ = ["count_direct", "count_tile", "thresholds"]

#: Columns after which the band is looked at, so that a scalar second look covers few entries.
STRIDE = 512
MASKED = np.float32(-np.inf)


@njit
def thresholds(x, shift, norm, distance, queries, offsets, positives, delta, values, order, low, high):
    """Fill the thresholds of each query, ascending.

    values (m,) float64: ranking values, ascending within a query. order (m,) int64: the place of each in
    `positives`. low, high (m,) float32: below low / above high is decided by a float32 value with error <= delta.
    """
    lanes = np.empty(LANES)
    for q in range(queries.size):
        start, stop = offsets[q], offsets[q + 1]
        if stop == start:
            continue
        mine = np.empty(stop - start)
        for slot in range(start, stop):
            mine[slot - start] = pair_value(x, queries[q], positives[slot], shift, norm, distance, lanes)
        rank = np.argsort(mine, kind="mergesort")
        for place in range(stop - start):
            slot = start + place
            values[slot] = mine[rank[place]]
            order[slot] = start + rank[place]
            low[slot] = np.float32(values[slot] - delta)
            high[slot] = np.float32(values[slot] + delta)


@njit
def _first_at_least(sorted_values, value):
    """Count entries of an ascending array that are < value."""
    left, right = 0, sorted_values.size
    while left < right:
        middle = (left + right) // 2
        if sorted_values[middle] < value:
            left = middle + 1
        else:
            right = middle
    return left


@njit
def _first_above(sorted_values, value):
    """Count entries of an ascending array that are <= value."""
    left, right = 0, sorted_values.size
    while left < right:
        middle = (left + right) // 2
        if sorted_values[middle] <= value:
            left = middle + 1
        else:
            right = middle
    return left


@njit
def _blank_row(row, query, first, include, exclude, allowed):
    """Set to minus infinity what is not a negative of `query` in a tile row that starts at column `first`."""
    stop = first + row.size
    if first <= query < stop:
        row[query - first] = MASKED
    for slot in range(exclude.row_offsets[query], exclude.row_offsets[query + 1]):
        key = exclude.row_keys[slot]
        rows = exclude.key_rows[exclude.key_offsets[key] : exclude.key_offsets[key + 1]]
        for place in range(_first_at_least(rows, first), rows.size):
            if rows[place] >= stop:
                break
            row[rows[place] - first] = MASKED
    if include.key_rows.size > 0:
        allowed[: row.size] = 0
        for slot in range(include.row_offsets[query], include.row_offsets[query + 1]):
            key = include.row_keys[slot]
            rows = include.key_rows[include.key_offsets[key] : include.key_offsets[key + 1]]
            for place in range(_first_at_least(rows, first), rows.size):
                if rows[place] >= stop:
                    break
                allowed[rows[place] - first] = 1
        for k in range(row.size):
            if allowed[k] == 0:
                row[k] = MASKED


@njit
def _count_few(x, shift, norm, distance, twin, query, first, row, values, low, high, above, tied, lanes):
    """Compare a tile row with each threshold; an entry inside a band is decided in float64, once for all bands.

    A candidate equal to the one decided before it (same twin) has the same value, which keeps collapsed
    embeddings, where nothing is decided in float32, affordable.
    """
    rechecked = 0
    last_twin = np.int64(-1)
    value = 0.0
    n_thresholds = values.size
    for start in range(0, row.size, STRIDE):
        part = row[start : min(start + STRIDE, row.size)]
        undecided = 0
        t = 0
        while t < n_thresholds:
            lo, hi = low[t], high[t]
            over = np.int32(0)
            inside_or_over = np.int32(0)
            for k in range(part.size):
                over += np.int32(part[k] > hi)
                inside_or_over += np.int32(part[k] >= lo)
            undecided += inside_or_over - over
            here = values[t]
            while t < n_thresholds and values[t] == here:  # equal thresholds have equal counts
                above[t] += over
                t += 1
        if undecided == 0:
            continue
        for k in range(part.size):
            entry = part[k]
            known = False
            for t in range(n_thresholds):
                if low[t] <= entry <= high[t]:
                    if not known:
                        column = first + start + k
                        if twin[column] != last_twin:
                            value = pair_value(x, query, column, shift, norm, distance, lanes)
                            last_twin = twin[column]
                        known = True
                        rechecked += 1
                    if value > values[t]:
                        above[t] += 1
                    elif value == values[t]:
                        tied[t] += 1
    return rechecked


@njit
def _place(value, values, above, tied):
    """Add one negative of known value to differences `above` (p + 1,) and to `tied` (p,)."""
    under = _first_at_least(values, value)
    above[0] += 1
    above[under] -= 1
    while under < values.size and values[under] == value:
        tied[under] += 1
        under += 1


@njit
def _count_many(x, shift, norm, distance, twin, query, first, row, values, low, high, above, tied, lanes):
    """Search each entry of a tile row in the thresholds; entries inside a band are decided in float64."""
    rechecked = 0
    last_twin = np.int64(-1)
    value = 0.0
    steps = np.zeros(values.size + 1, np.int64)
    for k in range(row.size):
        entry = row[k]
        if entry == MASKED:
            continue
        under = _first_at_least(high, entry)
        if under == _first_above(low, entry):
            steps[0] += 1
            steps[under] -= 1
        else:
            rechecked += 1
            if twin[first + k] != last_twin:
                value = pair_value(x, query, first + k, shift, norm, distance, lanes)
                last_twin = twin[first + k]
            _place(value, values, steps, tied)
    running = 0
    for t in range(values.size):
        running += steps[t]
        above[t] += running
    return rechecked


@njit
def count_tile(
    x, shift, norm, distance, twin, queries, offsets, tile, first, few, include, exclude, values, low, high, above, tied
):
    """Add the negatives of one tile to the counts of its queries.

    tile (q, w) float32 holds the float32 similarities of the queries to rows first .. first + w; it is overwritten.
    above, tied (m,) int64 are added to, in the order of `values`. Up to `few` positives a query, the tile row is
    compared with each threshold; above that, each entry is searched in the thresholds. Returns how many entries
    were rechecked.
    """
    lanes = np.empty(LANES)
    allowed = np.empty(tile.shape[1] if include.key_rows.size > 0 else 0, np.uint8)
    rechecked = 0
    for q in range(queries.size):
        start, stop = offsets[q], offsets[q + 1]
        if stop == start:
            continue
        row = tile[q]
        if distance == ABS_COSINE:
            for k in range(row.size):
                row[k] = abs(row[k])
        _blank_row(row, queries[q], first, include, exclude, allowed)
        if stop - start <= few:
            rechecked += _count_few(
                x, shift, norm, distance, twin, queries[q], first, row, values[start:stop], low[start:stop],
                high[start:stop], above[start:stop], tied[start:stop], lanes,
            )  # fmt: skip
        else:
            rechecked += _count_many(
                x, shift, norm, distance, twin, queries[q], first, row, values[start:stop], low[start:stop],
                high[start:stop], above[start:stop], tied[start:stop], lanes,
            )  # fmt: skip
    return rechecked


@njit
def count_direct(x, shift, norm, distance, queries, bounds, offsets, include, exclude, values, above, tied):
    """Count in float64, one pair after the other: for distances without a product form and for short lists.

    bounds (q, 4): candidates of a query are rows bounds[0]..bounds[1] and bounds[2]..bounds[3].
    """
    lanes = np.empty(LANES)
    limited = include.key_rows.size > 0
    for q in range(queries.size):
        start, stop = offsets[q], offsets[q + 1]
        if stop == start:
            continue
        query = queries[q]
        steps = np.zeros(stop - start + 1, np.int64)
        mine = values[start:stop]
        for side in range(0, 4, 2):
            for other in range(bounds[q, side], bounds[q, side + 1]):
                if other == query or shares_key(exclude, query, other):
                    continue
                if not limited or shares_key(include, query, other):
                    _place(pair_value(x, query, other, shift, norm, distance, lanes), mine, steps, tied[start:stop])
        running = 0
        for t in range(stop - start):
            running += steps[t]
            above[start + t] += running
