"""Counts by ontology node on an XLA device: bit rows of entries, a chunk at a time, met word by word.

Chunks and tables are padded to powers of two, so that problems of all sizes share a few programs. The walks of the
graph (ancestors, hops, path lengths) stay on the host, see `xla`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax import lax

from .context import local_devices, settings
from .rank.tiling import padded_size

__all__ = ["best_predictions", "node_counts", "overlaps"]

#: Words of the bit rows of a chunk; a device holds some 30 bytes for each.
WORDS = 1 << 20
#: Fewest labels, and entries, that are reserved.
LEAST = 1 << 8
#: The bits of a word, the lowest first.
EACH_BIT = np.uint64(1) << np.arange(64, dtype=np.uint64)

Bits = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]


class _Table:
    """Bit rows on a device."""

    def __init__(self, bits: Bits, platform: str | None) -> None:
        self.device = (local_devices(platform) or local_devices())[0]
        rows, words = padded_size(len(bits), LEAST), padded_size(bits.shape[1], 1)
        spare = (0, rows - len(bits)), (0, words - bits.shape[1])
        self.bits = jax.device_put(np.pad(bits, spare), self.device)
        self.most = max(WORDS // words, 1)  # entries of a chunk

    def chunks(self, *arrays: npt.NDArray[Any]) -> Iterator[tuple[slice, tuple[jax.Array, ...]]]:
        """Cut the last axis of arrays (.., m) into chunks on the device, padded with zeros."""
        m = arrays[0].shape[-1]
        for first in range(0, m, self.most):
            here = slice(first, min(first + self.most, m))
            size = here.stop - first
            spare = 0, padded_size(size, min(LEAST, self.most)) - size
            padded = tuple(np.pad(each[..., here], [(0, 0)] * (each.ndim - 1) + [spare]) for each in arrays)
            yield here, jax.device_put(padded, self.device)


def node_counts(
    rows: npt.NDArray[np.int32],
    cols: npt.NDArray[np.int32],
    counts: Ints,
    bits: Bits,
    n_nodes: int,
    *,
    platform: str | None = None,
) -> Ints:
    """Count true positives, false positives and false negatives by node; see `reference.ontology.node_counts`.

    Parameters
    ----------
    rows, cols, counts, bits, n_nodes
        As in the reference.
    platform : {"gpu", "cpu"}, optional
        Whose device counts, the first of this process; JAX's default when None or not there.
    """
    labels = np.arange(len(bits), dtype=np.int32)
    true, predicted = np.zeros((2, len(bits)), np.int64)
    np.add.at(true, rows, counts)
    np.add.at(predicted, cols, counts)
    with settings():
        table = _Table(bits, platform)

        def shared(rows: npt.NDArray[np.int32], cols: npt.NDArray[np.int32], counts: Ints) -> Ints:
            """Cells of which both labels have a node, for each node."""
            total = jnp.zeros(64 * table.bits.shape[1], jnp.int64, device=table.device)
            for _, chunk in table.chunks(rows, cols, counts):
                total = _add_shared(total, table.bits, *chunk)
            return np.asarray(total)[:n_nodes]

        both = shared(rows, cols, counts)
        return np.stack([both, shared(labels, labels, predicted) - both, shared(labels, labels, true) - both])


@jax.jit
def _add_shared(total: jax.Array, bits: jax.Array, rows: jax.Array, cols: jax.Array, counts: jax.Array) -> jax.Array:
    """Add the counts of entries (e,) to the nodes (64 w,) that both rows have."""
    words = bits[rows] & bits[cols]
    here = lax.map(lambda bit: jnp.where(words & bit != 0, counts[:, None], 0).sum(axis=0), EACH_BIT)
    return total + here.T.ravel()


def overlaps(
    rows: npt.NDArray[np.int32], cols: npt.NDArray[np.int32], bits: Bits, *, platform: str | None = None
) -> npt.NDArray[np.int32]:
    """Count the ancestors that truth and prediction share; see `reference.ontology.overlaps` and `node_counts`."""
    shared = np.empty(len(rows), np.int32)
    with settings():
        table = _Table(bits, platform)
        for here, chunk in table.chunks(rows, cols):
            shared[here] = np.asarray(_overlap(table.bits, *chunk))[: here.stop - here.start]
    return shared


@jax.jit
def _overlap(bits: jax.Array, rows: jax.Array, cols: jax.Array) -> jax.Array:
    """Count the bits that pairs of rows (e,) share."""
    return lax.population_count(bits[rows] & bits[cols]).sum(axis=1, dtype=jnp.int32)


def best_predictions(
    truth: npt.NDArray[np.int32],
    predictions: npt.NDArray[np.int32],
    bits: Bits,
    threads: int = 0,
    *,
    platform: str | None = None,
) -> npt.NDArray[np.int32]:
    """Find the prediction nearest to the truth among the first ranks; see `reference.ontology.best_predictions`.

    Parameters
    ----------
    truth, predictions, bits
        As in the reference.
    threads : int, default 0
        As in the CPU backend; without effect here.
    platform : {"gpu", "cpu"}, optional
        As in `node_counts`.
    """
    best = np.empty_like(predictions, order="C")
    with settings():
        table = _Table(bits, platform)
        for here, chunk in table.chunks(truth, predictions):
            best[:, here] = np.asarray(_nearest(table.bits, *chunk))[:, : here.stop - here.start]
    return best


@jax.jit
def _nearest(bits: jax.Array, truth: jax.Array, predictions: jax.Array) -> jax.Array:
    """Replace predictions (k, e) by the best up to their rank; fractions are compared by cross products."""
    size = lax.population_count(bits).sum(axis=1, dtype=jnp.int64)
    chosen, best = predictions[0], [predictions[0]]
    for p in predictions[1:]:
        mine, shared = _overlap(bits, truth, p), _overlap(bits, truth, chosen)
        nearer = mine * (size[truth] + size[chosen]) > shared * (size[truth] + size[p])
        chosen = jnp.where((p == truth) | nearer, p, chosen)
        best.append(chosen)
    return jnp.stack(best)
