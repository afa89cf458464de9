"""The counts behind average precision on the CPU: float32 tiles by BLAS, certified by float64.

Queries in working order (`order`) are cut into pieces; a piece meets its candidates tile by tile: a product
(`operands`), or float64 values where the distance is no function of a product; what is no negative is blanked out
(`tiles`), and the rows of the tile are counted (`counting`). Where all rows of a block are queries, a tile serves both
sides: it is computed once, for rows before columns, and counted again transposed.

Counts are sums of integers, so neither the cut nor the order of the threads can be seen in them.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..codes import PairCodes, stable_order
from ..cores import run_jobs, usable_cores
from ..names import DISTANCES, METRICS
from ..reference.metrics import metric_options, metric_values, refuse_nan
from .rank.counting import Slots, count_direct, count_tile
from .rank.operands import Operands, error_bound, operands
from .rank.order import Order, work_order
from .rank.rows import Rows, describe_rows
from .rank.thresholds import band_edges, copy_values, mirrors, positive_values, sort_values
from .rank.tiles import blank, fill_values, finish, transpose

__all__ = ["Prepared", "count_outranking", "prepare"]

#: Most queries, and columns, of a float32 tile. At 4 MB the product is fast, and most of a tile row is in the
#: second-level cache when it is counted.
TILE = (1024, 1024)
#: Pieces that each thread should find, and the fewest queries of a piece for their sake.
PIECES, LEAST_HEIGHT = 4, 128
#: A segment of so large a part of its block, one in so many, is worth skipping.
MUCH_OF_BLOCK = 8
#: Columns of a float64 tile.
EXACT_COLUMNS = 512
#: Positives a query times features from which the band costs more than a product in parts of `DEPTH` features.
NARROW_BAND, DEPTH = 65_536, 64
#: Floats between the rows of a tile, see `tiles`.
GAP = 16
#: Up to this many positives a query, thresholds are compared one by one; above it, they are searched.
FEW_POSITIVES = 32
#: Blocks of fewer pairs are not worth a tile, and are put together to jobs of about so many pairs.
SMALL_BLOCK, DIRECT_JOB = 1024, 100_000
#: Fewest positives of a job that computes values, and of one that sorts them.
VALUES_JOB, EDGES_JOB = 2_000, 10_000
#: Most parts that each core finds.
SHARES = 16
#: Tiles serve both sides in blocks of at least so many rows, if so large a share of them has positives.
LEAST_ROWS, LEAST_SHARE = 256, 0.7

Ints = npt.NDArray[np.int64]


class Prepared(NamedTuple):
    """A working order of rows and what the kernels need about them."""

    order: Order
    rows: Rows
    operands: Operands | None  # where the distance is a function of a product
    metric: str  # a name of scipy; empty where fastbench computes the distance
    options: dict[str, Any]  # of that metric

    @property
    def norms(self) -> npt.NDArray[np.float64]:
        """Lengths of the rows of the cosine and its absolute value, in the order of the caller."""
        return self.rows.norm


def prepare(features: npt.NDArray[np.floating], distance: str, negatives: PairCodes) -> Prepared:
    """Set up the counting for one feature matrix and one rule; see `reference.ranking.prepare`.

    Float32 features are used where they lie, a memory map included, if the distance is ``cosine`` or ``abs_cosine``
    and all norms are ordinary; else a float32 copy is made.
    """
    order = work_order(negatives)
    x = np.ascontiguousarray(features)
    if distance in METRICS:
        rows = Rows(x, order.rows, np.empty(0), np.empty(0), np.empty(0, np.int64), -1)
        return Prepared(order, rows, None, distance, metric_options(features, distance))  # in the order of the caller
    rows = describe_rows(x, order.rows, DISTANCES.index(distance))
    return Prepared(order, rows, operands(rows), "", {})


class _Work(NamedTuple):
    """The queries of one call, by place, and their positives."""

    rows: Ints  # (q,) places
    bounds: Ints  # (q, 4)
    starts: Ints  # (q + 1,)
    mates: Ints  # (m,) places
    order: Ints  # (m,) slot in `mates` of each slot in `slots`
    slots: Slots
    tile: tuple[int, int]
    depth: int  # features multiplied at once, 0 for all
    lock: threading.Lock
    stop: threading.Event  # set when the results are no longer wanted


class _Piece(NamedTuple):
    """Queries first..last of a `_Work`, and the columns they meet."""

    first: int
    last: int
    ranges: tuple[tuple[int, int, bool], ...]  # first and past-the-end place, and whether the tile serves both sides

    @property
    def pairs(self) -> int:
        """Entries of its tiles."""
        return (self.last - self.first) * sum(stop - start for start, stop, _ in self.ranges)


def count_outranking(
    prepared: Prepared,
    queries: npt.NDArray[np.integer],
    offsets: Ints,
    positives: npt.NDArray[np.integer],
    threads: int = 0,
    progress: Callable[[float], None] | None = None,
) -> tuple[npt.NDArray[np.float64], Ints, Ints, int]:
    """Count the negatives that outrank and tie each positive; see `reference.ranking.count_outranking`.

    Cost: 2 d flops in float32 a pair (half that where a tile serves both sides), P comparisons (up to 32 positives
    a query) or one search, and 2 d float64 operations for each positive and each entry inside a band. Memory: what
    `prepare` made, 85 bytes a positive, and two tiles a thread.

    Parameters
    ----------
    prepared, queries, offsets, positives
        As in the reference.
    threads : int, default 0
        Worker threads; 0 takes all cores of this process. The result does not depend on it.
    progress : callable, optional
        Called with the share of the work that is done, 0..1.
    """
    by_place = stable_order(prepared.order.place[queries])
    by_place = by_place[_needed(prepared, prepared.order.place[queries][by_place], np.diff(offsets)[by_place] > 0)]
    sizes = np.diff(offsets)[by_place]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    source = np.repeat(offsets[:-1][by_place] - starts[:-1], sizes) + np.arange(starts[-1])
    rows = prepared.order.place[queries][by_place]
    mates = prepared.order.place[positives[source]]
    m = len(mates)
    values, edges = np.empty(m), np.empty((2, m), np.float32)
    low, high = edges if prepared.operands else (values, values)
    slots = Slots(values, low, high, np.zeros(m, np.int64), np.zeros(m, np.int64))
    share = max(len(rows) // (PIECES * (threads or usable_cores())), LEAST_HEIGHT)
    tile = (min(share, TILE[0]), TILE[1] if prepared.operands else EXACT_COLUMNS)
    depth = DEPTH if m * prepared.rows.x.shape[1] > NARROW_BAND * len(rows) else 0
    work = _Work(
        rows,
        prepared.order.bounds[rows],
        starts,
        mates,
        np.empty(m, np.int64),
        slots,
        tile,
        depth,
        threading.Lock(),
        threading.Event(),
    )
    _set_thresholds(prepared, work, threads)
    # An interrupt should not wait for the tiles of a piece.
    rechecked = run_jobs(list(_jobs(prepared, work)), threads, progress, work.stop)
    out_values, above, tied = np.empty_like(values), np.empty(m, np.int64), np.empty(m, np.int64)
    target = source[work.order]
    out_values[target], above[target], tied[target] = values, slots.above, slots.tied
    return out_values, above, tied, sum(rechecked)


def _needed(p: Prepared, rows: Ints, has: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Say which queries take part: those with positives, and all of a block where tiles serve both sides."""
    blocks = p.order.bounds[rows, 0]
    edges = np.flatnonzero(np.diff(blocks, prepend=-1, append=-1))
    if len(edges) < 2:
        return has
    sizes = np.diff(edges)
    whole = sizes == p.order.bounds[rows[edges[:-1]], 3] - blocks[edges[:-1]]
    both = whole & (sizes >= LEAST_ROWS) & (np.add.reduceat(has, edges[:-1], dtype=np.int64) >= LEAST_SHARE * sizes)
    return has | (np.repeat(both, sizes) & (not p.metric))


