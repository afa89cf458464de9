"""Tails of a sum of independent weighted AP: enumerated in two halves, or enclosed by convolution on a grid.

Where the placements are few, the distribution is enumerated (the parts in two halves, met in the middle). Otherwise
each part is rounded to one grid on [0, 1] and the parts are convolved by FFT. The rounding errors add up to known
bounds, so the p-value is enclosed. The FFT has an absolute error, which would drown a small tail; a small tail is
therefore convolved again with the distributions tilted towards it, which makes its error relative.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .distribution import NullDistribution, tolerance_of

__all__ = ["Part", "part_of", "sum_tail"]

Floats = npt.NDArray[np.float64]

_HALF = 1 << 17  # values of one half of an enumerated sum
_TILT_BELOW = 1e-6
_STEEPEST = 1.0  # tilt per cell


@dataclass(frozen=True)
class Part:
    """Null distribution of one weighted AP: on the grid, and value by value where it is enumerated.

    With C the grid value, AP times weight lies in ``C + low .. C + high``, and is ``C + shift`` on average.
    """

    mass: Floats
    low: float
    high: float
    shift: float
    values: Floats | None
    n_placements: int


def part_of(distribution: NullDistribution, weight: float, cells: int) -> Part:
    """Round the distribution of `weight` times AP to multiples of 1 / `cells`."""
    half = 0.5 / cells
    size = math.floor(weight * cells + 0.5) + 1
    if distribution.tail is not None:
        unit = weight / distribution.n_pos  # worth of one of S = P AP
        survival, least, greatest = distribution.tail.rounded((np.arange(size + 1) - 0.5) / cells / unit)
        mass = np.maximum(survival[:-1] - survival[1:], 0.0)
        low, high = -greatest * unit - half, -least * unit + half
        values, mean = None, weight * distribution.mean
    else:
        atoms = distribution.values if distribution.values.size else 1 / np.arange(distribution.n_total, 0, -1)
        mass = np.diff(np.searchsorted(atoms, (np.arange(size + 1) - 0.5) / cells / weight)) / len(atoms)
        low, high = -half, half
        mean = weight * (float(atoms.mean()) if distribution.method == "sampled" else distribution.mean)
        values = weight * atoms if distribution.method == "enumeration" and len(atoms) <= _HALF else None
    shift = mean - _dot(mass, np.arange(len(mass))) / cells
    return Part(mass, low, high, shift, values, distribution.n_placements)


def _dot(a: npt.NDArray[np.number], b: npt.NDArray[np.number]) -> float:
    """Sum of products, in an order that does not depend on the threads of BLAS."""
    return float((a * b).sum())


def sum_tail(parts: list[tuple[Part, int]], cells: int, x: Floats, tail: str) -> tuple[Floats, Floats, Floats]:
    """Lower bound, upper bound and estimate of the tail of a sum of independent parts at each of `x`."""
    tolerance = tolerance_of(x)
    x = x.astype(np.float64)
    low, high = x * (1 - tolerance), x * (1 + tolerance)
    halves = _halves(parts)
    if halves is not None:
        p = _met_tail(*halves, low if tail == ">=" else high, tail)
        return p, p, p
    least = sum(part.low * times for part, times in parts)
    most = sum(part.high * times for part, times in parts)
    shift = sum(part.shift * times for part, times in parts)
    # T >= C + least, so C >= x - least implies T >= x; T <= C + most, so T >= x implies C >= x - most.
    slack = 1e-6
    index = np.stack([np.ceil((high - least) * cells + slack), np.ceil((low - most) * cells - slack)])
    middle = (x - shift) * cells + 0.5  # half a cell, as a cell holds what lies around its middle
    index = np.concatenate([index, np.floor(middle)[None], np.floor(middle)[None] + 1])

    p, error = _convolved_tail(parts, index, 0.0)
    for i in np.flatnonzero(p[1] < _TILT_BELOW):
        column, spread = _convolved_tail(parts, index[:, [i]], _tilt(parts, x[i] * cells))
        p[:, i], error[:, i] = column[:, 0], spread[:, 0]
    lower = np.maximum(p[0] - error[0], 0.0)
    upper = np.minimum(p[1] + error[1], 1.0)
    part = middle - np.floor(middle)
    value = np.clip((1 - part) * p[2] + part * p[3], lower, upper)
    best = low <= 1.0  # the greatest value has one placement
    best &= high >= 1.0
    top = math.exp(-sum(times * math.log(part.n_placements) for part, times in parts)) if tail == ">=" else 0.0
    for bound in (lower, upper, value):
        bound[best] = top
    return lower, upper, value


def _halves(parts: list[tuple[Part, int]]) -> tuple[Floats, Floats] | None:
    """All sums of two halves of the parts, the second half sorted; None if a half has too many."""
    if any(part.values is None for part, _ in parts):
        return None
    sizes = [1, 1]
    sums = [np.zeros(1), np.zeros(1)]
    draws = [part.values for part, times in parts for _ in range(times) if part.values is not None]
    if math.prod(len(values) for values in draws) > _HALF**2:
        return None
    for values in sorted(draws, key=len, reverse=True):
        side = int(sizes[1] < sizes[0])
        sizes[side] *= len(values)
        if sizes[side] > _HALF:
            return None
        sums[side] = np.add.outer(sums[side], values).ravel()
    return sums[0], np.sort(sums[1])


def _met_tail(one: Floats, two: Floats, edge: Floats, tail: str) -> Floats:
    """P(a + b >= edge), or > edge, for a uniform on `one` and b on the sorted `two`."""
    side = "left" if tail == ">=" else "right"
    above = np.empty(len(edge))
    for i, x in enumerate(edge):
        above[i] = (len(two) - np.searchsorted(two, x - one, side=side)).sum()  # type: ignore[call-overload]
    return above / len(one) / len(two)


def _tilt(parts: list[tuple[Part, int]], cell: float) -> float:
    """The exponential tilt per cell that moves the mean of the sum near `cell`, at most `_STEEPEST`."""
    from scipy.optimize import brentq

    coarse = 16  # any tilt is right and a near one does, so cells are taken together
    distributions = [
        (np.add.reduceat(part.mass, np.arange(0, len(part.mass), coarse)), np.arange(0, len(part.mass), coarse), times)
        for part, times in parts
    ]

    def excess(theta: float) -> float:
        total = -cell
        for mass, at, times in distributions:
            tilted, _ = _tilted(mass, at, theta)
            total += times * _dot(at, tilted) / float(tilted.sum())
        return total

    if excess(0.0) >= 0:
        return 0.0
    if excess(_STEEPEST) <= 0:
        return _STEEPEST
    return float(brentq(excess, 0.0, _STEEPEST, rtol=1e-3))


def _tilted(mass: Floats, at: npt.NDArray[np.int64], theta: float) -> tuple[Floats, float]:
    """Mass * exp(theta * at), divided by its greatest value, and the logarithm of that value.

    In logarithms, since a distribution may lie so far below its last cell that the plain product is zero everywhere.
    """
    with np.errstate(divide="ignore"):
        weight = np.log(mass) + theta * at
    peak = float(weight.max())
    return np.exp(weight - peak), peak


def _convolved_tail(parts: list[tuple[Part, int]], index: Floats, theta: float) -> tuple[Floats, Floats]:
    """P(sum of cells >= index) by FFT of the distributions tilted by exp(theta * cell), and a bound of its error.

    The error of an FFT product of n values, each of a distribution with sum 1, is below about eps log2(n) in the
    Euclidean norm, thus below sqrt(n) eps log2(n) in a sum over them, and a convolution with a distribution does not
    enlarge it; four times that is taken for each draw.
    """
    from scipy import fft

    distributions: list[tuple[int, int, Floats]] = []  # length, a tie breaker, distribution
    log_scale, draws = 0.0, 0
    for part, times in parts:
        at = np.arange(len(part.mass))
        tilted, peak = _tilted(part.mass, at, theta)
        scale = tilted.sum()
        distribution = tilted / scale
        if times > 1:
            length = times * (len(distribution) - 1) + 1
            n = fft.next_fast_len(length, real=True)
            distribution = fft.irfft(fft.rfft(distribution, n) ** times, n)[:length]
        distributions.append((len(distribution), draws, distribution))
        log_scale += times * (math.log(scale) + peak)
        draws += times
    heapq.heapify(distributions)
    while len(distributions) > 1:  # the two shortest: most transforms are short
        (_, order, one), (_, _, two) = heapq.heappop(distributions), heapq.heappop(distributions)
        length = len(one) + len(two) - 1
        n = fft.next_fast_len(length, real=True)
        distribution = fft.irfft(fft.rfft(one, n) * fft.rfft(two, n), n)[:length]
        heapq.heappush(distributions, (length, order, distribution))
    distribution = distributions[0][2]
    n = len(distribution)
    error = 4 * draws * math.sqrt(n) * math.log2(n + 1) * np.finfo(np.float64).eps
    cell = np.clip(index, 0, n)
    if theta == 0.0:
        survival = np.append(np.cumsum(distribution[::-1])[::-1], 0.0)
        return np.clip(survival[cell.astype(np.int64)], 0.0, 1.0), np.full(index.shape, error)
    decay = np.exp(-theta * np.arange(n))
    tails = np.array([_dot(distribution[int(j) :], decay[: n - int(j)]) for j in cell.ravel()]).reshape(cell.shape)
    with np.errstate(divide="ignore"):
        log_tails = np.log(np.maximum(tails, 0.0))
    log_factor = (
        log_scale - theta * cell
    )  # in logarithms: far below x it may be beyond float64, and a tail is at most 1
    p = np.exp(np.minimum(log_tails + log_factor, 0.0))
    return p, np.exp(np.minimum(math.log(error) + log_factor, 0.0))
