"""Every format reads alike; every file that cannot be trusted ends in a sentence with its name, columns and
values."""

from __future__ import annotations

import datetime
import gzip
import hashlib
import importlib.resources
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from fastbench.engine.errors import InputError
from fastbench.engine.readers.integrity import expansion
from fastbench.engine.readers.profiles import read_profiles
from fastbench.engine.readers.text import type_text, without_missing_text
from fastbench.engine.tables.labels import missing_texts

from ...examples import MANY, SOME
from .reading import FEATURES, FRAME, META, adata, refused, text_file, write

pytestmark = [
    pytest.mark.filterwarnings("ignore:Writing zarr v2:UserWarning"),
    pytest.mark.filterwarnings("ignore:zarr v3 autosharding:UserWarning"),
    pytest.mark.filterwarnings("ignore:Consolidated metadata:UserWarning"),
]

# --- all formats ---


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "tsv", "tsv.gz", "parquet", "arrow", "feather", "CSV"])
def test_every_table_format_reads_alike(tmp_path, suffix):
    path = write(FRAME, tmp_path / f"a.{suffix}")
    found = read_profiles([str(path)])
    assert_frame_equal(found.metadata, META)
    assert found.feature_names == ("Cells_a", "Nuclei_b")
    assert found.features.dtype == np.float32
    assert found.features.flags.c_contiguous
    np.testing.assert_array_equal(found.features, FEATURES.astype(np.float32))
    (source,) = found.sources
    assert (source.path, source.n_rows) == (str(path), 3)
    assert source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert source.n_bytes == path.stat().st_size
    assert found.notes == ()


def test_arrow_stream(tmp_path):
    FRAME.write_ipc_stream(tmp_path / "a.arrow")
    np.testing.assert_array_equal(read_profiles(tmp_path / "a.arrow").features, FEATURES.astype(np.float32))


def test_the_plate_that_ships_with_the_package():
    data = importlib.resources.files("fastbench.engine") / "data/lincs/SQ00015054_normalized_feature_select.csv.gz"
    found = read_profiles(str(data))
    oracle = pd.read_csv(str(data))
    features = [c for c in oracle.columns if not c.startswith("Metadata_")]
    assert found.feature_names == tuple(features)
    np.testing.assert_array_equal(found.features, oracle[features].to_numpy().astype(np.float32))
    assert found.metadata.columns == [c for c in oracle.columns if c.startswith("Metadata_")]
    for name in found.metadata.columns:
        expected = [None if pd.isna(value) else value for value in oracle[name]]
        assert found.metadata[name].to_list() == expected, name


@pytest.mark.slow
@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
@SOME
def test_csv_numbers_are_read_as_python_reads_them(values):
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.csv")
        path.write_text("x\n" + "".join(f"{value!r}\n" for value in values))
        found = read_profiles(path).features[:, 0]
    np.testing.assert_array_equal(found, np.array(values, np.float32))


def test_files_are_stacked_in_order_whatever_the_threads(tmp_path):
    paths = []
    for i, suffix in enumerate(["csv.gz", "parquet", "tsv", "arrow", "csv"] * 3):
        frame = FRAME.with_columns(pl.lit(f"plate{i}").alias("Metadata_Plate"), pl.col("Cells_a") + i)
        paths.append(write(frame, tmp_path / f"{i}.{suffix}"))
    one = read_profiles(paths, threads=1)
    assert one.metadata["Metadata_Plate"].to_list() == [f"plate{i}" for i in range(15) for _ in range(3)]
    np.testing.assert_array_equal(one.features[::3, 0], np.float32(1.5) + np.arange(15))
    many = read_profiles(paths, threads=8)
    assert_frame_equal(one.metadata, many.metadata)
    np.testing.assert_array_equal(one.features, many.features)
    assert [source.path for source in many.sources] == [str(path) for path in paths]


def test_features_not_on_every_plate_are_dropped_and_noted(tmp_path):
    first = write(FRAME.with_columns(pl.lit(1.0).alias("Cells_only")), tmp_path / "a.csv")
    second = write(FRAME.with_columns(pl.lit("p9").alias("Metadata_Plate")), tmp_path / "b.parquet")
    found = read_profiles([first, second])
    assert found.feature_names == ("Cells_a", "Nuclei_b")
    assert any("1 feature column is not in every input" in n and "'Cells_only'" in n for n in found.notes)


