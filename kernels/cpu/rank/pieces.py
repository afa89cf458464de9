"""How the queries of one call are cut into pieces, each with the candidates that its tiles meet.

A piece is a run of queries of one block, in working order (`order`). Where all rows of a block are queries, a piece
meets only the candidates from its own queries on, and its tiles serve both sides.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .counting import Slots
from .order import Order

__all__ = ["LEAST_HEIGHT", "Piece", "Work", "has_positives", "needed", "pieces"]

#: Fewest queries of a piece that is cut for the sake of threads.
LEAST_HEIGHT = 128
#: A segment of so large a part of its block, one in so many, is worth skipping.
MUCH_OF_BLOCK = 8
#: Tiles serve both sides in blocks of at least so many rows, if so large a share of them has positives.
LEAST_ROWS, LEAST_SHARE = 256, 0.7

Ints = npt.NDArray[np.int64]


class Work(NamedTuple):
    """The queries of one call, by place, and their thresholds."""

    rows: Ints  # (q,) places
    bounds: Ints  # (q, 4)
    starts: Ints  # (q + 1,) slots of each in `slots`
    firsts: Ints  # (q,) where its list begins in the caller's arrays
    order: npt.NDArray[np.int32]  # (m,) which of its list the slot is
    slots: Slots
    tile: tuple[int, int]
    double_scale: npt.NDArray[np.float64] | None  # of double tiles, see `operands`; None for single ones
    locks: tuple[threading.Lock, ...]  # of the counts of so many queries each, see `ranking`
    stop: threading.Event  # set when the results are no longer wanted


class Piece(NamedTuple):
    """Queries first..last of a `Work`, and the columns they meet."""

    first: int
    last: int
    ranges: tuple[tuple[int, int, bool], ...]  # first and past-the-end place, and whether the tile serves both sides

    @property
    def pairs(self) -> int:
        """Entries of its tiles."""
        return (self.last - self.first) * sum(stop - start for start, stop, _ in self.ranges)


def needed(order: Order, rows: Ints, has: npt.NDArray[np.bool_], symmetric: bool = True) -> npt.NDArray[np.bool_]:
    """Return which queries take part: those with positives, and all of a block where tiles serve both sides.

    Parameters
    ----------
    order : Order
        The working order.
    rows : ndarray of int64, shape (q,)
        Places of the queries, ascending.
    has : ndarray of bool, shape (q,)
        Whether each has a positive.
    symmetric : bool, default True
        Whether the value of a pair is the same from both sides; scipy's may not be.
    """
    blocks = order.bounds[rows, 0]
    edges = np.flatnonzero(np.diff(blocks, prepend=-1, append=-1))
    if len(edges) < 2:
        return has
    sizes = np.diff(edges)
    whole = sizes == order.bounds[rows[edges[:-1]], 3] - blocks[edges[:-1]]
    both = whole & (sizes >= LEAST_ROWS) & (np.add.reduceat(has, edges[:-1], dtype=np.int64) >= LEAST_SHARE * sizes)
    return has | (np.repeat(both, sizes) & symmetric)


def has_positives(work: Work, piece: Piece) -> bool:
    """Return whether a piece has anything to count: positives of its queries, or of columns that it serves too."""
    first = int(work.rows[piece.first])
    served = [(piece.first + start - first, piece.first + stop - first) for start, stop, both in piece.ranges if both]
    return any(work.starts[stop] > work.starts[start] for start, stop in [(piece.first, piece.last), *served])


def pieces(work: Work, first: int, last: int, symmetric: bool) -> Iterator[Piece]:
    """Cut the queries first..last of one block into pieces that share their candidates.

    A segment makes pieces of its own, which skip it, where it fills half a tile, or has all the queries, or is much of
    the block; other segments share a piece, and each query's own is blanked out. `symmetric` as in `needed`.
    """
    height = work.tile[0]
    start, stop = int(work.bounds[first, 0]), int(work.bounds[first, 3])
    both = last - first == stop - start >= LEAST_ROWS and symmetric  # `needed` has left all rows of such blocks
    segments = work.bounds[first:last, 1]
    runs = np.flatnonzero(segments[1:] != segments[:-1]) + (first + 1)
    at = first
    for run, end in itertools.pairwise([first, *runs.tolist(), last]):
        _, before, after, _ = work.bounds[run].tolist()
        saved = after - before
        much = end - run >= LEAST_HEIGHT and MUCH_OF_BLOCK * saved >= stop - start
        if not saved or not (2 * (end - run) >= height or end - run == last - first or much):
            continue
        yield from _covering(at, run, work, start, stop, both)
        for q in range(run, end, height):
            ranges = ((after, stop, True),) if both else ((start, before, False), (after, stop, False))
            yield Piece(q, min(q + height, end), ranges)
        at = end
    yield from _covering(at, last, work, start, stop, both)


def _covering(first: int, last: int, work: Work, start: int, stop: int, both: bool) -> Iterator[Piece]:
    """Cut queries first..last into pieces that meet the whole block start..stop."""
    for q in range(first, last, work.tile[0]):
        end = min(q + work.tile[0], last)
        mine, after = int(work.rows[q]), int(work.rows[end - 1]) + 1
        yield Piece(q, end, ((mine, after, False), (after, stop, True)) if both else ((start, stop, False),))
