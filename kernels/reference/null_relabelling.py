"""Average precision of relabelled rows, by definition: the labels change places, the similarities stay.

Random numbers are those of `null.sample_ap`: draw i of a stream depends on (key, i) and the sizes alone, so draws may
be made in any order and number.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .average_precision import average_precision
from .null import _GOLDEN, _WORD, _mix

__all__ = ["ranked_sums", "relabelled_ap", "relabelled_sums", "sample_sets", "shuffle_cells"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def shuffle_cells(key: int, first: int, count: int, offsets: Ints) -> Ints:
    """Exchange rows at random within cells (Fisher and Yates).

    Parameters
    ----------
    key : int
        From `null.stream_key`.
    first, count : int
        Which draws.
    offsets : ndarray of int64, shape (c + 1,)
        Places of cell i are those from ``offsets[i]`` to ``offsets[i + 1]``.

    Returns
    -------
    ndarray of int64, shape (count, offsets[-1])
        The row that stands at each place; row i stands at place i before.
    """
    result = np.tile(np.arange(offsets[-1]), (count, 1))
    for i in range(count):
        state = _mix((key + (first + i + 1) * _GOLDEN) & _WORD)
        for start, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
            for at in range(end - 1, start, -1):
                state = (state + _GOLDEN) & _WORD
                other = start + int((_mix(state) >> 11) * 2.0**-53 * (at - start + 1))
                result[i, [at, other]] = result[i, [other, at]]
    return result


def sample_sets(key: int, first: int, count: int, offsets: Ints, taken: Ints) -> Ints:
    """Choose rows of cells at random, without repetition (Floyd).

    Parameters
    ----------
    key, first, count
        As in `shuffle_cells`.
    offsets : ndarray of int64, shape (c + 1,)
        Rows of cell i are those from ``offsets[i]`` to ``offsets[i + 1]``.
    taken : ndarray of int64, shape (c,)
        How many of each cell are chosen.

    Returns
    -------
    ndarray of int64, shape (count, sum of taken)
        The rows of each draw, ascending.
    """
    result = np.empty((count, int(taken.sum())), np.int64)
    for i in range(count):
        state = _mix((key + (first + i + 1) * _GOLDEN) & _WORD)
        chosen: set[int] = set()
        for start, end, k in zip(offsets[:-1].tolist(), offsets[1:].tolist(), taken.tolist(), strict=True):
            for top in range(end - start - k, end - start):
                state = (state + _GOLDEN) & _WORD
                drawn = start + int((_mix(state) >> 11) * 2.0**-53 * (top + 1))
                chosen.add(start + top if drawn in chosen else drawn)
        result[i] = sorted(chosen)
    return result


def relabelled_ap(
    values: Floats,
    rows: Ints,
    queries: Ints,
    pos_offsets: Ints,
    positives: Ints,
    neg_offsets: Ints,
    negatives: Ints,
    ties: str,
) -> Floats:
    """AP of the queries of a group when other rows stand at its places.

    Parameters
    ----------
    values : ndarray of float64, shape (u, u)
        Ranking value of each two rows.
    rows : ndarray of int64, shape (m, u)
        The row that stands at each place, for each relabelling.
    queries : ndarray of int64, shape (q,)
        Places of the queries.
    pos_offsets, neg_offsets : ndarray of int64, shape (q + 1,)
        Bounds of the lists of each query.
    positives, negatives : ndarray of int64
        The places of the positives and negatives; every query has a positive.
    ties : {"expected", "optimistic", "pessimistic"}
        See `average_precision`.

    Returns
    -------
    ndarray of float64, shape (m, q)
        AP of each query under each relabelling.
    """
    result = np.empty((len(rows), len(queries)))
    for i, standing in enumerate(rows):
        for q, query in enumerate(queries):
            mine = values[standing[query]]
            v = mine[standing[positives[pos_offsets[q] : pos_offsets[q + 1]]]]
            w = mine[standing[negatives[neg_offsets[q] : neg_offsets[q + 1]]]]
            above, tied = (w > v[:, None]).sum(axis=1), (w == v[:, None]).sum(axis=1)
            result[i, q] = average_precision(np.array([0, len(v)]), v, above, tied, ties)[0]
    return result


def relabelled_sums(
    queries: Ints,
    offsets: Ints,
    mates: Ints,
    values: Floats,
    above: Ints,
    tied: Ints,
    negative: npt.NDArray[np.bool_],
    extra_offsets: Ints,
    extras: Ints,
    draw_offsets: Ints,
    draws: Ints,
    sets: Ints,
    blocks: Ints,
    ties: str,
) -> tuple[Floats, Ints]:
    """Add up the AP of queries over the sets of rows that are given a label at random.

    In set K the positives of a query are the other rows of K (of its block), and its negatives those of the rule that
    are not in K. How many negatives of the rule outrank a positive is known, whoever is in K; those in K are taken off.

    Parameters
    ----------
    queries : ndarray of int64, shape (q,)
        Row of each query.
    offsets : ndarray of int64, shape (q + 1,)
        Bounds of what is known of each query.
    mates : ndarray of int64, shape (e,)
        Rows that stand in a set with the query, ascending.
    values : ndarray of float64, shape (e,)
        Ranking value of query and mate.
    above, tied : ndarray of int64, shape (e,)
        Negatives of the query, by the rule, that are above the mate, and equal to it (itself, where it is one of them).
    negative : ndarray of bool, shape (e,)
        Whether the mate is a negative of the query, by the rule.
    extra_offsets : ndarray of int64, shape (q + 1,)
        Bounds of the extras of each query.
    extras : ndarray of int64
        Rows, all among its mates, that are negatives as well when they are not in the set.
    draw_offsets : ndarray of int64, shape (q + 1,)
        Bounds of the draws of each query.
    draws : ndarray of int64
        The sets in which the query stands, all of whose rows are among its mates.
    sets : ndarray of int64, shape (m, k)
        The rows of each set, ascending.
    blocks : ndarray of int64, shape (n,)
        Rows of one number can be positives of each other.
    ties : {"expected", "optimistic", "pessimistic"}
        See `average_precision`.

    Returns
    -------
    sums : ndarray of float64, shape (m,)
        Sum of the AP of the queries in each set.
    counts : ndarray of int64, shape (m,)
        How many of them have a positive.
    """
    sums, counts = np.zeros(len(sets)), np.zeros(len(sets), np.int64)
    for q, query in enumerate(queries):
        known = slice(offsets[q], offsets[q + 1])
        where = {row: i for i, row in enumerate(mates[known].tolist(), start=int(offsets[q]))}
        for draw in draws[draw_offsets[q] : draw_offsets[q + 1]]:
            chosen = [where[row] for row in sets[draw].tolist() if row != query]
            positives = [i for i in chosen if blocks[mates[i]] == blocks[query]]
            if not positives:
                continue
            members = set(sets[draw].tolist())
            more = [
                where[row] for row in extras[extra_offsets[q] : extra_offsets[q + 1]].tolist() if row not in members
            ]
            less = [i for i in chosen if negative[i]]
            v = values[positives]
            higher = (
                above[positives] + (values[more] > v[:, None]).sum(axis=1) - (values[less] > v[:, None]).sum(axis=1)
            )
            equal = (
                tied[positives] + (values[more] == v[:, None]).sum(axis=1) - (values[less] == v[:, None]).sum(axis=1)
            )
            sums[draw] += average_precision(np.array([0, len(v)]), v, higher, equal, ties)[0]
            counts[draw] += 1
    return sums, counts


def ranked_sums(
    table: npt.NDArray[np.unsignedinteger], inverse: Floats, draw_offsets: Ints, draws: Ints, sets: Ints
) -> Floats:
    """Add up the AP of queries over sets of rows, where all other rows of the block are in the list, and none is tied.

    A row that is no positive is then a negative, so that the list of a query does not depend on the set, and AP is the
    mean of i / rank over the positives, i counting them from the best.

    Parameters
    ----------
    table : ndarray of uint16 or uint32, shape (q, n)
        Rank of each row in the list of each query, 1 the best; 0 for the query itself.
    inverse : ndarray of float64, shape (r,)
        1 / rank for each rank in the table, and 0 for rank 0.
    draw_offsets : ndarray of int64, shape (q + 1,)
        Bounds of the draws of each query.
    draws : ndarray of int64
        The sets in which the query stands, with rows that it ranks alone.
    sets : ndarray of int32 or int64, shape (m, k)
        The rows of each set, k >= 2.

    Returns
    -------
    ndarray of float64, shape (m,)
        Sum of the AP of the queries in each set.
    """
    sums = np.zeros(len(sets))
    for q, ranks in enumerate(table):
        for draw in draws[draw_offsets[q] : draw_offsets[q + 1]]:
            mine = np.sort(ranks[sets[draw]])[1:]  # without itself
            sums[draw] += (np.arange(1, len(mine) + 1) * inverse[mine]).mean()
    return sums
