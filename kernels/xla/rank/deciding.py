"""The float64 value that decides a rank, on a device: operation for operation that of `reference.similarity`.

Additions stand in one fixed order, and XLA does not reorder additions that are written out. What a compiler may do is
fuse a product with the addition after it, which skips the rounding of the product. Where products are exact (float32
features, not centred: 24 + 24 <= 53 bits) that changes nothing. For the others, and so for all, the bits of each
product pass through an exclusive or with a zero that is only known when the program runs: no compiler can fuse across
it. Numbers below the normal range may be taken for zero (XLA does so on the CPU), so `in_range` says whether any could
occur, and `resident.is_trusted` compares values of random pairs with those of the host before a device is used at all.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from ...reference.similarity import LANES

__all__ = ["LARGEST", "SMALLEST", "deciding_value", "in_range"]

#: With every float64 number zero or in this range, products and all their sums are multiples of 2^-532, so zero or
#: normal; and two norms (up to 2^30 features) multiply to at most 2^490, so the quotient is zero or normal too. Normal
#: float32 numbers fare better: multiples of 2^-298, over at most 2^286.
SMALLEST, LARGEST = 2.0**-240, 2.0**230


def deciding_value(
    rows: jax.Array, norm: jax.Array, zero: jax.Array, i: jax.Array, j: jax.Array, absolute: bool
) -> jax.Array:
    """Return the ranking values of pairs of rows, (e,) float64.

    Parameters
    ----------
    rows : array, shape (n, steps, 64)
        Features, centred in float64 for correlation; zero after the last.
    norm : array of float64, shape (n,)
        Their norms.
    zero : array of int64, shape (1,)
        Zero, see the module docstring.
    i, j : arrays of int32, shape (e,)
        The pairs.
    absolute : bool
        For ``abs_cosine``.
    """
    products = rows[i].astype(jnp.float64) * rows[j].astype(jnp.float64)
    products = lax.bitcast_convert_type(lax.bitcast_convert_type(products, jnp.int64) ^ zero, jnp.float64)
    lanes = products[:, 0]
    for k in range(1, rows.shape[1]):
        lanes = lanes + products[:, k]
    lanes = lax.optimization_barrier(lanes)  # else each half of a fold computes its lanes again
    width = LANES // 2
    while width:
        lanes = lanes[:, :width] + lanes[:, width:]
        width //= 2
    value = lanes[:, 0] / (norm[i] * norm[j])
    return jnp.abs(value) if absolute else value


def in_range(rows: jax.Array) -> jax.Array:
    """Return whether each number is zero or in the range above (float64), or zero or normal (float32); by its bits."""
    wide = rows.dtype == jnp.float64
    single = jnp.finfo(jnp.float32)
    integer = jnp.int64 if wide else jnp.int32
    ends = jnp.array((SMALLEST, LARGEST) if wide else (single.tiny, single.max), rows.dtype)
    least, most = lax.bitcast_convert_type(ends, integer)
    bits = lax.bitcast_convert_type(rows, integer) & jnp.iinfo(integer).max  # without the sign
    return jnp.all((bits == 0) | ((bits >= least) & (bits <= most)))
