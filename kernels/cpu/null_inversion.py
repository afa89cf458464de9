"""Compiled form of `reference.null_inversion`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ..compile import njit

__all__ = ["characteristic"]

_LEAP = 16


def characteristic(
    n_pos: int, theta: npt.NDArray[np.float64], lowest: npt.NDArray[np.int64], highest: npt.NDArray[np.int64]
) -> npt.NDArray[np.complex128]:
    """E[exp(i theta S_P)] under random ranking; arguments as in the reference."""
    real, imaginary = _characteristic(n_pos, theta, lowest, highest)
    result: npt.NDArray[np.complex128] = real + 1j * imaginary
    return result


@njit
def _characteristic(n_pos: int, theta: Any, lowest: Any, highest: Any) -> Any:
    # Real and imaginary parts apart, frequencies innermost: plain loops over float64 that vectorise.
    count = theta.size
    real = np.zeros((n_pos + 1, count))
    imaginary = np.zeros((n_pos + 1, count))
    real[0, :] = 1.0
    back_cos, back_sin = np.empty(count), np.empty(count)  # exp(i theta / r)
    turn_cos, turn_sin = np.empty(count), np.empty(count)  # exp(i theta k / r)
    # A product of many rotations drifts, so every _LEAP-th turn is a product of long ones.
    leap_cos, leap_sin = np.empty(count), np.empty(count)  # exp(i theta _LEAP / r)
    start_cos, start_sin = np.empty(count), np.empty(count)
    for r in range(1, highest.size):
        top = highest[r]
        for j in range(count):
            back_cos[j] = math.cos(theta[j] / r)
            back_sin[j] = math.sin(theta[j] / r)
            leap_cos[j] = math.cos(theta[j] * _LEAP / r)
            leap_sin[j] = math.sin(theta[j] * _LEAP / r)
            start_cos[j] = math.cos(theta[j] * top / r)
            start_sin[j] = math.sin(theta[j] * top / r)
            turn_cos[j] = start_cos[j]
            turn_sin[j] = start_sin[j]
        for k in range(top, max(lowest[r], 1) - 1, -1):
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
            if (top - k + 1) % _LEAP == 0:
                for j in range(count):
                    c = start_cos[j]
                    s = start_sin[j]
                    start_cos[j] = c * leap_cos[j] + s * leap_sin[j]
                    start_sin[j] = s * leap_cos[j] - c * leap_sin[j]
                    turn_cos[j] = start_cos[j]
                    turn_sin[j] = start_sin[j]
        if lowest[r] > 0:
            real[lowest[r] - 1, :] = 0.0
            imaginary[lowest[r] - 1, :] = 0.0
    return real[n_pos], imaginary[n_pos]
