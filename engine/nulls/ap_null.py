"""P-values of average precision (AP) under random ranking, computed instead of sampled.

A shape is (P, L): P positives among L ranked items, every placement equally likely. Each shape has one
method, chosen from the shape alone (`method`), so a p-value never depends on which other shapes are asked for,
nor on what ran before:

- ``enumeration``: all C(L, P) placements, where they are few; P == 1 for any L. The p-value is exact.
- ``bracket``: the distribution of AP x P with every term rounded to a fine grid, from one sweep over ranks that serves
  all shapes at once (`bracket`), or in two parts for few positives in a long list (`split_bracket`). The p-value
  is enclosed from both sides, which is proven; and a tail of few placements is counted, which makes it exact.
- ``inversion``: the characteristic function, exact at each frequency, inverted (`inversion`); for many
  positives and negatives. The error is measured: about 1e-12, absolute.
- ``scaled``: a grid for each octave of AP and ranks in blocks, for some positives in a long list (`scaled`). The error
is
  measured: some 1e-4 of a p-value, more far out; the bounds say how much.
- ``sampled``: seeded random placements, where all of these would cost too much. The bounds are then a confidence
  interval.
"""

from __future__ import annotations

import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ...kernels.codes import compact
from ...kernels.cores import run_jobs, usable_cores
from ...kernels.dispatch import get_backend
from ..choices import check_sampling, check_tail
from ..errors import InputError, SampledNullWarning, examples
from ..tables.groups import Groups
from .bracket import sweep
from .distribution import NullDistribution, PValues, Tail, expected_sampled, tolerance_of
from .inversion import inverted_tails
from .method import Plan, method_of, plan_of
from .scaled import scaled_sweep
from .split_bracket import split_sweep

__all__ = [
    "NullDistribution",
    "PValues",
    "ap_p_values",
    "average_precision_null",
    "count_methods",
    "distinct_shapes",
    "expected_sampled",
    "map_distributions",
    "method_of",
    "refuse_impossible",
    "sampling_hint",
]

Floats = npt.NDArray[np.float64]
Shape = tuple[int, int]
T = TypeVar("T")

_POSITIVES_PER_BLOCK = 1 << 22  # of all draws of a block
_SECONDS_A_POSITIVE = 2e-8  # of a draw, on one core
_CACHE_BYTES = 256 << 20
_LONGEST_LIST = 2_000_000_000  # items; a draw marks each that is taken


def count_methods(n_pos: npt.NDArray[np.integer], n_total: npt.NDArray[np.integer]) -> dict[str, int]:
    """Count the queries whose distribution is found by each method.

    Parameters
    ----------
    n_pos, n_total : ndarray of int
        P and L of each query; those without positives do not count.

    Returns
    -------
    dict
        Method (see `method_of`) to number of queries.
    """
    shapes, which = distinct_shapes(n_pos[n_pos > 0], n_total[n_pos > 0])
    found: dict[str, int] = {}
    for shape, count in zip(shapes, np.bincount(which, minlength=len(shapes)).tolist(), strict=True):
        found[method_of(*shape)] = found.get(method_of(*shape), 0) + count
    return found


