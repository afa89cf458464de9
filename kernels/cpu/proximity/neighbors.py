"""Exact nearest neighbours on the CPU: float32 tiles by BLAS, certified by float64.

A tile of similarities serves the rows on both sides. Each row keeps the entries that may be among its k nearest: those
at or above a floor, which rises as nearer ones are found. The floor is the k-th largest approximation so far, less
twice the error bound of an approximation (`rank.operands`), so no row is left out that the float64 values of the
definition would choose. What is kept at the end is computed in float64 and sorted.

Where bands of float32 hold too many entries (rows that lie together, seen from a common centre far away), the tiles of
that row are multiplied in float64, and where that does not help either (duplicates), or the distance is no function of
a product, all its values are those of the definition.

Cost: d flops in float32 and a compare a pair, 2 d float64 operations for each of the some 1.1 k entries kept. Memory:
the operands and 12 k bytes a row; from `SHARED_BYTES` on, rows are searched piece by piece, in twice the flops, and
only those of a piece keep entries.
"""

from __future__ import annotations

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
from .selection import kth_largest, write_nearest

__all__ = ["Kept", "Search", "band_of", "nearest_neighbors", "search_of", "search_rest", "write_kept"]

#: Rows on each side of a tile.
SIDE = 1024
#: Entries of a tile row that are compared at once; a multiple of 8.
STRIDE = 64
#: Least room for entries beyond k.
ROOM = 128
#: Bytes of entries up to which all rows keep theirs at the same time.
SHARED_BYTES = 1 << 29

Ints = npt.NDArray[np.int64]


class Kept(NamedTuple):
    """Entries that may be among the nearest of some rows, a slot each; numbers of the type of the tiles."""

    filled: Ints  # (s,) entries, or -1 where more lie within the band than there is room for
    floor: npt.NDArray[np.floating]  # (s,)
    rows: npt.NDArray[np.int32]  # (s, room)
    entries: npt.NDArray[np.floating]  # (s, room)


