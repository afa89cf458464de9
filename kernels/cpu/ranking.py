"""The counts behind average precision on the CPU: float32 tiles by BLAS, certified by float64.

Rows are ordered so that the candidates of a query are one or two contiguous ranges: by the block of the rule
(``neg_sameby``) and, where one ``neg_diffby`` column has large groups (controls against all else), by its value,
so that whole ranges of non-negatives are never computed.

**Certificate.** Let u = 2^-24, v = 2^-53, and x, y two rows with exact unit vectors X, Y. The operands of the
product are X and Y rounded to float32 (relative error at most e = u + (d + 8) v an entry, computed norm included;
an entry that underflows errs by at most 2^-126). For any order of summation, with or without fused operations,
a float32 dot product errs by at most g |X|·|Y| with g = d u / (1 - d u) (Higham, *Accuracy and Stability of
Numerical Algorithms*, 2nd ed., section 3.1), and |X|·|Y| <= 1 by Cauchy-Schwarz. So the tile differs from the
exact cosine by at most (1 + e)^2 (1 + g) - 1 + 4 d 2^-126, and the float64 value that defines the rank differs
from it by at most (2 d + 16) v. An entry further than the sum of both from a threshold is on the same side
in float64; all others are computed again in float64 with the arithmetic of the definition. 2^-23 more covers the
rounding of the two edges to float32.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..codes import KeyIndex, PairCodes, combined_code, key_index
from ..cores import single_threaded_blas, usable_cores
from ..reference.similarity import DISTANCES
from .counting import count_direct, count_tile, thresholds
from .similarity import CORRELATION, moments, twins, unit_rows

__all__ = ["Prepared", "count_outranking", "error_bound", "prepare"]

#: Queries and columns of a tile: 256 x 2048 float32 is 2 MB, inside the second-level cache of one core.
TILE_QUERIES = 256
TILE_COLUMNS = 2048
#: Up to this many positives a query, thresholds are compared one by one; above it, they are searched.
FEW_POSITIVES = 24
#: Below this many candidates a product is not worth its set-up.
SHORT_LIST = 128
#: A diffby column is used to order rows when its groups hold at least this many rows on average.
LARGE_GROUP = 64

Ints = npt.NDArray[np.int64]


class Prepared(NamedTuple):
    """Rows in working order and what the kernels need about them."""

    place: Ints  # (n,) place of each row of the caller
    features: npt.NDArray[np.floating]  # (n, d) in working order
    units: npt.NDArray[np.float32]  # (n, d) operands of the product; (0, d) where there is no product form
    shift: npt.NDArray[np.float64]  # (n,)
    norm: npt.NDArray[np.float64]  # (n,)
    twin: Ints  # (n,) first row that equals this one, in working order
    distance: int
    bounds: Ints  # (n, 4) candidate ranges [0]..[1] and [2]..[3] of each row
    include: KeyIndex
    exclude: KeyIndex


def error_bound(d: int) -> float:
    """Return the largest difference between a float32 tile entry and the float64 value (module docstring)."""
    u, v = 2.0**-24, 2.0**-53
    entry = u + (d + 8) * v
    product = d * u / (1 - d * u)
    return (1 + entry) ** 2 * (1 + product) - 1 + 4 * d * 2.0**-126 + (2 * d + 16) * v + 2.0**-23


def prepare(features: npt.NDArray[np.floating], distance: str, negatives: PairCodes) -> Prepared:
    """Set up the counting for one feature matrix and one rule; see `reference.ranking.prepare`."""
    n = len(features)
    block = negatives.block.row_keys.astype(np.int64)
    segment, exclude = _segment(negatives.exclude)
    if np.all(block == block[0]) and segment is None:
        order = np.arange(n)
        x = features
    else:
        order = np.argsort(block, kind="stable") if segment is None else np.lexsort((segment, block))
        x = features[order]
    place = np.empty(n, np.int64)
    place[order] = np.arange(n)
    code = DISTANCES.index(distance)
    shift, norm = moments(x, code)
    twin = twins(x) if code <= CORRELATION else np.arange(n)
    units = np.empty((n if code <= CORRELATION else 0, x.shape[1]), np.float32)
    if len(units):
        unit_rows(x, shift, norm, units)
    return Prepared(
        place, x, units, shift, norm, twin, code, _bounds(block[order], None if segment is None else segment[order]),
        _reorder(negatives.include, place), _reorder(exclude, place),
    )  # fmt: skip


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


def _runs(keys: npt.NDArray[np.integer]) -> tuple[Ints, Ints]:
    """Return first and past-the-end place of the run of equal keys that each place lies in."""
    change = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    edges = np.append(change, len(keys))
    run = np.cumsum(np.concatenate([[False], keys[1:] != keys[:-1]]))
    return edges[run], edges[run + 1]


def _bounds(block: npt.NDArray[np.integer], segment: npt.NDArray[np.integer] | None) -> Ints:
    """Return the candidate ranges of each row: its block, without its own segment."""
    first, last = _runs(block)
    if segment is None:
        return np.stack([first, last, last, last], axis=1)
    start, stop = _runs(combined_code([block.astype(np.int64), segment.astype(np.int64)]))
    return np.stack([first, start, stop, last], axis=1)


def _pieces(bounds: Ints) -> Iterator[tuple[int, int]]:
    """Split queries in working order into pieces that share their candidates, of at most TILE_QUERIES."""
    same = np.all(bounds[1:] == bounds[:-1], axis=1)
    edges = np.concatenate([[0], np.flatnonzero(~same) + 1, [len(bounds)]])
    for start, stop in itertools.pairwise(edges):
        for first in range(start, stop, TILE_QUERIES):
            yield first, min(first + TILE_QUERIES, stop)


def count_outranking(
    prepared: Prepared,
    queries: npt.NDArray[np.integer],
    offsets: Ints,
    positives: npt.NDArray[np.integer],
    threads: int = 0,
) -> tuple[npt.NDArray[np.float64], Ints, Ints, int]:
    """Count the negatives that outrank and tie each positive; see `reference.ranking.count_outranking`.

    Cost: 2 q c d flops in float32 for c candidates a query, q c P comparisons (P <= 24) or q c log2 P steps, and
    d float64 operations for each positive and each entry inside the band. Memory: the float32 operands (n d 4
    bytes), a reordered copy of the features where the rule has blocks, and 2 MB a thread.

    Parameters
    ----------
    prepared, queries, offsets, positives
        As in the reference.
    threads : int, default 0
        Worker threads; 0 takes all cores of this process. The result does not depend on it.
    """
    by_place = np.argsort(prepared.place[queries], kind="stable")
    sizes = np.diff(offsets)[by_place]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    source = np.repeat(offsets[:-1][by_place] - starts[:-1], sizes) + np.arange(starts[-1])
    rows = prepared.place[queries][by_place]
    mates = prepared.place[positives[source]]
    bounds = prepared.bounds[rows]
    values, above, tied = np.empty(len(mates)), np.zeros(len(mates), np.int64), np.zeros(len(mates), np.int64)
    order = np.empty(len(mates), np.int64)
    low, high = np.empty(len(mates), np.float32), np.empty(len(mates), np.float32)
    delta = error_bound(prepared.features.shape[1])
    p = prepared
    scope = (p.features, p.shift, p.norm, p.distance)

    def fill(first: int, last: int) -> Ints:
        local = starts[first : last + 1]
        thresholds(*scope, rows[first:last], local, mates, delta, values, order, low, high)
        return local

    def by_product(first: int, last: int) -> int:
        local = fill(first, last)
        mine = rows[first:last]
        operand = p.units[mine]
        tile = np.empty((last - first) * TILE_COLUMNS, np.float32)
        rechecked = 0
        for start, stop in bounds[first].reshape(2, 2):
            for column in range(start, stop, TILE_COLUMNS):
                width = min(TILE_COLUMNS, stop - column)
                view = tile[: len(mine) * width].reshape(len(mine), width)
                np.matmul(operand, p.units[column : column + width].T, out=view)
                rechecked += count_tile(
                    *scope, p.twin, mine, local, view, column, FEW_POSITIVES, p.include, p.exclude,
                    values, low, high, above, tied,
                )  # fmt: skip
        return rechecked

    def directly(first: int, last: int) -> int:
        local = fill(first, last)
        count_direct(*scope, rows[first:last], bounds[first:last], local, p.include, p.exclude, values, above, tied)
        return 0

    jobs = []
    with single_threaded_blas(), ThreadPoolExecutor(threads or usable_cores()) as pool:
        waiting: list[tuple[int, int]] = []
        for first, last in _pieces(bounds):
            candidates = (bounds[first, 1] - bounds[first, 0]) + (bounds[first, 3] - bounds[first, 2])
            if len(p.units) and candidates >= SHORT_LIST and last - first >= 8:
                jobs.append(pool.submit(by_product, first, last))
            elif waiting and waiting[-1][1] == first and first - waiting[-1][0] < TILE_QUERIES:
                waiting[-1] = (waiting[-1][0], last)
            else:
                waiting.append((first, last))
        jobs += [pool.submit(directly, first, last) for first, last in waiting]
        rechecked = sum(job.result() for job in jobs)
    out_values, out_above, out_tied = np.empty_like(values), np.empty_like(above), np.empty_like(tied)
    target = source[order]
    out_values[target], out_above[target], out_tied[target] = values, above, tied
    return out_values, out_above, out_tied, rechecked
