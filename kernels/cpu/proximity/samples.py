"""Compiled comparison of two samples of rows: sums of their distances, their median, and a kernel as wide as that.

Tiles of products give distances in whole units (`label_distances`, with its certificate), so that neither tiles nor
threads nor the order of the rows can be seen in what is added up. The median is found by counting: how many distances
have each upper half of 32 bits, then, of those with the upper half of the one wanted, each lower half. What is
counted and added up of a tile takes three visits; the distances of small samples are kept between them, and the tiles
of large ones are made anew, so that nothing as large as the pairs is held.

Cost: d float64 flops a pair, and an exponential; twice or thrice the flops where there are more than `HELD` pairs.
Memory: moved rows, and 4 bytes a pair up to `HELD`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import numpy.typing as npt

from ...backend import Apart
from ...compile import njit
from ...cores import run_jobs
from ...reference.proximity.samples import SHARES
from .label_distances import SIDE, WHOLE, count_row, move_rows

__all__ = ["compare_samples", "pair_sums"]

#: Most pairs whose distances are kept; most jobs, and values of half a distance.
HELD, JOBS, HALF = 1 << 22, 64, 1 << 16

Ints = npt.NDArray[np.int64]
#: What looks at a tile: counts (any), pair, distances (height, width) uint32, whether only those above the diagonal.
Visit = Callable[[Ints, int, npt.NDArray[np.uint32], bool], None]


def pair_sums(
    features: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    n_labels: int,
    pairs: npt.NDArray[np.integer],
    threads: int = 0,
    progress: Callable[[float], None] | None = None,
) -> npt.NDArray[np.float64]:
    """Add up euclidean distances between the rows of pairs of labels; see `reference.proximity.samples`."""
    if not len(features) or not len(pairs):
        return np.zeros(len(pairs))
    tiles = _Tiles(features, labels, n_labels, np.asarray(pairs).tolist(), threads, hold=False)
    return tiles.totals(_sum_visit, progress) * tiles.rows.unit


def compare_samples(
    one: npt.NDArray[np.floating],
    other: npt.NDArray[np.floating],
    threads: int = 0,
    progress: Callable[[float], None] | None = None,
) -> Apart:
    """Add up distances within and between two samples, and a kernel of them; see `reference.proximity.samples`."""
    features = np.concatenate([one, other])
    if len(features) < 2:
        return Apart(np.zeros(3), float("nan"), np.full(3, np.nan))
    labels = (np.arange(len(features)) >= len(one)).astype(np.int64)
    tiles = _Tiles(features, labels, 2, [[0, 0], [0, 1], [1, 1]], threads, hold=True)
    sums = tiles.totals(_sum_visit, None if progress is None else lambda share: progress(share / 3))
    count = len(features) * (len(features) - 1) // 2
    low, high = tiles.ordered((count - 1) // 2, count // 2)
    median = (low + high) / 2
    if median == 0:
        return Apart(sums * tiles.rows.unit, 0.0, np.full(3, np.nan))
    shares = tiles.totals(
        partial(_share_visit, median), None if progress is None else lambda share: progress((2 + share) / 3)
    )
    return Apart(sums * tiles.rows.unit, median * tiles.rows.unit, shares / SHARES)


class _Tiles:
    """Distances of pairs of labels, tile by tile; those within a label once a pair of different rows."""

    def __init__(
        self,
        features: npt.NDArray[np.floating],
        labels: npt.NDArray[np.integer],
        n_labels: int,
        pairs: list[list[int]],
        threads: int,
        *,
        hold: bool,
    ) -> None:
        self.rows, self.moved = move_rows(features, labels, n_labels)
        self.threads = threads
        self.times = np.array([2 if one == other else 1 for one, other in pairs], dtype=object)
        starts = self.rows.starts.tolist()
        self.places: list[tuple[int, int, int, int, int]] = []
        for pair, (one, other) in enumerate(pairs):
            for first in range(starts[one], starts[one + 1], SIDE):
                begin = first if one == other else starts[other]
                for start in range(begin, starts[other + 1], SIDE):
                    last, end = min(first + SIDE, starts[one + 1]), min(start + SIDE, starts[other + 1])
                    self.places.append((pair, first, last, start, end))
        held = sum((last - first) * (end - start) for _, first, last, start, end in self.places)
        self.held: list[npt.NDArray[np.uint32] | None] = [None] * len(self.places)
        self.hold = hold and held <= HELD

    def some(self, numbers: range, stop: threading.Event) -> Iterator[tuple[int, npt.NDArray[np.uint32], bool]]:
        """Give some tiles, each with its pair and whether only what is above its diagonal counts."""
        room = np.empty(0)
        for number in numbers:
            if stop.is_set():
                return
            pair, first, last, start, end = self.places[number]
            within = first == start
            whole = self.held[number]
            if whole is None:
                height, width = last - first, end - start
                if room.size < height * width:
                    room = np.empty(height * width)
                tile = room[: height * width].reshape(height, width)
                np.matmul(self.moved[first:last], self.moved[start:end].T, out=tile)
                whole = np.empty((height, width), np.uint32)
                _count_tile(tile, first, start, within, self.rows, whole)
                if self.hold:
                    self.held[number] = whole
            yield pair, whole, within

    def added(self, size: int, visit: Visit, progress: Callable[[float], None] | None = None) -> list[Ints]:
        """Return what `visit` adds to as many counts for the tiles of each job."""
        stop = threading.Event()

        def job(numbers: range) -> Ints:
            counts = np.zeros(size, np.int64)
            for pair, whole, within in self.some(numbers, stop):
                visit(counts, pair, whole, within)
            return counts

        total = len(self.places)
        step = max(1, -(-total // JOBS))
        parts = [range(start, min(start + step, total)) for start in range(0, total, step)]
        return run_jobs([(len(part), partial(job, part)) for part in parts], self.threads, progress, stop)

    def totals(self, visit: Visit, progress: Callable[[float], None] | None = None) -> npt.NDArray[np.float64]:
        """Return the sum over each pair of labels, rounded once, (pairs,)."""
        total = np.zeros(len(self.times), dtype=object)
        for counts in self.added(len(self.times), visit, progress):
            total += counts.astype(object)
        return np.asarray(total * self.times, np.float64)

    def ordered(self, low: int, high: int) -> tuple[int, int]:
        """Return the distances that come at two places, 0 the smallest, the second not before the first."""
        uppers = np.cumsum(sum(self.added(HALF, partial(_half_visit, -1))))
        found: list[int] = []
        lowers, upper = uppers, -1
        for place in (low, high):
            here = int(np.searchsorted(uppers, place, "right"))
            if here != upper:
                upper, lowers = here, np.cumsum(sum(self.added(HALF, partial(_half_visit, here))))
            before = int(uppers[upper - 1]) if upper else 0
            found.append(upper * HALF + int(np.searchsorted(lowers, place - before, "right")))
        return found[0], found[1]


def _sum_visit(counts: Ints, pair: int, whole: npt.NDArray[np.uint32], within: bool) -> None:
    counts[pair] += _sum_tile(whole, within)


def _half_visit(upper: int, counts: Ints, pair: int, whole: npt.NDArray[np.uint32], within: bool) -> None:
    _count_halves(whole, within, upper, counts)


def _share_visit(median: float, counts: Ints, pair: int, whole: npt.NDArray[np.uint32], within: bool) -> None:
    counts[pair] += _sum_shares(whole, within, median, SHARES)


@njit
def _count_tile(tile, first, start, within, rows, whole):
    """Write the distances of a tile of products to whole (height, width), those above the diagonal where it is one."""
    for q in range(tile.shape[0]):
        low = q + 1 if within else 0
        row, out = tile[q, low:], whole[q, low:]
        count_row(row, first + q, start + low, rows)
        for k in range(row.size):
            out[k] = np.uint32((row[k] + WHOLE) - WHOLE)


@njit
def _sum_tile(whole, within):
    """Add up the distances of a tile."""
    total = np.int64(0)
    for q in range(whole.shape[0]):
        row = whole[q, q + 1 :] if within else whole[q]
        for k in range(row.size):
            total += np.int64(row[k])
    return total


@njit
def _count_halves(whole, within, upper, counts):
    """Count upper halves of distances, or, where `upper` is not below 0, the lower halves of those that have it."""
    for q in range(whole.shape[0]):
        row = whole[q, q + 1 :] if within else whole[q]
        for k in range(row.size):
            value = np.int64(row[k])
            if upper < 0:
                counts[value >> 16] += 1
            elif value >> 16 == upper:
                counts[value & 0xFFFF] += 1


@njit
def _sum_shares(whole, within, median, shares):
    """Add up the kernel of the distances of a tile, each counted in so many shares."""
    total = np.int64(0)
    for q in range(whole.shape[0]):
        row = whole[q, q + 1 :] if within else whole[q]
        for k in range(row.size):
            ratio = np.float64(row[k]) / median
            total += np.int64((np.exp(-0.5 * ratio * ratio) * shares + WHOLE) - WHOLE)
    return total
