"""Sums of absolute differences against their definition, to the last bit."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fastbench.kernels import cpu, reference

from ...examples import SOME


@SOME
@given(st.integers(0, 40), st.integers(0, 70), st.integers(0, 30), st.integers(0, 2**32 - 1))
def test_equals_the_definition(n, m, d, seed):
    rng = np.random.default_rng(seed)
    one, other = rng.normal(size=(n, d)), rng.normal(size=(m, d)) * 10.0 ** rng.integers(-3, 4)
    np.testing.assert_array_equal(cpu.absolute_distances(one, other), reference.absolute_distances(one, other))


def test_runs_of_columns_and_tiles_of_rows_cannot_be_seen():
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(260, 1030)), rng.normal(size=(35, 1030))
    expected = reference.absolute_distances(one, other)
    for threads in (1, 2):
        np.testing.assert_array_equal(cpu.absolute_distances(one, other, threads), expected)
