"""What metrics of differential expression share: pairs of tables, own targets, and values with their reasons."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..comparison import Comparison, Values
from ..differential.settings import DifferentialSettings
from ..differential.testing import Differential, pair

__all__ = ["NO_GENES", "NO_UNION", "Calls", "called", "values_of"]

#: Why there is no value where the truth has nothing to find.
NO_GENES = "The truth has no significant gene of this perturbation."
NO_UNION = "No gene of this perturbation is significant in truth or prediction."

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


class Calls(NamedTuple):
    """Significant genes of truth and prediction.

    Attributes
    ----------
    truth, prediction : Differential
        The tables.
    real, predicted : ndarray of bool, shape (conditions, genes)
        Significant genes of each.
    universe : ndarray of bool, shape (conditions, genes)
        Genes that are looked at: those tested, without own targets where they are left out.
    """

    truth: Differential
    prediction: Differential
    real: Bools
    predicted: Bools
    universe: Bools


def called(comparison: Comparison, settings: DifferentialSettings, *, own: bool = True) -> Calls:
    """Return the significant genes of both sides.

    Parameters
    ----------
    comparison : Comparison
        Truth and prediction.
    settings : DifferentialSettings
        How differential expression is found.
    own : bool, default True
        Whether the genes that a perturbation acts on are among its genes. P-values are adjusted with them either way.
    """
    found = pair(comparison, settings)
    universe = np.broadcast_to(found.truth.genes, found.truth.p.shape)
    real, predicted = found.truth.significant, found.prediction.significant
    if not own:
        universe = universe.copy()
        for condition, genes in enumerate(comparison.panel.targets):
            universe[condition, genes] = False
        real, predicted = real & universe, predicted & universe
    return Calls(found.truth, found.prediction, real, predicted, universe)


def values_of(
    calls: Calls, found: Floats, reasons: dict[str, Bools], peer: float = float("nan"), **params: Any
) -> Values:
    """Return values of perturbations, NaN with a reason where they are not defined.

    Parameters
    ----------
    calls : Calls
        What they were found from.
    found : ndarray of float64, shape (conditions,)
        Values.
    reasons : mapping of str to ndarray of bool, shape (conditions,)
        Which perturbations have none for a reason; the first that fits is told.
    peer : float, default NaN
        What a peer gives there; NaN keeps the reasons.
    **params
        What they were computed with, beside the settings.
    """
    told: dict[int, str] = {}
    found = found.copy()
    for why, where in reasons.items():
        found[where] = peer
        if np.isnan(peer):
            for place in np.flatnonzero(where).tolist():
                told.setdefault(place, why)
    untested = {**calls.prediction.reasons, **calls.truth.reasons}
    found[list(untested)] = np.nan
    settings = calls.truth.settings
    given = {"method": settings.method, "reference": settings.reference, "alpha": settings.alpha, **params}
    return Values.mean(found, {**told, **untested}, **given)
