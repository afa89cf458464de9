"""Compiled form of `reference.null_inversion`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..compile import njit

__all__ = ["characteristic"]

_LEAP = 16
_RANKS = 512


def characteristic(
    n_pos: int, theta: npt.NDArray[np.float64], lowest: npt.NDArray[np.int64], highest: npt.NDArray[np.int64]
) -> npt.NDArray[np.complex128]:
    """E[exp(i theta S_P)] under random ranking; arguments as in the reference."""
    real = np.zeros((n_pos + 1, len(theta)))
    imaginary = np.zeros_like(real)
    real[0] = 1.0
    for first in range(1, len(highest), _RANKS):  # sines by NumPy, which are vectorised, for so many ranks at a time
        end = min(first + _RANKS, len(highest))
        angle = np.divide.outer(1.0, np.arange(first, end))[:, None] * theta
        start = angle * highest[first:end, None]
        leap = angle * _LEAP if np.any(highest[first:end] - lowest[first:end] >= _LEAP) else np.zeros_like(angle)
        turns = [f(a) for a in (angle, start, leap) for f in (np.cos, np.sin)]
        _advance(real, imaginary, lowest, highest, first, *turns)
    result: npt.NDArray[np.complex128] = real[n_pos] + 1j * imaginary[n_pos]
    return result


@njit
def _advance(
    real: Any,
    imaginary: Any,
    lowest: Any,
    highest: Any,
    first: int,
    back_cos: Any,
    back_sin: Any,
    start_cos: Any,
    start_sin: Any,
    leap_cos: Any,
    leap_sin: Any,
) -> None:
    """Sweep on from rank `first`; tables of exp(i theta m / r), (ranks, N), for m = 1, the highest k, and _LEAP."""
    # Real and imaginary parts apart, frequencies innermost: plain loops over float64 that vectorise.
    count = real.shape[1]
    turn_cos, turn_sin = np.empty(count), np.empty(count)  # exp(i theta k / r)
    for i in range(back_cos.shape[0]):
        r = first + i
        top = highest[r]
        turn_cos[:] = start_cos[i]
        turn_sin[:] = start_sin[i]
        for k in range(top, max(lowest[r], 1) - 1, -1):
            keep = (r - k) / r
            take = k / r
            x, y = real[k], imaginary[k]
            u, v = real[k - 1], imaginary[k - 1]
            bc, bs = back_cos[i], back_sin[i]
            for j in range(count):
                c = turn_cos[j]
                s = turn_sin[j]
                x[j] = keep * x[j] + take * (c * u[j] - s * v[j])
                y[j] = keep * y[j] + take * (c * v[j] + s * u[j])
                turn_cos[j] = c * bc[j] + s * bs[j]
                turn_sin[j] = s * bc[j] - c * bs[j]
            if (top - k + 1) % _LEAP == 0:
                # A product of many rotations drifts, so every so many steps the turn is a product of long ones.
                for j in range(count):
                    c = start_cos[i, j]
                    s = start_sin[i, j]
                    start_cos[i, j] = c * leap_cos[i, j] + s * leap_sin[i, j]
                    start_sin[i, j] = s * leap_cos[i, j] - c * leap_sin[i, j]
                    turn_cos[j] = start_cos[i, j]
                    turn_sin[j] = start_sin[i, j]
        if lowest[r] > 0:
            real[lowest[r] - 1, :] = 0.0
            imaginary[lowest[r] - 1, :] = 0.0
