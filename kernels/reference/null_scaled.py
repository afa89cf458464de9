"""The tail of S_P on a grid as fine as the threshold is small, ranks taken in blocks, by definition (see `null`).

A tail P(S >= s) needs a grid that is fine against s, and nothing of it beyond s. And a block of ranks (a, b] that is
short against a can be passed at once: given that k positives are among the first b ranks, j of them are in the block
with a hypergeometric probability, and what they add up to is nearly its mean. So a sweep costs neither the length of
the list nor the range of S. Sums are rounded to the two cells next to them in proportion, which keeps their mean; what
is left is an error of second order in the width of cells and blocks, which two sweeps of different width measure.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["advance_scaled", "scaled_tail"]

Floats = npt.NDArray[np.float64]


def advance_scaled(tables: Floats, weights: Floats, means: Floats, cells: float) -> None:
    """Sweep survival functions over blocks of ranks, in place.

    Parameters
    ----------
    tables : ndarray of float64, shape (K + 1, V + 1)
        P(S_k >= v / cells) for each k; 1 at v = 0. Before the first rank, 0 elsewhere.
    weights : ndarray of float64, shape (blocks, K + 1, J + 1)
        Probability of j positives in the block given k up to its end.
    means : ndarray of float64, shape (blocks, K + 1, J + 1)
        What these add to S on average.
    cells : float
        Cells per unit of S.
    """
    for weight, mean in zip(weights, means, strict=True):
        for k in range(len(tables) - 1, 0, -1):
            tables[k] = scaled_tail(tables, k, weight[k], mean[k], cells)


def scaled_tail(tables: Floats, k: int, weights: Floats, means: Floats, cells: float) -> Floats:
    """Survival function of S_k after one more block.

    Parameters
    ----------
    tables : ndarray of float64, shape (K + 1, V + 1)
        Before the block, see `advance_scaled`.
    k : int
        Positives up to the end of the block.
    weights, means : ndarray of float64, shape (J + 1,)
        Of the block and k.
    cells : float
        Cells per unit of S.

    Returns
    -------
    ndarray of float64, shape (V + 1,)
    """
    found = weights[0] * tables[k]
    v = np.arange(tables.shape[1])
    for j in range(1, min(len(weights) - 1, k) + 1):
        if weights[j] > 0:
            step = int(means[j] * cells)
            part = means[j] * cells - step
            here, before = np.maximum(v - step, 0), np.maximum(v - step - 1, 0)
            found = found + weights[j] * ((1 - part) * tables[k - j][here] + part * tables[k - j][before])
    return found
