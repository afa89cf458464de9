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
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ...kernels.dispatch import get_backend
from .distribution import NullDistribution, tolerance_of

__all__ = [
    "STEEPEST",
    "TILT_BELOW",
    "Draws",
    "Part",
    "Whole",
    "counted_tail",
    "enclosed",
    "part_of",
    "sum_tail",
    "tail_index",
    "tilted_mass",
    "transform_error",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_HALF = 1 << 17  # values of one half of an enumerated sum
_STEPS = 1 << 21  # of counting the sums of three lists as they are
#: A tail below it is found again from tilted distributions.
TILT_BELOW = 1e-6
#: Greatest tilt per cell.
STEEPEST = 1.0


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


#: Parts, and how many independent draws there are of each.
Draws = list[tuple[Part, int]]


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


def sum_tail(parts: Draws, cells: int, x: npt.NDArray[np.floating], tail: str) -> tuple[Floats, Floats, Floats]:
    """Lower bound, upper bound and estimate of the tail of a sum of independent parts at each of `x`."""
    counted = counted_tail(parts, x, tail)
    if counted is not None:
        return counted, counted, counted
    whole = Whole.of(parts)
    index = tail_index(whole, cells, x)
    p, error = _convolved_tail(parts, index, 0.0)
    for i in np.flatnonzero(p[1] < TILT_BELOW):
        column, spread = _convolved_tail(parts, index[:, [i]], _tilt(parts, float(x[i]) * cells))
        p[:, i], error[:, i] = column[:, 0], spread[:, 0]
    return enclosed(whole, cells, x, tail, p, error)


def counted_tail(parts: Draws, x: npt.NDArray[np.floating], tail: str) -> Floats | None:
    """Return the exact tail of a sum of few placements at each of `x`, None where there are too many to count."""
    halves = _halves(parts)
    if halves is None:
        return None
    tolerance = tolerance_of(x)
    edge = x.astype(np.float64) * (1 - tolerance if tail == ">=" else 1 + tolerance)
    one, two, three = halves
    backend = get_backend()
    found = [backend.count_sums(one, two, three, each, tail == ">") for each in edge.tolist()]
    return np.array(found) / len(one) / len(two) / len(three)


class Whole(NamedTuple):
    """What is known of a sum of parts: see `Part`; numbers, or an array of them with a sum for each `x`."""

    low: float | Floats
    high: float | Floats
    shift: float | Floats
    log_placements: float | Floats

    @classmethod
    def of(cls, parts: Draws) -> Whole:
        """Add up the parts of one sum."""
        each = [
            (part.low * times, part.high * times, part.shift * times, math.log(part.n_placements) * times)
            for part, times in parts
        ]
        return cls(*map(sum, zip(*each, strict=True)))

    def middle(self, cells: int, x: npt.NDArray[np.floating]) -> Floats:
        """Return where the estimate of a tail is read off; half a cell, as a cell holds what is around its middle."""
        return (x.astype(np.float64) - self.shift) * cells + 0.5


def tail_index(whole: Whole, cells: int, x: npt.NDArray[np.floating]) -> Floats:
    """Return the cells C of the grid from which on a tail is summed, shape (4, len(x)).

    The first gives a lower bound, the second an upper bound, the others lie on either side of the estimate: T >= C +
    low, so C >= x - low implies T >= x; T <= C + high, so T >= x implies C >= x - high.
    """
    tolerance = tolerance_of(x)
    x = x.astype(np.float64)
    slack = 1e-6
    inner = np.ceil((x * (1 + tolerance) - whole.low) * cells + slack)
    outer = np.ceil((x * (1 - tolerance) - whole.high) * cells - slack)
    below = np.floor(whole.middle(cells, x))
    return np.stack([inner, outer, below, below + 1])


def enclosed(
    whole: Whole, cells: int, x: npt.NDArray[np.floating], tail: str, p: Floats, error: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return lower bound, upper bound and estimate from the tails at `tail_index`, which have an error."""
    tolerance = tolerance_of(x)
    x = x.astype(np.float64)
    lower = np.maximum(p[0] - error[0], 0.0)
    upper = np.minimum(p[1] + error[1], 1.0)
    middle = whole.middle(cells, x)
    part = middle - np.floor(middle)
    value = np.clip((1 - part) * p[2] + part * p[3], lower, upper)
    best = (x * (1 - tolerance) <= 1.0) & (x * (1 + tolerance) >= 1.0)  # the greatest value has one placement
    top = np.exp(-np.broadcast_to(whole.log_placements, x.shape)) if tail == ">=" else np.zeros(len(x))
    lower, upper, value = (np.where(best, top, bound) for bound in (lower, upper, value))
    return lower, upper, value


def transform_error(draws: int | Ints, size: int) -> Any:
    """Return a bound of the error of a tail from Fourier transforms of `size` values.

    The error of an FFT product of n values, each of a distribution with sum 1, is below about eps log2(n) in the
    Euclidean norm, thus below sqrt(n) eps log2(n) in a sum over them, and a convolution with a distribution does not
    enlarge it; four times that is taken for each draw.
    """
    return 4 * draws * math.sqrt(size) * math.log2(size + 1) * float(np.finfo(np.float64).eps)


def _halves(parts: Draws) -> tuple[Floats, Floats, Floats] | None:
    """Return lists, the last two sorted, whose sums are those of the parts; None if there are too many."""
    if any(part.values is None for part, _ in parts):
        return None
    sizes = [1, 1]
    draws = sorted((part.values for part, times in parts for _ in range(times) if part.values is not None), key=len)
    if math.prod(len(values) for values in draws) > _HALF**2:
        return None
    sides: tuple[list[Floats], list[Floats]] = ([], [])
    for values in reversed(draws):
        side = int(sizes[1] < sizes[0])
        sizes[side] *= len(values)
        if sizes[side] > _HALF:
            return None
        sides[side].append(values)
    zero = np.zeros(1)
    if len(draws) <= 3:
        padded = [zero] * (3 - len(draws)) + draws
        if len(padded[0]) * (len(padded[1]) + len(padded[2])) <= _STEPS:
            return padded[0], np.sort(padded[1]), np.sort(padded[2])
    first, second = (np.sort(reduce(_all_sums, side, zero)) for side in sides)
    return zero, first, second


def _all_sums(one: Floats, two: Floats) -> Floats:
    sums: Floats = np.add.outer(one, two).ravel()
    return sums


def _tilt(parts: Draws, cell: float) -> float:
    """The exponential tilt per cell that moves the mean of the sum near `cell`, at most `STEEPEST`."""
    from scipy.optimize import brentq

    coarse = 16  # any tilt is right and a near one does, so cells are taken together
    distributions = [
        (np.add.reduceat(part.mass, np.arange(0, len(part.mass), coarse)), np.arange(0, len(part.mass), coarse), times)
        for part, times in parts
    ]

    def excess(theta: float) -> float:
        total = -cell
        for mass, at, times in distributions:
            tilted, _ = tilted_mass(mass, at, theta)
            total += times * _dot(at, tilted) / float(tilted.sum())
        return total

    if excess(0.0) >= 0:
        return 0.0
    if excess(STEEPEST) <= 0:
        return STEEPEST
    return float(brentq(excess, 0.0, STEEPEST, rtol=1e-3))


def tilted_mass(mass: Floats, at: npt.NDArray[np.int64], theta: float) -> tuple[Floats, float]:
    """Mass * exp(theta * at), divided by its greatest value, and the logarithm of that value.

    In logarithms, since a distribution may lie so far below its last cell that the plain product is zero everywhere.
    """
    with np.errstate(divide="ignore"):
        weight = np.log(mass) + theta * at
    peak = float(weight.max())
    return np.exp(weight - peak), peak


def _convolved_tail(parts: Draws, index: Floats, theta: float) -> tuple[Floats, Floats]:
    """P(sum of cells >= index) by FFT of the distributions tilted by exp(theta * cell), and a bound of its error."""
    from scipy import fft

    distributions: list[tuple[int, int, Floats]] = []  # length, a tie breaker, distribution
    log_scale, draws = 0.0, 0
    for part, times in parts:
        at = np.arange(len(part.mass))
        tilted, peak = tilted_mass(part.mass, at, theta)
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
    error = transform_error(draws, n)
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
