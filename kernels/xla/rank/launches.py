"""The launches of one call: ranges of queries for each device, their thresholds, and their counts."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import numpy as np
import numpy.typing as npt
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ...cores import usable_cores
from ...cpu import ranking as cpu
from ...cpu.rank.thresholds import thresholds
from ...names import ABS_COSINE
from ..context import AXIS
from . import precision as precisions
from . import tiling
from .fused import DEPTH, MOST_LISTED
from .resident import Prepared
from .tiles import Counts, Resident, Setup, Tile, counter

__all__ = ["Filled", "Parts", "Threads", "Work", "arrange", "collect", "fill", "launches", "start"]

Ints = npt.NDArray[np.int64]
#: The queries of one launch: a range of `Work` for each device.
Parts = list[tuple[int, int]]

#: One round looks again at one in so many entries of a tile, and at as many groups; but at no fewer than these.
ROUND = 2048
#: The same for entries that the fused kernel has listed: those of all tiles of a launch at once.
LIST_ROUND = 256
LEAST_GROUPS, LEAST_ENTRIES = 64, 256


class Filled(NamedTuple):
    """What the devices need for a launch."""

    setup: Setup
    tile: Tile


class Threads(ThreadPoolExecutor):
    """Threads that share out ranges of queries."""

    def __init__(self, threads: int) -> None:
        self.count = threads or usable_cores()
        super().__init__(self.count)

    def share(self, work: Callable[[int, int], None], first: int, last: int) -> None:
        """Call ``work(start, stop)`` on the parts of a range."""
        list(self.map(lambda part: work(*part), _parts(first, last, self.count)))


def _parts(first: int, last: int, count: int) -> Parts:
    """Cut a range into so many parts, of equal size but for one."""
    size = last - first
    return list(itertools.pairwise(first + size * k // count for k in range(count + 1)))


class Work(NamedTuple):
    """The positives of all queries in working order: queries with positives, by padded width, then by place."""

    rows: Ints  # (q,) places
    width: Ints  # (q,)
    starts: Ints  # (q + 1,)
    source: Ints  # (m,) slot of the caller
    positives: Ints  # (m,) places
    values: npt.NDArray[np.float64]  # (m,) ascending in each query, as is all below
    order: Ints  # (m,) slot in `source`
    low: npt.NDArray[np.float32]
    high: npt.NDArray[np.float32]
    above: Ints
    tied: Ints


def arrange(host: cpu.Prepared, queries: npt.NDArray[Any], offsets: Ints, positives: npt.NDArray[Any]) -> Work:
    """Bring the queries with positives, of the caller's rows, into working order."""
    sizes = np.diff(offsets)
    width = tiling.widths(sizes)
    chosen = np.lexsort((host.order.place[queries], width))
    chosen = chosen[sizes[chosen] > 0]
    starts = np.concatenate([[0], np.cumsum(sizes[chosen])]).astype(np.int64)
    source = np.repeat(offsets[:-1][chosen] - starts[:-1], sizes[chosen]) + np.arange(starts[-1])
    m = len(source)
    place = host.order.place
    return Work(
        place[queries[chosen]],
        width[chosen],
        starts,
        source,
        place[positives[source]],
        np.empty(m),
        np.empty(m, np.int64),
        np.empty(m, np.float32),
        np.empty(m, np.float32),
        np.zeros(m, np.int64),
        np.zeros(m, np.int64),
    )


