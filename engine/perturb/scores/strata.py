"""Perturbations by what makes them easy or hard: size of the response, likeness to the mean response, cells."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..comparison import Comparison, Metric, Values
from ..screens.side import Side
from .judging import score

__all__ = ["strata_of", "stratum_rows"]

Floats = npt.NDArray[np.float64]

_THIRDS = ("low", "middle", "high")


def strata_of(truth: Side, seen: Collection[str] | None) -> dict[str, list[str]]:
    """Return the level of each perturbation, by stratum; an empty one where it has no cells.

    Parameters
    ----------
    truth : Side
        True cells in one context.
    seen : collection of str or None
        Perturbations of the training cells, where these are known.

    Returns
    -------
    dict of str to list of str
        ``effect_size`` (length of the mean response), ``likeness`` (cosine with the mean response of the others: where
        it is high, the mean response is a good prediction) and ``cells``, each in thirds; ``training``: seen or unseen.
    """
    panel = truth.panel
    others = Comparison(truth, truth).others_mean - truth.control_mean
    with np.errstate(invalid="ignore", divide="ignore"):
        length = np.sqrt((truth.effects**2).sum(axis=1))
        cosine = (truth.effects * others).sum(axis=1) / (length * np.sqrt((others**2).sum(axis=1)))
    cells = np.where(truth.sizes[:-1] > 0, truth.sizes[:-1].astype(np.float64), np.nan)
    found = {"effect_size": _thirds(length), "likeness": _thirds(cosine), "cells": _thirds(cells)}
    if seen is not None:
        found["training"] = ["seen" if condition in seen else "unseen" for condition in panel.conditions]
    return found


def _thirds(values: Floats) -> list[str]:
    """Return in which third each value is; equal values share one. NaN has none."""
    known = ~np.isnan(values)
    if not known.any():
        return [""] * len(values)
    edges = np.quantile(values[known], [1 / 3, 2 / 3])
    return [
        _THIRDS[int(np.searchsorted(edges, value))] if there else "" for value, there in zip(values, known, strict=True)
    ]


def stratum_rows(
    name: str,
    context: str,
    metrics: Mapping[Metric, tuple[Values, Values | None, Floats | None]],
    strata: Mapping[str, list[str]],
) -> Iterator[dict[str, Any]]:
    """Give one row a metric that is a mean over perturbations, stratum and level.

    Parameters
    ----------
    name, context : str
        Prediction and context.
    metrics : mapping of Metric to (Values, Values or None, ndarray or None)
        What was found of the prediction and of the baseline, and the replicate by perturbation.
    strata : mapping of str to list of str
        As `strata_of` returns them.
    """
    for metric, (values, baseline, replicate) in metrics.items():
        if not values.averaged:
            continue
        for stratum, levels in strata.items():
            for level in dict.fromkeys(each for each in levels if each):
                here = np.array([each == level for each in levels]) & ~np.isnan(values.of_conditions)
                if not here.any():
                    continue
                value = float(values.of_conditions[here].mean())
                b = _mean(baseline.of_conditions if baseline else None, here)
                r = _mean(replicate, here)
                scored, status = score(value, b, r, np.nan, metric.better)
                yield {
                    "prediction": name,
                    "context": context,
                    "stratum": stratum,
                    "level": level,
                    "metric_type": metric.name,
                    "value": value,
                    "baseline": None if np.isnan(b) else b,
                    "replicate": None if np.isnan(r) else r,
                    "score": None if np.isnan(scored) else scored,
                    "n_conditions": int(here.sum()),
                    "status": status,
                }


def _mean(values: Floats | None, here: npt.NDArray[np.bool_]) -> float:
    known = np.empty(0) if values is None else values[here][~np.isnan(values[here])]
    return float(known.mean()) if len(known) else float("nan")
