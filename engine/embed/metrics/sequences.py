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


def _sampled_difference(values: npt.NDArray[np.float64], k: int, seed: int) -> float:
    """Return the mean absolute difference of values to k others, drawn as cz-benchmarks draws from a seeded NumPy."""
    numbers, n = np.random.RandomState(seed), len(values)
    means = []
    for _ in range(min(10_000, 10 * n)):
        one = numbers.randint(0, n)
        drawn = numbers.choice(n - 1, size=k, replace=False) if k < n - 1 else np.arange(n - 1)
        means.append(np.abs(values[one] - values[drawn + (drawn >= one)]).mean())
    return float(np.mean(means))


def sequential_alignment(space: Space) -> Finding:
    """Return how much nearer in the order neighbours are than cells at random: 1 all the same, 0 as at random.

    1 - D / R, cut off at 0, with D the mean difference to 15 neighbours and R that of two cells at random.

    In compat mode, R is sampled as by cz-benchmarks; the first of the cells at distance 0 is taken for the cell itself
    and left out, though it may be a duplicate; and an order of one place has 1.
    """
    order = space.cells.order
    assert order is not None
    compat = space.mode.compat
    if compat and len(order) <= NEIGHBORS:
        return undefined(f"cz-benchmarks refuses fewer than {NEIGHBORS + 1} cells.")
    if compat and np.ptp(order) == 0:
        return Finding(1.0, params=space.mode.params)
    if len(order) < 2 or np.ptp(order) == 0:
        return undefined("The order has one place: there is nothing to align.")
    indices, distances = space.neighbors(NEIGHBORS)
    differences = np.abs(order[indices] - order[:, None])
    if compat:  # the cell itself, in the place of a duplicate before it
        differences[(distances[:, 0] == 0) & (indices[:, 0] < np.arange(len(order))), 0] = 0
    apart = differences.mean(axis=1)
    expected = _sampled_difference(order, NEIGHBORS, space.mode.seed) if compat else gini_mean_difference(order)
    if expected == 0:  # the draws met one place alone
        return Finding(1.0, params=space.mode.params)
    value = float(np.clip(1 - apart.mean() / expected, 0, 1))
    params = {"n_neighbors": indices.shape[1], "difference": float(apart.mean()), "difference_at_random": expected}
    params |= space.mode.params | ({"seed": space.mode.seed} if compat else {})
    return Finding(value, "", {}, apart, "mean", (1.0, -1 / expected), params)
