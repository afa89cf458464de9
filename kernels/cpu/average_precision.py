"""Compiled average precision from counts."""

from __future__ import annotations

import itertools
from functools import partial

import numpy as np
import numpy.typing as npt

from ..compile import njit
from ..cores import run_jobs, usable_cores
from ..names import EXPECTED, PESSIMISTIC, TIES
from .sort import descending

__all__ = ["add_run", "average_precision"]

#: Fewest positives of a job, and the most jobs of a core.
SHARE, SHARES = 20_000, 16


def average_precision(
    offsets: npt.NDArray[np.int64],
    values: npt.NDArray[np.float64],
    above: npt.NDArray[np.int64],
    tied: npt.NDArray[np.int64],
    ties: str,
) -> npt.NDArray[np.float64]:
    """AP of each list, see `reference.average_precision`."""
    code, result = TIES.index(ties), np.full(len(offsets) - 1, np.nan)

    def fill(first: int, last: int) -> None:
        mine = offsets[first : last + 1]
        most = np.diff(mine).max(initial=0)
        space, table = np.empty((2, most), np.int64), np.empty(most + 1, np.int64)
        _fill(mine, values, above, tied, code, space, table, result[first:last])

    shares = min(max(len(values) // SHARE, 1), SHARES * usable_cores())
    edges = np.searchsorted(offsets, np.linspace(0, len(values), shares + 1)[1:-1])
    cuts = np.unique([0, *edges, len(result)]).tolist()
    run_jobs([(last - first, partial(fill, first, last)) for first, last in itertools.pairwise(cuts)])
    return result


@njit
def add_run(total, first, p, n_above, n_tied, ties):
    """Add to `total` what p positives of one value add to the sum of an AP, `first` positives being above them."""
    if ties == EXPECTED and n_tied > 0:
        size = p + n_tied
        for t in range(1, size + 1):
            before = (t - 1) * (p - 1) / (size - 1)
            total += (p / size) * (first + 1 + before) / (first + n_above + t)
    else:
        ahead = n_above + n_tied if ties == PESSIMISTIC else n_above
        for i in range(first + 1, first + p + 1):
            total += i / (i + ahead)
    return total


@njit
def _fill(offsets, values, above, tied, ties, space, table, result):
    """Write the AP of each list to result (u,), which holds NaN; ties is the policy's code, see `descending`."""
    for u in range(result.size):
        start = offsets[u]
        n_pos = offsets[u + 1] - start
        if n_pos == 0:
            continue
        order = space[descending(values[start : offsets[u + 1]], space, table)]
        total = 0.0
        first = 0
        while first < n_pos:
            at = start + order[first]
            last = first + 1
            while last < n_pos and values[start + order[last]] == values[at]:
                last += 1
            total = add_run(total, first, last - first, above[at], tied[at], ties)
            first = last
        result[u] = total / n_pos
