"""The whole CPJUMP1 job: 40 plates x 800 features from csv.gz files to figures, null size 100,000."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fastbench.bench import replicability
from fastbench.bench.memory import peak_megabytes
from fastbench.bench.replicability import as_pandas
from fastbench.engine.cpjump.plates.simulate import write_simulated
from fastbench.engine.cpjump.plates.simulate_embeddings import write_simulated_embeddings
from fastbench.engine.nulls import ap_null

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


@pytest.mark.parametrize("correction", ["none", "kernel-pca"])
def test_embeddings(benchmark: Any, tmp_path: Path, correction: str) -> None:
    """The same job on embeddings, a CellCLIP file a plate."""
    write_simulated_embeddings(tmp_path / "embeddings", n_features=1024)
    arguments = ["--features", "emb", "--embeddings", str(tmp_path / "embeddings"), "--batch-correction", correction]
    job = f"batch correction {correction}"
    group = "40 plates of embeddings x 1,024, start to figures"
    run(benchmark, group, job, [*arguments, "--output", str(tmp_path / "out")], rounds=2)


@pytest.mark.quick
def test_four_plates(benchmark: Any, tmp_path: Path) -> None:
    arguments = [*FOUR_PLATES, "--output", str(tmp_path / "out")]
    run(benchmark, "4 plates, replicability, start to figures", "kernels compiled", arguments, rounds=2)


def test_first_call(benchmark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a first run costs more: compiling the kernels."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    arguments = [*FOUR_PLATES, "--output", str(tmp_path / "out")]
    run(benchmark, "4 plates, replicability, start to figures", "empty compile cache", arguments, rounds=1)


REPLICABILITY = "cpjump, replicability of 40 plates x 800 with p-values"
BY_CONFIGURATION = "a call for each of 12 configurations, pandas"
MODULE = [sys.executable, "-m", "fastbench.bench.replicability"]
PYTHON = "CPJUMP1_COPAIRS_PYTHON"
#: The copairs that the CPJUMP1 scripts pin takes minutes.
OLDER = pytest.param(
    "copairs 0.0.3", marks=pytest.mark.skipif(PYTHON not in os.environ, reason=f"set {PYTHON} to measure it")
)


@pytest.fixture(scope="module")
def tables() -> list[replicability.Table]:
    return replicability.configurations()


@pytest.mark.parametrize("calls", ["all plates in one call", BY_CONFIGURATION])
@pytest.mark.parametrize("tool", ["fastbench", "copairs"])
def test_replicability(
    benchmark: Any,
    tables: Any,
    tool: str,
    calls: str,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """AP and p-values after a warm-up; all nulls anew in each round."""
    benchmark.group = REPLICABILITY
    benchmark.extra_info.update(tool=tool, job=calls)
    if calls != BY_CONFIGURATION:
        given = replicability.together(tables) if tool == "fastbench" else as_pandas(replicability.together(tables))
        benchmark.extra_info["peak_MB"] = peak_megabytes(tool, replicability.JOB, "replicability")
    else:
        given = as_pandas(tables)

    def without_nulls() -> tuple[tuple[Any, ...], dict[str, Any]]:
        monkeypatch.setattr(ap_null, "_CACHE", ap_null._Cache(256 << 20))
        return (tool, given, tmp_path_factory.mktemp("nulls")), {}

    rounds = 10 if tool == "fastbench" else 2
    benchmark.pedantic(replicability.score, setup=without_nulls, rounds=rounds, warmup_rounds=1)


@pytest.fixture(scope="module")
def written(tables: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables")
    replicability.write(tables, folder)
    return folder


@pytest.mark.parametrize("tool", ["fastbench", "copairs", OLDER])
def test_replicability_in_a_new_process(benchmark: Any, written: Path, tool: str) -> None:
    """The same from start to end, with imports, reading, and loading of the compiled kernels."""
    benchmark.group = REPLICABILITY
    benchmark.extra_info.update(tool=tool, job="in a new process")
    command = older(written) if tool == OLDER.values[0] else [*MODULE, tool, str(written)]
    rounds = 3 if tool == "fastbench" else 1
    benchmark.pedantic(lambda: subprocess.run(command, check=True, capture_output=True), rounds=rounds)


@pytest.mark.parametrize("tool", [OLDER])
def test_replicability_by_the_older_copairs(benchmark: Any, written: Path, tool: str) -> None:
    """As the scripts call it, in a process that has loaded it."""
    benchmark.group = REPLICABILITY
    benchmark.extra_info.update(tool=tool, job=BY_CONFIGURATION)
    command = [*older(written), "--wait"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        asked, answered = process.stdin, process.stdout
        assert answered.readline() == "loaded\n"

        def ask() -> None:
            asked.write("\n")
            asked.flush()
            assert answered.readline() == "done\n"

        benchmark.pedantic(ask, rounds=1)
        asked.close()


def older(folder: Path) -> list[str]:
    return [os.environ[PYTHON], str(Path(__file__).parent.parent / "peers" / "copairs_older.py"), str(folder)]
