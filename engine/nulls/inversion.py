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

One sweep over ranks gives phi of every P and L at its frequencies, so shapes whose W is the same share it: W is on a
ladder. What a sweep gives for one shape does not depend on the others, to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from ...kernels.cores import run_jobs, usable_cores
from ...kernels.dispatch import get_backend

__all__ = [
    "ALIASING",
    "SMALL",
    "InvertedTail",
    "corridor",
    "inversion_work",
    "invert",
    "inverted_tails",
    "work_together",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Complex = npt.NDArray[np.complex128]
Shape = tuple[int, int]

_BATCH = 64  # frequencies at a time
#: Modulus of the characteristic function at which the sum ends.
SMALL = 1e-14
#: Positives up to which all numbers of positives are kept at each rank, so that shapes of one period share a sweep.
SHARED = 256
_RUNGS = 4  # periods from one power of two to the next
_AHEAD = 0.7  # of the batches that are expected are computed before anything is looked at
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
    """Least value of S and a range that holds all but about 1e-15 of its distribution; on a ladder, to be shared."""
    backend = get_backend()
    mean = n_pos * float(backend.expected_ap(n_pos, n_total))
    spread = n_pos * math.sqrt(backend.variance_ap(n_pos, n_total))
    terms = np.arange(1, n_pos + 1)
    least = max(float((terms / (n_total - n_pos + terms)).sum()), mean - 10 * spread)
    # far out, one unit more of S takes about one more positive at the top: a factor P / L
    greatest = min(n_pos, mean + 9 * spread + 36 / math.log(n_total / n_pos))
    return least, float(2.0 ** (math.ceil(_RUNGS * math.log2((greatest - least) * (1 + 1e-9))) / _RUNGS))


def _frequencies_expected(n_pos: int, n_total: int) -> float:
    """About how many frequencies are needed: phi dies out near 300 L / P**2 (measured)."""
    return max(_BATCH, 300 * n_total / n_pos**2 * _period(n_pos, n_total)[1] / (2 * math.pi))


def inversion_work(n_pos: int, n_total: int) -> float:
    """Estimate the work of a shape alone, in complex multiplications; about 1.3 nanoseconds each."""
    lowest, highest = corridor(n_pos, n_total)
    return float((highest - lowest + 1).sum()) * _frequencies_expected(n_pos, n_total)


def work_together(shapes: list[Shape]) -> float:
    """Estimate the work of shapes that are inverted together, in the same unit."""
    families: dict[tuple[float, ...], list[Shape]] = {}
    for shape in shapes:
        families.setdefault(_Inversion(shape).family, []).append(shape)
    work = 0.0
    for some in families.values():
        if some[0][0] > SHARED:
            work += inversion_work(*some[0])
        else:
            most = max(_frequencies_expected(*shape) for shape in some)
            work += max(p for p, _ in some) * max(n for _, n in some) * most
    return work


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
    return dict(inverted_tails([(n_pos, n_total)]))[n_pos, n_total]


def inverted_tails(shapes: list[Shape]) -> Iterator[tuple[Shape, InvertedTail]]:
    """Tails of shapes; those of one period share the sweeps of their characteristic functions.

    Parameters
    ----------
    shapes : list of (int, int)
        (P, L).

    Yields
    ------
    shape, tail
        Each tail depends on its shape alone.
    """
    waiting = [_Inversion(shape) for shape in sorted(shapes)]
    while waiting:
        jobs: dict[tuple[tuple[float, ...], int], list[_Inversion]] = {}
        for each in waiting:
            for batch in range(len(each.phi), each.ahead):
                jobs.setdefault((each.family, batch), []).append(each)
        work = [(len(some), partial(_sweep, some, batch)) for (_, batch), some in jobs.items()]
        for some, found in zip(jobs.values(), run_jobs(work, min(usable_cores(), 8)), strict=True):
            for each, phi in zip(some, found, strict=True):
                each.phi.append(phi)
        left = []
        for each in waiting:
            tail = each.finished()
            if tail is None:
                left.append(each)
            else:
                yield each.shape, tail
        waiting = left


class _Inversion:
    """The batches of frequencies of one shape."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.least, self.width = _period(*shape)
        expected = _frequencies_expected(*shape) / _BATCH
        self.limit = math.ceil(4 * expected)
        self.ahead = max(int(_AHEAD * expected), 1)
        #: What shapes whose sweeps are shared have in common.
        self.family: tuple[float, ...] = (self.width,) if shape[0] <= SHARED else (self.width, *shape)
        self.phi: list[Complex] = []

    def finished(self) -> InvertedTail | None:
        """Return the tail where the characteristic function has died out, else ask for another batch."""
        for n, phi in enumerate(self.phi, start=1):
            left = float(np.abs(phi[-_BATCH // 4 :]).max())
            if left <= SMALL or n == self.limit:
                theta = (2 * np.arange(n * _BATCH, dtype=np.float64) + 1) * (math.pi / self.width)
                error = ALIASING + 16 * math.sqrt(self.shape[1]) * 2.0**-53 + 10 * left
                return InvertedTail(theta, np.concatenate(self.phi[:n]), error, self.least, float(self.shape[0]))
        self.ahead = len(self.phi) + 1
        return None


def _sweep(some: list[_Inversion], batch: int) -> list[Complex]:
    """Return one batch of frequencies of the shapes of a family."""
    backend = get_backend()
    unit = math.pi / some[0].width
    theta = ((2 * batch * _BATCH + 1) * unit, 2 * unit, _BATCH)
    if some[0].shape[0] > SHARED:
        return [backend.characteristic(some[0].shape[0], theta, *corridor(*some[0].shape))]
    n_pos, n_total = np.array([each.shape for each in some]).T
    order = np.argsort(n_total, kind="stable")
    found = np.empty((len(some), _BATCH), np.complex128)
    found[order] = backend.characteristic_lists(n_pos[order], theta, n_total[order])
    return list(found)
