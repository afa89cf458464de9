"""Cell ids, label columns and score columns of every format, and files that cannot be trusted."""

from __future__ import annotations

import gzip
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import pandas as pd
import polars as pl
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st

from fastbench.engine.errors import InputError
from fastbench.engine.readers.cells import CellTable, LabelColumn, column_names, read_cells
from fastbench.engine.readers.profiles import read_profiles

from ...examples import FEW, SOME

pytestmark = [
    pytest.mark.filterwarnings("ignore:Writing zarr v2:UserWarning"),
    pytest.mark.filterwarnings("ignore:zarr v3 autosharding:UserWarning"),
    pytest.mark.filterwarnings("ignore:Consolidated metadata:UserWarning"),
]

IDS = ["cell 1", "ça", "c-3", "細胞"]
NAMES = ["CL:0000540", "nan", None, "CL:0000540"]
LABELS = ["CD4-positive, alpha-beta T cell", 'a "quoted" one', "two\nlines", "é"]
SCORES = [0.5, None, 1.0, 1e-7]
TABLES = ["csv", "csv.gz", "tsv", "parquet", "arrow", "feather", "stream.arrow"]
FORMATS = [*TABLES, "h5ad", "zarr"]


def save(columns: dict[str, Any], ids: list[str], path: Path) -> Path:
    """Write a table in the format of its name; text columns of AnnData become categories."""
    name = path.name
    if name.endswith((".h5ad", ".zarr")):
        obs = pd.DataFrame({key: pd.Series(value) for key, value in columns.items()})
        obs.index = pd.Index(ids, dtype=object)
        made = anndata.AnnData(obs=obs)
        made.strings_to_categoricals()
        made.write_h5ad(path) if name.endswith(".h5ad") else made.write_zarr(path)
        return path
    frame = pl.DataFrame({"": ids, **columns}, strict=False)
    if name.endswith(".parquet"):
        frame.write_parquet(path)
    elif name.endswith(".stream.arrow"):
        frame.write_ipc_stream(path)
    elif name.endswith((".arrow", ".feather")):
        frame.write_ipc(path)
    else:
        text = frame.write_csv(separator="\t" if ".tsv" in name else ",").encode()
        path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    return path


def texts(column: LabelColumn) -> list[str | None]:
    assert column.codes.dtype == np.int32
    assert list(column.values) == sorted(set(column.values))
    return [None if code < 0 else column.values[code] for code in column.codes]


def refused(
    pieces: list[str], path: Path | str, labels: list[str], scores: tuple[str, ...] = (), **options: Any
) -> str:
    with pytest.raises(InputError) as caught:
        read_cells(path, labels, scores, **options)
    said = str(caught.value)
    for piece in [Path(path).name, *pieces]:
        assert piece in said
    assert "\n" not in said
    return said


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


# --- every format says the same ---


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format(tmp_path: Path, suffix: str) -> None:
    columns = {"name_1": NAMES, "label_1": LABELS, "score_1": SCORES, "other": [1, 2, 3, 4]}
    path = save(columns, IDS, tmp_path / f"a.{suffix}")
    found = read_cells(path, ["name_1", "label_1"], ["score_1"], missing_text=())
    assert isinstance(found, CellTable)
    assert found.ids.to_list() == IDS
    assert (found.ids.name, found.ids.dtype) == ("cell_id", pl.String)
    assert list(found.columns) == ["name_1", "label_1"]
    assert texts(found.columns["name_1"]) == NAMES
    assert texts(found.columns["label_1"]) == LABELS
    assert found.columns["name_1"].values == ("CL:0000540", "nan")
    np.testing.assert_array_equal(found.scores["score_1"], np.array(SCORES, float))
    assert found.scores["score_1"].dtype == np.float64
    assert {key: found.source[key] for key in ("path", "rows")} == {"path": str(path), "rows": 4}
    assert found.source["bytes"] > 0
    assert column_names(path) == list(columns)


