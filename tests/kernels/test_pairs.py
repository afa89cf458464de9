"""Compiled pair walking against the dense truth table."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fastbench.kernels import cpu, reference
from fastbench.kernels.codes import column_index, compact, key_index

from ..examples import MANY
from .strategies import label_index, pair_codes


@st.composite
def rules(draw):
    n = draw(st.integers(1, 25))
    return draw(pair_codes(n)), draw(label_index(n))


@given(rules())
@MANY
def test_walks_equal_the_truth_table(rule):
    codes, labels = rule
    n = len(codes.block.row_offsets) - 1
    np.testing.assert_array_equal(cpu.count_partners(codes), reference.count_partners(codes))
    rows = np.random.default_rng(n).permutation(n)[: max(1, n // 2)]
    for mine, definition in zip(cpu.partners(codes, rows), reference.partners(codes, rows), strict=True):
        np.testing.assert_array_equal(mine, definition)
    found = cpu.label_partners(codes, labels, rows)
    expected = reference.label_partners(codes, labels, rows)
    for mine, definition in zip(found, expected, strict=True):
        np.testing.assert_array_equal(mine, definition)


@given(st.lists(st.lists(st.integers(0, 5), min_size=7, max_size=7), min_size=1, max_size=3))
def test_index_of_columns_is_that_of_its_entries(columns):
    codes = [np.unique(column, return_inverse=True)[1] for column in columns]
    bases = np.cumsum([0, *(code.max() + 1 for code in codes)])
    keys = np.concatenate([code + base for code, base in zip(codes, bases, strict=False)])
    expected = key_index(keys, np.tile(np.arange(7), len(codes)), 7, int(bases[-1]))
    for found, part in zip(column_index(codes, 7)[:-1], expected[:-1], strict=True):
        np.testing.assert_array_equal(found, part)
        assert found.dtype == part.dtype


@given(st.lists(st.integers(0, 10) | st.integers(0, 2**62), max_size=20))
def test_compact_numbers_follow_the_order_of_the_values(values):
    keys = np.array(values, np.int64)
    np.testing.assert_array_equal(compact(keys), np.unique(keys, return_inverse=True)[1])
