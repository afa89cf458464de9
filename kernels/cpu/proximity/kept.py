"""Entries of tiles that may be among the nearest of their rows, and which of these are.

Each row keeps the entries at or above a floor. The floor is the k-th largest entry so far, less twice the error bound
of an entry (the band), so that none is left out that float64 would choose. From a sample of all others the floor is
set higher, at its r-th largest entry for an r below k: most of what would be kept for a while, only to be dropped, is
not kept at all. Where fewer than k lie surely above that floor in the end, the row is searched again.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...compile import njit
from ..similarity import pair_value
from .selection import kth_largest, write_nearest

__all__ = ["FULL", "SHORT", "Kept", "Scratch", "keep", "settle", "write_kept"]

#: Entries of a tile row that are compared at once; a multiple of 8.
STRIDE = 64
#: In the place of the number of entries: more lie within the band than there is room for, or the floor was too high.
FULL, SHORT = -1, -2
#: A sampled row drops entries below its floor when it has half as many as it wants more, this many at least.
SAMPLED_MORE = 48

Ints = npt.NDArray[np.int64]


class Kept(NamedTuple):
    """Entries that may be among the nearest of some rows, a slot each; numbers of the type of the tiles."""

    filled: Ints  # (s,) entries, or `FULL`, or `SHORT`
    wanted: Ints  # (s,) of which rank the floor is
    floor: npt.NDArray[np.floating]  # (s,)
    places: npt.NDArray[np.int32]  # (s, room)
    entries: npt.NDArray[np.floating]  # (s, room)

    @classmethod
    def of(cls, slots: int, room: int, wanted: int, kind: type[np.floating]) -> Kept:
        """Return empty slots."""
        return cls(
            np.zeros(slots, np.int64),
            np.full(slots, wanted),
            np.full(slots, -np.inf, kind),
            np.empty((slots, room), np.int32),
            np.empty((slots, room), kind),
        )


class Scratch(NamedTuple):
    """Room for a thread."""

    entries: npt.NDArray[np.floating]  # (room,)
    marks: npt.NDArray[np.uint8]  # (STRIDE,)
    words: npt.NDArray[np.uint64]  # the same memory, eight at a time

    @classmethod
    def of(cls, room: int, kind: type[np.floating]) -> Scratch:
        """Return room for entries of a type."""
        words = np.zeros(STRIDE // 8, np.uint64)
        return cls(np.empty(room, kind), words.view(np.uint8), words)


@njit
def keep(tile, width, queries, slots, first, both, band, kept, scratch):
    """Keep the entries of a tile at or above the floor of their row, and of their column where `both`.

    slots (q,) are those of the queries in `kept`; the slot of a column is its place.
    """
    floor = kept.floor
    space, marks, words = scratch
    for q in range(queries.size):
        slot, place = slots[q], queries[q]
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
                    if part[j] >= floor[slot] and column + j != place:
                        _add(slot, column + j, part[j], band, kept, space)
                    if both and part[j] >= floor[column + j]:
                        _add(column + j, place, part[j], band, kept, space)


@njit
def _add(slot, place, entry, band, kept, scratch):
    """Add an entry to those of a slot, after its floor was raised where it is time or there is no room."""
    filled, floor = kept.filled, kept.floor
    at, wanted = filled[slot], kept.wanted[slot]
    # Equal entries may keep a slot above its mark: it is looked at now and then.
    if at == scratch.size or (
        at >= wanted + max(wanted // 2, SAMPLED_MORE) and at % 16 == 0 and at < scratch.size // 2
    ):
        _raise_floor(slot, wanted, band, kept, scratch)
        if filled[slot] > scratch.size - scratch.size // 16:
            filled[slot] = FULL
            floor[slot] = np.inf
        if entry < floor[slot]:
            return 0
        at = filled[slot]
    kept.places[slot, at] = place
    kept.entries[slot, at] = entry
    filled[slot] = at + 1
    return 0


@njit
def _raise_floor(slot, wanted, band, kept, scratch):
    """Raise the floor of a slot to its entry of a rank less the band, and drop what lies below."""
    filled, floor = kept.filled, kept.floor
    n = filled[slot]
    if n < wanted:
        return 0
    for j in range(n):
        scratch[j] = kept.entries[slot, j]
    least = kth_largest(scratch, n, wanted) - band
    floor[slot] = least - abs(least) * 2.0**-20  # rounded down, whatever the type of the tile
    used = 0
    for j in range(n):
        if kept.entries[slot, j] >= floor[slot]:
            kept.places[slot, used] = kept.places[slot, j]
            kept.entries[slot, used] = kept.entries[slot, j]
            used += 1
    filled[slot] = used
    return 0


@njit
def settle(first, last, k, band, kept, scratch):
    """End the sample of the slots first..last: their floors are set, and from now on that of rank k may raise them."""
    for slot in range(first, last):
        if kept.filled[slot] >= 0:
            _raise_floor(slot, kept.wanted[slot], band, kept, scratch)
        kept.wanted[slot] = k


@njit
def write_kept(rows, queries, slots, k, band, kept, scratch, exact, order, indices, values):
    """Compute what each query kept in float64, and write its k nearest; scratch, exact and order are of the room."""
    for q in range(queries.size):
        slot, row = slots[q], rows.at[queries[q]]
        if kept.filled[slot] < 0:
            continue
        before = kept.floor[slot]
        _raise_floor(slot, k, band, kept, scratch)
        # Of what was dropped below a floor, any could be among the k nearest if theirs is not above it.
        if kept.filled[slot] < k or kept.floor[slot] < before:
            kept.filled[slot] = SHORT
            continue
        others = kept.places[slot]
        for j in range(kept.filled[slot]):
            others[j] = rows.at[others[j]]
            exact[j] = pair_value(rows.x, row, others[j], rows.shift, rows.norm, rows.distance)
        write_nearest(exact, others, kept.filled[slot], order, indices[row], values[row])