# --- which column is what ---


@pytest.mark.parametrize("name", ["Unnamed: 0", "", "__index_level_0__", "Unnamed: 0.1"])
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_row_index_is_never_a_feature(tmp_path, name, suffix):
    frame = pl.DataFrame({name: [0, 1, 2], **FRAME.to_dict()})
    found = read_profiles(write(frame, tmp_path / f"a.{suffix}"))
    assert found.feature_names == ("Cells_a", "Nuclei_b")
    assert name not in found.metadata.columns
    assert any("row index" in note and repr(name) in note for note in found.notes)


@pytest.mark.parametrize("suffix", ["parquet", "feather"])
def test_an_index_that_pandas_named_is_not_a_feature(tmp_path, suffix):
    import pyarrow as pa
    import pyarrow.feather
    import pyarrow.parquet

    table = pa.Table.from_pandas(FRAME.to_pandas().set_index(pd.Index([5.0, 6.0, 7.0], name="cell")))
    path = tmp_path / f"a.{suffix}"
    if suffix == "parquet":
        pyarrow.parquet.write_table(table, path)
    else:
        pyarrow.feather.write_feather(table, path)
    found = read_profiles(path)
    assert found.feature_names == ("Cells_a", "Nuclei_b")
    assert any("'cell'" in note for note in found.notes)


def test_features_by_pattern(tmp_path):
    frame = FRAME.with_columns(pl.lit("text").alias("comment"), pl.lit(1.0).alias("Image_x"))
    found = read_profiles(write(frame, tmp_path / "a.csv"), features="^(Cells|Nuclei|Metadata)_")
    assert found.feature_names == ("Cells_a", "Nuclei_b")
    assert any("2 columns" in note and "'comment', 'Image_x'" in note for note in found.notes)
    refused(["'^Cels_'", "'comment'", "'Cells_a'"], tmp_path / "a.csv", features="^Cels_")
    refused(["'('", "regular expression"], tmp_path / "a.csv", features="(")


def test_types_that_are_numbers_become_features(tmp_path):
    frame = pl.DataFrame(
        {
            "Metadata_x": ["a", "b"],
            "i": pl.Series([1, 2], dtype=pl.UInt8),
            "l": pl.Series([-1, 2**40], dtype=pl.Int64),
            "b": [True, False],
            "f": pl.Series([0.5, 1.5], dtype=pl.Float32),
            "d": pl.Series(["1.25", "2.5"]).cast(pl.Decimal(10, 2)),
        }
    )
    found = read_profiles(write(frame, tmp_path / "a.parquet"))
    np.testing.assert_array_equal(
        found.features, np.array([[1, -1, 1, 0.5, 1.25], [2, 2**40, 0, 1.5, 2.5]], np.float32)
    )
    found = read_profiles(text_file(tmp_path, "Metadata_x,b,c\n1,True,1\n2,False,0\n"))
    np.testing.assert_array_equal(found.features, [[1, 1], [0, 0]])
    assert any("'b' holds true and false" in note for note in found.notes)


@pytest.mark.parametrize(
    ("column", "pieces"),
    [
        (
            pl.Series("gene", ["TP53", "BRCA1", "TP53"]),
            ["'gene'", "3 values", "'TP53' in row 2, 'BRCA1' in row 3", "Metadata_"],
        ),
        (pl.Series("mixed", ["1", "2", "x3"]), ["'mixed'", "1 value that is not a number ('x3' in row 4)"]),
    ],
)
def test_text_among_the_features_of_a_csv_is_refused(tmp_path, column, pieces):
    refused([*pieces, "a.csv"], write(FRAME.with_columns(column), tmp_path / "a.csv"))


@pytest.mark.parametrize(
    "column",
    [
        pl.Series("bad", ["1", "2", "3"]),
        pl.Series("bad", [[1.0], [2.0], [3.0]]),
        pl.Series("bad", [{"a": 1}] * 3),
        pl.Series("bad", [datetime.date(2020, 1, 1)] * 3),
        pl.Series("bad", [b"a"] * 3),
        pl.Series("bad", ["a", "b", "a"], dtype=pl.Categorical),
    ],
)
def test_typed_columns_that_are_no_numbers_are_refused(tmp_path, column):
    refused(["a.parquet", "'bad'", "Metadata_"], write(FRAME.with_columns(column), tmp_path / "a.parquet"))


