"""What all tests of the JAX backend share."""

import jax
import pytest

from fastbench.kernels.xla.rank import usable


@pytest.fixture(autouse=True)
def small_problems_count(monkeypatch):
    """These problems are small, and meant for the devices."""
    monkeypatch.setattr(usable, "LEAST_FLOPS", {})


@pytest.fixture(scope="module", autouse=True)
def _few_optimisations():
    """Programs are compiled in two thirds of the time; those of other tests, on real data too, as users have them."""
    before = jax.config.values["jax_disable_most_optimizations"]
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", before)
