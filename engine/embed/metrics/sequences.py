"""Whether neighbours are near each other in a sequence, such as that of time points."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..finding import Finding, undefined
from ..space import Space

__all__ = ["gini_mean_difference", "sequential_alignment"]

#: Neighbours of a cell.
NEIGHBORS = 15


def gini_mean_difference(values: npt.NDArray[np.float64]) -> float:
    """Return the mean absolute difference of two different values, drawn at random; n at least 2."""
    n = len(values)
    ranks = np.arange(1, n + 1)
    return float(2 * ((2 * ranks - n - 1) * np.sort(values)).sum() / (n * (n - 1)))


def sequential_alignment(space: Space) -> Finding:
    """Return how much nearer in the order neighbours are than cells at random: 1 all the same, 0 as at random.

    1 - D / R, cut off at 0, with D the mean difference to 15 neighbours and R that of two cells at random, which
    cz-benchmarks samples and this computes.
    """
    order = space.cells.order
    assert order is not None
    if len(order) < 2 or np.ptp(order) == 0:
        return undefined("The order has one place: there is nothing to align.")
    indices, _ = space.neighbors(NEIGHBORS)
    apart = np.abs(order[indices] - order[:, None]).mean(axis=1)
    expected = gini_mean_difference(order)
    value = float(np.clip(1 - apart.mean() / expected, 0, 1))
    params = {"n_neighbors": indices.shape[1], "difference": float(apart.mean()), "difference_at_random": expected}
    return Finding(value, "", {}, apart, "mean", (1.0, -1 / expected), params)
