"""From annotate directories to a result folder: formats, steps, policies, groups, refusals."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import load_npz

from fastbench.engine.command.execute import execute
from fastbench.engine.errors import InputError
from fastbench.engine.fmeasure.command import CONFUSION_MATRIX, FMEASURE
from fastbench.engine.fmeasure.scores.options import ReportOptions
from fastbench.engine.fmeasure.workspace.read import read_samples

from ..figures.pictures import no_drawing
from .dag import (
    CALLS,
    CALLS_3,
    CHILDREN,
    GT,
    IDS,
    NAME,
    TRUTH,
    TRUTH_3,
    A,
    C,
    D,
    E,
    F,
    resource,
    write_run,
    write_truth,
)
from .scoring import options_of, score, step, table

FLAT = (
    "tp",
    "fp",
    "fn",
    "precision_micro",
    "recall_micro",
    "f1_micro",
    "f1_macro",
    "precision_macro",
    "recall_macro",
    "precision_weighted",
    "recall_weighted",
    "f1_weighted",
)


@pytest.mark.slow
def test_layout_and_keys_are_those_of_cellarium_cas(tmp_path: Path) -> None:
    truth = write_truth(tmp_path / "truth.h5ad", TRUTH_3)
    write_run(tmp_path / "runs" / "one", truth, CALLS_3, model="a/b:c")
    out = tmp_path / "out"
    score(tmp_path / "runs", out, f_measure_top_k=5)
    for k in range(1, 6):
        raw = out / f"cm_raw_k{k}" / "one"
        matrix = load_npz(raw / "confusion_matrix.npz")
        assert matrix.format == "csr"
        assert matrix.dtype == np.int64
        assert matrix.shape == (7, 7)
        meta = json.loads((raw / "confusion_matrix_meta.json").read_text())
        assert list(meta)[:9] == [
            "model_name",
            "test_sample",
            "annotate_dir",
            "gt_label",
            "inferred_label",
            "label_order",
            "matrix_shape",
            "f_measure_top_k",
            "f_measure_inferred_labels",
        ]
        assert (meta["label_order"], meta["matrix_shape"], meta["f_measure_top_k"]) == (IDS, [7, 7], k)
        assert meta["f_measure_inferred_labels"] == [f"cas_cell_type_name_{r + 1}" for r in range(min(k, 3))]
        assert meta["annotate_dir"] == str(tmp_path / "runs" / "one")
        group = json.loads((out / f"cm_aggregate_k{k}" / "a_b_c" / "confusion_matrix_meta.json").read_text())
        assert list(group)[:5] == [
            "model_name",
            "source_annotate_dirs",
            "label_order",
            "matrix_shape",
            "n_samples_aggregated",
        ]
        assert group["model_name"] == "a/b:c"
    flat = table(out / "f_measure_per_sample.csv")
    assert flat.columns == ["model_name", "test_sample", *(f"{name}_k{k}" for k in range(1, 6) for name in FLAT)]
    assert table(out / "f_measure_per_group.csv").columns == ["group_name", *flat.columns[2:]]
    h = table(out / "hierarchical_f_measure_per_sample.csv")
    assert h.columns == ["model_name", "test_sample", *(f"h_{name}" for name in FLAT)]
    assert flat["f1_macro_k5"][0] == flat["f1_macro_k3"][0]  # beyond the ranks that are there, nothing changes
    notes = json.loads((out / "manifest.json").read_text())["notes"]
    assert any("Only 3 of the 5 ranks asked for are there" in note for note in notes)


@pytest.mark.slow
def test_the_steps_give_what_all_at_once_gives(runs: Path, tmp_path: Path) -> None:
    score(runs, tmp_path / "all", f_measure_top_k=1)
    steps = tmp_path / "steps"
    execute(CONFUSION_MATRIX, options_of(annotate_dirs=str(runs), gt_label=GT, inferred_label=NAME), steps)
    for name in ("aggregate", "flat", "hierarchical"):
        step(name, steps)
    names = sorted(path.name for path in (tmp_path / "all").glob("*.csv"))
    assert names == sorted(path.name for path in steps.glob("*.csv"))
    assert len(names) >= 8
    for name in names:
        assert (steps / name).read_bytes() == (tmp_path / "all" / name).read_bytes(), name
    manifest = json.loads((steps / "manifest.json").read_text())
    assert "cm_raw_k1/one/confusion_matrix.npz" in {each["name"] for each in manifest["outputs"]}


def test_a_step_refuses_sums_that_are_not_those_of_the_samples(runs: Path, tmp_path: Path) -> None:
    score(runs, tmp_path / "out")
    shutil.rmtree(tmp_path / "out" / "cm_aggregate_k1" / "model")
    with pytest.raises(InputError, match="holds no groups; run"):
        step("flat", tmp_path / "out")


def test_a_workspace_of_cellarium_cas_is_read(runs: Path, tmp_path: Path) -> None:
    score(runs, tmp_path / "out")
    own = tmp_path / "theirs"
    for kind, keys in (("raw", 9), ("aggregate", 5)):
        for path in (tmp_path / "out").glob(f"cm_{kind}_k1/*"):
            target = own / path.relative_to(tmp_path / "out")
            target.mkdir(parents=True)
            shutil.copy(path / "confusion_matrix.npz", target)
            meta = json.loads((path / "confusion_matrix_meta.json").read_text())
            short = dict(list(meta.items())[:keys])
            (target / "confusion_matrix_meta.json").write_text(json.dumps(short))
    step("hierarchical", own)
    name = "hierarchical_f_measure_per_group.csv"
    assert (own / name).read_bytes() == (tmp_path / "out" / name).read_bytes()


@pytest.mark.parametrize(
    ("policy", "tp", "cells", "without"), [("drop", 2, 2, 0), ("miss", 2, 4, 2), ("root", 2, 4, 0)]
)
def test_unknown_labels(tmp_path: Path, policy: str, tp: int, cells: int, without: int) -> None:
    truth = write_truth(tmp_path / "truth.h5ad", [D, F, C, E])
    calls: list[tuple[str | None]] = [(D,), ("unknown",), (C,), (None,)]
    write_run(tmp_path / "runs" / "one", truth, calls)
    with pytest.raises(InputError) as refused:
        score(tmp_path / "runs", tmp_path / "out")
    told = str(refused.value)
    assert all(word in told for word in (str(tmp_path / "runs" / "one"), NAME, "'unknown'", "no label in 1 cell"))
    assert not (tmp_path / "out").exists()
    score(tmp_path / "runs", tmp_path / "out", unknown=policy)
    row = table(tmp_path / "out" / "f_measure_per_sample.csv").to_dicts()[0]
    assert (row["tp_k1"], row["tp_k1"] + row["fn_k1"]) == (tp, cells)
    summary = table(tmp_path / "out" / "summary_per_group.csv").to_dicts()[0]
    assert (summary["n_cells"], summary["n_without_prediction"]) == (cells, without)
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["dropped"]["one"]["predicted_unknown"] == 1
    assert manifest["dropped"]["one"]["predicted_missing"] == 1


def test_a_crosswalk_and_names(tmp_path: Path) -> None:
    truth = write_truth(tmp_path / "truth.h5ad", ["d", "f"])
    write_run(tmp_path / "runs" / "one", truth, [("Dee",), ("f",)])
    (tmp_path / "map.csv").write_text("label,means\nDee,d\n")
    score(tmp_path / "runs", tmp_path / "out", match="name", map=str(tmp_path / "map.csv"))
    assert table(tmp_path / "out" / "f_measure_per_sample.csv")["tp_k1"][0] == 2
    with pytest.raises(InputError, match="these are names, not ids: --match name"):
        score(tmp_path / "runs", tmp_path / "other", map=str(tmp_path / "map.csv"))


@pytest.mark.slow
def test_models_are_compared_on_the_same_cells(runs: Path, tmp_path: Path) -> None:
    better = [(true,) for true in TRUTH]
    write_run(runs / "two", tmp_path / "truth.h5ad", better, model="better", scores=np.linspace(0, 1, 20).tolist())
    outcome = score(runs, tmp_path / "out", ReportOptions(bootstrap=50, figures=True, bootstrap_by="donor"))
    assert outcome.report is not None
    assert outcome.report.summary["group_name"].to_list() == ["better", "model"]
    row = table(tmp_path / "out" / "comparison.csv").filter(model_a="better", metric="accuracy").to_dicts()[0]
    assert (row["value_a"], row["value_b"], row["right_only_a"], row["right_only_b"]) == (1.0, 0.5, 10, 0)
    classes = table(tmp_path / "out" / "comparison_per_class.csv")
    assert classes.filter(label=E)["right_only_a"].to_list() == [3]
    assert any("drawn from 2 by donor" in note for note in outcome.notes)
    figures = {path.name for path in (tmp_path / "out" / "figures").glob("*.png")}
    assert figures == {"scores.png", "confusions.png", "differences.png", "coverage.png"}
    intervals = table(tmp_path / "out" / "intervals.csv").filter(group_name="better", metric="accuracy")
    assert intervals.select("value", "lower", "upper").row(0) == (1.0, 1.0, 1.0)


def test_a_chosen_group_is_drawn_and_models_by_group(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(runs / "two", tmp_path / "truth.h5ad", [(true,) for true in TRUTH], model="better")
    drawn: list[tuple[str, str]] = []
    monkeypatch.setattr(
        "fastbench.engine.fmeasure.figures.draw.draw_confusions",
        lambda *tables, group, subtitle, **options: drawn.append((group, subtitle)),
    )
    by = ("model_name", "donor")
    report = ReportOptions(bootstrap=0, figures=True, group_by=by, confusions_of="model | x")
    with no_drawing():
        score(runs, tmp_path / "out", report)
        step("hierarchical", tmp_path / "out", replace(report, confusions_of=""))
    order = table(tmp_path / "out" / "summary_per_group.csv")["group_name"].to_list()
    assert order[0].startswith("better")
    place = order.index("model | x") + 1
    assert place > 1
    assert drawn == [
        ("model | x", f"Number {place} of 4 groups by h_f1_micro."),
        (order[0], "The best of 4 groups by h_f1_micro."),
    ]
    assert (tmp_path / "out" / "figures" / "models_by_group.png").exists()
    with pytest.raises(InputError, match="--confusions-of names the group 'x', which is not there"):
        score(runs, tmp_path / "other", replace(report, confusions_of="x"))


def test_scores_that_are_no_chances_are_noted(tmp_path: Path) -> None:
    truth = write_truth(tmp_path / "truth.h5ad", TRUTH_3)
    write_run(tmp_path / "runs" / "one", truth, CALLS_3, scores=[90.0, 80.0, 70.0, 3.0])
    outcome = score(tmp_path / "runs", tmp_path / "out")
    assert any("divide percentages by 100" in note for note in outcome.notes)
    assert not (tmp_path / "out" / "coverage.csv").exists()


def test_truth_and_predictions_in_files_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "truth.csv").write_text("cell,type\nc0,D\nc1,F\nc2,C\n")
    (tmp_path / "calls.csv").write_text("cell,first,second\nc2,C,D\nc0,C,D\nc1,F,F\n")
    options = options_of(
        truth=f"{tmp_path}/truth.csv:type",
        pred=(f"model={tmp_path}/calls.csv:first,second", f"{tmp_path}/calls.csv:second"),
        f_measure_top_k=2,
    )
    outcome = execute(FMEASURE, options, tmp_path / "out")
    rows = {row["group_name"]: row for row in table(tmp_path / "out" / "f_measure_per_group.csv").to_dicts()}
    assert (rows["model"]["tp_k1"], rows["model"]["tp_k2"], rows["calls:second"]["tp_k1"]) == (2, 3, 2)
    assert any("No ontology was given" in note for note in outcome.notes)
    assert not (tmp_path / "out" / "hierarchical_f_measure_per_group.csv").exists()
    assert table(tmp_path / "out" / "comparison.csv").filter(metric="accuracy")["difference"].to_list() == [0.0]


def test_ontologies_of_different_versions_are_not_mixed(runs: Path, tmp_path: Path) -> None:
    other = resource(CHILDREN | {A: [C, D, F]})
    write_run(runs / "two", tmp_path / "truth.h5ad", CALLS, ontology=other)
    with pytest.raises(InputError, match="samples 'one' and 'two' were scored with different ontologies"):
        score(runs, tmp_path / "out")
    apart = ReportOptions(bootstrap=0, figures=False, group_by=("annotate_dir",))
    score(runs, tmp_path / "out", apart)  # apart, each has its own
    found = table(tmp_path / "out" / "hierarchical_f_measure_per_sample.csv")["h_tp"].to_list()
    assert found[0] == 40
    assert found[1] > 40  # F has one ancestor more
    assert len(list((tmp_path / "out" / "ontologies").iterdir())) == 2


def test_clashing_names_are_refused_with_both(runs: Path, tmp_path: Path) -> None:
    write_run(runs / "two", tmp_path / "truth.h5ad", CALLS, model="a/b")
    write_run(runs / "three", tmp_path / "truth.h5ad", CALLS, model="a:b")
    with pytest.raises(InputError, match="group names 'a/b' and 'a:b' would both be written to 'a_b'"):
        score(runs, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_older_results_are_never_mixed_in(tmp_path: Path) -> None:
    truth = write_truth(tmp_path / "truth.h5ad", TRUTH_3)
    write_run(tmp_path / "runs" / "one", truth, CALLS_3)
    write_run(tmp_path / "runs" / "two", truth, CALLS_3)
    score(tmp_path / "runs", tmp_path / "out", f_measure_top_k=3)
    shutil.rmtree(tmp_path / "runs" / "two")
    score(tmp_path / "runs", tmp_path / "out", f_measure_top_k=1)
    assert not (tmp_path / "out" / "cm_raw_k2").exists()
    assert [path.name for path in (tmp_path / "out" / "cm_raw_k1").iterdir()] == ["one"]
    # A folder that somebody mixed by hand is refused.
    shutil.copytree(tmp_path / "out" / "cm_raw_k1", tmp_path / "out" / "cm_raw_k2")
    (tmp_path / "out" / "cm_raw_k2" / "one").rename(tmp_path / "out" / "cm_raw_k2" / "stale")
    with pytest.raises(InputError, match=r"cm_raw_k1 and cm_raw_k2 hold different samples \('one', 'stale'\)"):
        read_samples(tmp_path / "out")


@pytest.mark.slow
def test_killed_in_the_middle_the_old_result_stays(runs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    score(runs, out)
    before = {path: path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}
    program = (
        "import os\n"
        "from fastbench.engine.fmeasure import pipeline\n"
        "pipeline.hierarchical_tables = lambda *given: os._exit(9)\n"
        "from fastbench.cli.main import main\n"
        "main()\n"
    )
    arguments = ["--annotate-dirs", str(runs), "--gt-label", GT, "--inferred-label", NAME, "--output-dir", str(out)]
    done = subprocess.run(
        [sys.executable, "-c", program, "fmeasure", *arguments, "--overwrite"], timeout=120, check=False
    )
    assert done.returncode == 9
    assert {path: path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()} == before
    score(runs, out)
    leftovers = [path.name for path in tmp_path.iterdir() if path.name not in {"out", "runs", "truth.h5ad"}]
    assert leftovers == []


def test_clusters_may_be_metadata_keys(tmp_path: Path) -> None:
    for i in range(3):
        truth = write_truth(tmp_path / f"truth{i}.h5ad", TRUTH, donor=["of obs"] * 20)
        run = write_run(tmp_path / "runs" / f"r{i}", truth, CALLS)
        meta = {"input_path": str(truth), "model_name": "model", "donor": f"donor{i % 2}"}
        (run / "metadata.json").write_text(json.dumps(meta))
    outcome = score(
        tmp_path / "runs", tmp_path / "out", ReportOptions(bootstrap=20, figures=False, bootstrap_by="donor")
    )
    assert any("drawn from 2 by donor" in note for note in outcome.notes)


def test_samples_with_fewer_ranks_do_not_cut_the_others_short(tmp_path: Path) -> None:
    truth = write_truth(tmp_path / "truth.h5ad", TRUTH_3)
    write_run(tmp_path / "runs" / "one", truth, CALLS_3, scores=[0.5] * 4)
    write_run(tmp_path / "runs" / "two", truth, [(calls[0],) for calls in CALLS_3])
    outcome = score(tmp_path / "runs", tmp_path / "out", f_measure_top_k=3)
    row = table(tmp_path / "out" / "summary_per_group.csv").to_dicts()[0]
    assert row["accuracy_k3"] == (3 + 1) / 8
    assert row["h_f1_micro_k3"] >= row["h_f1_micro_k2"] >= row["h_f1_micro"]
    assert any("no coverage and calibration, since 'two' have no scores" in note for note in outcome.notes)


def test_what_is_no_label_is_named_in_the_manifest(tmp_path: Path) -> None:
    truth = write_truth(tmp_path / "truth.h5ad", [D, F, C, E])
    write_run(tmp_path / "runs" / "one", truth, [(D, "odd"), ("weird", F), ("weird", C), (E, E)])
    outcome = score(tmp_path / "runs", tmp_path / "out", unknown="miss", f_measure_top_k=2)
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["unknown_labels"] == {"one": {"truth": {}, "predicted": {"weird": 2}}}
    assert any("1 labels of ranks 2 and up are outside the label universe" in note for note in outcome.notes)


def test_scores_that_nobody_asked_for_stop_nothing(tmp_path: Path) -> None:
    truth = write_truth(tmp_path / "truth.h5ad", TRUTH_3)
    write_run(tmp_path / "runs" / "one", truth, CALLS_3, scores=["high", "low", "high", "low"])  # type: ignore[list-item]
    outcome = score(tmp_path / "runs", tmp_path / "out")
    assert any("Scores were left out" in note for note in outcome.notes)
    with pytest.raises(InputError, match="values that are not numbers"):
        score(tmp_path / "runs", tmp_path / "out2", score="cas_cell_type_score_1")