@pytest.mark.slow
def test_digest_is_of_what_was_read_and_not_of_the_file(tmp_path: Path) -> None:
    columns = {"name_1": NAMES, "label_1": LABELS, "score_1": SCORES}
    digests = set()
    for suffix in FORMATS:
        path = save(columns | {"other": [suffix] * 4}, IDS, tmp_path / f"a.{suffix}")
        digests.add(read_cells(path, ["label_1", "name_1"], ["score_1"], missing_text=()).source["sha256"])
    groups = tmp_path / "groups.parquet"
    frame = pl.DataFrame({"": IDS, **columns})
    frame.write_parquet(groups, row_group_size=1)
    digests.add(read_cells(groups, ["name_1", "label_1"], ["score_1"], missing_text=()).source["sha256"])
    assert len(digests) == 1
    (same,) = digests
    assert len(same) == 64
    others = [
        read_cells(groups, ["name_1", "label_1"], ["score_1"]),
        read_cells(groups, ["name_1", "label_1"], missing_text=()),
        read_cells(groups, ["name_1"], ["score_1"], missing_text=()),
        read_cells(groups, ["name_1", "label_1"], ["score_1"], ids="label_1"),
        read_cells(
            save(columns | {"name_1": NAMES[::-1]}, IDS, tmp_path / "b.csv"),
            ["name_1", "label_1"],
            ["score_1"],
            missing_text=(),
        ),
        read_cells(save(columns, IDS[::-1], tmp_path / "c.csv"), ["name_1", "label_1"], ["score_1"]),
        read_cells(
            save(columns | {"score_1": [0.5, None, 1, 0]}, IDS, tmp_path / "d.csv"), list(columns)[:2], ["score_1"]
        ),
    ]
    assert len({same, *(other.source["sha256"] for other in others)}) == 1 + len(others)


@pytest.mark.slow
@SOME
@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), min_size=1, max_size=5),
            st.none() | st.sampled_from(["NA", "None", "null", " x", "x ", "CL:1", "a,b", 'q"', "tab\t", "unknown"]),
        ),
        min_size=1,
        max_size=30,
    ),
    st.sampled_from(TABLES),
)
def test_text_survives(rows: list[tuple[str, str | None]], suffix: str) -> None:
    ids, labels = (list(side) for side in zip(*rows, strict=True))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"a.{suffix}")
        save({"label": pl.Series(labels, dtype=pl.String)}, ids, path)
        found = read_cells(path, ["label"], missing_text=())
    assert found.ids.to_list() == ids
    assert texts(found.columns["label"]) == [label or None for label in labels]  # the empty text is always missing


@pytest.mark.slow
@FEW
@given(st.lists(st.none() | st.sampled_from(["b", "", "NaN", "é"]), min_size=1, max_size=20), st.booleans())
def test_anndata_text_survives(labels: list[str | None], zipped: bool) -> None:
    ids = [f"cell{i}" for i in range(len(labels))]
    with tempfile.TemporaryDirectory() as folder:
        path = save({"label": pd.Categorical(labels)}, ids, Path(folder, "a.zarr" if zipped else "a.h5ad"))
        # Nothing but "" is a chunk that zarr does not write.
        found = read_cells(path, ["label"], missing_text=(), zarr_fill=True)
    assert found.ids.to_list() == ids
    assert texts(found.columns["label"]) == [label or None for label in labels]  # the empty text is always missing


# --- which column holds the ids ---


