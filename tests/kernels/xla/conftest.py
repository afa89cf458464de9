"""What all tests of the JAX backend share."""

import pytest

from fastbench.kernels.xla.rank import usable


@pytest.fixture(autouse=True)
def small_problems_count(monkeypatch):
    """These problems are small, and meant for the devices."""
    monkeypatch.setattr(usable, "LEAST_FLOPS", {})
