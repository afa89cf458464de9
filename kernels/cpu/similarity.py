"""Compiled similarities: the arithmetic of `reference.similarity`, operation for operation."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..compile import njit
from ..reference.similarity import DISTANCES
from .lanes import largest_absolute, sum_absolute, sum_features, sum_product, sum_shifted_product, sum_square

__all__ = ["moments", "pair_value", "twins"]

COSINE, ABS_COSINE, CORRELATION, EUCLIDEAN, MANHATTAN, CHEBYSHEV = range(len(DISTANCES))


@njit
def moments(x, distance):
    """Row shifts and norms, both (n,) float64; see `reference.similarity.moments`. distance is a code."""
    n, d = x.shape
    shift = np.zeros(n)
    norm = np.ones(n)
    if distance <= CORRELATION:
        for i in range(n):
            if distance == CORRELATION:
                shift[i] = sum_features(x, i, i, 0.0, 0.0) / d
            norm[i] = np.sqrt(sum_shifted_product(x, i, i, shift[i], shift[i]))
    return shift, norm


@njit
def pair_value(x, i, j, shift, norm, distance):
    """Ranking value of rows i and j of x (n, d), float64; see `reference.similarity.similarity`."""
    if distance <= ABS_COSINE:
        value = sum_product(x, i, j, 0.0, 0.0) / (norm[i] * norm[j])
        return abs(value) if distance == ABS_COSINE else value
    if distance == CORRELATION:
        return sum_shifted_product(x, i, j, shift[i], shift[j]) / (norm[i] * norm[j])
    if distance == EUCLIDEAN:
        return -sum_square(x, i, j, 0.0, 0.0)
    if distance == MANHATTAN:
        return -sum_absolute(x, i, j, 0.0, 0.0)
    return -largest_absolute(x, i, j, 0.0, 0.0)


def twins(x: npt.NDArray[np.floating]) -> npt.NDArray[np.int64]:
    """The first row that each row of x (n, d) equals, (n,) int64: its own number where there is none before it."""
    bits = x.view(np.uint32 if x.dtype == np.float32 else np.uint64)
    factors = np.random.default_rng(0).integers(0, 2**63, x.shape[1], dtype=np.uint64)
    code = _row_hashes(bits, factors)
    twin: npt.NDArray[np.int64] = _twins(x, code, np.argsort(code, kind="stable"))
    return twin


@njit
def _row_hashes(bits, factors):
    """A number for each row of bits (n, d), (n,) uint64, that rows of equal bits share: a sum of products."""
    code = np.zeros(len(bits), np.uint64)
    for i in range(len(bits)):
        row = bits[i]
        for k in range(row.size):
            code[i] += np.uint64(row[k]) * factors[k]
    return code


@njit
def _twins(x, code, order):
    """Compare rows of equal code, which are neighbours in `order`."""
    n, d = x.shape
    twin = np.arange(n)
    for place in range(1, n):
        before, row = order[place - 1], order[place]
        if code[before] == code[row]:
            other = twin[before]
            same = True
            for k in range(d):
                if x[other, k] != x[row, k]:
                    same = False
                    break
            if same:
                twin[row] = other
    return twin
