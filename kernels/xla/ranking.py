"""The counts behind average precision on XLA devices: float32 or tensor-core tiles, certified by float64.

Rows, candidate ranges and thresholds are those of the CPU backend (`kernels.cpu.ranking`), so that values are equal to
the last bit; what is left, the products and the counting, runs on one or many devices. A tile of queries meets the
column tiles of its candidates; entries further from a threshold than the error bound of the product (`rank.precision`)
are counted as they are, the others in float64 (`rank.tiles`, `rank.deciding`). So the counts are those of the
definition, whatever the device and the precision.

What is left to the CPU backend is said in `rank.usable`, and why in `Prepared.reason`; also devices or data on which
float64 might not give the same bits (`rank.deciding`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import jax
import numpy as np
import numpy.typing as npt

from ..backend import Outranking, Status
from ..codes import PairCodes
from ..cpu import ranking as cpu
from ..names import Similarity
from ..reference.similarity import LANES
from .context import local_devices, settings
from .rank import tiling
from .rank.keys import device_keys
from .rank.launches import Filled, Parts, Threads, arrange, collect, fill, launches, start
from .rank.resident import Prepared, is_trusted, upload
from .rank.tiles import Counts
from .rank.usable import (
    Problem,
    bytes_for_tiles,
    is_fused_usable_for,
    is_fused_usable_with,
    is_usable_for,
    is_usable_for_lists,
)

__all__ = ["Prepared", "count_outranking", "prepare"]

Ints = npt.NDArray[np.int64]

#: Tiles under way at a time: the host prepares the next thresholds while the devices count.
AHEAD = 2


def prepare(
    features: npt.NDArray[np.floating],
    distance: str | Similarity,
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
    host, devices = cpu.prepare(features, distance, negatives), local_devices(platform)
    if host.status is Status.REFUSED:
        return Prepared(host, devices, Status.REFUSED, host.reason)
    order = host.order
    include, exclude = device_keys(order.include), device_keys(order.exclude)
    n, d = host.rows.x.shape
    centred = host.distance is not None and host.distance.is_centred
    dtype = np.dtype(np.float64) if centred else host.rows.x.dtype
    pairs = float(np.sum(order.bounds[:, 3] - order.bounds[:, 0]))
    has_keys = include is not None and exclude is not None
    name = str(getattr(distance, "__name__", distance))
    problem = Problem(name, host.distance, n, d, dtype.itemsize, pairs, has_keys)
    answer = is_usable_for(problem, devices, platform)
    if not answer.usable or include is None or exclude is None:
        return Prepared(host, devices, Status.ON_HOST, answer.reason)
    tile = tiling.largest_tile(bytes_for_tiles(problem, devices[0]))
    shape = tiling.padded_rows(n, tile[1]), -(-d // LANES) * LANES
    fused = _fused(devices, shape)
    if precision == "auto":
        precision = "fp16x3" if fused else "float32"
    resident = upload(host, (include[1], exclude[1]), dtype, shape, devices, precision)
    if not is_trusted(host, resident):
        reason = "float64 on the device might not give the same bits for these features"
        return Prepared(host, devices, Status.ON_HOST, reason)
    forms = include[0], exclude[0]
    fused = fused if is_fused_usable_with(precision) else ""
    return Prepared(host, devices, Status.READY, "", precision, resident, forms, tile, fused)


def _fused(devices: tuple[jax.Device, ...], shape: tuple[int, int]) -> str:
    """Return how the fused kernel would run, see `tiles.Setup`; empty where it would not."""
    return "gpu" if is_fused_usable_for(devices, shape) else ""


def count_outranking(
    prepared: Prepared,
    queries: npt.NDArray[np.integer],
    offsets: Ints,
    positives: npt.NDArray[np.integer],
    threads: int = 0,
    progress: Callable[[float], None] | None = None,
) -> Outranking:
    """Count the negatives that outrank and tie each positive; see `reference.ranking.count_outranking`.

    Distances outside the cosine family are counted by the CPU backend. Device memory: operands and features, n d 4
    bytes each (correlation and float64 features: 12 together), and one tile, or with the fused kernel lists of up to a
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
    if resident is None or not is_usable_for_lists(int(np.diff(offsets).max(initial=0))):
        return cpu.count_outranking(host, queries, offsets, positives, threads, progress)
    work = arrange(host, queries, offsets, positives)
    left = launches(prepared, work)
    filled: deque[tuple[Parts, Future[Filled]]] = deque()
    waiting: deque[tuple[Parts, Counts]] = deque()
    rechecked = 0
    with settings(), Threads(threads) as pool, ThreadPoolExecutor(1) as ahead:

        def fill_next() -> None:
            parts = next(left, None)
            if parts is not None:
                filled.append((parts, ahead.submit(fill, prepared, work, parts, pool)))

        def collect_next() -> int:
            nonlocal prepared
            parts, counts = waiting.popleft()
            if not np.all(counts.complete):
                prepared = prepared._replace(fused="")  # also for what follows: data like this would overflow again
                counts = start(prepared, resident, fill(prepared, work, parts, pool))
            return collect(work, parts, counts)

        for _ in range(AHEAD):
            fill_next()
        while filled:
            parts, future = filled.popleft()
            fill_next()
            waiting.append((parts, start(prepared, resident, future.result())))
            if len(waiting) > AHEAD:
                rechecked += collect_next()
                if progress is not None:
                    progress(parts[0][0] / len(work.rows))
        while waiting:
            rechecked += collect_next()
    target = work.source[work.order]
    values, (above, tied) = np.empty(len(positives)), np.empty((2, len(positives)), np.int64)
    values[target], above[target], tied[target] = work.values, work.above, work.tied
    return Outranking(values, above, tied, rechecked)
