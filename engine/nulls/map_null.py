"""P-values of a group's mean or median AP, under two assumptions about how its members depend on each other.

``shared``: members of one shape (P, L) share one random draw, different shapes are independent draws (the
rule of copairs, the cautious extreme). The mean AP is then sum_s (m_s / m) A_s. ``independent``: every member
draws for itself. Neither is the true joint distribution, since queries of one group share pairs.

A mean is the sum of independent weighted AP. The p-value of a few placements is exact and that of a few draws is
enclosed (`convolution`). Many draws of shapes with many placements have a smooth distribution, which is inverted from
its characteristic function with a measured error (`map_inversion`); a tail too small for that error is enclosed.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import numpy.typing as npt

from ...kernels.cores import usable_cores
from ...kernels.dispatch import get_backend
from ..choices import check_sampling, check_tail
from ..tables.groups import Groups
from .ap_null import NullDistribution, Shape, ap_p_values, distinct_shapes, map_distributions, method_of
from .convolution import Part, part_of
from .distribution import PValues, sampled_p_values, tolerance_of
from .map_inversion import Spectra, is_smooth
from .transforms import Sums, enclose_sums

__all__ = ["count_sampled", "group_p_values"]

Floats = npt.NDArray[np.float64]
#: ((shape, weight of one draw, number of independent draws), ...), the weights times the numbers adding up to
#: 1.
Composition = tuple[tuple[Shape, float, int], ...]

_SHARED_CELLS = 1 << 15
_MOST_CELLS = 1 << 20
_CLEAR = 1e4  # an inverted tail counts if it is so many times its error
_BLOCK = 1 << 24  # numbers drawn at a time


def group_p_values(
    statistic: Floats,
    members: Groups,
    n_pos: npt.NDArray[np.int64],
    n_total: npt.NDArray[np.int64],
    *,
    p_values: str = "exact",
    tail: str = ">=",
    null: str = "shared",
    aggregate: str = "mean",
    null_size: int = 1_000_000,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> PValues:
    """P-value of each group's mean or median AP under random ranking.

    Parameters
    ----------
    statistic : ndarray of float, shape (g,)
        Observed mean or median AP of each group. Of float32, values that agree to float32 precision are equal.
    members : Groups
        Rows of each of g groups, positions in `n_pos` and `n_total`.
    n_pos, n_total : ndarray of int64, shape (n,)
        P and L of each row, 1 <= P <= L.
    p_values : {"exact", "sampled"}
        Whether distributions are computed or sampled. The median of several independent draws has no computed
        distribution here and is always sampled.
    tail : {">=", ">"}
        Whether a value equal to the observed one counts.
    null : {"shared", "independent"}
        See the module.
    aggregate : {"mean", "median"}
        What `statistic` is.
    null_size, seed : int
        For samples, also of shapes too large to compute.
    progress : callable, optional
        Called with (groups done, groups in all).

    Returns
    -------
    PValues
        Arrays of shape (g,). For sampled groups the bounds are a confidence interval. A group with a member whose
        distribution is too large to compute is sampled as a whole: draws have no place in a computed distribution.
    """
    check_tail(tail)
    check_sampling(null_size, seed)
    single = members.is_constant(n_pos) & members.is_constant(n_total)
    if null == "independent":
        single &= members.sizes == 1
    found = PValues(*(np.full(len(statistic), np.nan) for _ in range(3)))

    def store(groups: npt.NDArray[np.int64], part: PValues) -> None:
        found.lower[groups], found.upper[groups], found.value[groups] = part.lower, part.upper, part.value

    alone = np.flatnonzero(single)
    if len(alone):
        first = members.rows[members.offsets[alone]]
        part = ap_p_values(
            statistic[alone], n_pos[first], n_total[first], tail=tail, method=p_values, null_size=null_size, seed=seed
        )
        store(alone, part)
    mixed = np.flatnonzero(~single)
    several = [members[g] for g in mixed.tolist()]
    counts = [Counter(zip(n_pos[mine].tolist(), n_total[mine].tolist(), strict=True)) for mine in several]
    computed = p_values == "exact" and aggregate == "mean"
    summed = np.array([computed and all(method_of(*shape) != "sampled" for shape in c) for c in counts], dtype=bool)
    done = len(alone)

    def tell(more: int) -> None:
        if progress is not None:
            progress(min(done + more, len(statistic)), len(statistic))

    tell(0)
    for solve, some in ((_summed, np.flatnonzero(summed)), (_sampled, np.flatnonzero(~summed))):
        if len(some):
            groups, theirs = mixed[some], [counts[i] for i in some]
            store(groups, solve(statistic[groups], theirs, tail, null, aggregate, null_size, seed, tell))
            done += len(some)
    tell(0)
    return found


def count_sampled(
    members: Groups,
    n_pos: npt.NDArray[np.int64],
    n_total: npt.NDArray[np.int64],
    null: str,
    aggregate: str,
) -> int:
    """Count the groups whose exact p-value would have to be sampled; arguments as in `group_p_values`.

    These are groups with a member whose own distribution is too large to compute, and medians of more than one draw.
    """
    shapes, which = distinct_shapes(n_pos, n_total)
    large = np.array([method_of(*shape) == "sampled" for shape in shapes])
    found = np.zeros(len(members), dtype=bool)
    if large.any():
        found |= np.logical_or.reduceat(large[which][members.rows], members.offsets[:-1])
    if aggregate == "median":
        found |= ~members.is_constant(which) | ((null != "shared") & (members.sizes > 1))
    return int(found.sum())


def _summed(
    statistic: Floats,
    counts: list[Counter[Shape]],
    tail: str,
    null: str,
    aggregate: str,
    null_size: int,
    seed: int,
    tell: Callable[[int], None],
) -> PValues:
    """Exact or enclosed p-values of mean AP."""
    groups: dict[Composition, list[int]] = {}
    for g, count in enumerate(counts):
        m = count.total()
        draws = [(shape, n / m, 1) if null == "shared" else (shape, 1 / m, n) for shape, n in sorted(count.items())]
        groups.setdefault(tuple(draws), []).append(g)
    found = PValues(*(np.full(len(statistic), np.nan) for _ in range(3)))
    spectra = Spectra(groups)

    def invert(composition: Composition) -> list[int]:
        """Fill in the groups whose tail is clear of the error of an inversion; return the others."""
        distribution, mine = spectra.tail(composition), groups[composition]
        if distribution is None:
            return mine
        tolerance, x = tolerance_of(statistic), statistic[mine].astype(np.float64)
        lower, upper, value = distribution.enclose(x * (1 - tolerance), x * (1 + tolerance))
        clear = (value >= _CLEAR * distribution.error) & (x < 1 - tolerance)
        some = np.array(mine)[clear]
        found.lower[some], found.upper[some], found.value[some] = lower[clear], upper[clear], value[clear]
        unclear: list[int] = np.array(mine)[~clear].tolist()
        return unclear

    with ThreadPoolExecutor(min(usable_cores(), 8)) as pool:
        smooth = spectra.spread(composition for composition in groups if is_smooth(composition))
        left = groups | dict(zip(smooth, pool.map(invert, smooth), strict=True))
        left = {composition: mine for composition, mine in left.items() if mine}
        grid = {composition: _cells(composition) for composition in left}
        wanted: dict[Shape, set[tuple[float, int]]] = {}
        for composition, cells in grid.items():
            for shape, weight, _ in composition:
                wanted.setdefault(shape, set()).add((weight, cells))

        def use(distribution: NullDistribution) -> dict[tuple[float, int], Part]:
            return {need: part_of(distribution, *need) for need in wanted[distribution.n_pos, distribution.n_total]}

        shared = map_distributions(wanted, use, null_size=null_size, seed=seed)
    on_grid: dict[int, list[Composition]] = {}
    for composition, cells in grid.items():
        on_grid.setdefault(cells, []).append(composition)
    done = len(statistic) - sum(map(len, left.values()))
    for cells, some in sorted(on_grid.items()):
        number = {name: i for i, name in enumerate(sorted({each[:2] for composition in some for each in composition}))}
        parts = [shared[shape][weight, cells] for shape, weight in number]
        drawn, at = [], []
        for composition in some:
            mine = left[composition]
            drawn += [tuple((number[shape, weight], times) for shape, weight, times in composition)] * len(mine)
            at += mine
        tails = enclose_sums(Sums(drawn, statistic[at]), parts, cells, tail, partial(_tell_more, tell, done))
        found.lower[at], found.upper[at], found.value[at] = tails
        done += len(at)
    return found


def _tell_more(tell: Callable[[int], None], done: int, more: int) -> None:
    tell(done + more)


def _cells(composition: Composition) -> int:
    """Cells of the grid: finer for more draws, since their rounding errors add up."""
    draws = sum(times for _, _, times in composition)
    return min(max(_SHARED_CELLS, 1 << math.ceil(math.log2(8192 * draws))), _MOST_CELLS)


def _sampled(
    statistic: Floats,
    counts: list[Counter[Shape]],
    tail: str,
    null: str,
    aggregate: str,
    null_size: int,
    seed: int,
    tell: Callable[[int], None],
) -> PValues:
    """P-values from random draws, block by block; a stream belongs to (seed, shape, which draw of it)."""
    backend = get_backend()
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
    keys = [(backend.stream_key(seed, *shape, j), shape) for shape, j in streams]
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
                draws[i, :size] = backend.sample_ap(key, first, size, *shape)

            def add(g: int, size: int = size) -> None:
                mine = draws[rows[g], :size]
                if aggregate == "median":
                    value = np.median(np.repeat(mine, times[g], axis=0), axis=0)
                else:
                    value = np.einsum("s,sn->n", times[g] / times[g].sum(), mine)  # no BLAS, whose threads show
                above[g] += np.count_nonzero(value >= edge[g] if tail == ">=" else value > edge[g])

            list(pool.map(draw, range(len(keys))))
            list(pool.map(add, range(len(rows))))
            tell(len(statistic) * (first + size) // null_size)
    return sampled_p_values(above, null_size)
