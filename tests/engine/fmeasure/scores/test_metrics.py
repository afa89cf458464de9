"""Metrics from counts by class: scikit-learn, and the rules of cellarium-cas in fractions."""

from __future__ import annotations

import math
import warnings
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from fastbench.engine.fmeasure.confusion import ClassCounts, Entries
from fastbench.engine.fmeasure.scores.metrics import averages, class_scores, single_scores

from ....examples import SOME

NAMES = [f"{score}_{average}" for average in ("micro", "macro", "weighted") for score in ("precision", "recall", "f1")]
LABELS = st.integers(0, 6)
PAIRS = st.lists(st.tuples(LABELS, LABELS), min_size=1, max_size=60)
#: The worked example: truth, prediction, cells; R, A, B, C, D, E, F are 0..6.
SEVEN = [(5, 5, 4), (5, 4, 3), (3, 4, 2), (4, 3, 1), (6, 2, 2), (6, 6, 5), (2, 0, 1), (0, 1, 1), (0, 0, 1)]


def entries(cells, n_labels):
    """Entries of (truth, prediction, cells)."""
    table = np.array(cells, np.int64).reshape(-1, 3)
    return Entries(table[:, 0].astype(np.int32), table[:, 1].astype(np.int32), table[:, 2], n_labels)


def counted(pairs, n_labels=7):
    return entries([(t, p, 1) for t, p in pairs], n_labels).class_counts()


def equal(a, b):
    return math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-15) or (math.isnan(a) and math.isnan(b))


def exact(cells, n_labels, zero, classes="active", beta=1):
    """The rules of cellarium-cas by definition, in fractions."""
    support, predicted, hits = ([Fraction(0)] * n_labels for _ in range(3))
    for t, p, count in cells:
        support[t] += count
        if p < n_labels:
            predicted[p] += count
        if t == p:
            hits[t] += count

    def over(a, b):
        return a / b if b > 0 else Fraction(zero)

    def f(p, r):
        return over((1 + beta**2) * p * r, beta**2 * p + r)

    used = [i for i in range(n_labels) if support[i] or (predicted[i] and classes == "active")]
    p, r = over(sum(hits), sum(predicted)), over(sum(hits), sum(support))
    found = {"precision_micro": p, "recall_micro": r, "f1_micro": f(p, r)}
    each = {i: (over(hits[i], predicted[i]), over(hits[i], support[i])) for i in used}
    for at, name in enumerate(("precision", "recall", "f1")):
        values = {i: f(*each[i]) if at == 2 else each[i][at] for i in used}
        found[f"{name}_macro"] = over(sum(values.values()), Fraction(len(used)))
        found[f"{name}_weighted"] = over(sum(support[i] * values[i] for i in used), sum(support))
    return found


@given(PAIRS, st.sampled_from([0.0, 1.0, np.nan]), st.sampled_from([0.5, 1.0, 2.0]))
@SOME
def test_rule_of_sklearn(pairs, zero, beta):
    truth, predicted = zip(*pairs, strict=True)
    found = averages(counted(pairs), rule="sklearn", zero_division=zero, beta=beta)
    for average in ("micro", "macro", "weighted"):
        expected = sk.precision_recall_fscore_support(truth, predicted, average=average, zero_division=zero, beta=beta)
        for name, value in zip(("precision", "recall", "f1"), expected, strict=False):
            assert equal(found[f"{name}_{average}"], value), (name, average)
        if beta == 1.0:
            assert equal(found[f"f1_{average}"], sk.f1_score(truth, predicted, average=average, zero_division=zero))
    scores = class_scores(counted(pairs), rule="sklearn", zero_division=zero, beta=beta)
    per_class = sk.precision_recall_fscore_support(
        truth, predicted, labels=range(7), average=None, zero_division=zero, beta=beta
    )
    for ours, theirs in zip(scores, per_class, strict=False):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


