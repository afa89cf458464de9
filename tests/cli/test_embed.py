"""What people see of ``fastbench embed``: its notes, tables, verdict and refusals."""

from __future__ import annotations

import json
from pathlib import Path
from unittest import mock

import numpy as np
import polars as pl
import pytest

from .running import call, refused

CHEAP = ("--anchors", "none", "--tasks", "embedding,batch_integration", "--bootstrap", "50")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Arrays of 60 cells of three types from two labs, and their table."""
    found = tmp_path_factory.mktemp("cells")
    rng = np.random.default_rng(0)
    kind, lab = np.arange(60) % 3, np.arange(60) % 2
    noise = rng.normal(size=(60, 4))
    np.save(found / "good.npy", (noise + 5 * np.eye(3, 4)[kind]).astype(np.float32))
    np.save(found / "poor.npy", noise.astype(np.float32))
    labels = [None, *(f"type {k}" for k in kind[1:])]
    table = pl.DataFrame({"type": labels, "lab": [f"lab {k}" for k in lab], "one": ["x"] * 60})
    table.write_csv(found / "cells.csv")
    return found


def test_the_packaged_sample_is_told_to_be_one(tmp_path: Path) -> None:
    done = call("embed", "--output", tmp_path / "out", "--anchors", "none", "--tasks", "embedding", "--bootstrap", 20)
    assert done.returncode == 0, done.stderr
    assert "note: nothing was named: this is the packaged sample of 700 blood cells" in done.stdout
    assert "700 cells of 10 labels, 3 batches" in done.stdout
    assert "silhouette_score" in done.stdout
    assert " 0.550 " in done.stdout
    files = {path.name for path in (tmp_path / "out").iterdir()}
    assert files >= {
        "results.csv",
        "results.json",
        "results.vcp.json",
        "summary.csv",
        "labels.csv",
        "per_label.csv",
        "figures",
    }


def test_two_embeddings_are_ranked_and_the_verdict_is_a_sentence(folder: Path, tmp_path: Path) -> None:
    files = (folder / "poor.npy", folder / "good.npy")
    known = ("--metadata", folder / "cells.csv", "--labels", "type", "--batch", "lab")
    done = call("embed", *files, *known, *CHEAP, "--output", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "note: 1 cell was left out: no value in 'type' (--labels)." in done.stdout
    assert "59 cells of 3 labels, 2 batches" in done.stdout
    (verdict,) = (line for line in done.stdout.splitlines() if line.startswith("good has a total of"))
    assert "poor is next with" in verdict
    assert "metrics with intervals it is above the next in" in verdict
    assert done.stdout.rstrip().endswith(f"results: {tmp_path / 'out'}")


def test_json_has_every_value(folder: Path, tmp_path: Path) -> None:
    known = ("--metadata", folder / "cells.csv", "--labels", "type", "--batch", "one")
    done = call("embed", folder / "good.npy", *known, *CHEAP, "--output", tmp_path / "out", "--json")
    found = json.loads(done.stdout)
    assert (found["cells"], found["labels"]) == (59, 3)
    values = {row["metric_type"]: row["value"] for row in found["results"]}
    assert values["silhouette_score"] > 0.7
    assert values["kbet"] is None


def test_what_is_not_defined_is_a_note_with_its_reason(folder: Path, tmp_path: Path) -> None:
    known = ("--metadata", folder / "cells.csv", "--labels", "type", "--batch", "one")
    done = call("embed", folder / "good.npy", *known, *CHEAP, "--output", tmp_path / "out", drawn=True)
    (line,) = (line for line in done.stdout.splitlines() if "There is one batch: nothing can be mixed." in line)
    assert line.startswith("note: good: ")
    assert "kbet" in line
    assert (tmp_path / "out" / "figures" / "overview.png").stat().st_size > 10_000


def test_a_dry_run_tells_the_cost_and_writes_nothing(folder: Path, tmp_path: Path) -> None:
    known = ("--metadata", folder / "cells.csv", "--labels", "type")
    done = call("embed", folder / "good.npy", *known, "--output", tmp_path / "out", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "good" in done.stdout
    assert "59 cells, 3 labels" in done.stdout
    assert "on two cores" in done.stdout
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["good.npy", "--metadata", "cells.csv"], "--labels is needed"),
        (["good.npy", "--metadata", "cells.csv", "--labels", "kind"], "'kind'"),
        (["good.npy", "--labels", "type"], "--metadata"),
        (["absent.npy", "--metadata", "cells.csv", "--labels", "type"], "absent.npy"),
        (["good.npy", "--metadata", "cells.csv", "--labels", "type", "--tasks", "batch_integration"], "needs --batch"),
        (["good.npy", "--metadata", "cells.csv", "--labels", "type", "--order", "lab"], "must be numbers"),
    ],
)
def test_bad_input_is_one_sentence(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], sentence: str
) -> None:
    monkeypatch.chdir(folder)
    said = refused("embed", *arguments, "--output", tmp_path / "out")
    assert sentence in said
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_without_igraph_it_says_what_to_install(folder: Path, tmp_path: Path) -> None:
    known = ("--metadata", folder / "cells.csv", "--labels", "type", "--tasks", "clustering")
    with mock.patch.dict("sys.modules", {"igraph": None}):
        said = refused("embed", folder / "good.npy", *known, "--output", tmp_path / "out")
    assert "pip install 'fastbench[embed]'" in said
