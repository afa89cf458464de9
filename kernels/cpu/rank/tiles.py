"""Compiled work on a tile of similarities: from products to similarities, blanking, rounding, float64 tiles.

Shapes: a tile (q, s) holds in its first w columns the queries, given by place, against the places
first .. first + w. It is C-contiguous, so that the compiler knows that a row has no gaps, and s exceeds w, lest all
entries of a column share a cache set.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...codes import KeyIndex
from ...compile import njit
from ...names import ABS_COSINE
from ..pairs import first_at_least
from ..similarity import pair_value
from .operands import SCALED

__all__ = ["blank", "fill_values", "finish", "narrow"]

#: Columns of a float64 tile computed together, so that their rows stay in the second-level cache.
NARROW = 128


@njit
def finish(tile, width, queries, first, scale, form, distance):
    """Turn the products of a tile into similarities, in place; see `operands`."""
    for q in range(queries.size):
        mine = scale[queries[q]]
        row = tile[q, :width]
        others = scale[first : first + row.size]
        if form == SCALED:
            for k in range(row.size):
                row[k] = row[k] * (mine * others[k])
        else:
            for k in range(row.size):
                row[k] = row[k] - (mine + others[k])
        if distance == ABS_COSINE:
            for k in range(row.size):
                row[k] = abs(row[k])


@njit
def fill_values(rows, queries, first, tile, width):
    """Fill a float64 tile with the ranking values that define ranks."""
    for start in range(0, width, NARROW):
        for q in range(queries.size):
            for k in range(start, min(start + NARROW, width)):
                tile[q, k] = pair_value(
                    rows.x, rows.at[queries[q]], rows.at[first + k], rows.shift, rows.norm, rows.distance
                )


def blank(
    tile: npt.NDArray[np.floating],
    width: int,
    queries: npt.NDArray[np.int64],
    first: int,
    bounds: npt.NDArray[np.int64],
    include: KeyIndex,
    exclude: KeyIndex,
) -> None:
    """Set to minus infinity what is no negative of its query: itself, its segment, excluded and not included rows."""
    _blank_listed(tile, width, queries, first, bounds, exclude)
    if include.key_rows.size:
        _blank_others(tile, queries, first, include, np.empty(width, np.uint8))


@njit
def _blank_listed(tile, width, queries, first, bounds, exclude):
    """Set to minus infinity the query itself, its segment and excluded rows."""
    stop = first + width
    for q in range(queries.size):
        query = queries[q]
        row = tile[q, :width]
        for k in range(max(bounds[q, 1] - first, 0), min(bounds[q, 2] - first, width)):
            row[k] = -np.inf
        if first <= query < stop:
            row[query - first] = -np.inf
        for slot in range(exclude.row_offsets[query], exclude.row_offsets[query + 1]):
            key = exclude.row_keys[slot]
            listed = exclude.key_rows[exclude.key_offsets[key] : exclude.key_offsets[key + 1]]
            for place in range(first_at_least(listed, first), listed.size):
                if listed[place] >= stop:
                    break
                row[listed[place] - first] = -np.inf


@njit
def _blank_others(tile, queries, first, include, allowed):
    """Set to minus infinity what shares no key with the query; allowed (w,) is scratch."""
    stop = first + allowed.size
    for q in range(queries.size):
        query = queries[q]
        for k in range(allowed.size):
            allowed[k] = 0
        for slot in range(include.row_offsets[query], include.row_offsets[query + 1]):
            key = include.row_keys[slot]
            listed = include.key_rows[include.key_offsets[key] : include.key_offsets[key + 1]]
            for place in range(first_at_least(listed, first), listed.size):
                if listed[place] >= stop:
                    break
                allowed[listed[place] - first] = 1
        for k in range(allowed.size):
            if allowed[k] == 0:
                tile[q, k] = -np.inf


@njit
def narrow(products, width, tile, first):
    """Round the first w columns of a float64 tile to float32, to the columns of another from `first` on."""
    for q in range(products.shape[0]):
        row = products[q, :width]
        out = tile[q, first : first + width]
        for k in range(row.size):
            out[k] = np.float32(row[k])