def test_duplicate_names_are_refused(tmp_path):
    refused(["a.csv", "'x'"], text_file(tmp_path, "Metadata_p,x,x\n1,2,3\n"))
    import pyarrow as pa
    import pyarrow.parquet

    pyarrow.parquet.write_table(pa.table([[1.0], [2.0]], names=["x", "x"]), tmp_path / "a.parquet")
    refused(["a.parquet", "'x'"], tmp_path / "a.parquet")


# --- text metadata ---


@pytest.mark.parametrize(
    ("cells", "expected", "dtype"),
    [
        (["1", "2", "-3"], [1, 2, -3], pl.Int64),
        (["001", "2", "3"], ["001", "2", "3"], pl.String),
        (["+1", "2", "3"], ["+1", "2", "3"], pl.String),
        (["-0", "2", "3"], [-0.0, 2.0, 3.0], pl.Float64),
        (["1", "2.50", "1e-05"], [1.0, 2.5, 1e-5], pl.Float64),
        (["1E05", "2E05", "3E05"], ["1E05", "2E05", "3E05"], pl.String),
        (["1e5", "2", "3"], ["1e5", "2", "3"], pl.String),
        (["1e+400", "2", "3"], ["1e+400", "2", "3"], pl.String),
        ([".5", "2", "3"], [".5", "2", "3"], pl.String),
        ([" 1", "2", "3"], [" 1", "2", "3"], pl.String),
        (["1234567890123456789012", "2", "3"], ["1234567890123456789012", "2", "3"], pl.String),
        (["12345678901234567", "2.5", "3"], ["12345678901234567", "2.5", "3"], pl.String),
        (["True", "False", ""], [True, False, None], pl.Boolean),
        (["true", "", "true"], [True, None, True], pl.Boolean),
        (["True", "false", ""], ["True", "false", None], pl.String),
        (["", "NA", "nan"], [None, None, None], pl.String),
        (["1", "", "NaN"], [1, None, None], pl.Int64),
        (["Nan", "na", "-"], ["Nan", "na", "-"], pl.String),
        (['"a,b"', '"say ""x"""', "é"], ["a,b", 'say "x"', "é"], pl.String),
    ],
)
def test_text_becomes_a_type_only_without_loss(tmp_path, cells, expected, dtype):
    path = text_file(tmp_path, "x,Metadata_m\n" + "".join(f"1,{cell}\n" for cell in cells))
    found = read_profiles(path)
    assert found.metadata["Metadata_m"].to_list() == expected
    assert found.metadata.schema["Metadata_m"] == dtype


@pytest.mark.slow
@given(st.lists(st.integers() | st.floats(allow_nan=False) | st.text("01.-+eE", max_size=6), min_size=1, max_size=4))
@MANY
def test_typing_never_merges_two_different_numbers_or_keys(values):
    cells = [value if isinstance(value, str) else repr(value) for value in values]
    (typed,) = type_text(
        without_missing_text([pl.DataFrame({"m": pl.Series(cells, dtype=pl.String)})], missing_texts())[0]
    )
    for cell, value in zip(cells, typed["m"], strict=True):
        if isinstance(value, str):
            assert value == cell
        elif value is None:
            assert cell == ""
        elif isinstance(value, int):
            assert str(value) == cell
        else:
            assert float(cell) == value
            assert np.isfinite(value)


def test_null_tokens_are_counted(tmp_path):
    found = read_profiles(text_file(tmp_path, "x,Metadata_g,Metadata_h\n1,NA,\n2,NA,None\n3,TP53,b\n"))
    assert found.metadata["Metadata_g"].to_list() == [None, None, "TP53"]
    (note,) = found.notes
    assert "'NA' in Metadata_g (2)" in note
    assert "'None' in Metadata_h (1)" in note


