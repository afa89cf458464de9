"""The null distribution of one shape's average precision (AP) under random ranking, and p-values with bounds.

AP values closer than `TOLERANCE` (relative) are one value: an AP is a rational number that reached us through
floating point, and its last bit must not decide whether it ties with an equal one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ...kernels.dispatch import get_backend
from ..choices import check_sampling, check_tail

__all__ = [
    "TOLERANCE",
    "NullDistribution",
    "PValues",
    "Tail",
    "expected_sampled",
    "sampled_p_values",
    "tolerance_of",
]

Floats = npt.NDArray[np.float64]

#: AP values that differ by less than this, relative to their size, are equal.
TOLERANCE = 1e-13
#: Two sided confidence of the bounds of a sampled p-value.
CONFIDENCE = 0.999

_COUNTED = 20_000  # placements of a tail that is counted
_LONGEST_COUNT = 290 * math.log(10)  # logarithm of a number of placements that is well within float64


@dataclass(frozen=True)
class PValues:
    """P-values with their bounds; three float64 arrays of one shape, NaN where there is no AP.

    Attributes
    ----------
    lower, upper : ndarray
        The true p-value lies between them: proven for enumerated and bracketed shapes, by a measured error for
        inverted and scaled ones, with 99.9 % confidence for sampled ones.
    value : ndarray
        The best estimate, between the two; what is reported.
    """

    lower: Floats
    upper: Floats
    value: Floats


class Tail(Protocol):
    """P(S >= s) of S = P AP, where it is computed but not enumerated."""

    @property
    def nbytes(self) -> int:
        """Bytes it holds."""

    def enclose(self, low: Floats, high: Floats) -> tuple[Floats, Floats, Floats]:
        """Lower bound of P(S >= high), upper bound of P(S >= low), and an estimate between them."""

    def rounded(self, edges: Floats) -> tuple[Floats, float, float]:
        """P(S~ >= edge) of a rounded S~, and the least and greatest S~ - S."""


@dataclass(frozen=True)
class NullDistribution:
    """Null distribution of the AP of one shape under random ranking.

    Attributes
    ----------
    n_pos, n_total : int
        P and L.
    method : {"enumeration", "bracket", "inversion", "scaled", "sampled"}
        How it is known, see `ap_null`.
    values : ndarray of float64
        Enumeration and samples: the AP values, ascending and equally likely. Empty for P == 1, where AP = 1 /
        rank, and for the other methods.
    tail : Tail or None
        Bracket, inversion and scaled: the tail of P AP.
    """

    n_pos: int
    n_total: int
    method: str
    values: Floats = field(repr=False)
    tail: Tail | None = field(default=None, repr=False)

    @property
    def nbytes(self) -> int:
        """Bytes it holds."""
        return self.values.nbytes + (self.tail.nbytes if self.tail else 0)

    @property
    def mean(self) -> float:
        """Exact mean of AP."""
        backend = get_backend()
        return float(backend.expected_ap(self.n_pos, self.n_total))

    @property
    def variance(self) -> float:
        """Exact variance of AP."""
        backend = get_backend()
        return float(backend.variance_ap(self.n_pos, self.n_total))

    @property
    def n_placements(self) -> int:
        """Number of equally likely placements, C(L, P)."""
        return math.comb(self.n_total, self.n_pos)

    def p_value(self, ap: npt.ArrayLike, tail: str = ">=") -> tuple[Floats, Floats]:
        """Bounds of P(AP >= ap), or of P(AP > ap).

        Parameters
        ----------
        ap : array_like of float
            Observed AP, any shape.
        tail : {">=", ">"}
            Whether an AP equal to the observed one counts.

        Returns
        -------
        lower, upper : ndarray of float64
            See `PValues`; `evaluate` also gives the best estimate.
        """
        found = self.evaluate(ap, tail)
        return found.lower, found.upper

    def evaluate(self, ap: npt.ArrayLike, tail: str = ">=", tolerance: float = TOLERANCE) -> PValues:
        """P-values with their bounds.

        Parameters
        ----------
        ap : array_like of float
            Observed AP, any shape.
        tail : {">=", ">"}
            Whether an AP equal to the observed one counts.
        tolerance : float
            AP values closer than this (relative) are equal.

        Returns
        -------
        PValues
            Of the shape of `ap`; NaN where it is NaN.
        """
        check_tail(tail)
        observed = np.asarray(ap, np.float64)
        x, back = np.unique(observed.ravel(), return_inverse=True)
        known = ~np.isnan(x)
        found = PValues(*(np.full(len(x), np.nan) for _ in range(3)))
        low, high = x[known] * (1 - tolerance), x[known] * (1 + tolerance)
        result = self._count(low, high, tail) if self.tail is None else self._enclose(self.tail, low, high, tail)
        for whole, part in zip((found.lower, found.upper, found.value), result, strict=True):
            whole[known] = part
        shape = observed.shape
        return PValues(*(a[back].reshape(shape) for a in (found.lower, found.upper, found.value)))

    def _count(self, low: Floats, high: Floats, tail: str) -> tuple[Floats, Floats, Floats]:
        if self.values.size:
            size = len(self.values)
            edge, side = (low, "left") if tail == ">=" else (high, "right")
            above = size - np.searchsorted(self.values, edge, side=side)  # type: ignore[call-overload]
        else:  # P == 1: the ranks r with 1 / r beyond the edge, which the tolerance keeps off every 1 / r
            size = self.n_total
            edge = low if tail == ">=" else high
            with np.errstate(divide="ignore"):
                above = np.where(edge <= 0, size, np.clip(np.floor(1 / edge), 0, size))
        if self.method == "sampled":
            found = sampled_p_values(np.asarray(above), size)
            return found.lower, found.upper, found.value
        p = above / size
        return p, p, p

    def _enclose(self, distribution: Tail, low: Floats, high: Floats, tail: str) -> tuple[Floats, Floats, Floats]:
        """Bounds that hold for both tails, as `low` and `high` lie on either side of any atom that ties.

        A tail of few placements is counted, which makes it exact.
        """
        lower, upper, value = distribution.enclose(low * self.n_pos, high * self.n_pos)
        log_count = math.lgamma(self.n_total + 1) - math.lgamma(self.n_pos + 1)
        log_count -= math.lgamma(self.n_total - self.n_pos + 1)
        countable = log_count <= _LONGEST_COUNT
        best = (low <= 1) & (high >= 1)  # the greatest value has one placement
        for bound in (lower, upper, value):
            one = 1 / self.n_placements if countable else math.exp(-log_count)
            bound[best] = one if tail == ">=" else 0.0
        if not countable:  # no tail above the error of such a distribution has so few placements
            return lower, upper, value

        backend = get_backend()
        n_placements = self.n_placements
        for i in np.flatnonzero(upper * n_placements <= 2 * _COUNTED):
            edge = (low if tail == ">=" else high)[i] * self.n_pos
            count = backend.count_tail(self.n_pos, self.n_total, edge, _COUNTED)
            if count <= _COUNTED:
                lower[i] = upper[i] = value[i] = count / n_placements
        return lower, upper, value


def tolerance_of(values: npt.NDArray[np.generic]) -> float:
    """Relative difference up to which observed values are equal, given the precision they were stored in."""
    return 2.0**-22 if values.dtype == np.float32 else TOLERANCE


def sampled_p_values(above: npt.NDArray[np.integer], null_size: int) -> PValues:
    """P-values from counts of samples, (1 + #) / (1 + N), with Clopper-Pearson bounds at `CONFIDENCE`.

    Parameters
    ----------
    above : ndarray of int
        Samples at or above the observed value.
    null_size : int
        Number of samples N.

    Returns
    -------
    PValues
        `value` is kept inside the bounds (it leaves them by at most 1 / N).
    """
    from scipy.special import betaincinv

    outside = (1 - CONFIDENCE) / 2
    count = np.asarray(above, np.float64)
    rest = null_size - count
    lower = np.where(count > 0, betaincinv(np.maximum(count, 1), rest + 1, outside), 0.0)
    upper = np.where(rest > 0, betaincinv(count + 1, np.maximum(rest, 1), 1 - outside), 1.0)
    value = (1 + count) / (1 + null_size)
    return PValues(np.minimum(lower, value), np.maximum(upper, value), value)


def expected_sampled(p: npt.ArrayLike, null_size: int) -> Floats:
    """Expected value of the p-value that `null_size` samples would give: (1 + N p) / (1 + N).

    Parameters
    ----------
    p : array_like of float
        True p-values.
    null_size : int
        Number of samples N that a sampling tool would have drawn.

    Returns
    -------
    ndarray of float64
        Never below 1 / (1 + N).
    """
    check_sampling(null_size, 0)
    return (1 + null_size * np.asarray(p, np.float64)) / (1 + null_size)
