"""Compiled pair walking against the dense truth table."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fastbench.kernels import cpu, reference

from .strategies import label_index, pair_codes


@st.composite
def rules(draw):
    n = draw(st.integers(1, 25))
    return draw(pair_codes(n)), draw(label_index(n))


@given(rules())
@settings(max_examples=150, deadline=None)
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
