"""Compiled forms of `reference.null_inversion`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ..compile import njit

__all__ = ["characteristic", "characteristic_lists", "exponential_moments", "tail_sum"]

_LEAP = 16  # numbers of positives between two turns that are made anew


def characteristic(
    n_pos: int, theta: tuple[float, float, int], lowest: npt.NDArray[np.int64], highest: npt.NDArray[np.int64]
) -> npt.NDArray[np.complex128]:
    """E[exp(i theta S_P)] under random ranking; arguments as in the reference."""
    first, step, count = theta
    real, imaginary = np.zeros((2, n_pos + 1, count))
    real[0] = 1.0
    _characteristic(0, first, step, lowest, highest, _space(n_pos, count), real, imaginary)
    result: npt.NDArray[np.complex128] = real[n_pos] + 1j * imaginary[n_pos]
    return result


def characteristic_lists(n_pos: Any, theta: tuple[float, float, int], totals: Any) -> npt.NDArray[np.complex128]:
    """E[exp(i theta S_P)] in several lists from one sweep over ranks; arguments as in the reference."""
    first, step, count = theta
    most = int(n_pos.max())
    real, imaginary = np.zeros((2, most + 1, count))
    real[0] = 1.0
    space, result = _space(most, count), np.empty((len(totals), count), np.complex128)
    rank = 0
    for i, (p, total) in enumerate(zip(n_pos.tolist(), totals.tolist(), strict=True)):
        highest = np.minimum(np.arange(total + 1), most)
        _characteristic(rank, first, step, np.zeros(total + 1, np.int64), highest, space, real, imaginary)
        result[i] = real[p] + 1j * imaginary[p]
        rank = total
    return result


def exponential_moments(n_pos: Any, t: Any, totals: Any) -> npt.NDArray[np.float64]:
    """E[exp(t S_P)] in several lists from one sweep over ranks; arguments as in the reference."""
    most = int(n_pos.max())
    moments, result = np.zeros((most + 1, len(t))), np.empty((len(totals), len(t)))
    moments[0] = 1.0
    space = np.empty((3, len(t)))
    rank = 0
    for i, (p, total) in enumerate(zip(n_pos.tolist(), totals.tolist(), strict=True)):
        _exponential_moments(rank, total, t, space, moments)
        result[i] = moments[p]
        rank = total
    return result


def _space(most: int, count: int) -> npt.NDArray[np.float64]:
    """Scratch of a sweep: turns of one number of positives, and those that are made anew."""
    return np.empty((3 + most // _LEAP + 1, 2, count))


def tail_sum(s: Any, unit: float, phi: Any) -> Any:
    """P(S >= s) from a trigonometric sum; arguments as in the reference."""
    result = np.empty(len(s))
    _tail_sum(s, unit, phi, result)
    return result


@njit
def _tail_sum(s, unit, phi, result):
    """Write the tails to `result`: each is a polynomial in exp(-2 i unit s)."""
    for i in range(s.size):
        c = math.cos(2.0 * unit * s[i])
        d = -math.sin(2.0 * unit * s[i])
        x = y = 0.0
        for j in range(phi.size - 1, -1, -1):
            n = 2 * j + 1
            u = x * c - y * d + phi[j].real / n
            y = x * d + y * c + phi[j].imag / n
            x = u
        result[i] = 0.5 + (y * math.cos(unit * s[i]) - x * math.sin(unit * s[i])) * (2.0 / math.pi)


@njit
def _exponential_moments(rank, total, t, space, moments):
    """Fill in moments (P + 1, N), which hold those of the first `rank` ranks.

    From one positive upward: what is found for one number of positives does not depend on how many more there are.
    """
    step, turn, before = space[0], space[1], space[2]  # exp(t / r), exp(t k / r), the moments of k - 1 positives
    for r in range(rank + 1, total + 1):
        for j in range(t.size):
            step[j] = math.exp(t[j] / r)
            turn[j] = step[j]
            before[j] = 1.0
        for k in range(1, min(r, moments.shape[0] - 1) + 1):
            keep = (r - k) / r
            take = k / r
            mine = moments[k]
            for j in range(t.size):
                old = mine[j]
                mine[j] = keep * old + take * turn[j] * before[j]
                before[j] = old
                turn[j] *= step[j]


@njit
def _turns(cosines: Any, sines: Any, first: float, step: float) -> None:
    """Fill in cos and sin of ``first + j step``: sines are slow, so twice as many are known after each product."""
    cosines[0] = math.cos(first)
    sines[0] = math.sin(first)
    known = 1
    while known < cosines.size:
        c = math.cos(known * step)
        s = math.sin(known * step)
        more = min(known, cosines.size - known)
        x, y = cosines[:more], sines[:more]
        u, v = cosines[known : known + more], sines[known : known + more]
        for j in range(more):
            u[j] = c * x[j] - s * y[j]
            v[j] = c * y[j] + s * x[j]
        known += more


@njit
def _multiply(x, y, u, v, c, s):
    """Write the products of the complex numbers (u, v) and (c, s) to (x, y)."""
    for j in range(x.size):
        x[j] = u[j] * c[j] - v[j] * s[j]
        y[j] = u[j] * s[j] + v[j] * c[j]


@njit
def _characteristic(rank, first, step, lowest, highest, space, real, imaginary):
    """Fill in real and imaginary parts (P + 1, N), which hold those of the first `rank` ranks; space as `_space`.

    The parts lie apart, frequencies innermost: plain loops over float64 that vectorise. A product of many rotations
    drifts, so turns begin anew at every number of positives that is a multiple of _LEAP: at these whatever else is
    kept, so that the result of one number of positives does not depend on how many more there are.
    """
    count = real.shape[1]
    back_cos, back_sin = space[0, 0], space[0, 1]  # exp(i theta / r)
    leap_cos, leap_sin = space[1, 0], space[1, 1]  # exp(i theta _LEAP / r)
    turn_cos, turn_sin = space[2, 0], space[2, 1]  # exp(i theta k / r)
    starts = space[3:]  # the same at the last k of each block of _LEAP
    for r in range(rank + 1, highest.size):
        top = highest[r]
        low = max(lowest[r], 1)
        bottom, last = low // _LEAP, top // _LEAP
        _turns(back_cos, back_sin, first / r, step / r)
        end = bottom * _LEAP + _LEAP - 1
        _turns(starts[bottom, 0], starts[bottom, 1], first * end / r, step * end / r)
        if last > bottom:
            _turns(leap_cos, leap_sin, first * _LEAP / r, step * _LEAP / r)
        for b in range(bottom + 1, last + 1):
            _multiply(starts[b, 0], starts[b, 1], starts[b - 1, 0], starts[b - 1, 1], leap_cos, leap_sin)
        for b in range(last, bottom - 1, -1):
            end = b * _LEAP + _LEAP - 1
            for j in range(count):
                turn_cos[j] = starts[b, 0, j]
                turn_sin[j] = starts[b, 1, j]
            for k in range(end, max(b * _LEAP, low) - 1, -1):
                if k > top:
                    for j in range(count):
                        c = turn_cos[j]
                        s = turn_sin[j]
                        turn_cos[j] = c * back_cos[j] + s * back_sin[j]
                        turn_sin[j] = s * back_cos[j] - c * back_sin[j]
                    continue
                keep = (r - k) / r
                take = k / r
                x, y = real[k], imaginary[k]
                u, v = real[k - 1], imaginary[k - 1]
                for j in range(count):
                    c = turn_cos[j]
                    s = turn_sin[j]
                    x[j] = keep * x[j] + take * (c * u[j] - s * v[j])
                    y[j] = keep * y[j] + take * (c * v[j] + s * u[j])
                    turn_cos[j] = c * back_cos[j] + s * back_sin[j]
                    turn_sin[j] = s * back_cos[j] - c * back_sin[j]
        if lowest[r] > 0:
            for j in range(count):
                real[lowest[r] - 1, j] = 0.0
                imaginary[lowest[r] - 1, j] = 0.0
