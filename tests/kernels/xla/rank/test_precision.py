"""Products within their bounds, and counts that do not depend on them."""

from __future__ import annotations

import numpy as np
import pytest

from fastbench.kernels import xla
from fastbench.kernels.cpu.rank.operands import unit_rows
from fastbench.kernels.cpu.rank.rows import describe_rows
from fastbench.kernels.names import DISTANCE_TABLE
from fastbench.kernels.reference.similarity import similarity
from fastbench.kernels.xla import context
from fastbench.kernels.xla.rank import precision

from ...strategies import make_codes
from ..definition import assert_equals_definition


@pytest.mark.parametrize("name", xla.PRECISIONS)
@pytest.mark.parametrize("d", [1, 64, 700])
def test_certificate_holds_on_adversarial_rows(name, d):
    rng = np.random.default_rng(d)
    rows = [rng.normal(size=(20, d)), rng.choice([-1.0, 1.0], size=(20, d)), np.ones((5, d)) * (1 + 2**-9 + 2**-20)]
    rows.append(10.0 ** rng.uniform(-30, 15, size=(20, d)))
    x = np.concatenate(rows).astype(np.float32)
    units = np.empty(x.shape, np.float32)
    rows = describe_rows(x, np.arange(len(x)), DISTANCE_TABLE["cosine"])
    unit_rows(x, rows.at, rows.shift, rows.norm, units)
    i, j = (m.ravel() for m in np.mgrid[: len(x), : len(x)])
    exact = similarity(x, i, j, "cosine").reshape(len(x), len(x))
    with context.settings():
        operands = precision.operands(units, name)
        error = np.abs(np.asarray(precision.product(operands, operands, name)) - exact).max()
    assert error <= precision.error_bound(d, name)
    if name == "tf32" and d > 1:  # its operands really are rounded: float32's bound would not do
        assert error > 2.0**-15


@pytest.mark.parametrize("name", ["tf32", "bf16x3", "fp16x3"])
def test_precision_does_not_change_counts(name):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(300, 64)).astype(np.float32)
    group = np.arange(300) // 4
    codes = make_codes(group), make_codes(np.zeros(300, int), exclude=[group])
    _, coarse = assert_equals_definition(x, "cosine", *codes, precision=name)
    _, fine = assert_equals_definition(x, "cosine", *codes)
    assert coarse > fine
