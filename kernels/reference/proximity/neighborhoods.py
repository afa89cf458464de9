"""Definition of how many labels there are around each row."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import reduce
from operator import add, mul

import numpy as np
import numpy.typing as npt

__all__ = ["ENTROPY_TOLERANCE", "MOST_STEPS", "inverse_simpson"]

#: The search for a bandwidth ends when the entropy is so near to the one asked for, or after so many steps.
ENTROPY_TOLERANCE, MOST_STEPS = 1e-5, 50


def inverse_simpson(
    distances: npt.NDArray[np.float64], codes: npt.NDArray[np.integer], n_codes: int, perplexity: float
) -> npt.NDArray[np.float64]:
    """Return the inverse Simpson index of the labels around each row: 1 for one label, n_codes for all equally.

    Neighbours weigh exp(-beta d), with the beta at which the entropy of the weights is log(perplexity), found by
    bisection as of t-SNE (Korsunsky et al. 2019, Nature Methods 16:1289, Local Inverse Simpson's Index).

    Parameters
    ----------
    distances : ndarray of float64, shape (n, k)
        From each row to its neighbours, ascending; k at least 1.
    codes : ndarray of int, shape (n, k)
        The label of each neighbour, 0 .. n_codes - 1.
    n_codes : int
        Number of labels.
    perplexity : float
        Effective number of neighbours.

    Returns
    -------
    ndarray of float64, shape (n,)
        1 over the sum of squared shares of the labels.
    """
    wanted = float(np.log(perplexity))
    result = np.empty(len(distances))
    for row, (distance, code) in enumerate(zip(distances.tolist(), codes.tolist(), strict=True)):
        away = [each - distance[0] for each in distance]  # the same weights, which do not all become zero
        beta, low, high = 1.0, -math.inf, math.inf
        for _ in range(MOST_STEPS):
            weight = [math.exp(-beta * each) for each in away]
            total = _added(weight)
            entropy = math.log(total) + beta * _added(map(mul, away, weight)) / total
            if abs(entropy - wanted) < ENTROPY_TOLERANCE:
                break
            if entropy > wanted:
                low, beta = beta, beta * 2 if math.isinf(high) else (beta + high) / 2
            else:
                high, beta = beta, beta / 2 if math.isinf(low) else (beta + low) / 2
        weight = [math.exp(-beta * each) for each in away]
        share = np.bincount(code, weight, n_codes) / _added(weight)
        result[row] = 1 / _added((share * share).tolist())
    return result


def _added(numbers: Iterable[float]) -> float:
    """Add up from the first to the last: neither NumPy nor the built-in sum keep to that order."""
    return reduce(add, numbers, 0.0)