class _Cache:
    """The distributions used last, up to a number of bytes. Each is a function of its key, so history cannot show."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._distributions: OrderedDict[tuple[int, ...], NullDistribution] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[int, ...]) -> NullDistribution | None:
        with self._lock:
            if key in self._distributions:
                self._distributions.move_to_end(key)
            return self._distributions.get(key)

    def put(self, key: tuple[int, ...], distribution: NullDistribution) -> None:
        with self._lock:
            if key not in self._distributions:
                self._distributions[key] = distribution
                self._bytes += distribution.nbytes + 1024
            while self._bytes > self._most_bytes:
                self._bytes -= self._distributions.popitem(last=False)[1].nbytes + 1024


_CACHE = _Cache(_CACHE_BYTES)


def map_distributions(
    shapes: Iterable[Shape],
    use: Callable[[NullDistribution], T],
    *,
    method: str = "exact",
    null_size: int = 1_000_000,
    seed: int = 0,
) -> dict[Shape, T]:
    """Call a function with the distribution of each distinct shape; the distributions themselves are not all kept.

    Parameters
    ----------
    shapes : iterable of (int, int)
        (P, L) with 1 <= P <= L.
    use : callable
        Called once a shape, on a thread; what it returns is the result. It must not change the distribution.
    method : {"exact", "sampled"}
        Whether every shape is sampled.
    null_size, seed : int
        Samples of each sampled shape, and the seed they come from.

    Returns
    -------
    dict
        Shape -> what `use` returned.
    """
    result: dict[Shape, T] = {}
    drawn: list[Shape] = []
    scaled: list[Shape] = []
    inverted: list[Shape] = []
    missing: dict[tuple[int, int, int], list[Shape]] = {}  # what shapes of one sweep share -> the shapes
    for shape in sorted(set(shapes)):
        plan = Plan("sampled") if method == "sampled" else plan_of(*shape)
        known = _CACHE.get(_key(shape, plan.method, null_size, seed))
        if known is not None:
            result[shape] = use(known)
        elif plan.method == "sampled":
            drawn.append(shape)
        elif plan.method == "scaled":
            scaled.append(shape)
        elif plan.method == "inversion":
            inverted.append(shape)
        else:
            missing.setdefault(_shared(shape, plan), []).append(shape)

    def finish(distribution: NullDistribution) -> tuple[Shape, T]:
        _CACHE.put(_key((distribution.n_pos, distribution.n_total), distribution.method, null_size, seed), distribution)
        return (distribution.n_pos, distribution.n_total), use(distribution)

    def solve(mine: list[Shape]) -> list[tuple[Shape, T]]:
        plan = plan_of(*mine[0])
        if plan.method == "bracket":
            tails: Iterable[tuple[Shape, Tail]]
            if plan.grid is None:
                tails = sweep(mine, plan.cells, plan.largest)
            else:
                grids = [grid for grid in (plan_of(*shape).grid for shape in mine) if grid is not None]
                tails = split_sweep(mine, plan.grid.head, plan.grid.cells, [grid.finer for grid in grids])
            return [finish(NullDistribution(*shape, "bracket", np.empty(0), tail)) for shape, tail in tails]
        return [finish(_enumerated(mine[0]))]

    longest_first = [missing[key] for key in sorted(missing, reverse=True)]
    for part in run_jobs([(1, partial(solve, mine)) for mine in longest_first], min(usable_cores(), 8)):
        result.update(part)
    # not jobs: threads share out their octaves and frequencies
    for how, found in (("scaled", scaled_sweep(scaled)), ("inversion", inverted_tails(inverted))):
        result.update(finish(NullDistribution(*shape, how, np.empty(0), tail)) for shape, tail in found)
    result.update(finish(_sampled(shape, null_size, seed)) for shape in drawn)
    return result


def _shared(shape: Shape, plan: Plan) -> tuple[int, int, int]:
    """What shapes that are found together have in common; the longest sweeps have the greatest keys."""
    if plan.method != "bracket":
        return (-1, *shape)
    return (plan.largest, plan.cells, 0) if plan.grid is None else (0, plan.grid.cells, plan.grid.head)


def _key(shape: Shape, how: str, null_size: int, seed: int) -> tuple[int, ...]:
    return (*shape, int(null_size), int(seed)) if how == "sampled" else shape


def _enumerated(shape: Shape) -> NullDistribution:
    backend = get_backend()
    n_pos, n_total = shape
    if n_pos == n_total:
        values = np.ones(1)
    elif n_pos == 1:
        values = np.empty(0)
    elif n_pos == n_total - 1:  # the negative at rank q: q - 1 full terms, then k / (k + 1) for k = q .. P
        lost = np.append(0.0, np.cumsum(1 / np.arange(n_total, 1, -1)))
        values = (n_pos - lost[::-1]) / n_pos
    else:
        values = np.sort(backend.enumerate_ap(n_pos, n_total))
    return NullDistribution(n_pos, n_total, "enumeration", values)


def _sampled(shape: Shape, null_size: int, seed: int) -> NullDistribution:
    backend = get_backend()
    key = backend.stream_key(seed, *shape, 0)
    size = min(max(_POSITIVES_PER_BLOCK // shape[0], 1), null_size)
    blocks = [
        (1, partial(backend.sample_ap, key, i, min(size, null_size - i), *shape)) for i in range(0, null_size, size)
    ]
    return NullDistribution(*shape, "sampled", np.sort(np.concatenate(run_jobs(blocks))))


def sampling_hint(shapes: Iterable[Shape], null_size: int) -> str:
    """Return in words how long it takes to draw so many samples of each sampled shape, where that is minutes."""
    positives = sum(n_pos for n_pos, n_total in shapes if method_of(n_pos, n_total) == "sampled")
    minutes = positives * null_size * _SECONDS_A_POSITIVE / usable_cores() / 60
    return f"; drawing takes about {minutes:,.0f} minutes, a smaller null_size less" if minutes >= 1 else ""


def average_precision_null(n_pos: int, n_total: int, *, null_size: int = 1_000_000, seed: int = 0) -> NullDistribution:
    """Null distribution of the AP of `n_pos` positives among `n_total` items under random ranking.

    Parameters
    ----------
    n_pos, n_total : int
        P and L, 1 <= P <= L.
    null_size, seed : int
        For a shape too large to compute: how many samples, and their seed.

    Returns
    -------
    NullDistribution
        Its `method` says how it was found.

    Raises
    ------
    InputError
        The shape cannot be.

    Warns
    -----
    SampledNullWarning
        The distribution is too large to compute and was sampled.

    Examples
    --------
    >>> import fastbench as fb
    >>> null = fb.average_precision_null(n_pos=2, n_total=6)
    >>> round(null.mean, 4)
    0.5267
    >>> lower, upper = null.p_value(1.0)  # one of 15 placements
    >>> round(float(upper), 4)
    0.0667
    """
    check_sampling(null_size, seed)
    for name, number in (("n_pos", n_pos), ("n_total", n_total)):
        if isinstance(number, bool) or not isinstance(number, (int, float, np.number)):
            raise InputError(f"{name} must be a whole number, but it is {number!r}.")
    refuse_impossible(np.array([n_pos]), np.array([n_total]))
    shape = int(n_pos), int(n_total)
    if method_of(*shape) == "sampled":
        warnings.warn(
            f"The distribution of {n_pos} positives among {n_total} items is too large to compute and is sampled "
            f"({null_size:,} draws, seed {seed}): its p-values are not exact{sampling_hint([shape], null_size)}.",
            SampledNullWarning,
            stacklevel=2,
        )
    return map_distributions([shape], lambda distribution: distribution, null_size=null_size, seed=seed)[shape]


def distinct_shapes(
    n_pos: npt.NDArray[np.generic], n_total: npt.NDArray[np.generic]
) -> tuple[list[Shape], npt.NDArray[np.int64]]:
    """Return the distinct shapes of rows, and the number of its shape for each row; whole numbers, 1 <= P <= L."""
    P, L = n_pos.astype(np.int64), n_total.astype(np.int64)
    base = int(L.max(initial=0)) + 1  # lists are short enough for a shape to be one number, see `_LONGEST_LIST`
    number = P * base + L
    which = compact(number)
    found = np.empty(int(which.max(initial=-1)) + 1, np.int64)
    found[which] = number
    return [divmod(shape, base) for shape in found.tolist()], which


def refuse_impossible(n_pos: npt.NDArray[np.generic], n_total: npt.NDArray[np.generic]) -> None:
    """Raise `InputError` for numbers of positives and items that cannot be."""
    P, L = n_pos.astype(np.float64), n_total.astype(np.float64)
    long = ~(L <= _LONGEST_LIST)
    if long.any():
        raise InputError(
            f"Lists of more than {_LONGEST_LIST:,} items have no null distribution here, but found {L[long][0]:g}."
        )
    bad = ~((P >= 1) & (P <= L) & (np.floor(P) == P) & (np.floor(L) == L))
    if bad.any():
        pairs = dict.fromkeys(zip(P[bad].tolist(), L[bad].tolist(), strict=True))
        shown = " and ".join(f"P = {p:g}, L = {n:g}" for p, n in list(pairs)[:3])
        raise InputError(
            f"P positive of L pairs must be whole numbers, 1 <= P <= L, but there are {shown} ({bad.sum()} in all)."
        )


def ap_p_values(
    ap: npt.ArrayLike,
    n_pos: npt.ArrayLike,
    n_total: npt.ArrayLike,
    *,
    tail: str = ">=",
    method: str = "exact",
    null_size: int = 1_000_000,
    seed: int = 0,
) -> PValues:
    """P-value of each AP under random ranking.

    Parameters
    ----------
    ap : array_like of float, shape (n,)
        Observed AP. Of float32, values that agree to float32 precision are equal.
    n_pos, n_total : array_like of int, shape (n,)
        Positives P and all items L behind each.
    tail : {">=", ">"}
        P(AP >= ap), the usual p-value, or P(AP > ap), which is 0 at the greatest AP.
    method : {"exact", "sampled", "copairs"}
        ``exact``: see the module. ``sampled``: random placements, (1 + #) / (1 + N). ``copairs``: the numbers
        of copairs 0.5.5 for the same seed (its tail for profiles is ``>=``).
    null_size, seed : int
        For samples, also of shapes too large for ``exact``.

    Returns
    -------
    PValues
        Arrays of shape (n,); NaN where `ap` is NaN or `n_pos` is 0. They do not depend on the other rows.

    Raises
    ------
    InputError
        Impossible counts, an AP outside [0, 1], an unknown tail or method.
    """
    check_tail(tail)
    check_sampling(null_size, seed)
    given = np.asarray(ap)
    observed = np.asarray(given, np.float64)
    P, L = np.asarray(n_pos), np.asarray(n_total)
    if not observed.ndim == P.ndim == L.ndim == 1 or not len(observed) == len(P) == len(L):
        raise InputError(
            "ap, n_pos and n_total must be lists of one length, but have the shapes "
            f"{observed.shape}, {P.shape}, {L.shape}."
        )
    outside = ~np.isnan(observed) & ~((observed >= 0) & (observed <= 1 + 1e-6))
    if outside.any():
        raise InputError(f"Average precision lies between 0 and 1, but found {examples(observed[outside].tolist())}.")
    rows = np.flatnonzero(~np.isnan(observed) & (P > 0))
    found = PValues(*(np.full(len(observed), np.nan) for _ in range(3)))
    if method == "copairs":
        from .copairs import profile_p_values

        if tail != ">=":
            raise InputError("copairs counts ties in the p-values of profiles; use tail='>=' with it.")
        for array in (found.lower, found.upper, found.value):
            array[rows] = profile_p_values(observed[rows], P[rows], L[rows], null_size, seed)
        return found
    if method not in ("exact", "sampled"):
        raise InputError(f"method must be 'exact', 'sampled' or 'copairs', but it is {method!r}.")
    refuse_impossible(P[rows], L[rows])
    shapes, which = distinct_shapes(P[rows], L[rows])
    members = dict(zip(shapes, (rows[mine] for mine in Groups.numbered(which)), strict=True))
    tolerance = tolerance_of(given)

    def use(distribution: NullDistribution) -> PValues:
        return distribution.evaluate(observed[members[distribution.n_pos, distribution.n_total]], tail, tolerance)

    for shape, part in map_distributions(members, use, method=method, null_size=null_size, seed=seed).items():
        found.lower[members[shape]] = part.lower
        found.upper[members[shape]] = part.upper
        found.value[members[shape]] = part.value
    return found
