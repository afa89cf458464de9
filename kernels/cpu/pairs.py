"""Compiled pair rules: partners by walking key lists, never an n x n table."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from ..codes import LabelPartners, PairCodes, Partners, combined_code
from ..compile import njit

__all__ = ["count_partners", "first_at_least", "label_partners", "partners", "shares_key"]


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
def _walk(codes, rows, offsets, out):
    """Write the partners of each row (ascending) to out[offsets[q] : offsets[q + 1]].

    An empty `out` only counts them: offsets[q + 1] becomes how many there are. The shorter of a row's block and its
    include lists is walked.
    """
    home = codes.block.row_keys
    limited = codes.include.key_rows.size > 0
    seen = np.full(home.size if limited else 0, -1, np.int64)  # the query that met a row last
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
        if limited and listed < last - first:
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
                out[start:at].sort()
        else:
            for place in range(first, last):
                other = codes.block.key_rows[place]
                if other == row or shares_key(codes.exclude, row, other):
                    continue
                if not limited or shares_key(codes.include, row, other):
                    if out.size:
                        out[at] = other
                    at += 1
        if not out.size:
            offsets[q + 1] = at


def count_partners(codes: PairCodes) -> npt.NDArray[np.int64]:
    """Partners of each row; see `reference.pairs.count_partners`.

    Where the excluded keys are columns, group sizes are counted and combined by inclusion and exclusion,
    O(n log n) for groups of any size. Otherwise (list columns, ``include``) the keys are walked.
    """
    width = codes.exclude.columns
    if len(codes.include.key_rows) or width > 3 or (width == 0 and len(codes.exclude.row_keys)):
        walked: npt.NDArray[np.int64] = _count_by_walking(codes)
        return walked
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


@njit
def _count_by_walking(codes):
    """Partners of each row, (n,) int64: the partners themselves, or the block without the excluded rows."""
    n = codes.block.row_offsets.size - 1
    counts = np.zeros(n + 1, np.int64)
    if codes.include.key_rows.size > 0:
        _walk(codes, np.arange(n), counts, np.empty(0, np.int32))
        return counts[1:]
    seen = np.full(n, -1, np.int64)
    home = codes.block.row_keys
    for row in range(n):
        key = home[row]
        left = codes.block.key_offsets[key + 1] - codes.block.key_offsets[key] - 1
        seen[row] = row
        for slot in range(codes.exclude.row_offsets[row], codes.exclude.row_offsets[row + 1]):
            shared = codes.exclude.row_keys[slot]
            for place in range(codes.exclude.key_offsets[shared], codes.exclude.key_offsets[shared + 1]):
                other = codes.exclude.key_rows[place]
                if seen[other] != row:
                    seen[other] = row
                    if home[other] == key:
                        left -= 1
        counts[row + 1] = left
    return counts[1:]


@njit
def partners(codes, rows):
    """Partners of the given rows; see `reference.pairs.partners`."""
    offsets = np.zeros(rows.size + 1, np.int64)
    _walk(codes, rows, offsets, np.empty(0, np.int32))
    for q in range(rows.size):
        offsets[q + 1] += offsets[q]
    found = np.empty(offsets[-1], np.int32)
    if found.size:
        _walk(codes, rows, offsets, found)
    return Partners(offsets, found)


@njit
def label_partners(codes, labels, rows):
    """Partners of each (row, label): see `reference.pairs.label_partners`.

    `codes` is the rule without its list column, `labels` the labels of that column.
    """
    n_units = 0
    space = 0
    for row in rows:
        for slot in range(labels.row_offsets[row], labels.row_offsets[row + 1]):
            key = labels.row_keys[slot]
            n_units += 1
            space += labels.key_offsets[key + 1] - labels.key_offsets[key] - 1
    query = np.empty(n_units, np.int32)
    label = np.empty(n_units, np.int32)
    offsets = np.zeros(n_units + 1, np.int64)
    found = np.empty(space, np.int32)
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
    return LabelPartners(query[:u], label[:u], offsets[: u + 1], found[:total])