def test_a_column_has_one_type_in_all_files(tmp_path):
    first = text_file(tmp_path, "x,Metadata_m\n1,1\n", "a.csv")
    second = text_file(tmp_path, "x,Metadata_m\n1,001\n", "b.csv")
    assert read_profiles([first, second]).metadata["Metadata_m"].to_list() == ["1", "001"]
    third = write(pl.DataFrame({"x": [1.0], "Metadata_m": [1]}), tmp_path / "c.parquet")
    found = read_profiles([second, third])
    assert found.metadata["Metadata_m"].to_list() == ["001", "1"]
    assert any("'Metadata_m' is text in one input" in note for note in found.notes)


def test_labels_that_look_alike_are_noted_and_kept(tmp_path):
    found = read_profiles(text_file(tmp_path, "x,Metadata_m\n1,DMSO\n2,dmso \n3,other\n"))
    assert found.metadata["Metadata_m"].to_list() == ["DMSO", "dmso ", "other"]
    assert any("'Metadata_m'" in note and "'DMSO', 'dmso '" in note for note in found.notes)


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffMetadata_m,x\na,1\nb,2\n",
        "Metadata_m,x\r\na,1\r\nb,2\r\n",
        'Metadata_m,x\n"a","1"\n"b","2"\n',
        "Metadata_m,x\na,1\n\nb,2\n\n",
        "Metadata_m,x\na, 1\nb,2 \n",
        "Metadata_m,x\na,1\nb,2",
    ],
)
def test_dialects_of_csv(tmp_path, text):
    found = read_profiles(text_file(tmp_path, text))
    assert found.metadata["Metadata_m"].to_list() == ["a", "b"]
    assert found.features[:, 0].tolist() == [1, 2]
    if "\n\n" in text:
        assert any("empty rows were dropped" in note for note in found.notes)
    if not text.endswith("\n"):
        assert any("line break" in note for note in found.notes)


# --- missing values ---


@pytest.mark.parametrize("bad", ["", "NaN", "NA", "inf", "-inf", "1e39", "nan"])
def test_non_finite_features_are_refused_by_name(tmp_path, bad):
    path = text_file(tmp_path, f"Metadata_m,x,y,z\na,{bad},1,2\nb,1,2,{bad}\nc,1,2,3\n")
    refused(["a.csv", "2 of 3 columns ('x', 'z')", "2 of 3 rows", "drop-features"], path)
    found = read_profiles(path, missing="drop-features")
    assert found.feature_names == ("y",)
    assert found.features[:, 0].tolist() == [1, 2, 2]
    assert any("2 features" in note and "'x', 'z'" in note for note in found.notes)


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), 1e39])
def test_non_finite_features_of_typed_files(tmp_path, value):
    frame = FRAME.with_columns(pl.Series("Cells_a", [1.0, value, 2.0]))
    refused(["b.parquet", "'Cells_a'", "1 of 3 rows"], write(frame, tmp_path / "b.parquet"))


def test_features_are_dropped_over_all_files(tmp_path):
    first = text_file(tmp_path, "x,y,z\n1,2,3\n", "a.csv")
    second = text_file(tmp_path, "z,y,x,only\n4,,6,\n", "b.csv")
    refused(["b.csv", "'y'"], [first, second])
    found = read_profiles([first, second], missing="drop-features")
    assert found.feature_names == ("x", "z")
    np.testing.assert_array_equal(found.features, [[1, 3], [6, 4]])
    third = text_file(tmp_path, "x,z\n1,\n,1\n", "c.csv")
    refused(["Every one", "'z'"], [first, second, third], missing="drop-features")
    refused(["'maybe'"], first, missing="maybe")


def test_a_lost_column_may_hold_anything(tmp_path):
    first = text_file(tmp_path, "x\n1\n", "a.csv")
    second = text_file(tmp_path, "x,only\n1,\n", "b.csv")
    assert read_profiles([first, second]).feature_names == ("x",)


# --- files that cannot be trusted ---


