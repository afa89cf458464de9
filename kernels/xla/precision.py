"""How a tile is multiplied, and how far its entries can then be from the float64 value that decides a rank.

Let u = 2^-24, and x, y two rows of the operand, |x|, |y| <= 1 + e as in `kernels.cpu.operands`, whose bound B(d) is
that of ``float32``: any order of summation, with or without fused operations, operations that underflow flushed to
zero or not. A product is asked for with the highest precision, because that of JAX is TF32 by default on NVIDIA
GPUs. The other two options run on tensor cores and have wider bands.

**Accumulation on tensor cores.** Products are exact. Blocks of b >= 4 of them and the running sum are aligned to
the largest of these b + 1 terms and cut off (not rounded), with at least the 24 bits of float32 kept (Fasi, Higham,
Mikaitis and Pranesh 2021, *Numerical behavior of NVIDIA tensor cores*, PeerJ Comput. Sci. 7:e330). Each cut is at
most 2 u of a number that is at most the sum s of all |x_k||y_k| (plus earlier errors), and a block has b + 1 of
them and one for its result: (b + 2) 2 u s. The d / b blocks together err by at most 2 (1 + 2 / b) d u s <= 3 d u s
to first order; T = 4 d u / (1 - 4 d u) covers the rest (higher orders, and a last block that is not full while
d >= 4; for smaller d, four more u are added). Adding in rounded float32 errs less. This is the one bound that rests
on measured hardware rather than on a standard.

**tf32**: operands rounded to 11 significant bits, relative error t = 2^-11 an entry, before they reach the device
instruction, so that it does not matter whether that would round or cut. Then |x' · y' - x · y| <= (2 t + t^2)(1 + e)^2
by Cauchy-Schwarz, and accumulation errs by at most T (1 + t)^2 (1 + e)^2.

**bf16x3**: x = h + l + r with h, l of 8 significant bits: |l| <= 2^-8 |x|, |r| <= 2^-16 |x|. Three products,
h·h' + (h·l' + l·h'), leave out r, r' and l·l': at most 3 * 2^-16 + 3 * 2^-24 <= 2^-14 of (1 + e)^2. Accumulation
errs by at most T (1 + 2^-8)^2 (1 + e)^2 for the first and 2^-6 of that for the other two together, the two additions
by 4 u.

An operand or product below 2^-126 may be flushed to zero in any of them: 4 d 2^-126 for each product, as in B(d).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from ..cpu.operands import error_bound as float32_bound
from ..dispatch import PRECISIONS

__all__ = ["PRECISIONS", "error_bound", "operands", "product"]


def error_bound(d: int, precision: str) -> float:
    """Return the largest difference between a tile entry and the deciding float64 value, see the module docstring."""
    bound = float32_bound(d)
    if precision == "float32":
        return bound
    u = 2.0**-24
    sums = 4 * (d + 1) * u / (1 - 4 * (d + 1) * u)
    unit = (1 + bound) ** 2  # covers (1 + e)^2
    if precision == "tf32":
        rounding = 2.0**-11
        return bound + unit * ((2 + rounding) * rounding + (1 + rounding) ** 2 * sums)
    return bound + unit * (2.0**-14 + (1 + 2.0**-6) * (1 + 2.0**-8) ** 2 * sums + 4 * u) + 12 * d * 2.0**-126


def operands(units: jax.Array, precision: str) -> tuple[jax.Array, ...]:
    """Split the float32 rows (n, d) into what `product` takes."""
    # reduce_precision, not a cast there and back: XLA may drop a pair of casts and with it the rounding.
    if precision == "tf32":
        return (lax.reduce_precision(units, exponent_bits=8, mantissa_bits=10),)
    if precision == "bf16x3":
        high = lax.reduce_precision(units, exponent_bits=8, mantissa_bits=7)
        low = lax.reduce_precision(units - high, exponent_bits=8, mantissa_bits=7)
        return high.astype(jnp.bfloat16), low.astype(jnp.bfloat16)
    return (units,)


def product(a: tuple[jax.Array, ...], b: tuple[jax.Array, ...], precision: str) -> jax.Array:
    """Multiply rows a (q, d) by rows b (c, d): (q, c) float32, within `error_bound`."""

    def times(left: jax.Array, right: jax.Array) -> jax.Array:
        exactness = lax.Precision.HIGHEST if precision == "float32" else lax.Precision.DEFAULT
        return lax.dot_general(
            left, right, (((1,), (1,)), ((), ())), precision=exactness, preferred_element_type=jnp.float32
        )

    if precision == "bf16x3":
        return times(a[0], b[0]) + (times(a[0], b[1]) + times(a[1], b[0]))
    return times(a[0], b[0])
