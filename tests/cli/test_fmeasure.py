"""``fastbench fmeasure``: the example, steps, comparison, and one sentence on bad input."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ..engine.fmeasure.dag import CALLS, GT, NAME, TRUTH, write_run, write_truth
from .running import call, call_process, refused

RUN = ["--gt-label", GT, "--inferred-label", NAME]


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("example") / "out"
    done = call_process("fmeasure", "--output-dir", folder)
    assert done.returncode == 0, done.stderr
    assert "SIMULATED" in done.stderr
    assert "Most frequent confusions" in done.stdout
    return folder


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    truth = write_truth(tmp_path / "truth.h5ad", TRUTH)
    write_run(tmp_path / "runs" / "one", truth, CALLS, order=np.random.default_rng(0).permutation(20).tolist())
    return tmp_path / "runs"


def test_the_example_is_whole_and_says_that_it_is_simulated(example: Path) -> None:
    manifest = json.loads((example / "manifest.json").read_text())
    assert manifest["simulated"] is True
    assert {Path(each["path"]).is_file() for each in manifest["inputs"]} == {True}
    assert {Path(each["source"]).is_file() for each in manifest["ontologies"].values()} == {True}
    figures = {path.stem for path in (example / "figures").glob("*.png")}
    assert figures == {"scores", "coverage", "confusions", "differences"}
    for path in (example / "figures").glob("*.svg"):
        assert "SIMULATED PREDICTIONS" in path.read_text()
    summary = pl.read_csv(example / "summary_per_group.csv")
    assert summary["group_name"].to_list() == ["model_a (simulated)", "model_b (simulated)"]
    assert summary["n_cells"].to_list() == [4500, 4500]
    # The inputs that were scored lie beside the result, and scoring them again gives the same numbers.
    again = example.parent / "again"
    done = call(
        "fmeasure",
        "--annotate-dirs",
        example / "example_input" / "annotate",
        "--gt-label",
        "cell_type_ontology_term_id",
        "--inferred-label",
        NAME,
        "--f-measure-top-k",
        3,
        "--output-dir",
        again,
        "--no-figures",
        "--bootstrap",
        0,
    )
    assert done.returncode == 0, done.stderr
    name = "hierarchical_f_measure_per_group.csv"
    assert (again / name).read_bytes() == (example / name).read_bytes()
    columns = ["model_a", "model_b", "metric", "value_a", "value_b", "cells", "right_only_a"]
    pairs = [pl.read_csv(folder / "comparison.csv").select(columns) for folder in (again, example)]
    assert pairs[0].equals(pairs[1])


def test_steps_one_by_one(example: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ["--gt-label", "cell_type_ontology_term_id", "--inferred-label", NAME, "--f-measure-top-k", 2]
    runs = example / "example_input" / "annotate"
    assert call("fmeasure", "confusion-matrix", "--annotate-dirs", runs, *options, "--output-dir", out).returncode == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "cells",
        "cm_raw_k1",
        "cm_raw_k2",
        "manifest.json",
        "ontologies",
    ]
    told = refused("fmeasure", "flat", "--output-dir", out)
    assert "run 'fastbench fmeasure aggregate' first" in told
    for step in ("aggregate", "flat", "hierarchical"):
        done = call("fmeasure", step, "--output-dir", out)
        assert done.returncode == 0, done.stderr
    assert (out / "figures" / "confusions.png").is_file()
    found = pl.read_csv(out / "f_measure_per_group.csv")
    whole = pl.read_csv(example / "f_measure_per_group.csv")
    assert found.equals(whole.select(found.columns))


def test_comparison_of_results(example: Path, tmp_path: Path) -> None:
    done = call(
        "fmeasure", "compare", example, "--output-dir", tmp_path / "out", "--json", "--bootstrap-by", "donor_id"
    )
    assert done.returncode == 2  # no step was told to keep the donors
    assert "donor_id" in done.stderr
    done = call("fmeasure", "compare", example, "--output-dir", tmp_path / "out", "--json", "--bootstrap-by", "sample")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [row["group_name"] for row in told["models"]] == ["model_a (simulated)", "model_b (simulated)"]
    assert told["comparison"][0]["difference"] > 0
    whole = pl.read_csv(example / "summary_per_group.csv")
    assert told["models"][0]["h_f1_macro"] == pytest.approx(whole["h_f1_macro"][0], rel=1e-12)
    names = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert names == {
        "models.csv",
        "intervals.csv",
        "comparison.csv",
        "comparison_per_class.csv",
        "manifest.json",
        "figures/scores.png",
        "figures/scores.svg",
        "figures/differences.png",
        "figures/differences.svg",
    }
    told = refused("fmeasure", "compare", example, "--models", "model_c", "--output-dir", tmp_path / "x")
    assert "No result has a model 'model_c'" in told


def test_results_of_copied_folders_are_matched_by_file_name(runs: Path, tmp_path: Path) -> None:
    import shutil

    for name in ("here", "there"):
        shutil.copytree(runs, tmp_path / name / "runs")
        truth = shutil.copy(runs.parent / "truth.h5ad", tmp_path / name)
        meta = {"input_path": str(truth), "model_name": f"model {name}"}
        (tmp_path / name / "runs" / "one" / "metadata.json").write_text(json.dumps(meta))
        options = ["--output-dir", tmp_path / f"{name} out", "--no-figures", "--bootstrap", 0]
        assert call("fmeasure", "--annotate-dirs", tmp_path / name / "runs", *RUN, *options).returncode == 0
    both = [tmp_path / "here out", tmp_path / "there out", "--output-dir", tmp_path / "both"]
    done = call("fmeasure", "compare", *both)
    assert done.returncode == 0, done.stderr
    assert "samples are matched by file name" in done.stdout
    kept = next((tmp_path / "there out" / "cells").iterdir())
    pl.read_parquet(kept).reverse().write_parquet(kept)
    told = refused("fmeasure", "compare", *both, "--overwrite")
    assert f"'{kept}' was changed after it was written" in told


def test_bad_input_is_one_sentence_and_leaves_nothing(runs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    def told(*arguments: object) -> str:
        sentence = refused("fmeasure", *arguments, "--output-dir", out)
        assert len(sentence.strip().splitlines()) == 1
        assert not out.exists()
        return sentence

    assert "--annotate-dirs needs --gt-label and --inferred-label" in told("--annotate-dirs", runs)
    assert "has no column 'cell_typ'; did you mean 'cell_type'" in told(
        "--annotate-dirs", runs, "--gt-label", "cell_typ", "--inferred-label", NAME
    )
    sentence = told("--annotate-dirs", runs, "--gt-label", GT, "--inferred-label", "name_1")
    assert str(runs / "one") in sentence
    assert "has no column 'name_1'" in sentence
    assert "must end in" in told(
        "--annotate-dirs", runs, "--gt-label", GT, "--inferred-label", "name", "--f-measure-top-k", 2
    )
    assert "Put --seed after 'flat'" in refused("fmeasure", "--seed", 1, "flat", "--output-dir", out)
    assert "--truth FILE:COLUMN and --pred FILE:COLUMN go together" in told("--truth", "a.csv:b")
    (runs / "one" / "metadata.json").write_text("{}")
    sentence = told("--annotate-dirs", runs, *RUN)
    assert "metadata.json" in sentence
    assert "input_path" in sentence


def test_a_foreign_folder_is_never_replaced(runs: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("dear")
    arguments = ["--annotate-dirs", runs, *RUN, "--output-dir", tmp_path / "out", "--overwrite"]
    told = refused("fmeasure", *arguments)
    assert "thesis.txt" in told
    assert (tmp_path / "out" / "thesis.txt").read_text() == "dear"


def test_help_of_every_step_is_quick_and_loads_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "import fastbench.cli.main\n"
        "from typer.testing import CliRunner\n"
        "steps = ['confusion-matrix', 'aggregate', 'flat', 'hierarchical', 'azimuth', 'compare']\n"
        "for step in ([], *([step] for step in steps)):\n"
        "    done = CliRunner().invoke(fastbench.cli.main.app, ['fmeasure', *step, '--help'])\n"
        "    assert done.exit_code == 0, done.output\n"
        "heavy = {'jax', 'numba', 'sklearn', 'matplotlib', 'pandas', 'anndata', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
