"""Starting: a first run, a second one, and a plate with p-values in a new process beside copairs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fastbench.bench.start import by_import, by_kernel, lincs, one_plate, start


@pytest.fixture(scope="module")
def plate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plate")
    one_plate(folder)
    return folder


def note(benchmark: Any, tool: str, job: str, used: list[float]) -> None:
    """Add CPU seconds of the best round, which do not grow while others have the cores."""
    benchmark.group = "start"
    benchmark.extra_info.update(tool=tool, job=f"{job} ({min(used):.1f} CPU s)", cpu_s=min(used))


def test_first_run(benchmark: Any, tmp_path: Path) -> None:
    used: list[float] = []
    caches = (tmp_path / str(number) for number in range(3))
    benchmark.pedantic(lambda: used.append(start(lincs(tmp_path / "lincs"), next(caches)).cpu_s), rounds=2)
    note(benchmark, "fastbench", "map sample:lincs, first run", used)
    benchmark.extra_info["kernels"] = by_kernel(tmp_path / "lincs", next(caches))


@pytest.mark.quick
def test_second_run(benchmark: Any, tmp_path: Path) -> None:
    used: list[float] = []
    command = lincs(tmp_path / "lincs")
    start(command)
    benchmark.pedantic(lambda: used.append(start(command).cpu_s), rounds=3)
    note(benchmark, "fastbench", "map sample:lincs, second run", used)
    benchmark.extra_info["imports"] = by_import(command)


@pytest.mark.quick
@pytest.mark.parametrize("tool", ["fastbench", "copairs"])
def test_plate_in_a_new_process(benchmark: Any, plate: Path, tool: str) -> None:
    if tool == "copairs":
        pytest.importorskip("copairs")
    used: list[float] = []
    command = ["-m", "fastbench.bench.replicability", tool, str(plate)]
    start(command)
    benchmark.pedantic(lambda: used.append(start(command).cpu_s), rounds=3)
    note(benchmark, tool, "a plate with p-values, new process", used)
    benchmark.extra_info["imports"] = by_import(command)
