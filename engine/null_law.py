"""The law of one shape's average precision (AP) under random ranking, and p-values with bounds.

AP values closer than `TOLERANCE` (relative) are one value: an AP is a rational number that reached us through
floating point, and its last bit must not decide whether it ties with an equal one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from .errors import InputError

__all__ = [
    "TOLERANCE",
    "NullLaw",
    "PValues",
    "check_sampling",
    "check_tail",
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
_MOST_SAMPLES = 100_000_000


@dataclass(frozen=True)
class PValues:
    """P-values with their bounds; three float64 arrays of one shape, NaN where there is no AP.

    Attributes
    ----------
    lower, upper : ndarray
        The true p-value lies between them: proven for enumerated and bracketed shapes, with 99.9 % confidence
        for sampled ones.
    value : ndarray
        The best estimate, between the two; what is reported.
    """

    lower: Floats
    upper: Floats
    value: Floats


@dataclass(frozen=True)
class NullLaw:
    """Law of the AP of one shape under random ranking.

    Attributes
    ----------
    n_pos, n_total : int
        P and L.
    method : {"enumeration", "bracket", "sampled"}
        How it is known.
    values : ndarray of float64
        Enumeration and samples: the AP values, ascending and equally likely. Bracket: P(S~ >= v / cells) for
        v = 0 .. P * cells. Empty for P == 1, where AP = 1 / rank.
    cells : int
        Cells per unit of S = P AP (bracket only).
    errors : tuple of float
        Least, greatest and mean rounding error S~ - S, in cells (bracket only).
    """

    n_pos: int
    n_total: int
    method: str
    values: Floats = field(repr=False)
    cells: int = 0
    errors: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def mean(self) -> float:
        """Exact mean of AP."""
        from ..kernels.reference.null import expected_ap

        return float(expected_ap(self.n_pos, self.n_total))

    @property
    def variance(self) -> float:
        """Exact variance of AP."""
        from ..kernels.cpu.null import variance_ap

        return float(variance_ap(self.n_pos, self.n_total))

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
        result = self._bracket(low, high, tail) if self.method == "bracket" else self._count(low, high, tail)
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
            with np.errstate(divide="ignore"):
                above = np.clip(np.floor(1 / (low if tail == ">=" else high)), 0, size)
        if self.method == "sampled":
            found = sampled_p_values(np.asarray(above), size)
            return found.lower, found.upper, found.value
        p = above / size
        return p, p, p

    def _bracket(self, low: Floats, high: Floats, tail: str) -> tuple[Floats, Floats, Floats]:
        """Enclose the tail by the law of the rounded sum S~ = S + e, e between its bounds e0 <= e <= e1.

        S~ >= s + e1 implies S >= s, and S >= s implies S~ >= s + e0; with e1 taken for an s a little above
        the observed one and e0 for one a little below, the enclosure holds for both tails. A cell index is
        rounded up, since S~ is whole; a slack of 1e-6 cells covers the rounding of e and of the index.
        """
        scale, slack = self.n_pos * self.cells, 1e-6
        ulps = 4 * self.n_total * 2.0**-53  # relative error of the survival, see `advance_survival`
        at = np.append(self.values, 0.0)
        end = len(at) - 1

        def survival(cell: Floats) -> Floats:
            result: Floats = at[np.clip(cell, 0, end).astype(np.int64)]
            return result

        lower = survival(np.ceil(high * scale + self.errors[1] + slack)) * (1 - ulps)
        upper = np.minimum(survival(np.ceil(low * scale + self.errors[0] - slack)) * (1 + ulps), 1.0)
        # Estimate: the mean error is taken off; half a cell because whole cells hold what lies around their
        # middle.
        middle = (low + high) / 2 * scale + self.errors[2] + 0.5
        below = np.floor(middle)
        part = middle - below
        value = np.clip((1 - part) * survival(below) + part * survival(below + 1), lower, upper)

        from ..kernels.cpu.null import count_tail

        n_placements = self.n_placements
        for i in np.flatnonzero(upper * n_placements <= 2 * _COUNTED):
            edge = (low if tail == ">=" else high)[i] * self.n_pos
            count = count_tail(self.n_pos, self.n_total, edge, _COUNTED)
            if count <= _COUNTED:
                lower[i] = upper[i] = value[i] = count / n_placements
        return lower, upper, value


def tolerance_of(values: npt.NDArray[np.generic]) -> float:
    """Relative difference up to which observed values are equal, given the precision they were stored in."""
    return 2.0**-22 if values.dtype == np.float32 else TOLERANCE


def check_tail(tail: str) -> None:
    """Raise `InputError` for a tail that is neither ``>=`` nor ``>``."""
    if tail not in (">=", ">"):
        raise InputError(f"tail must be '>=' or '>', but it is {tail!r}")


def check_sampling(null_size: int, seed: int) -> None:
    """Raise `InputError` for a null size or a seed that cannot be."""
    for name, number, least in (("null_size", null_size, 1), ("seed", seed, 0)):
        if isinstance(number, bool) or not isinstance(number, (int, np.integer)) or number < least:
            raise InputError(f"{name} must be a whole number of at least {least}, but it is {number!r}")
    if null_size > _MOST_SAMPLES:
        raise InputError(
            f"null_size is {null_size}, but samples beyond {_MOST_SAMPLES} are not worth their time and memory "
            f"({8 * null_size / 2**30:.0f} GiB a shape); use fewer, or p_values='exact'"
        )


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
