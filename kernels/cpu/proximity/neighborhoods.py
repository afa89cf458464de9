"""Compiled counts of the labels around each row. Cost: some twenty exponentials a neighbour."""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt

from ...compile import njit
from ...cores import run_jobs
from ...reference.proximity.neighborhoods import ENTROPY_TOLERANCE, MOST_STEPS

__all__ = ["ROWS", "at_bandwidths", "inverse_simpson"]

#: Rows of a job.
ROWS = 2048


def inverse_simpson(
    distances: npt.NDArray[np.float64], codes: npt.NDArray[np.integer], n_codes: int, perplexity: float
) -> npt.NDArray[np.float64]:
    """Return the inverse Simpson index of the labels around each row; see `reference.proximity.neighborhoods`."""
    near, labels = np.ascontiguousarray(distances), np.ascontiguousarray(codes, np.int64)
    result = np.empty(len(near))

    def some(first: int, last: int) -> None:
        scratch, shares = np.empty(near.shape[1]), np.empty(n_codes)
        _inverse_simpson(near[first:last], labels[first:last], np.log(perplexity), scratch, shares, result[first:last])

    run_jobs([(1, partial(some, first, min(first + ROWS, len(near)))) for first in range(0, len(near), ROWS)])
    return result


@njit
def _inverse_simpson(distances, codes, wanted, weight, shares, result):
    """Fill result (n,); weight (k,) and shares (labels,) are scratch."""
    for row in range(result.size):
        distance = distances[row]
        beta, low, high = 1.0, -np.inf, np.inf
        total = 0.0
        for step in range(MOST_STEPS + 1):
            total, moment = _weigh(distance, beta, weight)
            entropy = np.log(total) + beta * moment / total
            if step == MOST_STEPS or abs(entropy - wanted) < ENTROPY_TOLERANCE:
                break
            if entropy > wanted:
                low = beta
                beta = beta * 2.0 if np.isinf(high) else (beta + high) / 2.0
            else:
                high = beta
                beta = beta / 2.0 if np.isinf(low) else (beta + low) / 2.0
        result[row] = _index(weight, total, codes[row], shares)


@njit
def at_bandwidths(distances, codes, betas, weight, shares, result):
    """Fill result (n,) where the bandwidths (n,) are known; weight (k,) and shares (labels,) are scratch."""
    for row in range(result.size):
        total, _moment = _weigh(distances[row], betas[row], weight)
        result[row] = _index(weight, total, codes[row], shares)


@njit
def _weigh(distance, beta, weight):
    """Fill weight (k,); return its sum, and that of its products with the distances beyond the first."""
    total = 0.0
    moment = 0.0
    for j in range(weight.size):
        away = distance[j] - distance[0]
        weight[j] = np.exp(-beta * away)
        total += weight[j]
        moment += away * weight[j]
    return total, moment


@njit
def _index(weight, total, code, shares):
    """Return 1 over the sum of squared shares of the labels."""
    for label in range(shares.size):
        shares[label] = 0.0
    for j in range(weight.size):
        shares[code[j]] += weight[j]
    squares = 0.0
    for label in range(shares.size):
        squares += (shares[label] / total) ** 2
    return 1.0 / squares
