"""Percentile intervals and p-values from bootstrap replicates; McNemar's test."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["mcnemar", "percentile_bounds", "two_sided_p"]

Floats = npt.NDArray[np.float64]


def percentile_bounds(values: Floats, level: float) -> Floats:
    """Return percentile intervals.

    Parameters
    ----------
    values : ndarray of float64, shape (draws, k)
        Bootstrap replicates of k statistics. NaN, a statistic that a replicate left undefined, is left out.
    level : float
        Share of replicates inside the interval, between 0 and 1.

    Returns
    -------
    ndarray of float64, shape (2, k)
        Lower and upper bounds; NaN where every replicate is.
    """
    tails = [(1 - level) / 2, (1 + level) / 2]
    bounds = np.quantile(values, tails, axis=0)  # NaN where a draw is; columns one by one take their time
    unknown = np.isnan(values)
    some = unknown.any(axis=0) & ~unknown.all(axis=0)
    bounds[:, some] = np.nanquantile(values[:, some], tails, axis=0)
    return bounds


def two_sided_p(differences: Floats) -> Floats:
    """Return two-sided p-values from bootstrap replicates of differences.

    Parameters
    ----------
    differences : ndarray of float64, shape (draws, k)
        Bootstrap replicates of k differences; NaN is left out.

    Returns
    -------
    ndarray of float64, shape (k,)
        Twice the smaller of the shares of replicates with a difference of at most and of at least 0, one replicate at
        0 being added; at most 1; NaN where no replicate is defined.

    References
    ----------
    Davison and Hinkley 1997, chapter 4.
    """
    known = (~np.isnan(differences)).sum(axis=0)
    least = np.minimum((differences <= 0).sum(axis=0), (differences >= 0).sum(axis=0))
    return np.where(known > 0, np.minimum(2 * (1 + least) / (1 + known), 1.0), np.nan)


def mcnemar(only_a: int, only_b: int) -> dict[str, float]:
    """Return the two-sided exact and mid-p values of McNemar's test.

    Parameters
    ----------
    only_a, only_b : int
        Discordant pairs: how many only the first has right, and only the second.

    Returns
    -------
    dict of str to float
        ``mcnemar_exact_p`` and ``mcnemar_mid_p``.
    """
    from scipy.special import bdtr  # the binomial distribution, without all of scipy.stats

    n, fewer = only_a + only_b, min(only_a, only_b)
    if n == 0:
        return {"mcnemar_exact_p": 1.0, "mcnemar_mid_p": 1.0}
    most, less = float(bdtr(fewer, n, 0.5)), float(bdtr(fewer - 1, n, 0.5)) if fewer else 0.0
    return {"mcnemar_exact_p": min(2 * most, 1.0), "mcnemar_mid_p": min(most + less, 1.0)}
