"""Plates and labels as other programs write them score like the plain ones; what is left out is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import pandas as pd
import polars as pl
import pytest

from fastbench.engine.command.execute import execute
from fastbench.engine.errors import InputError
from fastbench.engine.map.command import MAP
from fastbench.engine.map.job import run_map
from fastbench.engine.map.options import MapOptions
from fastbench.engine.map.result import MapResult
from fastbench.engine.results.manifest import read_manifest

FEATURES = [f"Cells_F{i}" for i in range(12)]
RNG = np.random.default_rng(8)
SAMPLES = [f"BRD-{i // 4:03d}" if i < 24 else "DMSO" for i in range(32)]
X = (RNG.standard_normal((7, 12)).repeat([4] * 6 + [8], axis=0) * 0.7 + RNG.standard_normal((32, 12))).round(4)


def plate() -> pl.DataFrame:
    return pl.DataFrame({"Metadata_sample": SAMPLES} | dict(zip(FEATURES, X.T, strict=True)))


def scored(path: Path, **more: Any) -> MapResult:
    rules = {
        "derive": ("Metadata_negcon = Metadata_sample == 'DMSO'",),
        "queries": "Metadata_sample != 'DMSO'",
        "pos_sameby": "Metadata_sample",
        "neg_diffby": "Metadata_negcon",
    }
    return run_map(MapOptions(profiles=(str(path),), **{**rules, **more}))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> MapResult:
    path = tmp_path_factory.mktemp("plain") / "a.csv"
    plate().write_csv(path)
    return scored(path)


BOOKKEEPING = {
    "X": np.arange(1, 33),
    "ImageNumber": np.arange(32)[::-1] + 100,
    "Image_Metadata_Plate": np.full(32, 24278.0),
    "Cells_Number_Object_Number": np.linspace(1, 90, 32),
    "Cytoplasm_Parent_Cells": np.linspace(1, 90, 32) * 7,
    "Image_Count_Cells": np.linspace(900, 100, 32),
}


@pytest.mark.parametrize("names", [["X"], ["Image_Metadata_Plate", "ImageNumber"], list(BOOKKEEPING)])
def test_bookkeeping_does_not_score(tmp_path: Path, plain: MapResult, names: list[str]) -> None:
    path = tmp_path / "a.csv"
    plate().with_columns(pl.Series(name, BOOKKEEPING[name]) for name in names).write_csv(path)
    found = scored(path)
    assert found.groups["mean_average_precision"].equals(plain.groups["mean_average_precision"])
    assert found.n_significant == plain.n_significant
    said = " ".join(found.notes)
    assert all(repr(name) in said for name in names)
    everything = scored(path, features="all")
    assert any("of the mean squared length" in note for note in everything.notes)
    assert not any("of the mean squared length" in note for note in found.notes)
    assert everything.mean_map != plain.mean_map


def test_what_is_left_out_is_in_the_manifest(tmp_path: Path) -> None:
    plate().with_columns(pl.Series("X", range(32)), dose=pl.lit(2.5)).write_csv(tmp_path / "a.csv")
    rules = {"pos_sameby": "Metadata_sample", "neg_diffby": "Metadata_sample"}
    execute(MAP, MapOptions(profiles=(str(tmp_path / "a.csv"),), **rules), tmp_path / "out")
    features = read_manifest(tmp_path / "out")["features"]
    assert features == {"count": 12, "names": FEATURES, "left_out": ["X", "dose"]}


def as_orphan(path: Path) -> None:
    with h5py.File(path, "a") as file:
        codes, names = np.unique(SAMPLES, return_inverse=True)[1].astype(np.int8), np.unique(SAMPLES)
        del file["obs/Metadata_sample"]
        file["obs/Metadata_sample"], file["obs/__categories/Metadata_sample"] = codes, names.astype(object)


def as_fixed_length(path: Path) -> None:
    with h5py.File(path, "a") as file:
        nodes: list[Any] = [file]
        file.visititems(lambda _, node: nodes.append(node))
        for node in nodes:
            for name, value in list(node.attrs.items()):
                if isinstance(value, str):
                    node.attrs[name] = np.bytes_(value)
                elif isinstance(value, np.ndarray) and value.dtype == object:
                    node.attrs[name] = value.astype("S")


def as_06(path: Path) -> None:
    with h5py.File(path, "a") as file:
        for part, names, kind in (("obs", SAMPLES, "i1"), ("var", FEATURES, None)):
            del file[part]
            index = [f"r{i}".encode() if kind else name.encode() for i, name in enumerate(names)]
            codes = np.unique(names, return_inverse=True)[1].tolist()
            types = [("index", "S12"), *([("Metadata_sample", kind)] if kind else [])]
            rows = [(name, code) if kind else (name,) for name, code in zip(index, codes, strict=True)]
            file[part] = np.array(rows, dtype=types)
        file["uns/Metadata_sample_categories"] = np.unique(SAMPLES).astype("S")


@pytest.mark.parametrize("change", [as_orphan, as_fixed_length, as_06])
def test_anndata_of_other_writers(tmp_path: Path, plain: MapResult, change: Any) -> None:
    path = tmp_path / "a.h5ad"
    rows, columns = (pd.Index(names, dtype=object) for names in ([f"r{i}" for i in range(32)], FEATURES))
    obs = pd.DataFrame({"Metadata_sample": pd.Categorical(pd.Series(SAMPLES, dtype=object))}).set_axis(rows)
    anndata.AnnData(X.astype(np.float32), obs, pd.DataFrame(index=columns)).write_h5ad(path)
    change(path)
    found = scored(path)
    assert found.groups["mean_average_precision"].equals(plain.groups["mean_average_precision"])
    assert found.groups["Metadata_sample"].equals(plain.groups["Metadata_sample"])


# --- several labels in one text ---

TARGETS = [sorted(RNG.choice(list("ABCDE"), RNG.integers(1, 4), replace=False).tolist()) for _ in range(32)]


def labelled(folder: Path, texts: list[str], **more: Any) -> MapResult:
    pl.DataFrame({"Metadata_t": texts} | dict(zip(FEATURES, X.T, strict=True))).write_csv(folder / "t.csv")
    rules = {"pos_sameby": "Metadata_t", "neg_diffby": "Metadata_t", "multilabel": "Metadata_t"}
    return run_map(MapOptions(profiles=(str(folder / "t.csv"),), **{**rules, **more}))


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (";".join, "split at ';'"),
        ("; ".join, "split at ';'"),
        (", ".join, "split at ','"),
        (",".join, "split at ','"),
        (repr, "printed lists"),
        (lambda labels: str(labels).replace("'", '"'), "printed lists"),
        (lambda labels: "c(" + ", ".join(f'"{label}"' for label in labels) + ")", "printed lists"),
        (lambda labels: "|".join([*labels, "NA"]), ""),
    ],
)
def test_labels_are_those_of_the_text_with_bars(tmp_path: Path, write: Any, said: str) -> None:
    bars = labelled(tmp_path, ["|".join(labels) for labels in TARGETS])
    found = labelled(tmp_path, [write(labels) for labels in TARGETS])
    assert found.groups.equals(bars.groups)
    assert any(said in note for note in found.notes) if said else not any("was read as" in n for n in found.notes)
    assert not any("was read as" in note for note in bars.notes)


def test_separators_that_are_asked_for(tmp_path: Path) -> None:
    bars = labelled(tmp_path, ["|".join(labels) for labels in TARGETS])
    slashes = ["/".join(labels) for labels in TARGETS]
    with pytest.raises(InputError, match="--label-separator '/'"):
        labelled(tmp_path, slashes)
    assert labelled(tmp_path, slashes, label_separator="/").groups.equals(bars.groups)
    whole = labelled(tmp_path, slashes, label_separator="|")
    assert any("No row has more than one label" in note for note in whole.notes)
    near = labelled(tmp_path, ["|".join(labels) + "|a" * (i == 3) for i, labels in enumerate(TARGETS)])
    assert any("'A', 'a'" in note or "'a', 'A'" in note for note in near.notes)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_text_that_means_missing(tmp_path: Path, suffix: str) -> None:
    texts = ("NA", "<NA>", " nan ", "n/a", "none")
    samples = [texts[i // 4 % 5] if i % 4 == 0 else sample for i, sample in enumerate(SAMPLES)]
    path = tmp_path / f"a.{suffix}"
    frame = plate().with_columns(pl.Series("Metadata_sample", samples))
    frame.write_csv(path) if suffix == "csv" else frame.write_parquet(path)
    rules = {"derive": (), "queries": "", "neg_diffby": "Metadata_sample"}
    with pytest.raises(InputError, match="'Metadata_sample' is missing in 7 of 32 rows"):
        scored(path, **rules)
    with pytest.raises(InputError, match="'Metadata_sample' is missing in 8 of 32 rows"):
        scored(path, missing_text=("default", "none"), **rules)
    named = scored(path, missing_text=(), **rules)  # each is a sample then
    assert set(named.groups["Metadata_sample"]) >= {"NA", "<NA>", " nan "}
    with pytest.raises(InputError, match="'Metadata_sample' is missing in 2 of 32 rows"):
        scored(path, missing_text=("n/a", "none", "-"), **rules)
