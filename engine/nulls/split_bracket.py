"""The tail of S = P AP in two parts, the first R ranks and the rest: for few positives in a long list.

There the body of the distribution lies near 0 and is steep, so it needs a fine grid, while its tail reaches up to
P. The terms beyond rank R are small: they get the fine grid, and the few positives among the first R ranks a coarse
one, see `kernels.reference.null_split`. The rounding errors of both lie between bounds that are tracked for each
number k of positives among the first R, which encloses every tail.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...kernels.dispatch import get_backend

__all__ = ["SplitGrid", "SplitTail", "split_sweep"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_SLACK = 1e-6  # fine cells: covers the rounding of error bounds and of indices
_NEGLIGIBLE = 1e-20  # mass dropped per rank and k; less than 1e-14 in all


@dataclass(frozen=True)
class SplitGrid:
    """Where a distribution is split, and its two grids.

    Attributes
    ----------
    head : int
        R, the ranks of the first part.
    cells : int
        Cells per unit of S of the first part.
    finer : int
        Cells of the second part in one of the first.
    """

    head: int
    cells: int
    finer: int


@dataclass(frozen=True)
class SplitTail:
    """Tail of S = P AP from a split.

    Attributes
    ----------
    grid : SplitGrid
        The two grids.
    survival, starts : ndarray
        Of the first part, for each k (shared between shapes).
    masses, tops : ndarray
        Of the second part, see `descend_distribution`.
    errors : ndarray of float64, shape (3, K + 1)
        Least, greatest and mean rounding error of both parts together for each k, in fine cells.
    dropped : float
        Mass that is left out.
    ulps : float
        Relative rounding error of a tail.
    """

    grid: SplitGrid
    survival: Floats
    starts: Ints
    masses: Floats
    tops: Ints
    errors: Floats
    dropped: float
    ulps: float

    @property
    def nbytes(self) -> int:
        """Bytes it holds."""
        return self.survival.nbytes + self.masses.nbytes

    def _tail(self, s: Floats, shift: Floats) -> Floats:
        """P(S~ >= s + shift_k), shift in fine cells."""
        backend = get_backend()
        edges = np.ceil(s[:, None] * (self.grid.cells * self.grid.finer) + shift).astype(np.int64)
        args = (self.masses, self.tops, self.survival, self.starts, self.grid.finer)
        return np.array([backend.split_tail(*args, row) for row in edges], np.float64)

    def enclose(self, low: Floats, high: Floats) -> tuple[Floats, Floats, Floats]:
        """Lower bound of P(S >= high), upper bound of P(S >= low), and an estimate between; proven bounds.

        S~ >= s + e1 implies S >= s, and S >= s implies S~ >= s + e0, where e0 <= S~ - S <= e1 given k.
        """
        lower = self._tail(high, self.errors[1] + _SLACK) * (1 - self.ulps)
        upper = np.minimum((self._tail(low, self.errors[0] - _SLACK) + self.dropped) * (1 + self.ulps), 1.0)
        return lower, upper, np.clip(self._tail((low + high) / 2, self.errors[2]), lower, upper)

    def rounded(self, edges: Floats) -> tuple[Floats, float, float]:
        """P(S~ >= edge) for edges in units of S, S~ on the coarse grid, and the least and greatest S~ - S.

        By FFT, so with an absolute error near 1e-15.
        """
        from scipy.signal import fftconvolve

        cells, finer = self.grid.cells, self.grid.finer
        distribution = np.zeros(int(self.starts[-1] - self.starts[-2]) + int(self.tops.max()) // finer + 2)
        for k in np.flatnonzero(self.tops >= 0):
            survival = np.append(self.survival[self.starts[k] : self.starts[k + 1]], 0.0)
            second = np.bincount(
                (np.arange(self.tops[k] + 1) + finer // 2) // finer, self.masses[k, : self.tops[k] + 1]
            )
            both = fftconvolve(survival[:-1] - survival[1:], second)
            distribution[: len(both)] += both
        tail = np.append(np.maximum.accumulate(np.cumsum(distribution[::-1]))[::-1], 0.0).clip(0.0, 1.0)
        found: Floats = tail[np.clip(np.ceil(edges * cells), 0, len(distribution)).astype(np.int64)]
        live = self.tops >= 0
        rounding = 0.5 * finer  # of the second part to the coarse grid
        least = (self.errors[0][live].min() - rounding) / (cells * finer)
        return found, float(least), float((self.errors[1][live].max() + rounding) / (cells * finer))


def split_sweep(
    shapes: list[tuple[int, int]], head: int, cells: int, finer: list[int]
) -> Iterator[tuple[tuple[int, int], SplitTail]]:
    """Tails of shapes whose first parts share a grid.

    Parameters
    ----------
    shapes : list of (int, int)
        (P, L) with L > `head`.
    head, cells : int
        See `SplitGrid`.
    finer : list of int
        Of each shape, see `SplitGrid`.

    Yields
    ------
    shape, tail
        Each tail depends on its shape and grid alone.
    """
    backend = get_backend()
    seconds = [
        backend.descend_distribution(*shape, head, cells * fine, _NEGLIGIBLE)
        for shape, fine in zip(shapes, finer, strict=True)
    ]
    kept = [int(np.flatnonzero(tops >= 0).max()) for _, tops, _, _ in seconds]  # more positives are as good as never
    most = max(kept)
    starts = np.concatenate([[0], np.cumsum(np.arange(most + 1) * cells + 1)])
    survival, lows, first = np.ones(starts[-1]), np.arange(most + 1) * cells, np.zeros((3, most + 1))
    backend.advance_survival(survival, starts, lows, first, cells, 0, head)
    for (n_pos, n_total), fine, last, (masses, tops, second, dropped) in zip(shapes, finer, kept, seconds, strict=True):
        masses, tops = masses[: last + 1, : int(tops.max()) + 1].copy(), tops[: last + 1]
        # 4 units in the last place a rank for either part, one for each cell of the sum over them
        ulps = (4 * n_total + masses.size + n_pos) * 2.0**-53
        yield (
            (n_pos, n_total),
            SplitTail(
                SplitGrid(head, cells, fine),
                survival[: starts[last + 1]],
                starts[: last + 2],
                masses,
                tops,
                first[:, : last + 1] * fine + second[:, : last + 1],
                float(dropped) * (1 + 1e-9),
                ulps,
            ),
        )
