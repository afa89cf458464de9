"""P-values of two samples, from what was counted and added up of them: Mann and Whitney's, and Welch's."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["mann_whitney_p", "sample_variance", "welch"]

#: Pairs of samples that are worked on at once, so that what is put aside stays in the cache.
BLOCK = 1 << 16
#: Relative errors of a sum of squares, below which what is left of it is no variance.
ROUNDING = 4 * np.finfo(np.float64).eps

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def mann_whitney_p(doubled_u: Ints, ties: Floats, n: Ints, m: Ints) -> Floats:
    """Return two-sided p-values of Mann and Whitney (1947): normal approximation, corrected for ties and continuity.

    Those of ``scipy.stats.mannwhitneyu(method="asymptotic")``.

    Parameters
    ----------
    doubled_u : ndarray of int64, shape (groups, genes)
        Twice U; see `RankSums`.
    ties : ndarray of float64, shape (groups, genes)
        Sum over values of t^3 - t.
    n, m : ndarray of int64, shape (groups,)
        Cells of each group, and of what it is compared with.

    Returns
    -------
    ndarray of float64, shape (groups, genes)
        1 where all values are equal; NaN where either sample is empty.
    """
    from scipy.special import ndtr  # takes as long as a usual call

    found = np.full(doubled_u.shape, np.nan)
    pairs, both = (n * m).astype(np.float64), (n + m).astype(np.float64)
    step = max(BLOCK // max(doubled_u.shape[1], 1), 1)
    there = np.flatnonzero(pairs > 0)
    for start in range(0, len(there), step):
        rows = there[start : start + step]
        size, in_all = pairs[rows, None], both[rows, None]
        variance = size / 12 * ((in_all + 1) - ties[rows] / (in_all * (in_all - 1)))
        z = (np.abs(doubled_u[rows] - size) - 1) / 2  # how far U is from its mean, less the half of the continuity
        with np.errstate(divide="ignore"):
            z /= np.sqrt(np.maximum(variance, 0))
        found[rows] = np.minimum(2 * ndtr(-z), 1)
    return found


def sample_variance(sums: Floats, squares: Floats, n: Floats) -> Floats:
    """Return variances (divided by n - 1) from sums of values and of their squares.

    Parameters
    ----------
    sums, squares : ndarray of float64, shape (groups, genes)
        Of each group.
    n : ndarray of float64, shape (groups, 1)
        Its cells.

    Returns
    -------
    ndarray of float64, shape (groups, genes)
        0 where nothing but rounding is left; NaN for a group of fewer than two.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        left = squares - sums * sums / n
        left[left <= ROUNDING * squares] = 0
        return np.asarray(left / np.where(n > 1, n - 1, np.nan))


def welch(
    mean: Floats,
    variance: Floats,
    n: Floats,
    other_mean: Floats,
    other_variance: Floats,
    m: Floats,
) -> tuple[Floats, Floats]:
    """Return Welch's (1947) t and two-sided p-values.

    Those of ``scipy.stats.ttest_ind(equal_var=False)``, but where neither sample varies: there SciPy divides by 0, and
    here is no evidence, as scPertEval has it: t is 0 and p is 1.

    Parameters
    ----------
    mean, variance, other_mean, other_variance : ndarray of float64, shape (groups, genes) or (1, genes)
        Of each group, and of what it is compared with; see `sample_variance`.
    n, m : ndarray of float64, shape (groups, 1) or (1, 1)
        Cells of them.

    Returns
    -------
    t, p : ndarray of float64, shape (groups, genes)
        NaN where a sample has fewer than two cells.
    """
    from scipy.special import stdtr  # takes as long as a usual call

    with np.errstate(invalid="ignore", divide="ignore"):
        mine, theirs = variance / n, other_variance / m
        both = mine + theirs
        t = (mean - other_mean) / np.sqrt(both)
        freedom = both**2 / (mine**2 / (n - 1) + theirs**2 / (m - 1))
        constant = both == 0
        t[constant] = 0
        freedom[constant] = 1
        p = 2 * stdtr(freedom, -np.abs(t))
    p[constant] = 1
    return t, p
