"""Manifests and other JSON that somebody else may have written: whatever they hold ends in a sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fastbench.bench.files import read_run
from fastbench.engine.command.config import read_config
from fastbench.engine.command.rerun import differences, rerun
from fastbench.engine.comparison.runs import manifest_of
from fastbench.engine.errors import InputError
from fastbench.engine.results import json_files
from fastbench.engine.results.files import write_json
from fastbench.engine.results.json_files import read_json
from fastbench.engine.results.manifest import listed_files, output_digests, read_manifest

WHOLE: dict[str, Any] = {
    "fastbench_version": "0.1.0",
    "command": "map",
    "options": {},
    "inputs": [{"path": "a.csv", "sha256": "0"}],
    "outputs": [{"name": "map.csv", "sha256": "0"}],
    "tables": {"map.csv": {"columns": [{"name": "x"}]}},
    "notes": ["A note."],
}


def written(folder: Path, content: object) -> Path:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    (folder / "manifest.json").write_bytes(text)
    return folder


def test_a_whole_manifest_is_read(tmp_path):
    assert read_manifest(written(tmp_path, WHOLE)) == WHOLE
    assert output_digests(WHOLE) == {"map.csv": "0"}
    assert listed_files(tmp_path) == {"map.csv"}
    assert listed_files(written(tmp_path, {"fastbench_version": "1"})) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"outputs": 3},
        {"outputs": [3]},
        {"outputs": [{"name": "map.csv"}]},
        {"outputs": [{"name": "map.csv", "sha256": 1}]},
        {"outputs": [{"name": "../map.csv", "sha256": "0"}]},
        {"outputs": [{"name": "/etc/passwd", "sha256": "0"}]},
        {"outputs": [{"name": "a\0b", "sha256": "0"}]},
        {"outputs": [{"name": "", "sha256": "0"}]},
        {"inputs": {"a": 1}},
        {"inputs": [[]]},
        {"inputs": [{"path": 3}]},
        {"options": []},
        {"tables": {"map.csv": []}},
        {"tables": {"map.csv": {"columns": "x"}}},
        {"tables": {"map.csv": {"columns": ["x"]}}},
        {"command": 3},
        {"notes": "x"},
        {"notes": [1]},
        {"versions": []},
        {"working_directory": []},
    ],
)
def test_a_manifest_of_other_kinds_is_none(tmp_path, changes):
    folder = written(tmp_path, WHOLE | changes)
    assert read_manifest(folder) == {}
    assert listed_files(folder) is None
    with pytest.raises(InputError, match="not a result of fastbench"):
        manifest_of(folder)
    with pytest.raises(InputError, match="is not the manifest of a fastbench result"):
        rerun(folder)
    assert differences(folder, folder).is_empty()


HOSTILE = [
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'{"fastbench_version": ' + b"[" * 500 + b"]" * 500 + b"}",
    b"\xff\xfe",
    b"",
]


@pytest.mark.parametrize("content", HOSTILE)
def test_json_that_cannot_be_read_is_a_sentence(tmp_path, content):
    folder = written(tmp_path, content)
    assert read_manifest(folder) == {}
    with pytest.raises(ValueError):  # noqa: PT011
        read_json(folder / "manifest.json")
    for read in (manifest_of, rerun, lambda path: read_run(path / "manifest.json")):
        with pytest.raises(InputError) as caught:
            read(folder)
        assert "\n" not in str(caught.value)
    if content:
        with pytest.raises(InputError, match=r"neither YAML nor JSON|cannot be read|too deeply|not of 'fastbench map'"):
            read_config(folder / "manifest.json", "map")


def test_numbers_and_text_that_nothing_else_can_hold(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    numbers = {"big": int("9" * 4000), "fits": 2**64 - 1, "low": -(2**63)}
    path.write_text(json.dumps(numbers)[:-1] + ', "text": "a\\ud800b", "\\udfff": 1e999}')
    found = read_json(path)
    assert found == {
        "big": float("inf"),
        "fits": 2**64 - 1,
        "low": -(2**63),
        "text": "a\\ud800b",
        "\\udfff": float("inf"),
    }
    write_json(found, tmp_path / "b.json")
    path.write_text('"é"')
    assert read_json(path) == "é"
    monkeypatch.setattr(json_files, "_LARGEST", 3)
    with pytest.raises(ValueError, match="more than 3 bytes"):
        read_json(path)


def test_names_that_are_not_utf8_read_back_equal(tmp_path):
    write_json({"path": "a\udce9b"}, tmp_path / "a.json")
    (tmp_path / "a.json").read_text("utf-8")
    assert json.loads((tmp_path / "a.json").read_bytes()) == {"path": "a\udce9b"}


BENCHMARK: dict[str, Any] = {
    "name": "n",
    "group": "g",
    "stats": {"min": 1.0, "median": 1.0, "rounds": 1},
    "extra_info": {},
}


@pytest.mark.parametrize(
    "change",
    [
        {"stats": {"min": 1.0, "median": 1.0, "rounds": 1e999}},
        {"stats": {"min": "9" * 5000, "median": 1.0, "rounds": 1}},
        {"stats": []},
        {"stats": {"min": -1.0, "median": 1.0, "rounds": 1}},
        {"extra_info": {"share": 0}},
        {"extra_info": [1]},
        {"stats": {"min": [], "median": 1.0, "rounds": 1}},
    ],
)
def test_benchmark_files_of_other_kinds_are_refused(tmp_path, change):
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"machine_info": {}, "benchmarks": [BENCHMARK]}))
    assert len(read_run(path).measured) == 1
    path.write_text(json.dumps({"machine_info": {}, "benchmarks": [BENCHMARK | change]}))
    with pytest.raises(InputError, match="is not a benchmark file"):
        read_run(path)


def test_config_files_without_tags_and_aliases(tmp_path):
    path = tmp_path / "a.yaml"
    bomb = "a: &a [x, x]\n" + "".join(f"b{i}: &b{i} [*{'a' if not i else f'b{i - 1}'}, *a]\n" for i in range(40))
    for text, said in (
        (bomb, r"uses aliases \('\*name'\), which are not read"),
        ("a: !!python/object/apply:os.system ['true']", "neither YAML nor JSON"),
        ("a: [" * 3000, "nested too deeply"),
        ("a: x\n" * 300_000, "too large"),
        ("a: [[1, 2], {b: 3}", "neither YAML nor JSON"),
        ("a: 2026-99-99", "neither YAML nor JSON"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=said):
            read_config(path, "map")
    path.write_text("{seed: 1}")  # braces of YAML
    assert read_config(path, "map") == {"seed": 1}
    path.write_text('{"seed": 1}')
    assert read_config(path, "map") == {"seed": 1}
