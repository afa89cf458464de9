"""``fastbench rerun`` and ``fastbench compare`` as people see them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.cli.running import call, refused

RULES = ["--pos-sameby", "Metadata_drug", "--neg-diffby", "Metadata_drug", "--device", "cpu", "--quiet"]


def write_profiles(path: Path, noise: float) -> Path:
    rng = np.random.default_rng(int(10 * noise))
    signal = np.random.default_rng(0).normal(size=(16, 6)).repeat(4, axis=0)
    frame = pl.DataFrame(signal + noise * rng.normal(size=signal.shape), schema=[f"f{i}" for i in range(6)])
    frame.insert_column(0, pl.Series("Metadata_drug", np.repeat([f"d{i:02}" for i in range(16)], 4))).write_csv(path)
    return path


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, noise in (("good", 0.5), ("bad", 3.0)):
        done = call("map", write_profiles(tmp_path / f"{name}.csv", noise), *RULES, "--output", name)
        assert done.returncode == 0, done.stderr
    return tmp_path


def test_a_result_is_run_again(results: Path) -> None:
    done = call("rerun", "good", "--quiet")
    assert done.returncode == 0, done.stderr
    assert "Equal: all inputs (1)." in done.stdout
    assert "Equal: all files of the result (4)." in done.stdout
    text = (results / "good.csv").read_text().splitlines()
    text[5] = text[5][:-1] + ("1" if text[5][-1] != "1" else "2")
    fields = text[9].split(",")
    text[9] = ",".join([fields[0], str(float(fields[1]) + 2), *fields[2:]])
    (results / "good.csv").write_text("\n".join(text) + "\n")
    found = json.loads(call("rerun", "good/manifest.json", "--overwrite", "--quiet", "--json").stdout)
    assert [each["status"] for each in found["inputs"]] == ["changed"]
    tables = {each["file"]: each for each in found["outputs"]}
    assert tables["map.csv"]["status"] == "differs"
    assert "mean_average_precision in" in tables["map.csv"]["difference"]
    assert "good.csv changed" in call("rerun", "good", "--overwrite", "--quiet").stdout
    with pytest.MonkeyPatch.context() as elsewhere:
        elsewhere.chdir(results.parent)
        done = call("rerun", results / "good", "--overwrite", "--quiet")
    assert done.returncode == 0, done.stderr
    (results / "good.csv").unlink()
    assert "good.csv" in refused("rerun", "good", "--overwrite")
    assert "is not the manifest" in refused("rerun", "bad.csv")


def test_which_is_better_in_one_look(results: Path) -> None:
    done = call("compare", "good", "bad", "--bootstrap", "999", "--quiet")
    assert done.returncode == 0, done.stderr
    assert "Which is better? Difference of mAP from good" in done.stdout
    assert " worse " in done.stdout
    assert "Gained and lost" in done.stdout
    assert "bad is worse than good: -" in done.stdout
    again = call("compare", "--config", "results/compare", "--output", "again", "--quiet")
    assert again.returncode == 0, again.stderr
    assert (results / "again" / "verdict.csv").read_bytes() == (results / "results/compare/verdict.csv").read_bytes()
    assert "--models is not for results of 'fastbench map'" in refused("compare", "good", "bad", "--models", "x")
    found = json.loads(call("compare", "x=bad", "y=good", "--no-figures", "--output", "c", "--json", "--quiet").stdout)
    assert [(each["run"], each["verdict"]) for each in found["verdict"]] == [("y", "better"), ("x", "baseline")]
    assert not (results / "c" / "figures").exists()
    assert "--bootstrap must lie" in refused("compare", "good", "bad", "--bootstrap", "-1", "--output", "d")
    assert "No run is called 'goood'; did you mean 'good'" in refused(
        "compare", "good", "bad", "--baseline", "goood", "--output", "e"
    )
