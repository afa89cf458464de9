"""What all tests of the JAX backend share."""

import pytest

from fastbench.kernels.xla.rank import usable

from ...quick_programs import quick_programs


@pytest.fixture(autouse=True)
def small_problems_count(monkeypatch):
    """These problems are small, and meant for the devices."""
    monkeypatch.setattr(usable, "LEAST_FLOPS", {})


@pytest.fixture(scope="package", autouse=True)
def _quick_programs():
    with quick_programs():
        yield
