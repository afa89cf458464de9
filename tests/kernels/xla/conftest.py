"""What all tests of the JAX backend share."""

import jax
import pytest

from fastbench.kernels.xla.context import spread
from fastbench.kernels.xla.rank import tiles, usable


@pytest.fixture(autouse=True)
def small_problems_count(monkeypatch):
    """These problems are small, and meant for the devices."""
    monkeypatch.setattr(usable, "LEAST_FLOPS", {})


@pytest.fixture(scope="package", autouse=True)
def _quick_to_compile():
    """Programs are compiled in a quarter of the time; those of other tests, on real data too, as users have them."""
    before = jax.config.values["jax_disable_most_optimizations"]
    jax.config.update("jax_disable_most_optimizations", True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiles, "spread", _spread_quickly)
        tiles.counter.cache_clear()
        yield
    tiles.counter.cache_clear()
    jax.config.update("jax_disable_most_optimizations", before)


def _spread_quickly(function, devices):
    return jax.jit(spread(function, devices).__wrapped__, compiler_options={"xla_cpu_use_fusion_emitters": False})
