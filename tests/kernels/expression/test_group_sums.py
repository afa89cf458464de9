"""Sums of groups of cells against their definition."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from scipy import sparse

from fastbench.kernels import cpu, reference
from fastbench.kernels.cpu.expression import blocks
from fastbench.kernels.expression import Expression

from ...examples import SOME
from .problems import assert_same, cells_of, forms, problems


@SOME
@given(problems)
def test_equals_the_definition(problem):
    x, n_groups, seed = problem
    groups = np.random.default_rng(seed).integers(-1, n_groups, len(x))
    expected = reference.group_sums(Expression.of(x), groups, n_groups)
    for expression in forms(x):
        assert_same(cpu.group_sums(expression, groups, n_groups), expected)


def test_order_blocks_and_threads_cannot_be_seen(monkeypatch):
    x = cells_of("signed", 300, 12, 1, np.float64) * 10.0 ** np.random.default_rng(0).integers(-9, 9, (300, 12))
    groups = np.random.default_rng(1).integers(-1, 4, len(x))
    expected = cpu.group_sums(Expression.of(x), groups, 4)
    assert_same(expected, reference.group_sums(Expression.of(x), groups, 4))
    order = np.random.default_rng(2).permutation(len(x))
    for entries in (1, 50):
        monkeypatch.setattr(blocks, "ENTRIES", entries)
        for threads in (1, 3):
            assert_same(cpu.group_sums(Expression.of(sparse.csr_array(x[order])), groups[order], 4, threads), expected)
