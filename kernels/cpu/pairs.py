"""Compiled pair rules: partners by walking key lists, never an n x n table."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from ..codes import KeyIndex, LabelPartners, PairCodes, Partners, combined_code
from ..compile import njit
from .sort import sort_ascending

__all__ = ["count_partners", "first_at_least", "label_partners", "partners", "shares_key"]

Ints = npt.NDArray[np.int64]


@njit
def first_at_least(ascending, value):
    """Count entries of an ascending array that are < value."""
    left, right = 0, ascending.size
    while left < right:
        middle = (left + right) // 2
        if ascending[middle] < value:
            left = middle + 1
        else:
            right = middle
    return left


@njit
def shares_key(index, i, j):
    """Return whether rows i and j share a key. Both key lists ascend, so they are walked side by side."""
    a, last_a = index.row_offsets[i], index.row_offsets[i + 1]
    b, last_b = index.row_offsets[j], index.row_offsets[j + 1]
    while a < last_a and b < last_b:
        if index.row_keys[a] == index.row_keys[b]:
            return True
        if index.row_keys[a] < index.row_keys[b]:
            a += 1
        else:
            b += 1
    return False


@njit
def _walk_blocks(block, exclude, rows, offsets, out):
    """Write the partners of each row (ascending) to out[offsets[q] : offsets[q + 1]], without an include rule.

    An empty `out` only counts them: offsets[q + 1] becomes how many there are.
    """
    for q in range(rows.size):
        row = rows[q]
        key = block.row_keys[row]
        at = offsets[q] if out.size else 0
        for place in range(block.key_offsets[key], block.key_offsets[key + 1]):
            other = block.key_rows[place]
            if other != row and not shares_key(exclude, row, other):
                if out.size:
                    out[at] = other
                at += 1
        if not out.size:
            offsets[q + 1] = at


@njit
def _walk_lists(codes, rows, seen, space, offsets, out):
    """Do as `_walk_blocks` with an include rule; the shorter of a row's block and its include lists is walked.

    seen (n,) holds -1, and then the query that met a row last; space (n,) is scratch.
    """
    home = codes.block.row_keys
    for q in range(rows.size):
        row = rows[q]
        key = home[row]
        first, last = codes.block.key_offsets[key], codes.block.key_offsets[key + 1]
        listed = 0
        for slot in range(codes.include.row_offsets[row], codes.include.row_offsets[row + 1]):
            shared = codes.include.row_keys[slot]
            listed += codes.include.key_offsets[shared + 1] - codes.include.key_offsets[shared]
        start = offsets[q] if out.size else 0
        at = start
        if listed < last - first:
            seen[row] = q
            for slot in range(codes.include.row_offsets[row], codes.include.row_offsets[row + 1]):
                shared = codes.include.row_keys[slot]
                for place in range(codes.include.key_offsets[shared], codes.include.key_offsets[shared + 1]):
                    other = codes.include.key_rows[place]
                    if seen[other] != q:
                        seen[other] = q
                        if home[other] == key and not shares_key(codes.exclude, row, other):
                            if out.size:
                                out[at] = other
                            at += 1
            if out.size:
                sort_ascending(out[start:at], space)
        else:
            for place in range(first, last):
                other = codes.block.key_rows[place]
                if other == row or shares_key(codes.exclude, row, other):
                    continue
                if shares_key(codes.include, row, other):
                    if out.size:
                        out[at] = other
                    at += 1
        if not out.size:
            offsets[q + 1] = at


def _walk(codes: PairCodes, rows: npt.NDArray[np.integer], offsets: Ints, out: npt.NDArray[np.int32]) -> None:
    """Write the partners of each row, or count them; see `_walk_blocks`."""
    if codes.include.key_rows.size:
        n = len(codes.block.row_keys)
        _walk_lists(codes, rows, np.full(n, -1, np.int64), np.empty(n, np.int32), offsets, out)
    else:
        _walk_blocks(codes.block, codes.exclude, rows, offsets, out)


def count_partners(codes: PairCodes) -> npt.NDArray[np.int64]:
    """Partners of each row; see `reference.pairs.count_partners`.

    Where the excluded keys are columns, group sizes are counted and combined by inclusion and exclusion,
    O(n log n) for groups of any size. Otherwise (list columns, ``include``) the keys are walked.
    """
    width = codes.exclude.columns
    if len(codes.include.key_rows) or width > 3 or (width == 0 and len(codes.exclude.row_keys)):
        return _count_by_walking(codes)
    n = len(codes.block.row_offsets) - 1
    block = codes.block.row_keys.astype(np.int64)
    columns = codes.exclude.row_keys.reshape(n, width).astype(np.int64).T
    counts = _group_size([block]) - 1
    for size in range(1, width + 1):
        for chosen in combinations(columns, size):
            counts += (-1) ** size * (_group_size([block, *chosen]) - 1)
    return counts


def _group_size(keys: Sequence[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    """Return how many rows agree with each row in all keys."""
    code = combined_code(keys)
    return np.bincount(code)[code]


def _count_by_walking(codes: PairCodes) -> Ints:
    """Partners of each row, (n,) int64: the partners themselves, or the block without the excluded rows."""
    n = len(codes.block.row_offsets) - 1
    counts = np.zeros(n + 1, np.int64)
    if codes.include.key_rows.size:
        _walk(codes, np.arange(n), counts, np.empty(0, np.int32))
    else:
        _count_without_excluded(codes.block, codes.exclude, np.full(n, -1, np.int64), counts[1:])
    return counts[1:]


@njit
def _count_without_excluded(block, exclude, seen, counts):
    """Write to `counts` the other rows of each row's block without the excluded ones; seen (n,) holds -1."""
    home = block.row_keys
    for row in range(counts.size):
        key = home[row]
        left = block.key_offsets[key + 1] - block.key_offsets[key] - 1
        seen[row] = row
        for slot in range(exclude.row_offsets[row], exclude.row_offsets[row + 1]):
            shared = exclude.row_keys[slot]
            for place in range(exclude.key_offsets[shared], exclude.key_offsets[shared + 1]):
                other = exclude.key_rows[place]
                if seen[other] != row:
                    seen[other] = row
                    if home[other] == key:
                        left -= 1
        counts[row] = left


