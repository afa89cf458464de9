"""One reader of CSV and TSV: what one caller refuses, every caller refuses, with the same sentence."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from fastbench.engine.cpjump.plates import files, well_metadata
from fastbench.engine.cpjump.split.filters import read_test_labels
from fastbench.engine.cpjump.split.manifest import read_manifest
from fastbench.engine.errors import InputError
from fastbench.engine.fmeasure.runs.crosswalks import read_crosswalk
from fastbench.engine.readers import text_table
from fastbench.engine.readers.cells import column_names, read_cells
from fastbench.engine.readers.profiles import read_profiles
from fastbench.engine.readers.small_table import read_table
from fastbench.engine.readers.text_table import text_columns, text_frame
from fastbench.engine.readers.vectors import open_table

HEADER = ["SAMPLE_KEY", *files.KEYS, "subset", "x"]
ROW = ["p-A01", "p", "A01", "s", "negcon", "train", "1"]


def keys_of_vectors(path: Path) -> object:
    np.save(path.parent / "vectors.npy", np.zeros((2, 3), np.float32))
    return open_table(path.parent / "vectors.npy", path, None)


READERS: dict[str, Callable[[Path], object]] = {
    "profiles": read_profiles,
    "profiles without incomplete features": lambda path: read_profiles(path, missing="drop-features"),
    "cells": lambda path: read_cells(path, ["subset"]),
    "scores of cells": lambda path: read_cells(path, [], ["x"]),
    "keys of vectors": keys_of_vectors,
    "wells": well_metadata._metadata_columns,
    "split manifest": read_manifest,
    "test labels": read_test_labels,
    "crosswalk": read_crosswalk,
    "table": lambda path: read_table(path, separator=","),
}


def written(path: Path, *rows: list[str]) -> Path:
    text = "".join(",".join(row) + "\n" for row in (HEADER, *rows)).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def refusal(read: Callable[[Path], object], path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read(path)
    return str(caught.value)


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
@pytest.mark.parametrize("reader", READERS)
def test_a_row_that_does_not_fit_the_header_is_refused_by_every_reader(tmp_path, reader, name):
    cut = written(tmp_path / f"cut{name}", ROW, ROW[:-1])
    assert refusal(READERS[reader], cut) == (
        f"'{cut}': row 3 has 6 fields, but the header has 7: 'p-A01,p,A01,s,negcon,train'; get the file again, or mend "
        "the row."
    )
    cut = written(tmp_path / f"begun{name}", ROW, ROW[:1])
    assert "row 3 has 1 field, but the header has 7: 'p-A01'" in refusal(READERS[reader], cut)
    long = written(tmp_path / f"long{name}", [*ROW, "2"], ROW)
    assert "row 2 has 8 fields, but the header has 7: 'p-A01,p,A01,s,negcon,train,1,2'" in refusal(
        READERS[reader], long
    )


@pytest.mark.parametrize("reader", [name for name in READERS if name != "wells"])
def test_other_faults_are_said_alike(tmp_path, reader):
    path = tmp_path / "a.csv"
    rows = written(path, *[ROW] * 2000).read_bytes()  # so that the fault is far behind the header
    path.write_bytes(rows + b"\xff,p,A01,\xff,negcon,\xff,1\n")
    if reader not in ("keys of vectors", "scores of cells"):  # those read no column with the fault
        assert refusal(READERS[reader], path) == f"'{path}' is not UTF-8 text; save it as UTF-8."
    path.write_text("\t".join(HEADER) + "\n" + "\t".join(ROW) + "\n")
    assert refusal(READERS[reader], path).startswith(f"'{path}' seems to be separated by tabs, not by commas")
    path.write_text(";".join(HEADER) + "\n" + ";".join([*ROW[:-1], "0,5"]) + "\n")
    said = refusal(READERS[reader], path)
    assert "separated by semicolons, as Excel writes tables where numbers have a decimal comma" in said
    assert "decimal=','" in said
    path.write_text(",".join([*HEADER, "x"]) + "\n" + ",".join([*ROW, "2"]) + "\n")
    assert refusal(READERS[reader], path).startswith(f"'{path}' has more than one column named 'x'")
    whole = written(tmp_path / "whole.csv.gz", *[ROW] * 100).read_bytes()
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(whole[:-12])
    assert refusal(READERS[reader], path).startswith(f"'{path}' is damaged or cut off: its gzip data do not decompress")
    path.write_bytes(b"not gzip")
    assert refusal(READERS[reader], path).startswith(f"'{path}' is named .gz but is not gzip-compressed")


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_text_that_is_not_utf8_and_parts_that_were_never_written_are_refused(tmp_path, reader, name):
    path = written(tmp_path / "whole.csv", ROW, ROW)
    text = path.read_text()
    place = text.rindex("negcon")
    for content, said in (
        (text.encode("utf-16"), "is not UTF-8 text"),
        (text.encode("utf-16-le"), "holds NUL characters: it is UTF-16"),
        (text.encode("utf-16-be"), "holds NUL characters"),
        (text.encode() + bytes(4096), "holds NUL characters"),  # as a crash leaves a file that was being extended
        ((text[:place] + "\0\0\0\0\0\0" + text[place + 6 :]).encode(), "holds NUL characters"),
    ):
        damaged = tmp_path / name
        damaged.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        assert refusal(READERS[reader], damaged).startswith(f"'{damaged}' {said}")


@pytest.mark.parametrize("reader", READERS)
def test_shifted_rows_and_doubled_columns_are_refused(tmp_path, reader):
    shifted = written(tmp_path / "r.csv", ["1", *ROW], ["2", *ROW], ROW)  # names of rows, but not of all
    assert "row 2 has 8 fields, but the header has 7" in refusal(READERS[reader], shifted)
    whole = written(tmp_path / "whole.csv", ROW).read_text()
    cut = tmp_path / "cut.csv"
    cut.write_text(whole + whole.splitlines()[1][:11])  # cut off within a row, without a line break
    assert "row 3 has 3 fields" in refusal(READERS[reader], cut)
    joined = tmp_path / "joined.csv"
    joined.write_text(whole.rstrip("\n") + whole)  # two files, the first without a line break at its end
    assert "row 2 has 13 fields" in refusal(READERS[reader], joined)
    if reader != "wells":  # it asks for its columns by name
        doubled = tmp_path / "doubled.csv"
        doubled.write_text(whole.replace(",x\n", ",subset\n"))
        assert "more than one column named 'subset'" in refusal(READERS[reader], doubled)


def test_small_tables_are_text_with_nulls(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text('\ufeffx\ty\n001\t\n"a\tb"\tNA\n\n""\tsay "x"\n')
    frame, source = read_table(path, ("y",))
    assert frame.to_dict(as_series=False) == {"x": ["001", "a\tb", None], "y": [None, "NA", 'say "x"']}
    assert (source.path, source.n_rows, source.n_bytes) == (str(path), 3, path.stat().st_size)
    path.write_text("x\ty")
    assert read_table(path)[0].schema == {"x": pl.String, "y": pl.String}
    for needed, said in [("yy", "did you mean 'y'?"), ("plate", "its columns are 'x', 'y'.")]:
        with pytest.raises(InputError, match="has no column") as caught:
            read_table(path, (needed,))
        assert str(caught.value).endswith(said)
    with pytest.raises(InputError, match=r"There is no table '.*b\.tsv'; did you mean 'a\.tsv'\?"):
        read_table(tmp_path / "b.tsv")
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    with pytest.raises(InputError, match="git lfs pull"):
        read_table(path)


@pytest.mark.slow
@pytest.mark.parametrize("width", [2, 100])
def test_rows_are_counted_whatever_the_cores_and_the_blocks(tmp_path, monkeypatch, width):
    monkeypatch.setattr(text_table, "_FEW_COLUMNS_PACE", text_table._Pace(2**12, 0))
    monkeypatch.setattr(text_table, "_MANY_COLUMNS_PACE", text_table._Pace(2**12, 0))
    names = [f"x{i}" for i in range(width)]
    row = ",".join(map(str, range(width))) + "\n"
    text = ",".join(names) + "\n" + row * 5000
    frame = text_frame(text.encode(), "a.csv", ",", names, names)
    assert frame.to_numpy().tolist() == [list(range(width))] * 5000
    for harmed, said in [(text + "1\n", "row 5002 has 1 field"), (text + "," * width + "\n", "row 5002 has")]:
        with pytest.raises(InputError, match=said):
            text_frame(harmed.encode(), "a.csv", ",", names, names)
    long = f'{names[0]},{names[1]}\n"{"a" * 10_000}",1\n'
    assert text_frame(long.encode(), "a.csv", ",", names[:2]).row(0) == ("a" * 10_000, "1")


def test_numbers_that_are_none_come_as_text(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("x,y\n1,2\n3,NA\n")
    assert text_frame(path.read_bytes(), "a.csv", ",", ["x"], ["x"]).schema == {"x": pl.Float64}
    assert text_frame(path.read_bytes(), "a.csv", ",", ["x", "y"], ["x", "y"]).schema == {
        "x": pl.String,
        "y": pl.String,
    }
    assert text_columns(path, "a.csv", ["y"])["y"].to_pylist() == ["2", "NA"]
    assert column_names(path) == ["x", "y"]


def test_blank_lines_in_quotes_are_no_rows(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('Metadata_m,x\n"a\n\nb",1\n\n\nc,2\n,\n')
    found = read_profiles(path)
    assert found.metadata["Metadata_m"].to_list() == ["a\n\nb", "c"]
    assert found.notes == (f"'{path}': 3 empty rows were dropped.",)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("<!DOCTYPE html>\n<p>Sign in</p>\n", "holds a web page, not a table"),
        ('[{"Metadata_a": "x", "f": 1}]\n', "holds JSON, not a table"),
        ('Metadata_a,embedding\nx,"[0.1, 2, -3e-1]"\n', "column 'embedding' holds vectors as text"),
        ("Metadata_a,embedding\nx,0.1 2 -3e-1\n", "column 'embedding' holds vectors as text"),
        ("My export\nMetadata_a,f,g\nx,1,2\n", "take out the lines above the header"),
        ("Metadata_a,f\nx,1\nMetadata_a,f\ny,2\n", "column 'f' holds its own name in row 3: the header is repeated"),
    ],
)
def test_what_is_no_table_is_named(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(InputError, match=said):
        read_profiles(tmp_path / "a.csv", metadata_columns=())
