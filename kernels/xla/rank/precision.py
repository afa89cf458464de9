"""How a tile is multiplied, and how far its entries can then be from the float64 value that decides a rank.

Let u = 2^-24, and x, y two float32 rows of the operand, as in `kernels.cpu.rank.operands`, whose bound holds for
``float32``: any order of summation, with or without fused operations, operations that underflow flushed to zero or
not. A product is asked for with the highest precision, because that of JAX is TF32 by default on NVIDIA GPUs. The
other options run on tensor cores. For them, the relative error g of a product in that bound is another.

**Accumulation on tensor cores.** Products are exact. Blocks of b >= 4 of them and the running sum are aligned to the
largest of these b + 1 terms and cut off (not rounded), with at least the 24 bits of float32 kept (Fasi, Higham,
Mikaitis and Pranesh 2021, *Numerical behavior of NVIDIA tensor cores*, PeerJ Comput. Sci. 7:e330, for V100 and A100;
Khattak and Mikaitis 2025, *Accurate models of NVIDIA tensor cores*, arXiv:2512.07004, for H100: blocks of 16, with
two bits more). Each cut is at most 2 u of a number that is at most the sum s of all |x_k||y_k| (plus earlier errors),
and a block has b + 1 of them and one for its result: (b + 2) 2 u s. The m / b blocks of m terms together err by at
most 2 (1 + 2 / b) m u s <= 3 m u s to first order; T(m) = 4 (m + 1) u / (1 - 4 (m + 1) u) covers the rest: higher
orders, and a last block that is not full. Adding in rounded float32 errs less. This is the one bound that rests on
measured hardware rather than on a standard.

**Sums.** m is the number of features where each product is a sum of its own. Where features are multiplied in parts,
the products of a part in one sum, and the parts added up outside the tensor cores, m is the number of terms of a part.
Then a additions in float32 err by a u / (1 - a u) of s: (1 + T(m)) / (1 - a u) - 1 in all.

**tf32**: operands rounded to 11 significant bits, relative error t = 2^-11 an entry, before they reach the device
instruction, so that it does not matter whether that would round or cut. Then |x' · y' - x · y| <= (2 t + t^2)|x||y|
by Cauchy-Schwarz, and s <= (1 + t)^2 |x||y|.

**bf16x3** and **fp16x3**: x = h + l + r, where h and l are x and what it leaves, rounded to 8 (11) significant bits:
with t = 2^-8 (2^-11), |l| <= t (1 + t)|x| and |r| <= t^2 |x| by entry. Three products, h·h' + (h·l' + l·h'), leave out
l·l' and what r and r' take part in: at most t^2 ((1 + t)^2 + 2 (1 + t)^2 + t^2) <= 4 t^2 of |x||y|. The terms of all
three together are s <= ((1 + t) + t (1 + t))^2 |x||y| = (1 + t)^4 |x||y|, three a feature.

**Underflow.** An operand, or a product, below 2^-126 may be flushed to zero: 4 d 2^-126 for each product. Half
precision has fewer exponents, so operands of fp16x3 are multiplied by 2^11 first and sums by 2^-22 last, both exact: an
entry of h or l that is flushed is below 2^-14, 2^-25 of the unit row. That makes at most 2 * 2^-25 (|x|_1 + |y|_1) <=
2^-23 sqrt(d) (|x| + |y|) / 2, of which 2^-22 sqrt(d) is kept; no product of what is left underflows in float32.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax import lax

from ...cpu.rank.operands import error_bound as float32_bound
from ...names import PRECISIONS as _CHOICES

__all__ = ["PRECISIONS", "SPLIT", "error_bound", "operands", "product", "scale"]

PRECISIONS = tuple(name for name in _CHOICES if name != "auto")
#: Those with two operands a row and three products.
SPLIT = ("bf16x3", "fp16x3")
#: Exponent and mantissa bits that operands are rounded to, and the factor by which they are multiplied first.
_ROUNDED = {"tf32": (8, 10, 1.0), "bf16x3": (8, 7, 1.0), "fp16x3": (5, 10, 2.0**11)}


def error_bound(d: int, precision: str, depth: int = 0) -> float:
    """Return the largest difference between a tile entry and the deciding float64 value, see the module docstring.

    Parameters
    ----------
    d : int
        Features.
    precision : str
        One of `PRECISIONS`.
    depth : int, default 0
        Features of a part, 0 for all.
    """
    if precision == "float32":
        return float32_bound(d, depth=depth)
    u, split = 2.0**-24, precision in SPLIT
    t = 2.0 ** -(_ROUNDED[precision][1] + 1)
    parts = -(-d // depth) if depth else 1
    terms = 4 * ((3 * depth if split else depth) + 1 if depth else d + 1) * u
    additions = (parts + 2) * u  # two more where the three products are sums of their own
    summing = (1 + terms / (1 - terms)) / (1 - additions) - 1
    dropped = 4 * t * t if split else (2 + t) * t
    underflow = 12 * d * 2.0**-126 + (2.0**-22 * math.sqrt(d) if precision == "fp16x3" else 0.0)
    return float32_bound(d, product=dropped + summing * (1 + t) ** (4 if split else 2) + underflow)


def operands(units: jax.Array, precision: str) -> tuple[jax.Array, ...]:
    """Split the float32 rows (n, d) into what `product` takes."""
    if precision == "float32":
        return (units,)

    # reduce_precision, not a cast there and back: XLA may drop a pair of casts and with it the rounding.
    def rounded(array: jax.Array) -> jax.Array:
        exponent, mantissa, _ = _ROUNDED[precision]
        return lax.reduce_precision(array, exponent_bits=exponent, mantissa_bits=mantissa)

    units = units * jnp.float32(_ROUNDED[precision][2])
    high = rounded(units)
    if precision == "tf32":
        return (high,)
    half = jnp.bfloat16 if precision == "bf16x3" else jnp.float16
    return high.astype(half), rounded(units - high).astype(half)


def scale(precision: str) -> float:
    """Return the power of two that a product of split operands is to be multiplied by."""
    return _ROUNDED[precision][2] ** -2


def product(a: tuple[jax.Array, ...], b: tuple[jax.Array, ...], precision: str) -> jax.Array:
    """Multiply rows a (q, d) by rows b (c, d): (q, c) float32, within `error_bound`."""

    def times(left: jax.Array, right: jax.Array) -> jax.Array:
        exactness = lax.Precision.HIGHEST if precision == "float32" else lax.Precision.DEFAULT
        return lax.dot_general(
            left, right, (((1,), (1,)), ((), ())), precision=exactness, preferred_element_type=jnp.float32
        )

    if len(a) == 1:
        return times(a[0], b[0])
    sums = times(a[0], b[0]) + (times(a[0], b[1]) + times(a[1], b[0]))
    return sums * jnp.float32(scale(precision))
