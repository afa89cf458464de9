"""Compiled similarities: the arithmetic of `reference.similarity`, operation for operation."""

from __future__ import annotations

import numpy as np

from ..compile import njit
from ..reference.similarity import DISTANCES, LANES

__all__ = ["moments", "pair_value", "twins", "unit_rows"]

COSINE, ABS_COSINE, CORRELATION, EUCLIDEAN, MANHATTAN, CHEBYSHEV = range(len(DISTANCES))
PRODUCT, SQUARE, ABSOLUTE = range(3)
HALF = LANES // 2


@njit
def _lane_sum(x, i, j, shift_i, shift_j, kind, lanes):
    """Sum a function of two shifted rows over the features.

    x (n, d); kind: product, squared difference or absolute difference; lanes (64,) float64 is scratch.
    """
    d = x.shape[1]
    lanes[:] = 0.0
    for start in range(0, d, LANES):
        stop = min(start + LANES, d)
        a = x[i, start:stop]
        b = x[j, start:stop]
        if kind == PRODUCT:
            for k in range(stop - start):
                lanes[k] += (np.float64(a[k]) - shift_i) * (np.float64(b[k]) - shift_j)
        elif kind == SQUARE:
            for k in range(stop - start):
                difference = np.float64(a[k]) - np.float64(b[k])
                lanes[k] += difference * difference
        else:
            for k in range(stop - start):
                lanes[k] += abs(np.float64(a[k]) - np.float64(b[k]))
    width = HALF
    while width > 0:
        for k in range(width):
            lanes[k] += lanes[k + width]
        width //= 2
    return lanes[0]


@njit
def _row_sum(x, i, lanes):
    """Sum of row i of x (n, d) in the order of `_lane_sum`."""
    d = x.shape[1]
    lanes[:] = 0.0
    for start in range(0, d, LANES):
        for k in range(start, min(start + LANES, d)):
            lanes[k - start] += np.float64(x[i, k])
    width = HALF
    while width > 0:
        for k in range(width):
            lanes[k] += lanes[k + width]
        width //= 2
    return lanes[0]


@njit
def moments(x, distance):
    """Row shifts and norms, both (n,) float64; see `reference.similarity.moments`. distance is a code."""
    n, d = x.shape
    shift = np.zeros(n)
    norm = np.ones(n)
    lanes = np.empty(LANES)
    if distance <= CORRELATION:
        for i in range(n):
            if distance == CORRELATION:
                shift[i] = _row_sum(x, i, lanes) / d
            norm[i] = np.sqrt(_lane_sum(x, i, i, shift[i], shift[i], PRODUCT, lanes))
    return shift, norm


@njit
def pair_value(x, i, j, shift, norm, distance, lanes):
    """Ranking value of rows i and j of x (n, d), float64; see `reference.similarity.similarity`."""
    if distance <= CORRELATION:
        value = _lane_sum(x, i, j, shift[i], shift[j], PRODUCT, lanes) / (norm[i] * norm[j])
        return abs(value) if distance == ABS_COSINE else value
    if distance == EUCLIDEAN:
        return -_lane_sum(x, i, j, 0.0, 0.0, SQUARE, lanes)
    if distance == MANHATTAN:
        return -_lane_sum(x, i, j, 0.0, 0.0, ABSOLUTE, lanes)
    largest = 0.0
    for k in range(x.shape[1]):
        largest = max(largest, abs(np.float64(x[i, k]) - np.float64(x[j, k])))
    return -largest


@njit
def _row_hash(x, i):
    """A number that equal rows share."""
    code = np.uint64(1469598103934665603)
    for k in range(x.shape[1]):
        value = np.float64(x[i, k]) * 1.6180339887498949 + k
        code = (code ^ np.uint64(np.int64(value * 1048576.0))) * np.uint64(1099511628211)
    return code


@njit
def twins(x):
    """The first row that each row of x (n, d) equals, (n,) int64: its own number where there is none before it."""
    n, d = x.shape
    code = np.empty(n, np.uint64)
    for i in range(n):
        code[i] = _row_hash(x, i)
    order = np.argsort(code, kind="mergesort")
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


@njit
def unit_rows(x, shift, norm, out):
    """Write the shifted rows of x (n, d), divided by their norms, to out (n, d) float32: the GEMM operand."""
    for i in range(x.shape[0]):
        for k in range(x.shape[1]):
            out[i, k] = np.float32((np.float64(x[i, k]) - shift[i]) / norm[i])