class _Scratch(NamedTuple):
    """Room for a thread."""

    entries: npt.NDArray[np.floating]  # (room,)
    marks: npt.NDArray[np.uint8]  # (STRIDE,)
    words: npt.NDArray[np.uint64]  # the same memory, eight at a time

    @classmethod
    def of(cls, room: int, kind: type[np.floating]) -> _Scratch:
        """Return room for entries of a type."""
        words = np.zeros(STRIDE // 8, np.uint64)
        return cls(np.empty(room, kind), words.view(np.uint8), words)


class Search(NamedTuple):
    """What all jobs of a call share."""

    rows: Rows
    chosen: Operands | None
    k: int
    found: Neighbors
    stop: threading.Event

    @property
    def room(self) -> int:
        """Entries that a row has room for."""
        return self.k + max(self.k // 2, ROOM)

    def empty(self, slots: int, kind: type[np.floating]) -> Kept:
        """Return room for so many rows."""
        return Kept(
            np.zeros(slots, np.int64),
            np.full(slots, -np.inf, kind),
            np.empty((slots, self.room), np.int32),
            np.empty((slots, self.room), kind),
        )


def nearest_neighbors(
    features: npt.NDArray[np.floating],
    k: int,
    distance: str,
    threads: int = 0,
    progress: Callable[[float], None] | None = None,
) -> Neighbors:
    """Return the k nearest other rows of each row; see `reference.proximity.neighbors.nearest_neighbors`."""
    search = search_of(features, k, distance)
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


def search_of(features: npt.NDArray[np.floating], k: int, distance: str) -> Search:
    """Return what the jobs of a call share."""
    x = np.ascontiguousarray(features)
    n = len(x)
    rows = describe_rows(x, np.arange(n), DISTANCE_TABLE[distance])
    chosen = operands(rows, DISTANCE_TABLE[distance]) if n else None
    return Search(rows, chosen, k, Neighbors(np.empty((n, k), np.int64), np.empty((n, k))), threading.Event())


def search_rest(search: Search, left: Ints, threads: int = 0, progress: Callable[[float], None] | None = None) -> None:
    """Search rows whose band of float32 was too full: in float64, and by the definition."""
    if search.chosen is not None:
        left = _in_pieces(partial(_by_products, search, np.float64), left, search, threads)
    _in_pieces(partial(_by_definition, search), left, search, threads, progress)


def _in_pieces(
    of: Callable[[Ints], Ints],
    left: Ints,
    search: Search,
    threads: int,
    progress: Callable[[float], None] | None = None,
) -> Ints:
    """Search some rows piece by piece; return those whose band was too full."""
    step = min(SIDE, max(len(left) // (4 * (threads or usable_cores())), 16))
    pieces = [left[first : first + step] for first in range(0, len(left), step)]
    jobs: list[tuple[int, Callable[[], Ints]]] = [(len(piece), partial(of, piece)) for piece in pieces]
    return np.concatenate([left[:0], *run_jobs(jobs, threads, progress, search.stop)])


def _by_shared_tiles(search: Search, threads: int, progress: Callable[[float], None] | None) -> Ints:
    """Search all rows in tiles that serve both sides; return the rows whose band was too full."""
    n = len(search.rows.x)
    kept = search.empty(n, np.float32)
    side = min(SIDE, max(n // (2 * (threads or usable_cores())), 16))
    blocks = [(first, min(first + side, n)) for first in range(0, n, side)]
    locks = [threading.Lock() for _ in blocks]

    def tiles(pairs: list[tuple[int, int]]) -> None:
        tile, scratch = np.empty((side, side + GAP), np.float32), _Scratch.of(search.room, np.float32)
        for one, other in pairs:
            if search.stop.is_set():
                return
            (first, last), (start, stop) = blocks[one], blocks[other]
            queries = np.arange(first, last)
            _fill(search, tile, queries, start, stop - start)
            with ExitStack() as held:
                for block in sorted({one, other}):
                    held.enter_context(locks[block])
                _keep(
                    tile, stop - start, queries, queries, start, one != other, search.k, band_of(search), kept, scratch
                )

    def finished(first: int, last: int) -> None:
        write_kept(search, np.arange(first, last), np.arange(first, last), band_of(search), kept)

    # A row meets those of its own block first, so that its floor is soon high.
    pairs = [(one, (one + step) % len(blocks)) for step in range(len(blocks) // 2 + 1) for one in range(len(blocks))]
    if len(blocks) % 2 == 0:
        pairs = pairs[: len(pairs) - len(blocks) // 2]  # at half way round, each pair would come twice
    few = max(len(pairs) // 400, 1)
    jobs = [(1, partial(tiles, pairs[at : at + few])) for at in range(0, len(pairs), few)]
    run_jobs(jobs, threads, progress, search.stop)
    run_jobs([(1, partial(finished, *block)) for block in blocks], threads)
    return np.flatnonzero(kept.filled < 0)


def _by_products(search: Search, kind: type[np.floating], queries: Ints) -> Ints:
    """Search the rows `queries` in tiles of a type; return those whose band was too full."""
    n = len(search.rows.x)
    kept, slots = search.empty(len(queries), kind), np.arange(len(queries))
    tile, scratch = np.empty((len(queries), min(SIDE, n) + GAP), kind), _Scratch.of(search.room, kind)
    band = band_of(search, kind)
    for start in range(0, n, SIDE):
        if search.stop.is_set():
            return queries[:0]
        width = min(SIDE, n - start)
        _fill(search, tile, queries, start, width)
        _keep(tile, width, queries, slots, start, False, search.k, band, kept, scratch)
    write_kept(search, queries, slots, band, kept)
    return queries[kept.filled < 0]


def _by_definition(search: Search, queries: Ints) -> Ints:
    """Search the rows `queries` by the values of the definition; none is left."""
    n = len(search.rows.x)
    values, order = np.empty(n), np.empty((2, n), np.int64)
    for row in queries.tolist():
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
    """Compute the similarities of queries to the rows start .. start + width."""
    rows, chosen = search.rows, search.chosen
    assert chosen is not None
    double = tile.dtype == np.float64
    here = slice(start, start + width)
    mine, others = (
        (double_rows(rows, chosen, queries), double_rows(rows, chosen, here))
        if double
        else (chosen.rows[queries], chosen.rows[here])
    )
    np.matmul(mine, others.T, out=tile[: len(queries), :width])
    finish(tile, width, queries, start, double_scale(chosen) if double else chosen.scale, chosen.form, rows.distance)


def write_kept(search: Search, queries: Ints, slots: Ints, band: float, kept: Kept) -> None:
    """Compute what rows kept in float64, and write their nearest."""
    scratch = np.empty(search.room, kept.floor.dtype)
    exact, order = np.empty(search.room), np.empty((2, search.room), np.int64)
    found = search.found
    _write_kept(search.rows, queries, slots, search.k, band, kept, scratch, exact, order, found.indices, found.values)


@njit
def _keep(tile, width, queries, slots, first, both, k, band, kept, scratch):
    """Keep the entries of a tile at or above the floor of their row, and of their column where `both`.

    slots (q,) are those of the queries in `kept`; the slot of a column is its row.
    """
    floor = kept.floor
    space, marks, words = scratch
    for q in range(queries.size):
        slot, row = slots[q], queries[q]
        for start in range(0, width, STRIDE):
            part = tile[q, start : min(start + STRIDE, width)]
            column = first + start
            least = floor[slot]
            reached = np.int32(0)
            if both:
                theirs = floor[column : column + part.size]
                for j in range(part.size):
                    reached = np.int32(reached + ((part[j] >= least) | (part[j] >= theirs[j])))
            else:
                for j in range(part.size):
                    reached = np.int32(reached + (part[j] >= least))
            if reached == 0:
                continue
            for word in range(words.size):
                words[word] = 0
            if both:
                theirs = floor[column : column + part.size]
                for j in range(part.size):
                    marks[j] = (part[j] >= least) | (part[j] >= theirs[j])
            else:
                for j in range(part.size):
                    marks[j] = part[j] >= least
            for word in range(words.size):
                if words[word] == 0:
                    continue
                for j in range(8 * word, 8 * word + 8):
                    if marks[j] == 0:
                        continue
                    if part[j] >= floor[slot] and column + j != row:
                        _add(slot, column + j, part[j], k, band, kept, space)
                    if both and part[j] >= floor[column + j]:
                        _add(column + j, row, part[j], k, band, kept, space)


@njit
def _add(slot, row, entry, k, band, kept, scratch):
    """Add an entry to those of a slot, after its floor was raised where there is no room."""
    filled, floor, places, entries = kept
    if filled[slot] == scratch.size:
        _raise_floor(slot, k, band, kept, scratch)
        if filled[slot] > scratch.size - scratch.size // 16:
            filled[slot] = -1
            floor[slot] = np.inf
        if entry < floor[slot]:
            return 0
    at = filled[slot]
    places[slot, at] = row
    entries[slot, at] = entry
    filled[slot] = at + 1
    return 0


@njit
def _raise_floor(slot, k, band, kept, scratch):
    """Raise the floor of a slot to the k-th largest entry less the band, and drop what lies below."""
    filled, floor, places, entries = kept
    n = filled[slot]
    if n < k:
        return 0
    for j in range(n):
        scratch[j] = entries[slot, j]
    least = kth_largest(scratch, n, k) - band
    floor[slot] = least - abs(least) * 2.0**-20  # rounded down, whatever the type of the tile
    used = 0
    for j in range(n):
        if entries[slot, j] >= floor[slot]:
            places[slot, used] = places[slot, j]
            entries[slot, used] = entries[slot, j]
            used += 1
    filled[slot] = used
    return 0


@njit
def _write_kept(rows, queries, slots, k, band, kept, scratch, exact, order, indices, values):
    """Compute what each query kept in float64, and write its k nearest."""
    for q in range(queries.size):
        slot, row = slots[q], queries[q]
        if kept.filled[slot] < 0:
            continue
        _raise_floor(slot, k, band, kept, scratch)
        for j in range(kept.filled[slot]):
            exact[j] = pair_value(rows.x, row, kept.rows[slot, j], rows.shift, rows.norm, rows.distance)
        write_nearest(exact, kept.rows[slot], kept.filled[slot], order, indices[row], values[row])


@njit
def _values_of(rows, row, values):
    """Fill values (n,) with the ranking values of a row with all others; its own is minus infinity."""
    for other in range(values.size):
        values[other] = pair_value(rows.x, row, other, rows.shift, rows.norm, rows.distance)
    values[row] = -np.inf