def test_ids_of_tables(tmp_path: Path) -> None:
    csv = write(tmp_path / "a.csv", "barcode,x,label\n001,a,T\n002,b,\n")
    assert read_cells(csv, ["label"]).ids.to_list() == ["001", "002"]
    assert read_cells(csv, ["label"], ids="x").ids.to_list() == ["a", "b"]
    assert column_names(csv) == ["barcode", "x", "label"]
    frame = pd.DataFrame({"label": ["T", "B"], "x": ["a", "b"]}, index=["c1", "c2"])
    frame.to_parquet(tmp_path / "index.parquet")
    frame.rename_axis("barcode").to_parquet(tmp_path / "named.parquet")
    frame.reset_index(drop=True)[["x", "label"]].to_parquet(tmp_path / "range.parquet")
    for name, ids, names in (
        ("index", ["c1", "c2"], ["label", "x"]),
        ("named", ["c1", "c2"], ["label", "x", "barcode"]),
        ("range", ["a", "b"], ["x", "label"]),
    ):
        path = tmp_path / f"{name}.parquet"
        found = read_cells(path, ["label"])
        assert found.ids.to_list() == ids
        assert texts(found.columns["label"]) == ["T", "B"]
        assert column_names(path) == names
    assert read_cells(tmp_path / "index.parquet", ["label"], ids="x").ids.to_list() == ["a", "b"]
    frame.set_index("x", append=True).to_parquet(tmp_path / "two.parquet")
    refused(["index of 2 columns"], tmp_path / "two.parquet", ["label"])


def test_ids_of_anndata(tmp_path: Path) -> None:
    path = save({"label": ["T", "B"], "sample": ["s1", "s2"], "number": [7, 8]}, ["c1", "c2"], tmp_path / "a.h5ad")
    assert read_cells(path, ["label"], ids="sample").ids.to_list() == ["s1", "s2"]
    assert read_cells(path, ["label"], ids="number").ids.to_list() == ["7", "8"]


def test_empty_ids_of_text_are_null(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", ",label\nc1,T\n,B\n")
    assert read_cells(path, ["label"]).ids.to_list() == ["c1", None]


# --- labels that are no text ---


@pytest.mark.parametrize("suffix", ["h5ad", "zarr", "parquet", "arrow"])
def test_numbers_become_text(tmp_path: Path, suffix: str) -> None:
    columns = {
        "leiden": np.array([3, 10, 3]),
        "small": np.array([1, 0, 1], np.int8),
        "float": [3.0, None, 0.5],
        "single": np.array([0.1, np.nan, 2], np.float32),
        "flag": np.array([True, False, True]),
    }
    path = save(columns, ["a", "b", "c"], tmp_path / f"a.{suffix}")
    found = read_cells(path, list(columns), ["leiden", "float", "single"])
    assert {name: texts(column) for name, column in found.columns.items()} == {
        "leiden": ["3", "10", "3"],
        "small": ["1", "0", "1"],
        "float": ["3.0", None, "0.5"],
        "single": ["0.1", None, "2.0"],
        "flag": ["True", "False", "True"],
    }
    assert found.scores["leiden"].tolist() == [3, 10, 3]
    np.testing.assert_array_equal(found.scores["single"], np.array([0.1, np.nan, 2], np.float32).astype(float))


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["h5ad", "zarr"])
def test_encodings_of_anndata(tmp_path: Path, suffix: str) -> None:
    obs = pd.DataFrame(
        {
            "numbers": pd.Categorical([2, 1, None, 2]),
            "unused": pd.Categorical(["b", "b", "b", "b"], categories=["c", "b", "a"]),
            "integers": pd.array([1, None, 3, 1], dtype="Int64"),
            "flags": pd.array([True, None, False, True], dtype="boolean"),
            "free": pd.Series(["x", "y", "x", ""]).to_numpy(object),
            "all missing": pd.Categorical([None] * 4, categories=["a"]),
            "score": pd.Categorical(["0.5", "NA", "1", "2"]),
        },
        index=pd.Index(["i", "j", "k", "l"], name="barcode"),
    )
    made = anndata.AnnData(obs=obs)
    made.strings_to_categoricals = lambda *_, **__: None  # so that free text stays as it is
    path = tmp_path / f"a.{suffix}"
    made.write_h5ad(path) if suffix == "h5ad" else made.write_zarr(path)
    found = read_cells(path, list(obs.columns), ["score", "integers"], missing_text=())
    assert found.ids.to_list() == ["i", "j", "k", "l"]
    assert {name: texts(column) for name, column in found.columns.items()} == {
        "numbers": ["2", "1", None, "2"],
        "unused": ["b"] * 4,
        "integers": ["1", None, "3", "1"],
        "flags": ["True", None, "False", "True"],
        "free": ["x", "y", "x", None],
        "all missing": [None] * 4,
        "score": ["0.5", "NA", "1", "2"],
    }
    assert found.columns["unused"].values == ("b",)
    np.testing.assert_array_equal(found.scores["score"], [0.5, np.nan, 1, 2])
    np.testing.assert_array_equal(found.scores["integers"], [1, np.nan, 3, 1])
    refused(["'flags'", "Boolean", "numbers are needed"], path, [], ("flags",))


