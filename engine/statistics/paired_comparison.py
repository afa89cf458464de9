"""Paired comparison of two runs: a randomisation test that swaps the runs cluster by cluster, and its interval.

What two runs have in common (the perturbation, its targets, the plate) cancels in the difference of a cluster. If
neither run is better, a cluster is as likely to show its two values one way round as the other. So the observed
difference is compared with those of the runs after random clusters have swapped sides. Nothing is assumed of the
number of clusters or of their sizes: one large cluster cannot make a p-value small, as it can in a cluster bootstrap,
which needs many clusters of similar size (`docs/comparison.md`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from .resampling import percentile_bounds

__all__ = ["FEWEST", "FEWEST_DIFFERING", "TESTED", "Difference", "paired_difference", "swap_p_value", "swap_sets"]

Floats = npt.NDArray[np.float64]
Marks = npt.NDArray[np.bool_]

#: With fewer clusters than this there is no test. Ten can swap in 1,024 ways, so no p-value is below 0.002.
FEWEST = 10
#: With fewer clusters than this that differ no p-value can be below 0.05: five can swap in 32 ways, 2 / 32 = 0.06.
FEWEST_DIFFERING = 6
#: `Difference.status` where there is a p-value.
TESTED = "tested"
_BLOCK = 200  # draws that stay in the cache of a core
_TIE = 1e-12  # of the scale: what differs by less is equal but for the order of summation


@dataclass(frozen=True)
class Difference:
    """A difference of two means with its interval; NaN where it is undefined.

    Parameters
    ----------
    value_a, value_b, difference : float
        The means, and a - b.
    lower, upper : float
        Interval of the difference.
    p_value : float
        Two-sided, of the randomisation test.
    units : int
        How many clusters there are.
    status : str
        `TESTED`, or why there is neither interval nor p-value.
    """

    value_a: float
    value_b: float
    difference: float
    lower: float
    upper: float
    p_value: float
    units: int
    status: str


def paired_difference(
    clusters: npt.ArrayLike,
    values: Floats,
    weights: Floats,
    *,
    crossed: npt.ArrayLike | None = None,
    draws: int,
    seed: int,
    level: float = 0.95,
) -> Difference:
    """Return the difference of the means of two runs, with the p-value of a randomisation test and an interval.

    Parameters
    ----------
    clusters : array_like, shape (n,)
        The cluster of each row, such as the name of its perturbation. Rows that depend on each other must be of one
        cluster, or p-values are too small.
    values : ndarray of float64, shape (n, 2)
        Values in run a and in run b; those that are not there do not count.
    weights : ndarray of float64, shape (n, 2)
        How much each value counts in the mean of its run; 0 where there is none.
    crossed : array_like, shape (n,), optional
        A second clustering that crosses the first, such as the configuration of each row, whose rows share plates and
        controls. Swaps of the first do not show what such rows have in common, so their spread is widened by it.
    draws : int
        How many random sets of clusters; all sets are taken where there are no more than that. 0 leaves the interval
        and the p-value out.
    seed : int
        Equal seeds draw equally, whatever the order of rows and runs.
    level : float, default 0.95
        Share of the interval.

    Returns
    -------
    Difference
        Without interval and p-value where there are fewer than `FEWEST` clusters, or some but fewer than
        `FEWEST_DIFFERING` that differ; and where the weights of the runs differ: such a test of means over different
        rows finds too much.

    Notes
    -----
    A set holds each cluster with probability 1/2. The p-value is twice the smaller of the shares of sets after whose
    swap the difference is at least, and at most, the observed one; the observed order counts as a set. It is never
    below 2 / 2 ** k, k the number of clusters that differ. The test is exact where clusters are independent and each
    is as likely to show its two values in either order.

    The interval holds the middle share of the differences within the sets. It is the range of shifts that the test
    does not reject (Hartigan 1969).

    With `crossed`, the spread of the differences after swaps is multiplied by sqrt((V1 + V2 - V0) / V1) where that is
    above 1: the sums of squares of the sums of each cluster, of each crossed one (less the mean), and of each row
    (Cameron, Gelbach and Miller 2011). The test is then approximate.

    References
    ----------
    Hartigan 1969, "Using subsample values as typical values"; Canay, Romano and Shaikh 2017, "Randomization tests
    under an approximate symmetry assumption"; Cameron, Gelbach and Miller 2011, "Robust inference with multiway
    clustering"; Phipson and Smyth 2010, "Permutation p-values should never be zero".
    """
    some = (weights > 0).any(axis=1)
    weights, names = weights[some], np.asarray(clusters)[some]
    other = None if crossed is None else np.asarray(crossed)[some]
    sums = np.where(weights > 0, values[some], 0.0) * weights
    distinct, cluster = np.unique(names, return_inverse=True)
    table = np.zeros((len(distinct), 4))
    np.add.at(table, cluster, np.hstack([sums, weights]))
    sum_a, sum_b, weight_a, weight_b = table.T
    mean_a, mean_b = _mean(sum_a, weight_a), _mean(sum_b, weight_b)
    lower = upper = p_value = np.nan
    n = len(distinct)
    difference, tie = sum_a - sum_b, _TIE * float(np.abs(sums).sum())
    differing = int((np.abs(difference) > tie).sum())
    if not draws:
        status = "not tested: no draws"
    elif not np.array_equal(weights[:, 0], weights[:, 1]):
        status = "not tested: the runs have different groups"
    elif n < FEWEST:
        status = f"not tested: {n} of at least {FEWEST} clusters"
    elif 0 < differing < FEWEST_DIFFERING:
        status = f"not tested: {differing} of at least {FEWEST_DIFFERING} clusters that differ"
    else:
        status = TESTED
        whole, wider = float(difference.sum()), 1.0
        if other is not None and differing:
            wider = _widening(cluster, np.unique(other, return_inverse=True)[1], sums[:, 0] - sums[:, 1], weights[:, 0])
        inside, weight = _inside(swap_sets(n, draws, seed), difference, weight_a)
        p_value = swap_p_value(wider * (whole - 2 * inside), whole, tie)
        some = weight > 0
        lower, upper = percentile_bounds((inside[some] / weight[some])[:, None], level)[:, 0]
        mean = mean_a - mean_b
        lower, upper = mean + wider * (lower - mean), mean + wider * (upper - mean)
    return Difference(mean_a, mean_b, mean_a - mean_b, float(lower), float(upper), p_value, n, status)


def _mean(sums: Floats, weights: Floats) -> float:
    """Return the mean over all clusters; NaN where a run has no value."""
    total = float(weights.sum())
    return float(sums.sum()) / total if total > 0 else float("nan")


def _widening(
    cluster: npt.NDArray[np.intp], crossed: npt.NDArray[np.intp], differences: Floats, weights: Floats
) -> float:
    """Return by how much swaps of clusters are to be widened for what crossed clusters have in common."""
    levels = int(crossed.max()) + 1
    if levels < FEWEST_DIFFERING:  # too few to tell
        return 1.0
    mean = differences.sum() / weights.sum()
    common = np.bincount(crossed, differences) - mean * np.bincount(crossed, weights)
    own = np.square(np.bincount(cluster, differences)).sum()
    more = np.square(common).sum() * levels / (levels - 1) - np.square(differences).sum()
    return float(np.sqrt(max(1.0, 1.0 + more / own)))


def swap_p_value(swapped: Floats, observed: float, tie: float = _TIE) -> float:
    """Return the two-sided p-value of an observed difference among the differences after swaps.

    Parameters
    ----------
    swapped : ndarray of float64, shape (draws,)
        Differences after each swap; an undefined one (NaN) counts on both sides.
    observed : float
        The difference as it is.
    tie : float
        What differs by less is equal.

    Returns
    -------
    float
        Twice the smaller share of differences at most, and at least, the observed one, which counts as one of them; at
        most 1. NaN where the observed difference is undefined.
    """
    if np.isnan(observed):
        return float("nan")
    excess, unknown = swapped - observed, np.isnan(swapped)
    below, above = (int((unknown | (side * excess >= -tie)).sum()) for side in (-1, 1))
    return min(2 * (1 + min(below, above)) / (1 + len(swapped)), 1.0)


def _inside(sets: Marks, differences: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Sum the differences, and the weights, of the clusters in each set."""
    table = np.stack([differences, weights], axis=1)
    sums = np.empty((len(sets), 2))
    for start in range(0, len(sets), _BLOCK):
        block = slice(start, start + _BLOCK)
        sums[block] = sets[block].astype(np.float64) @ table
    return sums[:, 0], sums[:, 1]


# Comparisons of one configuration follow each other and draw alike, so the last sets are kept.
@lru_cache(maxsize=2)
def swap_sets(n: int, draws: int, seed: int) -> Marks:
    """Return sets of clusters whose runs are to swap sides.

    Parameters
    ----------
    n : int
        Number of clusters.
    draws : int
        Number of random sets, each of which holds a cluster with probability 1/2.
    seed : int
        Equal seeds draw equally.

    Returns
    -------
    ndarray of bool, shape (sets, n)
        All sets but the empty one where they are fewer than `draws`. The empty set is the observed order, which
        `swap_p_value` counts by itself.
    """
    if 2**n <= draws:
        every: Marks = (np.arange(1, 2**n)[:, None] >> np.arange(n)) & 1 == 1
        return every
    rng = np.random.default_rng(np.random.SeedSequence((seed, n)))
    width = -(-n // 8)
    bits = np.frombuffer(rng.bytes(draws * width), np.uint8).reshape(draws, width)
    return np.unpackbits(bits, axis=1, count=n).view(np.bool_)
