"""Which columns are features: bookkeeping of every name is left out, and named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from fastbench.engine.errors import InputError
from fastbench.engine.readers.column_roles import compile_features, plan_columns
from fastbench.engine.readers.profiles import read_profiles
from fastbench.engine.tables.bookkeeping import is_bookkeeping, is_compartment, row_numbers

FEATURES = [f"Cells_F{i}" for i in range(12)]


def plate(seed: int = 1, n: int = 32) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    data = {"Metadata_m": [f"c{i % 8}" for i in range(n)]}
    return pl.DataFrame(data | {name: rng.standard_normal(n).round(4) for name in FEATURES})


@pytest.mark.parametrize(
    "name",
    [
        *("ImageNumber", "ObjectNumber", "TableNumber", "Image_ImageNumber", "Cells_ObjectNumber", "Group_Number"),
        *("Cells_Number_Object_Number", "Nuclei_Number_Object_Number", "Cytoplasm_Parent_Cells", "Cells_Parent_Nuclei"),
        *("Image_Count_Cells", "Image_Intensity_MeanIntensity_DNA", "Count_Cells", "Cells_Children_Cytoplasm_Count"),
        *("cell_count", "CellCount", "n_cells", "nuclei_count", "Count", "number_of_cells", "well_id", "plate_number"),
        *("index", "id", "level_0", "site", "Row", "Col", "row_number", "ExecutionTime_01Images", "Width_DNA"),
    ],
)
def test_bookkeeping_by_name(name: str) -> None:
    assert is_bookkeeping(name)


@pytest.mark.parametrize(
    "name",
    [
        *("Cells_AreaShape_Area", "Nuclei_Neighbors_NumberOfNeighbors_Adjacent", "Cells_AreaShape_EulerNumber", "x"),
        *(
            "Cells_Texture_Entropy_DNA_3_00_256",
            "emb_0",
            "X_pca_1",
            "CD4",
            "ImageQuality",
            "feature_12",
            "V1",
            "number",
        ),
        *(
            "Cells_RadialDistribution_FracAtD_DNA_1of4",
            "Cells_Intensity_MeanIntensity_Count",
            "gene_id_score",
            "Counting",
        ),
    ],
)
def test_measurements_by_name(name: str) -> None:
    assert not is_bookkeeping(name)


def test_compartments() -> None:
    for name in ("Cells_x", "Nuclei_AreaShape_Area", "Cytoplasm_z", "Nucleoli_Texture_x", "Mito_Intensity_y"):
        assert is_compartment(name)
    for name in ("cells_x", "Cellsx", "emb_1", "Image_Count_Cells", "CellsOut"):
        assert not is_compartment(name)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("X", np.arange(1, 33)),
        ("...1", np.arange(32)),
        ("Unnamed: 0", np.arange(32)),
        ("whatever", np.arange(32)),
        ("later", np.arange(384, 416)),
        ("down", np.arange(32)[::-1]),
        ("shuffled", np.random.default_rng(3).permutation(32)),
        ("from one", 1 + np.random.default_rng(4).permutation(32)),
        ("gaps", np.arange(32) * 3 + 7),
        ("index", np.random.default_rng(5).integers(0, 9, 32)),
        ("ImageNumber", np.repeat([1, 2], 16)),
        ("Cells_Number_Object_Number", np.linspace(1, 2, 32)),
        ("Cytoplasm_Parent_Cells", np.linspace(40, 50, 32)),
        ("Image_Metadata_Plate", np.full(32, 24278.0)),
        ("Cells_Metadata_Site", np.full(32, 3)),
        ("cell_count", np.linspace(50, 70, 32)),
        ("dose", np.linspace(0, 10, 32)),
    ],
)
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_bookkeeping_is_left_out_of_a_plate(tmp_path: Path, name: str, values: np.ndarray, suffix: str) -> None:
    plain = plate()
    path = tmp_path / f"a.{suffix}"
    frame = plain.insert_column(1, pl.Series(name, values))
    frame.write_csv(path) if suffix == "csv" else frame.write_parquet(path)
    found = read_profiles(path)
    assert found.feature_names == tuple(FEATURES)
    assert any(repr(name) in note for note in found.notes)
    assert (name in found.metadata.columns) == ("Metadata_" in name)
    if "Metadata_" not in name and name not in ("...1", "Unnamed: 0"):
        assert name in found.left_out
        assert len(read_profiles(path, features="all").feature_names) == 13
    np.testing.assert_array_equal(found.features, plate().select(FEATURES).to_numpy().astype(np.float32))


def test_row_numbers_need_rows_and_are_not_ranks() -> None:
    rng = np.random.default_rng(0)
    ranks = np.argsort(np.argsort(rng.random((40, 6)), axis=0), axis=0).astype(np.float32)
    assert row_numbers(ranks) == []
    ranks[:, 2] = np.arange(40)
    assert row_numbers(ranks) == [2]
    assert row_numbers(np.arange(4, dtype=np.float32)[:, np.newaxis]) == []
    assert row_numbers(np.arange(40, dtype=np.float32).reshape(10, 4)) == []  # a toy, every column of which goes up
    toy = rng.random((10, 3)).astype(np.float32)
    toy[:, 1] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 8]
    assert row_numbers(toy) == []
    toy[:, 1] = np.nan
    assert row_numbers(toy) == []


def test_choices(tmp_path: Path) -> None:
    frame = plate().with_columns(emb_0=0.5, ImageNumber=1, Nuclei_Parent_x=2.0)
    path = tmp_path / "a.csv"
    frame.write_csv(path)
    assert read_profiles(path, features="cellprofiler").feature_names == tuple(FEATURES)
    assert read_profiles(path, features="all").feature_names == (*FEATURES, "emb_0", "ImageNumber", "Nuclei_Parent_x")
    assert read_profiles(path, features="published").feature_names == (*FEATURES, "emb_0", "Nuclei_Parent_x")
    assert read_profiles(path, features="^(emb|Image)").feature_names == ("emb_0", "ImageNumber")
    found = read_profiles(path)
    assert found.feature_names == tuple(FEATURES)
    assert found.left_out == ("emb_0", "ImageNumber", "Nuclei_Parent_x")


def test_features_of_two_kinds_are_kept() -> None:
    names = [*FEATURES, *(f"emb_{i}" for i in range(12))]
    assert plan_columns(names, "a.csv").features == names
    assert plan_columns(names, "a.csv", compile_features("cellprofiler")).features == FEATURES


@pytest.mark.parametrize(
    ("columns", "features", "said"),
    [
        (
            {"Image_x": [0.5] * 6, "Image_y": [1.5] * 6},
            None,
            "'Image_x', 'Image_y'; choose the features with --features",
        ),
        ({"n": range(6)}, None, "no feature column but row numbers ('n')"),
        ({"emb_1": [0.5] * 6}, "cellprofiler", "no feature column of a compartment"),
    ],
)
def test_nothing_left_is_refused(tmp_path: Path, columns: dict, features: str | None, said: str) -> None:
    path = tmp_path / "a.csv"
    pl.DataFrame({"Metadata_m": list("abcabc"), **columns}).write_csv(path)
    with pytest.raises(InputError) as caught:
        read_profiles(path, features=features)
    assert said in str(caught.value)
