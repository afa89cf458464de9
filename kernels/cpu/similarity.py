"""Compiled similarities: the arithmetic of `reference.similarity`, operation for operation."""

from __future__ import annotations

import numpy as np

from ..compile import njit
from ..names import DISTANCES
from .lanes import largest_absolute, sum_absolute, sum_features, sum_product, sum_shifted_product, sum_square

__all__ = ["moments", "pair_value"]

COSINE, ABS_COSINE, CORRELATION, EUCLIDEAN, MANHATTAN, CHEBYSHEV = range(len(DISTANCES))


@njit
def moments(x, i, distance):
    """Shift and norm of row i of x (n, d); see `reference.similarity.moments`. distance is a code."""
    shift, norm = 0.0, 1.0
    if distance <= CORRELATION:
        if distance == CORRELATION:
            shift = sum_features(x, i, i, 0.0, 0.0) / x.shape[1]
        norm = np.sqrt(sum_shifted_product(x, i, i, shift, shift))
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
