"""Compiled sums of absolute differences of two sets of rows.

The rows of a tile of the other set are turned, so that one column of them lies together: a difference, its absolute
value and an addition are then each one instruction for several rows, although every sum is added up column by column as
in the definition. Columns come in runs that stay in the cache for all rows of a tile.

Cost: d additions a pair. Memory: a tile a thread.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from ...compile import njit
from ...cores import run_jobs

__all__ = ["absolute_distances"]

#: Rows of a tile, of one set and of the other; columns of a run.
ROWS, OTHERS, COLUMNS = 256, 32, 512

Floats = npt.NDArray[np.float64]


def absolute_distances(
    one: Floats, other: Floats, threads: int = 0, progress: Callable[[float], None] | None = None
) -> Floats:
    """Add up absolute differences; see `reference.proximity.absolute_distances`."""
    rows = np.ascontiguousarray(one, np.float64)
    found = np.zeros((len(one), len(other)))

    def tiles(start: int) -> None:
        turned = np.ascontiguousarray(other[start : start + OTHERS].T, np.float64)
        width = turned.shape[1]
        for first in range(0, len(rows), ROWS):
            part = rows[first : first + ROWS]
            tile = np.zeros((len(part), width))
            _add(part, turned, COLUMNS, tile)
            found[first : first + ROWS, start : start + width] = tile

    run_jobs([(1, partial(tiles, start)) for start in range(0, len(other), OTHERS)], threads, progress)
    return found


@njit
def _add(rows, turned, columns, tile):
    """Add the distances of rows (q, d) to those of turned (d, w) to the tile (q, w)."""
    for start in range(0, rows.shape[1], columns):
        end = min(start + columns, rows.shape[1])
        for q in range(rows.shape[0]):
            row, out = rows[q], tile[q]
            g = start
            while g + 4 <= end:  # a sum is read and written once for four columns
                a, b, c, d = row[g], row[g + 1], row[g + 2], row[g + 3]
                of_a, of_b, of_c, of_d = turned[g], turned[g + 1], turned[g + 2], turned[g + 3]
                for k in range(out.size):
                    sum_a = out[k] + abs(a - of_a[k])
                    out[k] = ((sum_a + abs(b - of_b[k])) + abs(c - of_c[k])) + abs(d - of_d[k])
                g += 4
            while g < end:
                value, others = row[g], turned[g]
                for k in range(out.size):
                    out[k] += abs(value - others[k])
                g += 1
