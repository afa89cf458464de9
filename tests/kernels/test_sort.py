"""Sorting inside kernels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.kernels.cpu.sort import FULL, RUN, descending

from ..examples import MANY
from .strategies import generators


def of_kind(kind, n, rng):
    values = {
        "plain": rng.normal(size=n),
        "ties": rng.integers(0, 1 + n // 4, n).astype(float),
        "equal": np.zeros(n),
        "outlier": np.append(rng.normal(size=n - 1), 1e300),
        "near": 1 + rng.integers(0, n, n) * 2.0**-52,
        "infinite": np.where(rng.random(n) < 0.2, -np.inf, rng.normal(size=n)),
        "wide": rng.uniform(-1, 1, n) * 1.7e308,
        "tiny": rng.integers(-3, 3, n) * 5e-324,
    }[kind]
    return values[rng.permutation(n)]


@pytest.mark.slow
@given(
    st.sampled_from(["plain", "ties", "equal", "outlier", "near", "infinite", "wide", "tiny"]),
    st.sampled_from([1, 2, FULL, RUN, RUN + 1, 2 * RUN + 3, 500]),
    generators,
)
@MANY
def test_descending_is_stable(kind, n, rng):
    values = of_kind(kind, n, rng)
    space, table = np.full((2, n + 3), -1), np.full(n + 4, -1)
    order = space[descending(values, space, table), :n]
    np.testing.assert_array_equal(order, np.argsort(-values, kind="stable"))
