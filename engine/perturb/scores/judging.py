"""Every metric of every prediction, in each context; what the truth has is found once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from ....kernels.backend import Backend
from ...command.job import Job
from ...results.progress import Advance
from ..comparison import HIGHER, MISSING, NEITHER, OF_MEANS, Comparison, Metric, Values, undefined
from ..differential.given import Given
from ..presets import Preset
from ..screens.replicates import halves
from ..screens.screen import Screen
from ..screens.side import Side

__all__ = ["Found", "Judge", "Replicate", "score"]

#: A replicate ceiling must lie so many standard deviations of its own from the baseline.
SURE = 2.0

Floats = npt.NDArray[np.float64]
#: Values by context and metric.
Found = Mapping[tuple[int, str], Values]


@dataclass(frozen=True)
class Replicate:
    """What a metric gives for the truth against itself, over several halvings.

    Attributes
    ----------
    of_conditions : ndarray of float64, shape (conditions,)
        Mean of each perturbation; NaN where no halving has a value.
    overall, sd : float
        Mean and standard deviation of the value in all.
    """

    of_conditions: Floats
    overall: float
    sd: float


class Judge:
    """Judges predictions of one truth.

    Parameters
    ----------
    truth : Screen
        True cells.
    preset : Preset
        Settings of the metrics.
    metrics : sequence of Metric
        Those that are wanted.
    backend : Backend
        The kernels.
    threads : int
        Worker threads; 0 takes all cores.
    job : Job
        Keeps what was found.
    digests : list of str
        Of the inputs.
    given : Given, optional
        Differential expression that was found elsewhere.

    Attributes
    ----------
    sides : list of Side
        The truth in each context.
    """

    def __init__(
        self,
        truth: Screen,
        preset: Preset,
        metrics: Sequence[Metric],
        backend: Backend[Any],
        threads: int,
        job: Job,
        digests: list[str],
        given: Given | None = None,
    ) -> None:
        self.truth, self.preset, self.metrics = truth, preset, list(metrics)
        self._backend, self._threads, self._job, self._digests = backend, threads, job, digests
        self._given = given or Given()
        self.sides = [self._side(truth, context) for context in range(len(truth.panel.contexts))]
        for context, side in enumerate(self.sides):
            self._given.provide(truth.name, context, side)

    def _side(self, screen: Screen, context: int) -> Side:
        return Side(screen, context, self.preset.total, self._backend, self._threads)

    def values(self, prediction: Screen, advance: Advance | None = None) -> Found:
        """Return what each metric finds of a prediction."""
        if not self.preset.own_controls:
            prediction = prediction.with_controls_of(self.truth)
        untested = any(
            not screen.of_cells and screen.name not in self._given.names for screen in (self.truth, prediction)
        )
        found: dict[tuple[int, str], Values] = {}
        in_all = len(self.sides) * len(self.metrics)
        for context, truth in enumerate(self.sides):
            comparison = Comparison(truth, self._side(prediction, context))
            self._given.provide(prediction.name, context, comparison.prediction, truth)
            for metric in self.metrics:
                step = f"{prediction.name}, {self.truth.panel.contexts[context]}, {metric.name}"
                if metric.family == "differential" and untested:
                    found[context, metric.name] = undefined(len(self.truth.panel.conditions), OF_MEANS)
                else:
                    kept = self._job.steps.do(step, partial(_packed_values, metric, comparison), self._digests)
                    found[context, metric.name] = _unpacked(kept)
                if advance is not None:
                    advance(len(found), in_all)
        return found

    def replicates(self, splits: int, seed: int, advance: Advance | None = None) -> dict[tuple[int, str], Replicate]:
        """Return what each metric gives for halves of the truth; nothing where the truth has no cells."""
        if not splits or not self.truth.of_cells:
            return {}
        drawn: dict[tuple[int, str], list[Values]] = {}
        for split, (one, other) in enumerate(halves(self.truth, splits, seed)):

            def judged(one: Screen = one, other: Screen = other) -> dict[str, Any]:
                return {
                    f"{context} {metric.name}": _packed_values(metric, comparison)
                    for context in range(len(self.sides))
                    for comparison in [
                        Comparison(self._side(one, context), self._side(other, context), self.sides[context])
                    ]
                    for metric in self.metrics
                }

            names = ", ".join(metric.name for metric in self.metrics)
            kept = self._job.steps.do(f"halves {split}: {names}", judged, self._digests)
            for key, values in kept.items():
                context, _, name = key.partition(" ")
                drawn.setdefault((int(context), name), []).append(_unpacked(values))
            del one, other, judged  # before the next are made
            if advance is not None:
                advance(split + 1, splits)
        return {key: _replicate(values) for key, values in drawn.items()}


def _judged(metric: Metric, comparison: Comparison) -> Values:
    """Return what a metric finds; perturbations without predicted cells have a reason."""
    judged = comparison.judged
    if not judged.any():
        return undefined(len(judged), "The prediction has no perturbation of the truth here.")
    if comparison.truth.sizes[-1] == 0 or comparison.prediction.sizes[-1] == 0:
        return undefined(len(judged), "There are no control cells here.")
    found = metric.compute(comparison)
    if judged.all():
        return found
    of_conditions = np.where(judged, found.of_conditions, np.nan)
    sizes = comparison.truth.sizes[:-1]
    absent = {
        int(place): MISSING if sizes[place] else "The truth has no cells of this perturbation here."
        for place in np.flatnonzero(~judged)
    }
    reasons = {place: why for place, why in found.reasons.items() if judged[place]} | absent
    return Values(of_conditions, reasons, found.overall, found.reason, found.params, found.averaged)


def _replicate(drawn: Sequence[Values]) -> Replicate:
    table = np.stack([values.of_conditions for values in drawn])
    known = (~np.isnan(table)).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.where(known > 0, np.nansum(table, axis=0) / known, np.nan)
    overall = np.array([values.overall for values in drawn])
    overall = overall[~np.isnan(overall)]
    if not len(overall):
        return Replicate(means, float("nan"), float("nan"))
    return Replicate(means, float(overall.mean()), float(overall.std(ddof=1)) if len(overall) > 1 else float("nan"))


def score(value: float, baseline: float, replicate: float, sd: float, better: str) -> tuple[float, str]:
    """Return a value on the scale from the mean response (0) to half of the truth against the other (1).

    Parameters
    ----------
    value, baseline, replicate : float
        u, b, r; NaN where there is none.
    sd : float
        Of r over halvings.
    better : {"higher", "lower", "neither"}
        Which values are better.

    Returns
    -------
    score : float
        (u - b) / (r - b), not cut off; NaN where `status` says why.
    status : str
        "ok", or why there is none.
    """
    if np.isnan(value):
        return float("nan"), "There is no value."
    if better == NEITHER:
        return float("nan"), "Neither more nor less is better."
    if np.isnan(baseline) or np.isnan(replicate):
        return float("nan"), "There is no baseline or no replicate."
    above = (replicate - baseline) * (1 if better == HIGHER else -1)
    if not above > SURE * (0.0 if np.isnan(sd) else sd):
        return float("nan"), "The metric does not tell a replicate from the mean response here."
    return (value - baseline) / (replicate - baseline), "ok"


def _packed_values(metric: Metric, comparison: Comparison) -> dict[str, Any]:
    return _packed(_judged(metric, comparison))


def _packed(values: Values) -> dict[str, Any]:
    """Return values as a step keeps them."""
    return {
        "of_conditions": values.of_conditions,
        "reasons": {str(place): why for place, why in values.reasons.items()},
        "overall": None if np.isnan(values.overall) else float(values.overall),
        "reason": values.reason,
        "params": dict(values.params),
        "averaged": values.averaged,
    }


def _unpacked(kept: Mapping[str, Any]) -> Values:
    overall = float("nan") if kept["overall"] is None else kept["overall"]
    reasons = {int(place): why for place, why in kept["reasons"].items()}
    return Values(kept["of_conditions"], reasons, overall, kept["reason"], kept["params"], kept["averaged"])
