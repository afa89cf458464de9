"""The labels around each row on XLA devices: what the CPU returns, to the last bit."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fastbench.kernels import cpu, xla
from fastbench.kernels.xla.proximity import neighborhoods

from ....examples import SOME


def problem(n, k, count, seed, equal=False):
    rng = np.random.default_rng(seed)
    distances = np.zeros((n, k)) if equal else np.sort(rng.gamma(2, 10.0 ** rng.integers(-3, 4), (n, k)), axis=1)
    return distances, rng.integers(0, count, (n, k)), count, max(k / 3, 1)


@SOME
@given(st.integers(1, 300), st.integers(1, 32), st.integers(1, 5), st.integers(0, 2**32 - 1), st.booleans())
def test_equals_the_cpu(n, k, count, seed, equal):
    given = problem(n, k, count, seed, equal)
    np.testing.assert_array_equal(xla.inverse_simpson(*given, platform="cpu"), cpu.inverse_simpson(*given))


def test_few_rows_are_in_doubt_and_blocks_cannot_be_seen(monkeypatch):
    monkeypatch.setattr(neighborhoods, "BLOCK", 256 * 96)
    given = problem(1000, 89, 4, 0)
    found = neighborhoods._bandwidths(given[0], float(np.log(given[3])), neighborhoods.local_devices("cpu"))
    assert np.isnan(found).sum() <= 1
    np.testing.assert_array_equal(xla.inverse_simpson(*given, platform="cpu"), cpu.inverse_simpson(*given))


def test_what_is_in_doubt_is_left_to_the_cpu(monkeypatch):
    given = problem(20, 30, 3, 1)
    monkeypatch.setattr(neighborhoods, "_bandwidths", lambda near, *_: np.full(len(near), np.nan))
    np.testing.assert_array_equal(xla.inverse_simpson(*given, platform="cpu"), cpu.inverse_simpson(*given))