def _set_thresholds(p: Prepared, work: _Work, threads: int) -> None:
    """Compute the ranking values of all positives, sort those of each query, and find the edges of their bands."""
    starts, mirror = work.starts, np.empty(0, np.int64)
    if not p.metric:  # scipy's values may depend on which row comes first
        queries = p.rows.at[work.rows]
        mirror = mirrors(queries, starts, p.rows.at[work.mates], stable_order(queries), len(p.rows.x))
    shares = _shares(starts, VALUES_JOB)
    run_jobs([(last - first, partial(_values, p, work, mirror, first, last)) for first, last in shares], threads)
    copy_values(mirror, work.slots.values)
    shares = _shares(starts, EDGES_JOB)
    run_jobs([(last - first, partial(_edges, p, work, first, last)) for first, last in shares], threads)


def _shares(starts: Ints, positives: int) -> Iterator[tuple[int, int]]:
    """Cut the queries into parts of about so many positives, or so that each core finds some parts."""
    step = max(positives, int(starts[-1]) // (SHARES * usable_cores()))
    edges = np.searchsorted(starts, np.arange(0, starts[-1], step))
    yield from itertools.pairwise(np.unique(np.append(edges, len(starts) - 1)).tolist())


def _values(p: Prepared, work: _Work, mirror: Ints, first: int, last: int) -> None:
    """Compute the ranking values of the positives of some queries, but for those that have a mirror."""
    rows, starts, values = work.rows[first:last], work.starts[first : last + 1], work.slots.values
    if not p.metric:
        positive_values(p.rows, rows, starts, work.mates, mirror, values)
        return
    x, at = p.rows.x, p.rows.at
    for place, (start, stop) in zip(rows, itertools.pairwise(starts), strict=True):
        values[start:stop] = metric_values(x[at[[place]]], x[at[work.mates[start:stop]]], p.metric, p.options)
    refuse_nan(values[starts[0] : starts[-1]])


def _edges(p: Prepared, work: _Work, first: int, last: int) -> None:
    """Sort the values of some queries and find the edges of their bands."""
    starts, slots = work.starts[first : last + 1], work.slots
    sort_values(starts, slots.values, work.order)
    if p.operands is not None:
        bound = error_bound(p.rows.x.shape[1], p.operands.form, work.depth)
        here = slice(starts[0], starts[-1])
        band_edges(slots.values[here], p.operands.factor, bound, slots.low[here], slots.high[here])


def _jobs(p: Prepared, work: _Work) -> Iterator[tuple[int, Callable[[], int]]]:
    """Cut the queries into jobs, with their numbers of pairs: pieces of a block, or many small blocks together."""
    edges = np.flatnonzero(np.diff(work.bounds[:, 0], prepend=-1, append=-1))
    pairs = np.diff(edges) * (work.bounds[edges[:-1], 3] - work.bounds[edges[:-1], 0])
    total = np.concatenate([[0], np.cumsum(pairs)])
    small = (pairs < SMALL_BLOCK) & (not p.metric)
    runs = np.flatnonzero(np.diff(small, prepend=~small[:1], append=~small[-1:]))
    for run, end in itertools.pairwise(runs.tolist()):
        if small[run]:
            cuts = np.searchsorted(total, np.arange(total[run], total[end], DIRECT_JOB))
            for k, stop in itertools.pairwise(np.unique([run, *cuts, end]).tolist()):
                yield int(total[stop] - total[k]), partial(_count_direct, p, work, int(edges[k]), int(edges[stop]))
        else:
            for k in range(run, end):
                for piece in _pieces(p, work, int(edges[k]), int(edges[k + 1])):
                    if piece.pairs and _has_positives(work, piece):
                        yield piece.pairs, partial(_count_piece, p, work, piece)


def _has_positives(work: _Work, piece: _Piece) -> bool:
    """Say whether a piece has anything to count: positives of its queries, or of columns that it serves too."""
    first = int(work.rows[piece.first])
    served = [(piece.first + start - first, piece.first + stop - first) for start, stop, both in piece.ranges if both]
    return any(work.starts[stop] > work.starts[start] for start, stop in [(piece.first, piece.last), *served])


def _count_direct(p: Prepared, work: _Work, first: int, last: int) -> int:
    """Count queries of small blocks pair by pair."""
    queries, offsets, slots, _ = side = _side(work, first, last)
    count_direct(p.rows, queries, work.bounds[first:last], offsets, p.order.include, p.order.exclude, slots)
    _add(work, side)
    return 0


def _pieces(p: Prepared, work: _Work, first: int, last: int) -> Iterator[_Piece]:
    """Cut the queries first..last of one block into pieces that share their candidates.

    A segment makes pieces of its own, which skip it, where it fills half a tile, or has all the queries, or is much of
    the block; other segments share a piece, and each query's own is blanked out.
    """
    height = work.tile[0]
    start, stop = int(work.bounds[first, 0]), int(work.bounds[first, 3])
    both = last - first == stop - start >= LEAST_ROWS and not p.metric  # `_needed` has left all rows of such blocks
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
            yield _Piece(q, min(q + height, end), ranges)
        at = end
    yield from _covering(at, last, work, start, stop, both)


def _covering(first: int, last: int, work: _Work, start: int, stop: int, both: bool) -> Iterator[_Piece]:
    """Cut queries first..last into pieces that meet the whole block start..stop."""
    for q in range(first, last, work.tile[0]):
        end = min(q + work.tile[0], last)
        mine, after = int(work.rows[q]), int(work.rows[end - 1]) + 1
        yield _Piece(q, end, ((mine, after, False), (after, stop, True)) if both else ((start, stop, False),))


def _side(work: _Work, first: int, last: int) -> tuple[Ints, Ints, Slots, slice]:
    """Return queries first..last, their offsets and slots from zero, with counts of their own, and where they go."""
    here = slice(work.starts[first], work.starts[last])
    above, tied = np.zeros((2, here.stop - here.start), np.int64)
    slots = Slots(work.slots.values[here], work.slots.low[here], work.slots.high[here], above, tied)
    return work.rows[first:last], work.starts[first : last + 1] - here.start, slots, here


def _add(work: _Work, side: tuple[Ints, Ints, Slots, slice]) -> None:
    """Add counts to those of all."""
    _, _, slots, here = side
    with work.lock:
        work.slots.above[here] += slots.above
        work.slots.tied[here] += slots.tied


def _count_piece(p: Prepared, work: _Work, piece: _Piece) -> int:
    """Count a piece tile by tile; return how many entries were rechecked."""
    queries, offsets, slots, _ = side = _side(work, piece.first, piece.last)
    bounds = work.bounds[piece.first : piece.last]
    exact = p.operands is None
    columns = min(work.tile[1], max(stop - start for start, stop, _ in piece.ranges))
    tile = np.empty((len(queries), columns + GAP), np.float64 if exact else np.float32)
    flipped = np.empty((columns if any(both for *_, both in piece.ranges) else 0, len(queries) + GAP), tile.dtype)
    left = _left(p, queries)
    rechecked = 0
    for start, stop, both in piece.ranges:
        for first in range(start, stop, columns):
            if work.stop.is_set():
                return 0
            width = min(columns, stop - first)
            _fill_tile(p, queries, left, first, width, tile, work.depth)
            blank(tile, width, queries, first, bounds, p.order.include, p.order.exclude)
            if p.metric:
                refuse_nan(tile[:, :width])
            rechecked += count_tile(p.rows, queries, offsets, tile, width, first, FEW_POSITIVES, exact, slots)
            at = piece.first + first - int(queries[0])
            if both and work.starts[at + width] > work.starts[at]:
                transpose(tile, len(queries), width, flipped)
                other = _side(work, at, at + width)
                rechecked += count_tile(
                    p.rows, *other[:2], flipped, len(queries), int(queries[0]), FEW_POSITIVES, exact, other[2]
                )
                _add(work, other)
    _add(work, side)
    return rechecked


def _fill_tile(
    p: Prepared,
    queries: Ints,
    left: npt.NDArray[np.floating],
    first: int,
    width: int,
    tile: npt.NDArray[np.floating],
    depth: int,
) -> None:
    """Compute the similarities of some queries, of which `left` are the rows, to the places first .. first + width."""
    view = tile[:, :width]
    if p.operands is not None:
        right = p.operands.taken(first, first + width).T
        part = slice(0, depth or left.shape[1])
        np.matmul(left[:, part], right[part], out=view)
        while part.stop < left.shape[1]:
            part = slice(part.stop, part.stop + depth)
            view += left[:, part] @ right[part]
        finish(tile, width, queries, first, p.operands.scale, p.operands.form, p.rows.distance)
    elif p.metric:
        view[:] = metric_values(left, p.rows.x[p.rows.at[first : first + width]], p.metric, p.options)
    else:
        fill_values(p.rows, queries, first, tile, width)


def _left(p: Prepared, queries: Ints) -> npt.NDArray[np.floating]:
    """Return the rows of ascending queries that a tile is computed from; none where it is computed pair by pair."""
    if p.operands is not None:
        first, last = int(queries[0]), int(queries[-1]) + 1
        return p.operands.taken(first, last, None if last - first == len(queries) else queries)
    return p.rows.x[p.rows.at[queries]] if p.metric else p.rows.x[:0]
