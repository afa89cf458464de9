"""The whole CPJUMP1 job: 40 plates x 800 features from csv.gz files to figures, null size 100,000."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from fastbench.engine import null_laws
from fastbench.engine.cpjump.simulate import simulate_plates, write_simulated
from fastbench.engine.cpjump.tasks import REPLICABILITY

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


@pytest.mark.parametrize("tool", ["fastbench", "copairs"])
def test_replicability(
    benchmark: Any, configurations: Any, tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AP and p-values of the wells of 40 plates, one call a configuration; 100,000 draws a shape in copairs."""
    module = import_module("fastbench" if tool == "fastbench" else "copairs.map")
    benchmark.group = "cpjump, replicability of 40 plates x 800 with p-values"
    benchmark.extra_info.update(tool=tool, job=f"{len(configurations)} configurations")
    rules = [
        list(columns)
        for columns in (
            (*REPLICABILITY.pos_sameby, "Metadata_reference"), REPLICABILITY.pos_diffby, REPLICABILITY.neg_sameby,
            REPLICABILITY.neg_diffby,
        )
    ]  # fmt: skip
    monkeypatch.setattr(null_laws, "_CACHE", null_laws._Cache(256 << 20))

    def score() -> None:
        for meta, features in configurations:
            ap = module.average_precision(meta, features, *rules, progress_bar=False)
            treated = ap[ap["Metadata_negcon"] == 0].dropna(subset=["average_precision"]).reset_index(drop=True)
            module.mean_average_precision(
                treated, [REPLICABILITY.by], null_size=100_000, threshold=0.05, seed=0, progress_bar=False,
                cache_dir=tmp_path,
            )  # fmt: skip

    benchmark.pedantic(score, rounds=1, warmup_rounds=0)
