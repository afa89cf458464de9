"""Compiled forms of `reference.null_sums`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ..compile import njit

__all__ = ["count_sums", "spectral_tails"]

_BLOCK = 256  # frequencies at a time
_LANES = 8  # frequencies that share a turn
_BEFORE = 3  # distributions that are multiplied before a product is looked at


def count_sums(one: Any, two: Any, three: Any, edge: float, strict: bool) -> int:
    """Count the triples whose sum reaches a threshold; arguments as in the reference."""
    found: int = _count_sums(one, two, three, float(edge), bool(strict))
    return found


@njit
def _count_sums(one, two, three, edge, strict):
    """Count as `count_sums` does: as the second value grows, fewer of the third are too small."""
    count = 0
    for a in range(one.size):
        rest = edge - one[a]
        least = three.size
        for b in range(two.size):
            need = rest - two[b]
            if strict:
                while least > 0 and three[least - 1] > need:
                    least -= 1
            else:
                while least > 0 and three[least - 1] >= need:
                    least -= 1
            count += three.size - least
    return count


def spectral_tails(
    spectra: Any,
    size: int,
    offsets: Any,
    parts: Any,
    times: Any,
    weights: Any,
    cells: Any,
    decay: float,
    negligible: float,
) -> npt.NDArray[np.float64]:
    """Tails of sums of draws from the transforms of their distributions; arguments as in the reference."""
    result = np.empty(cells.shape)
    lanes = np.zeros((*cells.shape, 2, _LANES))
    totals, turns = np.zeros((len(cells), _LANES)), np.empty((*cells.shape, 2))
    space = np.empty((4, _BLOCK))
    # a block adds at most the sum of its moduli to either sum of a tail
    least = float(negligible) / (2 * -(-weights.shape[1] // _BLOCK))
    _spectral_tails(
        spectra, size, offsets, parts, times, weights, cells, float(decay), least, space, lanes, totals, turns, result
    )
    return result


@njit
def _multiply(x, y, u, v):
    """Multiply the complex numbers (x, y) by (u, v), in place."""
    for i in range(x.size):
        real = x[i] * u[i] - y[i] * v[i]
        y[i] = x[i] * v[i] + y[i] * u[i]
        x[i] = real


@njit
def _turn(lanes, x, y, c, s):
    """Add the complex numbers (x, y), turned by (c, s), to the lanes."""
    for i in range(_LANES):
        lanes[0, i] += x[i] * c - y[i] * s
        lanes[1, i] += x[i] * s + y[i] * c


@njit
def _is_below(x, y, lanes, least):
    """Return whether the complex numbers (x, y) have moduli whose sum is below a number; lanes (_LANES,) is scratch."""
    for i in range(_LANES):
        lanes[i] = 0.0
    for first in range(0, _BLOCK, _LANES):
        for i in range(_LANES):
            lanes[i] += abs(x[first + i]) + abs(y[first + i])
    whole = 0.0
    for i in range(_LANES):
        whole += lanes[i]
    return whole < least


@njit
def _spectral_tails(
    spectra, size, offsets, parts, times, weights, cells, decay, least, space, lanes, totals, turns, result
):
    """Write the tails to `result`; lanes (s, m, 2, _LANES) and totals (s, _LANES) are all zero, the others scratch.

    A block of frequencies of all parts fits the cache, so it serves all sums in turn. In a block, _LANES frequencies
    share one turn; that of a lane is put in at the end. A product only falls with each transform, whose moduli are at
    most 1, so a block is left out as soon as it is small.
    """
    sizes = space[2, :_LANES]
    count = weights.shape[1]
    for s in range(cells.shape[0]):
        for m in range(cells.shape[1]):
            angle = 2.0 * math.pi * ((_LANES * cells[s, m]) % size) / size
            turns[s, m, 0] = math.cos(angle)
            turns[s, m, 1] = math.sin(angle)
    for low in range(0, count, _BLOCK):
        n = min(_BLOCK, count - low)
        x, y = space[0], space[1]
        for s in range(cells.shape[0]):
            for i in range(n):
                x[i] = weights[0, low + i]
                y[i] = weights[1, low + i]
            for i in range(n, _BLOCK):
                x[i] = 0.0
                y[i] = 0.0
            left_out = False
            for t in range(offsets[s], offsets[s + 1]):
                if t >= offsets[s] + _BEFORE and _is_below(x, y, sizes, least):
                    left_out = True
                    break
                u = spectra[parts[t], 0, low : low + n]
                v = spectra[parts[t], 1, low : low + n]
                left = times[t]
                if left == 1:
                    _multiply(x[:n], y[:n], u, v)
                    continue
                p, q = space[2, :n], space[3, :n]
                for i in range(n):
                    p[i] = u[i]
                    q[i] = v[i]
                while left > 0:
                    if left % 2 == 1:
                        _multiply(x[:n], y[:n], p, q)
                    left //= 2
                    if left > 0:
                        _multiply(p, q, p, q)
            if left_out or _is_below(x, y, sizes, least):
                continue
            for first in range(0, _BLOCK, _LANES):
                for i in range(_LANES):
                    totals[s, i] += x[first + i]
            for m in range(cells.shape[1]):
                angle = 2.0 * math.pi * ((low * cells[s, m]) % size) / size
                cosine, sine = math.cos(angle), math.sin(angle)
                c, d = turns[s, m, 0], turns[s, m, 1]
                for first in range(0, _BLOCK, _LANES):
                    _turn(lanes[s, m], x[first : first + _LANES], y[first : first + _LANES], cosine, sine)
                    cosine, sine = cosine * c - sine * d, cosine * d + sine * c
    for s in range(cells.shape[0]):
        whole = 0.0
        for i in range(_LANES):
            whole += totals[s, i]
        for m in range(cells.shape[1]):
            tail = 0.0
            for i in range(_LANES):
                angle = 2.0 * math.pi * ((i * cells[s, m]) % size) / size
                tail += lanes[s, m, 0, i] * math.cos(angle) - lanes[s, m, 1, i] * math.sin(angle)
            tail -= whole * math.exp(-decay * (size - cells[s, m]))
            if decay == 0.0:
                tail += 1.0 - cells[s, m] / size
            result[s, m] = tail