def test_missing_files_and_wrong_paths(tmp_path):
    write(FRAME, tmp_path / "plate_one.csv.gz")
    refused(["plate_on.csv.gz", "did you mean 'plate_one.csv.gz'"], tmp_path / "plate_on.csv.gz")
    refused(["no folder"], tmp_path / "none" / "a.csv")
    refused(["is a folder", "*.csv.gz"], tmp_path)
    refused(["https://x.org/a.csv", "download"], "https://x.org/a.csv")
    refused(["s3://b/a.parquet", "download"], ["s3://b/a.parquet"])
    refused(["NUL"], "a\0.csv")
    refused(["No input file"], [])
    (tmp_path / "a.xlsx").write_bytes(b"x")
    refused(["a.xlsx", ".parquet"], tmp_path / "a.xlsx")
    (tmp_path / "a.npy").write_bytes(b"x")
    refused(["a.npy", "not a format"], tmp_path / "a.npy")
    (tmp_path / "a.csv").write_bytes(b"")
    refused(["a.csv", "0 bytes"], tmp_path / "a.csv")
    text_file(tmp_path, "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "lfs.parquet")
    refused(["lfs.parquet", "git lfs pull"], tmp_path / "lfs.parquet")
    refused(["threads", "0"], tmp_path / "plate_one.csv.gz", threads=0)
    refused(["'X_pca'", "plate_one.csv.gz", "not AnnData"], tmp_path / "plate_one.csv.gz", obsm="X_pca")


def test_a_file_given_twice_is_refused_and_a_copy_is_noted(tmp_path, monkeypatch):
    path = write(FRAME, tmp_path / "a.csv")
    monkeypatch.chdir(tmp_path)
    refused(["more than once", "'a.csv'"], [path, "a.csv"])
    shutil.copy(path, tmp_path / "b.csv")
    assert any("b.csv' has the same content" in note for note in read_profiles(["a.csv", "b.csv"]).notes)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Metadata_m,x\n", ["no rows"]),
        ("Metadata_m,x", ["no rows"]),
        ("\n", ["header"]),
        ("Metadata_m\na\n", ["no feature column", "'Metadata_m'"]),
        ("Metadata_m\tx\na\t1\n", ["separated by tabs", ".tsv"]),
        ("Metadata_m;x\na;1\n", ["separated by semicolons"]),
        ("Metadata_m,x,\na,1,2\n", ["without a name", "2"]),
        ("Metadata_m,x\na,1,2\n", ["row 2 has 3 fields, but the header has 2", "'a,1,2'"]),
        ("Metadata_m,x,y\na,1,2\nb,1\n", ["row 3 has 2 fields, but the header has 3", "'b,1'"]),
        ('Metadata_m,x\n"a,1\nb,2\n', ["row 2 has 1 field, but the header has 2"]),
    ],
)
def test_text_that_is_no_table(tmp_path, text, pieces):
    refused(["a.csv", *pieces], text_file(tmp_path, text))


def test_text_that_is_not_utf8(tmp_path):
    for name, content in [("a.csv", "Metadata_é,x\na,1\n".encode("latin1")), ("b.csv", b"Metadata_m,x\n\xff,1\n")]:
        (tmp_path / name).write_bytes(content)
        refused([name, "UTF-8"], tmp_path / name)
    late = b"Metadata_m,x\n" + b"a,1\n" * 10_000 + b"\xff,1\n"  # far behind the header
    (tmp_path / "late.csv").write_bytes(late)
    refused(["late.csv", "UTF-8"], tmp_path / "late.csv")
    (tmp_path / "c.csv").write_bytes("Metadata_m,x\na,1\n".encode("utf-16"))
    refused(["c.csv", "UTF-8"], tmp_path / "c.csv")


