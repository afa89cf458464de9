"""Exact nearest neighbours on XLA devices: float32 similarities of some queries to all rows, and the largest of them.

A device returns for each query some more candidates than are asked for. Where the last of them lies below the band
around the k-th, every row that float64 could choose is among them, and the CPU computes these in float64, with the same
arithmetic as its own search (`cpu.proximity.neighbors`); the few queries whose band is too full are searched there. So
every device returns the same neighbours. What is little work for a CPU is left to it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from ...backend import Neighbors
from ...cpu.proximity import neighbors as on_host
from ...cpu.proximity.kept import FULL, Kept
from ...cpu.proximity.neighbors import Search, band_of, search_of, search_rest, write
from ...cpu.rank.operands import SCALED
from ...names import ABS_COSINE
from ..context import free_bytes, local_devices, settings
from ..rank import usable

__all__ = ["nearest_neighbors"]

#: Candidates beyond k.
MORE = 32
#: Bytes of the similarities of a block of queries where the device does not say what is free, and most queries.
BLOCK_BYTES, MOST_QUERIES = 1 << 28, 4096

Ints = npt.NDArray[np.int64]


def nearest_neighbors(
    features: npt.NDArray[np.floating],
    k: int,
    distance: str,
    threads: int = 0,
    progress: Callable[[float], None] | None = None,
    *,
    platform: str | None = None,
) -> Neighbors:
    """Return the k nearest other rows of each row; see `reference.proximity.neighbors.nearest_neighbors`.

    Parameters
    ----------
    features, k, distance, threads, progress
        As in the reference; threads are those of the host.
    platform : {"gpu", "cpu"}, optional
        Whose devices search, blocks of queries in turn; JAX's default when None or not there.
    """
    n, d = features.shape
    devices = local_devices(platform) or local_devices()
    if 2.0 * d * n * n < usable.LEAST_FLOPS.get(devices[0].platform, 0):
        return on_host.nearest_neighbors(features, k, distance, threads, progress)
    search = search_of(features, k, distance)
    if not n or not k:
        return search.found
    left = np.arange(n) if search.chosen is None else _by_blocks(search, progress, devices)
    search_rest(search, left, threads)
    return search.found


def _by_blocks(search: Search, progress: Callable[[float], None] | None, devices: tuple[jax.Device, ...]) -> Ints:
    """Search all rows; return those whose band was too full."""
    chosen, n = search.chosen, len(search.rows.x)
    assert chosen is not None
    room = min(search.k + max(search.k // 4, MORE), n)
    free = free_bytes(devices[0])
    block = int(np.clip((BLOCK_BYTES if free is None else free // 4) // (8 * n), 1, min(MOST_QUERIES, n)))
    absolute = search.rows.distance == ABS_COSINE
    left: list[Ints] = []
    with settings():
        held = [jax.device_put((chosen.rows, chosen.scale), device) for device in devices]
        find = partial(_candidates, room, block, chosen.form == SCALED, absolute)
        waiting = []
        # The last block begins earlier instead of being shorter: all share one program.
        for number, first in enumerate(range(0, n, block)):
            start = min(first, n - block)
            waiting.append((start, find(*held[number % len(devices)], start)))
            if len(waiting) > len(devices):
                left.append(_finished(search, *waiting.pop(0)))
                if progress is not None:
                    progress(first / n)
        left += [_finished(search, *each) for each in waiting]
    if progress is not None:
        progress(1.0)
    return np.unique(np.concatenate(left))


@partial(jax.jit, static_argnums=(0, 1, 2, 3))
def _candidates(
    room: int, block: int, scaled: bool, absolute: bool, rows: jax.Array, scale: jax.Array, start: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Return the largest similarities of the rows start .. start + block to others, descending, and whose they are."""
    mine = jax.lax.dynamic_slice_in_dim(rows, start, block)
    own = jax.lax.dynamic_slice_in_dim(scale, start, block)[:, None]
    product = jnp.matmul(mine, rows.T, precision=jax.lax.Precision.HIGHEST)
    entries = product * (own * scale) if scaled else product - (own + scale)
    entries = jnp.abs(entries) if absolute else entries
    itself = jnp.arange(block)[:, None] + start == jnp.arange(rows.shape[0])
    return jax.lax.top_k(jnp.where(itself, -jnp.inf, entries), room)


def _finished(search: Search, start: int, found: tuple[jax.Array, jax.Array]) -> Ints:
    """Compute candidates in float64 and write the nearest; return the rows whose band was too full."""
    entries, places = np.asarray(found[0]), np.asarray(found[1], np.int32)
    band = band_of(search)
    others = len(search.rows.x) - 1
    # One that may be chosen has an entry of at least the k-th less the band; a margin covers its rounding.
    least = entries[:, search.k - 1].astype(np.float64) - band
    whole = entries[:, -1] < least - np.abs(least) * 2.0**-20
    if entries.shape[1] > others:  # all are candidates, and last the row itself
        entries, places, whole = entries[:, :others], places[:, :others], np.ones(len(entries), bool)
    room = max(search.room, entries.shape[1])
    kept = Kept.of(len(entries), room, search.k, np.float32)
    kept.filled[:] = np.where(whole, entries.shape[1], FULL)
    kept.places[:, : entries.shape[1]], kept.entries[:, : entries.shape[1]] = places, entries
    queries = np.arange(start, start + len(entries))
    write(search, queries, np.arange(len(entries)), band, kept)
    return queries[~whole]
