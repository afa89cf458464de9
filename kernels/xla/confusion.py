"""Confusion counts on XLA devices: the codes of a chunk of cells are sorted, and the runs of equal codes measured.

A code is one integer for truth, prediction and slot (see `sparse_counts.from_packed`), so no table of truth x
prediction is made, and what leaves a device is one code and one count for each run. Chunks are padded to powers of two,
so that all numbers of cells and of labels share a few programs.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax import lax

from ..sparse_counts import SparseCounts, from_packed, merge
from .context import local_devices, settings
from .rank.tiling import padded_size

__all__ = ["count_confusion"]

#: Cells of a chunk; a device holds less than 100 bytes for each.
CHUNK = 1 << 22
#: Fewest cells, and runs, that are reserved.
LEAST = 1 << 10
#: Chunks under way on a device: the host sends the next while one is counted.
AHEAD = 2
#: Code of padding; sorted, it comes last.
END = np.iinfo(np.int64).max


def count_confusion(
    truth: npt.NDArray[np.int32],
    predictions: npt.NDArray[np.int32],
    n_labels: int,
    weights: npt.NDArray[np.int64] | None = None,
    threads: int = 0,
    *,
    platform: str | None = None,
) -> SparseCounts:
    """Count cells by truth, prediction and rank of the truth; see `reference.confusion.count_confusion`.

    Parameters
    ----------
    truth, predictions, n_labels, weights
        As in the reference.
    threads : int, default 0
        As in the CPU backend; without effect here.
    platform : {"gpu", "cpu"}, optional
        Whose devices count, all of this process; JAX's default when None or not there.
    """
    k, n = predictions.shape
    devices = local_devices(platform) or local_devices()
    waiting: deque[tuple[jax.Array, ...]] = deque()
    found: list[SparseCounts] = []
    with settings():
        for number, first in enumerate(range(0, max(n, 1), CHUNK)):
            last = min(first + CHUNK, n)
            cells = truth[first:last], predictions[:, first:last], None if weights is None else weights[first:last]
            cells = jax.device_put(_padded(cells, last - first), devices[number % len(devices)])
            waiting.append(_sorted(*cells, last - first, n_labels))
            if len(waiting) == AHEAD * len(devices):
                found = _with(found, _collect(waiting.popleft(), n_labels, k))
        while waiting:
            found = _with(found, _collect(waiting.popleft(), n_labels, k))
    return found[0] if len(found) == 1 else merge(found)


def _padded(arrays: tuple[npt.NDArray[Any] | None, ...], size: int) -> tuple[npt.NDArray[Any] | None, ...]:
    """Add zeros to the last axis, which has the given size."""
    spare = padded_size(size, LEAST) - size
    return tuple(None if a is None else np.pad(a, [(0, 0)] * (a.ndim - 1) + [(0, spare)]) for a in arrays)


@jax.jit
def _sorted(
    truth: jax.Array, predictions: jax.Array, weights: jax.Array | None, size: jax.Array, n_labels: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array | None, jax.Array]:
    """Sort the cells of a chunk by code.

    Returns
    -------
    codes : array of int64, shape (n,)
        Ascending.
    run : array of int32, shape (n,)
        Number of the run of equal codes, from one.
    before : array of int64, shape (n + 1,), or None
        Weight of the cells before each, in this order; None where each weighs one.
    runs : array of int32, shape ()
        How many there are, padding left out.
    """
    k, n = predictions.shape
    hit = predictions == truth
    slot = jnp.where(hit.any(axis=0), jnp.argmax(hit, axis=0), 0)
    codes = (truth.astype(jnp.int64) * (n_labels + 1) + predictions[0]) * k + slot
    codes = jnp.where(jnp.arange(n) < size, codes, END)
    before = None
    if weights is None:
        codes = lax.sort(codes, is_stable=False)
    else:
        codes, weights = lax.sort((codes, weights), num_keys=1, is_stable=False)
        before = jnp.concatenate([jnp.zeros(1, jnp.int64), jnp.cumsum(weights)])
    run = jnp.cumsum(jnp.concatenate([jnp.ones(1, bool), codes[1:] != codes[:-1]]), dtype=jnp.int32)
    return codes, run, before, run[-1] - (codes[-1] == END)


@partial(jax.jit, static_argnums=3)
def _measured(codes: jax.Array, run: jax.Array, before: jax.Array | None, most: int) -> tuple[jax.Array, jax.Array]:
    """Return code and count of the first runs, (most,) each; where there are fewer, something follows."""
    starts = jnp.searchsorted(run, jnp.arange(1, most + 2, dtype=run.dtype))
    return codes[starts[:-1]], jnp.diff(starts.astype(jnp.int64) if before is None else before[starts])


def _collect(chunk: tuple[jax.Array, ...], n_labels: int, k: int) -> SparseCounts:
    """Wait for a chunk and fetch its runs."""
    *cells, runs = chunk
    codes, counts = (np.asarray(each)[: int(runs)] for each in _measured(*cells, padded_size(int(runs), LEAST)))
    return from_packed(*np.divmod(codes, (n_labels + 1) * k), counts, k)


def _with(found: list[SparseCounts], part: SparseCounts) -> list[SparseCounts]:
    """Add a part, and merge all as soon as the parts after the first outgrow it."""
    found = [*found, part]
    return [merge(found)] if sum(len(each.rows) for each in found[1:]) > max(len(found[0].rows), CHUNK) else found