@pytest.mark.parametrize("suffix", ["csv.gz", "tsv.gz", "parquet", "arrow", "feather", "h5ad"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_truncated_files_are_named(tmp_path, suffix, share):
    path = tmp_path / f"cut.{suffix}"
    frame = pl.concat([FRAME] * 100)
    if suffix == "h5ad":
        adata().write_h5ad(path)
    else:
        write(frame, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    refused([f"cut.{suffix}"], path)


def test_damaged_gzip_is_caught_by_its_checksum(tmp_path):
    path = write(FRAME, tmp_path / "a.csv.gz")
    content = bytearray(path.read_bytes())
    content[-6] ^= 1  # in the checksum: the data decompress, and are not what was written
    path.write_bytes(content)
    refused(["a.csv.gz", "damaged"], path)


def test_gzip_by_content_not_by_name(tmp_path):
    text = FRAME.write_csv().encode()
    (tmp_path / "a.csv").write_bytes(gzip.compress(text))
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(text[:40]) + gzip.compress(text[40:]) + b"\0" * 4)
    for name in ("a.csv", "b.csv.gz"):
        np.testing.assert_array_equal(read_profiles(tmp_path / name).features, FEATURES.astype(np.float32))
    (tmp_path / "c.csv.gz").write_bytes(text)
    refused(["c.csv.gz", "not gzip"], tmp_path / "c.csv.gz")


@pytest.mark.parametrize("members", [1, 2])
def test_a_gzip_bomb_is_refused_before_it_is_expanded(tmp_path, monkeypatch, members):
    monkeypatch.setattr(expansion, "SUSPECT_EXPANDED_BYTES", 10_000)
    monkeypatch.setattr(expansion, "SUSPECT_RATIO", 20)
    text = b"Metadata_m,x\n" + b"a,0\n" * 200_000
    path = tmp_path / "bomb.csv.gz"
    path.write_bytes(b"".join([gzip.compress(b"")] * (members - 1)) + gzip.compress(text))
    refused(["bomb.csv.gz", str(path.stat().st_size), "expands"], path)


def test_a_gzip_bomb_is_seen_while_it_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setattr(expansion, "SUSPECT_EXPANDED_BYTES", 2**20)
    path = tmp_path / "bomb.csv.gz"
    packed = gzip.compress(bytes(2**25))  # 32 MiB of nothing
    path.write_bytes(packed)
    expanded = int(refused(["bomb.csv.gz"], path).split("more than ")[1].split(",")[0])
    assert 2**20 < expanded < 2**20 + 1032 * expansion._STEP
    monkeypatch.setattr(expansion, "MAX_EXPANDED_BYTES", 1000)
    text = b"".join(b"%d,%d\n" % (i, i * i) for i in range(500))
    with pytest.raises(InputError, match="expands from"):
        expansion.expand(gzip.compress(text), "a.csv")
    monkeypatch.undo()
    for members in ([text], [text, b"", text], [text] * 300):
        joined = b"".join(map(gzip.compress, members))
        assert expansion.expand(joined + bytes(700), "a.csv") == b"".join(members)
        for damaged in (joined[:-1], joined[:9], joined + b"more", joined[:-8] + bytes([joined[-8] ^ 1]) + joined[-7:]):
            with pytest.raises(InputError, match="do not decompress"):
                expansion.expand(damaged, "a.csv")


@pytest.mark.parametrize("suffix", ["parquet", "h5ad"])
def test_a_matrix_beyond_the_bound_is_refused_from_its_header(tmp_path, monkeypatch, suffix):
    from fastbench.engine.readers import arrow

    monkeypatch.setattr(arrow, "MAX_EXPANDED_BYTES", 20)
    path = tmp_path / f"a.{suffix}"
    if suffix == "h5ad":
        adata().write_h5ad(path)
    else:
        write(FRAME, path)
    refused([f"a.{suffix}", "rows of", "GiB"], path)


def test_old_feather_is_named(tmp_path):
    (tmp_path / "a.feather").write_bytes(b"FEA1" + b"\0" * 100)
    refused(["a.feather", "version 1"], tmp_path / "a.feather")


@pytest.mark.parametrize("ends", ["\r", "\r\n"])
@pytest.mark.parametrize("name", ["plate.csv", "plate.csv.gz"])
def test_line_ends_of_other_systems(tmp_path, ends, name):
    text = "Metadata_Well,f\nA01,0.5\nA02,1.5\n"
    content = text.replace("\n", ends).encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    found = read_profiles(tmp_path / name)
    assert found.metadata["Metadata_Well"].to_list() == ["A01", "A02"]
    assert found.features[:, 0].tolist() == [0.5, 1.5]


def test_a_table_of_another_name_says_how_to_name_it(tmp_path):
    (tmp_path / "plate.txt").write_text("Metadata_Well\tf\nA01\t0.5\n")
    with pytest.raises(InputError, match=r"name it \.csv where commas separate its columns, and \.tsv where tabs do"):
        read_profiles(tmp_path / "plate.txt")