def test_categories_and_nulls_of_parquet(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "id": [1, 2, 3],
            "category": pl.Series(["T", None, "B"], dtype=pl.Categorical),
            "enum": pl.Series(["T", "B", "T"], dtype=pl.Enum(["T", "unused", "B"])),
            "null": pl.Series([None] * 3, dtype=pl.Null),
            "list": [["T"], ["B"], []],
            "binary": [b"T", b"B", b"T"],
        }
    )
    frame.write_parquet(tmp_path / "a.parquet")
    found = read_cells(tmp_path / "a.parquet", ["category", "enum", "null"])
    assert found.ids.to_list() == ["1", "2", "3"]
    assert [texts(column) for column in found.columns.values()] == [["T", None, "B"], ["T", "B", "T"], [None] * 3]
    assert found.columns["null"].values == ()
    for name in ("list", "binary"):
        refused([f"'{name}'", "neither text nor numbers"], tmp_path / "a.parquet", [name])
        refused([f"'{name}'", "neither text nor numbers"], tmp_path / "a.parquet", [], (name,))


# --- nothing but ids and columns is read ---


def test_the_matrix_of_h5ad_is_never_read(tmp_path: Path) -> None:
    made = anndata.AnnData(
        np.arange(3000, dtype=np.float32).reshape(3, 1000),
        obs=pd.DataFrame({"label": ["T", "B", "T"]}, ["a", "b", "c"]),
    )
    path = tmp_path / "a.h5ad"
    made.write_h5ad(path, compression="gzip")
    before = read_cells(path, ["label"])
    with h5py.File(path, "r+") as store:
        chunk = store["X"].id.get_chunk_info(0)
        start, size = chunk.byte_offset, chunk.size
    raw = bytearray(path.read_bytes())
    raw[start : start + size] = b"\xff" * size
    path.write_bytes(raw)
    with h5py.File(path) as store, pytest.raises(OSError, match="read data"):
        store["X"][:]
    assert read_cells(path, ["label"]).source == before.source
    with h5py.File(path, "r+") as store:
        del store["X"], store["var"], store["uns"]
    assert texts(read_cells(path, ["label"]).columns["label"]) == ["T", "B", "T"]


