"""Pair rules on a device: a form of a key index in which "do rows i and j share a key" is a few integer operations.

========  =====================  ====================================  =====================================
form      array                  rows share a key when                 for
========  =====================  ====================================  =====================================
none      (n, 0)                 never                                 an index without keys
bits      (n, w) bit sets        a_j & b_j is not 0 for one j          few keys (32 a word)
columns   (n, k) keys            a_j = b_j for one j                   columns, one key each row
lists     (n, k) keys, -1 pad    a_i = b_j >= 0 for some i, j          list columns, few labels a row
========  =====================  ====================================  =====================================
"""

from __future__ import annotations

from functools import reduce

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from ...codes import KeyIndex
from .tiling import padded_size

__all__ = ["MOST_STEPS", "device_keys", "shared"]

#: Integer comparisons a pair may cost; an index that needs more has no form here.
MOST_STEPS = 32

Keys = npt.NDArray[np.int32]


def device_keys(index: KeyIndex) -> tuple[str, Keys] | None:
    """Return the cheapest form of an index and its array, or None when each would cost over `MOST_STEPS` a pair."""
    n, n_keys = len(index.row_offsets) - 1, len(index.key_offsets) - 1
    sizes = np.diff(index.row_offsets)
    most = int(sizes.max(initial=0))
    if most == 0:
        return "none", np.empty((n, 0), np.int32)
    words = padded_size(-(-n_keys // 32), 1)  # few widths: programs are compiled for each
    by_keys = index.columns or most * most
    if min(words, by_keys) > MOST_STEPS:
        return None
    row = np.repeat(np.arange(n), sizes)
    if by_keys < words:
        padded = np.full((n, most), -1, np.int32)
        padded[row, np.arange(len(row)) - index.row_offsets[row]] = index.row_keys
        return "columns" if index.columns else "lists", padded
    bits = np.zeros((n, words), np.uint32)
    np.bitwise_or.at(bits, (row, index.row_keys // 32), np.uint32(1) << (index.row_keys % 32).astype(np.uint32))
    return "bits", bits.view(np.int32)


def shared(form: str, a: jax.Array, b: jax.Array) -> jax.Array:
    """Return the (q, c) table: do rows of a (q, k) and b (c, k) share a key."""
    mine, other = a.T[:, :, None], b.T[:, None, :]
    if form == "columns":
        tests = [x == y for x, y in zip(mine, other, strict=True)]
    elif form == "bits":
        tests = [(x & y) != 0 for x, y in zip(mine, other, strict=True)]
    else:
        tests = [(x == y) & (x >= 0) for x in mine for y in other]
    return reduce(jnp.logical_or, tests, jnp.zeros((len(a), len(b)), bool))
