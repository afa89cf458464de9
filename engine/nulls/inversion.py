"""The tail of S = P AP from its characteristic function: for many positives, where the distribution is smooth.

A grid would have to be fine against the sum of P rounding errors. The characteristic function phi needs no grid:
`kernels.reference.null_inversion` gives it exactly, at one frequency for the price of one cell, and a distribution
that is nearly normal needs a few dozen frequencies. With the square wave of half-period W in place of the step,

    P(S >= s) = 1/2 + (2 / pi) sum over odd n of Im(phi(n pi / W) exp(-i n pi s / W)) / n.

The error has three parts. Aliasing: the probability that S is further than W from s. W is the distance of far
quantiles (10 standard deviations below the mean; above it 9, and enough for the slower tail that single good ranks
make), which leaves about 1e-15. Rounding: a few units in the last place of 1 a rank, of either sign; stated as 16
times the square root of L of them, five times what was measured or more. Truncation: the sum ends where the modulus
of phi stays below 1e-14. That it never grows again is measured, not proven: for 48 positives among 100 it was below
1e-11 at random and at highly composite frequencies up to 1e6, and for longer lists far below that. Against
enclosures of mid-sized shapes and samples of large ones the stated error held everywhere. Atoms are far smaller than
it, so ``>=`` and ``>`` do not differ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...kernels.dispatch import get_backend

__all__ = ["ALIASING", "SMALL", "InvertedTail", "corridor", "inversion_work", "invert"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_BATCH = 64  # frequencies at a time
#: Modulus of the characteristic function at which the sum ends.
SMALL = 1e-14
#: Error from what lies beyond the period.
ALIASING = 1e-14


@dataclass(frozen=True)
class InvertedTail:
    """Tail of S = P AP as a trigonometric sum.

    Attributes
    ----------
    theta : ndarray of float64, shape (N,)
        Frequencies, odd multiples of the first.
    phi : ndarray of complex128, shape (N,)
        Characteristic function there.
    error : float
        Absolute error of a tail, measured.
    least, greatest : float
        Where S can be.
    """

    theta: Floats
    phi: npt.NDArray[np.complex128]
    error: float
    least: float
    greatest: float

    @property
    def nbytes(self) -> int:
        """Bytes it holds."""
        return self.theta.nbytes + self.phi.nbytes

    def _survival(self, s: Floats) -> Floats:
        backend = get_backend()
        found: Floats = backend.tail_sum(s, float(self.theta[0]), self.phi)
        # one period holds all but `error` of the distribution; outside it the wave would repeat
        half = math.pi / self.theta[0]
        found = np.where(s <= self.least, 1.0, np.where(s >= self.least + half, 0.0, found))
        return np.where(s > self.greatest, 0.0, np.clip(found, 0.0, 1.0))

    def enclose(self, low: Floats, high: Floats) -> tuple[Floats, Floats, Floats]:
        """Bounds of the tail at `low` .. `high` by the measured error, and its value.

        A tail below the error is only bounded; the bound stands in for its value, which is never too small.
        """
        value = self._survival((low + high) / 2)
        lower = np.maximum(value - self.error, 0.0)
        upper = np.minimum(value + self.error, 1.0)
        return lower, upper, np.where(value < self.error, upper, value)

    def rounded(self, edges: Floats) -> tuple[Floats, float, float]:
        """P(S >= edge) for edges in units of S; there is no rounding."""
        found: Floats = np.minimum.accumulate(self._survival(edges))
        return found, 0.0, 0.0


def corridor(n_pos: int, n_total: int) -> tuple[Ints, Ints]:
    """Least and greatest number of positives among the first r ranks, r = 0 .. L, as `characteristic` takes them.

    All but about 1e-16 of the placements stay within.
    """
    r = np.arange(n_total + 1)
    mean = r * n_pos / n_total
    spread = 9 + 9 * np.sqrt(mean * (1 - n_pos / n_total) * (n_total - r) / max(n_total - 1, 1))
    lowest = np.maximum(np.floor(mean - spread), np.maximum(n_pos - (n_total - r), 0))
    highest = np.minimum(np.ceil(mean + spread), np.minimum(r, n_pos))
    lowest, highest = np.maximum.accumulate(lowest), np.maximum.accumulate(highest)
    return lowest.astype(np.int64), highest.astype(np.int64)


def _period(n_pos: int, n_total: int) -> tuple[float, float]:
    """Least value of S and the range that holds all but about 1e-15 of its distribution."""
    backend = get_backend()
    mean = n_pos * float(backend.expected_ap(n_pos, n_total))
    spread = n_pos * math.sqrt(backend.variance_ap(n_pos, n_total))
    terms = np.arange(1, n_pos + 1)
    least = max(float((terms / (n_total - n_pos + terms)).sum()), mean - 10 * spread)
    # far out, one unit more of S takes about one more positive at the top: a factor P / L
    greatest = min(n_pos, mean + 9 * spread + 36 / math.log(n_total / n_pos))
    return least, (greatest - least) * (1 + 1e-9)


def _frequencies_expected(n_pos: int, n_total: int) -> float:
    """About how many frequencies are needed: phi dies out near 300 L / P**2 (measured)."""
    return max(_BATCH, 300 * n_total / n_pos**2 * _period(n_pos, n_total)[1] / (2 * math.pi))


def inversion_work(n_pos: int, n_total: int) -> float:
    """Estimate the work, in complex multiplications; about 1.3 nanoseconds each."""
    lowest, highest = corridor(n_pos, n_total)
    return float((highest - lowest + 1).sum()) * _frequencies_expected(n_pos, n_total)


def invert(n_pos: int, n_total: int) -> InvertedTail:
    """Tail of a shape with enough positives and negatives, see the module.

    Parameters
    ----------
    n_pos, n_total : int
        P and L.

    Returns
    -------
    InvertedTail
        If the characteristic function did not die out, its `error` says so.
    """
    backend = get_backend()
    least, width = _period(n_pos, n_total)
    lowest, highest = corridor(n_pos, n_total)
    limit = math.ceil(4 * _frequencies_expected(n_pos, n_total) / _BATCH)
    theta: list[Floats] = []
    phi: list[npt.NDArray[np.complex128]] = []
    left = 1.0
    while left > SMALL and len(theta) < limit:
        odd = 2 * np.arange(len(theta) * _BATCH, (len(theta) + 1) * _BATCH, dtype=np.float64) + 1
        batch: Floats = odd * (math.pi / width)
        theta.append(batch)
        phi.append(backend.characteristic(n_pos, (theta[-1][0], 2 * math.pi / width, _BATCH), lowest, highest))
        left = float(np.abs(phi[-1][-_BATCH // 4 :]).max())
    error = ALIASING + 16 * math.sqrt(n_total) * 2.0**-53 + 10 * left
    return InvertedTail(np.concatenate(theta), np.concatenate(phi), error, least, float(n_pos))