@pytest.mark.slow
def test_the_matrix_of_zarr_is_never_read(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    made = anndata.AnnData(np.ones((3, 2), np.float32), obs=pd.DataFrame({"label": ["T", "B", "T"]}, ["a", "b", "c"]))
    made.write_zarr(path)
    before = read_cells(path, ["label"])
    (path / "X" / "0.0").write_bytes(b"no chunk")
    assert read_cells(path, ["label"]).source == before.source
    shutil.rmtree(path / "X")
    assert texts(read_cells(path, ["label"]).columns["label"]) == ["T", "B", "T"]


# --- layouts of older writers ---


def test_anndata_07(tmp_path: Path) -> None:
    text = h5py.string_dtype()
    path = tmp_path / "a.h5ad"
    with h5py.File(path, "w") as store:
        obs = store.create_group("obs")
        obs.attrs.update({"_index": "barcode", "encoding-type": "dataframe", "encoding-version": "0.1.0"})
        obs.attrs["column-order"] = np.array(["label", "batch"], dtype=object)
        obs.create_dataset("barcode", data=["a", "b", "c"], dtype=text)
        obs.create_dataset("batch", data=np.array([b"x", b"y", b"x"]))
        obs.create_dataset("label", data=np.array([1, -1, 0], np.int8))
        obs.create_dataset("__categories/label", data=["B", "T"], dtype=text).attrs["ordered"] = False
        obs["label"].attrs["categories"] = obs["__categories/label"].ref
    assert column_names(path) == ["label", "batch"]
    found = read_cells(path, ["label", "batch"])
    assert found.ids.to_list() == ["a", "b", "c"]
    assert texts(found.columns["label"]) == ["T", None, "B"]
    assert texts(found.columns["batch"]) == ["x", "y", "x"]


def test_anndata_06(tmp_path: Path) -> None:
    path = tmp_path / "a.h5ad"
    kinds = [("index", "S5"), ("label", "i1"), ("text", "S3"), ("number", "f8"), ("code", "i4")]
    with h5py.File(path, "w") as store:
        store["obs"] = np.array([(b"a", 0, b"x", 0.5, 7), (b"b", -1, b"", np.nan, 8)], dtype=kinds)
        store["uns/label_categories"] = np.array([b"T"])
    assert column_names(path) == ["label", "text", "number", "code"]
    found = read_cells(path, ["label", "text", "code"], ["number"])
    assert found.ids.to_list() == ["a", "b"]
    assert [texts(column) for column in found.columns.values()] == [["T", None], ["x", None], ["7", "8"]]
    np.testing.assert_array_equal(found.scores["number"], [0.5, np.nan])
    with h5py.File(path, "a") as store:
        del store["uns/label_categories"]
        store["uns/label_categories"] = np.array([b"T"])[:0]
    refused(["codes of no category"], path, ["label"])


# --- columns that are not there ---


@pytest.mark.parametrize("suffix", FORMATS)
def test_column_that_is_not_there(tmp_path: Path, suffix: str) -> None:
    columns = {f"cas_cell_type_name_{i}": ["T"] for i in range(1, 13)}
    path = save(columns, ["c1"], tmp_path / f"a.{suffix}")
    for options in ({"labels": ["cell_type_name_1"]}, {"labels": [], "scores": ("cell_type_name_1",)}):
        refused(["'cell_type_name_1'", "did you mean 'cas_cell_type_name_1'", "and 2 more"], path, **options)
    refused(["'barcode'", "Its columns are 'cas_cell_type_name_1'"], path, [], ids="barcode")


def test_files_that_are_not_there(tmp_path: Path) -> None:
    save({"label": ["T"]}, ["a"], tmp_path / "cells.h5ad")
    refused(["There is no file", "did you mean 'cells.h5ad'"], tmp_path / "cell.h5ad", ["label"])
    with pytest.raises(InputError, match="did you mean"):
        column_names(tmp_path / "cell.h5ad")
    refused(["not a format"], write(tmp_path / "a.h5", "x"), ["label"])
    refused(["empty"], write(tmp_path / "a.csv", ""), ["label"])


# --- text that does not fit ---


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (",label,x\nc1,T,1\nc2,B\nc3,T,1\n", ["row 3 has 2 fields, but the header has 3", "c2,B"]),
        (",label,x\nc1,T,1\nc2,B,2,3\n", ["row 3 has 4 fields, but the header has 3"]),
        (",label,x\nc1,T,1\nc2,CD4, alpha-beta,2\n", ["row 3 has 4 fields"]),
        (',label,x\nc1,"T,1\nc2,B,2\n', ["row 2"]),
        (",label,label\nc1,T,1\n", ["more than one column named 'label'"]),
        (",label\n", ["no rows"]),
        (";label\nc1;T\n", ["semicolons"]),
        (b",label\nc1,caf\xe9\n", ["UTF-8"]),
    ],
)
def test_text_that_cannot_be_read(tmp_path: Path, text: str | bytes, said: list[str]) -> None:
    refused(said, write(tmp_path / "a.csv", text), ["label"])


