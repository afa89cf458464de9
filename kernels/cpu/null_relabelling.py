"""Compiled forms of `reference.null_relabelling`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..compile import njit
from ..names import TIES
from .average_precision import add_run
from .null import _GOLDEN, _S11, _mix

__all__ = ["ranked_sums", "relabelled_ap", "relabelled_sums", "sample_sets", "shuffle_cells"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_LANES = 16  # sets at a time


def shuffle_cells(key: int, first: int, count: int, offsets: Any) -> Ints:
    """Exchange rows at random within cells; arguments as in the reference."""
    result = np.empty((count, int(offsets[-1])), np.int64)
    _shuffle_cells(np.uint64(key), first, offsets, result)
    return result


@njit
def _shuffle_cells(key, first, offsets, result):
    """Write what `shuffle_cells` returns to `result`."""
    for i in range(result.shape[0]):
        state = _mix(key + np.uint64(first + i + 1) * _GOLDEN)
        for at in range(result.shape[1]):
            result[i, at] = at
        for cell in range(offsets.size - 1):
            start = offsets[cell]
            for at in range(offsets[cell + 1] - 1, start, -1):
                state = state + _GOLDEN
                other = start + np.int64(np.float64(_mix(state) >> _S11) * 2.0**-53 * (at - start + 1))
                held = result[i, at]
                result[i, at] = result[i, other]
                result[i, other] = held


def sample_sets(key: int, first: int, count: int, offsets: Any, taken: Any) -> Ints:
    """Choose rows of cells at random; arguments as in the reference."""
    result = np.empty((count, int(taken.sum())), np.int64)
    _sample_sets(np.uint64(key), first, offsets, taken, np.zeros(int(offsets[-1]), np.uint8), result)
    return result


@njit
def _sample_sets(key, first, offsets, taken, marked, result):
    """Write what `sample_sets` returns to `result`; marked (rows,), all zero, is scratch."""
    for i in range(result.shape[0]):
        state = _mix(key + np.uint64(first + i + 1) * _GOLDEN)
        filled = 0
        for cell in range(taken.size):
            start = offsets[cell]
            size = offsets[cell + 1] - start
            for top in range(size - taken[cell], size):
                state = state + _GOLDEN
                drawn = start + np.int64(np.float64(_mix(state) >> _S11) * 2.0**-53 * (top + 1))
                if marked[drawn]:
                    drawn = start + top
                marked[drawn] = 1
                at = filled
                while at > 0 and result[i, at - 1] > drawn:
                    result[i, at] = result[i, at - 1]
                    at -= 1
                result[i, at] = drawn
                filled += 1
        for at in range(filled):
            marked[result[i, at]] = 0


@njit
def _sorted_ap(values, above, tied, n, ties):
    """AP of the first n positives, sorted from high to low; the arithmetic of `reference.average_precision`."""
    total = 0.0
    first = 0
    while first < n:
        last = first + 1
        while last < n and values[last] == values[first]:
            last += 1
        total = add_run(total, first, last - first, above[first], tied[first], ties)
        first = last
    return total / n


@njit
def _outranked(values, n, value):
    """Return how many of the first n values, from high to low, are above a value."""
    low, high = 0, n
    while low < high:
        middle = (low + high) // 2
        if values[middle] > value:
            low = middle + 1
        else:
            high = middle
    return low


def relabelled_ap(
    values: Any, rows: Any, queries: Any, pos_offsets: Any, positives: Any, neg_offsets: Any, negatives: Any, ties: str
) -> Floats:
    """AP of the queries of a group under relabellings; arguments as in the reference."""
    result = np.empty((len(rows), len(queries)))
    most = int(np.diff(pos_offsets).max(initial=0))
    sorted_values, counts = np.empty(most), np.empty((2, most + 1), np.int64)
    code = TIES.index(ties)
    _relabelled_ap(
        values,
        rows,
        queries,
        pos_offsets,
        positives,
        neg_offsets,
        negatives,
        code,
        sorted_values,
        counts,
        result,
    )
    return result


@njit
def _relabelled_ap(values, rows, queries, pos_offsets, positives, neg_offsets, negatives, ties, best, counts, result):
    """Write what `relabelled_ap` returns to `result`; best (P,) and counts (2, P + 1) are scratch."""
    above, tied = counts[0], counts[1]
    for i in range(rows.shape[0]):
        for q in range(queries.size):
            mine = values[rows[i, queries[q]]]
            n = 0
            for at in range(pos_offsets[q], pos_offsets[q + 1]):
                value = mine[rows[i, positives[at]]]
                place = n
                while place > 0 and best[place - 1] < value:
                    best[place] = best[place - 1]
                    place -= 1
                best[place] = value
                n += 1
            for at in range(n + 1):
                above[at] = 0
                tied[at] = 0
            for at in range(neg_offsets[q], neg_offsets[q + 1]):
                value = mine[rows[i, negatives[at]]]
                # the positives from here on are outranked, but for those that are equal
                place = _outranked(best, n, value)
                while place < n and best[place] == value:
                    tied[place] += 1
                    place += 1
                above[place] += 1
            for at in range(1, n):
                above[at] += above[at - 1]
            result[i, q] = _sorted_ap(best, above, tied, n, ties)


def relabelled_sums(
    queries: Any,
    offsets: Any,
    mates: Any,
    values: Any,
    above: Any,
    tied: Any,
    negative: Any,
    extra_offsets: Any,
    extras: Any,
    draw_offsets: Any,
    draws: Any,
    sets: Any,
    blocks: Any,
    ties: str,
) -> tuple[Floats, Ints]:
    """Add up the AP of queries over sets of rows; arguments as in the reference."""
    sums, counts = np.zeros(len(sets)), np.zeros(len(sets), np.int64)
    k = sets.shape[1]
    where, held = np.full(len(blocks), -1, np.int64), np.zeros(len(blocks), np.int64)
    best, space = np.empty((2, k + 1)), np.empty((6, k + 1), np.int64)
    _relabelled_sums(
        queries,
        offsets,
        mates,
        values,
        above,
        tied,
        negative,
        extra_offsets,
        extras,
        draw_offsets,
        draws,
        sets,
        blocks,
        TIES.index(ties),
        where,
        held,
        best,
        space,
        sums,
        counts,
    )
    return sums, counts


@njit
def _relabelled_sums(
    queries,
    offsets,
    mates,
    values,
    above,
    tied,
    negative,
    extra_offsets,
    extras,
    draw_offsets,
    draws,
    sets,
    blocks,
    ties,
    where,
    held,
    best,
    space,
    sums,
    counts,
):
    """Add to sums and counts; where (n,), all -1, held (n,), all 0, best (2, k + 1), space (6, k + 1): scratch."""
    order, higher, equal = space[0], space[1], space[2]
    stamp = 0
    for q in range(queries.size):
        query = queries[q]
        for at in range(offsets[q], offsets[q + 1]):
            where[mates[at]] = at
        for d in range(draw_offsets[q], draw_offsets[q + 1]):
            draw = draws[d]
            # all other rows of the set, from high to low
            n = 0
            for at in range(sets.shape[1]):
                row = sets[draw, at]
                if row == query:
                    continue
                known = where[row]
                place = n
                while place > 0 and values[order[place - 1]] < values[known]:
                    order[place] = order[place - 1]
                    place -= 1
                order[place] = known
                n += 1
            # positives among them, with the negatives by the rule that are not in the set
            p = 0
            off = 0  # rows of the set above that the rule has as negatives
            first = 0
            while first < n:
                value = values[order[first]]
                last = first
                same = 0
                while last < n and values[order[last]] == value:
                    if negative[order[last]]:
                        same += 1
                    last += 1
                for at in range(first, last):
                    known = order[at]
                    if blocks[mates[known]] == blocks[query]:
                        best[0, p] = value
                        higher[p] = above[known] - off
                        equal[p] = tied[known] - same
                        p += 1
                off += same
                first = last
            if p == 0:
                continue
            if extra_offsets[q] < extra_offsets[q + 1]:
                stamp += 1
                for at in range(sets.shape[1]):
                    held[sets[draw, at]] = stamp
                for e in range(extra_offsets[q], extra_offsets[q + 1]):
                    if held[extras[e]] == stamp:
                        continue
                    value = values[where[extras[e]]]
                    place = _outranked(best[0], p, value)
                    while place < p and best[0, place] == value:
                        equal[place] += 1
                        place += 1
                    while place < p:
                        higher[place] += 1
                        place += 1
            sums[draw] += _sorted_ap(best[0], higher, equal, p, ties)
            counts[draw] += 1


def ranked_sums(table: Any, inverse: Any, draw_offsets: Any, draws: Any, sets: Any) -> Floats:
    """Add up the AP of queries over sets of rows of plain lists; arguments as in the reference."""
    sums = np.zeros(len(sets))
    shares, terms, totals = np.empty(table.shape[1]), np.empty((sets.shape[1], _LANES)), np.empty(_LANES)
    _ranked_sums(table, inverse, draw_offsets, draws, sets, shares, terms, totals, sums)
    return sums


@njit
def _ranked_sums(table, inverse, draw_offsets, draws, sets, shares, terms, totals, sums):
    """Add to sums; shares (n,), terms (k, _LANES) and totals (_LANES,) are scratch.

    The i-th best of the positives adds i / rank: one for itself and one for each that is better, so that pairs add the
    lesser of their two 1 / rank, and nothing is sorted. Pairs of _LANES sets are looked at together.
    """
    k = sets.shape[1]
    for q in range(table.shape[0]):
        if draw_offsets[q] == draw_offsets[q + 1]:
            continue
        for row in range(shares.size):
            shares[row] = inverse[table[q, row]]
        for first in range(draw_offsets[q], draw_offsets[q + 1], _LANES):
            n = min(_LANES, draw_offsets[q + 1] - first)
            for lane in range(n):
                draw = draws[first + lane]
                for a in range(k):
                    terms[a, lane] = shares[sets[draw, a]]
            for lane in range(n, _LANES):
                for a in range(k):
                    terms[a, lane] = 0.0
            for lane in range(_LANES):
                totals[lane] = 0.0
            for a in range(k):
                mine = terms[a]
                for lane in range(_LANES):
                    totals[lane] += mine[lane]
                for b in range(a):
                    other = terms[b]
                    for lane in range(_LANES):
                        u = mine[lane]
                        v = other[lane]
                        totals[lane] += u if u < v else v
            for lane in range(n):
                sums[draws[first + lane]] += totals[lane] / (k - 1)
