"""How well scores of the prediction find the genes that are significant in the truth."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ...statistics.ranks import average_precision, roc_area
from ..comparison import Comparison, Values
from ..differential.settings import DifferentialSettings
from .calls import Calls, called, values_of

__all__ = ["LEAST_P", "by_effect", "by_p_value"]

#: Smallest adjusted p-value that is told from 0, in cell-eval.
LEAST_P = 1e-10
AREAS: dict[str, Callable[..., float]] = {"pr": average_precision, "roc": roc_area}
ONE_CLASS = "No gene of this perturbation is significant in the truth, or every one is."

Floats = npt.NDArray[np.float64]


def by_p_value(comparison: Comparison, settings: DifferentialSettings, *, area: str, least: float = LEAST_P) -> Values:
    """Return the area under the curve of genes in the order of the prediction's adjusted p-values.

    Parameters
    ----------
    comparison : Comparison
        Truth and prediction.
    settings : DifferentialSettings
        How differential expression is found.
    area : {"pr", "roc"}
        Under precision over recall (average precision), or under the receiver operating characteristic.
    least : float, default 1e-10
        Smaller p-values are tied.
    """
    calls = called(comparison, settings)
    adjusted = np.nan_to_num(calls.prediction.adjusted, nan=1)
    return _areas(calls, -np.maximum(adjusted, least), area)


def by_effect(comparison: Comparison, settings: DifferentialSettings, *, area: str) -> Values:
    """Return the area under the curve of genes in the order of the prediction's effects of either sign.

    See `by_p_value`; effects are t, or Cliff's delta.
    """
    calls = called(comparison, settings)
    return _areas(calls, np.nan_to_num(np.abs(calls.prediction.effect), nan=0), area)


def _areas(calls: Calls, scores: Floats, area: str) -> Values:
    genes = calls.truth.genes
    found = np.full(len(scores), np.nan)
    tested = int(genes.sum())
    for place in np.flatnonzero((calls.truth.counts > 0) & (calls.truth.counts < tested)):
        found[place] = AREAS[area](calls.real[place, genes], scores[place, genes])
    return values_of(calls, found, {ONE_CLASS: np.isnan(found)}, area=area)