def test_text_of_other_writers(tmp_path: Path) -> None:
    plain = write(tmp_path / "a.csv", '"",label,score\nc1,"",\nc2,NA,0.5\n')
    for name, text in (
        ("crlf.csv", '"",label,score\r\nc1,"",\r\nc2,NA,0.5\r\n'),
        ("bom.csv", "\ufeff,label,score\nc1,,\nc2,NA,0.5\n"),
        ("blank.csv", ",label,score\n\nc1,,\n\nc2,NA,0.5\n\n\n"),
        ("cut.csv", ",label,score\nc1,,\nc2,NA,0.5"),
        ("r.csv", '"","label","score"\n"c1","",NA\n"c2","NA",0.5\n'),
    ):
        found = read_cells(write(tmp_path / name, text), ["label"], ["score"])
        assert texts(found.columns["label"]) == [None, None]
        assert found.columns["label"].missing == {"NA": 1}
        assert found.source["sha256"] == read_cells(plain, ["label"], ["score"]).source["sha256"]
        found = read_cells(tmp_path / name, ["label"], ["score"], missing_text=())
        assert texts(found.columns["label"]) == [None, "NA"]


def test_gzip_that_is_damaged(tmp_path: Path) -> None:
    path = save({"label": ["T", "B"] * 500}, [f"c{i}" for i in range(1000)], tmp_path / "a.csv.gz")
    raw = path.read_bytes()
    refused(["damaged or cut off"], write(path, raw[:-10]), ["label"])
    refused(["damaged or cut off"], write(path, raw[:40] + b"\0" * 20 + raw[60:]), ["label"])
    refused(["not gzip"], write(path, ",label\nc1,T\n"), ["label"])
    write(path, raw[:30])
    with pytest.raises(InputError, match="damaged or cut off"):
        column_names(path)


# --- scores ---


def test_scores_of_text(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", ",s,t\na,0.5,1\nb,NA,2\nc, 1e-3 ,3\nd,,4\ne,NaN,5\n")
    found = read_cells(path, ["t"], ["s", "t"])
    np.testing.assert_array_equal(found.scores["s"], [0.5, np.nan, 1e-3, np.nan, np.nan])
    assert found.scores["t"].tolist() == [1, 2, 3, 4, 5]
    assert texts(found.columns["t"]) == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize("suffix", FORMATS)
def test_scores_that_are_no_numbers(tmp_path: Path, suffix: str) -> None:
    path = save({"s": ["0.5", "high", "low", "high"], "t": [1.0, 2, 3, 4]}, IDS, tmp_path / f"a.{suffix}")
    refused(["column 's'", "3 values", "'high' in row", "'low' in row"], path, [], ("t", "s"))


# --- damaged AnnData, Parquet and Arrow ---


@pytest.mark.parametrize("suffix", ["h5ad", "parquet", "arrow", "stream.arrow"])
def test_cut_files(tmp_path: Path, suffix: str) -> None:
    path = save({"label": ["T", "B"] * 500}, [f"c{i}" for i in range(1000)], tmp_path / f"a.{suffix}")
    write(path, path.read_bytes()[: path.stat().st_size // 2])
    refused(["damaged, cut off or not"], path, ["label"])
    if suffix != "stream.arrow":  # its schema comes first
        with pytest.raises(InputError, match="damaged, cut off or not"):
            column_names(path)


@pytest.mark.parametrize("suffix", ["parquet", "arrow", "stream.arrow"])
def test_names_of_columns_that_are_not_utf8(tmp_path: Path, suffix: str) -> None:
    path = save({"label": ["T", "B"]}, ["a", "b"], tmp_path / f"a.{suffix}")
    write(path, path.read_bytes().replace(b"label", b"lab\xffl"))
    for read in (column_names, read_profiles):
        with pytest.raises(InputError, match="damaged, cut off or not"):
            read(path)


def changed(tmp_path: Path, change: Any) -> Path:
    path = save({"label": ["T", "B", "T"]}, ["a", "b", "c"], tmp_path / "a.h5ad")
    with h5py.File(path, "r+") as store:
        change(store)
    return path


def replaced(store: h5py.File, name: str, values: Any) -> None:
    attributes = dict(store[name].attrs)
    del store[name]
    store[name] = values
    store[name].attrs.update(attributes)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda store: replaced(store, "obs/label/codes", np.array([1, 0, 2], np.int8)), ["obs/label", "no category"]),
        (lambda store: replaced(store, "obs/label/codes", np.array([1, 0, -2], np.int8)), ["no category"]),
        (lambda store: replaced(store, "obs/label/codes", np.array([0.5, 0, 0])), ["no category"]),
        (lambda store: replaced(store, "obs/label/codes", np.zeros(2, np.int8)), ["2 values for 3 cells"]),
        (lambda store: replaced(store, "obs/label/codes", np.zeros(4, np.int8)), ["4 values for 3 cells"]),
        (lambda store: store["obs/label"].attrs.update({"encoding-type": "awkward-array"}), ["'awkward-array'"]),
        (lambda store: replaced(store, "obs/_index", np.zeros((3, 2))), ["obs/_index", "(3, 2)"]),
        (lambda store: replaced(store, "obs/_index", np.array([b"\xff", b"a", b"b"])), ["damaged"]),
        (lambda store: store["obs"].attrs.pop("_index"), ["which column is its index"]),
        (lambda store: store.pop("obs"), ["has no obs"]),
        (lambda store: store["obs"].pop("label"), ["no column 'label'", "Its columns are none"]),
    ],
)
def test_anndata_that_cannot_be_used(tmp_path: Path, change: Any, said: list[str]) -> None:
    refused(said, changed(tmp_path, change), ["label"])