def partners(codes: PairCodes, rows: npt.NDArray[np.integer]) -> Partners:
    """Partners of the given rows; see `reference.pairs.partners`."""
    offsets = np.zeros(len(rows) + 1, np.int64)
    _walk(codes, rows, offsets, np.empty(0, np.int32))
    np.cumsum(offsets, out=offsets)
    found = np.empty(offsets[-1], np.int32)
    if found.size:
        _walk(codes, rows, offsets, found)
    return Partners(offsets, found)


def label_partners(codes: PairCodes, labels: KeyIndex, rows: npt.NDArray[np.integer]) -> LabelPartners:
    """Partners of each (row, label): see `reference.pairs.label_partners`.

    `codes` is the rule without its list column, `labels` the labels of that column.
    """
    others = np.diff(labels.key_offsets)[labels.row_keys] - 1  # of each label of a row
    before = np.concatenate([[0], np.cumsum(others)])
    first, last = labels.row_offsets[rows], labels.row_offsets[rows + 1]
    n_units = int((last - first).sum())
    query, label = np.empty((2, n_units), np.int32)
    offsets = np.zeros(n_units + 1, np.int64)
    found = np.empty(int((before[last] - before[first]).sum()), np.int32)
    u = _walk_labels(codes, labels, rows, query, label, offsets, found)
    return LabelPartners(query[:u], label[:u], offsets[: u + 1], found[: offsets[u]])


@njit
def _walk_labels(codes, labels, rows, query, label, offsets, found):
    """Write what `label_partners` returns to the last four arrays, and return how many lists have a partner."""
    limited = codes.include.key_rows.size > 0
    home = codes.block.row_keys
    u = 0
    total = 0
    for q in range(rows.size):
        row = rows[q]
        for slot in range(labels.row_offsets[row], labels.row_offsets[row + 1]):
            key = labels.row_keys[slot]
            before = total
            for place in range(labels.key_offsets[key], labels.key_offsets[key + 1]):
                other = labels.key_rows[place]
                if other == row or home[other] != home[row] or shares_key(codes.exclude, row, other):
                    continue
                if not limited or shares_key(codes.include, row, other):
                    found[total] = other
                    total += 1
            if total > before:
                query[u] = q
                label[u] = key
                u += 1
                offsets[u] = total
    return u
