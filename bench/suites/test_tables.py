"""The public functions around the scores: reading files, consensus, the reference index; beside pandas and copairs."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

pytestmark = pytest.mark.quick

WELLS, FEATURES = 384, 600


def plate(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    meta = pd.DataFrame(
        {
            "Metadata_Plate": f"BR{seed:05d}",
            "Metadata_Well": [f"{'ABCDEFGHIJKLMNOP'[w // 24]}{w % 24 + 1:02d}" for w in range(WELLS)],
            "Metadata_compound": [f"c{w // 4}" for w in range(WELLS)],
        }
    )
    names = [f"Cells_{k}" for k in range(FEATURES)]
    return pd.concat([meta, pd.DataFrame(rng.normal(size=(WELLS, FEATURES)).round(6), columns=names)], axis=1)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("plates")
    paths = [folder / f"{i}.csv.gz" for i in range(4)]
    for i, path in enumerate(paths):
        plate(i).to_csv(path, index=False, compression={"method": "gzip", "compresslevel": 1})
    return paths


@pytest.mark.parametrize("tool", ["fastbench", "pandas"])
@pytest.mark.benchmark(group="tables, read csv.gz")
def test_read_profiles(benchmark: Any, files: list[Path], tool: str) -> None:
    from fastbench.engine.readers.profiles import read_profiles

    benchmark.extra_info.update(tool=tool, job=f"{len(files)} plates x {FEATURES}", n=len(files) * WELLS, d=FEATURES)

    def by_pandas() -> object:
        return pd.concat([pd.read_csv(path) for path in files])

    benchmark.pedantic(by_pandas if tool == "pandas" else lambda: read_profiles(files), rounds=3, warmup_rounds=1)


@pytest.mark.parametrize("tool", ["fastbench", "pandas"])
@pytest.mark.benchmark(group="tables, consensus")
def test_consensus(benchmark: Any, tool: str) -> None:
    from fastbench.engine.tables.profiles import Profiles, consensus

    table = pd.concat([plate(i) for i in range(4)], ignore_index=True)
    names = tuple(name for name in table.columns if name.startswith("Cells_"))
    meta = [name for name in table.columns if name.startswith("Metadata_")]
    metadata = pl.DataFrame({name: table[name].tolist() for name in meta})
    profiles = Profiles(metadata, table[list(names)].to_numpy(np.float32), names, ())
    benchmark.extra_info.update(tool=tool, job=f"{len(table):,} x {FEATURES}", n=len(table), d=FEATURES)

    def by_pandas() -> object:
        return table.groupby("Metadata_compound", sort=False)[list(names)].median()

    work = by_pandas if tool == "pandas" else lambda: consensus(profiles, "Metadata_compound")
    benchmark.pedantic(work, rounds=5, warmup_rounds=1)


@pytest.mark.parametrize("tool", ["fastbench", "copairs"])
@pytest.mark.benchmark(group="tables, reference index")
def test_assign_reference_index(benchmark: Any, tool: str) -> None:
    n = 100_000
    table = pd.DataFrame({"Metadata_control": np.where(np.arange(n) % 6 == 0, "negcon", "trt")})
    module = import_module("fastbench" if tool == "fastbench" else "copairs.matching")
    benchmark.extra_info.update(tool=tool, job=f"{n:,} rows", n=n)
    benchmark.pedantic(
        module.assign_reference_index, args=(table, "Metadata_control == 'negcon'"), rounds=5, warmup_rounds=1
    )
