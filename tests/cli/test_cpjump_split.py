"""``fastbench cpjump split``: files, tables, exit codes, one sentence on bad input."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import polars as pl
import pytest

from fastbench.engine.cpjump.plates.metadata import packaged

from . import running


def call(*arguments: object) -> subprocess.CompletedProcess[str]:
    return running.call("cpjump", "split", *arguments)


def test_a_split_is_written_recorded_and_checked_again(tmp_path: Path) -> None:
    output = tmp_path / "splits" / "mine.csv"
    done = call("--strategy", "cpjump1_official_gene_compound", "--order", "first-appearance", "--output", output)
    assert done.returncode == 0, done.stderr
    assert "7680" in done.stdout
    assert "perturbed_targets" in done.stdout
    assert "left out: 2,464 negative controls, 96 empty." in done.stdout
    assert "wells): all kept" in done.stdout
    assert sorted(path.name for path in output.parent.iterdir()) == ["mine.csv", "mine.json"]
    record = json.loads(output.with_suffix(".json").read_text())
    assert record["output"]["sha256"] == hashlib.sha256(output.read_bytes()).hexdigest()
    assert record["output"]["rows"] == pl.read_csv(output).height == 12_800
    assert record["options"] == {
        "strategy": "cpjump1_official_gene_compound",
        "exclude_poscon": False,
        "order": "first-appearance",
    }
    for entry in record["inputs"]:
        content = (packaged() / entry["path"].removeprefix("packaged:")).read_bytes()
        assert entry["sha256"] == hashlib.sha256(content).hexdigest()
    assert len(record["inputs"]) == 9
    leaks = {row["rule"]: row["crossing"] for row in record["leakage"]}
    assert leaks["perturbed_targets"] == 53
    assert record["broken_rules"] == []

    before = output.read_bytes()
    done = call("--output", output)
    assert done.returncode == 2
    assert "--overwrite" in done.stderr
    assert output.read_bytes() == before
    checked = call("--manifest", output, "--strict", "--json")
    assert checked.returncode == 0, checked.stderr
    summary = json.loads(checked.stdout)
    assert summary["leakage"] == record["leakage"]
    assert summary["rows"] == {"train": 7680, "validate": 2560, "test": 2560}
    done = call(
        "--output", output, "--overwrite", "--targets", "perturbed", "--fractions", "0.5,0.25,0.25", "--seed", 2
    )
    assert done.returncode == 0, done.stderr
    record = json.loads(output.with_suffix(".json").read_text())
    assert record["options"] == {
        "strategy": "leak_free",
        "exclude_poscon": False,
        "fractions": [0.5, 0.25, 0.25],
        "targets": "perturbed",
        "seed": 2,
    }
    assert [row["wells"] for row in record["counts"]] == [6400, 3200, 3200]


def test_strict_stops_at_a_broken_rule(tmp_path: Path) -> None:
    output = tmp_path / "split.csv"
    asked = ("--strategy", "cellclip_cpjump_style", "--exclude-poscon", "--output", output)
    done = running.call_process("cpjump", "split", *asked, "--strict")
    assert done.returncode == 3
    assert done.stderr.strip() == "fastbench: rules of the paper are broken: guides, duplicate_compounds"
    assert not list(tmp_path.iterdir())
    done = call(*asked, "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["broken_rules"] == ["guides", "duplicate_compounds"]
    assert [row["wells"] for row in summary["counts"]] == [7792, 0, 2608]
    assert "No well is in validate." in summary["notes"]
    assert call("--manifest", output).returncode == 0
    assert call("--manifest", output, "--strict").returncode == 3


def test_strict_does_not_pass_wells_that_cannot_be_checked(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("subset,Metadata_Plate,Metadata_Well\ntrain,P1,A01\nval,P1,A02\n")
    done = call("--manifest", path, "--strict")
    assert done.returncode == 3
    assert "2 wells could not be checked" in done.stderr
    assert "train 1, validate 1 rows" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--strategy", "best"), "strategy must be one of"),
        (("--order", "radix"), "not for leak_free"),
        (("--fractions", "a,b"), "fractions are 'a,b'"),
        (("--fractions", "0.5,0.5"), "add up to 1"),
        (("--output", "split.tsv"), "ends in .csv"),
        (("--manifest", "none.csv"), "There is no split manifest 'none.csv'"),
        (("--manifest", "none.csv", "--seed", "0", "--exclude-poscon"), "leave out --exclude-poscon, --seed"),
    ],
)
def test_refusals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str) -> None:
    monkeypatch.chdir(tmp_path)
    done = call(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())
