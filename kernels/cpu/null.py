"""Compiled forms of the null distribution of average precision, see `reference.null`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ..compile import njit
from ..reference.null import expected_ap, stream_key
from .sort import sort_ascending

__all__ = [
    "advance_moments",
    "advance_survival",
    "count_tail",
    "enumerate_ap",
    "expected_ap",
    "sample_ap",
    "stream_key",
    "variance_ap",
]

Floats = npt.NDArray[np.float64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)

#: Up to so many ranks, insertion beats a general sort; and a scan of all ranks beats it down to one in so
#: many.
_SMALL = 32
_SPARSE = 64
_BLOCK = 8192  # values of one k: those of some dozens of k fit the second level cache


@njit
def variance_ap(n_pos: int, n_total: int) -> float:
    """Variance of AP under random ranking; the inner sums of the reference in closed form, O(L)."""
    if n_pos == n_total:
        return 0.0
    q1 = n_pos / n_total
    q2 = q1 * (n_pos - 1) / max(n_total - 1, 1)
    q3 = q2 * max(n_pos - 2, 0) / max(n_total - 2, 1)
    q4 = q3 * max(n_pos - 3, 0) / max(n_total - 3, 1)
    squares = products = mean = harmonic = 0.0  # harmonic: sum of 1 / r over r < t
    for t in range(1, n_total + 1):
        mean += (q1 + (t - 1) * q2) / t
        squares += (q1 + 3.0 * (t - 1) * q2 + (t - 1.0) * (t - 2.0) * q3) / (t * t)
        products += (
            2.0 * q2 * harmonic + q3 * (3.0 * (t - 1) + (t - 5.0) * harmonic) + q4 * (t - 3.0) * ((t - 1) - harmonic)
        ) / t
        harmonic += 1.0 / t
    return max(squares + 2.0 * products - mean * mean, 0.0) / (n_pos * n_pos)


def enumerate_ap(n_pos: int, n_total: int) -> Floats:
    """AP of every placement, (C(L, P),) float64, in lexicographic order of the rank sets."""
    result = np.empty(math.comb(n_total, n_pos))
    _enumerate_ap(n_pos, n_total, np.arange(1, n_pos + 1), np.zeros(n_pos + 1), result)
    return result


@njit
def _enumerate_ap(n_pos, n_total, ranks, partial, result):
    """Write what `enumerate_ap` returns to `result`; `partial` (P + 1,), all zero: the sums of the first k terms."""
    changed = 0
    for i in range(result.size):
        for k in range(changed, n_pos):
            partial[k + 1] = partial[k] + (k + 1) / ranks[k]
        result[i] = partial[n_pos] / n_pos
        changed = n_pos - 1
        while changed > 0 and ranks[changed] == n_total - n_pos + 1 + changed:
            changed -= 1
        ranks[changed] += 1
        for k in range(changed + 1, n_pos):
            ranks[k] = ranks[k - 1] + 1


def count_tail(n_pos: int, n_total: int, total: float, limit: int) -> int:
    """Count the placements with S_P >= `total`, or ``limit + 1`` if there are more; O(P L + P limit)."""
    best, ranks, partial = np.zeros((n_pos + 1, n_total + 2)), np.zeros(n_pos + 1, np.int64), np.zeros(n_pos + 1)
    found: int = _count_tail(n_pos, n_total, float(total), limit, best, ranks, partial)
    return found


@njit
def _count_tail(n_pos, n_total, total, limit, best, ranks, partial):
    """Count as `count_tail` does; the last three arguments are all zero.

    Depth first over r_1 < r_2 < ...; the best that can follow r_j are the ranks next to it, which bounds S_P
    and falls as r_j grows, so a branch ends as soon as its bound does. Every branch entered holds a placement
    that counts.
    """
    # best[j, r]: largest sum of the terms after the j-th positive, when that one is at rank r
    for j in range(n_pos - 1, -1, -1):
        for r in range(n_total - (n_pos - j), -1, -1):
            best[j, r] = (j + 1) / (r + 1) + best[j + 1, r + 1]
    # partial[j]: sum of the terms before the j-th
    count = 0
    j = 1
    while j > 0 and count <= limit:
        ranks[j] += 1
        r = ranks[j]
        if r > n_total - (n_pos - j):
            j -= 1
            continue
        value = partial[j] + j / r
        if value + best[j, r] < total:
            j -= 1
        elif j == n_pos:
            last = n_total
            if total > partial[j]:
                last = min(n_total, int(n_pos / (total - partial[j])))
            count += max(last, r) - r + 1
            j -= 1
        else:
            partial[j + 1] = value
            ranks[j + 1] = r
            j += 1
    return min(count, limit + 1)


def advance_survival(survival: Any, starts: Any, lows: Any, errors: Any, cells: int, rank: int, until: int) -> None:
    """Sweep the survival functions from `rank` to `until` ranks, in place; arguments as in the reference."""
    steps, reaches = np.zeros((2, len(lows)), np.int64)
    _advance_survival(survival, starts, lows, errors, cells, rank, until, steps, reaches)


@njit
def _advance_survival(survival, starts, lows, errors, cells, rank, until, steps, reaches):
    """Sweep as `advance_survival` does; the last two arguments are scratch.

    From high to low values in blocks, all k of a block in turn, so that G_{k-1} is still in the cache when it is
    its own turn. A value needs only lower values and lower k of the rank before, which are not yet overwritten.
    """
    for r in range(rank + 1, until + 1):
        most = min(lows.size - 1, r)
        for k in range(most, 0, -1):
            step = (2 * k * cells + r) // (2 * r)
            keep = (r - k) / r
            take = k / r
            off = step - k * cells / r
            errors[0, k] = min(errors[0, k], errors[0, k - 1] + off)
            errors[1, k] = max(errors[1, k], errors[1, k - 1] + off)
            errors[2, k] = keep * errors[2, k] + take * (errors[2, k - 1] + off)
            lows[k] = min(lows[k], lows[k - 1] + step)
            steps[k] = step
            # S~_k >= low >= step, so the shifted index never runs below G_{k-1}; above it G_{k-1} is zero
            reaches[k] = max(lows[k], (k - 1) * cells + step)
        for first in range(most * cells // _BLOCK * _BLOCK, -1, -_BLOCK):
            for k in range(most, max(first // cells, 1) - 1, -1):
                keep = (r - k) / r
                take = k / r
                low = max(lows[k] + 1, first)
                reach = max(min(reaches[k] + 1, first + _BLOCK), low)
                end = max(min(k * cells + 1, first + _BLOCK), reach)
                mine = survival[starts[k] + low : starts[k] + reach]
                before = survival[starts[k - 1] + low - steps[k] : starts[k - 1] + reach - steps[k]]
                for i in range(mine.size):
                    mine[i] = keep * mine[i] + take * before[i]
                rest = survival[starts[k] + reach : starts[k] + end]
                for i in range(rest.size):
                    rest[i] = keep * rest[i]


def advance_moments(moments: Any, slopes: Any, tilts: Any, cells: int, rank: int, until: int) -> None:
    """Sweep the joint moments from `rank` to `until` ranks, in place; arguments as in the reference."""
    _advance_moments(moments, slopes, tilts, cells, rank, until, np.empty(len(tilts)))


@njit
def _advance_moments(moments, slopes, tilts, cells, rank, until, rounded):
    """Sweep as `advance_moments` does; rounded (as tilts) is scratch."""
    for r in range(rank + 1, until + 1):
        for k in range(min(moments.shape[0] - 1, r), 0, -1):
            off = (2 * k * cells + r) // (2 * r) - k * cells / r
            keep = (r - k) / r
            take = k / r
            for q in range(tilts.size):
                rounded[q] = math.exp(tilts[q] * off)
            for t in range(slopes.size):
                factor = take * math.exp(slopes[t] * k / r)
                mine, before = moments[k, t], moments[k - 1, t]
                for q in range(tilts.size):
                    mine[q] = keep * mine[q] + factor * rounded[q] * before[q]


@njit
def _mix(word):
    word = (word ^ (word >> _S30)) * _FIRST
    word = (word ^ (word >> _S27)) * _SECOND
    return word ^ (word >> _S31)


def sample_ap(key: int, first: int, count: int, n_pos: int, n_total: int) -> Floats:
    """AP of random placements of a stream, the same numbers as the reference."""
    result = np.empty(count)
    space, taken = np.empty((2, n_pos), np.int64), np.zeros(n_total + 1, np.uint8)
    _sample_ap(np.uint64(key), first, n_pos, n_total, space, taken, result)
    return result


@njit
def _sample_ap(key, first, n_pos, n_total, space, taken, result):
    """Write what `sample_ap` returns to `result`; space (2, P) and taken (L + 1,), all zero, are scratch."""
    ranks = space[0]
    insert = n_pos <= _SMALL
    scan = not insert and n_total <= _SPARSE * n_pos
    for i in range(result.size):
        state = _mix(key + np.uint64(first + i + 1) * _GOLDEN)
        for filled in range(n_pos):
            top = n_total - n_pos + 1 + filled
            state = state + _GOLDEN
            drawn = 1 + np.int64(np.float64(_mix(state) >> _S11) * 2.0**-53 * top)
            if taken[drawn]:
                drawn = top
            taken[drawn] = 1
            at = filled
            if insert:
                while at > 0 and ranks[at - 1] > drawn:
                    ranks[at] = ranks[at - 1]
                    at -= 1
            ranks[at] = drawn
        if scan:
            at = 0
            for rank in range(1, n_total + 1):
                if taken[rank]:
                    ranks[at] = rank
                    at += 1
        elif not insert:
            sort_ascending(ranks, space[1])
        total = 0.0
        for k in range(n_pos):
            total += (k + 1) / ranks[k]
            taken[ranks[k]] = 0
        result[i] = total / n_pos
