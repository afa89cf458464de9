"""Vectors for CPJUMP1 as people save them: columns of any names, one array of several, as `map` takes them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from fastbench.engine.cpjump.options import Options
from fastbench.engine.cpjump.planning import plan
from fastbench.engine.cpjump.plates.simulate import simulate_plates
from fastbench.engine.cpjump.plates.wells import missing_plates, plate_reader
from fastbench.engine.errors import InputError
from fastbench.engine.tables.profiles import Profiles

from . import embedding_writers as writers

D = 6


@pytest.fixture(scope="module")
def plates() -> list[Any]:
    found = plan(Options(cells=("U2OS",), timelines=("short",))).experiments.configurations()
    return list(found["crispr_U2OS_short"])[:2]


@pytest.fixture(scope="module")
def drawn(plates: list[Any]) -> tuple[pl.DataFrame, np.ndarray]:
    parts = [profiles for _, profiles in simulate_plates(3, D, plates)]
    keys = pl.concat([part.metadata.select("Metadata_Plate", "Metadata_Well") for part in parts])
    return keys, np.concatenate([part.features for part in parts]).astype(np.float32)


def read(plates: list[Any], path: Path, **options: Any) -> Profiles:
    given = Options(features="emb", embeddings=path, **options)
    assert missing_plates(plates, given) == ()
    found = plate_reader(given)(plates)
    assert found is not None
    return found


def renamed(keys: pl.DataFrame, plate: str, well: str) -> pl.DataFrame:
    return keys.rename({"Metadata_Plate": plate, "Metadata_Well": well})


@pytest.mark.parametrize("names", [("plate", "well"), ("Plate_ID", "WellName"), ("barcode", "position")])
@pytest.mark.parametrize("kind", ["npy", "npz", "list", "wide", "h5ad"])
def test_columns_of_plates_and_wells_under_other_names(
    tmp_path: Path, plates: list[Any], drawn: Any, names: tuple[str, str], kind: str
) -> None:
    keys, vectors = drawn
    named = renamed(keys, *names)
    options: dict[str, Any] = {"key": names} if names == ("barcode", "position") else {}
    if kind in ("npy", "npz"):
        path = writers.array(tmp_path / f"e.{kind}", vectors)
        options["metadata" if kind == "npy" else "embedding_keys"] = writers.key_table(tmp_path / "k.csv", named)
    elif kind == "h5ad":
        path, options["obsm"] = writers.adata(tmp_path / "e.h5ad", named, vectors), "X_model"
    else:
        path = {"list": writers.listed, "wide": writers.wide}[kind](tmp_path / "e.parquet", named, vectors)
    found = read(plates, path, **options)
    assert found.features.shape == (2 * 384, D)
    np.testing.assert_array_equal(found.features, vectors)


def test_one_of_several_columns_or_arrays(tmp_path: Path, plates: list[Any], drawn: Any) -> None:
    keys, vectors = drawn
    table = keys.with_columns(pl.Series("a", (vectors + 1).tolist()), pl.Series("b", vectors.tolist()))
    table.write_parquet(tmp_path / "e.parquet")
    np.testing.assert_array_equal(read(plates, tmp_path / "e.parquet", embedding="b").features, vectors)
    np.savez(tmp_path / "e.npz", a=vectors + 1, b=vectors)
    options = {"embedding_keys": writers.key_table(tmp_path / "k.csv", keys), "embedding": "b"}
    np.testing.assert_array_equal(read(plates, tmp_path / "e.npz", **options).features, vectors)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("e.parquet", {}, "has 2 columns of vectors ('a', 'b'): leave one in the file, or name it with --embedding"),
        ("e.parquet", {"embedding": "c"}, "has no column of vectors 'c': it has 'a', 'b'"),
        ("e.parquet", {"key": ("Metadata_Plate",)}, "--key names 1 columns: give two"),
        ("e.parquet", {"key": ("Metadata_Plate", "wel")}, "has no column 'wel'"),
        ("e.npy", {"embedding": "b", "metadata": "k.csv"}, "--embedding 'b' is for Parquet and .npz"),
        (
            "e.npy",
            {"embedding_keys": "k.csv", "metadata": "k.csv"},
            "--metadata is a table, and so is --embedding-keys",
        ),
        ("e.npz", {"embedding": "c", "metadata": "k.csv"}, "it has 'a', 'b'"),
        ("folder", {"key": ("plate", "well")}, "--key goes with one file"),
        ("folder", {"embedding": "b"}, "--embedding goes with one file"),
    ],
)
def test_what_does_not_fit_is_refused(
    tmp_path: Path, plates: list[Any], drawn: Any, name: str, options: dict[str, Any], message: str
) -> None:
    keys, vectors = drawn
    keys.with_columns(a=pl.Series(vectors.tolist()), b=pl.Series(vectors.tolist())).write_parquet(
        tmp_path / "e.parquet"
    )
    np.savez(tmp_path / "e.npz", a=vectors, b=vectors)
    np.save(tmp_path / "e.npy", vectors)
    writers.key_table(tmp_path / "k.csv", keys)
    writers.folder(tmp_path / "folder", keys, vectors)
    given = {key: tmp_path / value if value == "k.csv" else value for key, value in options.items()}
    with pytest.raises(InputError, match=re.escape(message)):
        read(plates, tmp_path / name, **given)


def test_they_are_for_embeddings() -> None:
    with pytest.raises(InputError, match="--embedding is for embeddings"):
        Options(embedding="b")
    with pytest.raises(InputError, match="--key is for embeddings"):
        Options(key=("plate", "well"))