def launches(prepared: Prepared, work: Work) -> Iterator[Parts]:
    """Cut the queries: each launch is a range of queries for each device, of one padded width."""
    n_devices = len(prepared.devices)
    edges = np.flatnonzero(np.diff(work.width, prepend=-1, append=-1)).tolist()
    for start, stop in itertools.pairwise(edges):
        bounds = prepared.host.order.bounds[work.rows[start:stop]]
        span = float(np.median(bounds[:, 3] - bounds[:, 0]))
        share = -(-(stop - start) // n_devices)
        most, width = prepared.tile[0], int(work.width[start])
        if prepared.fused_for(width):  # all columns meet a tile of queries in one launch
            fitting = (size for size in tiling.QUERY_SIZES if size * span * width <= MOST_LISTED)
            most = min(most, max(fitting, default=tiling.QUERY_SIZES[0]))
        size = tiling.query_size(share, span, width, most)
        for first in range(start, stop, size * n_devices):
            yield _parts(first, min(first + size * n_devices, stop), n_devices)


def fill(prepared: Prepared, work: Work, parts: Parts, pool: Threads) -> Filled:
    """Compute the thresholds of some queries, and all else that the devices need to count."""
    host = prepared.host
    n_devices, width = len(parts), int(work.width[parts[0][0]])
    fused = prepared.fused_for(width)
    delta = precisions.error_bound(host.rows.x.shape[1], prepared.precision, DEPTH if fused else 0)

    def fill_part(first: int, last: int) -> None:
        thresholds(
            host.rows,
            work.rows[first:last],
            work.starts[first : last + 1],
            work.positives,
            1.0,
            delta,
            work.values,
            work.order,
            work.low,
            work.high,
        )

    pool.share(fill_part, parts[0][0], parts[-1][1])
    most = max(last - first for first, last in parts)
    size = min(size for size in tiling.QUERY_SIZES if size >= most)
    bounds = host.order.bounds
    columns, lists = tiling.pieces([bounds[work.rows[first:last]] for first, last in parts], prepared.tile[1])
    length = tiling.padded_size(max(map(len, lists)), 8)
    tile = Tile(
        np.zeros(n_devices * size, np.int32),
        np.zeros((n_devices * size, 4), np.int32),
        np.full((n_devices * size, width), np.inf, np.float32),
        np.full((n_devices * size, width), np.inf, np.float32),
        np.full((n_devices * size, width), np.inf),
        np.zeros((n_devices * length, 2), np.int32),
        np.array([len(each) for each in lists], np.int32),
    )
    for k, (first, last) in enumerate(parts):
        here = slice(k * size, k * size + last - first)
        slots = slice(work.starts[first], work.starts[last])
        used = np.arange(width) < np.diff(work.starts[first : last + 1])[:, None]
        tile.row[here], tile.bounds[here] = work.rows[first:last], bounds[work.rows[first:last]]
        tile.low[here][used], tile.high[here][used] = work.low[slots], work.high[slots]
        tile.value[here][used] = work.values[slots]
        tile.pieces[k * length : k * length + len(lists[k])] = lists[k]
    setup = Setup(
        columns,
        max(LEAST_GROUPS, size * columns // ROUND),
        max(LEAST_ENTRIES, size * columns // (LIST_ROUND if fused else ROUND)),
        host.rows.distance == ABS_COSINE,
        prepared.precision,
        *prepared.forms,
        fused,
    )
    return Filled(setup, tile)


def start(prepared: Prepared, resident: Resident, filled: Filled) -> Counts:
    """Start counting; does not wait for the devices."""
    split = NamedSharding(Mesh(np.array(prepared.devices), (AXIS,)), PartitionSpec(AXIS))
    return counter(prepared.devices, filled.setup)(resident, jax.device_put(filled.tile, split))


def collect(work: Work, parts: Parts, counts: Counts) -> int:
    """Wait for a launch and keep its counts; return how many entries were rechecked."""
    above, tied, rechecked = (np.asarray(each) for each in counts[:3])
    size = len(above) // len(parts)
    for k, (first, last) in enumerate(parts):
        here = slice(k * size, k * size + last - first)
        slots = slice(work.starts[first], work.starts[last])
        used = np.arange(above.shape[1]) < np.diff(work.starts[first : last + 1])[:, None]
        work.above[slots], work.tied[slots] = above[here][used], tied[here][used]
    return int(rechecked.sum())
