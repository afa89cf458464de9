"""Compiled confusion counts: cells are sorted by truth, then each truth counts in a small table of its own.

No table of truth x prediction is made: a truth needs one counter for each (prediction, rank), which stays in the cache.
Reading and writing the cells is what it costs: 4 (k + 1) bytes in, 8 bytes of working memory a cell.
"""

from __future__ import annotations

import itertools
from functools import partial

import numpy as np
import numpy.typing as npt

from ..compile import njit
from ..cores import run_jobs, usable_cores
from ..sparse_counts import SparseCounts, from_packed

__all__ = ["count_confusion"]

#: Fewest cells that are worth a thread of their own.
LEAST_CELLS = 50_000

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
    parts = max(min(threads or usable_cores(), n // LEAST_CELLS), 1)
    edges = np.linspace(0, n, parts + 1).astype(np.int64)
    packed = np.empty(n, np.int32)
    per_part = np.zeros((parts, n_labels), np.int64)
    jobs = [
        (1, partial(_pack, truth[a:b], predictions[:, a:b], packed[a:b], per_part[i]))
        for i, (a, b) in enumerate(itertools.pairwise(edges))
    ]
    run_jobs(jobs, threads)
    per_truth = per_part.sum(axis=0)
    starts = np.concatenate([[0], np.cumsum(per_truth)])
    # Each part of the cells writes its own range of each truth, so that the order is that of the cells.
    targets = starts[:-1] + np.cumsum(per_part, axis=0) - per_part
    by_truth = np.empty(n, np.int32)
    given = np.empty(0, np.int64) if weights is None else weights
    weight_by_truth = np.empty(len(given), np.int64)
    jobs = [
        (1, partial(_scatter, truth[a:b], packed[a:b], given[a:b], targets[i], by_truth, weight_by_truth))
        for i, (a, b) in enumerate(itertools.pairwise(edges))
    ]
    run_jobs(jobs, threads)
    cuts = np.unique(np.append(np.searchsorted(starts, edges[:-1]), n_labels))
    counting = [
        (1, partial(_count, by_truth, weight_by_truth, starts, int(first), int(last), (n_labels + 1) * k))
        for first, last in itertools.pairwise(cuts)
    ]
    found = run_jobs(counting, threads)
    rows, codes, counts = (np.concatenate([part[axis] for part in found]) for axis in range(3))
    return from_packed(rows, codes, counts, k)


@njit
def _pack(truth, predictions, packed, per_truth):
    """Write ``prediction * k + slot`` of each cell, and count the cells of each truth."""
    k, n = predictions.shape
    for i in range(n):
        slot = 0
        t = truth[i]
        if predictions[0, i] != t:
            for r in range(1, k):
                if predictions[r, i] == t:
                    slot = r
                    break
        packed[i] = predictions[0, i] * k + slot
        per_truth[t] += 1


@njit
def _scatter(truth, packed, weights, target, by_truth, weight_by_truth):
    """Put cells where those of their truth lie; `target` (c,) moves on."""
    for i in range(truth.size):
        at = target[truth[i]]
        target[truth[i]] = at + 1
        by_truth[at] = packed[i]
        if weights.size:
            weight_by_truth[at] = weights[i]


@njit
def _count(by_truth, weights, starts, first, last, width):
    """Count the cells of the truths first..last: rows, packed codes and counts, ascending."""
    room = 0
    for t in range(first, last):
        room += min(starts[t + 1] - starts[t], width)
    rows = np.empty(room, np.int32)
    codes = np.empty(room, np.int32)
    counts = np.empty(room, np.int64)
    table = np.zeros(width, np.int64)
    seen = np.zeros(width, np.bool_)
    found = 0
    for t in range(first, last):
        begin = found
        for i in range(starts[t], starts[t + 1]):
            code = by_truth[i]
            if not seen[code]:
                seen[code] = True
                codes[found] = code
                found += 1
            table[code] += weights[i] if weights.size else 1
        codes[begin:found].sort()
        for j in range(begin, found):
            code = codes[j]
            rows[j] = t
            counts[j] = table[code]
            table[code] = 0
            seen[code] = False
    return rows[:found], codes[:found], counts[:found]
