"""The null distribution of S = P AP on a uniform grid: an enclosure of every tail.

See `kernels.reference.null.advance_survival` for the sweep.

Each term of S is rounded to the grid, so S~ = S + e. That e lies between its least and greatest value over all
placements encloses the distribution of S. For more than a few positives this is a poor enclosure, because it
expects every term to be rounded the same way; an error half as large may be as rare as 1e-6. So a smaller error d
is allowed for as well, and the probability that it is exceeded is bounded (Chernoff) and subtracted or added: for
slope, tilt >= 0,

    P(S >= s) >= P(S~ >= s + d) - E[exp(slope (S - s) + tilt (e - d))]
    P(S >= s) <= P(S~ >= s - d) + E[exp(slope (S - s) - tilt (e + d))].

The first holds as S~ >= s + d with S < s needs e > d and S - s >= d - e, thus an exponent of at least
(tilt - slope / cells) (e - d) >= 0. Each of these is a bound for each d, slope and tilt, so the best one counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...kernels.dispatch import get_backend

__all__ = ["SweptTail", "sweep"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_SLACK = 1e-6  # cells: covers the rounding of an error bound and of an index
_BINS = 256  # of s: a bin has one allowed error
_SHARES = (0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.9)  # allowed, of the greatest error
_FEW = 8  # positives up to which the greatest error is allowed for
_TILTS = np.geomspace(0.5, 12, 14)  # per cell
_STEEPEST = 300.0  # slope times S, so that no moment overflows


@dataclass(frozen=True)
class SweptTail:
    """Tail of S = P AP from a sweep.

    Attributes
    ----------
    values : ndarray of float64, shape (P * cells + 1,)
        P(S~ >= v / cells).
    cells : int
        Cells per unit of S.
    errors : tuple of float
        Least, greatest and mean of S~ - S, in cells.
    ulps : float
        Relative rounding error of `values`.
    allowed, missed, limits : ndarray of float64, shape (2, bins) or (2, 0)
        For the lower and for the upper bound, in each bin of s: the error allowed for (cells), the bound of the
        probability that it is exceeded, and what the bounds of the other bins imply for this one.
    """

    values: Floats
    cells: int
    errors: tuple[float, float, float]
    ulps: float
    allowed: Floats
    missed: Floats
    limits: Floats

    @property
    def nbytes(self) -> int:
        """Bytes it holds."""
        return self.values.nbytes

    def _at(self, cell: Floats) -> Floats:
        end = len(self.values)
        found: Floats = np.where(cell < end, self.values[np.clip(cell, 0, end - 1).astype(np.int64)], 0.0)
        return found

    def enclose(self, low: Floats, high: Floats) -> tuple[Floats, Floats, Floats]:
        """Lower bound of P(S >= high), upper bound of P(S >= low), and an estimate between; proven bounds."""
        lower = self._at(np.ceil(high * self.cells + self.errors[1] + _SLACK)) * (1 - self.ulps)
        upper = self._at(np.ceil(low * self.cells + self.errors[0] - _SLACK)) * (1 + self.ulps)
        n_bins = self.allowed.shape[1]
        if n_bins:
            most = (len(self.values) - 1) / self.cells
            for (s, bound, sign), i in zip(((high, lower, 1), (low, upper, -1)), (0, 1), strict=True):
                mine = np.clip(np.floor(s / (most / n_bins)), 0, n_bins - 1).astype(np.int64)
                tail = self._at(np.ceil(s * self.cells + sign * (self.allowed[i, mine] + _SLACK)))
                other = tail * (1 - sign * self.ulps) - sign * self.missed[i, mine]
                if sign > 0:
                    np.maximum(bound, np.maximum(other, self.limits[i, mine]), out=bound)
                else:
                    np.minimum(bound, np.minimum(other, self.limits[i, mine]), out=bound)
        np.minimum(upper, 1.0, out=upper)
        # Estimate: the mean error is taken off; half a cell because whole cells hold what lies around their middle.
        middle = (low + high) / 2 * self.cells + self.errors[2] + 0.5
        below = np.floor(middle)
        part = middle - below
        return lower, upper, np.clip((1 - part) * self._at(below) + part * self._at(below + 1), lower, upper)

    def rounded(self, edges: Floats) -> tuple[Floats, float, float]:
        """P(S~ >= edge) for edges in units of S, and the least and greatest S~ - S in these units."""
        return self._at(np.ceil(edges * self.cells)), self.errors[0] / self.cells, self.errors[1] / self.cells


def _allowances(
    values: Floats, cells: int, errors: tuple[float, float, float], log_moments: Floats, slopes: Floats
) -> tuple[Floats, Floats, Floats]:
    """Choose the allowed error of each bin of s; see `SweptTail`.

    The probability of exceeding it falls with s, so in a bin it is at most that at the left edge; and a bound of
    the tail at one s is one at all smaller (lower) or larger (upper) s, which makes the bounds fall with s.
    """
    most = (len(values) - 1) / cells
    edges: Floats = np.arange(_BINS, dtype=np.float64) * (most / _BINS)
    allowed, missed, limits = np.empty((3, 2, _BINS))
    padded = np.append(values, 0.0)

    def tail(s: Floats, shift: Floats) -> Floats:
        found: Floats = padded[np.clip(np.ceil(s * cells + shift), 0, len(values)).astype(np.int64)]
        return found

    for i, sign in enumerate((1, -1)):
        shares: Floats = np.array(_SHARES, np.float64) * abs(errors[1 if sign > 0 else 0])
        # exponent[d, slope, tilt] + slope times s is the logarithm of the bound
        log_mean = log_moments[:, len(_TILTS) * i : len(_TILTS) * (i + 1)]
        best = (log_mean[None] - shares[:, None, None] * _TILTS).min(axis=2)
        with np.errstate(over="ignore"):
            bound = np.exp((best[:, :, None] - slopes[None, :, None] * edges).min(axis=1)) * (1 + 1e-8)
        middle: Floats = (edges + most / _BINS / 2)[None]
        there = tail(middle, sign * shares[:, None])
        chosen = np.argmax(there - bound, axis=0) if sign > 0 else np.argmin(there + bound, axis=0)
        allowed[i], missed[i] = shares[chosen], bound[chosen, np.arange(_BINS)]
        # the edges a little outwards, for an s whose bin was found by a rounded division
        outer: Floats = edges * (1 + sign * 1e-12)
        at_edge = tail(outer, sign * (allowed[i] + _SLACK)) * (1 - sign * 1e-9) - sign * missed[i]
        if sign > 0:
            limits[i] = np.append(np.maximum.accumulate(at_edge[::-1])[::-1][1:], 0.0)
        else:
            limits[i] = np.minimum.accumulate(at_edge)
    return allowed, missed, limits


def sweep(shapes: list[tuple[int, int]], cells: int, largest: int) -> Iterator[tuple[tuple[int, int], SweptTail]]:
    """Tails of shapes that share a grid, in the order of L, from one sweep over ranks.

    Parameters
    ----------
    shapes : list of (int, int)
        (P, L).
    cells : int
        Cells per unit of S.
    largest : int
        P is at most this; the choice of slopes depends on it, and on nothing else in `shapes`.

    Yields
    ------
    shape, tail
        Each tail depends on its shape, `cells` and `largest` alone.
    """
    backend = get_backend()
    most = max(n_pos for n_pos, _ in shapes)
    starts = np.concatenate([[0], np.cumsum(np.arange(most + 1) * cells + 1)])
    survival, lows, errors = np.ones(starts[-1]), np.arange(most + 1) * cells, np.zeros((3, most + 1))
    slopes = np.append(0.0, np.geomspace(0.3, _STEEPEST / largest, 13))
    tilts = np.concatenate([_TILTS, -_TILTS])
    moments = np.ones((most + 1, len(slopes), len(tilts)))
    none = np.empty((2, 0))
    rank = 0
    for n_pos, n_total in sorted(shapes, key=lambda shape: shape[::-1]):
        backend.advance_survival(survival, starts, lows, errors, cells, rank, n_total)
        if most > _FEW:
            backend.advance_moments(moments, slopes, tilts, cells, rank, n_total)
        rank = n_total
        values = survival[starts[n_pos] : starts[n_pos + 1]].copy()
        error = (float(errors[0, n_pos]), float(errors[1, n_pos]), float(errors[2, n_pos]))
        bounds = (none, none, none)
        if n_pos > _FEW:
            bounds = _allowances(values, cells, error, np.log(moments[n_pos]), slopes)
        # see `advance_survival` for the error
        yield (n_pos, n_total), SweptTail(values, cells, error, 4 * n_total * 2.0**-53, *bounds)
