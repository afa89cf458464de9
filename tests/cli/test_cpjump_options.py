"""``fastbench cpjump`` on embeddings, with a batch correction and with chosen wells: what the manifest says of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fastbench.engine.cpjump.options import Options
from fastbench.engine.cpjump.plates.metadata import experiments
from fastbench.engine.cpjump.plates.simulate_embeddings import write_simulated_embeddings

from .running import call, refused

CHOICE = ["--cells", "A549", "--timelines", "short", "--tasks", "replicability,matching"]


@pytest.fixture(scope="module")
def embeddings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("embeddings")
    plates = experiments(Options(cells=("A549",), timelines=("short",))).plates
    write_simulated_embeddings(folder, n_features=24, plates=plates)
    return folder


def manifest(output: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((output / "manifest.json").read_text())
    return found


def test_cellclip_on_corrected_embeddings_names_its_ways(embeddings: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    plates = [path.stem for path in embeddings.glob("*.h5")]
    keys = [f"{plate}-{row}{column:02d}-x-1" for plate in plates for row in "ABCDEFGH" for column in range(1, 25)]
    pl.DataFrame({"SAMPLE_KEY": keys}).write_csv(labels)
    done = call(
        "cpjump",
        "--preset",
        "cellclip",
        "--features",
        "emb",
        "--embeddings",
        embeddings,
        "--batch-correction",
        "kernel-pca",
        "--pca-n-components",
        10,
        "--save-correction",
        tmp_path / "fitted.npz",
        "--test-labels",
        labels,
        "--output",
        tmp_path / "out",
        *CHOICE,
    )
    assert done.returncode == 0, done.stderr
    said = manifest(tmp_path / "out")
    assert said["simulated"] is False
    assert said["batch_correction"] == {
        "method": "kernel-pca",
        "controls": 4 * 64 + 4 * 60 + 2 * 60,
        "features": 24,
        "kernel": "linear",
        "scaler": "plate",
        "components": 10,
        "gamma": 1 / 24,
    }
    faults = " ".join(said["published_faults"])
    for words in ("replicable or not", "plate by plate on all wells", "filter all wells read so far"):
        assert words in faults
    assert {Path(each["path"]).suffix for each in said["inputs"]} == {".h5", ".tsv", ".csv"}
    rows = pl.read_csv(tmp_path / "out" / "tables" / "runs.csv").filter(task="replicability")
    assert rows["wells"].sum() > 0
    assert (rows["wells_filtered"] > 0).all()
    again = call(
        "cpjump",
        "--preset",
        "cellclip",
        "--features",
        "emb",
        "--embeddings",
        embeddings,
        "--load-correction",
        tmp_path / "fitted.npz",
        "--output",
        tmp_path / "loaded",
        *CHOICE[:-1],
        "replicability",
    )
    assert again.returncode == 0, again.stderr
    assert manifest(tmp_path / "loaded")["batch_correction"]["components"] == 10


def test_what_is_missing_or_contradicts_is_one_sentence(embeddings: Path, tmp_path: Path) -> None:
    out = ["--output", tmp_path / "out", *CHOICE]
    assert "--features emb and --embeddings go together" in refused("cpjump", "--features", "emb", *out)
    told = refused("cpjump", "--features", "emb", "--embeddings", tmp_path / "none", *out)
    assert str(tmp_path / "none") in told
    told = refused("cpjump", "--split-manifest", tmp_path / "no.csv", "--split-subset", "test", *out)
    assert str(tmp_path / "no.csv") in told
    told = refused("cpjump", "--batch-correction", "combat", *out)
    assert "'none', 'kernel-pca', 'sphering', 'mad'" in told
    told = refused("cpjump", "--seed", 1, "split", "--strategy", "leak_free")
    assert "Put --seed after 'split'" in told
    assert not (tmp_path / "out").exists()


def test_help_loads_no_arrays_and_names_choices() -> None:
    for step in ([], ["split"], ["fetch"]):
        code = (
            "import sys; from fastbench.cli.main import app; from typer.testing import CliRunner\n"
            f"done = CliRunner().invoke(app, ['cpjump', *{step}, '--help'])\n"
            "assert done.exit_code == 0, done.output\n"
            "assert not {'numpy', 'polars'} & set(sys.modules)\n"
            "print(done.output)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert not step or "--overwrite" in done.stdout
    assert "--plates" in done.stdout


def test_a_plan_is_shown_and_nothing_is_read(tmp_path: Path) -> None:
    out = ["--output", tmp_path / "out", *CHOICE]
    planned = json.loads(call("cpjump", *out, "--dry-run", "--json").stdout)
    assert [row["task"] for row in planned["runs"]] == ["replicability", "matching"] * 2 + ["replicability"]
    assert planned["cost"]["runs"] == 5
    assert planned["options"]["ties"] == "expected"
    assert "5 runs" in call("cpjump", *out, "--dry-run").stdout
    assert not (tmp_path / "out").exists()


def test_options_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("cells: A549\ntimelines: [short]\ntasks: gene-compound-matching\ngate: none\n")
    planned = json.loads(call("cpjump", "--config", file, "--gate", "q", "--dry-run", "--json").stdout)
    chosen = {name: planned["options"][name] for name in ("cells", "timelines", "tasks", "gate")}
    assert chosen == {
        "cells": ["A549"],
        "timelines": ["short"],
        "tasks": ["gene_compound_matching"],
        "gate": "q",
    }
    assert "--q-threshold is 2.0" in refused("cpjump", "--q-threshold", 2, "--dry-run")
    assert "timelines is empty" in refused("cpjump", "--timelines", "", "--dry-run")
