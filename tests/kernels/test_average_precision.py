"""Average precision from counts: definition, tie policies, brute force over orders, scikit-learn."""

from __future__ import annotations

from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from fastbench.kernels import cpu, reference

from ..examples import MANY


def counts(positive, negative):
    """Values and counts of one list, from similarities of its positives and negatives."""
    positive, negative = np.asarray(positive, float), np.asarray(negative, float)
    above = (negative[None] > positive[:, None]).sum(axis=1)
    tied = (negative[None] == positive[:, None]).sum(axis=1)
    return np.array([0, len(positive)]), positive, above, tied


def listed_ap(relevant):
    ranks = np.flatnonzero(relevant) + 1
    return np.mean(np.arange(1, len(ranks) + 1) / ranks)


similarities = st.lists(st.integers(0, 3), max_size=12)


@pytest.mark.slow
@given(
    st.lists(similarities, max_size=6),
    similarities,
    st.sampled_from(["expected", "optimistic", "pessimistic"]),
)
@MANY
def test_compiled_equals_definition(lists, negative, ties):
    parts = [counts(positive, negative) for positive in lists]
    offsets = np.concatenate([[0], np.cumsum([len(p[1]) for p in parts])]).astype(np.int64)
    values, above, tied = (np.concatenate([p[k] for p in parts] or [[]]) for k in (1, 2, 3))
    arguments = offsets, values, above.astype(np.int64), tied.astype(np.int64), ties
    mine, definition = cpu.average_precision(*arguments), reference.average_precision(*arguments)
    np.testing.assert_allclose(mine, definition, rtol=1e-13)
    assert np.array_equal(np.isnan(mine), [len(p[1]) == 0 for p in parts])


@pytest.mark.slow
@given(st.lists(st.integers(0, 2), min_size=1, max_size=3), st.lists(st.integers(0, 2), max_size=4))
@MANY
def test_policies_equal_brute_force_over_orders(positive, negative):
    """Every order of the items that respects the values: best, worst and mean AP."""
    items = [(v, 1) for v in positive] + [(v, 0) for v in negative]
    found = []
    for order in permutations(range(len(items))):
        values = [items[i][0] for i in order]
        if all(a >= b for a, b in pairwise(values)):
            found.append(listed_ap([items[i][1] for i in order]))
    one = counts(positive, negative)
    for ties, expected in (
        ("optimistic", max(found)),
        ("pessimistic", min(found)),
        ("expected", np.mean(found)),
    ):
        assert reference.average_precision(*one, ties)[0] == pytest.approx(expected, abs=1e-12)


@pytest.mark.slow
@given(st.integers(0, 2**32 - 1), st.integers(1, 20), st.integers(1, 60))
@MANY
def test_without_ties_equals_scikit_learn(seed, n_pos, n_neg):
    rng = np.random.default_rng(seed)
    value = rng.permutation(n_pos + n_neg).astype(float)
    truth = np.arange(n_pos + n_neg) < n_pos
    expected = average_precision_score(truth, value)
    for ties in ("expected", "optimistic", "pessimistic"):
        got = reference.average_precision(*counts(value[:n_pos], value[n_pos:]), ties)[0]
        assert got == pytest.approx(expected, abs=1e-12)


def test_ties_among_positives_only_do_not_matter():
    for ties in ("expected", "optimistic", "pessimistic"):
        assert reference.average_precision(*counts([2, 2, 2], [3, 1]), ties)[0] == pytest.approx(
            (1 / 2 + 2 / 3 + 3 / 4) / 3
        )


def test_collapsed_embedding_does_not_score_one():
    one = counts([1.0] * 3, [1.0] * 36)
    assert reference.average_precision(*one, "optimistic")[0] == 1.0
    harmonic = np.sum(1 / np.arange(1, 40))
    mean_ap = (2 / 38 * (39 - harmonic) + harmonic) / 39  # the mean AP of a random order
    assert reference.average_precision(*one, "expected")[0] == pytest.approx(mean_ap, abs=1e-12)
