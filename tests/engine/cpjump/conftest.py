"""Runs that several tests look at, made once."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import pytest

from fastbench.engine.cpjump import CpjumpResult, Options, plan, run


@pytest.fixture(scope="session")
def benchmark_of() -> Callable[..., CpjumpResult]:
    """Return the result for options given as keywords, of few simulated features, computed once a session."""

    compute = lru_cache(maxsize=16)(lambda options: run(plan(options)))
    return lambda **keywords: compute(Options(**{"simulated_features": 40, **keywords}))
