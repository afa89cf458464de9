"""The whole CPJUMP1 job: 40 plates x 800 features from csv.gz files to figures, null size 100,000."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fastbench.engine.cpjump.simulate import write_simulated

COMMAND = [sys.executable, "-c", "from fastbench.cli.main import main; main()", "cpjump", "--overwrite"]
FOUR_PLATES = ["--limit-plates", "4", "--tasks", "replicability"]


def run(benchmark: Any, group: str, job: str, arguments: list[str], **rounds: int) -> None:
    """A new process each time, reading included."""
    benchmark.group = f"cpjump, {group}"
    benchmark.extra_info.update(tool="fastbench", job=job)
    command = [*COMMAND, *arguments]
    benchmark.pedantic(lambda: subprocess.run(command, check=True, capture_output=True), **rounds)


@pytest.fixture(scope="module")
def profiles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("profiles")
    write_simulated(folder, n_features=800)
    return folder


@pytest.mark.parametrize("preset", ["stable", "paper"])
def test_end_to_end(benchmark: Any, profiles: Path, tmp_path: Path, preset: str) -> None:
    arguments = ["--profiles", str(profiles), "--preset", preset, "--output", str(tmp_path / "out")]
    run(benchmark, "40 plates x 800, start to figures", f"preset {preset}", arguments, rounds=2)


@pytest.mark.quick
def test_four_plates(benchmark: Any, tmp_path: Path) -> None:
    arguments = [*FOUR_PLATES, "--output", str(tmp_path / "out")]
    run(benchmark, "4 plates, replicability, start to figures", "kernels compiled", arguments, rounds=2)


def test_first_call(benchmark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a first run costs more: compiling the kernels."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    arguments = [*FOUR_PLATES, "--output", str(tmp_path / "out")]
    run(benchmark, "4 plates, replicability, start to figures", "empty compile cache", arguments, rounds=1)
