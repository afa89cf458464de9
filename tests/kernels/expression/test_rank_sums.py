"""Rank sums against their definition and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse, stats

from fastbench.kernels import cpu, reference
from fastbench.kernels.cpu.expression import blocks
from fastbench.kernels.expression import Expression

from ...examples import SOME
from .problems import assert_same, cells_of, forms, problems


@SOME
@given(problems, st.data())
def test_equals_the_definition(problem, data):
    x, n_groups, seed = problem
    groups = np.random.default_rng(seed).integers(-1, n_groups, len(x))
    against = data.draw(st.integers(-1, n_groups - 1))
    expected = reference.rank_sums(Expression.of(x), groups, n_groups, against)
    for expression in forms(x):
        assert_same(cpu.rank_sums(expression, groups, n_groups, against), expected)
    order = np.random.default_rng(0).permutation(len(x))
    assert_same(cpu.rank_sums(Expression.of(x[order]), groups[order], n_groups, against), expected)


@pytest.mark.parametrize("against", [-1, 2])
@pytest.mark.parametrize("entries", [1, 50, 1 << 23])
def test_blocks_and_threads_cannot_be_seen(against, entries, monkeypatch):
    x = cells_of("counts", 300, 12, 1, np.float32)
    groups = np.random.default_rng(1).integers(-1, 4, len(x))
    expected = reference.rank_sums(Expression.of(x), groups, 4, against)
    monkeypatch.setattr(blocks, "ENTRIES", entries)
    for threads in (1, 3):
        assert_same(cpu.rank_sums(Expression.of(sparse.csr_array(x)), groups, 4, against, threads), expected)


def test_indices_in_any_order_are_taken():
    x = sparse.csr_array(cells_of("signed", 20, 5, 0, np.float64))
    mixed = x.copy()
    for row in range(20):
        here = slice(x.indptr[row], x.indptr[row + 1])
        mixed.indices[here], mixed.data[here] = x.indices[here][::-1], x.data[here][::-1]
    mixed.has_sorted_indices = mixed.has_canonical_format = False
    groups = np.arange(20) % 3
    assert_same(*(cpu.rank_sums(Expression.of(each), groups, 3, 0) for each in (mixed, x)))


def test_equals_scipy():
    x = cells_of("counts", 400, 8, 5, np.float32)
    groups = np.random.default_rng(2).integers(0, 3, len(x))
    found = cpu.rank_sums(Expression.of(x), groups, 3, 0)
    for group in (1, 2):
        mine, others = x[groups == group], x[groups == 0]
        peer = stats.mannwhitneyu(mine, others, method="asymptotic")
        np.testing.assert_array_equal(found.doubled_u[group], 2 * peer.statistic)
        both = np.concatenate([mine, others])
        n = len(both)
        factor = [stats.tiecorrect(stats.rankdata(column)) for column in both.T]
        np.testing.assert_allclose(1 - found.ties[group] / (n**3 - n), factor, rtol=1e-12)
