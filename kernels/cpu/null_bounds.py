"""Compiled form of `reference.null_bounds`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..compile import njit

__all__ = ["advance_moments"]


@njit
def advance_moments(moments: Any, slopes: Any, tilts: Any, cells: int, rank: int, until: int) -> None:
    """Sweep the joint moments from `rank` to `until` ranks, in place; arguments as in the reference."""
    for r in range(rank + 1, until + 1):
        for k in range(min(moments.shape[0] - 1, r), 0, -1):
            off = (2 * k * cells + r) // (2 * r) - k * cells / r
            keep = (r - k) / r
            take = k / r
            rounded = np.exp(tilts * off)
            for t in range(slopes.size):
                factor = take * np.exp(slopes[t] * k / r)
                mine, before = moments[k, t], moments[k - 1, t]
                for q in range(tilts.size):
                    mine[q] = keep * mine[q] + factor * rounded[q] * before[q]
