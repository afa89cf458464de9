"""Working order: rows sorted so that the candidates of a query are one or two contiguous ranges.

Rows are ordered by the block of the rule (``neg_sameby``) and, where one ``neg_diffby`` column has large groups
(controls against all else), by its value within the block: its *segment*. A query's candidates are then its block
without its own segment, and whole ranges of non-negatives are never computed. What the ranges cannot say (self,
other ``neg_diffby`` columns, labels) is blanked out tile by tile.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...codes import KeyIndex, PairCodes, key_index, stable_order

__all__ = ["Order", "work_order"]

#: A diffby column makes segments when its groups hold at least this many rows on average.
LARGE_GROUP = 64

Ints = npt.NDArray[np.int64]


class Order(NamedTuple):
    """Where each row went, and what its candidates are.

    Attributes
    ----------
    rows : ndarray of int64, shape (n,)
        Row of the caller at each place.
    place : ndarray of int64, shape (n,)
        Place of each row of the caller.
    bounds : ndarray of int64, shape (n, 4)
        By place: candidates are the places [0]..[1] and [2]..[3]. [0]..[3] is the block, [1]..[2] the segment.
    include, exclude : KeyIndex
        What is left of the rule, rows numbered by place.
    """

    rows: Ints
    place: Ints
    bounds: Ints
    include: KeyIndex
    exclude: KeyIndex


def work_order(negatives: PairCodes) -> Order:
    """Order n rows by a rule of negative pairs."""
    block = negatives.block.row_keys.astype(np.int64)
    n = len(block)
    segment, exclude = _segment(negatives.exclude)
    if np.all(block == block[0]) and segment is None:
        rows = np.arange(n)
    else:
        rows = stable_order(block) if segment is None else stable_order(block, segment)
    place = np.empty(n, np.int64)
    place[rows] = np.arange(n)
    bounds = _bounds(block[rows], None if segment is None else segment[rows])
    return Order(rows, place, bounds, _reorder(negatives.include, place), _reorder(exclude, place))


def _segment(exclude: KeyIndex) -> tuple[npt.NDArray[np.int32] | None, KeyIndex]:
    """Pick the diffby column with the largest groups; return its keys by row and the index without it."""
    width = exclude.columns
    if width == 0:
        return None, exclude
    n = len(exclude.row_offsets) - 1
    keys = exclude.row_keys.reshape(n, width)
    size = np.diff(exclude.key_offsets)[keys].mean(axis=0)
    column = int(np.argmax(size))
    if size[column] < LARGE_GROUP:
        return None, exclude
    rest = np.delete(keys, column, axis=1)
    rows = np.repeat(np.arange(n, dtype=np.int32), width - 1)
    index = key_index(rest.ravel(), rows, n, len(exclude.key_offsets) - 1)
    return keys[:, column], index._replace(columns=width - 1)


def _reorder(index: KeyIndex, place: Ints) -> KeyIndex:
    """Renumber the rows of an index."""
    if not len(index.row_keys):
        return index
    rows = np.repeat(place, np.diff(index.row_offsets)).astype(np.int32)
    renumbered = key_index(index.row_keys, rows, len(place), len(index.key_offsets) - 1)
    return renumbered._replace(columns=index.columns)


def _runs(*keys: npt.NDArray[np.integer]) -> tuple[Ints, Ints]:
    """Return first and past-the-end place of the run of equal keys that each place lies in."""
    change = np.logical_or.reduce([key[1:] != key[:-1] for key in keys])
    edges = np.concatenate([[0], np.flatnonzero(change) + 1, [len(keys[0])]])
    run = np.concatenate([[0], np.cumsum(change)])
    return edges[run], edges[run + 1]


def _bounds(block: npt.NDArray[np.integer], segment: npt.NDArray[np.integer] | None) -> Ints:
    """Return the candidate ranges of each row: its block, without its own segment."""
    first, last = _runs(block)
    if segment is None:
        return np.stack([first, last, last, last], axis=1)
    start, stop = _runs(block, segment)
    return np.stack([first, start, stop, last], axis=1)