@given(PAIRS, st.booleans())
@SOME
def test_single_scores_are_those_of_sklearn(pairs, missing):
    """Label 6 as a prediction is "no prediction" at times: then it is a class that no cell has as truth."""
    if missing:
        pairs = [(min(t, 5), p) for t, p in pairs]
    truth, predicted = zip(*pairs, strict=True)
    found = single_scores(counted(pairs, 6 if missing else 7))
    assert equal(found["accuracy"], sk.accuracy_score(truth, predicted))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # classes that are only predicted; one class only
        assert equal(found["balanced_accuracy"], sk.balanced_accuracy_score(truth, predicted))
        if math.isnan(found["matthews_correlation"]):  # one class on a side: scikit-learn says 0
            assert len(set(truth)) == 1 or len(set(predicted)) == 1
        else:
            assert found["matthews_correlation"] == pytest.approx(sk.matthews_corrcoef(truth, predicted), abs=1e-12)
        if math.isnan(found["cohen_kappa"]):
            assert set(truth) == set(predicted)
            assert len(set(truth)) == 1
        else:
            assert found["cohen_kappa"] == pytest.approx(sk.cohen_kappa_score(truth, predicted), abs=1e-12)


@given(
    st.lists(st.tuples(LABELS, st.integers(0, 7), st.integers(0, 30)), max_size=30),
    st.sampled_from([Fraction(0), Fraction(1), Fraction(1, 4)]),
    st.sampled_from(["active", "true"]),
    st.sampled_from([1, 2]),
)
@settings(deadline=None)
def test_rule_of_cellarium(cells, zero, classes, beta):
    """Truth and prediction are any labels; the prediction 7 is "no prediction"."""
    found = averages(entries(cells, 7).class_counts(), classes=classes, zero_division=float(zero), beta=beta)
    for name, value in exact(cells, 7, zero, classes, beta).items():
        assert found[name] == pytest.approx(float(value), rel=1e-12, abs=1e-15), name
    right = sum(count for t, p, count in cells if t == p)
    assert found["tp"] == right
    assert found["fp"] == sum(count for _, p, count in cells if p < 7) - right
    assert found["fn"] == sum(count for _, _, count in cells) - right


def test_batches_are_scored_one_by_one():
    rng = np.random.default_rng(0)
    each = [counted(rng.integers(0, 5, (20, 2)), 5) for _ in range(6)]
    counts = ClassCounts(
        *(np.stack([getattr(one, name) for one in each]).reshape(2, 3, 5) for name in ("hits", "support", "predicted"))
    )
    for rule in ("cellarium", "sklearn"):
        together = averages(counts, rule=rule) | single_scores(counts)
        for at in np.ndindex(2, 3):
            one = ClassCounts(counts.hits[at], counts.support[at], counts.predicted[at])
            for name, value in (averages(one, rule=rule) | single_scores(one)).items():
                assert equal(together[name][at], value), name


def test_seven_nodes_flat():
    found = averages(entries(SEVEN, 7).class_counts())
    expected = {
        "tp": 10,
        "fp": 10,
        "fn": 10,
        "precision_micro": Fraction(1, 2),
        "recall_micro": Fraction(1, 2),
        "f1_micro": Fraction(1, 2),
        "f1_macro": Fraction(68, 231),
        "precision_macro": Fraction(5, 14),
        "recall_macro": Fraction(25, 98),
        "precision_weighted": Fraction(3, 4),
        "recall_weighted": Fraction(1, 2),
        "f1_weighted": Fraction(787, 1320),
    }
    assert list(found) == list(expected)
    for name, value in expected.items():
        assert found[name] == pytest.approx(float(value), rel=1e-15), name
    for name, value in exact(SEVEN, 7, 0).items():
        assert value == expected[name]
    only_true = averages(entries(SEVEN, 7).class_counts(), classes="true")
    for name, value in {"precision": Fraction(5, 12), "recall": Fraction(25, 84), "f1": Fraction(34, 99)}.items():
        assert only_true[f"{name}_macro"] == pytest.approx(float(value), rel=1e-15)


