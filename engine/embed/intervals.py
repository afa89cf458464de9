"""Bootstrap intervals of metrics that are a mean or median of what cells add."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from ..statistics.resampling import percentile_bounds
from .cells import Groups
from .finding import Finding

__all__ = ["interval_of"]

#: Cells are drawn in at most so many blocks.
BLOCKS = 2_000

Floats = npt.NDArray[np.float64]


def interval_of(finding: Finding, donors: Groups | None, draws: int, level: float, seed: int) -> tuple[float, float]:
    """Return the interval of a finding; NaN where it has none.

    A mean is drawn again from donors where they are known, else from cells (of many, from blocks of cells put together
    at random). A median is enclosed by the order statistics that a binomial distribution gives.

    Parameters
    ----------
    finding : Finding
        With what each cell adds.
    donors : Groups, optional
        Of the cells.
    draws : int
        Draws; 0 for no interval.
    level : float
        Share of draws inside.
    seed : int
        Of the draws.

    Returns
    -------
    lower, upper : float
    """
    values = finding.per_cell
    if values is None or not draws or math.isnan(finding.value) or finding.statistic == "other":
        return math.nan, math.nan
    known = ~np.isnan(values)
    if finding.statistic == "median":
        low, high = _median_bounds(np.sort(values[known]), level)
    else:
        low, high = _mean_bounds(values[known], donors.codes[known] if donors else None, draws, level, seed)
    start, slope = finding.rescaled
    bounds = sorted((start + slope * low, start + slope * high))
    return bounds[0], bounds[1]


def _median_bounds(ordered: Floats, level: float) -> tuple[float, float]:
    from scipy.special import bdtrik

    n = len(ordered)
    below = max(int(bdtrik((1 - level) / 2, n, 0.5)), 0) if n > 1 else 0
    return float(ordered[below]), float(ordered[n - 1 - below])


def _mean_bounds(
    values: Floats, donors: npt.NDArray[np.int64] | None, draws: int, level: float, seed: int
) -> tuple[float, float]:
    rng = np.random.default_rng(seed)
    n = len(values)
    if donors is None:
        donors = np.arange(n) if n <= BLOCKS else rng.permutation(n) % BLOCKS
    sums, sizes = np.bincount(donors, values), np.bincount(donors)
    sums, sizes = sums[sizes > 0], sizes[sizes > 0]
    if len(sums) < 2:
        return math.nan, math.nan
    means = np.empty(draws)
    for draw in range(draws):
        taken = rng.integers(0, len(sums), len(sums))
        means[draw] = sums[taken].sum() / sizes[taken].sum()
    (low,), (high,) = percentile_bounds(means[:, None], level)
    return float(low), float(high)
