"""P-values of a group's mean or median AP, under two assumptions about how its members hang together.

``shared``: members of one shape (P, L) share one random draw, different shapes are independent draws (the
rule of copairs, the cautious extreme). The mean AP is then sum_s (m_s / m) A_s. ``independent``: every member
draws for itself. Neither is the true joint law, since queries of one group share pairs.

A mean is the sum of independent weighted AP. Where the placements are few, its law is enumerated (the parts
in two halves, met in the middle). Otherwise each part is rounded to one grid on [0, 1] and the parts are
convolved by FFT. The rounding errors add up to known bounds, so the p-value is enclosed. The FFT has an
absolute error, which would drown a small tail; a small tail is therefore convolved again with the laws tilted
towards it, which makes its error relative.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..kernels.cores import usable_cores
from .null_law import NullLaw, PValues, check_sampling, check_tail, sampled_p_values, tolerance_of
from .null_laws import Shape, ap_p_values, map_laws, method_of

__all__ = ["count_sampled", "group_p_values"]

Floats = npt.NDArray[np.float64]
#: ((shape, weight of one draw, number of independent draws), ...), the weights times the numbers adding up to
#: 1.
Composition = tuple[tuple[Shape, float, int], ...]

_SHARED_CELLS = 1 << 15
_MOST_CELLS = 1 << 20
_HALF = 1 << 17  # values of one half of an enumerated sum
_TILT_BELOW = 1e-6
_STEEPEST = 1.0  # tilt per cell
_BLOCK = 1 << 24  # numbers drawn at a time


@dataclass(frozen=True)
class _Part:
    """Law of one weighted AP: on the grid, and value by value where it is enumerated.

    With C the grid value, AP times weight lies in ``C + low .. C + high``, and is ``C + shift`` on average.
    """

    mass: Floats
    low: float
    high: float
    shift: float
    values: Floats | None
    n_placements: int


def group_p_values(
    statistic: Floats,
    members: Sequence[Sequence[int]],
    n_pos: npt.NDArray[np.int64],
    n_total: npt.NDArray[np.int64],
    *,
    p_values: str = "exact",
    tail: str = ">=",
    null: str = "shared",
    aggregate: str = "mean",
    null_size: int = 1_000_000,
    seed: int = 0,
) -> PValues:
    """P-value of each group's mean or median AP under random ranking.

    Parameters
    ----------
    statistic : ndarray of float, shape (g,)
        Observed mean or median AP of each group. Of float32, values that agree to float32 precision are equal.
    members : sequence of g sequences of int
        Rows of each group, positions in `n_pos` and `n_total`; none is empty.
    n_pos, n_total : ndarray of int64, shape (n,)
        P and L of each row, 1 <= P <= L.
    p_values : {"exact", "sampled"}
        Whether laws are computed or sampled. The median of several independent draws has no computed law here
        and is always sampled.
    tail : {">=", ">"}
        Whether a value equal to the observed one counts.
    null : {"shared", "independent"}
        See the module.
    aggregate : {"mean", "median"}
        What `statistic` is.
    null_size, seed : int
        For samples, also of shapes too large to compute.

    Returns
    -------
    PValues
        Arrays of shape (g,). For sampled groups the bounds are a confidence interval. For a computed mean
        that holds shapes too large to compute, they leave out the sampling error of those.
    """
    check_tail(tail)
    check_sampling(null_size, seed)
    shapes = list(zip(n_pos.tolist(), n_total.tolist(), strict=True))
    counts = [Counter(shapes[row] for row in rows) for rows in members]
    single = np.array([len(c) == 1 and (null == "shared" or c.total() == 1) for c in counts], dtype=bool)
    found = PValues(*(np.full(len(statistic), np.nan) for _ in range(3)))

    def store(groups: npt.NDArray[np.int64], part: PValues) -> None:
        found.lower[groups], found.upper[groups], found.value[groups] = part.lower, part.upper, part.value

    alone = np.flatnonzero(single)
    if len(alone):
        P, L = np.array([next(iter(counts[g])) for g in alone]).T
        part = ap_p_values(statistic[alone], P, L, tail=tail, method=p_values, null_size=null_size, seed=seed)
        store(alone, part)
    mixed = np.flatnonzero(~single)
    if len(mixed):
        some = [counts[g] for g in mixed]
        solve = _summed if p_values == "exact" and aggregate == "mean" else _sampled
        store(mixed, solve(statistic[mixed], some, tail, null, aggregate, null_size, seed))
    return found


def count_sampled(
    members: Sequence[Sequence[int]],
    n_pos: npt.NDArray[np.int64],
    n_total: npt.NDArray[np.int64],
    null: str,
    aggregate: str,
) -> int:
    """Count the groups whose exact p-value would have to be sampled; arguments as in `group_p_values`.

    These are groups with a member whose own law is too large to compute, and medians of more than one draw.
    """
    shapes = list(zip(n_pos.tolist(), n_total.tolist(), strict=True))
    large = {shape for shape in set(shapes) if method_of(*shape) == "sampled"}
    found = 0
    for rows in members:
        mine = {shapes[row] for row in rows}
        one_draw = len(mine) == 1 and (null == "shared" or len(rows) == 1)
        found += bool(mine & large) or (aggregate == "median" and not one_draw)
    return found


def _summed(
    statistic: Floats,
    counts: list[Counter[Shape]],
    tail: str,
    null: str,
    aggregate: str,
    null_size: int,
    seed: int,
) -> PValues:
    """Exact or enclosed p-values of mean AP."""
    groups: dict[Composition, list[int]] = {}
    for g, count in enumerate(counts):
        m = count.total()
        draws = [(shape, n / m, 1) if null == "shared" else (shape, 1 / m, n) for shape, n in sorted(count.items())]
        groups.setdefault(tuple(draws), []).append(g)
    wanted: dict[Shape, set[tuple[float, int]]] = {}
    for composition in groups:
        for shape, weight, _ in composition:
            wanted.setdefault(shape, set()).add((weight, _cells(composition)))

    def use(law: NullLaw) -> dict[tuple[float, int], _Part]:
        return {need: _part(law, *need) for need in wanted[law.n_pos, law.n_total]}

    parts = map_laws(wanted, use, null_size=null_size, seed=seed)
    found = PValues(*(np.full(len(statistic), np.nan) for _ in range(3)))

    def solve(composition: Composition) -> None:
        cells, mine = _cells(composition), groups[composition]
        some = [(parts[shape][weight, cells], times) for shape, weight, times in composition]
        lower, upper, value = _sum_tail(some, cells, statistic[mine], tail)
        found.lower[mine], found.upper[mine], found.value[mine] = lower, upper, value

    with ThreadPoolExecutor(min(usable_cores(), 8)) as pool:
        list(pool.map(solve, groups))
    return found


def _cells(composition: Composition) -> int:
    """Cells of the grid: finer for more draws, since their rounding errors add up."""
    draws = sum(times for _, _, times in composition)
    return min(max(_SHARED_CELLS, 1 << math.ceil(math.log2(4096 * draws))), _MOST_CELLS)


def _part(law: NullLaw, weight: float, cells: int) -> _Part:
    """Round the law of `weight` times AP to multiples of 1 / `cells`."""
    half = 0.5 / cells
    size = math.floor(weight * cells + 0.5) + 1
    if law.tail is not None:
        unit = weight / law.n_pos  # worth of one of S = P AP
        survival, least, greatest = law.tail.rounded((np.arange(size + 1) - 0.5) / cells / unit)
        mass = np.maximum(survival[:-1] - survival[1:], 0.0)
        low, high = -greatest * unit - half, -least * unit + half
        values, mean = None, weight * law.mean
    else:
        values = weight * (law.values if law.values.size else 1 / np.arange(law.n_total, 0, -1))
        mass = np.bincount(np.rint(values * cells).astype(np.int64), minlength=size) / len(values)
        low, high, mean = -half, half, float(values.mean())
        values = values if law.method == "enumeration" and len(values) <= _HALF else None
    shift = mean - float(mass @ np.arange(len(mass))) / cells
    return _Part(mass, low, high, shift, values, law.n_placements)


def _sum_tail(parts: list[tuple[_Part, int]], cells: int, x: Floats, tail: str) -> tuple[Floats, Floats, Floats]:
    """Lower bound, upper bound and estimate of the tail of a sum of independent parts at each of `x`."""
    tolerance = tolerance_of(x)
    x = x.astype(np.float64)
    low, high = x * (1 - tolerance), x * (1 + tolerance)
    halves = _halves(parts)
    if halves is not None:
        p = _met_tail(*halves, low if tail == ">=" else high, tail)
        return p, p, p
    draws = sum(times for _, times in parts)
    least = sum(part.low * times for part, times in parts)
    most = sum(part.high * times for part, times in parts)
    shift = sum(part.shift * times for part, times in parts)
    # T >= C + least, so C >= x - least implies T >= x; T <= C + most, so T >= x implies C >= x - most.
    slack = 1e-6
    index = np.stack([np.ceil((high - least) * cells + slack), np.ceil((low - most) * cells - slack)])
    middle = (x - shift) * cells + 0.5  # half a cell, as a cell holds what lies around its middle
    index = np.concatenate([index, np.floor(middle)[None], np.floor(middle)[None] + 1])

    size = cells + draws + 2  # the weights add up to 1, so the sum fits without wrapping round
    p, error = _convolved_tail(parts, size, index, 0.0)
    for i in np.flatnonzero(p[1] < _TILT_BELOW):
        column, spread = _convolved_tail(parts, size, index[:, [i]], _tilt(parts, x[i] * cells))
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


def _halves(parts: list[tuple[_Part, int]]) -> tuple[Floats, Floats] | None:
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


def _tilt(parts: list[tuple[_Part, int]], cell: float) -> float:
    """The exponential tilt per cell that moves the mean of the sum near `cell`, at most `_STEEPEST`."""
    from scipy.optimize import brentq

    coarse = 16  # any tilt is right and a near one does, so cells are taken together
    laws = [
        (np.add.reduceat(part.mass, np.arange(0, len(part.mass), coarse)), np.arange(0, len(part.mass), coarse), times)
        for part, times in parts
    ]

    def excess(theta: float) -> float:
        total = -cell
        for mass, at, times in laws:
            tilted, _ = _tilted(mass, at, theta)
            total += times * float(at @ tilted) / float(tilted.sum())
        return total

    if excess(0.0) >= 0:
        return 0.0
    if excess(_STEEPEST) <= 0:
        return _STEEPEST
    return float(brentq(excess, 0.0, _STEEPEST, rtol=1e-3))


def _tilted(mass: Floats, at: npt.NDArray[np.int64], theta: float) -> tuple[Floats, float]:
    """Mass * exp(theta * at), divided by its greatest value, and the logarithm of that value.

    In logarithms, since a law may lie so far below its last cell that the plain product is zero everywhere.
    """
    with np.errstate(divide="ignore"):
        weight = np.log(mass) + theta * at
    peak = float(weight.max())
    return np.exp(weight - peak), peak


def _convolved_tail(parts: list[tuple[_Part, int]], size: int, index: Floats, theta: float) -> tuple[Floats, Floats]:
    """P(sum of cells >= index) by FFT of the laws tilted by exp(theta * cell), and a bound of its error.

    The error of an FFT product of n values, each of a law with sum 1, is below about eps log2(n) in the
    Euclidean norm, thus below sqrt(n) eps log2(n) in a sum over them; four times that is taken for each draw.
    """
    from scipy import fft

    n = fft.next_fast_len(size, real=True)
    spectrum = np.ones(n // 2 + 1, np.complex128)
    log_scale, draws = 0.0, 0
    for part, times in parts:
        at = np.arange(len(part.mass))
        tilted, peak = _tilted(part.mass, at, theta)
        scale = tilted.sum()
        spectrum *= fft.rfft(tilted / scale, n) ** times
        log_scale += times * (math.log(scale) + peak)
        draws += times
    law = fft.irfft(spectrum, n)
    error = 4 * draws * math.sqrt(n) * math.log2(n) * np.finfo(np.float64).eps
    cell = np.clip(index, 0, n)
    if theta == 0.0:
        survival = np.append(np.cumsum(law[::-1])[::-1], 0.0)
        return np.clip(survival[cell.astype(np.int64)], 0.0, 1.0), np.full(index.shape, error)
    decay = np.exp(-theta * np.arange(n))
    tails = np.array([law[int(j) :] @ decay[: n - int(j)] for j in cell.ravel()]).reshape(cell.shape)
    with np.errstate(divide="ignore"):
        log_tails = np.log(np.maximum(tails, 0.0))
    log_factor = (
        log_scale - theta * cell
    )  # in logarithms: far below x it may be beyond float64, and a tail is at most 1
    p = np.exp(np.minimum(log_tails + log_factor, 0.0))
    return p, np.exp(np.minimum(math.log(error) + log_factor, 0.0))


def _sampled(
    statistic: Floats,
    counts: list[Counter[Shape]],
    tail: str,
    null: str,
    aggregate: str,
    null_size: int,
    seed: int,
) -> PValues:
    """P-values from random draws, block by block; a stream belongs to (seed, shape, which draw of it)."""
    from ..kernels.cpu.null import sample_ap, stream_key

    streams: dict[tuple[Shape, int], int] = {}
    rows, times = [], []
    for count in counts:
        mine = {
            (shape, j): (1 if null == "independent" else n)
            for shape, n in sorted(count.items())
            for j in range(n if null == "independent" else 1)
        }
        rows.append([streams.setdefault(stream, len(streams)) for stream in mine])
        times.append(np.array(list(mine.values())))
    keys = [(stream_key(seed, *shape, j), shape) for shape, j in streams]
    tolerance = tolerance_of(statistic)
    edge = statistic.astype(np.float64) * (1 - tolerance if tail == ">=" else 1 + tolerance)
    above = np.zeros(len(statistic), np.int64)
    largest = max(len(keys), *(int(n.sum()) for n in times))
    step = max(min(_BLOCK // largest, null_size), 1)
    draws = np.empty((len(keys), step))
    with ThreadPoolExecutor(min(usable_cores(), 8)) as pool:
        for first in range(0, null_size, step):
            size = min(step, null_size - first)

            def draw(i: int, first: int = first, size: int = size) -> None:
                key, shape = keys[i]
                draws[i, :size] = sample_ap(key, first, size, *shape)

            def add(g: int, size: int = size) -> None:
                mine = draws[rows[g], :size]
                if aggregate == "median":
                    value = np.median(np.repeat(mine, times[g], axis=0), axis=0)
                else:
                    value = (times[g] / times[g].sum()) @ mine
                above[g] += np.count_nonzero(value >= edge[g] if tail == ">=" else value > edge[g])

            list(pool.map(draw, range(len(keys))))
            list(pool.map(add, range(len(rows))))
    return sampled_p_values(above, null_size)
