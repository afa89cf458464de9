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
    assert "queries=\"Metadata_cp != 'dmso'\" is met by every row" in notes(plate, queries="Metadata_cp != 'dmso'")
    assert "is met by" not in notes(plate, queries="Metadata_cp != 'DMSO'")
    told = notes(plate, reference_index="Metadata_cp == 'dmso'", pos_sameby="Metadata_cp,Metadata_Reference_Index")
    assert "is met by no row, so no row is numbered" in told
    told = notes(plate, derive="Metadata_negcon = Metadata_cp == 'dmso'")
    assert "is false in every row; did you mean 'DMSO'?" in told
    for given in (
        {"controls": "Metadata_cp == 'dmso'"},
        {"filter": "Metadata_cp == 'dmso'"},
        {"queries": "Metadata_cp == 'dmso'"},
    ):
        with pytest.raises(fb.InputError, match=r"== 'dmso'.*; did you mean 'DMSO'\?"):
            notes(plate, **given)


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
    assert "Metadata column 'Metadata_dose' has 1 set of values that differ only by space, case, zeros" in told


def test_rows_with_missing_features_are_dropped_or_last(plate: Path) -> None:
    change(plate, f0=pl.when(pl.int_range(pl.len()) == 3).then(float("nan")).otherwise("f0"))
    told = notes(plate, degenerate="drop")
    assert "1 of 20 rows has features that are not finite, or no direction, and was left out" in told
    assert "and ranks last" in notes(plate, degenerate="last")
    with pytest.raises(fb.InputError, match="NaN or infinite"):
        notes(plate)


def test_copies_are_told_from_other_metadata(plate: Path) -> None:
    assert "another" not in notes(plate)
    table = pl.read_csv(plate)
    named = table[:2].with_columns(Metadata_cp=pl.Series(["DMSO", "b"]))
    pl.concat([table, table[3:5], named]).write_csv(plate)
    told = notes(plate)
    assert "3 profiles are copies of another (equal features and metadata), such as rows 3 and 20:" in told
    assert (
        "1 profile has the very features of another, but other metadata ('Metadata_cp'), such as rows 1 and 23:" in told
    )
    wells = {
        "Metadata_Plate": pl.lit("p"),
        "Metadata_Well": pl.lit("A") + pl.Series([*range(20), 3, 4, 0, 1]).cast(pl.String),
    }
    consensus = {"consensus": "Metadata_Plate,Metadata_Well,Metadata_cp"}
    assert "(consensus='Metadata_Plate,Metadata_Well')" in notes(change(plate, **wells))
    assert "of another" not in notes(plate, **consensus)


def test_what_rows_without_values_need_is_said_first(plate: Path) -> None:
    features = [f"f{k}" for k in range(6)]
    here = pl.int_range(pl.len())
    change(plate, pl.when(here == 3).then(float("nan")).otherwise(pl.col(features)).name.keep())
    whole = r"in 6 of 6 columns .* and 1 of 20 rows; 1 row holds nothing else \(row 3\): .*degenerate='drop'\)\."
    with pytest.raises(fb.InputError, match=whole):
        notes(plate)
    with pytest.raises(fb.InputError, match=r"so none is left .* 1 row holds nothing else: leave them out"):
        notes(plate, missing="drop-features")
    change(plate, f0=pl.when(here == 5).then(float("nan")).otherwise("f0"))
    with pytest.raises(fb.InputError, match=r"in the other rows, 1 column \('f0'\): .*missing='drop-features'"):
        notes(plate)
    told = notes(plate, missing="drop-features", degenerate="drop")
    assert "1 feature with NaN or infinite values was dropped (5 are left): 'f0'" in told
    assert "1 of 20 rows has features that are not finite" in told


def test_a_column_without_values_is_dropped(plate: Path) -> None:
    change(plate, f0=pl.lit(None))
    with pytest.raises(
        fb.InputError, match="there is no other value in these columns: drop these columns with missing="
    ):
        notes(plate)


def test_what_leaves_no_negative_is_named(plate: Path) -> None:
    change(plate, Metadata_p=pl.lit("p"), Metadata_target=pl.when(pl.col("Metadata_cp") != "DMSO").then(pl.lit("t")))
    for options, reason in (
        ({"neg_diffby": "Metadata_p"}, "each of the 20 rows has 'p' in 'Metadata_p'"),
        ({"neg_sameby": "Metadata_cp", "neg_diffby": "Metadata_p"}, "each of the 20 rows has 'p' in 'Metadata_p'"),
        ({"consensus": "Metadata_cp"}, "No positive pair .* no two of the 5 rows agree in 'Metadata_cp'"),
        (
            {"controls": "Metadata_cp == 'DMSO'", "neg_diffby": "", "consensus": "Metadata_cp,Metadata_target"},
            "consensus='Metadata_cp,Metadata_target' leaves out all 4 controls",
        ),
    ):
        with pytest.raises(fb.InputError, match=reason):
            notes(plate, **options)


def test_numbers_that_stand_for_missing_values_are_said(plate: Path) -> None:
    assert "stands for" not in notes(
        change(plate, f1=pl.col("f1") * 300, f2=pl.when(pl.col("f2") > 1).then(9).otherwise(0))
    )
    told = notes(change(plate, f0=pl.when(pl.int_range(pl.len()) % 9 == 3).then(-999.0).otherwise("f0")))
    assert "1 feature holds -999 or its like, far from all other values ('f0'), in 2 profiles" in told
