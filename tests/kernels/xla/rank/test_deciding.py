"""The deciding value on a device: the bits of the host, or the host decides."""

from __future__ import annotations

import numpy as np
import pytest

from fastbench.kernels import xla
from fastbench.kernels.backend import Status
from fastbench.kernels.reference.similarity import similarity
from fastbench.kernels.xla import context
from fastbench.kernels.xla.rank import deciding, resident

from ...strategies import make_codes
from ..definition import PLATFORM, PRODUCTS, assert_equals_definition


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("distance", PRODUCTS)
def test_deciding_values_are_bit_equal(distance, dtype):
    """`prepare` itself compares random pairs; here all pairs of rows of several steps."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(40, 3 * 64 + 5)).astype(dtype)
    prepared = xla.prepare(x, distance, make_codes(np.zeros(40, int)), platform=PLATFORM)
    assert prepared.status is Status.READY
    assert not prepared.reason
    i, j = (m.ravel().astype(np.int32) for m in np.mgrid[:40, :40])
    r = prepared.resident
    with context.settings():
        mine = deciding.deciding_value(r.features, r.norm, r.zero, i, j, distance == "abs_cosine")
    np.testing.assert_array_equal(mine, similarity(x, i, j, distance))


@pytest.mark.parametrize(("dtype", "number"), [(np.float32, 1e-40), (np.float64, 1e-150), (np.float64, 1e100)])
def test_numbers_that_a_device_may_flush_stay_on_the_host(dtype, number):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(30, 4)).astype(dtype)
    x[3, 2] = number
    x[5, 1] = 0
    codes = make_codes(np.arange(30) // 3), make_codes(np.zeros(30, int))
    prepared, _ = assert_equals_definition(x, "cosine", *codes)
    assert prepared.status is Status.ON_HOST
    assert "same bits" in prepared.reason


def test_a_device_with_other_bits_is_not_trusted(monkeypatch):
    true = resident._deciding_value
    monkeypatch.setattr(resident, "_deciding_value", lambda *a: np.nextafter(np.asarray(true(*a)), 2))
    x = np.random.default_rng(1).normal(size=(30, 4)).astype(np.float32)
    codes = make_codes(np.arange(30) // 3), make_codes(np.zeros(30, int))
    prepared, _ = assert_equals_definition(x, "cosine", *codes)
    assert prepared.status is Status.ON_HOST
    assert "same bits" in prepared.reason
