"""Runs that several tests look at, made once."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import pytest

from fastbench.engine.cpjump import CpjumpResult, Options, plan, run


@pytest.fixture(scope="session")
def benchmark_of() -> Callable[..., CpjumpResult]:
    """Return the result for options given as keywords, of few simulated features, computed once a session."""

    @lru_cache(maxsize=16)
    def compute(**keywords: object) -> CpjumpResult:
        return run(plan(Options(**{"simulated_features": 40, **keywords})))

    return compute
