"""Whether the labels of cells can be predicted from their vectors: cross-validation by several classifiers."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..finding import WHOLE, Finding, Named, undefined
from ..space import Space
from .classifiers import FOLDS, LEAST_CELLS, SEED, Fit, Ints, Scores, at_chance, class_scores, fitted, mean_scores

__all__ = ["cross_validated", "label_prediction", "without_values"]

#: How the means over folds are called.
FOLD_NAMES = tuple(f"mean_fold_{name}" for name in Scores._fields)


def label_prediction(space: Space) -> list[Named]:
    """Return how well labels are predicted in five folds, by each classifier and on average.

    The task of cz-benchmarks: labels of 10 cells or more, stratified folds that all classifiers share, classifiers with
    the defaults of scikit-learn on scaled vectors (not centred), means over folds. Each finding has the value of each
    fold; precision, recall and F1 also that of each label, over all folds. What each cell adds to the accuracy gives
    an interval of it: of the cells that are predicted, not of the training.
    """
    labels = space.cells.labels
    kept = labels.sizes >= LEAST_CELLS
    rows = np.flatnonzero(kept[labels.codes])
    mean_of = _mean_name(sorted(space.prediction.classifiers))
    if kept.sum() < 2:
        return without_values(FOLD_NAMES, f"Fewer than two labels have {LEAST_CELLS} cells.", classifier=mean_of)
    groups = labels.of(rows)
    about = {
        "least_cells": LEAST_CELLS,
        "labels": len(groups),
        "labels_left_out": int((~kept).sum()),
        "cells_left_out": len(labels.codes) - len(rows),
    }
    fits = cross_validated(space.x[rows], groups.codes, rows, space, transfer=False)
    return fold_findings(fits, groups.names, len(space), about, mean_of)


def cross_validated(
    x: npt.NDArray[np.floating],
    codes: Ints,
    rows: Ints,
    space: Space,
    *,
    transfer: bool,
    donors: Ints | None = None,
) -> dict[str, list[Fit]]:
    """Return the fits of five folds by classifier.

    Parameters
    ----------
    x : ndarray, shape (m, d)
        Vectors.
    codes : ndarray of int64, shape (m,)
        Classes, 0 .. k - 1.
    rows : ndarray of int64, shape (m,)
        Which rows of the embedding they are.
    space : Space
        Its classifiers and threads.
    transfer : bool
        See `classifiers.fitted`.
    donors : ndarray of int64, shape (m,), optional
        None of whom is in training and test at once.
    """
    try:
        from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
    except ModuleNotFoundError:
        splits = []  # the first classifier says what is missing
    else:
        kind = StratifiedKFold if donors is None else StratifiedGroupKFold
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of classes with fewer rows than folds, in compat mode
            splits = list(kind(FOLDS, shuffle=True, random_state=SEED).split(x, codes, donors))
    k = int(codes.max()) + 1
    found: dict[str, list[Fit]] = {}
    for name in space.prediction.classifiers:
        found[name] = [
            fitted(
                name,
                (x[train], codes[train]),
                (x[test], codes[test], rows[test]),
                k,
                transfer=transfer,
                threads=space.threads,
                compat=space.mode.compat,
            )
            for train, test in splits
            if len(test)
        ]
    return found


def fold_findings(
    fits: Mapping[str, Sequence[Fit]],
    names: Sequence[str],
    n: int,
    about: Mapping[str, Any],
    mean_of: str,
    prefix: str = "",
) -> list[Named]:
    """Return the means over folds of all classifiers together, then of each.

    Parameters
    ----------
    fits : mapping of str to sequence of Fit
        By classifier.
    names : sequence of str
        Of the classes.
    n : int
        Cells of the embedding.
    about : mapping
        Params of all findings.
    mean_of : str
        How cz-benchmarks calls all classifiers together.
    prefix : str, default ""
        Stands before the classifier in the variant, and alone for all together; empty: they are the whole.
    """
    every = [fit for each in fits.values() for fit in each]
    truth = np.concatenate([fit.truth for fit in next(iter(fits.values()))])
    chances = at_chance(truth, len(names))
    found: list[Named] = []
    for classifier, mine in [(mean_of, every), *fits.items()]:
        means = mean_scores(mine)
        together = classifier == mean_of
        variant = (prefix or WHOLE) if together else f"{prefix} {classifier}".strip()
        stopped = sum(not fit.converged for fit in mine)
        for place, (name, value) in enumerate(means._asdict().items()):
            params = {
                **about,
                "classifier": classifier,
                "folds": len(next(iter(fits.values()))),
                "majority": chances[0][place],
                "stratified": chances[1][place],
                **({"not_converged": stopped} if stopped else {}),
            }
            detail = _by_fold(fits if together else {classifier: mine}, place)
            if name in ("precision", "recall", "f1"):
                detail |= _by_class(mine, names, name)
            per_cell = _hits(mine, n) if name == "accuracy" else None
            reason = "A fold has cells of one label alone, or not of all." if math.isnan(value) else ""
            statistic = "mean" if per_cell is not None else "other"
            found.append(
                Named(
                    f"mean_fold_{name}",
                    Finding(value, reason, detail, per_cell, statistic, params=params, variant=variant),
                )
            )
    return found


def without_values(names: Sequence[str], reason: str, variant: str = WHOLE, **params: Any) -> list[Named]:
    """Return findings that are not defined, all for one reason."""
    return [Named(name, undefined(reason, variant, **params)) for name in names]


def _mean_name(classifiers: Sequence[str]) -> str:
    return f"MEAN({','.join(classifiers)})"


def _by_fold(fits: Mapping[str, Sequence[Fit]], place: int) -> dict[str, float]:
    values = np.array([[fit.scores[place] for fit in mine] for mine in fits.values()]).mean(axis=0)
    return {f"fold {number + 1}": float(value) for number, value in enumerate(values) if not math.isnan(value)}


def _by_class(fits: Sequence[Fit], names: Sequence[str], score: str) -> dict[str, float]:
    """Return a score of each class from the predictions of all folds (and classifiers) together."""
    truth = np.concatenate([fit.truth for fit in fits])
    predicted = np.concatenate([fit.predicted for fit in fits])
    of = class_scores(truth, predicted, len(names))
    return {name: float(getattr(of, score)[code]) for code, name in enumerate(names) if of.occurs[code]}


def _hits(fits: Sequence[Fit], n: int) -> npt.NDArray[np.float64]:
    """Return what each cell adds to the mean accuracy: folds count alike, whatever their size."""
    total, times = np.zeros(n), np.zeros(n, np.int64)
    for fit in fits:
        total[fit.test] += (fit.truth == fit.predicted) / len(fit.test)
        times[fit.test] += 1
    return np.where(times > 0, total * (times > 0).sum() / len(fits), math.nan)
