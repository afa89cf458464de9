"""Programs of JAX that are compiled in a quarter of the time that a user's take, and run more slowly."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def quick_programs() -> Iterator[None]:
    """Compile without most optimisations, and the counting without XLA's fusion emitters, for this block.

    Tests of the programs themselves use it; those on real data and of commands compile as users do.
    """
    import jax

    from fastbench.kernels.xla.context import spread
    from fastbench.kernels.xla.rank import tiles

    def spread_quickly(function, devices):
        return jax.jit(spread(function, devices).__wrapped__, compiler_options={"xla_cpu_use_fusion_emitters": False})

    before = jax.config.values["jax_disable_most_optimizations"]
    jax.config.update("jax_disable_most_optimizations", True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiles, "spread", spread_quickly)
        tiles.counter.cache_clear()
        try:
            yield
        finally:
            tiles.counter.cache_clear()
            jax.config.update("jax_disable_most_optimizations", before)
