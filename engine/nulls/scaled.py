"""The tail of S = P AP for some positives in a long list, in octaves of S.

A distribution of few positives in a long list is steep near 0 and reaches up to P. Each octave of S has a grid of its
own (`kernels.reference.null_scaled`), so all thresholds are resolved alike, and ranks are passed in blocks, so that
long lists cost little. One sweep of an octave serves every shape: it depends on neither P nor L.

The error is measured, by an argument whose premise is measured too. Each octave is swept three times, each sweep with
cells and blocks twice as wide as the one before. What is left out is of second order in both, so a sweep is off by
about a third of its difference from the next wider one; that third is added.

- The greatest difference around a threshold falls by some factor r from the wider pair of sweeps to the finer one, 1/4
  for an error of second order. As long as halving goes on to make it fall by r, all that would still change is a
  geometric series, r / (1 - r) of the last difference. That, and the third that was added, is stated, with r taken for
  3/5 at least where it is below.
- Where the difference hardly falls (r above 3/4), the distribution jumps within a few cells, and no order of the error
  is seen. There it is a displacement. Rounding to two cells in proportion adds a martingale to S: each positive moves
  it on by less than a cell, by 0 on average whatever came before, so that it ends more than d cells off with a
  probability below 2 exp(-2 d^2 / P) (Hoeffding). Blocks of several ranks begin beyond rank 128, where taking a sum for
  its mean moves S by less than that. The fall of the tail within d = 3 sqrt(P) cells on either side is stated.

Against sweeps with four times as many cells and blocks (11 shapes from 9 of 400 to 64 of 60,000, tails down to 1e-10),
errors were at most two fifths of those that are stated, mostly a fifth.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...kernels.cores import run_jobs, usable_cores
from ...kernels.dispatch import get_backend

__all__ = ["ScaledTail", "scaled_sweep"]

Floats = npt.NDArray[np.float64]

_CELLS = 2_048  # of an octave and all below it
_SWEEPS = 3
_RATIO = 64  # a block has about one rank in so many of those before it
_SURE = 1e-11  # probability of more positives in a block, which count as if they were not more
_AROUND = 257  # cells around a threshold whose errors count: where the distribution jumps, an error changes its sign
_ADDED = 1 / 3  # of the difference of the two finest sweeps
_RATIO_STATED, _JUMPS = 0.6, 0.75  # least ratio r for which an error is stated, and the one beyond which it is not seen
_DISPLACED = 3.0  # times the square root of P: cells
_LEAST_ERROR = 1e-5  # of the value
_CHANCE = 1e-12  # tails beyond it are left out where a rounding error is stated


class _Blocks(NamedTuple):
    """Blocks of ranks: first and last, and what `advance_scaled` takes."""

    bounds: list[int]
    weights: Floats
    means: Floats


@dataclass(frozen=True)
class ScaledTail:
    """Tail of S = P AP by octaves.

    Attributes
    ----------
    lowest : int
        The first octave: S up to ``2 ** lowest``.
    values, errors : ndarray of float64, shape (octaves, cells + 1)
        P(S >= v / cells of the octave) at the middle between two cells, and its measured error.
    """

    lowest: int
    values: Floats
    errors: Floats

    @classmethod
    def of(cls, n_pos: int, lowest: int, sweeps: Sequence[Floats]) -> ScaledTail:
        """Put three sweeps of P positives together, the finest first, of (octaves, cells + 1), each half the last."""
        from scipy.ndimage import maximum_filter1d, minimum_filter1d

        fine = sweeps[0]
        wide, widest = (_at_finer(sweep, fine.shape[1]) for sweep in sweeps[1:])
        last, first = (
            maximum_filter1d(np.abs(difference), _AROUND, axis=1, mode="nearest")
            for difference in (fine - wide, wide - widest)
        )
        values = np.clip(fine + _ADDED * (fine - wide), fine / 2, 1.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(last > 0, np.maximum(last / first, _RATIO_STATED), _RATIO_STATED)
        seen = ratio <= _JUMPS
        ratio = np.where(seen, ratio, _JUMPS)
        errors = last * (ratio / (1 - ratio) + _ADDED)
        reach = 2 * math.ceil(_DISPLACED * math.sqrt(n_pos)) + 1
        most, least = (each(values, reach, axis=1, mode="nearest") for each in (maximum_filter1d, minimum_filter1d))
        errors = np.where(seen, errors, np.maximum(errors, np.maximum(most - values, values - least)))
        return cls(lowest, values, errors + values * _LEAST_ERROR)

    @property
    def nbytes(self) -> int:
        """Bytes it holds."""
        return self.values.nbytes + self.errors.nbytes

    def _at(self, s: Floats) -> tuple[Floats, Floats]:
        """P(S >= s) and its error."""
        with np.errstate(divide="ignore"):
            octave = np.ceil(np.log2(np.maximum(s, 1e-300))).astype(np.int64)
        octave = np.clip(octave - self.lowest, 0, len(self.values) - 1)
        cells = self.values.shape[1] - 1
        # half a cell, as whole cells hold what lies around their middle
        at = np.clip(s * cells / 2.0 ** (octave + self.lowest) + 0.5, 0, cells)
        below = np.minimum(np.floor(at).astype(np.int64), cells - 1)
        part = at - below
        value = (1 - part) * self.values[octave, below] + part * self.values[octave, below + 1]
        error = np.maximum(self.errors[octave, below], self.errors[octave, below + 1])
        return np.where(s <= 0, 1.0, value), np.where(s <= 0, 0.0, error)

    def enclose(self, low: Floats, high: Floats) -> tuple[Floats, Floats, Floats]:
        """Bounds of the tail at `low` .. `high` by the measured error, and its value."""
        value, error = self._at((low + high) / 2)
        return np.maximum(value - error, 0.0), np.minimum(value + error, 1.0), value

    def rounded(self, edges: Floats) -> tuple[Floats, float, float]:
        """P(S >= edge) for edges in units of S, and the measured error as one of S."""
        value, error = self._at(edges)
        value = np.minimum.accumulate(value)
        fall = np.append(value[:-1] - value[1:], 0.0)
        clear = (value > _CHANCE) & (value < 1 - 1e-6) & (fall > 0)
        width = np.diff(edges, append=edges[-1])
        shift = float((error * width / np.maximum(fall, 1e-300))[clear].max(initial=0.0))
        return value, -shift, shift


def _at_finer(sweep: Floats, size: int) -> Floats:
    """Interpolate a sweep at the cells of a finer one of (octaves, size)."""
    # cell v of either begins half a cell before v
    cells = sweep.shape[1] - 1
    at = np.clip((np.arange(size) - 0.5) * cells / (size - 1) + 0.5, 0, cells)
    below = np.minimum(at.astype(np.int64), cells - 1)
    found: Floats = (1 - (at - below)) * sweep[:, below] + (at - below) * sweep[:, below + 1]
    found[:, 0] = 1.0
    return found


def scaled_sweep(shapes: list[tuple[int, int]]) -> Iterator[tuple[tuple[int, int], ScaledTail]]:
    """Tails of shapes, from three sweeps an octave.

    Parameters
    ----------
    shapes : list of (int, int)
        (P, L).

    Yields
    ------
    shape, tail
        Each tail depends on its shape alone.
    """
    if not shapes:
        return
    largest = max(n_pos for n_pos, _ in shapes)
    first = {shape: _lowest(*shape) for shape in shapes}
    top = {shape: math.ceil(math.log2(shape[0])) for shape in shapes}
    lists: dict[int, list[tuple[int, int]]] = {}
    for octave in range(min(first.values()), max(top.values()) + 1):
        lists[octave] = [shape for shape in shapes if first[shape] <= octave <= top[shape]]
    jobs = [
        (len(some), partial(_octave, some, largest, 2.0**octave, _CELLS >> halved, _RATIO >> halved))
        for octave, some in lists.items()
        for halved in range(_SWEEPS)
    ]
    found = run_jobs(jobs, min(usable_cores(), 8))
    sweeps = [dict(zip(lists, found[halved::_SWEEPS], strict=True)) for halved in range(_SWEEPS)]
    for shape in shapes:
        octaves = range(first[shape], top[shape] + 1)
        stacked = [np.stack([sweep[octave][shape] for octave in octaves]) for sweep in sweeps]
        yield shape, ScaledTail.of(shape[0], first[shape], stacked)


def _lowest(n_pos: int, n_total: int) -> int:
    """Octave of the least value of S: below it, tails are 1."""
    terms = np.arange(1, n_pos + 1)
    return math.floor(math.log2(float((terms / (n_total - n_pos + terms)).sum())))


def _octave(
    shapes: list[tuple[int, int]], largest: int, top: float, cells: int, ratio: int
) -> dict[tuple[int, int], Floats]:
    """Sweep one octave, S up to `top`, and return the survival function of each shape there."""
    backend = get_backend()
    longest = max(n_total for _, n_total in shapes)
    bounds, weights, means = _blocks(largest, _bounds(longest, ratio))
    tables = np.zeros((largest + 1, cells + 1))
    tables[:, 0] = 1.0
    found, done = {}, 0
    for n_pos, n_total in sorted(shapes, key=lambda shape: shape[::-1]):
        last = int(np.searchsorted(bounds, n_total, side="right")) - 1  # whole blocks up to this bound
        backend.advance_scaled(tables, weights[done:last], means[done:last], cells / top)
        done = max(done, last)
        if bounds[last] == n_total:
            found[n_pos, n_total] = tables[n_pos].copy()
        else:
            weight, mean = _block(n_pos, bounds[last], n_total)
            found[n_pos, n_total] = backend.scaled_tail(tables, n_pos, weight[-1], mean[-1], cells / top)
    return found


@lru_cache
def _bounds(longest: int, ratio: int) -> tuple[int, ...]:
    """Ranks at which blocks end, the same for every length but for those beyond it."""
    bounds = [0]
    while bounds[-1] < longest:
        bounds.append(bounds[-1] + max(bounds[-1] // ratio, 1))
    return tuple(bounds)


@lru_cache(maxsize=16)
def _blocks(largest: int, bounds: tuple[int, ...]) -> _Blocks:
    """Return the blocks between bounds, for up to `largest` positives."""
    each = [_block(largest, a, b) for a, b in pairwise(bounds)]
    most = max(weights.shape[1] for weights, _ in each)

    def padded(tables: list[Floats]) -> Floats:
        return np.stack([np.pad(table, ((0, 0), (0, most - table.shape[1]))) for table in tables])

    return _Blocks(list(bounds), padded([weights for weights, _ in each]), padded([means for _, means in each]))


def _block(largest: int, a: int, b: int) -> tuple[Floats, Floats]:
    """Return probability and mean sum of j positives in the ranks (a, b] given k up to b; both (largest + 1, J + 1).

    The t-th of j positives in the block has the index k - j + t. With p the place of a rank in the block of w ranks, (j
    - 1)(p - 1)/(w - 1) of the others stand before it on average.
    """
    from scipy.special import gammaln

    w = b - a
    ranks = np.arange(a + 1, b + 1, dtype=np.float64)
    plain = float((1 / ranks).sum()) / w
    placed = float(((ranks - a - 1) / ranks).sum()) / max(w - 1, 1) / w
    k, j = np.arange(largest + 1)[:, None], np.arange(min(largest, w) + 1)

    def log_choose(n: npt.ArrayLike, r: npt.ArrayLike) -> Floats:
        n, r = np.broadcast_arrays(np.asarray(n, np.float64), np.asarray(r, np.float64))
        possible = (r >= 0) & (r <= n)
        n, r = np.where(possible, n, 0.0), np.where(possible, r, 0.0)
        return np.where(possible, gammaln(n + 1) - gammaln(r + 1) - gammaln(n - r + 1), -np.inf)

    with np.errstate(invalid="ignore"):
        weights = np.where(k <= b, np.exp(log_choose(w, j) + log_choose(a, k - j) - log_choose(b, k)), 0.0)
    tail = np.cumsum(weights[:, ::-1], axis=1)[:, ::-1]
    last = np.where(tail > _SURE, j, 0).max(axis=1)  # what is beyond it counts as if it were there
    weights = np.where(j < last[:, None], weights, np.where(j == last[:, None], tail, 0.0))
    means = (k - j) * j * plain + j * plain + j * (j - 1) * placed
    keep = int(last.max()) + 1
    return np.ascontiguousarray(weights[:, :keep]), np.ascontiguousarray(np.maximum(means, 0.0)[:, :keep])
