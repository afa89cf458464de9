"""What `map` says of inputs that are not what they seem."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import fastbench as fb


@pytest.fixture
def plate(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    columns = {f"f{k}": rng.normal(size=20) for k in range(6)}
    table = pl.DataFrame({"Metadata_cp": ["DMSO", "a", "b", "c", "d"] * 4, **columns})
    table.write_csv(tmp_path / "plate.csv")
    return tmp_path / "plate.csv"


def notes(path: Path, **options: Any) -> str:
    given = {"pos_sameby": "Metadata_cp", "neg_diffby": "Metadata_cp", "progress_bar": False}
    return "\n".join(fb.map(str(path), **given | options).notes)


def change(path: Path, *columns: Any, **named: Any) -> Path:
    pl.read_csv(path).with_columns(*columns, **named).write_csv(path)
    return path


def test_filters_that_choose_nothing_or_everything(plate: Path) -> None:
    assert "--queries \"Metadata_cp != 'dmso'\" is met by every row" in notes(plate, queries="Metadata_cp != 'dmso'")
    assert "is met by" not in notes(plate, queries="Metadata_cp != 'DMSO'")
    told = notes(plate, reference_index="Metadata_cp == 'dmso'", pos_sameby="Metadata_cp,Metadata_Reference_Index")
    assert "is met by no row, so no row is numbered" in told
    told = notes(plate, derive="Metadata_negcon = Metadata_cp == 'dmso'")
    assert "is false in every row" in told


def test_a_constant_feature_is_named(plate: Path) -> None:
    assert "one value in all profiles" not in notes(plate)
    told = notes(change(plate, passage_no=pl.lit(4), empty=pl.lit(0)))
    assert "1 feature has one value in all profiles ('passage_no')" in told


@pytest.mark.parametrize(
    "values", [["10 uM", "10uM"], ["10.0 uM", "10 uM"], ["10 uM", "10 UM"]], ids=["space", "decimals", "case"]
)
def test_one_dose_in_two_ways(plate: Path, values: list[str]) -> None:
    doses = pl.Series("Metadata_dose", values * 10)
    told = notes(change(plate, doses), pos_sameby="Metadata_cp,Metadata_dose")
    assert "Metadata column 'Metadata_dose' has 1 sets of values that differ only by space, case, zeros" in told


def test_rows_with_missing_features_are_dropped_or_last(plate: Path) -> None:
    change(plate, f0=pl.when(pl.int_range(pl.len()) == 3).then(float("nan")).otherwise("f0"))
    told = notes(plate, degenerate="drop")
    assert "1 of 20 rows have features that are not finite, or no direction, and were left out" in told
    assert "rank last" in notes(plate, degenerate="last")
    with pytest.raises(fb.InputError, match="NaN or infinite"):
        notes(plate)
