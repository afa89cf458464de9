"""Metrics of a classification from counts by class: hits, support, predictions.

Every function takes counts of shape (..., c) and works along the last axis, so a batch of resampled counts costs one
call. The flat F-measure counts classes, the hierarchical one nodes of the ontology; the formulas are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..confusion import ClassCounts

__all__ = ["ClassScores", "averages", "class_scores", "python_numbers", "single_scores"]

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[Any]


def _ratio(above: Numbers, below: Numbers, otherwise: float) -> Floats:
    out = np.full(np.broadcast(above, below).shape, float(otherwise))
    np.divide(above, below, out=out, where=np.asarray(below) > 0)
    return out


def _f_beta(
    precision: Floats, recall: Floats, hits: Numbers, errors: Numbers, beta: float, zero_division: float, rule: str
) -> Floats:
    """Compute the F-measure from precision and recall (cellarium-cas), or from counts (scikit-learn).

    `errors` are false positives and false negatives, the latter times beta squared.
    """
    square = beta * beta
    if rule == "sklearn":
        return _ratio((1 + square) * hits, (1 + square) * hits + errors, zero_division)
    return _ratio((1 + square) * precision * recall, square * precision + recall, zero_division)


class ClassScores(NamedTuple):
    """Precision, recall and F-measure of each class, shape (..., c) each."""

    precision: Floats
    recall: Floats
    f: Floats


def class_scores(
    counts: ClassCounts, *, zero_division: float = 0.0, rule: str = "cellarium", beta: float = 1.0
) -> ClassScores:
    """Compute precision, recall and F-measure of each class; arguments as in `averages`."""
    hits, support, predicted = counts.hits, counts.support, counts.predicted
    precision, recall = _ratio(hits, predicted, zero_division), _ratio(hits, support, zero_division)
    errors = (predicted - hits) + beta * beta * (support - hits)
    return ClassScores(precision, recall, _f_beta(precision, recall, hits, errors, beta, zero_division, rule))


def _mean(values: Floats, weights: Numbers, used: npt.NDArray[np.bool_], zero_division: float, rule: str) -> Floats:
    """Compute the weighted mean over the classes in use, along the last axis.

    A NaN among them is one of the mean, as in cellarium-cas; the rule of scikit-learn leaves it out, and where only
    classes without weight are left, they all count the same.
    """
    if rule == "sklearn":
        known = used & ~np.isnan(values)
        left = np.where(known, weights, 0)
        lost = (left.sum(axis=-1) == 0) & (weights.sum(axis=-1) > 0)
        used, weights = known, np.where(lost[..., np.newaxis], known, left)
    return _ratio((np.where(used, values, 0.0) * weights).sum(axis=-1), weights.sum(axis=-1), zero_division)


def averages(
    counts: ClassCounts,
    *,
    classes: str = "active",
    zero_division: float = 0.0,
    rule: str = "cellarium",
    beta: float = 1.0,
    whole: ClassCounts | None = None,
) -> dict[str, Numbers]:
    """Compute micro, macro and support-weighted precision, recall and F-measure.

    Parameters
    ----------
    counts : ClassCounts, shape (..., c)
        Counts by class.
    classes : {"active", "true"}
        What macro means are taken over: classes that occur as truth or prediction (flat metrics of cellarium-cas and
        scikit-learn), or those that occur as truth (its hierarchical metrics).
    zero_division : float, default 0.0
        What a ratio without a denominator is worth.
    rule : {"cellarium", "sklearn"}
        ``cellarium``: F is made of precision and recall, and undefined where both are zero, also when there are
        errors; a NaN goes into means. ``sklearn``: F is undefined only where there is neither truth nor prediction; NaN
        is left out of means.
    beta : float, default 1.0
        Weight of recall in the F-measure.
    whole : ClassCounts, shape (c,), optional
        Where `counts` are of draws from some data, the counts of these: macro means are then over the classes of the
        data, and a class that a draw misses counts with its scores in the data. Else rare classes come and go, and
        means over them are not those of the data.

    Returns
    -------
    dict of ndarray, shape (...)
        ``tp, fp, fn, precision_micro, recall_micro, f1_micro, f1_macro, precision_macro, recall_macro,
        precision_weighted, recall_weighted, f1_weighted``, in this order.
    """
    options: dict[str, Any] = {"zero_division": zero_division, "rule": rule, "beta": beta}
    scores = class_scores(counts, **options)
    total = ClassCounts(*(np.sum(x, axis=-1, keepdims=True) for x in (counts.hits, counts.support, counts.predicted)))
    micro = ClassScores(*(score[..., 0] for score in class_scores(total, **options)))
    used = (counts.support > 0) | (counts.predicted > 0) if classes == "active" else counts.support > 0
    some, over = scores, used
    if whole is not None:
        over = np.broadcast_to((whole.support > 0) | ((classes == "active") & (whole.predicted > 0)), used.shape)
        some = ClassScores(
            *(np.where(used, *both) for both in zip(scores, class_scores(whole, **options), strict=True))
        )
    macro = ClassScores(*(_mean(score, over.astype(np.int64), over, zero_division, rule) for score in some))
    weighted = ClassScores(*(_mean(score, counts.support, used, zero_division, rule) for score in scores))
    tp, support, predicted = (x[..., 0] for x in (total.hits, total.support, total.predicted))
    return {
        "tp": tp,
        "fp": predicted - tp,
        "fn": support - tp,
        "precision_micro": micro.precision,
        "recall_micro": micro.recall,
        "f1_micro": micro.f,
        "f1_macro": macro.f,
        "precision_macro": macro.precision,
        "recall_macro": macro.recall,
        "precision_weighted": weighted.precision,
        "recall_weighted": weighted.recall,
        "f1_weighted": weighted.f,
    }


def single_scores(counts: ClassCounts, whole: ClassCounts | None = None) -> dict[str, Floats]:
    """Compute accuracy, balanced accuracy, Matthews correlation and Cohen's kappa; NaN where undefined.

    Cells without a prediction count as predicted to be of a class of their own.

    Parameters
    ----------
    counts : ClassCounts, shape (..., c)
        Counts by class.
    whole : ClassCounts, shape (c,), optional
        As in `averages`: the balanced accuracy of draws is over the classes of the data.

    Returns
    -------
    dict of ndarray, shape (...)
        ``accuracy, balanced_accuracy, matthews_correlation, cohen_kappa``.

    References
    ----------
    Gorodkin 2004 (Matthews correlation of many classes); Cohen 1960; Brodersen et al. 2010 (balanced accuracy).
    """
    hits, support, predicted = (np.asarray(x, np.float64) for x in (counts.hits, counts.support, counts.predicted))
    cells, correct = support.sum(axis=-1), hits.sum(axis=-1)
    none = cells - predicted.sum(axis=-1)
    recall, true = _ratio(hits, support, np.nan), support > 0
    if whole is not None:
        recall = np.where(true, recall, _ratio(whole.hits, whole.support, np.nan))
        true = np.broadcast_to(whole.support > 0, support.shape)
    chance = (support * predicted).sum(axis=-1)
    spread_true = cells**2 - (support**2).sum(axis=-1)
    spread_predicted = cells**2 - (predicted**2).sum(axis=-1) - none**2
    return {
        "accuracy": _ratio(correct, cells, np.nan),
        "balanced_accuracy": _mean(recall, true.astype(np.int64), true, np.nan, "cellarium"),
        "matthews_correlation": _ratio(correct * cells - chance, np.sqrt(spread_true * spread_predicted), np.nan),
        "cohen_kappa": _ratio(correct * cells - chance, cells**2 - chance, np.nan),
    }


def python_numbers(scores: Mapping[str, Any]) -> dict[str, int | float]:
    """Turn scalars of NumPy into numbers of Python, counts staying whole numbers."""
    return {name: np.asarray(value).item() for name, value in scores.items()}
