"""Orders and numbers of codes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.kernels.codes import compact, stable_order

from ..examples import MANY

CODES = st.lists(
    st.tuples(st.sampled_from([0, 1, 2, 65_535, 65_536, 70_000, 2**40, 2**62]), st.integers(0, 3)), max_size=40
)


@pytest.mark.slow
@given(CODES)
@MANY
def test_a_stable_order_is_that_of_lexsort(codes):
    one, two = np.array(codes, np.int64).reshape(-1, 2).T
    np.testing.assert_array_equal(stable_order(one, two), np.lexsort((two, one)))
    np.testing.assert_array_equal(stable_order(one), np.argsort(one, kind="stable"))


@pytest.mark.slow
@given(CODES)
@MANY
def test_compact_numbers_values_in_their_order(codes):
    values = np.array([a + b for a, b in codes], np.int64)
    expected = np.unique(values, return_inverse=True)[1]
    np.testing.assert_array_equal(compact(values), expected)


def test_small_types_are_ordered_too():
    codes = np.random.default_rng(0).integers(0, 200, 1000)
    for dtype in (np.uint8, np.int16, np.int32, np.uint64):
        np.testing.assert_array_equal(stable_order(codes.astype(dtype)), np.argsort(codes, kind="stable"))
