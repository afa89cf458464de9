"""Counts of the labels around each row on XLA devices: the device finds bandwidths, the CPU weighs with them.

A bandwidth is reached by doublings and halvings, which are exact to the last bit on every device; what rounding can
change is only where the search turns or ends, and that is decided by an entropy that is compared with two numbers. The
entropy of a device and that of the CPU differ by less than 64 (k + 8) 2^-53: the terms are positive, each errs by some
units in the last place and the rounding of its exponent, and the mean exponent is at most log k. A row whose entropy
comes nearer than that to the tolerance at any step is in doubt, one in millions, and is left to the CPU; all others
have the bandwidths of the CPU. The counts at them are computed on the CPU, in its order of additions, so that every
device returns what the CPU does, to the last bit.

Cost: some twenty exponentials a neighbour on the device, one on the CPU. Distances are sent once, 8 bytes a neighbour.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from ...cores import run_jobs
from ...cpu.proximity import neighborhoods as on_host
from ...cpu.proximity.neighborhoods import at_bandwidths
from ...reference.proximity.neighborhoods import ENTROPY_TOLERANCE, MOST_STEPS
from ..context import local_devices, settings
from ..rank.tiling import padded_size

__all__ = ["inverse_simpson"]

#: Neighbours of all rows that a device is worth: a CPU weighs these in half a second or less.
LEAST_NEIGHBORS = {"gpu": 1e7}
#: Neighbours of a block on a device; rows and neighbours are padded to few sizes.
BLOCK, LEAST_ROWS, STEP = 1 << 22, 256, 32
#: A distance that weighs nothing, whatever the bandwidth.
FAR = 1e300

Floats = npt.NDArray[np.float64]


def inverse_simpson(
    distances: Floats,
    codes: npt.NDArray[np.integer],
    n_codes: int,
    perplexity: float,
    *,
    platform: str | None = None,
) -> Floats:
    """Return the inverse Simpson index of the labels around each row; see `reference.proximity.neighborhoods`.

    Parameters
    ----------
    distances, codes, n_codes, perplexity
        As in the reference.
    platform : {"gpu", "cpu"}, optional
        Whose devices find bandwidths, blocks of rows in turn; JAX's default when None or not there.
    """
    devices = local_devices(platform) or local_devices()
    near, labels = np.ascontiguousarray(distances), np.ascontiguousarray(codes, np.int64)
    if near.size <= LEAST_NEIGHBORS.get(devices[0].platform, 0):
        return on_host.inverse_simpson(near, labels, n_codes, perplexity)
    betas = _bandwidths(near, float(np.log(perplexity)), devices)
    result = np.empty(len(near))

    def some(first: int, last: int) -> None:
        weight, shares = np.empty(near.shape[1]), np.empty(n_codes)
        at_bandwidths(near[first:last], labels[first:last], betas[first:last], weight, shares, result[first:last])

    step = on_host.ROWS
    run_jobs([(1, partial(some, first, min(first + step, len(near)))) for first in range(0, len(near), step)])
    left = np.flatnonzero(np.isnan(betas))
    result[left] = on_host.inverse_simpson(near[left], labels[left], n_codes, perplexity)
    return result


def _bandwidths(near: Floats, wanted: float, devices: tuple[jax.Device, ...]) -> Floats:
    """Return the bandwidth of each row, (n,); NaN where it is in doubt."""
    n, k = near.shape
    width = -(-k // STEP) * STEP
    block = min(padded_size(n, LEAST_ROWS), max(BLOCK // width, 1))
    margin = 64 * (k + 8) * 2.0**-53
    with settings():
        found = []
        for number, first in enumerate(range(0, n, block)):
            part = near[first : first + block]
            spare = (0, block - len(part)), (0, width - k)
            padded = jax.device_put(np.pad(part, spare, constant_values=FAR), devices[number % len(devices)])
            found.append(_search(padded, wanted, margin))
        return np.concatenate([np.asarray(each) for each in found])[:n]


@jax.jit
def _search(near: jax.Array, wanted: jax.Array, margin: jax.Array) -> jax.Array:
    """Return the bandwidths of rows, step by step as `cpu.proximity.neighborhoods`; NaN where a step is in doubt."""
    away = near - near[:, :1]
    State = tuple[jax.Array, jax.Array, jax.Array, jax.Array, jax.Array]

    def goes_on(state: State) -> jax.Array:
        step, *_, ended = state
        return (step < MOST_STEPS) & ~ended.all()

    def turn(state: State) -> State:
        step, beta, low, high, ended = state
        weight = jnp.exp(-beta[:, None] * away)
        total = weight.sum(axis=1)
        entropy = jnp.log(total) + beta * (away * weight).sum(axis=1) / total
        gap = jnp.abs(entropy - wanted) - ENTROPY_TOLERANCE
        sure, over = jnp.abs(gap) > margin, entropy > wanted
        lower, upper = jnp.where(over, beta, low), jnp.where(over, high, beta)
        up = jnp.where(jnp.isinf(upper), beta * 2.0, (beta + upper) / 2.0)
        down = jnp.where(jnp.isinf(lower), beta / 2.0, (beta + lower) / 2.0)
        moved = jnp.where(sure, jnp.where(over, up, down), jnp.nan)
        stays = ended | (sure & (gap < 0))
        low, high = jnp.where(stays, low, lower), jnp.where(stays, high, upper)
        return step + 1, jnp.where(stays, beta, moved), low, high, stays | ~sure

    start = jnp.full(len(near), 1.0)
    infinite = jnp.full(len(near), jnp.inf)
    state = jnp.int32(0), start, -infinite, infinite, jnp.zeros(len(near), bool)
    return jax.lax.while_loop(goes_on, turn, state)[1]
