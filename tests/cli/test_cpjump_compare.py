"""``fastbench cpjump compare``: what it prints and writes, and how it refuses."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import polars as pl
import pytest

from ..engine.cpjump.compare.made_results import LONG, SHORT, make_result, random_groups
from . import running


def call(*arguments: object) -> subprocess.CompletedProcess[str]:
    return running.call("cpjump", "compare", *arguments)


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    return [
        make_result(
            tmp_path / name,
            {"replicability": {key: random_groups(60, seed, shift=shift) for key in (SHORT, LONG)}},
        )
        for seed, (name, shift) in enumerate((("base", 0.0), ("good", 0.9), ("poor", -0.9)))
    ]


def test_three_runs_are_told_apart_in_one_look(folders: list[Path], tmp_path: Path):
    done = call(*folders, "--output", tmp_path / "out", "--published")
    assert done.returncode == 0, done.stderr
    verdict, where, fractions = done.stdout.strip().split("\n\n")[:3]
    lines = verdict.splitlines()
    assert lines[0].startswith("Which is better? mAP above chance of all groups, against base")
    assert [line.split()[1:3] for line in lines[2:]] == [["good", "better"], ["base", "baseline"], ["poor", "worse"]]
    assert "Where? Configurations whose mAP above chance differs, q < 0.05 (4)" in where
    assert "good − base" in where
    assert fractions.startswith("Replicability: fraction retrieved")
    assert "0.765" in fractions
    assert "note: The option preset differs" in done.stdout
    assert f"results: {tmp_path / 'out'}" in done.stdout
    written = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*")}
    assert written == {
        "verdict.csv",
        "comparison.csv",
        "fractions.csv",
        "gained_lost.csv",
        "manifest.json",
        "figures/overview.png",
        "figures/overview.svg",
        "figures/gained_lost.png",
        "figures/gained_lost.svg",
    }
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["command"] == "cpjump compare"
    assert [entry["name"] for entry in manifest["inputs"]] == ["base", "good", "poor"]


def test_json_has_the_tables_and_options_are_heard(folders: list[Path], tmp_path: Path):
    named = [f"run {i}={folder}" for i, folder in enumerate(folders)]
    done = call(
        *named,
        "--output",
        tmp_path / "out",
        "--baseline",
        "run 2",
        "--all-pairs",
        "--bootstrap",
        200,
        "--no-figures",
        "--json",
    )
    assert done.returncode == 0, done.stderr
    content = json.loads(done.stdout)
    assert content["runs"] == ["run 2", "run 0", "run 1"]
    assert content["baseline"] == "run 2"
    assert len(content["comparison"]) == 3 * 3 * 6
    assert content["verdict"][0]["run"] == "run 1"
    assert not (tmp_path / "out" / "figures").exists()
    table = pl.read_csv(tmp_path / "out" / "comparison.csv")
    assert len(table) == 54
    assert set(table["run_b"]) == {"run 2", "run 0"}


def test_a_run_that_is_compared_is_never_replaced(folders: list[Path]):
    before = (folders[1] / "manifest.json").read_bytes()
    done = call(*folders, "--output", folders[1], "--overwrite")
    assert done.returncode != 0
    assert "is or holds the input" in done.stderr
    assert (folders[1] / "manifest.json").read_bytes() == before


def test_runs_that_share_no_configuration_with_others_are_drawn(tmp_path: Path):
    # a configuration that two of three runs have is compared between those two, but has no place in the figure
    results = []
    for seed, (name, keys) in enumerate((("a", (SHORT, LONG)), ("b", (SHORT, LONG)), ("c", (SHORT,)))):
        results.append(make_result(tmp_path / name, {"replicability": {k: random_groups(60, seed) for k in keys}}))
    chosen = ["--output", tmp_path / "out", "--all-pairs", "--bootstrap", 200]
    done = running.call("cpjump", "compare", *results, *chosen, drawn=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "figures" / "overview.png").stat().st_size > 10_000


def test_equal_runs_differ_nowhere(folders: list[Path], tmp_path: Path):
    done = call(f"a={folders[0]}", f"b={folders[0]}", "--output", tmp_path / "out", "--no-figures", "--bootstrap", 99)
    assert done.returncode == 0, done.stderr
    assert "Where? No configuration has a difference of mAP above chance with q < 0.05." in done.stdout


def test_bad_use_ends_in_one_sentence_and_writes_nothing(folders: list[Path], tmp_path: Path):
    out = tmp_path / "out"
    for arguments, said in (
        ([folders[0]], "two or more result folders"),
        ([folders[0], folders[0]], "Two results are called 'base'"),
        ([folders[0], tmp_path], "is not a result of fastbench"),
        ([*folders, "--baseline", "god"], "did you mean 'good'"),
    ):
        done = call(*arguments, "--output", out)
        assert done.returncode == 2, done.stderr
        assert said in done.stderr
        assert len([line for line in done.stderr.splitlines() if line.startswith("fastbench: ")]) == 1
        assert not out.exists()
