"""Joint moments of S_k and its rounding error: how likely is a large error, by definition (see `null`)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["advance_moments"]

Floats = npt.NDArray[np.float64]


def advance_moments(moments: Floats, slopes: Floats, tilts: Floats, cells: int, rank: int, until: int) -> None:
    """Sweep E[exp(slope S_k + tilt e_k)] from `rank` to `until` ranks, in place.

    e_k = S~_k - S_k, in cells, is the rounding error of `null.advance_survival`. The recursion is that of
    `null`, with a factor ``exp(slope k / r + tilt off)`` for a term k / r that is rounded by `off` cells.

    Parameters
    ----------
    moments : ndarray of float64, shape (K + 1, T, Q)
        For each k, slope and tilt. All ones at rank 0.
    slopes : ndarray of float64, shape (T,)
        Per unit of S.
    tilts : ndarray of float64, shape (Q,)
        Per cell of error.
    cells : int
        Cells per unit of S.
    rank, until : int
        Ranks swept so far, and after the call.
    """
    for r in range(rank + 1, until + 1):
        for k in range(min(len(moments) - 1, r), 0, -1):
            off = (2 * k * cells + r) // (2 * r) - k * cells / r
            factor = np.exp(slopes * k / r)[:, None] * np.exp(tilts * off)
            moments[k] = (r - k) / r * moments[k] + k / r * factor * moments[k - 1]
