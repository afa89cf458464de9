"""Values of pairs that are found once for both of their rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.kernels.cpu.rank.thresholds import mirrors, visiting_order

from ....examples import MANY


@pytest.mark.slow
@given(st.integers(1, 12), st.integers(0, 2**32 - 1), st.booleans(), st.booleans())
@MANY
def test_a_mirror_is_the_pair_with_its_rows_changed(n, seed, symmetric, ascending):
    rng = np.random.default_rng(seed)
    table = rng.random((n, n)) < 0.5
    if symmetric:
        table |= table.T
    np.fill_diagonal(table, False)
    queries = rng.permutation(n)[: rng.integers(1, n + 1)]
    lists = [np.flatnonzero(table[query]) for query in queries]
    if not ascending:  # as where a row has several labels: a list after the other
        lists = [np.concatenate([mine, mine[::2]]) for mine in lists]
    offsets = np.cumsum([0, *map(len, lists)])
    positives = np.concatenate(lists)
    found = mirrors(queries, offsets, positives, np.argsort(queries), n)
    owner = np.repeat(queries, np.diff(offsets))
    has = found >= 0
    np.testing.assert_array_equal(positives[found[has]], owner[has])
    np.testing.assert_array_equal(owner[found[has]], positives[has])
    assert np.all(found[found[has]] < 0)  # it is computed, not copied in its turn
    if ascending:
        expected = [p < q and p in queries and bool(table[p, q]) for p, q in zip(positives, owner, strict=True)]
        np.testing.assert_array_equal(has, expected)


@pytest.mark.slow
@given(st.integers(1, 30), st.integers(1, 5), st.integers(0, 2**32 - 1), st.booleans())
@MANY
def test_classes_are_visited_one_after_the_other(n, classes, seed, whole):
    """All pairs but half are found, whether the classes are recognised or, without some of their rows, are not."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, classes, n)
    queries = rng.permutation(n)[: n if whole else rng.integers(1, n + 1)]
    lists = [np.flatnonzero((label == label[query]) & (np.arange(n) != query)) for query in queries]
    offsets, positives = np.cumsum([0, *map(len, lists)]), np.concatenate(lists)
    order = visiting_order(queries, offsets, positives, n)
    np.testing.assert_array_equal(np.sort(order), np.arange(len(queries)))
    found = mirrors(queries, offsets, positives, order, n)
    owner = np.repeat(queries, np.diff(offsets))
    np.testing.assert_array_equal(found >= 0, (positives < owner) & np.isin(positives, queries))
    if whole:
        visited = label[queries[order]]
        assert np.count_nonzero(np.diff(visited)) == len(np.unique(label)) - 1
