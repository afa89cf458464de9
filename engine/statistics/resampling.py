"""What bootstrap draws say: intervals and p-values; and the exact test of paired yes and no."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["mcnemar", "percentile_bounds", "two_sided_p"]

Floats = npt.NDArray[np.float64]


def percentile_bounds(values: Floats, level: float) -> Floats:
    """Return the bounds between which the middle share `level` of draws lies, shape (2, k).

    Parameters
    ----------
    values : ndarray of float64, shape (draws, k)
        NaN, a metric that a draw left undefined, is left out; bounds are NaN where nothing else is there.
    level : float
        Between 0 and 1.
    """
    tails = [(1 - level) / 2, (1 + level) / 2]
    bounds = np.quantile(values, tails, axis=0)  # NaN where a draw is; columns one by one take their time
    unknown = np.isnan(values)
    some = unknown.any(axis=0) & ~unknown.all(axis=0)
    bounds[:, some] = np.nanquantile(values[:, some], tails, axis=0)
    return bounds


def two_sided_p(differences: Floats) -> Floats:
    """Two-sided p-values of differences that were drawn, shape (draws, k); NaN where none is defined.

    Twice the smaller of the shares of draws with a difference of at most and of at least 0, one draw at 0 being added.

    References
    ----------
    Davison and Hinkley 1997, chapter 4.
    """
    known = (~np.isnan(differences)).sum(axis=0)
    least = np.minimum((differences <= 0).sum(axis=0), (differences >= 0).sum(axis=0))
    return np.where(known > 0, np.minimum(2 * (1 + least) / (1 + known), 1.0), np.nan)


def mcnemar(only_a: int, only_b: int) -> dict[str, float]:
    """McNemar's test from the numbers of what only one of two has right: two-sided exact and mid-p values."""
    from scipy.special import bdtr  # the binomial distribution, without all of scipy.stats

    n, fewer = only_a + only_b, min(only_a, only_b)
    if n == 0:
        return {"mcnemar_exact_p": 1.0, "mcnemar_mid_p": 1.0}
    most, less = float(bdtr(fewer, n, 0.5)), float(bdtr(fewer - 1, n, 0.5)) if fewer else 0.0
    return {"mcnemar_exact_p": min(2 * most, 1.0), "mcnemar_mid_p": min(most + less, 1.0)}
