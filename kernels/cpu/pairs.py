"""Compiled pair rules: partners by walking key lists, never an n x n table."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from ..codes import PairCodes
from ..compile import njit

__all__ = ["count_partners", "label_partners", "partners"]


@njit
def _mark(index, row, mark, stamp):
    """Stamp every row that shares a key with `row`."""
    for slot in range(index.row_offsets[row], index.row_offsets[row + 1]):
        key = index.row_keys[slot]
        for place in range(index.key_offsets[key], index.key_offsets[key + 1]):
            mark[index.key_rows[place]] = stamp


@njit
def _walk(codes, row, excluded, included, stamp, out):
    """Write the partners of `row` to `out` (ascending); return how many. An empty `out` only counts."""
    excluded[row] = stamp
    _mark(codes.exclude, row, excluded, stamp)
    limited = codes.include.key_rows.size > 0
    if limited:
        _mark(codes.include, row, included, stamp)
    key = codes.block.row_keys[codes.block.row_offsets[row]]
    found = 0
    for place in range(codes.block.key_offsets[key], codes.block.key_offsets[key + 1]):
        other = codes.block.key_rows[place]
        if excluded[other] != stamp and (not limited or included[other] == stamp):
            if out.size:
                out[found] = other
            found += 1
    return found


def count_partners(codes: PairCodes) -> npt.NDArray[np.int64]:
    """Partners of each row; see `reference.pairs.count_partners`.

    Where every row carries one key of each ``exclude`` column, group sizes are counted and combined by inclusion
    and exclusion, O(n log n) for groups of any size. Otherwise (list columns, ``include``) the keys are walked.
    """
    n = len(codes.block.row_offsets) - 1
    width = len(codes.exclude.row_keys) // max(n, 1)
    if len(codes.include.key_rows) or width > 3 or np.any(np.diff(codes.exclude.row_offsets) != width):
        walked: npt.NDArray[np.int64] = _count_by_walking(codes)
        return walked
    block = codes.block.row_keys.astype(np.int64)
    columns = codes.exclude.row_keys.reshape(n, width).astype(np.int64).T
    counts = _group_size([block]) - 1
    for size in range(1, width + 1):
        for chosen in combinations(columns, size):
            counts += (-1) ** size * (_group_size([block, *chosen]) - 1)
    return counts


def _group_size(keys: Sequence[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    """How many rows agree with each row in all keys."""
    code = keys[0]
    for key in keys[1:]:
        code = np.unique(code * (key.max(initial=0) + 1) + key, return_inverse=True)[1].reshape(-1)
    return np.bincount(code)[code]


@njit
def _count_by_walking(codes):
    """Partners of each row, (n,) int64; cost is the sum of the key lists."""
    n = codes.block.row_offsets.size - 1
    counts = np.empty(n, np.int64)
    excluded = np.full(n, -1, np.int64)
    included = np.full(n, -1, np.int64)
    nothing = np.empty(0, np.int32)
    home = codes.block.row_keys
    for row in range(n):
        if codes.include.key_rows.size > 0:
            counts[row] = _walk(codes, row, excluded, included, row, nothing)
            continue
        key = home[row]
        left = codes.block.key_offsets[key + 1] - codes.block.key_offsets[key] - 1
        excluded[row] = row
        for slot in range(codes.exclude.row_offsets[row], codes.exclude.row_offsets[row + 1]):
            shared = codes.exclude.row_keys[slot]
            for place in range(codes.exclude.key_offsets[shared], codes.exclude.key_offsets[shared + 1]):
                other = codes.exclude.key_rows[place]
                if excluded[other] != row:
                    excluded[other] = row
                    if home[other] == key:
                        left -= 1
        counts[row] = left
    return counts


@njit
def partners(codes, rows):
    """Partners of the given rows: offsets (q + 1,) int64 and rows int32; see `reference.pairs.partners`."""
    n = codes.block.row_offsets.size - 1
    excluded = np.full(n, -1, np.int64)
    included = np.full(n, -1, np.int64)
    nothing = np.empty(0, np.int32)
    offsets = np.zeros(rows.size + 1, np.int64)
    for q in range(rows.size):
        offsets[q + 1] = offsets[q] + _walk(codes, rows[q], excluded, included, q, nothing)
    found = np.empty(offsets[-1], np.int32)
    for q in range(rows.size):
        if offsets[q + 1] > offsets[q]:
            mine = found[offsets[q] : offsets[q + 1]]
            _walk(codes, rows[q], excluded, included, rows.size + q, mine)
    return offsets, found


@njit
def label_partners(codes, labels, rows):
    """Partners of each (row, label): see `reference.pairs.label_partners`.

    `codes` is the rule without its list column, `labels` the labels of that column.
    """
    n = codes.block.row_offsets.size - 1
    n_units = 0
    room = 0
    for row in rows:
        for slot in range(labels.row_offsets[row], labels.row_offsets[row + 1]):
            key = labels.row_keys[slot]
            n_units += 1
            room += labels.key_offsets[key + 1] - labels.key_offsets[key] - 1
    unit_query = np.empty(n_units, np.int32)
    unit_label = np.empty(n_units, np.int32)
    offsets = np.zeros(n_units + 1, np.int64)
    found = np.empty(room, np.int32)
    excluded = np.full(n, -1, np.int64)
    included = np.full(n, -1, np.int64)
    limited = codes.include.key_rows.size > 0
    home = codes.block.row_keys
    u = 0
    total = 0
    for q in range(rows.size):
        row = rows[q]
        excluded[row] = q
        _mark(codes.exclude, row, excluded, q)
        if limited:
            _mark(codes.include, row, included, q)
        for slot in range(labels.row_offsets[row], labels.row_offsets[row + 1]):
            key = labels.row_keys[slot]
            before = total
            for place in range(labels.key_offsets[key], labels.key_offsets[key + 1]):
                other = labels.key_rows[place]
                if excluded[other] != q and home[other] == home[row] and (not limited or included[other] == q):
                    found[total] = other
                    total += 1
            if total > before:
                unit_query[u] = q
                unit_label[u] = key
                u += 1
                offsets[u] = total
    return unit_query[:u], unit_label[:u], offsets[: u + 1], found[:total]
