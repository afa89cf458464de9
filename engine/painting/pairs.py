"""Similarities of all pairs of rows in tiles, and exact order statistics of them in bounded memory.

A row is scaled to length 1 (after its mean is taken off, where correlation is meant), so that a product is a
similarity. Tiles are computed in float64, in a fixed order and size: a pair has the same value in every pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["TILE", "Tile", "counts_below", "quantiles", "tiles", "unit_rows", "upper"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
#: Rows of a tile: a tile of float64 takes 8 MiB.
TILE = 1024
#: Values that are sorted at once (32 MiB); more are first narrowed down by their leading bits.
AT_ONCE = 1 << 22
_STEP = 16


class Tile(NamedTuple):
    """Similarities of some rows to some rows.

    Attributes
    ----------
    rows, columns : slice
        Which.
    values : ndarray of float64, shape (rows, columns)
        Their similarities.
    """

    rows: slice
    columns: slice
    values: Floats


#: Gives values of pairs, a part at a time, the same ones in each pass.
Values = Callable[[], Iterator[Floats]]


def unit_rows(x: npt.NDArray[np.floating], *, centred: bool = False) -> tuple[Floats, Bools]:
    """Return rows of length 1, and which rows have a direction.

    Parameters
    ----------
    x : ndarray of float, shape (n, d)
        Finite.
    centred : bool, default False
        Whether the mean of each row is taken off first: products are then Pearson correlations, else cosines.

    Returns
    -------
    unit : ndarray of float64, shape (n, d)
        0 in rows without a direction.
    defined : ndarray of bool, shape (n,)
        False for rows of zeros; where `centred`, of equal values.
    """
    wide = x.astype(np.float64)
    if centred:
        level = np.zeros(len(wide), bool) if wide.shape[1] == 0 else wide.max(axis=1) == wide.min(axis=1)
        wide -= wide.mean(axis=1, keepdims=True)
        wide[level] = 0
    largest = np.abs(wide).max(axis=1, initial=0.0)
    defined = largest > 0
    wide /= np.where(defined, largest, 1.0)[:, None]  # No square is too large or too small.
    lengths = np.sqrt(np.einsum("ij,ij->i", wide, wide))
    wide /= np.where(defined, lengths, 1.0)[:, None]
    return wide, defined


def tiles(unit: Floats) -> Iterator[Tile]:
    """Give the similarities of all pairs of rows, those at or above the diagonal of tiles.

    Parameters
    ----------
    unit : ndarray of float64, shape (n, d)
        Rows of length 1.

    Yields
    ------
    Tile
        Each unordered pair is in one tile, above the diagonal of the matrix; see `upper`.
    """
    for top in range(0, len(unit), TILE):
        for left in range(top, len(unit), TILE):
            rows, columns = slice(top, min(top + TILE, len(unit))), slice(left, min(left + TILE, len(unit)))
            yield Tile(rows, columns, np.clip(unit[rows] @ unit[columns].T, -1.0, 1.0))


def upper(tile: Tile) -> Bools:
    """Return which entries of a tile are pairs of a row with a later one."""
    if tile.rows.start != tile.columns.start:
        return np.ones(tile.values.shape, bool)
    return np.triu(np.ones(tile.values.shape, bool), 1)


def counts_below(values: Values, at: Floats) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], int]:
    """Return how many values are less than each of some numbers, how many are at most as large, and how many there are.

    Parameters
    ----------
    values : callable
        Gives the values, a part at a time.
    at : ndarray of float64, shape (q,)
        The numbers.
    """
    order = np.argsort(at, kind="stable")
    sorted_at = at[order]
    less, most = np.zeros((2, len(at)), np.int64)
    size = 0
    for part in values():
        ranked = np.sort(part)
        less += np.searchsorted(ranked, sorted_at, "left")
        most += np.searchsorted(ranked, sorted_at, "right")
        size += len(part)
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    return less[back], most[back], size


def quantiles(values: Values, shares: Sequence[float]) -> tuple[Floats, int]:
    """Return quantiles of many values, and how many values there are; exact, as `numpy.quantile` with "linear".

    Parameters
    ----------
    values : callable
        Gives the values, a part at a time, the same in each call. Finite.
    shares : sequence of float
        Between 0 and 1.

    Returns
    -------
    quantiles : ndarray of float64
        NaN where there are no values.
    size : int
        Number of values.

    Notes
    -----
    The leading 16 bits are counted (of a form of the numbers that sorts as they do), then the values that share those
    of an order statistic are sorted. Where these are more than 4 million, their next 16 bits are counted, until few
    enough are left or all 64 are known: two to four passes, and no more memory than 32 MiB an order statistic.
    """
    first = np.zeros(1 << _STEP, np.int64)
    for part in values():
        first += np.bincount(_digits(_sortable(part), 0), minlength=1 << _STEP)
    size = int(first.sum())
    if not size:
        return np.full(len(shares), np.nan), 0
    places = [share * (size - 1) for share in shares]
    wanted = sorted({each for place in places for each in (int(place), min(int(place) + 1, size - 1))})
    known = _order_statistics(values, wanted, first)
    found = []
    for place in places:
        low, high = known[int(place)], known[min(int(place) + 1, size - 1)]
        found.append(_between(low, high, place - int(place)))
    return np.array(found), size


def _between(low: float, high: float, share: float) -> float:
    """Return the point between two numbers, rounded as NumPy does."""
    step = high - low
    return low + step * share if share < 0.5 else high - step * (1 - share)


def _order_statistics(values: Values, ranks: Sequence[int], first: npt.NDArray[np.int64]) -> dict[int, float]:
    """Return the values of ranks, 0 the least; `first` counts the leading bits of all values."""
    found: dict[int, float] = {}
    # Ranks among the values that share leading bits, by these.
    pending = {0: [(rank, rank) for rank in ranks]}
    counts, bits = {0: first}, 0
    while pending:
        narrower: dict[int, list[tuple[int, int]]] = {}
        sizes: dict[int, int] = {}
        for prefix, several in pending.items():
            ends = np.cumsum(counts[prefix])
            for rank, local in several:
                digit = int(np.searchsorted(ends, local, "right"))
                longer = (prefix << _STEP) | digit
                sizes[longer] = int(counts[prefix][digit])
                narrower.setdefault(longer, []).append((rank, local - int(ends[digit]) + sizes[longer]))
        bits += _STEP
        if bits == 64:
            known = _number(np.array(list(narrower), np.uint64))
            return found | {
                rank: float(v) for v, each in zip(known, narrower.values(), strict=True) for rank, _ in each
            }
        few = [prefix for prefix in narrower if sizes[prefix] <= AT_ONCE]
        kept: dict[int, list[Floats]] = {prefix: [] for prefix in few}
        counts = {prefix: np.zeros(1 << _STEP, np.int64) for prefix in narrower if prefix not in kept}
        for part in values():
            keys = _sortable(part)
            leading = keys >> np.uint64(64 - bits)
            for prefix, pieces in kept.items():
                pieces.append(part[leading == np.uint64(prefix)])
            for prefix, counted in counts.items():
                counted += np.bincount(_digits(keys[leading == np.uint64(prefix)], bits), minlength=1 << _STEP)
        for prefix, pieces in kept.items():
            ranked = np.sort(np.concatenate(pieces))
            found |= {rank: float(ranked[local]) for rank, local in narrower[prefix]}
        pending = {prefix: several for prefix, several in narrower.items() if prefix in counts}
    return found


def _digits(keys: npt.NDArray[np.uint64], bits: int) -> npt.NDArray[np.int64]:
    """Return the 16 bits after the leading ones."""
    return ((keys >> np.uint64(64 - bits - _STEP)) & np.uint64((1 << _STEP) - 1)).astype(np.int64)


def _sortable(values: Floats) -> npt.NDArray[np.uint64]:
    """Return whole numbers that sort as float64 values do (-0 as 0)."""
    bits = np.ascontiguousarray(values + 0.0).view(np.uint64)
    top = np.uint64(1 << 63)
    return np.where(bits & top, ~bits, bits | top)


def _number(keys: npt.NDArray[np.uint64]) -> Floats:
    """Return the values of sortable whole numbers."""
    top = np.uint64(1 << 63)
    return np.where(keys & top, keys & ~top, ~keys).view(np.float64)
