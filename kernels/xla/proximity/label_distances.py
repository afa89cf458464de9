"""Sums of distances to the rows of each label on XLA devices: float64 tiles, what is in doubt computed by the CPU.

The device does what `cpu.proximity.label_distances` does with a tile, some queries times all rows that have a label,
and its certificate is the same: it holds for a product in any order of additions, so for float64 of any device (not for
what emulates it). An entry that is certain is rounded to whole units on the device and added up there; one in doubt is
left out and marked by a bit, and the CPU adds the value of the definition. Sums of whole numbers are the same in any
order, so every device, every size of block and every number of threads gives the sums of the definition, to the last
bit.

Rows lie label by label, each label filled up to whole groups of 32, so that a group has one label and one word of
marks; groups, queries and labels are padded to few sizes, which share programs.

Cost: 2 d float64 flops a pair, each pair from both sides (a GPU of half the speed in float64 is still far above a CPU;
one of 1/64, as those of desktops, is not), and one bit a pair to the host, of which it finds one in ten thousand set.
Rows that nearly coincide are all in doubt, and cost what they do on the CPU, twice. Memory of the device: operands of
8 d bytes a row, and a quarter of what is free for a block.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from ...cores import run_jobs, usable_cores
from ...cpu.proximity import label_distances as on_host
from ...cpu.proximity.label_distances import Moved, add_marked, move_rows
from ..context import free_bytes, local_devices, settings
from ..rank import usable
from ..rank.tiling import padded_size

__all__ = ["distance_sums"]

#: Rows of a group: the bits of a word.
GROUP = 32
#: Fewest groups, queries and labels that are reserved.
LEAST_GROUPS, LEAST_QUERIES, LEAST_LABELS = 16, 64, 8
#: Bytes of the entries of a block where the device does not say what is free, and most queries.
BLOCK_BYTES, MOST_QUERIES = 1 << 26, 4096
#: Bytes of a block, for each of its entries.
ENTRY_BYTES = 32
#: What a device may add to the rounding of the host: its roots and products may err by some units in the last place.
MORE_ROUNDING = 2.0

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def distance_sums(
    features: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    n_labels: int,
    threads: int = 0,
    progress: Callable[[float], None] | None = None,
    *,
    platform: str | None = None,
) -> Ints:
    """Add up euclidean distances to the rows of each label; see `reference.proximity.label_distances.distance_sums`.

    Parameters
    ----------
    features, labels, n_labels, threads, progress
        As in the reference; threads are those of the host.
    platform : {"gpu", "cpu"}, optional
        Whose devices add up, blocks of queries in turn; JAX's default when None or not there.
    """
    n, d = features.shape
    devices = local_devices(platform) or local_devices()
    least = usable.LEAST_FLOPS.get(devices[0].platform, 0)
    known = int(np.count_nonzero(labels >= 0))
    groups = _padded(known // GROUP + n_labels)  # as many as there can be
    free = free_bytes(devices[0])
    fits = free is None or 8 * GROUP * groups * (d + 2) < free // 2
    if not known or not fits or 2.0 * d * n * known < least:
        return on_host.distance_sums(features, labels, n_labels, threads, progress)
    rows, moved = move_rows(features, labels, n_labels)
    sums = np.empty((n, n_labels), np.int64)
    room = (BLOCK_BYTES if free is None else free // 4) // (ENTRY_BYTES * GROUP * groups)
    block = min(padded_size(n, LEAST_QUERIES), 1 << max(min(room, MOST_QUERIES), 1).bit_length() - 1)
    places, of = _groups_of(rows.starts, groups)
    with settings():
        columns = _columns(rows, moved, places, of, groups)
        held = [jax.device_put(columns, device) for device in devices]
        add = partial(_add_block, padded_size(n_labels, LEAST_LABELS))
        waiting: deque[tuple[slice, tuple[jax.Array, jax.Array]]] = deque()

        def finish() -> None:
            here, (whole, marks) = waiting.popleft()
            size = here.stop - here.start
            found, words = np.array(whole)[:size, :n_labels], np.asarray(marks)[:size, : len(places)]
            _add_doubtful(words, here.start, places, of, rows, found, threads)
            sums[rows.at[here]] = found
            if progress is not None:
                progress(here.stop / n)

        bounds = rows.error * MORE_ROUNDING, rows.rounding * MORE_ROUNDING
        for number, first in enumerate(range(0, n, block)):
            device, here = number % len(devices), slice(first, min(first + block, n))
            spare = (0, first + block - here.stop)
            mine = np.pad(moved[here], (spare, (0, 0))), np.pad(rows.square[here], spare)
            waiting.append((here, add(*held[device], *jax.device_put(mine, devices[device]), *bounds)))
            if len(waiting) > len(devices):
                finish()
        while waiting:
            finish()
    return sums


def _padded(groups: int) -> int:
    """Return the groups to reserve: one of eight sizes in an octave."""
    step = max(padded_size(groups, LEAST_GROUPS) // 16, LEAST_GROUPS)
    return -(-groups // step) * step


def _groups_of(starts: Ints, most: int) -> tuple[Ints, Ints]:
    """Return the first place of each group, and its label; at most so many."""
    counts = -(-np.diff(starts) // GROUP)
    of = np.repeat(np.arange(len(counts)), counts)
    number = np.arange(len(of)) - np.repeat(np.cumsum(counts) - counts, counts)
    assert len(of) <= most
    return starts[of] + GROUP * number, of


def _columns(
    rows: Moved, moved: Floats, places: Ints, of: Ints, groups: int
) -> tuple[Floats, Floats, npt.NDArray[np.bool_], npt.NDArray[np.int32]]:
    """Return what a device holds: rows group by group, their squared lengths, which are there, and labels of groups."""
    spare = groups - len(of)
    each = places[:, None] + np.arange(GROUP)
    there = np.pad(each < rows.starts[of + 1][:, None], ((0, spare), (0, 0))).ravel()
    chosen = np.pad(np.minimum(each, len(moved) - 1), ((0, spare), (0, 0))).ravel()
    # Groups of no label have none there, so that it does not matter whose they are; ids ascend.
    return moved[chosen], rows.square[chosen], there, np.pad(of, (0, spare), mode="edge").astype(np.int32)


@partial(jax.jit, static_argnums=0)
def _add_block(
    n_labels: int,
    columns: jax.Array,
    squares: jax.Array,
    there: jax.Array,
    of: jax.Array,
    queries: jax.Array,
    own: jax.Array,
    error: jax.Array,
    rounding: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """Return sums of certain distances of queries to rows of labels, and a word of those in doubt for each group."""
    product = jnp.matmul(queries, columns.T, precision=jax.lax.Precision.HIGHEST)
    far = jnp.sqrt(jnp.maximum(own[:, None] + squares - 2.0 * product, 0.0))
    near = jnp.round(far)
    certain = (0.5 - jnp.abs(far - near) - rounding) * far > error
    shape = len(queries), -1, GROUP
    counted = jnp.where(there & certain, near, 0.0).astype(jnp.int64).reshape(shape).sum(axis=2)
    bit = jnp.uint32(1) << jnp.arange(GROUP, dtype=jnp.uint32)
    marks = jnp.where((there & ~certain).reshape(shape), bit, jnp.uint32(0)).sum(axis=2, dtype=jnp.uint32)
    return jax.ops.segment_sum(counted.T, of, n_labels, indices_are_sorted=True).T, marks


def _add_doubtful(
    marks: npt.NDArray[np.uint32], first: int, places: Ints, of: Ints, rows: Moved, sums: Ints, threads: int
) -> None:
    """Add what is in doubt to the sums (q, labels) of the rows at the places first .. first + q."""
    step = -(-len(marks) // (4 * (threads or usable_cores())))
    jobs = [
        (1, partial(add_marked, marks[at : at + step], first + at, places, of, rows, sums[at : at + step]))
        for at in range(0, len(marks), step)
    ]
    run_jobs(jobs, threads)
