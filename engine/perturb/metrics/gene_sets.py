"""Agreement of the genes that are called significant, or lead, in truth and prediction."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...statistics.ranks import spearman
from ..comparison import NO_CALLS, Comparison, Values
from ..differential.settings import DifferentialSettings
from .calls import NO_GENES, NO_UNION, called, values_of

__all__ = [
    "agreement",
    "correlation_of_counts",
    "counts",
    "jaccard",
    "leading_jaccard",
    "leading_overlap",
    "overlap",
    "precision",
    "recall",
]

NAN = float("nan")
ALL_GENES = "Every gene of this perturbation is significant in the truth."

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def _ratio(part: npt.NDArray[np.integer], whole: npt.NDArray[np.integer]) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(part / whole)


def overlap(
    comparison: Comparison, settings: DifferentialSettings, *, k: int | None = None, peer: float = NAN
) -> Values:
    """Return which share of the k leading significant genes of the truth is among the k of the prediction.

    Leading genes have the largest changes of either sign among those significant. With the truth's number of
    significant genes as k this is DES, the differential expression score of the Virtual Cell Challenge 2025.

    Parameters
    ----------
    comparison : Comparison
        Truth and prediction.
    settings : DifferentialSettings
        How differential expression is found.
    k : int, optional
        How many; at most, and by default, as many as are significant in the truth.
    peer : float, optional
        Value where the truth has no significant gene: 0 in cell-eval; by default there is none.
    """
    calls = called(comparison, settings)
    return _leading(comparison, settings, k, calls.truth.counts, NO_GENES, peer)


def precision(
    comparison: Comparison, settings: DifferentialSettings, *, k: int | None = None, peer: float = NAN
) -> Values:
    """Return which share of the k leading significant genes of the prediction is among the k of the truth.

    See `overlap`; k is at most, and by default, the number of significant genes of the prediction.
    """
    calls = called(comparison, settings)
    return _leading(comparison, settings, k, calls.prediction.counts, NO_CALLS, peer)


def _leading(
    comparison: Comparison,
    settings: DifferentialSettings,
    k: int | None,
    most: npt.NDArray[np.int64],
    why: str,
    peer: float,
) -> Values:
    calls = called(comparison, settings)
    depth = most if k is None else np.minimum(k, most)
    among = calls.real & (calls.truth.places < depth[:, None])
    among &= calls.predicted & (calls.prediction.places < depth[:, None])
    return values_of(calls, _ratio(among.sum(axis=1), depth), {why: depth == 0}, peer, k=k or 0)


def recall(comparison: Comparison, settings: DifferentialSettings) -> Values:
    """Return which share of the significant genes of the truth is significant in the prediction."""
    calls = called(comparison, settings)
    both = (calls.real & calls.predicted).sum(axis=1)
    return values_of(calls, _ratio(both, calls.truth.counts), {NO_GENES: calls.truth.counts == 0})


def jaccard(
    comparison: Comparison,
    settings: DifferentialSettings,
    *,
    signed: bool = False,
    own: bool = False,
    peer: float = NAN,
) -> Values:
    """Return the genes significant in both, of those significant in either.

    Parameters
    ----------
    comparison : Comparison
        Truth and prediction.
    settings : DifferentialSettings
        How differential expression is found.
    signed : bool, default False
        Whether genes must change in the same direction to be in both.
    own : bool, default False
        Whether a perturbation's own targets count.
    peer : float, optional
        Value where neither has any: 1 in cell-eval2; by default there is none.
    """
    calls = called(comparison, settings, own=own)
    either = (calls.real | calls.predicted).sum(axis=1)
    both = calls.real & calls.predicted
    if signed:
        both &= np.sign(calls.truth.change) == np.sign(calls.prediction.change)
    return values_of(calls, _ratio(both.sum(axis=1), either), {NO_UNION: either == 0}, peer, own_targets=own)


def agreement(
    comparison: Comparison, settings: DifferentialSettings, *, measure: str, own: bool = True, peer: float = NAN
) -> Values:
    """Return how far the calls of the prediction agree with the truth's beyond chance, -1 to 1.

    Parameters
    ----------
    comparison : Comparison
        Truth and prediction.
    settings : DifferentialSettings
        How differential expression is found.
    measure : {"mcc", "informedness", "markedness"}
        Matthews' correlation; recall less the share of wrong calls; precision less the share of wrong rests.
    own : bool, default True
        Whether a perturbation's own targets count.
    peer : float, optional
        Value where it is not defined, since one side calls no gene or all: -1 in cell-eval2; by default there is none.
    """
    calls = called(comparison, settings, own=own)
    tested = calls.universe.sum(axis=1).astype(np.float64)
    real, predicted = calls.real.sum(axis=1), calls.predicted.sum(axis=1)
    both = (calls.real & calls.predicted).sum(axis=1)
    reasons = {NO_GENES: real == 0, ALL_GENES: real == tested, NO_CALLS: (predicted == 0) | (predicted == tested)}
    with np.errstate(invalid="ignore", divide="ignore"):
        if measure == "informedness":
            del reasons[NO_CALLS]
            found = both / real - (predicted - both) / (tested - real)
        elif measure == "markedness":
            reasons = {NO_CALLS: reasons[NO_CALLS]}
            found = both / predicted - (real - both) / (tested - predicted)
        else:
            spread = np.sqrt(real * (tested - real)) * np.sqrt(predicted * (tested - predicted))
            found = (both * tested - real * predicted) / spread
    return values_of(calls, found, reasons, peer, measure=measure, own_targets=own)


def counts(comparison: Comparison, settings: DifferentialSettings, *, side: str) -> Values:
    """Return how many genes are significant in the ``"truth"`` or the ``"prediction"``."""
    calls = called(comparison, settings)
    of = calls.truth if side == "truth" else calls.prediction
    return values_of(calls, of.counts.astype(np.float64), {}, side=side)


def correlation_of_counts(comparison: Comparison, settings: DifferentialSettings, *, peer: float = NAN) -> Values:
    """Return Spearman's correlation of the numbers of significant genes, over perturbations that have some.

    Parameters
    ----------
    comparison : Comparison
        Truth and prediction.
    settings : DifferentialSettings
        How differential expression is found.
    peer : float, optional
        Value where the truth has no significant gene at all: 1 in cell-eval; by default there is none.
    """
    calls = called(comparison, settings)
    n = len(calls.truth.counts)
    some = (calls.truth.counts > 0) & comparison.judged
    if not some.any():
        return Values.single(peer, n, "The truth has no significant gene." if np.isnan(peer) else "")
    value = spearman(calls.truth.counts[some], calls.prediction.counts[some])
    reason = "All perturbations have as many significant genes." if np.isnan(value) else ""
    return Values.single(value, n, reason, method=settings.method, alpha=settings.alpha)


def leading_jaccard(comparison: Comparison, settings: DifferentialSettings, *, k: int, signed: bool = False) -> Values:
    """Return the genes among the k leading ones in both, of those in either, significant or not.

    Parameters
    ----------
    comparison : Comparison
        Truth and prediction.
    settings : DifferentialSettings
        How differential expression is found.
    k : int
        How many lead, by the test's statistic.
    signed : bool, default False
        Whether only genes that go up lead, as in cz-benchmarks up to 0.10.
    """
    calls = called(comparison, settings)
    real, predicted = calls.truth.leading(k, signed=signed), calls.prediction.leading(k, signed=signed)
    either = (real | predicted).sum(axis=1)
    found = _ratio((real & predicted).sum(axis=1), either)
    return values_of(calls, found, {"No gene is tested.": np.asarray(either == 0)}, k=k, signed=signed)


def leading_overlap(comparison: Comparison, settings: DifferentialSettings, *, k: int) -> Values:
    """Return which share of the k leading genes of the truth leads in the prediction, significant or not.

    Leading genes have the largest statistics of either sign. Not defined unless more than k genes are tested.
    """
    calls = called(comparison, settings)
    both = (calls.truth.leading(k) & calls.prediction.leading(k)).sum(axis=1)
    few = calls.universe.sum(axis=1) <= k
    return values_of(calls, both / k, {f"There are no more than {k} genes.": few}, k=k)
