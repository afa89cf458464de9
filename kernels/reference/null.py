"""The null distribution of average precision (AP), which is its law under random ranking, by definition.

P positives stand at ranks r_1 < ... < r_P, a uniformly random subset of 1..L, and AP = S_P / P with the
partial sums
S_k = sum_{j <= k} j / r_j. Everything here follows from one fact: given that k positives are among the first
r ranks (all subsets equally likely), rank r holds one with probability k / r, it is then the k-th, it adds k
/ r, and the others are uniform over r - 1 ranks. So the distribution of S_k given (r, k) depends on neither P nor L:

    D[r][k] = ((r - k) / r) D[r - 1][k] + (k / r) (D[r - 1][k - 1] shifted by k / r),

and AP of the shape (P, L) is read off at r = L, k = P: one sweep over ranks serves every shape.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import numpy as np
import numpy.typing as npt

__all__ = [
    "advance_moments",
    "advance_survival",
    "count_tail",
    "enumerate_ap",
    "exact_distribution",
    "expected_ap",
    "sample_ap",
    "stream_key",
    "variance_ap",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_WORD = 2**64 - 1
_GOLDEN = 0x9E3779B97F4A7C15
#: B_2k / 2k of the Bernoulli numbers, k = 7 .. 1.
_BERNOULLI = (1 / 12, -691 / 32760, 1 / 132, -1 / 240, 1 / 252, -1 / 120, 1 / 12)


def expected_ap(n_pos: npt.ArrayLike, n_total: npt.ArrayLike) -> Floats:
    """Mean of AP under random ranking: (1/L) [(P - 1)/(L - 1) (L - H_L) + H_L], H_L the harmonic number.

    Parameters
    ----------
    n_pos, n_total : array_like of int
        P and L, 0 <= P <= L, broadcast together.

    Returns
    -------
    ndarray of float64
        The mean; 1 where P == L > 0, 0 where P == 0.

    Notes
    -----
    A positive at rank r sees (P - 1)(r - 1)/(L - 1) others above it on average; sum over ranks. See Bestgen,
    "Exact expected average precision of the random baseline for system evaluation", PBML 103 (2015).
    """
    P, L = np.broadcast_arrays(np.asarray(n_pos, np.float64), np.asarray(n_total, np.float64))
    harmonic = _digamma(np.maximum(L, 1) + 1) + np.euler_gamma
    others = (P - 1) / np.maximum(L - 1, 1)
    mean = (others * (L - harmonic) + harmonic) / np.maximum(L, 1)
    return np.where(P == 0, 0.0, np.where(P == L, 1.0, mean))


def _digamma(n: Floats) -> Floats:
    """Return the digamma function of whole numbers >= 1, operation for operation as scipy.special does.

    Importing that takes longer than a small job. Up to 10 it is a sum, from there the asymptotic series (Abramowitz and
    Stegun 6.3.18).
    """
    z = 1.0 / (n * n)
    series = np.zeros_like(z)
    for bernoulli in _BERNOULLI:
        series = series * z + bernoulli
    sums = np.concatenate([[0.0], np.cumsum(1.0 / np.arange(1.0, 10.0))]) - np.euler_gamma
    return np.where(n <= 10, sums[np.minimum(n, 10).astype(np.int64) - 1], np.log(n) - 0.5 / n - z * series)


def variance_ap(n_pos: int, n_total: int) -> float:
    """Variance of AP under random ranking, exact.

    With X_r = 1 if rank r holds a positive and C_r = X_1 + ... + X_r, P AP = sum_r Y_r, Y_r = X_r C_r / r.
    Products of i distinct X have the mean q_i = P (P - 1) ... / (L (L - 1) ...), i factors each, which gives
    for r < t

        E[Y_r^2]   = (q_1 + 3 (r - 1) q_2 + (r - 1)(r - 2) q_3) / r^2
        E[Y_r Y_t] = (2 q_2 + (3 r + t - 5) q_3 + (r - 1)(t - 3) q_4) / (r t).

    Parameters
    ----------
    n_pos, n_total : int
        P and L, 1 <= P <= L.

    Returns
    -------
    float
        The variance; 0 where P == L.
    """
    if n_pos == n_total:
        return 0.0
    q = [1.0]
    for i in range(4):
        q.append(q[-1] * max(n_pos - i, 0) / max(n_total - i, 1))
    squares = products = mean = 0.0
    for t in range(1, n_total + 1):
        mean += (q[1] + (t - 1) * q[2]) / t
        squares += (q[1] + 3 * (t - 1) * q[2] + (t - 1) * (t - 2) * q[3]) / t**2
        for r in range(1, t):
            products += (2 * q[2] + (3 * r + t - 5) * q[3] + (r - 1) * (t - 3) * q[4]) / (r * t)
    return max(squares + 2 * products - mean**2, 0.0) / n_pos**2


def exact_distribution(n_pos: int, n_total: int) -> dict[Fraction, Fraction]:
    """Return the null distribution of AP as exact fractions, by the recursion of this module; for tiny shapes.

    Parameters
    ----------
    n_pos, n_total : int
        P and L, 1 <= P <= L.

    Returns
    -------
    dict
        AP value -> probability.
    """
    masses: list[dict[Fraction, Fraction]] = [{Fraction(0): Fraction(1)}] + [{} for _ in range(n_pos)]
    for r in range(1, n_total + 1):
        for k in range(min(r, n_pos), 0, -1):
            take = Fraction(k, r)
            mixed = {value: (1 - take) * mass for value, mass in masses[k].items()}
            for value, mass in masses[k - 1].items():
                mixed[value + take] = mixed.get(value + take, Fraction(0)) + take * mass
            masses[k] = {value: mass for value, mass in mixed.items() if mass}
    return {value / n_pos: mass for value, mass in masses[n_pos].items()}


def enumerate_ap(n_pos: int, n_total: int) -> Floats:
    """AP of every placement of the positives, in lexicographic order of the rank sets.

    Parameters
    ----------
    n_pos, n_total : int
        P and L, 1 <= P <= L.

    Returns
    -------
    ndarray of float64, shape (C(L, P),)
        All equally likely.
    """
    ranks = np.array(list(combinations(range(1, n_total + 1), n_pos)), np.float64)
    return (np.arange(1, n_pos + 1) / ranks).sum(axis=1) / n_pos


def count_tail(n_pos: int, n_total: int, total: float, limit: int) -> int:
    """Count the placements with S_P >= `total`.

    Parameters
    ----------
    n_pos, n_total : int
        P and L, 1 <= P <= L.
    total : float
        Threshold on S_P = P AP.
    limit : int
        Stop beyond this many.

    Returns
    -------
    int
        The count, or ``limit + 1`` if it is larger than `limit`.
    """
    found = int((enumerate_ap(n_pos, n_total) * n_pos >= total).sum())
    return min(found, limit + 1)


def advance_survival(
    survival: Floats, starts: Ints, lows: Ints, errors: Floats, cells: int, rank: int, until: int
) -> None:
    """Sweep the survival functions of the partial sums from `rank` to `until` ranks, in place.

    Terms k / r are rounded to the nearest multiple of 1 / `cells`, which turns S_k into S~_k. The sweep keeps
    G_k[v] = P(S~_k >= v / cells | r, k), which obeys the recursion of the distribution itself because that is linear.
    A value of G uses only smaller ranks, so it does not depend on how far the sweep goes, nor on how many k
    it keeps.

    Parameters
    ----------
    survival : ndarray of float64, shape (starts[-1],)
        G_0 .. G_K one after the other, G_k of ``k * cells + 1`` values. All ones at rank 0.
    starts : ndarray of int64, shape (K + 2,)
        Where each G_k begins and ends.
    lows : ndarray of int64, shape (K + 1,)
        Least value of S~_k in cells (G_k is 1 up to there). ``k * cells`` at rank 0.
    errors : ndarray of float64, shape (3, K + 1)
        Least, greatest and mean of S~_k - S_k over all placements, in cells. Zeros at rank 0.
    cells : int
        Cells per unit of S.
    rank, until : int
        Ranks swept so far, and after the call.

    Notes
    -----
    Every product and sum is of non-negative numbers, so the relative error of G grows by at most 4 units in
    the last place a rank (two coefficients, two products, one sum, of which three act on either term).
    """
    for r in range(rank + 1, until + 1):
        for k in range(min(len(lows), r) - 1, 0, -1):
            step = (2 * k * cells + r) // (2 * r)  # k / r in cells, to the nearest
            keep, take = (r - k) / r, k / r
            off = step - k * cells / r
            errors[0, k] = min(errors[0, k], errors[0, k - 1] + off)
            errors[1, k] = max(errors[1, k], errors[1, k - 1] + off)
            errors[2, k] = keep * errors[2, k] + take * (errors[2, k - 1] + off)
            lows[k] = min(lows[k], lows[k - 1] + step)
            mine = survival[starts[k] : starts[k + 1]]
            before = survival[starts[k - 1] : starts[k]]
            shifted = np.concatenate([np.ones(step), before, np.zeros(max(0, cells - step))])
            live = slice(lows[k] + 1, None)
            mine[live] = keep * mine[live] + take * shifted[live]


def advance_moments(moments: Floats, slopes: Floats, tilts: Floats, cells: int, rank: int, until: int) -> None:
    """Sweep E[exp(slope S_k + tilt e_k)] from `rank` to `until` ranks, in place.

    e_k = S~_k - S_k, in cells, is the rounding error of `advance_survival`. The recursion is that of
    this module, with a factor ``exp(slope k / r + tilt off)`` for a term k / r that is rounded by `off` cells.

    Parameters
    ----------
    moments : ndarray of float64, shape (K + 1, T, Q)
        For each k, slope and tilt. All ones at rank 0.
    slopes : ndarray of float64, shape (T,)
        Per unit of S.
    tilts : ndarray of float64, shape (Q,)
        Per cell of error.
    cells : int
        Cells per unit of S.
    rank, until : int
        Ranks swept so far, and after the call.
    """
    for r in range(rank + 1, until + 1):
        for k in range(min(len(moments) - 1, r), 0, -1):
            off = (2 * k * cells + r) // (2 * r) - k * cells / r
            factor = np.exp(slopes * k / r)[:, None] * np.exp(tilts * off)
            moments[k] = (r - k) / r * moments[k] + k / r * factor * moments[k - 1]


def _mix(word: int) -> int:
    """Scramble 64 bits (the finaliser of SplitMix64, Steele, Lea and Flood 2014)."""
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _WORD
    return word ^ (word >> 31)


def stream_key(*parts: int) -> int:
    """Fold integers into the 64-bit key of a random stream; the order of the parts matters.

    Parameters
    ----------
    *parts : int
        What the stream belongs to: seed, P, L and, where there are several, the number of the stream.

    Returns
    -------
    int
        0 <= key < 2**64.
    """
    key = 0
    for part in parts:
        while True:
            key = _mix((key + _GOLDEN + (part & _WORD)) & _WORD)
            part >>= 64
            if part <= 0:
                break
    return key


def sample_ap(key: int, first: int, count: int, n_pos: int, n_total: int) -> Floats:
    """AP of random placements number `first` to `first + count - 1` of a stream.

    Placement i depends on (key, i) and the shape only, so blocks may be drawn in any order. The P ranks are
    drawn by Floyd's method, at a cost that does not depend on L. Numbers have 53 random bits, so a rank's
    probability is off by at most L 2**-53 relative.

    Parameters
    ----------
    key : int
        From `stream_key`.
    first, count : int
        Which placements.
    n_pos, n_total : int
        P and L, 1 <= P <= L.

    Returns
    -------
    ndarray of float64, shape (count,)
        AP of each.
    """
    result = np.empty(count)
    for i in range(count):
        state = _mix((key + (first + i + 1) * _GOLDEN) & _WORD)
        ranks: set[int] = set()
        for top in range(n_total - n_pos + 1, n_total + 1):
            state = (state + _GOLDEN) & _WORD
            drawn = 1 + int((_mix(state) >> 11) * 2.0**-53 * top)
            ranks.add(top if drawn in ranks else drawn)
        total = 0.0
        for k, rank in enumerate(sorted(ranks), start=1):
            total += k / rank
        result[i] = total / n_pos
    return result
