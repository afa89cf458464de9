"""The whole CPJUMP1 job: 40 plates x 800 features from csv.gz files to figures, null size 100,000."""

from __future__ import annotations

import subprocess
import sys

import pytest

from fastbench.engine.cpjump.simulate import write_simulated

COMMAND = [sys.executable, "-c", "from fastbench.cli.main import main; main()", "cpjump", "--overwrite"]


@pytest.fixture(scope="module")
def profiles(tmp_path_factory):
    folder = tmp_path_factory.mktemp("profiles")
    write_simulated(folder, n_features=800)
    return folder


@pytest.mark.benchmark(group="cpjump, 40 plates x 800 features, process start to figures")
@pytest.mark.parametrize("preset", ["stable", "paper"])
def test_end_to_end(benchmark, profiles, tmp_path, preset):
    """A new process each time, reading included; kernels come from the compile cache after the first."""
    command = [*COMMAND, "--profiles", str(profiles), "--preset", preset, "--output", str(tmp_path / "out")]
    benchmark.pedantic(lambda: subprocess.run(command, check=True, capture_output=True), rounds=2, warmup_rounds=1)


@pytest.mark.benchmark(group="cpjump, first call with an empty compile cache")
def test_first_call(benchmark, tmp_path, monkeypatch):
    """What a first run costs more: compiling the kernels."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    command = [*COMMAND, "--limit-plates", "4", "--tasks", "replicability", "--output", str(tmp_path / "out")]
    benchmark.pedantic(lambda: subprocess.run(command, check=True, capture_output=True), rounds=1)
