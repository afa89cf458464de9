"""Annotate directories in a folder or a list, and every way in which one cannot be used."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.engine.errors import InputError
from fastbench.engine.fmeasure.runs.annotate_dirs import find_annotate_dirs, rank_columns


def make(path: Path, **metadata: Any) -> Path:
    """Write an annotate directory with a truth file beside it; a key of the metadata set to `...` is left out."""
    path.mkdir(parents=True)
    (path.parent / "truth.h5ad").write_bytes(b"truth")
    whole = {"input_path": "../truth.h5ad", "model_name": "m"} | metadata
    (path / "metadata.json").write_text(json.dumps({key: value for key, value in whole.items() if value is not ...}))
    (path / "inferred_labels.csv").write_text(",cas_cell_type_name_1\nc1,CL:0000540\n")
    (path / "ontology_resource.json").write_text("{}")
    return path


def refused(pieces: list[str], given: Path | str) -> str:
    with pytest.raises(InputError) as caught:
        find_annotate_dirs(given)
    for piece in pieces:
        assert piece in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- folders ---


def test_folder(tmp_path: Path) -> None:
    for name in ("b", "a", "c d"):
        make(tmp_path / "all" / name, model_name=f"model {name}", n_cells=3)
    (tmp_path / "all" / "notes.txt").write_text("not a folder")
    found = find_annotate_dirs(tmp_path / "all")
    assert [each.name for each in found] == ["a", "b", "c d"]
    first = found[0]
    assert first.path == tmp_path / "all" / "a"
    assert first.metadata == {"input_path": "../truth.h5ad", "model_name": "model a", "n_cells": 3}
    assert first.input_path.samefile(tmp_path / "all" / "truth.h5ad")
    assert first.labels == first.path / "inferred_labels.csv"
    assert first.ontology == first.path / "ontology_resource.json"
    assert [each.name for each in find_annotate_dirs(str(tmp_path / "all"))] == ["a", "b", "c d"]


def test_ontology_may_be_gzipped(tmp_path: Path) -> None:
    path = make(tmp_path / "all" / "a")
    (path / "ontology_resource.json").unlink()
    (path / "ontology_resource.json.gz").write_bytes(gzip.compress(b"{}"))
    assert find_annotate_dirs(tmp_path / "all")[0].ontology == path / "ontology_resource.json.gz"


def test_results_and_hidden_folders_are_left_out(tmp_path: Path) -> None:
    make(tmp_path / "a")
    for name in ("out", ".hidden", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "out" / "manifest.json").write_text('{"fastbench_version": "0.1.0", "outputs": []}')
    refused([f"1 of 2 annotate directories cannot be used: {tmp_path / 'other'} has no inferred_labels.csv"], tmp_path)
    (tmp_path / "other" / "manifest.json").write_text("[1]")
    refused([str(tmp_path / "other")], tmp_path)
    (tmp_path / "other" / "manifest.json").write_text('{"fastbench_version": "0.1.0"}')
    assert [each.name for each in find_annotate_dirs(tmp_path)] == ["a"]
    (tmp_path / "out" / "metadata.json").write_text("{}")  # a damaged annotate directory, then
    refused([f"{tmp_path / 'out'} has no inferred_labels.csv and no ontology_resource.json"], tmp_path)


def test_what_is_no_folder_of_directories(tmp_path: Path) -> None:
    path = make(tmp_path / "all" / "a")
    assert [each.name for each in find_annotate_dirs(path)] == ["a"]  # itself one
    (path / "figures").mkdir()
    assert [each.name for each in find_annotate_dirs(path)] == ["a"]
    (tmp_path / "none").mkdir()
    refused(["no sub-folder"], tmp_path / "none")
    refused(["There is no folder", "did you mean 'all'"], tmp_path / "al")
    (tmp_path / "list.csv").write_text("all/a")
    refused(["neither a folder", ".txt"], tmp_path / "list.csv")


# --- lists ---


def test_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(make(tmp_path / "current" / "of_cwd").parent)
    make(tmp_path / "lists" / "beside")
    path = make(tmp_path / "absolute")
    given = tmp_path / "lists" / "dirs.txt"
    given.write_text(f"\ufeff  {path}\n\nof_cwd/\r\nbeside\n./current/.\n")
    refused(["1 of 4", "There is no folder"], given)
    given.write_text(f"\ufeff  {path}\n\nof_cwd/\r\nbeside\n")
    found = find_annotate_dirs(given)
    assert [each.name for each in found] == ["absolute", "of_cwd", "beside"]
    assert [each.path.resolve().parent.name for each in found] == [tmp_path.name, "current", "lists"]


def test_list_that_is_ambiguous_or_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(make(tmp_path / "current" / "a").parent)
    make(tmp_path / "lists" / "a")
    make(tmp_path / "other" / "a")
    given = tmp_path / "lists" / "dirs.txt"
    given.write_text("a\n")
    refused(["'a'", "there twice", str(tmp_path / "current" / "a"), str(tmp_path / "lists" / "a")], given)
    given.write_text(f"{tmp_path / 'lists' / 'a'}\n{tmp_path / 'other' / 'a'}\n")
    refused(["same name 'a'", str(tmp_path / "lists" / "a"), str(tmp_path / "other" / "a")], given)
    given.write_text(f"{tmp_path / 'other' / 'a'}\n{tmp_path / 'other' / 'a'}/\n")
    refused(["listed twice"], given)
    given.write_text("\n \n")
    refused(["lists no annotate directory"], given)
    given.write_bytes(b"caf\xe9\n")
    refused(["UTF-8"], given)
    given.write_text(f"gone\n{tmp_path / 'other' / 'truth.h5ad'}\n")
    refused(["2 of 2", "There is no folder", "gone", "truth.h5ad is not a folder"], given)


# --- one directory ---


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", ["metadata.json is not valid JSON"]),
        (b"\xff\xfe{", ["metadata.json is not valid JSON"]),
        ("[]", ["must hold a JSON object", "list"]),
        ("{}", ["metadata.json has no 'input_path'"]),
        ('{"input_path": null}', ["'input_path' None", "must be text"]),
        ('{"input_path": "../truth.h5ad", "model_name": null}', ["'model_name' None", "must be text"]),
        ('{"input_path": "../truth.h5ad", "model_name": 7}', ["'model_name' 7", "must be text"]),
        ('{"input_path": "../truth.h5ad", "model_name": " "}', ["'model_name' ' '"]),
        ('{"input_path": "gone.h5ad"}', ["'gone.h5ad'", "not there", "current folder"]),
        ('{"input_path": "/gone.h5ad"}', ["'/gone.h5ad' of its metadata.json is not there"]),
    ],
)
def test_metadata_that_cannot_be_used(tmp_path: Path, content: str | bytes, said: list[str]) -> None:
    path = make(tmp_path / "run_7")
    (path / "metadata.json").write_bytes(content.encode() if isinstance(content, str) else content)
    refused(["run_7", *said], tmp_path)


def test_model_without_a_name_is_unknown(tmp_path: Path) -> None:
    make(tmp_path / "a", model_name=...)
    assert find_annotate_dirs(tmp_path)[0].metadata["model_name"] == "unknown"


def test_input_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    current = tmp_path / "current"
    current.mkdir()
    monkeypatch.chdir(current)
    path = make(tmp_path / "all" / "a", input_path="cells.h5ad")
    (current / "cells.h5ad").write_bytes(b"")
    assert find_annotate_dirs(tmp_path / "all")[0].input_path.samefile(current / "cells.h5ad")
    (path / "cells.h5ad").write_bytes(b"")
    assert find_annotate_dirs(tmp_path / "all")[0].input_path.samefile(path / "cells.h5ad")
    make(tmp_path / "all" / "b", input_path=str(current / "cells.h5ad"))
    assert find_annotate_dirs(tmp_path / "all")[1].input_path == current / "cells.h5ad"


def test_problems_are_told_at_once(tmp_path: Path) -> None:
    for i in range(8):
        make(tmp_path / f"run_{i}")
    for i in range(1, 8):
        (tmp_path / f"run_{i}" / "inferred_labels.csv").unlink()
    (tmp_path / "run_2" / "metadata.json").unlink()
    (tmp_path / "run_3" / "inferred_labels.csv").mkdir()
    said = refused(["7 of 8 annotate directories", "run_1", "run_5", "And 2 more."], tmp_path)
    assert "run_2 has no inferred_labels.csv and no metadata.json" in said
    assert "run_0" not in said
    assert "run_6" not in said


# --- columns of ranks ---


@given(st.integers(0, 6), st.integers(1, 6))
def test_ranks_that_are_there(there: int, k: int) -> None:
    names = ["", *(f"cas_cell_type_name_{i}" for i in range(1, there + 1)), "cas_cell_type_name_9"]
    found = rank_columns(names, "cas_cell_type_name_1", k)
    assert found == [f"cas_cell_type_name_{i}" for i in range(1, min(there, k) + 1)]


def test_names_of_ranks() -> None:
    assert rank_columns(["x_1", "x_3"], "x_1", 3) == ["x_1"]
    assert rank_columns(["label"], "label", 1) == ["label"]
    assert rank_columns(["x_2"], "x_2", 1) == ["x_2"]
    for name in ("label", "x_2", "x_11", "x1", "_1", "x_1_", "1"):
        with pytest.raises(InputError, match="must end in _1") as caught:
            rank_columns([name], name, 2)
        assert repr(name) in str(caught.value)
    with pytest.raises(InputError, match="at least 1"):
        rank_columns(["x_1"], "x_1", 0)
