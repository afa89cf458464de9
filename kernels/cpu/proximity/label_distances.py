"""Compiled sums of distances of each row to the rows of each label.

Rows are sorted by label, so that the columns of a tile that share a label lie together. A tile of float64 products of
rows, moved to the middle of their box, gives squared distances; each is rooted, counted in whole units, and added to
the sums of the rows on both sides. Whole numbers add up the same in any order: neither tiles nor threads can be seen.

**Certificate.** Let v = 2^-53, R the largest length of a moved row, y the root of a tile entry in units of length u and
t that of the definition. A squared distance of a tile errs by at most (d + 16) v (2 R)^2, so |t - y| <= E / y with
E = (d + 16) v (2 R / u)^2, and what float64 adds by rooting, scaling and in the definition is at most (d + 20) v of
2^31 units. Where y is further than that from the middle between two whole numbers, both are rounded alike; else the
entry is computed by the definition. Of ordinary rows that is one in ten thousand; rows that nearly coincide are always
computed so.

Cost: d float64 flops, a root and two additions a pair. Memory: moved rows (n, d) and the sums.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...codes import stable_order
from ...compile import njit
from ...cores import run_jobs
from ...names import EUCLIDEAN
from ...reference.proximity.label_distances import PARTS, distance_unit
from ..lanes import sum_product
from ..means import group_means
from ..similarity import moments, pair_value

__all__ = [
    "SIDE",
    "WHOLE",
    "Moved",
    "add_marked",
    "cosine_sums",
    "count_row",
    "distance_sums",
    "distance_unit",
    "move_rows",
]

#: Rows on each side of a tile: of float64, 2 MB.
SIDE = 512
#: Tiles of a job.
RUN = 16
#: Added to a number below 2^51, it leaves the nearest whole number in the lowest bits.
WHOLE = 1.5 * 2.0**52
#: Features whose directions are summed at once, and rows whose products with them are.
FEATURES, ROWS = 32, 1024

Ints = npt.NDArray[np.int64]


class Moved(NamedTuple):
    """Rows, and what is known of them when they are moved to the middle of their box and sorted by label."""

    x: npt.NDArray[np.floating]  # (n, d) in the order of the caller
    at: Ints  # (n,) row at each place
    none: npt.NDArray[np.float64]  # (0,)
    square: npt.NDArray[np.float64]  # (n,) squared length of the moved row at each place
    starts: Ints  # (n_labels + 1,) places of each label; rows of no label come first
    unit: float
    error: float  # E of the module's docstring
    rounding: float  # and the part of it that does not grow


def distance_sums(
    features: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    n_labels: int,
    threads: int = 0,
    progress: Callable[[float], None] | None = None,
) -> npt.NDArray[np.int64]:
    """Add up euclidean distances to the rows of each label; see `reference.proximity.label_distances`."""
    n = len(features)
    sums = np.zeros((n, n_labels), np.int64)
    if not n or not n_labels:
        return sums
    rows, moved = move_rows(features, labels, n_labels)
    order = rows.at
    side = min(SIDE, n)
    blocks = [(first, min(first + side, n)) for first in range(0, n, side)]
    lock, stop = threading.Lock(), threading.Event()
    ordered = labels[order]

    def met(first: int, last: int) -> slice:
        """Return the labels of the rows at some places."""
        return slice(max(int(ordered[first]), 0), int(ordered[last - 1]) + 1)

    def tiles(one: int, others: list[int]) -> None:
        tile = np.empty((side, side))
        whole = tile.view(np.int64)
        first, last = blocks[one]
        for other in others:
            if stop.is_set():
                return
            start, end = blocks[other]
            view = tile[: last - first, : end - start]
            np.matmul(moved[first:last], moved[start:end].T, out=view)
            ours, columns = met(first, last), met(start, end)
            mine = np.zeros((last - first, columns.stop - columns.start), np.int64)
            theirs = np.zeros((ours.stop - ours.start if other != one else 0, end - start), np.int64)
            _add_tile(
                tile, whole, first, last - first, start, end - start, columns.start, ours.start, rows, mine, theirs
            )
            with lock:
                sums[order[first:last], columns] += mine
                if len(theirs):
                    sums[order[start:end], ours] += theirs.T

    count = len(blocks)
    jobs = []
    for one in range(count):
        for at in range(one, count, RUN):
            part = list(range(at, min(at + RUN, count)))
            jobs.append((len(part), partial(tiles, one, part)))
    run_jobs(jobs, threads, progress, stop)
    return sums


def move_rows(
    features: npt.NDArray[np.floating], labels: npt.NDArray[np.integer], n_labels: int
) -> tuple[Moved, npt.NDArray[np.float64]]:
    """Return rows sorted by label, and them moved to the middle of their box in units, float64 (n, d); n at least 1."""
    x = np.ascontiguousarray(features)
    d = x.shape[1]
    order = stable_order(labels + 1)
    unit = distance_unit(x)
    middle = (x.max(axis=0).astype(np.float64) + x.min(axis=0).astype(np.float64)) / 2
    moved = (x[order] - middle) / unit
    square = np.einsum("ij,ij->i", moved, moved)
    v = 2.0**-53
    starts = np.searchsorted(labels[order], np.arange(n_labels + 1))
    error = (d + 16) * v * 4 * float(square.max())
    return Moved(x, order, np.empty(0), square, starts, unit, error, (d + 20) * v * PARTS), moved


@njit
def add_marked(marks, first, places, labels, rows, sums):
    """Add distances of the definition to the sums (q, labels) of the rows at the places first .. first + q.

    Bit b of marks (q, g) stands for the row at place places[g] + b, of the label labels[g]; both are (g,).
    """
    for q in range(sums.shape[0]):
        mine = marks[q]
        for g in range(mine.size):
            if mine[g] == 0:
                continue
            for bit in range(8 * mine.itemsize):
                if (mine[g] >> bit) & 1:
                    other = rows.at[places[g] + bit]
                    value = -pair_value(rows.x, rows.at[first + q], other, rows.none, rows.none, EUCLIDEAN)
                    sums[q, labels[g]] += np.int64((np.sqrt(value) / rows.unit + WHOLE) - WHOLE)


@njit
def count_row(row, place, start, rows):
    """Turn products of the row at a place with those at start.. (k,) into distances in units, some not yet whole.

    `WHOLE` added to one is its whole number.
    """
    own = rows.square[place]
    others = rows.square[start : start + row.size]
    unsure = np.int32(0)
    for k in range(row.size):
        far = np.sqrt(max(own + others[k] - 2.0 * row[k], 0.0))
        near = (far + WHOLE) - WHOLE
        unsure = np.int32(unsure + ((0.5 - abs(far - near) - rows.rounding) * far <= rows.error))
        row[k] = far
    if unsure:
        for k in range(row.size):
            far = row[k]
            near = (far + WHOLE) - WHOLE
            if (0.5 - abs(far - near) - rows.rounding) * far <= rows.error:
                value = -pair_value(rows.x, rows.at[place], rows.at[start + k], rows.none, rows.none, EUCLIDEAN)
                row[k] = np.sqrt(value) / rows.unit


@njit
def _add_tile(tile, whole, first, height, start, width, label, own_label, rows, mine, theirs):
    """Add the distances of a tile of products to those of its rows (height, labels), and of its columns if there are.

    `whole` is the memory of the tile as int64; `label` is the first label of its columns, `own_label` that of its rows.
    """
    starts = rows.starts
    base = np.int64(0x4338000000000000)  # the bits of WHOLE
    for q in range(height):
        row, bits = tile[q, :width], whole[q, :width]
        count_row(row, first + q, start, rows)
        for k in range(row.size):
            row[k] = row[k] + WHOLE
        for k in range(mine.shape[1]):
            low, high = max(starts[label + k] - start, 0), min(starts[label + k + 1] - start, width)
            total = np.int64(0)
            part = bits[low:high]
            for j in range(part.size):
                total += part[j]
            mine[q, k] += total - base * part.size
    for k in range(theirs.shape[0]):
        low, high = max(starts[own_label + k] - first, 0), min(starts[own_label + k + 1] - first, height)
        out = theirs[k]
        for q in range(low, high):
            bits = whole[q, :width]
            for j in range(bits.size):
                out[j] += bits[j] - base


def cosine_sums(
    features: npt.NDArray[np.floating], labels: npt.NDArray[np.integer], n_labels: int
) -> npt.NDArray[np.float64]:
    """Add up the cosine distances to the rows of each label; see `reference.proximity.label_distances.cosine_sums`."""
    x = np.ascontiguousarray(features)
    n, d = x.shape
    norm = np.empty(n)
    sums = np.zeros((n, n_labels))
    if not n or not n_labels:
        return sums
    _norms(x, norm)
    order = stable_order(labels + 1)
    offsets = np.searchsorted(labels[order], np.arange(n_labels + 1))
    means = np.empty((n_labels, d))

    def some_means(first: int) -> None:
        for k, column in enumerate(x[:, first : first + FEATURES].T / norm, first):
            means[:, k] = group_means(column, order, offsets)

    def some_sums(first: int) -> None:
        here = slice(first, first + ROWS)
        _add_products(x[here], norm[here], np.diff(offsets), np.vstack([means, means[:1]]), sums[here])

    run_jobs([(1, partial(some_means, first)) for first in range(0, d, FEATURES)])
    run_jobs([(1, partial(some_sums, first)) for first in range(0, n, ROWS)])
    return sums


@njit
def _norms(x, norm):
    """Fill norm (n,) with the lengths of the rows of x (n, d)."""
    for row in range(norm.size):
        _shift, norm[row] = moments(x, row, False, True)


@njit
def _add_products(x, norm, sizes, table, sums):
    """Fill sums (n, labels) where a label has rows; table (labels + 1, d) holds mean directions, and room for a row."""
    own = table.shape[0] - 1
    for row in range(norm.size):
        for k in range(table.shape[1]):
            table[own, k] = np.float64(x[row, k]) / norm[row]
        for label in range(own):
            if sizes[label]:
                sums[row, label] = sizes[label] * (1.0 - sum_product(table, own, label, 0.0, 0.0))
