"""P-values from counts of draws, of which there are more only where the answer is near the threshold.

A p-value is (b + 1) / (m + 1), b of m draws as good as the data. All groups start with few draws; a group goes on with
four times as many while its confidence interval leaves open on which side of the threshold it lies, before or after the
Benjamini-Hochberg correction over all groups. The rule looks at counts alone, so that equal data, seed and size give
equal numbers.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ...nulls.distribution import PValues, sampled_p_values
from ...statistics.false_discovery import benjamini_hochberg

__all__ = ["FIRST_DRAWS", "sequential_p_values"]

Ints = npt.NDArray[np.int64]

#: Draws that every group gets.
FIRST_DRAWS = 1_000
_GROWTH = 4


def sequential_p_values(
    known: PValues, count: Callable[[Ints, int, int], Ints], null_size: int, threshold: float
) -> PValues:
    """P-values of groups by draws of relabellings.

    Parameters
    ----------
    known : PValues
        Exact p-values of the groups whose relabellings were all counted, NaN for those to be drawn.
    count : callable
        ``(groups, first, size)``: how many of the draws `first` to ``first + size - 1`` reach the observed value, for
        each of the groups.
    null_size : int
        Most draws of a group.
    threshold : float
        Significance level.

    Returns
    -------
    PValues
        Bounds have 99.9 % confidence where there are draws.
    """
    lower, upper, value = (each.copy() for each in (known.lower, known.upper, known.value))
    active = np.flatnonzero(np.isnan(value))
    reached = np.zeros(len(value), np.int64)
    done = 0
    until = min(FIRST_DRAWS, null_size)
    while len(active):
        reached[active] += count(active, done, until - done)
        done = until
        found = sampled_p_values(reached[active], done)
        lower[active], upper[active], value[active] = found.lower, found.upper, found.value
        if done == null_size:
            break
        passes, fails = benjamini_hochberg(upper) < threshold, benjamini_hochberg(lower) >= threshold
        near = (lower < threshold) & (upper >= threshold)
        active = active[(near | ~(passes | fails))[active]]
        until = min(_GROWTH * done, null_size)
    return PValues(lower, upper, value)
