"""Compiled similarities: the arithmetic of `reference.similarity`, operation for operation."""

from __future__ import annotations

import numpy as np

from ..compile import njit
from ..names import ABS_COSINE, CHEBYSHEV, CORRELATION, EUCLIDEAN, MANHATTAN
from .lanes import largest_absolute, sum_absolute, sum_features, sum_product, sum_shifted_product, sum_square

__all__ = ["moments", "pair_value"]


@njit
def moments(x, i, is_centred, needs_norm):
    """Shift and norm of row i of x (n, d); see `reference.similarity.moments` and `names.Distance`."""
    shift, norm = 0.0, 1.0
    if is_centred:
        shift = sum_features(x, i, i, 0.0, 0.0) / x.shape[1]
    if needs_norm:
        norm = np.sqrt(sum_shifted_product(x, i, i, shift, shift))
    return shift, norm


@njit
def pair_value(x, i, j, shift, norm, distance):
    """Ranking value of rows i and j of x (n, d), float64; see `reference.similarity.similarity`. distance is a code."""
    if distance == CORRELATION:
        return sum_shifted_product(x, i, j, shift[i], shift[j]) / (norm[i] * norm[j])
    if distance == EUCLIDEAN:
        return -sum_square(x, i, j, 0.0, 0.0)
    if distance == MANHATTAN:
        return -sum_absolute(x, i, j, 0.0, 0.0)
    if distance == CHEBYSHEV:
        return -largest_absolute(x, i, j, 0.0, 0.0)
    value = sum_product(x, i, j, 0.0, 0.0) / (norm[i] * norm[j])
    return abs(value) if distance == ABS_COSINE else value
