"""The labels around each row against their definition, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.kernels import cpu, reference

from ...examples import SOME


@SOME
@given(st.integers(1, 12), st.integers(1, 40), st.integers(1, 5), st.integers(0, 2**32 - 1), st.booleans())
def test_equals_the_definition(n, k, count, seed, equal):
    rng = np.random.default_rng(seed)
    distances = np.zeros((n, k)) if equal else np.sort(rng.gamma(2, 10.0 ** rng.integers(-3, 4), (n, k)), axis=1)
    codes = rng.integers(0, count, (n, k))
    found = cpu.inverse_simpson(distances, codes, count, max(k / 3, 1))
    np.testing.assert_array_equal(found, reference.inverse_simpson(distances, codes, count, max(k / 3, 1)))
    assert (found >= 1 - 1e-12).all()
    assert (found <= count + 1e-9).all()


@pytest.mark.parametrize("kernels", [cpu, reference], ids=["cpu", "reference"])
def test_one_label_is_1_and_equal_shares_are_their_number(kernels):
    distances = np.tile(np.linspace(1, 1.0001, 30), (2, 1))
    codes = np.vstack([np.zeros(30, int), np.arange(30) % 3])
    np.testing.assert_allclose(kernels.inverse_simpson(distances, codes, 3, 30), [1, 3], rtol=1e-6)
