"""Compiled confusion counts: cells are sorted by truth, then each truth counts in a small table of its own.

No table of truth x prediction is made: a truth needs one counter for each (prediction, rank), which stays in the cache.
Reading and writing the cells is what it costs: 4 (k + 2) bytes in, 4 bytes of working memory a cell. A thread's table
takes up to 16 k + 1 bytes a label.
"""

from __future__ import annotations

import itertools
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from ..compile import njit
from ..cores import run_jobs, usable_cores
from ..sparse_counts import SparseCounts
from .sort import sort_ascending

__all__ = ["count_confusion"]

#: Fewest cells that are worth a thread of their own.
LEAST_CELLS = 50_000
#: Cells whose ranks are compared at a time, rank by rank, so that the comparison takes whole vectors.
BLOCK = 1024

Ints = npt.NDArray[np.int64]


def count_confusion(
    truth: npt.NDArray[np.int32],
    predictions: npt.NDArray[np.int32],
    n_labels: int,
    weights: npt.NDArray[np.int64] | None = None,
    threads: int = 0,
) -> SparseCounts:
    """Count cells by truth, prediction and rank of the truth; see `reference.confusion.count_confusion`."""
    k, n = predictions.shape
    shift = (k - 1).bit_length()  # a cell's code is its prediction, and in the lowest bits its slot
    parts = max(min(threads or usable_cores(), n // LEAST_CELLS), 1)
    edges = np.linspace(0, n, parts + 1).astype(np.int64)
    ranges = list(itertools.pairwise(edges.tolist()))
    per_part = np.zeros((parts, n_labels), np.int64)
    run_jobs([(1, partial(_count_truths, truth[a:b], per_part[i])) for i, (a, b) in enumerate(ranges)], threads)
    starts = np.concatenate([[0], np.cumsum(per_part.sum(axis=0))])
    # Each part of the cells writes its own range of each truth, so that the order is that of the cells.
    targets = starts[:-1] + np.cumsum(per_part, axis=0) - per_part
    by_truth = np.empty(n, np.int32 if (n_labels + 1) << shift <= 1 << 31 else np.int64)
    given = np.empty(0, np.int64) if weights is None else weights
    blocks = np.empty((parts, BLOCK), by_truth.dtype)
    weight_by_truth = np.empty(len(given), np.int64)
    jobs = [
        (1, partial(_scatter, truth, predictions, given, a, b, shift, targets[i], blocks[i], by_truth, weight_by_truth))
        for i, (a, b) in enumerate(ranges)
    ]
    run_jobs(jobs, threads)
    cuts = [*np.searchsorted(starts, edges[:-1]).tolist(), n_labels]
    counting = [
        (1, partial(_count, by_truth, weight_by_truth, starts, first, last, n_labels, k, shift))
        for first, last in itertools.pairwise(cuts)
    ]
    found = run_jobs(counting, threads)
    return SparseCounts(*(np.concatenate([part[axis] for part in found]) for axis in range(3)))


@njit
def _count_truths(truth, per_truth):
    """Count the cells of each truth."""
    for i in range(truth.size):
        per_truth[truth[i]] += 1


@njit
def _scatter(truth, predictions, weights, start, stop, shift, target, codes, by_truth, weight_by_truth):
    """Put the codes of the cells start..stop where those of their truth lie; `target` (c,) moves on.

    `codes` (`BLOCK`,) is scratch, of the type of `by_truth`.
    """
    for first in range(start, stop, BLOCK):
        last = min(first + BLOCK, stop)
        mine = truth[first:last]
        best = predictions[0, first:last]
        codes[:] = 0
        for r in range(len(predictions) - 1, 0, -1):
            other = predictions[r, first:last]
            for i in range(mine.size):
                codes[i] = r if other[i] == mine[i] else codes[i]
        for i in range(mine.size):
            codes[i] = (best[i] << shift) + (0 if best[i] == mine[i] else codes[i])
        for i in range(mine.size):
            at = target[mine[i]]
            target[mine[i]] = at + 1
            by_truth[at] = codes[i]
            if weights.size:
                weight_by_truth[at] = weights[first + i]


def _count(
    by_truth: npt.NDArray[Any],
    weights: Ints,
    starts: Ints,
    first: int,
    last: int,
    n_labels: int,
    k: int,
    shift: int,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], Ints]:
    """Count the cells of the truths first..last: rows, columns and counts, ascending."""
    space = int(np.minimum(np.diff(starts[first : last + 1]), n_labels + 1).sum())
    rows, cols = np.empty((2, space), np.int32)
    scratch = np.empty(n_labels + 1, np.int32)
    counts = np.empty((space, k), np.int64)
    table = np.zeros((n_labels + 1) << shift, np.int64)
    seen = np.zeros(n_labels + 1, np.uint8)
    found = _count_into(by_truth, weights, starts, first, last, shift, table, seen, scratch, rows, cols, counts)
    return rows[:found], cols[:found], counts[:found]


@njit
def _count_into(by_truth, weights, starts, first, last, shift, table, seen, scratch, rows, cols, counts):
    """Write what `_count` returns to the last three arrays; return how many entries. `table`, `seen`: all zero."""
    k = counts.shape[1]
    found = 0
    for t in range(first, last):
        begin = found
        for i in range(starts[t], starts[t + 1]):
            code = by_truth[i]
            if not seen[code >> shift]:
                seen[code >> shift] = 1
                cols[found] = code >> shift
                found += 1
            table[code] += weights[i] if weights.size else 1
        sort_ascending(cols[begin:found], scratch)
        for j in range(begin, found):
            base = np.int64(cols[j]) << shift
            seen[cols[j]] = 0
            rows[j] = t
            cells = 0
            for slot in range(k):
                cells += table[base + slot]
                counts[j, slot] = table[base + slot]
                table[base + slot] = 0
            counts[j, 0] = cells
    return found