def test_repeated_categories_are_one_value(tmp_path: Path) -> None:
    text = np.array(["T", "T"], object)
    path = changed(tmp_path, lambda store: replaced(store, "obs/label/categories", text))
    assert read_cells(path, ["label"]).columns["label"].values == ("T",)


def test_anndata_without_cells(tmp_path: Path) -> None:
    refused(["no rows"], save({"label": []}, [], tmp_path / "a.h5ad"), ["label"])


@pytest.mark.slow
def test_zarr_that_cannot_be_used(tmp_path: Path) -> None:
    path = save({"label": ["T", "B", "T"]}, ["a", "b", "c"], tmp_path / "a.zarr")
    copies = iter(range(10))

    def copy() -> Path:
        return Path(shutil.copytree(path, tmp_path / f"copy{next(copies)}.zarr"))

    pickled = copy()
    header = json.loads((pickled / "obs" / "_index" / ".zarray").read_bytes())
    header["filters"] = [{"id": "pickle", "protocol": 5}]
    (pickled / "obs" / "_index" / ".zarray").write_text(json.dumps(header))
    refused(["pickled"], pickled, ["label"])
    lost = copy()
    (lost / "obs" / "_index" / "0").unlink()
    refused(["1 of 1 chunks of obs/_index"], lost, ["label"])
    cut = copy()
    chunk = cut / "obs" / "label" / "codes" / "0"
    chunk.write_bytes(chunk.read_bytes()[:-1])
    refused(["obs/label/codes/0", "bytes instead of"], cut, ["label"])
    no_obs = copy()
    shutil.rmtree(no_obs / "obs")
    (no_obs / ".zmetadata").unlink(missing_ok=True)
    refused(["has no obs"], no_obs, ["label"])


@pytest.mark.skipif(not hasattr(anndata.settings, "zarr_write_format"), reason="this anndata writes zarr format 2 only")
def test_zarr_format_3(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    obs = pd.DataFrame({"label": pd.Categorical(["T", None, "T"])}, index=["a", "é", "c"])
    before = anndata.settings.zarr_write_format
    anndata.settings.zarr_write_format = 3
    try:
        anndata.AnnData(obs=obs).write_zarr(path)
    finally:
        anndata.settings.zarr_write_format = before
    assert zarr.open_group(path, mode="r").metadata.zarr_format == 3
    found = read_cells(path, ["label"])
    assert found.ids.to_list() == ["a", "é", "c"]
    assert texts(found.columns["label"]) == ["T", None, "T"]
