"""Truth and prediction side by side, and what a metric finds there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from .screens.screen import Panel
from .screens.side import Side

__all__ = [
    "HIGHER",
    "LOWER",
    "MEAN_RESPONSE",
    "MISSING",
    "NEITHER",
    "NO_CALLS",
    "NO_CHANGE",
    "NO_ORDER",
    "NO_RESPONSE",
    "NO_ROWS",
    "OF_MEANS",
    "ONE_CELL",
    "UNSAID",
    "Comparison",
    "Metric",
    "Values",
    "undefined",
]

#: Which values are better; of a count that only describes, neither.
HIGHER, LOWER, NEITHER = "higher", "lower", "neither"
#: Why a prediction has no value where the truth would allow one.
MISSING = "The prediction has no cells of this perturbation."
OF_MEANS = "Rows are means of conditions: nothing can be tested."
NO_CALLS = "The prediction calls no gene significant, or every one."
NO_ORDER = "The prediction changes all significant genes alike."
NO_RESPONSE = "The predicted profile does not vary over these genes."
NO_ROWS = "The table of predicted differential expression has no row of this perturbation."
ONE_CELL = "Welch's t needs two cells, but there is one."
#: What a prediction does not say counts as the mean response in means: else it would pay to be silent where it is hard.
UNSAID = frozenset({MISSING, NO_CALLS, NO_ORDER, NO_RESPONSE, NO_ROWS, ONE_CELL})
#: What knows nothing: the mean response of the perturbations, or the control cells, where the former is the reference.
MEAN_RESPONSE, NO_CHANGE = "mean response", "no change"

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Values:
    """What a metric found.

    Attributes
    ----------
    of_conditions : ndarray of float64, shape (conditions,)
        One value a perturbation; NaN where it is not defined.
    reasons : mapping of int to str
        Why a perturbation has none, as a sentence.
    overall : float
        The value in all: NaN where `reason` says why.
    reason : str
        Why there is none in all.
    params : mapping
        What it was computed with.
    averaged : bool
        Whether the value in all is the mean over perturbations that have one.
    """

    of_conditions: Floats
    reasons: Mapping[int, str] = field(default_factory=dict)
    overall: float = float("nan")
    reason: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    averaged: bool = False

    @classmethod
    def mean(cls, of_conditions: Floats, reasons: Mapping[int, str] | None = None, **params: Any) -> Values:
        """Return values of perturbations whose mean, over those that have one, is the value in all."""
        known = of_conditions[~np.isnan(of_conditions)]
        overall = float(known.mean()) if len(known) else float("nan")
        reason = "" if len(known) else next(iter((reasons or {}).values()), "No perturbation has a value.")
        return cls(of_conditions, reasons or {}, overall, reason, params, averaged=True)

    @classmethod
    def single(cls, value: float, n: int, reason: str = "", **params: Any) -> Values:
        """Return one value of all perturbations together, of which single ones have none."""
        return cls(np.full(n, np.nan), {}, value, reason, params)


def undefined(n: int, reason: str, **params: Any) -> Values:
    """Return what stands for a metric that is not defined at all."""
    return Values.single(float("nan"), n, reason, **params)


@dataclass(frozen=True)
class Metric:
    """A metric of predicted responses.

    Attributes
    ----------
    name : str
        As its peer spells it.
    family : {"error", "correlation", "retrieval", "differential", "distribution", "structure"}
        What is judged.
    better : {"higher", "lower", "neither"}
        Which values are better.
    compute : callable
        ``comparison -> Values``.
    meaning : str
        One sentence.
    perfect : float
        Value of the truth as its own prediction; NaN where there is none.
    zero : {"mean response", "no change"}
        Which baseline has the score 0. Effects against the mean of the other perturbations leave nothing of a mean
        response, whose values would be those of its noise.
    """

    name: str
    family: str
    better: str
    compute: Callable[[Comparison], Values]
    meaning: str
    perfect: float
    zero: str = MEAN_RESPONSE


class Comparison:
    """Truth and prediction of the same panel in one context.

    Parameters
    ----------
    truth, prediction : Side
        Of one panel. The control of the prediction is that of the truth, unless a preset asks for its own.
    whole : Side, optional
        All true cells, where `truth` is a part of them: what spaces are fitted on.
    """

    def __init__(self, truth: Side, prediction: Side, whole: Side | None = None) -> None:
        self.truth, self.prediction, self.whole = truth, prediction, whole or truth

    @property
    def panel(self) -> Panel:
        """Conditions and genes."""
        return self.truth.panel

    @cached_property
    def judged(self) -> npt.NDArray[np.bool_]:
        """Which perturbations have cells in both, (conditions,)."""
        return (self.truth.sizes[:-1] > 0) & (self.prediction.sizes[:-1] > 0)

    @cached_property
    def others_mean(self) -> Floats:
        """Mean over the means of all other perturbations of the truth, (conditions, genes).

        The reference of Systema, with the perturbation left out: what a response has beyond that of any perturbation.
        """
        means = self.truth.means[:-1]
        there = ~np.isnan(means[:, 0])
        total = means[there].sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray((total - np.where(there[:, None], means, 0)) / (there.sum() - there[:, None]))
