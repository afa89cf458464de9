"""The counts behind average precision on the CPU: float32 tiles by BLAS, certified by float64.

Queries in working order are cut into pieces; a piece meets its candidates tile by tile: a product, or float64 values
where the distance is no function of a product; what is no negative is blanked out, and the rows of the tile are
counted. The modules of `rank` do this work; its docstring walks from a query to its counts. Where all rows of a block
are queries, a tile serves both sides: it is computed once, for rows before columns, and counted again by column.

Counts are sums of integers, so neither the cut nor the order of the threads can be seen in them.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..backend import Outranking, Status
from ..codes import PairCodes, stable_order
from ..cores import run_jobs, usable_cores
from ..names import ABS_COSINE, DISTANCE_TABLE, Distance, Similarity, is_metric
from ..reference.metrics import MetricOptions, metric_options, metric_values, why_not_numbers
from .rank.counting import GAP, Slots, count_direct, count_tile, fill_tables, gather_counts
from .rank.operands import SCALED, Operands, double_bound, double_rows, double_scale, error_bound, operands
from .rank.order import Order, work_order
from .rank.pieces import LEAST_HEIGHT, Piece, Work, has_positives, needed, pieces
from .rank.rows import Rows, describe_rows
from .rank.thresholds import band_edges, copy_values, mirrors, positive_values, sort_values, visiting_order
from .rank.tiles import blank, fill_values, finish, narrow

__all__ = ["Prepared", "count_outranking", "prepare"]

#: Most queries, and columns, of a float32 tile. At 4 MB the product is fast, and most of a tile row is in the
#: second-level cache when it is counted.
TILE = (1024, 1024)
#: Pieces that each thread should find.
PIECES = 4
#: Columns of a float64 tile.
EXACT_COLUMNS = 512
#: Positives a query times features from which bands of float32 cost more than a product of float64.
DOUBLE_FROM = 65_536
#: Columns of float64 that are multiplied at once, and how many more columns than others such tiles have: what is made
#: ready for each of its rows, many thresholds, then serves more entries.
DOUBLE_COLUMNS, DOUBLE_WIDER = 256, 2
#: Queries whose counts one lock keeps.
LOCKED = 256
#: Up to this many positives a query, thresholds are compared one by one; above it, they are searched.
FEW_POSITIVES = 32
#: Blocks of fewer pairs are not worth a tile, and are put together to jobs of about so many pairs.
SMALL_BLOCK, DIRECT_JOB = 1024, 100_000
#: Fewest positives of a job that computes values, and of one that sorts them.
VALUES_JOB, EDGES_JOB = 2_000, 10_000
#: Most parts that each core finds.
SHARES = 16

Ints = npt.NDArray[np.int64]


class Prepared(NamedTuple):
    """A working order of rows and what the kernels need about them."""

    order: Order
    rows: Rows
    distance: Distance | None  # None where scipy computes it
    operands: Operands | None  # where the distance is a function of a product
    metric: str | Similarity  # a name of scipy or a function; empty where fastbench computes the distance
    options: MetricOptions  # of that metric
    precision: str = "float32"

    @property
    def status(self) -> Status:
        """``REFUSED`` where these features have no such distance."""
        return Status.REFUSED if self.reason else Status.READY

    @property
    def reason(self) -> str:
        """Why they have none, as part of a sentence; else empty."""
        return self.options.reason

    @property
    def norms(self) -> npt.NDArray[np.float64]:
        """Length of each row, (n,), in the order of the caller, of the distances that divide by it."""
        return self.rows.norm


def prepare(features: npt.NDArray[np.floating], distance: str | Similarity, negatives: PairCodes) -> Prepared:
    """Set up the counting for one feature matrix and one rule; see `reference.ranking.prepare`.

    Float32 features are used where they lie, a memory map included, if the distance is ``cosine`` or ``abs_cosine``
    and all norms are ordinary; else a float32 copy is made.
    """
    order = work_order(negatives)
    x = np.ascontiguousarray(features)
    if not isinstance(distance, str) or is_metric(distance):
        rows = Rows(x, order.rows, np.empty(0), np.empty(0), np.empty(0, np.int64), -1)
        options = metric_options(features, distance)  # in the order of the caller
        return Prepared(order, rows, None, None, distance, options)
    traits = DISTANCE_TABLE[distance]
    rows = describe_rows(x, order.rows, traits)
    return Prepared(order, rows, traits, operands(rows, traits), "", MetricOptions({}))


class _Done(NamedTuple):
    """What a job returns."""

    rechecked: int = 0
    reason: str = ""  # why a similarity cannot be ranked


def count_outranking(
    prepared: Prepared,
    queries: npt.NDArray[np.integer],
    offsets: Ints,
    positives: npt.NDArray[np.integer],
    threads: int = 0,
    progress: Callable[[float], None] | None = None,
) -> Outranking:
    """Count the negatives that outrank and tie each positive; see `reference.ranking.count_outranking`.

    Cost: 2 d flops in float32 a pair, in float64 where queries have very many positives (half that where a tile serves
    both sides), P comparisons (up to 32 positives a query) or one search, and 2 d float64 operations for each positive
    and each entry inside a band. Memory: what `prepare` made, up to 44 bytes a positive, and one tile a thread.

    Parameters
    ----------
    prepared, queries, offsets, positives
        As in the reference.
    threads : int, default 0
        Worker threads; 0 takes all cores of this process. The result does not depend on it.
    progress : callable, optional
        Called with the share of the work that is done, 0..1.
    """
    order = prepared.order
    by_place = stable_order(order.place[queries])
    places, has = order.place[queries][by_place], np.diff(offsets)[by_place] > 0
    by_place = by_place[needed(order, places, has, not prepared.metric)]
    rows, firsts = order.place[queries][by_place], offsets[:-1][by_place]
    starts = np.concatenate([[0], np.cumsum(np.diff(offsets)[by_place])])
    values = np.empty(len(positives))
    reason = _fill_values(prepared, queries, offsets, positives, by_place, starts, values, threads)
    m = int(starts[-1])
    none = np.empty(0)
    if reason:
        return Outranking(values, np.zeros(m, np.int64), np.zeros(m, np.int64), 0, Status.REFUSED, reason)
    ascending = np.empty(m)
    low, high = np.empty((2, m), np.float32) if prepared.operands else (ascending, ascending)
    above32, tied32, table = np.zeros((3, m), np.int32)
    slots = Slots(ascending, low, high, above32, tied32, table)
    double = m * prepared.rows.x.shape[1] > DOUBLE_FROM * len(rows) and prepared.operands is not None
    share = max(len(rows) // (PIECES * (threads or usable_cores())), LEAST_HEIGHT)
    width = TILE[1] * (DOUBLE_WIDER if double else 1) if prepared.operands else EXACT_COLUMNS
    work = Work(
        rows,
        order.bounds[rows],
        starts,
        firsts,
        np.empty(m, np.int32),
        slots,
        (min(share, TILE[0]), width),
        double_scale(prepared.operands) if double and prepared.operands else None,
        tuple(threading.Lock() for _ in range(0, len(rows), LOCKED)),
        threading.Event(),
    )
    _run_shares(starts, EDGES_JOB, partial(_edges, prepared, work, values), threads)
    # An interrupt should not wait for the tiles of a piece.
    done = run_jobs(list(_jobs(prepared, work)), threads, progress, work.stop)
    work = work._replace(slots=slots._replace(values=none, low=none, high=none))
    del ascending, low, high, above32, tied32, table, slots
    above, tied = np.empty((2, m), np.int64)

    def gather(first: int, last: int) -> _Done:
        mine = starts[first : last + 1], work.order, FEW_POSITIVES, work.slots
        gather_counts(*mine, firsts[first:last], above, tied)
        return _Done()

    _run_shares(starts, EDGES_JOB, gather, threads)
    reason = _first_reason(done)
    status = Status.REFUSED if reason else Status.READY
    return Outranking(values, above, tied, sum(each.rechecked for each in done), status, reason)


def _first_reason(done: list[_Done]) -> str:
    return next((each.reason for each in done if each.reason), "")


def _fill_values(
    p: Prepared,
    queries: npt.NDArray[np.integer],
    offsets: Ints,
    positives: npt.NDArray[np.integer],
    by_place: Ints,
    starts: Ints,
    values: npt.NDArray[np.float64],
    threads: int,
) -> str:
    """Write the ranking values of all positives; return why they cannot be ranked, empty where they can.

    The work is cut by place, because neighbours there often have the same positives.
    """
    at = np.asarray(queries, np.int64)
    rows, firsts, lasts = at[by_place], offsets[:-1][by_place], offsets[1:][by_place]
    mirror = np.empty(0, np.int64)
    if not p.metric:  # scipy's values may depend on which row comes first
        order = visiting_order(at, offsets, positives, len(p.rows.x))
        mirror = mirrors(at, offsets, positives, order, len(p.rows.x))

    def fill(first: int, last: int) -> _Done:
        mine = slice(first, last)
        if not p.metric:
            positive_values(p.rows, rows[mine], firsts[mine], lasts[mine], positives, mirror, values)
            return _Done()
        x, reason = p.rows.x, ""
        for row, start, stop in zip(rows[mine], firsts[mine], lasts[mine], strict=True):
            values[start:stop] = metric_values(x[[row]], x[positives[start:stop]], p.metric, p.options)
            reason = reason or why_not_numbers(values[start:stop])
        return _Done(reason=reason)

    reason = _first_reason(_run_shares(starts, VALUES_JOB, fill, threads))
    if not p.metric:

        def copy(first: int, last: int) -> _Done:
            copy_values(firsts[first:last], lasts[first:last], mirror, values)
            return _Done()

        _run_shares(starts, EDGES_JOB, copy, threads)
    return reason


def _run_shares(starts: Ints, positives: int, job: Callable[[int, int], _Done], threads: int) -> list[_Done]:
    """Call ``job(first, last)`` on parts of the queries, see `_shares`."""
    shares = _shares(starts, positives)
    return run_jobs([(last - first, partial(job, first, last)) for first, last in shares], threads)


def _shares(starts: Ints, positives: int) -> Iterator[tuple[int, int]]:
    """Cut the queries into parts of about so many positives, or so that each core finds some parts."""
    step = max(positives, int(starts[-1]) // (SHARES * usable_cores()))
    edges = np.searchsorted(starts, np.arange(0, starts[-1], step))
    yield from itertools.pairwise(np.unique(np.append(edges, len(starts) - 1)).tolist())


def _edges(p: Prepared, work: Work, values: npt.NDArray[np.float64], first: int, last: int) -> _Done:
    """Sort the values of some queries and find the edges of their bands."""
    starts, slots = work.starts[first : last + 1], work.slots
    sort_values(work.firsts[first:last], values, starts, slots.values, work.order)
    if p.operands is not None:
        bound_of = error_bound if work.double_scale is None else double_bound
        bound = bound_of(p.rows.x.shape[1], p.operands.form)
        here = slice(starts[0], starts[-1])
        band_edges(slots.values[here], p.operands.factor, bound, slots.low[here], slots.high[here])
    fill_tables(starts, FEW_POSITIVES, slots, np.empty(2, slots.high.dtype))
    return _Done()


def _jobs(p: Prepared, work: Work) -> Iterator[tuple[int, Callable[[], _Done]]]:
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
                for piece in pieces(work, int(edges[k]), int(edges[k + 1]), not p.metric):
                    if piece.pairs and has_positives(work, piece):
                        yield piece.pairs, partial(_count_piece, p, work, piece)


def _count_direct(p: Prepared, work: Work, first: int, last: int) -> _Done:
    """Count queries of small blocks pair by pair."""
    queries, offsets = work.rows[first:last], work.starts[first : last + 1]
    keys = p.order.include, p.order.exclude
    count_direct(p.rows, queries, work.bounds[first:last], offsets, *keys, FEW_POSITIVES, work.slots)
    return _Done()


def _count_piece(p: Prepared, work: Work, piece: Piece) -> _Done:
    """Count a piece tile by tile."""
    queries, bounds = work.rows[piece.first : piece.last], work.bounds[piece.first : piece.last]
    columns = min(work.tile[1], max(stop - start for start, stop, _ in piece.ranges))
    tile = np.empty((len(queries), columns + GAP), np.float32 if p.operands is not None else np.float64)
    parts = min(columns, DOUBLE_COLUMNS) if work.double_scale is not None else columns
    products = np.empty((len(queries), parts)) if work.double_scale is not None else tile
    left = _left(p, queries, work.double_scale)
    rechecked = 0
    for start, stop, both in piece.ranges:
        for first in range(start, stop, columns):
            if work.stop.is_set():
                return _Done()
            width = min(columns, stop - first)
            for part in range(0, width, parts):
                narrower = min(parts, width - part)
                _fill_tile(p, queries, left, first + part, narrower, products, work.double_scale)
                if products is not tile:
                    narrow(products, narrower, tile, part)
            blank(tile, width, queries, first, bounds, p.order.include, p.order.exclude)
            if p.metric and (reason := why_not_numbers(tile[:, :width])):
                work.stop.set()
                return _Done(reason=reason)
            rechecked += _count_tile(p, work, piece.first, piece.last, tile, width, first)
            at = piece.first + first - int(queries[0])
            if both and work.starts[at + width] > work.starts[at]:
                rechecked += _count_tile(p, work, at, at + width, tile, len(queries), int(queries[0]), turned=True)
    return _Done(rechecked)


def _count_tile(
    p: Prepared,
    work: Work,
    first: int,
    last: int,
    tile: npt.NDArray[np.floating],
    width: int,
    place: int,
    turned: bool = False,
) -> int:
    """Count a tile of the queries first..last and the places from `place` on; its queries are its columns if `turned`.

    Other tiles add to the counts of the same queries, so each part of them is locked while it is counted.
    """
    rechecked = 0
    edges = [first, *range(first - first % LOCKED + LOCKED, last, LOCKED), last]
    for start, stop in itertools.pairwise(edges):
        with work.locks[start // LOCKED]:
            rechecked += count_tile(
                p.rows,
                work.rows[start:stop],
                work.starts[start : stop + 1],
                tile if turned else tile[start - first :],
                width,
                place,
                FEW_POSITIVES,
                p.operands is None,
                work.slots,
                start - first if turned else -1,
            )
    return rechecked


def _fill_tile(
    p: Prepared,
    queries: Ints,
    left: npt.NDArray[np.floating],
    first: int,
    width: int,
    tile: npt.NDArray[np.floating],
    double_scale: npt.NDArray[np.float64] | None,
) -> None:
    """Compute the similarities of some queries, of which `left` are the rows, to the places first .. first + width."""
    view = tile[:, :width]
    if p.operands is not None:
        form, scale = p.operands.form, p.operands.scale if double_scale is None else double_scale
        if double_scale is None:
            np.matmul(left, p.operands.taken(first, first + width).T, out=view)
        else:
            np.matmul(left, double_rows(p.rows, p.operands, slice(first, first + width)).T, out=view)
        if double_scale is None or form != SCALED or p.rows.distance == ABS_COSINE:  # else there is nothing to do
            finish(tile, width, queries, first, scale, form, p.rows.distance)
    elif p.metric:
        view[:] = metric_values(left, p.rows.x[p.rows.at[first : first + width]], p.metric, p.options)
    else:
        fill_values(p.rows, queries, first, tile, width)


def _left(p: Prepared, queries: Ints, double_scale: npt.NDArray[np.float64] | None) -> npt.NDArray[np.floating]:
    """Return the rows of ascending queries that a tile is computed from; none where it is computed pair by pair."""
    if p.operands is not None and double_scale is not None:
        return double_rows(p.rows, p.operands, queries)
    if p.operands is not None:
        first, last = int(queries[0]), int(queries[-1]) + 1
        return p.operands.taken(first, last, None if last - first == len(queries) else queries)
    return p.rows.x[p.rows.at[queries]] if p.metric else p.rows.x[:0]
