"""Paired bootstrap of the difference of two runs, over perturbations or labels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from .resampling import percentile_bounds, two_sided_p

__all__ = ["FEWEST", "Difference", "paired_difference"]

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.unsignedinteger]

#: With fewer units than this a bootstrap says little: six differences of one sign would already seem certain,
#: although three of a hundred comparisons of equals give that.
FEWEST = 10
_BLOCK = 200  # draws


@dataclass(frozen=True)
class Difference:
    """A difference of two means with its interval; NaN where it is undefined.

    Parameters
    ----------
    value_a, value_b, difference : float
        The means, and a - b.
    lower, upper : float
        Percentile interval.
    p_value : float
        Two-sided, from the draws.
    units : int
        How many units were drawn from.
    """

    value_a: float
    value_b: float
    difference: float
    lower: float
    upper: float
    p_value: float
    units: int


def paired_difference(
    units: npt.ArrayLike, values: Floats, weights: Floats, *, draws: int, seed: int, level: float = 0.95
) -> Difference:
    """Return the difference of the means of two runs, with an interval from drawing units with replacement.

    A draw takes the same units in both runs, so what makes a perturbation hard for both cancels. Each mean is
    over the rows that its run has: a ratio, numerator and denominator drawn together.

    Parameters
    ----------
    units : array_like, shape (n,)
        The unit of each row, such as the name of its perturbation; rows of one unit are drawn together. Rows that
        depend on each other must be one unit (a cluster of the cluster bootstrap), or intervals are too narrow.
    values : ndarray of float64, shape (n, 2)
        Values in run a and in run b; those that are not there do not count.
    weights : ndarray of float64, shape (n, 2)
        How much each value counts in the mean of its run; 0 where there is none.
    draws : int
        How many draws, of as many units as there are; 0 leaves the interval and the p-value out.
    seed : int
        Equal seeds draw equally, whatever the order of rows and runs.
    level : float, default 0.95
        Share of draws inside the interval.

    Returns
    -------
    Difference
        Without interval and p-value where a run has fewer than `FEWEST` units. The p-value is twice the smaller of
        the shares of draws with a difference of at most and of at least 0, one draw at 0 being added; at most 1.

    References
    ----------
    Efron and Tibshirani 1993, chapters 8 and 13; Davison and Hinkley 1997, section 3.8 (clusters), chapter 4
    (p-values from draws).
    """
    some = (weights > 0).any(axis=1)
    weights, names = weights[some], np.asarray(units)[some]
    sums = np.where(weights > 0, values[some], 0.0) * weights
    distinct, unit = np.unique(names, return_inverse=True)
    table = np.zeros((len(distinct), 4))
    np.add.at(table, unit, np.hstack([sums, weights]))
    a, b = _means(table.sum(axis=0))
    lower = upper = p_value = np.nan
    if draws and (table[:, 2:] > 0).sum(axis=0).min(initial=len(distinct)) >= FEWEST:
        mean_a, mean_b = _means(_sums(_counts(len(distinct), draws, seed), table))
        drawn = mean_a - mean_b
        lower, upper = percentile_bounds(drawn[:, None], level)[:, 0]
        p_value = two_sided_p(drawn[:, None])[0]
    return Difference(float(a), float(b), float(a - b), float(lower), float(upper), float(p_value), len(distinct))


def _means(sums: Floats) -> tuple[Floats, Floats]:
    """Divide the sums of values of both runs, shape (..., 4), by their numbers; NaN where a run has none."""
    with np.errstate(invalid="ignore"):
        return sums[..., 0] / sums[..., 2], sums[..., 1] / sums[..., 3]


def _sums(counts: Counts, table: Floats) -> Floats:
    """Sum the rows of a table as often as they were drawn, shape (draws, 4).

    Column by column, so that equal columns give equal sums to the last digit, and equal runs no difference.
    """
    columns = table.T.copy()
    sums = np.empty((len(counts), len(columns)))
    for block in _blocks(len(counts)):
        drawn = counts[block].astype(np.float64)
        for place, column in enumerate(columns):
            sums[block, place] = drawn @ column
    return sums


def _blocks(draws: int) -> list[slice]:
    """Cut draws into blocks that stay in the cache of a core."""
    return [slice(start, min(start + _BLOCK, draws)) for start in range(0, draws, _BLOCK)]


# Comparisons of one configuration follow each other and draw alike, so the last counts are kept.
@lru_cache(maxsize=2)
def _counts(n: int, draws: int, seed: int) -> Counts:
    """Count how often each of n units comes in each draw, shape (draws, n)."""
    rng = np.random.default_rng(np.random.SeedSequence((seed, n)))
    counts = np.empty((draws, n), np.min_scalar_type(n))
    for block in _blocks(draws):
        size = block.stop - block.start
        drawn = rng.integers(n, size=(size, n)) + np.arange(size)[:, None] * n
        counts[block] = np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n)
    return counts