@pytest.mark.parametrize(
    ("predicted", "tp", "expected"),
    [
        (
            "CBCD",
            1,
            {
                "f1_macro": Fraction(2, 15),
                "precision_macro": Fraction(1, 10),
                "recall_macro": Fraction(1, 5),
                "precision_weighted": Fraction(1, 8),
                "f1_weighted": Fraction(1, 6),
            },
        ),
        (
            "DBCD",
            2,
            {
                "f1_macro": Fraction(1, 3),
                "precision_macro": Fraction(3, 10),
                "recall_macro": Fraction(2, 5),
                "precision_weighted": Fraction(3, 8),
                "f1_weighted": Fraction(5, 12),
            },
        ),
        (
            "DFCD",
            3,
            {
                "f1_macro": Fraction(2, 3),
                "precision_macro": Fraction(5, 8),
                "recall_macro": Fraction(3, 4),
                "precision_weighted": Fraction(5, 8),
                "f1_weighted": Fraction(2, 3),
            },
        ),
    ],
)
def test_effective_predictions_of_top_k(predicted, tp, expected):
    cells = [("RABCDEF".index(t), "RABCDEF".index(p), 1) for t, p in zip("DFCE", predicted, strict=True)]
    found = averages(entries(cells, 7).class_counts())
    assert (found["tp"], found["fp"], found["fn"]) == (tp, 4 - tp, 4 - tp)
    share = Fraction(tp, 4)
    micro = dict.fromkeys(("precision_micro", "recall_micro", "f1_micro", "recall_weighted"), share)
    for name, value in (micro | expected).items():
        assert found[name] == pytest.approx(float(value), rel=1e-15), name
        assert exact(cells, 7, 0)[name] == value


@pytest.mark.parametrize("rule", ["cellarium", "sklearn"])
@pytest.mark.parametrize("zero", [0.0, 1.0, 0.5, np.nan])
def test_nothing_at_all(zero, rule):
    found = averages(entries([], 3).class_counts(), zero_division=zero, rule=rule)
    assert [found[name] for name in ("tp", "fp", "fn")] == [0, 0, 0]
    assert all(equal(found[name], zero) for name in NAMES)
    assert all(math.isnan(value) for value in single_scores(entries([], 3).class_counts()).values())


def test_all_wrong():
    """F1 of a precision and a recall of zero is undefined in cellarium-cas, even where there are errors."""
    found = averages(entries([(0, 1, 2)], 2).class_counts(), zero_division=1.0)
    expected = {
        "f1_micro": 1.0,
        "f1_macro": 0.0,
        "precision_macro": 0.5,
        "recall_macro": 0.5,
        "precision_weighted": 1.0,
    }
    assert {name: found[name] for name in expected} == expected
    assert averages(entries([(0, 1, 2)], 2).class_counts(), zero_division=1.0, rule="sklearn")["f1_micro"] == 0.0


def test_nan_goes_into_means_of_cellarium():
    counts = entries([(0, 0, 1), (0, 1, 1)], 3).class_counts()  # class 1 is no truth, class 2 is not there at all
    found = averages(counts, zero_division=np.nan)
    assert math.isnan(found["recall_macro"])
    assert math.isnan(found["recall_weighted"])
    assert found["precision_weighted"] == 1.0
    assert averages(counts, zero_division=np.nan, classes="true")["recall_weighted"] == 0.5
    assert averages(counts, zero_division=np.nan, rule="sklearn")["recall_weighted"] == 0.5


def test_weights_of_classes():
    counts = entries(SEVEN, 7).class_counts()
    weights = np.array([0.0, 1.0, 0.5, 2.0, 1.0, 3.0, 0.25])
    found = averages(counts.weighted(weights))
    assert found["tp"] == (counts.hits * weights).sum()
    assert found["recall_micro"] == pytest.approx((counts.hits * weights).sum() / (counts.support * weights).sum())
