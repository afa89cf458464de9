"""Means of groups: rounded once, whatever the order of the rows."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.kernels import cpu, reference

from ..examples import MANY

NUMBERS = st.one_of(
    st.floats(-1, 1), st.floats(-1e280, 1e280), st.sampled_from([0.0, -0.0, 5e-324, 2.0**-53, 1.0, -1.0, np.nan])
)


@pytest.mark.slow
@given(st.lists(st.lists(NUMBERS, max_size=12), max_size=6), st.randoms(use_true_random=False))
@MANY
def test_compiled_means_equal_the_definition(groups, random):
    values = np.array([value for group in groups for value in group])
    offsets = np.cumsum([0, *map(len, groups)]).astype(np.int64)
    rows = np.arange(len(values))
    expected = reference.group_means(values, rows, offsets)
    for _ in range(3):
        np.testing.assert_array_equal(cpu.group_means(values, rows, offsets), expected)
        for start, stop in itertools.pairwise(offsets):
            mine = rows[start:stop].tolist()
            random.shuffle(mine)
            rows[start:stop] = mine


def test_a_sum_is_rounded_once_and_half_to_even():
    tiny = 2.0**-53
    for values in ([1.0, tiny], [1.0, tiny, tiny / 4], [1.0, tiny, -tiny / 4], [1.0, 3 * tiny], [1e16, 1.0, -1e16]):
        given_values, offsets = np.array(values), np.array([0, len(values)])
        expected = reference.group_means(given_values, np.arange(len(values)), offsets)
        np.testing.assert_array_equal(cpu.group_means(given_values, np.arange(len(values)), offsets), expected)


def test_no_groups_and_groups_of_nothing():
    values, nothing = np.array([np.nan, 2.0]), np.empty(0, np.int64)
    for backend in (reference, cpu):
        assert not len(backend.group_means(values, nothing, np.zeros(1, np.int64)))
        found = backend.group_means(values, np.array([0, 0, 1]), np.array([0, 0, 1, 3]))
        np.testing.assert_array_equal(found, [np.nan, np.nan, 2.0])
