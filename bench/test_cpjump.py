"""The whole CPJUMP1 job: 40 plates x 800 features from csv.gz files to figures, null size 100,000."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import groupby
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from fastbench.bench.tools import replicability
from fastbench.engine import null_laws
from fastbench.engine.cpjump.simulate import simulate_plates, write_simulated
from fastbench.engine.cpjump.simulate_embeddings import write_simulated_embeddings

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


@pytest.fixture(scope="module")
def configurations() -> list[tuple[pd.DataFrame, np.ndarray]]:
    """Metadata and features of each configuration: plates of one modality, cell line and time."""
    by_configuration = sorted(simulate_plates(n_features=800), key=lambda each: each[0].description)
    found = []
    for _, plates in groupby(by_configuration, key=lambda each: each[0].description):
        profiles = [each for _, each in plates]
        control = pl.col("Metadata_control_type").is_not_null() & (pl.col("Metadata_control_type") == "negcon")
        meta = pl.concat([each.metadata for each in profiles], how="diagonal_relaxed")
        meta = meta.with_columns(
            pl.col("Metadata_broad_sample").fill_null("DMSO"), control.cast(pl.Int8).alias("Metadata_negcon")
        )
        # Controls are nobody's positive: each has a number of its own.
        number = pl.when(pl.col("Metadata_negcon") == 1).then(pl.int_range(pl.len())).otherwise(-1)
        meta = meta.with_columns(number.alias("Metadata_reference"))
        names = ["Metadata_broad_sample", "Metadata_Plate", "Metadata_negcon", "Metadata_reference"]
        found.append((meta.select(names).to_pandas(), np.concatenate([each.features for each in profiles])))
    return found


REPLICABILITY_GROUP = "cpjump, replicability of 40 plates x 800 with p-values"


@pytest.mark.parametrize("tool", ["fastbench", "copairs"])
def test_replicability(
    benchmark: Any, configurations: Any, tool: str, tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """AP and p-values of the wells of 40 plates, one call a configuration; all nulls anew in each round."""
    benchmark.group = REPLICABILITY_GROUP
    benchmark.extra_info.update(tool=tool, job=f"{len(configurations)} configurations, after a warm-up")

    def without_nulls() -> tuple[tuple[Any, ...], dict[str, Any]]:
        monkeypatch.setattr(null_laws, "_CACHE", null_laws._Cache(256 << 20))
        return (tool, configurations, tmp_path_factory.mktemp("nulls")), {}

    rounds = 5 if tool == "fastbench" else 1
    benchmark.pedantic(replicability, setup=without_nulls, rounds=rounds, warmup_rounds=1)


@pytest.mark.parametrize("tool", ["fastbench", "copairs"])
def test_replicability_in_a_new_process(benchmark: Any, configurations: Any, tool: str, tmp_path: Path) -> None:
    """The same with all that a first call costs more: imports, and loading the compiled kernels."""
    benchmark.group = REPLICABILITY_GROUP
    benchmark.extra_info.update(tool=tool, job=f"{len(configurations)} configurations, in a new process")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        benchmark.pedantic(lambda: process.submit(replicability, tool, configurations, tmp_path).result(), rounds=1)
