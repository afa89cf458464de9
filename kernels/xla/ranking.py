"""The counts behind average precision on XLA devices: float32 or tensor-core tiles, certified by float64.

Rows, candidate ranges and thresholds are those of the CPU room (`kernels.cpu.ranking`), so that values are equal to
the last bit; what is left, the products and the counting, runs on one or many devices. A tile of queries
meets the column tiles of its candidates; entries further from a threshold than the error bound of the product
(`precision`) are counted as they are, the others in float64 (`tiles`, `deciding`). So the counts are those of the
definition, whatever the device and the precision.

Left to the CPU room, see `Prepared.on_host`: distances outside the cosine family, rules
whose keys have no compact form (`keys`), features that do not fit in device memory, devices or data on which float64
might not give the same bits (`deciding`), and on a GPU what is done before its programs are compiled. Also queries
with over a million positives.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import numpy as np
import numpy.typing as npt
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ..codes import PairCodes
from ..cores import usable_cores
from ..cpu import ranking as cpu
from ..cpu.rank.operands import CHUNK, unit_rows
from ..cpu.rank.thresholds import thresholds
from ..cpu.similarity import ABS_COSINE, CORRELATION
from ..reference.similarity import LANES
from .context import AXIS, free_bytes, local_devices, settings
from .rank import precision as precisions
from .rank import tiling
from .rank.deciding import deciding_value, in_range
from .rank.fused import DEPTH, MOST_COUNTED, MOST_LISTED, MOST_THRESHOLDS, knows
from .rank.keys import device_keys
from .rank.tiles import Counts, Resident, Setup, Tile, counter

__all__ = ["Prepared", "count_outranking", "prepare"]

Ints = npt.NDArray[np.int64]
#: The queries of one launch: a range of `_Work` for each device.
_Parts = list[tuple[int, int]]
_Filled = tuple[Setup, Tile]

#: One round looks again at one in so many entries of a tile, and at as many groups; but at no fewer than these.
ROUND = 2048
#: The same for entries that the fused kernel has listed: those of all tiles of a launch at once.
LIST_ROUND = 256
LEAST_GROUPS, LEAST_ENTRIES = 64, 256
#: Products of all rows with their candidates that a device is worth: a CPU does these in half a second or less.
LEAST_FLOPS = {"gpu": 1e11}
#: Tiles under way at a time: the host prepares the next thresholds while the devices count.
AHEAD = 2
#: Pairs whose deciding values are compared between host and device before the device is trusted.
TRIALS = 1024

_operands = jax.jit(precisions.operands, static_argnums=1)
_in_range = jax.jit(in_range)
_deciding_value = jax.jit(deciding_value, static_argnums=5)


class Prepared(NamedTuple):
    """What one run needs again and again: the host's part, and what stays on the devices."""

    host: cpu.Prepared
    on_host: str  # why the CPU room counts; empty when the devices do
    resident: Resident | None
    devices: tuple[jax.Device, ...]
    precision: str
    forms: tuple[str, str]  # include, exclude: see `keys`
    tile: tuple[int, int]  # largest number of queries and columns
    fused: str = ""  # how the fused kernel runs, see `tiles.Setup`

    @property
    def norms(self) -> npt.NDArray[np.float64]:
        """Lengths of the rows, as in the CPU room."""
        return self.host.norms

    def fused_for(self, width: int) -> str:
        """Return `fused` for queries of so many padded thresholds."""
        return self.fused if width <= MOST_THRESHOLDS else ""


