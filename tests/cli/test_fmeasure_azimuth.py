"""``fastbench fmeasure azimuth``: from Azimuth calls to scores that were worked out by hand."""

from __future__ import annotations

import csv
import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

import anndata
import pandas as pd
import polars as pl
import pytest

from .running import call

R, A, B, C, D, E, F = IDS = [f"CL:{i:07d}" for i in range(7)]
CHILDREN = {R: [A, B], A: [C, D], B: [D, F], D: [E]}
#: Truth, call, cells.
CELLS = [(E, E, 4), (E, D, 3), (C, D, 2), (D, C, 1), (F, B, 2), (F, F, 5), (B, R, 1), (R, A, 1), (R, R, 1)]
#: The level above, consistent for all but C, which is not below B.
COARSE = {R: R, A: R, B: B, C: B, D: B, E: D, F: B}


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Any]:
    """The twenty cells of the seven-term graph; Azimuth lists them backwards."""
    pairs = [(true, called) for true, called, n in CELLS for _ in range(n)]
    ids = [f"cell-{i}" for i in range(len(pairs))]
    obs = pd.DataFrame({"cell_type_ontology_term_id": [true for true, _ in pairs]}, index=pd.Index(ids, dtype=object))
    anndata.AnnData(obs=obs).write_h5ad(tmp_path / "cells.h5ad")
    rows = [[i, f"l{COARSE[c]}", 0.75, f"l{c}", 0.5] for i, (_, c) in zip(ids, pairs, strict=True)]
    header = ["", "predicted.l1", "predicted.l1.score", "predicted.l2", "predicted.l2.score"]
    with (tmp_path / "azimuth.csv").open("w", newline="") as handle:
        csv.writer(handle).writerows([header, *rows[::-1]])
    with (tmp_path / "crosswalk.csv").open("w", newline="") as handle:
        csv.writer(handle).writerows([["label", "id"], *([f"l{i}", i.replace(":", "_")] for i in IDS)])
    resource = {
        "cl_names": IDS,
        "cell_ontology_term_id_to_cell_type": dict.fromkeys(IDS, "name"),
        "children_dictionary": CHILDREN,
    }
    (tmp_path / "resource.json").write_text(json.dumps(resource))
    return {
        "--azimuth-csv": tmp_path / "azimuth.csv",
        "--h5ad": tmp_path / "cells.h5ad",
        "--crosswalk-csv": tmp_path / "crosswalk.csv",
        "--crosswalk-azimuth-col": "label",
        "--crosswalk-cl-id-col": "id",
        "--azimuth-ref-name": "toy",
        "--ontology": tmp_path / "resource.json",
        "--output-dir": tmp_path / "all" / "toy",
    }


def convert(files: dict[str, Any], *more: object, **changes: object) -> subprocess.CompletedProcess[str]:
    given = files | {f"--{name.replace('_', '-')}": value for name, value in changes.items()}
    return call("fmeasure", "azimuth", *(part for pair in given.items() for part in pair), *more)


def test_conversion_and_scores(files: dict[str, Any], tmp_path: Path) -> None:
    done = convert(files)
    assert done.returncode == 0, done.stderr
    assert "azimuth_toy: 20 cells" in done.stdout
    assert "predicted.l2" in done.stdout
    # The one D -> C: its coarser call is B.
    assert "1 calls, of 1 distinct pairs, are not below" in done.stdout
    command = done.stdout.rpartition("next: ")[2]
    assert "--unknown" not in command
    scored = call(*shlex.split(command)[1:], "--no-figures", "--output-dir", tmp_path / "scores")
    assert scored.returncode == 0, scored.stderr
    flat = pl.read_csv(tmp_path / "scores" / "f_measure_per_sample.csv").row(0, named=True)
    assert flat["model_name"] == "azimuth_toy"
    assert [flat[f"{name}_k1"] for name in ("tp", "fp", "fn")] == [10, 10, 10]
    assert flat["f1_macro_k1"] == pytest.approx(68 / 231, rel=1e-14)
    assert flat["f1_weighted_k1"] == pytest.approx(787 / 1320, rel=1e-14)
    above = pl.read_csv(tmp_path / "scores" / "hierarchical_f_measure_per_sample.csv").row(0, named=True)
    assert [above[name] for name in ("h_tp", "h_fp", "h_fn")] == [40, 6, 10]
    assert above["h_f1_micro"] == pytest.approx(5 / 6, rel=1e-14)
    assert above["h_f1_macro"] == pytest.approx(14701 / 20944, rel=1e-14)


