"""Classifiers that predict labels from vectors, and the scores of what they predict."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ...errors import InputError
from ...statistics.ranks import roc_area

__all__ = ["FOLDS", "LEAST_CELLS", "SEED", "Fit", "Scores", "at_chance", "class_scores", "fitted", "scored"]

#: Of cz-benchmarks: folds, cells that a label must have, seed of folds and forests.
FOLDS, LEAST_CELLS, SEED = 5, 10, 42

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Scores(NamedTuple):
    """How well labels are predicted: of classes, the mean over them (of two classes, that of the second)."""

    accuracy: float
    f1: float
    precision: float
    recall: float
    auroc: float


class ClassScores(NamedTuple):
    """Precision, recall and F1 of each class, 0 where nothing is divided by nothing; and which classes occur."""

    precision: Floats
    recall: Floats
    f1: Floats
    occurs: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Fit:
    """What one classifier predicted, trained once.

    Attributes
    ----------
    test : ndarray of int64, shape (m,)
        Rows that were predicted.
    truth, predicted : ndarray of int64, shape (m,)
        Codes of classes.
    scores : Scores
        Of them.
    converged : bool
        Whether the classifier was done before its limit of iterations.
    """

    test: Ints
    truth: Ints
    predicted: Ints
    scores: Scores
    converged: bool


def class_scores(truth: Ints, predicted: Ints, k: int) -> ClassScores:
    """Return the scores of k classes from codes 0 .. k - 1."""
    counts = np.bincount(truth * k + predicted, minlength=k * k).reshape(k, k)
    right, there, said = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)

    def share(part: Any, whole: Any) -> Floats:
        return np.asarray(np.divide(part, whole, out=np.zeros(k), where=whole > 0))

    return ClassScores(share(right, said), share(right, there), share(2 * right, there + said), there + said > 0)


def scored(truth: Ints, probability: Floats, trained: Ints | None = None) -> Scores:
    """Return the scores of predictions, with the averages of cz-benchmarks.

    Parameters
    ----------
    truth : ndarray of int64, shape (m,)
        Codes of classes, 0 .. k - 1.
    probability : ndarray of float64, shape (m, k)
        Of each class.
    trained : ndarray of int64, optional
        In compat mode, the classes that were trained; the averages follow from them.

    Returns
    -------
    Scores
        Of more than two classes, the mean over those that occur among truth or predictions (AUROC: one against the
        rest, of those that are neither all nor none of the truth); of two classes, the scores of the second. NaN in
        compat mode where scikit-learn, as cz-benchmarks calls it, raises an error: AUROC where the classes of the truth
        are not those that were trained, and all but accuracy where these are two and the truth has another.
    """
    k = probability.shape[1]
    predicted = probability.argmax(axis=1)
    of = class_scores(truth, predicted, k)
    accuracy = float((truth == predicted).mean())
    chosen = np.array([1]) if k == 2 else np.flatnonzero(of.occurs)
    areas = [roc_area(truth == code, probability[:, code]) for code in ([1] if k == 2 else range(k))]
    known = [area for area in areas if not np.isnan(area)]
    if trained is not None and not np.array_equal(np.unique(truth), trained):
        if len(trained) == 2 < k:
            return Scores(accuracy, math.nan, math.nan, math.nan, math.nan)
        known = []
    return Scores(
        accuracy,
        float(of.f1[chosen].mean()),
        float(of.precision[chosen].mean()),
        float(of.recall[chosen].mean()),
        float(np.mean(known)) if known else float("nan"),
    )


def at_chance(truth: Ints, k: int) -> tuple[Scores, Scores]:
    """Return the expected scores of who always names the largest class, and of who draws classes by their share."""
    share = np.bincount(truth, minlength=k) / len(truth)
    most = int(share.argmax())
    largest = float(share[most])
    if k == 2:
        q, named = float(share[1]), most == 1
        majority = Scores(largest, 2 * q / (1 + q) if named else 0.0, q if named else 0.0, float(named), 0.5)
        return majority, Scores(float((share**2).sum()), q, q, q, 0.5)
    majority = Scores(largest, 2 * largest / (1 + largest) / k, largest / k, 1 / k, 0.5)
    return majority, Scores(float((share**2).sum()), 1 / k, 1 / k, 1 / k, 0.5)


def _classifier(name: str, *, transfer: bool, threads: int) -> Any:
    """Return a classifier of scikit-learn, as cz-benchmarks sets it up within a data set or to transfer labels."""
    try:
        from sklearn.ensemble import RandomForestClassifier
        from sklearn.linear_model import LogisticRegression
        from sklearn.neighbors import KNeighborsClassifier
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
    except ModuleNotFoundError:
        raise InputError(
            "Label prediction needs scikit-learn: pip install 'fastbench[embed]', or name other --tasks."
        ) from None
    jobs = threads or -1
    if name == "rf":
        return RandomForestClassifier(random_state=SEED, n_jobs=jobs)
    scale = StandardScaler(with_mean=transfer)
    if name == "knn":
        return make_pipeline(scale, KNeighborsClassifier(n_jobs=jobs))
    limits = {"max_iter": 1000, "random_state": SEED} if transfer else {}
    return make_pipeline(scale, LogisticRegression(**limits))


def fitted(
    name: str,
    train: tuple[npt.NDArray[np.floating], Ints],
    test: tuple[npt.NDArray[np.floating], Ints, Ints],
    k: int,
    *,
    transfer: bool,
    threads: int,
    compat: bool = False,
) -> Fit:
    """Train a classifier and score what it predicts.

    Parameters
    ----------
    name : {"lr", "knn", "rf"}
        Logistic regression, 5 nearest neighbours (both of scaled vectors), or 100 trees.
    train : tuple of (ndarray of shape (m, d), ndarray of int64 of shape (m,))
        Vectors and codes of classes.
    test : tuple of ndarray
        The same, and which rows of the embedding they are.
    k : int
        Classes.
    transfer : bool
        Whether the set-up is that of transfer between data sets: centred vectors, up to 1000 iterations.
    threads : int
        0 takes all cores.
    compat : bool, default False
        Whether scores are those of cz-benchmarks, see `scored`.

    Returns
    -------
    Fit
    """
    from threadpoolctl import threadpool_limits

    model = _classifier(name, transfer=transfer, threads=threads)
    x, truth, rows = test
    # Products are small, and threads of BLAS that wait for each other cost more than they save; trees have their own.
    with warnings.catch_warnings(record=True) as caught, threadpool_limits(1):
        warnings.simplefilter("always")
        model.fit(*train)
        found = model.predict_proba(x)
    probability = np.zeros((len(x), k))
    probability[:, model.classes_] = found
    converged = not any(each.category.__name__ == "ConvergenceWarning" for each in caught)
    scores = scored(truth, probability, np.asarray(model.classes_, np.int64) if compat else None)
    return Fit(rows, truth, probability.argmax(axis=1), scores, converged)


def mean_scores(fits: Sequence[Fit]) -> Scores:
    """Return the plain mean over fits; NaN where one is not defined."""
    return Scores(*(float(value) for value in np.mean([fit.scores for fit in fits], axis=0)))
