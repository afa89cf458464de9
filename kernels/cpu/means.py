"""Compiled means of groups."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..compile import njit

__all__ = ["PARTS", "add_exactly", "group_means", "rounded_sum"]

#: More parts than numbers that do not overlap have room in the exponents of float64: 2098 bits, 53 each.
PARTS = 48


def group_means(
    values: npt.NDArray[np.float64], rows: npt.NDArray[np.integer], offsets: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Mean of each group, (g,) float64, see `reference.means.group_means`."""
    result = np.full(len(offsets) - 1, np.nan)
    _group_means(values, rows, offsets, np.empty(PARTS), result)
    return result


@njit
def _group_means(values, rows, offsets, parts, result):
    """Write the means to `result`, which holds NaN; parts (`PARTS`,) is scratch."""
    for g in range(result.size):
        used = 0
        count = 0
        for slot in range(offsets[g], offsets[g + 1]):
            value = values[rows[slot]]
            if not np.isnan(value):
                count += 1
                used = add_exactly(parts, used, value)
        if count:
            result[g] = rounded_sum(parts, used) / count


@njit
def add_exactly(parts, used, value):
    """Add a value to a sum that is kept without error; return how many of `parts` (`PARTS`,) it has now.

    It is kept as parts that do not overlap, the smallest first (Shewchuk 1997, Discrete Comput Geom 18:305,
    Grow-Expansion).
    """
    total = value
    kept = 0
    for k in range(used):
        large, small = total, parts[k]
        if abs(large) < abs(small):
            large, small = small, large
        total = large + small
        rest = small - (total - large)  # exactly what was lost
        if rest != 0.0:
            parts[kept] = rest
            kept += 1
    parts[kept] = total
    return kept + 1


@njit
def rounded_sum(parts, used):
    """Sum of parts that do not overlap, the smallest first, rounded once, half to even."""
    k = used - 1
    total = parts[k]
    rest = 0.0
    while k > 0 and rest == 0.0:
        k -= 1
        before = total
        total = before + parts[k]
        rest = parts[k] - (total - before)
    # What is left may be exactly half a unit, and a further part of its sign then tips the scale.
    if k > 0 and ((rest < 0.0 and parts[k - 1] < 0.0) or (rest > 0.0 and parts[k - 1] > 0.0)):
        doubled = 2.0 * rest
        tipped = total + doubled
        if doubled == tipped - total:
            total = tipped
    return total
