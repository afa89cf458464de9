"""What the suites add to pytest-benchmark: facts about the machine, and one line for each benchmark that is done."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import pytest

PACKAGES = ("fastbench", "numpy", "scipy", "numba", "jax", "polars", "pandas", "copairs", "scikit-learn")


def pytest_benchmark_update_machine_info(config: pytest.Config, machine_info: dict[str, Any]) -> None:
    import numpy  # noqa: F401  (so that its BLAS is loaded and found)
    from threadpoolctl import threadpool_info

    from fastbench.kernels.cores import usable_cores

    versions: dict[str, str | None] = {}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = None
    libraries = [p for p in threadpool_info() if p["user_api"] == "blas"]
    # SciPy brings a second one; the products here are those of NumPy.
    numpys = [p for p in libraries if "numpy" in p["filepath"]] or libraries
    blas = [f"{p['internal_api']} {p['version']} ({p.get('architecture', 'unknown')})" for p in numpys]
    machine_info["fastbench"] = {
        "usable_cores": usable_cores(),
        "blas": ", ".join(dict.fromkeys(blas)),
        "versions": versions,
    }


@pytest.fixture(autouse=True)
def _note_when_done(request: pytest.FixtureRequest, benchmark: Any) -> Iterator[None]:
    yield
    if benchmark.stats is not None:
        info = benchmark.extra_info
        what = " | ".join(str(part) for part in (info.get("job"), info.get("tool")) if part) or request.node.name
        said = f"{benchmark.group} | {what} | {benchmark.stats.stats.min:.3g} s"
        request.node.user_properties.append(("bench", said))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "teardown":
        for name, said in report.user_properties:
            if name == "bench":
                print(f"\nbench: {said}", flush=True)
