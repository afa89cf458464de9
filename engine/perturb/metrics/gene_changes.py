"""Agreement of the signs and sizes of changes of single genes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...statistics.ranks import spearman
from ..comparison import NO_ORDER, Comparison, Values
from ..differential.settings import DifferentialSettings
from .calls import NO_GENES, NO_UNION, Calls, called, values_of

__all__ = [
    "change_error",
    "change_spearman",
    "direction_fidelity",
    "direction_match",
    "direction_reach",
    "direction_yield",
]

NAN = float("nan")
#: Least share of signs that agree in the genes that are reached: of a replicate some 0.95 do.
PURITY = 0.9
#: What is left to know beyond the more frequent sign is at least this.
LEAST_DOUBT = 0.05
#: An error relative to the size of changes needs so many genes.
LEAST_GENES = 10

Bools = npt.NDArray[np.bool_]


def direction_match(comparison: Comparison, settings: DifferentialSettings) -> Values:
    """Return the share of the significant genes of the truth that change with the same sign in the prediction."""
    calls = called(comparison, settings)
    same = calls.real & (np.sign(calls.truth.change) == np.sign(calls.prediction.change))
    with np.errstate(invalid="ignore"):
        found = same.sum(axis=1) / calls.truth.counts
    return values_of(calls, found, {NO_GENES: calls.truth.counts == 0})


def _signs(calls: Calls) -> tuple[Bools, Bools]:
    """Say of which genes the truth has a sign, and which have the same in the prediction."""
    signed = (calls.truth.change != 0) & ~np.isnan(calls.truth.change)
    return signed, signed & (np.sign(calls.truth.change) == np.sign(calls.prediction.change))


def direction_fidelity(comparison: Comparison, settings: DifferentialSettings, *, own: bool = False) -> Values:
    """Return k / max(n, m): k signs agree among n calls of the prediction, and m genes are significant in the truth.

    Calls of which the truth has no sign are left out; it need not call them significant.

    Parameters
    ----------
    comparison : Comparison
        Truth and prediction.
    settings : DifferentialSettings
        How differential expression is found.
    own : bool, default False
        Whether a perturbation's own targets count.
    """
    calls = called(comparison, settings, own=own)
    signed, same = _signs(calls)
    n, k = (calls.predicted & signed).sum(axis=1), (calls.predicted & same).sum(axis=1)
    most = np.maximum(n, calls.real.sum(axis=1))
    with np.errstate(invalid="ignore"):
        found = k / most
    return values_of(calls, found, {NO_UNION: most == 0}, own_targets=own)


def direction_yield(
    comparison: Comparison, settings: DifferentialSettings, *, own: bool = False, peer: bool = False
) -> Values:
    """Return min(1, n / m) (k / n - q) / (1 - q): the signs that agree among n calls, beyond what the usual sign gives.

    Of m significant genes of the truth the share q has the more frequent sign. A prediction that gives that sign to
    every gene has 0, and one that calls genes at random less. See `direction_fidelity`; 1 - q is at least 0.05, and
    without a call the yield is 0.

    Parameters
    ----------
    comparison : Comparison
        Truth and prediction.
    settings : DifferentialSettings
        How differential expression is found.
    own : bool, default False
        Whether a perturbation's own targets count.
    peer : bool, default False
        Whether, where the truth has no significant gene, the yield is 1 without a call and else 0, as in cell-eval2; by
        default there is none.
    """
    calls = called(comparison, settings, own=own)
    signed, same = _signs(calls)
    n, k = (calls.predicted & signed).sum(axis=1), (calls.predicted & same).sum(axis=1)
    m, votes = calls.real.sum(axis=1), (calls.real & signed).sum(axis=1)
    up = (calls.real & signed & (calls.truth.change > 0)).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        q = np.maximum(up, votes - up) / votes
        found = np.minimum(1, n / m) * (k / n - q) / np.maximum(1 - q, LEAST_DOUBT)
    found[n == 0] = 0
    if peer:
        found[m == 0] = n[m == 0] == 0
        m = np.maximum(m, 1)
    no_sign = "No significant gene of the truth has a sign."
    return values_of(
        calls, found, {NO_GENES: m == 0, no_sign: (votes == 0) & (calls.real.any(axis=1))}, own_targets=own
    )


def direction_reach(comparison: Comparison, settings: DifferentialSettings, *, own: bool = False) -> Values:
    """Return how far down the prediction's order of the truth's significant genes their signs agree.

    Genes are in the order of the prediction: significant ones first, then adjusted p, p, size of the change, and name.
    The reach is the most genes from the first on of which 90 % or more have the true sign, of all of them.

    Parameters
    ----------
    comparison : Comparison
        Truth and prediction.
    settings : DifferentialSettings
        How differential expression is found.
    own : bool, default False
        Whether a perturbation's own targets count.
    """
    calls = called(comparison, settings, own=own)
    signed, same = _signs(calls)
    names = np.argsort(np.argsort(np.array(comparison.panel.genes)))
    prediction = calls.prediction
    found = np.full(len(calls.real), np.nan)
    for place in np.flatnonzero(calls.real.any(axis=1)):
        genes = np.flatnonzero(calls.real[place])
        keys = (
            names[genes],
            -np.abs(prediction.change[place, genes]),
            prediction.p[place, genes],
            prediction.adjusted[place, genes],
            ~prediction.significant[place, genes],
        )
        order = genes[np.lexsort(keys)]
        judged = np.cumsum(signed[place, order])
        pure = np.cumsum(same[place, order]) / np.maximum(judged, 1) >= PURITY
        found[place] = judged[pure].max(initial=0) / len(genes)
    return values_of(calls, found, {NO_GENES: np.isnan(found)}, own_targets=own)


def change_spearman(comparison: Comparison, settings: DifferentialSettings) -> Values:
    """Return Spearman's correlation of changes over the significant genes of the truth."""
    calls = called(comparison, settings)
    n = len(calls.real)
    found, alike = np.full(n, np.nan), np.zeros(n, np.bool_)
    for place in np.flatnonzero(calls.truth.counts > 1):
        genes = calls.real[place]
        changes = np.nan_to_num(calls.prediction.change[place, genes], nan=0, posinf=np.inf, neginf=-np.inf)
        found[place] = spearman(calls.truth.change[place, genes], changes)
        alike[place] = bool((changes == changes[0]).all())
    few = "The truth has fewer than two significant genes that differ in their changes."
    return values_of(calls, found, {NO_GENES: calls.truth.counts == 0, NO_ORDER: alike, few: np.isnan(found) & ~alike})


def change_error(comparison: Comparison, settings: DifferentialSettings, *, own: bool = False) -> Values:
    """Return the sum of errors of changes over the significant genes of the truth, relative to the sum of changes.

    A change that the prediction does not have, or that is infinite, is 0: a prediction without change has an error of
    1. Not defined for fewer than ten genes whose true change is finite.

    Parameters
    ----------
    comparison : Comparison
        Truth and prediction.
    settings : DifferentialSettings
        How differential expression is found.
    own : bool, default False
        Whether a perturbation's own targets count.
    """
    calls = called(comparison, settings, own=own)
    genes = calls.real & np.isfinite(calls.truth.change)
    true = np.where(genes, calls.truth.change, 0)
    predicted = np.where(genes & np.isfinite(calls.prediction.change), calls.prediction.change, 0)
    sizes = np.abs(true).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.abs(predicted - true).sum(axis=1) / sizes
    few = f"The truth has fewer than {LEAST_GENES} significant genes of this perturbation."
    return values_of(calls, found, {few: (genes.sum(axis=1) < LEAST_GENES) | (sizes == 0)}, own_targets=own)
