"""Compiled form of `reference.null_bounds`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..compile import njit

__all__ = ["advance_moments"]


def advance_moments(moments: Any, slopes: Any, tilts: Any, cells: int, rank: int, until: int) -> None:
    """Sweep the joint moments from `rank` to `until` ranks, in place; arguments as in the reference."""
    _advance_moments(moments, slopes, tilts, cells, rank, until, np.empty(len(tilts)))


@njit
def _advance_moments(moments, slopes, tilts, cells, rank, until, rounded):
    """Sweep as `advance_moments` does; rounded (as tilts) is scratch."""
    for r in range(rank + 1, until + 1):
        for k in range(min(moments.shape[0] - 1, r), 0, -1):
            off = (2 * k * cells + r) // (2 * r) - k * cells / r
            keep = (r - k) / r
            take = k / r
            for q in range(tilts.size):
                rounded[q] = math.exp(tilts[q] * off)
            for t in range(slopes.size):
                factor = take * math.exp(slopes[t] * k / r)
                mine, before = moments[k, t], moments[k - 1, t]
                for q in range(tilts.size):
                    mine[q] = keep * mine[q] + factor * rounded[q] * before[q]