def test_calls_without_a_term_are_scored_as_the_benchmark_is_told(files: dict[str, Any], tmp_path: Path) -> None:
    """Without a row for F five right calls are lost; without a term for D, five wrong ones."""
    text = (tmp_path / "crosswalk.csv").read_text()
    lines = [line for line in text.splitlines() if f"l{F}" not in line]
    (tmp_path / "crosswalk.csv").write_text(
        "\n".join(lines).replace("CL_0000003", "CL_9").replace("CL_0000004", "CL_9") + "\n"
    )
    files["--output-dir"] = tmp_path / "all" / "lossy"
    done = convert(files)
    assert done.returncode == 0, done.stderr
    assert "11 cells have no term at rank 1" in done.stdout
    command = shlex.split(done.stdout.rpartition("next: ")[2])[1:]
    assert command[-2:] == ["--unknown", "miss"]
    refused = call(*command[:-2], "--no-figures", "--output-dir", tmp_path / "scores")
    assert refused.returncode == 2
    assert "'CL:9', 'unknown'" in refused.stderr
    scored = {}
    for policy in ("miss", "drop", "root"):
        told = (*command[:-1], policy, "--no-figures", "--output-dir", tmp_path / policy)
        most = call(*told)
        assert most.returncode == 2
        assert "11 of 20 cells have a label outside the ontology" in most.stderr
        assert call(*told, "--unknown-limit", "0.6").returncode == 0
        scored[policy] = pl.read_csv(tmp_path / policy / "f_measure_per_sample.csv").row(0, named=True)
    # Right are still 4 E and 1 R; 4 wrong ones are left: F -> B twice, B -> R, R -> A.
    assert {key: [row[f"{name}_k1"] for name in ("tp", "fp", "fn")] for key, row in scored.items()} == {
        "miss": [5, 4, 15],
        "drop": [5, 4, 4],
        "root": [5, 15, 15],
    }
    assert convert(files, "--overwrite", unmapped="root").returncode == 0
    rooted = call(*command[:-2], "--no-figures", "--output-dir", tmp_path / "rooted")
    assert rooted.returncode == 0, rooted.stderr
    expected = pl.read_csv(tmp_path / "root" / "f_measure_per_sample.csv")
    assert pl.read_csv(tmp_path / "rooted" / "f_measure_per_sample.csv").equals(expected)


def test_json_levels_and_response(files: dict[str, Any], tmp_path: Path) -> None:
    done = convert(files, "--json", "--response", levels="l1,predicted.l2:predicted.l1.score")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["cells"] == 20
    assert [(row["level"], row["score"]) for row in summary["levels"]] == [
        ("predicted.l1", "predicted.l1.score"),
        ("predicted.l2", "predicted.l1.score"),
    ]
    assert len(json.loads((tmp_path / "all" / "toy" / "ontology_response.json").read_text())["data"]) == 20
    assert sorted(path.name for path in (tmp_path / "all" / "toy").iterdir()) == [
        "inferred_labels.csv",
        "manifest.json",
        "metadata.json",
        "ontology_resource.json",
        "ontology_response.json",
    ]


def test_refusals(files: dict[str, Any], tmp_path: Path) -> None:
    for changes, said in (
        ({"levels": "predicted.l3"}, "no column 'predicted.l3'; did you mean"),
        ({"unmapped": "maybe"}, "unmapped must be one of"),
        ({"azimuth_csv": tmp_path / "azimut.csv"}, "did you mean 'azimuth.csv'"),
        ({"relations": "is_a,part_of"}, "is a resource file"),
    ):
        done = convert(files, "--quiet", **changes)
        assert done.returncode == 2
        assert said in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
        assert not (tmp_path / "all" / "toy").exists()
    assert f"--annotate-dirs {tmp_path / 'all' / 'toy'} --gt-label" in convert(files).stdout
    assert "--overwrite" in convert(files).stderr
    assert convert(files, "--overwrite").returncode == 0
