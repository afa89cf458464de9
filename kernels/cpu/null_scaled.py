"""Compiled forms of `reference.null_scaled`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..compile import njit

__all__ = ["advance_scaled", "scaled_tail"]


def advance_scaled(tables: Any, weights: Any, means: Any, cells: float) -> None:
    """Sweep survival functions over blocks of ranks, in place; arguments as in the reference."""
    _advance_scaled(tables, weights, means, float(cells))


def scaled_tail(tables: Any, k: int, weights: Any, means: Any, cells: float) -> npt.NDArray[np.float64]:
    """Survival function of S_k after one more block; arguments as in the reference."""
    found: npt.NDArray[np.float64] = tables[k].copy()
    _pass_block(tables, found, k, weights, means, float(cells))
    return found


@njit
def _advance_scaled(tables, weights, means, cells):
    for block in range(weights.shape[0]):
        for k in range(tables.shape[0] - 1, 0, -1):
            _pass_block(tables, tables[k], k, weights[block, k], means[block, k], cells)


@njit
def _pass_block(tables, mine, k, weights, means, cells):
    """Pass a block: `mine` is what is known of k before and after it; tables of fewer positives are before it."""
    stay = weights[0]
    for v in range(mine.size):
        mine[v] *= stay
    for j in range(1, min(weights.size - 1, k) + 1):
        weight = weights[j]
        if weight <= 0.0:
            continue
        step = min(int(means[j] * cells), mine.size - 1)
        part = means[j] * cells - int(means[j] * cells)
        for v in range(step + 1):
            mine[v] += weight
        size = mine.size - step - 1
        come = tables[k - j, 1 : 1 + size]
        before = tables[k - j, :size]
        rest = mine[step + 1 :]
        near, far = weight * (1.0 - part), weight * part
        for v in range(size):
            rest[v] += near * come[v] + far * before[v]
