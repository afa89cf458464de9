"""What is in memory is read as the same in a file is: missing values, missing text, row numbers, notes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
import pytest

import fastbench as fb
from fastbench.engine.errors import InputError
from fastbench.engine.readers.in_memory import profiles_of

RULES: dict[str, Any] = {"pos_sameby": "Metadata_drug", "neg_diffby": "Metadata_drug", "progress_bar": False}


def plate(rows: int = 24) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    table = pd.DataFrame(rng.normal(size=(rows, 6)).astype(np.float32), columns=[f"f{i}" for i in range(6)])
    table.insert(0, "Metadata_drug", [f"d{i % 4}" for i in range(rows)])
    table.loc[5, "f2"] = np.nan
    return table


def in_a_file(table: pd.DataFrame, folder: Path) -> str:
    table.to_parquet(folder / "plate.parquet")
    return str(folder / "plate.parquet")


@pytest.mark.parametrize("options", [{"missing": "drop-features"}, {"degenerate": "drop"}, {"degenerate": "last"}])
@pytest.mark.parametrize("kind", ["one table", "two tables", "AnnData", "Profiles"])
def test_missing_features_are_those_of_a_file(kind: str, options: dict[str, Any], tmp_path: Path) -> None:
    table = plate()
    features = table.drop(columns="Metadata_drug")
    given: tuple[Any, ...] = {
        "one table": (table,),
        "two tables": (table[["Metadata_drug"]], features),
        "AnnData": (anndata.AnnData(features.to_numpy(), table[["Metadata_drug"]].set_axis(table.index.map(str))),),
        "Profiles": (fb.read_profiles(in_a_file(table, tmp_path), missing="keep"),),
    }[kind]
    held, read = fb.map(*given, **RULES, **options), fb.map(in_a_file(table, tmp_path), **RULES, **options)
    assert held.tables["map"].equals(read.tables["map"])
    assert (
        held.tables["average_precision"].height
        == read.tables["average_precision"].height
        == 24 - (options.get("degenerate") == "drop")
    )
    if "missing" in options:
        assert any("1 feature with NaN or infinite values was dropped" in note for note in held.notes)


def test_missing_features_are_refused_unless_something_is_said() -> None:
    with pytest.raises(
        InputError, match=r"Features hold NaN or infinite values in 1 of 6 columns \('f2'\).*missing='drop"
    ):
        fb.map(plate(), **RULES)
    with pytest.raises(InputError, match="missing must be"):
        profiles_of(plate(), missing="ignore")


def test_columns_that_number_rows_are_left_out_as_of_a_file(tmp_path: Path) -> None:
    table = plate().fillna(0.0)
    table["order"] = np.arange(len(table), dtype=np.float32)
    held, read = (fb.map(each, **RULES) for each in (table, in_a_file(table, tmp_path)))
    assert held.tables["map"].equals(read.tables["map"])
    assert held.left_out == read.left_out == ("order",)
    assert any("numbers its rows" in note for note in held.notes)
    assert fb.map(table, features="all", **RULES).left_out == ()


def test_text_that_means_missing_is_counted() -> None:
    table = plate().fillna(0.0)
    table["Metadata_dose"] = ["NA", *["1 uM"] * 23]
    found = profiles_of(table)
    assert found.metadata["Metadata_dose"].null_count() == 1
    assert "Metadata cells taken as empty: 'NA' in Metadata_dose (1)." in found.notes