def prepare(
    features: npt.NDArray[np.floating],
    distance: str,
    negatives: PairCodes,
    *,
    platform: str | None = None,
    precision: str = "auto",
) -> Prepared:
    """Set up the counting for one feature matrix and one rule; see `reference.ranking.prepare`.

    Parameters
    ----------
    features, distance, negatives
        As in the reference.
    platform : {"gpu", "cpu"}, optional
        Whose devices count, all of this process; JAX's default when None.
    precision : {"auto", "float32", "tf32", "bf16x3", "fp16x3"}, default "auto"
        Arithmetic of the tiles, see `precision`. The counts do not depend on it.
    """
    host = cpu.prepare(features, distance, negatives)
    devices = local_devices(platform)
    include, exclude = device_keys(host.order.include), device_keys(host.order.exclude)

    def left_to_host(why: str) -> Prepared:
        return Prepared(host, why, None, devices, "float32", ("", ""), (0, 0))

    if host.metric or host.rows.distance > CORRELATION:
        return left_to_host(f"{distance} is not a product of unit rows")
    if not devices:
        return left_to_host(f"there is no {platform or 'XLA'} device")
    if include is None or exclude is None:
        return left_to_host("the keys of the rule have no compact form")
    n, d = host.rows.x.shape
    flops = 2.0 * d * float(np.sum(host.order.bounds[:, 3] - host.order.bounds[:, 0]))
    if flops < LEAST_FLOPS.get(devices[0].platform, 0):
        return left_to_host("so little work is done there before a GPU has compiled its programs")
    dtype = np.dtype(np.float64) if host.rows.distance == CORRELATION else host.rows.x.dtype
    free = free_bytes(devices[0])
    if free is not None:
        free -= n * d * (8 + dtype.itemsize)  # operands, the float32 that they are made of, and features
        if free <= 0:
            return left_to_host("the features do not fit in the memory of a device")
    tile = tiling.largest_tile(free)
    shape = tiling.padded_rows(n, tile[1]), -(-d // LANES) * LANES
    fused = _fused(devices, shape)
    if precision == "auto":
        precision = "fp16x3" if fused else "float32"
    resident = _upload(host, (include[1], exclude[1]), dtype, shape, devices, precision)
    if not _is_trusted(host, resident):
        return left_to_host("float64 on the device might not give the same bits for these features")
    forms = include[0], exclude[0]
    return Prepared(host, "", resident, devices, precision, forms, tile, fused if precision in precisions.SPLIT else "")


def _fused(devices: tuple[jax.Device, ...], shape: tuple[int, int]) -> str:
    """Say how the fused kernel would run; empty where it would not. Its places are 32-bit numbers."""
    known = all(map(knows, devices))
    return "gpu" if known and shape[0] * shape[1] < 1 << 31 and shape[0] < MOST_COUNTED else ""


def _upload(
    host: cpu.Prepared,
    keys: tuple[npt.NDArray[np.int32], ...],
    dtype: np.dtype[Any],
    shape: tuple[int, int],
    devices: tuple[jax.Device, ...],
    precision: str,
) -> Resident:
    """Put on every device what stays there."""
    rows, n, d = host.rows, *host.rows.x.shape
    length, steps = shape[0], shape[1] // LANES
    units = np.zeros(shape, np.float32)
    unit_rows(rows.x, rows.at, rows.shift, rows.norm, units[:n, :d])

    def padded(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.concatenate([array, np.zeros((length - n, array.shape[1]), array.dtype)])

    features = np.zeros(shape, dtype)
    for start in range(0, n, CHUNK):
        at = rows.at[start : start + CHUNK]
        features[start : start + len(at), :d] = rows.x[at]
        if rows.distance == CORRELATION:
            features[start : start + len(at), :d] -= rows.shift[at, None]
    with settings():
        everywhere = NamedSharding(Mesh(np.array(devices), (AXIS,)), PartitionSpec())
        unit, include, exclude, feature, norm, zero = jax.device_put(
            (
                units,
                *(padded(each) for each in keys),
                features.reshape(length, steps, LANES),
                np.concatenate([rows.norm[rows.at], np.ones(length - n)]),
                np.zeros(1, np.int64),
            ),
            everywhere,
        )
        return Resident(_operands(unit, precision), include, exclude, feature, norm, zero)


def _is_trusted(host: cpu.Prepared, resident: Resident) -> bool:
    """Say whether the device decides as the host does: by the range of the features, and on random pairs."""
    pairs = np.random.default_rng(0).integers(0, len(host.rows.x), (2, TRIALS))
    values, edges, order = np.empty(TRIALS), np.empty((2, TRIALS), np.float32), np.empty(TRIALS, np.int64)
    thresholds(
        host.rows,
        pairs[0],
        np.arange(TRIALS + 1),
        pairs[1],
        1.0,
        0.0,
        values,
        order,
        *edges,
    )
    r = resident
    with settings():
        if not _in_range(r.features):
            return False
        absolute = host.rows.distance == ABS_COSINE
        on_device = _deciding_value(r.features, r.norm, r.zero, *pairs.astype(np.int32), absolute)
        return bool(np.array_equal(values, np.asarray(on_device)))


class _Threads(ThreadPoolExecutor):
    """Threads that share out ranges of queries."""

    def __init__(self, threads: int) -> None:
        self.count = threads or usable_cores()
        super().__init__(self.count)

    def share(self, work: Callable[[int, int], None], first: int, last: int) -> None:
        """Call ``work(start, stop)`` on the parts of a range."""
        list(self.map(lambda part: work(*part), _parts(first, last, self.count)))


def _parts(first: int, last: int, count: int) -> _Parts:
    """Cut a range into so many parts, of equal size but for one."""
    size = last - first
    return list(itertools.pairwise(first + size * k // count for k in range(count + 1)))


class _Work(NamedTuple):
    """The positives of all queries in working order: queries with positives, by padded width, then by place."""

    rows: Ints  # (q,) places
    width: Ints  # (q,)
    starts: Ints  # (q + 1,)
    source: Ints  # (m,) slot of the caller
    mates: Ints  # (m,) places
    values: npt.NDArray[np.float64]  # (m,) ascending in each query, as is all below
    order: Ints  # (m,) slot in `source`
    low: npt.NDArray[np.float32]
    high: npt.NDArray[np.float32]
    above: Ints
    tied: Ints


def _arrange(host: cpu.Prepared, queries: npt.NDArray[Any], offsets: Ints, positives: npt.NDArray[Any]) -> _Work:
    sizes = np.diff(offsets)
    width = tiling.widths(sizes)
    chosen = np.lexsort((host.order.place[queries], width))
    chosen = chosen[sizes[chosen] > 0]
    starts = np.concatenate([[0], np.cumsum(sizes[chosen])]).astype(np.int64)
    source = np.repeat(offsets[:-1][chosen] - starts[:-1], sizes[chosen]) + np.arange(starts[-1])
    m = len(source)
    place = host.order.place
    return _Work(
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


def count_outranking(
    prepared: Prepared,
    queries: npt.NDArray[np.integer],
    offsets: Ints,
    positives: npt.NDArray[np.integer],
    threads: int = 0,
    progress: Callable[[float], None] | None = None,
) -> tuple[npt.NDArray[np.float64], Ints, Ints, int]:
    """Count the negatives that outrank and tie each positive; see `reference.ranking.count_outranking`.

    Distances outside the cosine family are counted by the CPU room. Device memory: operands and features, n d 4 bytes
    each (correlation and float64 features: 12 together), and one tile, or with the fused kernel lists of up to a
    gigabyte for each launch under way. Nothing is donated: the counts, the only arrays that change, live in the loop
    of one program, where XLA updates them in place, or start as zeros that the fused kernel adds to in place.

    Parameters
    ----------
    prepared, queries, offsets, positives
        As in the reference.
    threads : int, default 0
        Host threads, for thresholds; 0 takes all cores of this process.
    progress : callable, optional
        Called with the share of the queries that is done, 0..1.
    """
    host, resident = prepared.host, prepared.resident
    if resident is None or np.diff(offsets).max(initial=0) > tiling.MOST_POSITIVES:
        return cpu.count_outranking(host, queries, offsets, positives, threads, progress)
    work = _arrange(host, queries, offsets, positives)
    launches = _launches(prepared, work)
    filled: deque[tuple[_Parts, Future[_Filled]]] = deque()
    waiting: deque[tuple[_Parts, Counts]] = deque()
    rechecked = 0
    with settings(), _Threads(threads) as pool, ThreadPoolExecutor(1) as ahead:

        def fill_next() -> None:
            parts = next(launches, None)
            if parts is not None:
                filled.append((parts, ahead.submit(_fill, prepared, work, parts, pool)))

        def collect() -> int:
            nonlocal prepared
            parts, counts = waiting.popleft()
            if not np.all(counts.complete):
                prepared = prepared._replace(fused="")  # also for what follows: data like this would overflow again
                counts = _start(prepared, resident, *_fill(prepared, work, parts, pool))
            return _collect(work, parts, counts)

        for _ in range(AHEAD):
            fill_next()
        while filled:
            parts, future = filled.popleft()
            fill_next()
            waiting.append((parts, _start(prepared, resident, *future.result())))
            if len(waiting) > AHEAD:
                rechecked += collect()
                if progress is not None:
                    progress(parts[0][0] / len(work.rows))
        while waiting:
            rechecked += collect()
    target = work.source[work.order]
    values, (above, tied) = np.empty(len(positives)), np.empty((2, len(positives)), np.int64)
    values[target], above[target], tied[target] = work.values, work.above, work.tied
    return values, above, tied, rechecked


def _launches(prepared: Prepared, work: _Work) -> Iterator[_Parts]:
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


def _fill(prepared: Prepared, work: _Work, parts: _Parts, pool: _Threads) -> _Filled:
    """Compute the thresholds of some queries, and all else that the devices need to count."""
    host = prepared.host
    n_devices, width = len(parts), int(work.width[parts[0][0]])
    fused = prepared.fused_for(width)
    delta = precisions.error_bound(host.rows.x.shape[1], prepared.precision, DEPTH if fused else 0)

    def fill(first: int, last: int) -> None:
        thresholds(
            host.rows,
            work.rows[first:last],
            work.starts[first : last + 1],
            work.mates,
            1.0,
            delta,
            work.values,
            work.order,
            work.low,
            work.high,
        )

    pool.share(fill, parts[0][0], parts[-1][1])
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
    return setup, tile


def _start(prepared: Prepared, resident: Resident, setup: Setup, tile: Tile) -> Counts:
    """Start counting; does not wait for the devices."""
    split = NamedSharding(Mesh(np.array(prepared.devices), (AXIS,)), PartitionSpec(AXIS))
    return counter(prepared.devices, setup)(resident, jax.device_put(tile, split))


def _collect(work: _Work, parts: _Parts, counts: Counts) -> int:
    """Wait for a launch and keep its counts; return how many entries were rechecked."""
    above, tied, rechecked = (np.asarray(each) for each in counts[:3])
    size = len(above) // len(parts)
    for k, (first, last) in enumerate(parts):
        here = slice(k * size, k * size + last - first)
        slots = slice(work.starts[first], work.starts[last])
        used = np.arange(above.shape[1]) < np.diff(work.starts[first : last + 1])[:, None]
        work.above[slots], work.tied[slots] = above[here][used], tied[here][used]
    return int(rechecked.sum())
