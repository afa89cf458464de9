"""Exact nearest neighbours on the CPU: float32 tiles by BLAS, certified by float64.

A tile of similarities serves the rows on both sides. Each row keeps the entries that may be among its k nearest
(`kept`): those at or above a floor less the error bound of an approximation (`rank.operands`), so no row is left out
that the float64 values of the definition would choose. What is kept at the end is computed in float64 and sorted.

Many rows meet a sample first: rows are placed at random, and those of the first blocks are the sample. The r-th largest
of s sampled entries is seldom among the k largest of all n, where r is well above k s / n, so it is a floor that about
r n / s entries reach, instead of the k (1 + ln n / k) that are ever among the k largest so far. A row of which fewer
than k reach it is searched again.

Where bands of float32 hold too many entries (rows that lie together, seen from a common centre far away), the tiles of
that row are multiplied in float64, and where that does not help either (duplicates), or the distance is no function of
a product, all its values are those of the definition.

Cost: d flops in float32 and a compare a pair, 2 d float64 operations for each of the some 1.1 k entries kept. Memory:
the operands and 12 k bytes a row; from `SHARED_BYTES` on, rows are searched piece by piece, in twice the flops, and
only those of a piece keep entries.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ...backend import Neighbors
from ...compile import njit
from ...cores import run_jobs, usable_cores
from ...names import DISTANCE_TABLE
from ..rank.counting import GAP
from ..rank.operands import Operands, double_bound, double_rows, double_scale, error_bound, operands
from ..rank.rows import Rows, describe_rows
from ..rank.tiles import finish
from ..similarity import pair_value
from .kept import FULL, SHORT, Kept, Scratch, keep, settle, write_kept
from .selection import write_nearest

__all__ = ["Search", "band_of", "nearest_neighbors", "search_of", "search_rest", "write"]

#: Rows on each side of a tile.
SIDE = 1024
#: Least room for entries beyond k.
ROOM = 128
#: Bytes of entries up to which all rows keep theirs at the same time.
SHARED_BYTES = 1 << 29
#: Rows of a sample: this share of all, but so many at least; of fewer than so many rows, none is drawn.
SAMPLED_SHARE, LEAST_SAMPLED, SAMPLED_FROM = 1 / 16, 2048, 8192
#: Standard deviations between the k s / n entries of a sample that are among the k largest, on average, and r.
SURE = 2.5

Ints = npt.NDArray[np.int64]
Progress = Callable[[float], None]


class Search(NamedTuple):
    """What all jobs of a call share."""

    rows: Rows
    chosen: Operands | None
    k: int
    found: Neighbors
    stop: threading.Event
    sampled: int = 0  # rows of the sample, which have the first places
    rank: int = 0  # of the floor that the sample sets

    @property
    def room(self) -> int:
        """Entries that a row has room for."""
        return self.k + max(self.k // 2, ROOM)


def nearest_neighbors(
    features: npt.NDArray[np.floating],
    k: int,
    distance: str,
    threads: int = 0,
    progress: Callable[[float], None] | None = None,
) -> Neighbors:
    """Return the k nearest other rows of each row; see `reference.proximity.neighbors.nearest_neighbors`."""
    search = search_of(features, k, distance, sample=True)
    n = len(search.found.indices)
    if not n or not k:
        return search.found
    left = np.arange(n)
    if search.chosen is not None:
        if n * search.room * 8 <= SHARED_BYTES:
            left = _by_shared_tiles(search, threads, progress)
        else:
            left = _in_pieces(partial(_by_products, search, np.float32), left, search, threads, progress)
    search_rest(search, left, threads, None if search.chosen else progress)
    return search.found


def search_of(features: npt.NDArray[np.floating], k: int, distance: str, *, sample: bool = False) -> Search:
    """Return what the jobs of a call share; with a `sample`, where there are rows enough, they are placed at random."""
    x = np.ascontiguousarray(features)
    n = len(x)
    sampled = rank = 0
    if sample and n >= SAMPLED_FROM:
        sampled = -(-max(LEAST_SAMPLED, math.ceil(n * SAMPLED_SHARE)) // SIDE) * SIDE
        expected = k * sampled / n
        rank = math.ceil(expected + SURE * math.sqrt(expected)) + 1
        sampled = sampled if rank < k and sampled < n else 0
    places = np.random.default_rng(0).permutation(n) if sampled else np.arange(n)
    rows = describe_rows(x, places, DISTANCE_TABLE[distance])
    chosen = operands(rows, DISTANCE_TABLE[distance]) if n else None
    found = Neighbors(np.empty((n, k), np.int64), np.empty((n, k)))
    return Search(rows, chosen, k, found, threading.Event(), sampled, rank)


def search_rest(search: Search, left: Ints, threads: int = 0, progress: Callable[[float], None] | None = None) -> None:
    """Search rows whose band of float32 was too full: in float64, and by the definition."""
    if search.chosen is not None:
        left = _in_pieces(partial(_by_products, search, np.float64), left, search, threads)
    _in_pieces(partial(_by_definition, search), left, search, threads, progress)


def _in_pieces(
    of: Callable[[Ints], Ints], left: Ints, search: Search, threads: int, progress: Progress | None = None
) -> Ints:
    """Search some rows, given by place, piece by piece; return those whose band was too full."""
    step = min(SIDE, max(len(left) // (4 * (threads or usable_cores())), 16))
    pieces = [left[first : first + step] for first in range(0, len(left), step)]
    jobs: list[tuple[int, Callable[[], Ints]]] = [(len(piece), partial(of, piece)) for piece in pieces]
    return np.concatenate([left[:0], *run_jobs(jobs, threads, progress, search.stop)])


def _by_shared_tiles(search: Search, threads: int, progress: Progress | None) -> Ints:
    """Search all rows in tiles that serve both sides; return the rows whose band was too full."""
    n, band = len(search.rows.x), band_of(search)
    kept = Kept.of(n, search.room, search.rank if search.sampled else search.k, np.float32)
    side = SIDE if search.sampled else min(SIDE, max(n // (2 * (threads or usable_cores())), 16))
    blocks = [(first, min(first + side, n)) for first in range(0, n, side)]
    locks = [threading.Lock() for _ in blocks]

    def tiles(pairs: list[tuple[int, int]], settled: int = -1) -> None:
        tile, scratch = np.empty((side, side + GAP), np.float32), Scratch.of(search.room, np.float32)
        for one, other in pairs:
            if search.stop.is_set():
                return
            (first, last), (start, stop) = blocks[one], blocks[other]
            queries = np.arange(first, last)
            _fill(search, tile, queries, start, stop - start)
            with ExitStack() as held:
                for block in sorted({one, other}):
                    held.enter_context(locks[block])
                keep(tile, stop - start, queries, queries, start, one != other, band, kept, scratch)
        if settled >= 0:
            settle(*blocks[settled], search.k, band, kept, scratch.entries)

    def finished(first: int, last: int) -> None:
        write(search, np.arange(first, last), np.arange(first, last), band, kept)

    drawn = search.sampled // side
    of_sample = range(drawn)
    run_jobs([(1, partial(tiles, [pair])) for pair in _ring(of_sample)], threads, None, search.stop)
    run_jobs([(1, partial(tiles, [], block)) for block in of_sample], threads)
    rest = range(drawn, len(blocks))
    # Jobs that run together begin with different blocks of the sample.
    first_jobs = [
        (drawn, partial(tiles, [(block, (block + step) % drawn) for step in of_sample], block if drawn else -1))
        for block in (rest if drawn else ())
    ]
    pairs = _ring(rest)
    few = max(len(pairs) // 400, 1)
    jobs = [(len(pairs[at : at + few]), partial(tiles, pairs[at : at + few])) for at in range(0, len(pairs), few)]
    share = drawn * len(first_jobs) / max(drawn * len(first_jobs) + len(pairs), 1)
    run_jobs(first_jobs, threads, _part(progress, 0, share), search.stop)
    run_jobs(jobs, threads, _part(progress, share, 1 - share), search.stop)
    run_jobs([(1, partial(finished, *block)) for block in blocks], threads)
    short = np.flatnonzero(kept.filled == SHORT)
    again = partial(_by_products, search._replace(sampled=0), np.float32)
    return np.concatenate([np.flatnonzero(kept.filled == FULL), _in_pieces(again, short, search, threads)])


def _ring(blocks: range) -> list[tuple[int, int]]:
    """Return all pairs of blocks; a block meets itself first, so that the floors of its rows are soon high."""
    count = len(blocks)
    pairs = [(one, (one + step) % count) for step in range(count // 2 + 1) for one in range(count)]
    if count and count % 2 == 0:
        pairs = pairs[: len(pairs) - count // 2]  # at half way round, each pair would come twice
    return [(blocks[one], blocks[other]) for one, other in pairs]


def _part(progress: Progress | None, start: float, share: float) -> Progress | None:
    """Return the progress of a part of the work."""
    return None if progress is None else lambda done: progress(start + share * done)


def _by_products(search: Search, kind: type[np.floating], queries: Ints) -> Ints:
    """Search the rows at places `queries` in tiles of a type; return those whose band was too full."""
    n = len(search.rows.x)
    sampled = search.sampled
    kept = Kept.of(len(queries), search.room, search.rank if sampled else search.k, kind)
    slots = np.arange(len(queries))
    tile, scratch = np.empty((len(queries), min(SIDE, n) + GAP), kind), Scratch.of(search.room, kind)
    band = band_of(search, kind)
    for start in range(0, n, SIDE):
        if search.stop.is_set():
            return queries[:0]
        if sampled and start == sampled:
            settle(0, len(slots), search.k, band, kept, scratch.entries)
        width = min(SIDE, n - start)
        _fill(search, tile, queries, start, width)
        keep(tile, width, queries, slots, start, False, band, kept, scratch)
    write(search, queries, slots, band, kept)
    short = queries[kept.filled == SHORT]
    again = _by_products(search._replace(sampled=0), kind, short) if len(short) else short
    return np.concatenate([queries[kept.filled == FULL], again])


def _by_definition(search: Search, queries: Ints) -> Ints:
    """Search the rows at places `queries` by the values of the definition; none is left."""
    n = len(search.rows.x)
    values, order = np.empty(n), np.empty((2, n), np.int64)
    for row in search.rows.at[queries].tolist():
        if search.stop.is_set():
            break
        _values_of(search.rows, row, values)
        # Only those at or above the k-th largest value are sorted.
        least = np.partition(values, n - search.k)[n - search.k]
        few = np.flatnonzero(values >= least).astype(np.int32)
        write_nearest(values[few], few, len(few), order, search.found.indices[row], search.found.values[row])
    return queries[:0]


def band_of(search: Search, kind: type[np.floating] = np.float32) -> float:
    """Return twice the error bound of an entry."""
    assert search.chosen is not None
    bound = double_bound if kind is np.float64 else error_bound
    return 2 * bound(search.rows.x.shape[1], search.chosen.form)


def _fill(search: Search, tile: npt.NDArray[Any], queries: Ints, start: int, width: int) -> None:
    """Compute the similarities of queries to the places start .. start + width."""
    rows, chosen = search.rows, search.chosen
    assert chosen is not None
    double = tile.dtype == np.float64
    mine, others = (
        (double_rows(rows, chosen, queries), double_rows(rows, chosen, slice(start, start + width)))
        if double
        else (chosen.taken(0, len(rows.at), queries), chosen.taken(start, start + width))
    )
    np.matmul(mine, others.T, out=tile[: len(queries), :width])
    finish(tile, width, queries, start, double_scale(chosen) if double else chosen.scale, chosen.form, rows.distance)


def write(search: Search, queries: Ints, slots: Ints, band: float, kept: Kept) -> None:
    """Compute what the rows at places `queries` kept in float64, and write their nearest."""
    scratch = np.empty(search.room, kept.floor.dtype)
    exact, order = np.empty(search.room), np.empty((2, search.room), np.int64)
    found = search.found
    write_kept(search.rows, queries, slots, search.k, band, kept, scratch, exact, order, found.indices, found.values)


@njit
def _values_of(rows, row, values):
    """Fill values (n,) with the ranking values of a row with all others; its own is minus infinity."""
    for other in range(values.size):
        values[other] = pair_value(rows.x, row, other, rows.shift, rows.norm, rows.distance)
    values[row] = -np.inf
