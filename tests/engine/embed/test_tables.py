"""Values of several classifiers and species in tables, records, comparison and figures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import fastbench as fb
from fastbench.engine.command.execute import execute
from fastbench.engine.embed.command import EMBED, MEASURE
from fastbench.engine.embed.options import EmbedOptions
from fastbench.engine.embed.records import not_converged
from fastbench.engine.embed.summary import summarised, verdict
from fastbench.engine.errors import InputError
from tests.engine.embed.test_job import mixture

TASKS = ("label_prediction", "batch_integration", "cross-species_integration", "cross-species_label_prediction")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of all tasks that have variants, with every table."""
    path = tmp_path_factory.mktemp("variants")
    x, obs = mixture(260, apart=3.0)
    obs["animal"] = np.where(np.arange(len(obs)) % 2 == 0, "fish", "mouse")
    np.save(path / "x.npy", x)
    obs.to_csv(path / "cells.csv", index=False)
    options = EmbedOptions(
        embeddings=(str(path / "x.npy"),),
        metadata=path / "cells.csv",
        labels="ct",
        batch="lab",
        species="animal",
        tasks=TASKS,
        classifiers=("lr", "knn"),
        bootstrap=50,
        per_cell=True,
    )
    execute(EMBED, options, path / "out")
    return path / "out"


def test_rows_are_told_apart_by_task_metric_and_variant(folder: Path):
    results = pl.read_csv(folder / "results.csv")
    keys = ["embedding", "task", "metric_type", "variant"]
    assert not results.select(keys).is_duplicated().any()
    assert results.filter(pl.col("metric_type") == "entropy_per_cell").height == 2
    params = results.select(pl.concat_str("embedding", "task", "metric_type", "params")).to_series()
    assert params.n_unique() == results.height
    rows = {(row["task"], row["metric_type"], row["variant"]): row for row in results.iter_rows(named=True)}
    accuracy = rows["label_prediction", "mean_fold_accuracy", "lr"]
    assert accuracy["lower"] <= accuracy["value"] <= accuracy["upper"]
    assert accuracy["random"] < 0.45 < 0.9 < accuracy["one_hot_labels"]
    assert 0 < rows["cross-species_label_prediction", "accuracy", "fish -> mouse knn"]["score"] < 1.2
    mixed = rows["cross-species_integration", "entropy_per_cell", "all"]
    assert mixed["one_hot_batches"] < mixed["value"]
    silhouette = rows["cross-species_integration", "batch_silhouette", "all"]
    assert silhouette["one_hot_batches"] < 0.2 < 0.9 < silhouette["value"]


def test_records_and_account_are_those_of_the_peer(folder: Path):
    account = json.loads((folder / "results.vcp.json").read_text())
    assert list(account) == [
        "timestamp",
        "czbenchmarks_version",
        "run_specification",
        "runtime_metrics",
        "result_metrics",
    ]
    assert account["run_specification"]["options"]["species"] == "animal"
    assert account["runtime_metrics"]["elapsed_time_secs"] > 0
    assert account["runtime_metrics"]["max_memory_mib"] > 50
    records = json.loads((folder / "results.json").read_text())
    assert len(account["result_metrics"]) == sum(len(x["x"]) for x in records.values())
    lr = [each for each in records["label_prediction"]["x"] if each["params"]["classifier"] == "lr"]
    assert [each["metric_type"] for each in lr] == [
        f"mean_fold_{name}" for name in ("accuracy", "f1", "precision", "recall", "auroc")
    ]
    pair = records["cross-species_label_prediction"]["x"][5]
    assert (pair["params"]["train_species"], pair["params"]["test_species"]) == ("fish", "mouse")


def test_labels_and_cells_are_told_apart(folder: Path):
    per_label = pl.read_csv(folder / "per_label.csv")
    assert not per_label.select(pl.exclude("value", "n_cells")).is_duplicated().any()
    folds = per_label.filter((pl.col("metric_type") == "mean_fold_auroc") & (pl.col("variant") == "knn"))
    assert folds["label"].to_list() == [f"fold {number}" for number in range(1, 6)]
    per_cell = pl.read_parquet(folder / "per_cell.parquet")
    assert {"x entropy_per_cell", "x entropy_per_cell (cross-species_integration)", "x mean_fold_accuracy lr"} <= set(
        per_cell.columns
    )


def test_the_whole_alone_counts_in_the_summary(folder: Path):
    results, summary = pl.read_csv(folder / "results.csv"), pl.read_csv(folder / "summary.csv")
    whole = results.filter((pl.col("variant") == "all") & (pl.col("family") == "biology"))
    tasks = whole.group_by("task").agg(pl.col("score").mean())
    assert len(tasks) == 2  # each counts as much as the other
    assert summary["biology"][0] == pytest.approx(tasks["score"].mean())


def test_a_value_without_a_score_counts_for_nothing():
    rows = [
        ("a", "one", "m1", 0.9, 0.5),
        ("a", "one", "m2", 0.9, 0.7),
        ("a", "two", "m3", 0.9, 0.2),
        ("a", "two", "m4", 0.9, None),
    ]
    schema = {"embedding": str, "task": str, "metric_type": str, "value": float, "score": float}
    results = pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        variant=pl.lit("all"), family=pl.lit("biology")
    )
    assert summarised(results)["biology"][0] == pytest.approx((0.6 + 0.2) / 2)
    assert summarised(results.with_columns(score=pl.lit(None, pl.Float64)))["biology"][0] == pytest.approx(0.9)


def test_an_embedding_without_any_value_takes_no_metric_from_the_others():
    rows = [
        (name, "m", value, "ok" if value else "All are equal.") for name, value in (("a", 0.2), ("b", 0.4), ("c", None))
    ]
    results = (
        pl.DataFrame(rows, schema=["embedding", "metric_type", "value", "status"], orient="row")
        .with_columns(pl.lit(None, pl.Float64).alias(name) for name in ("score", "lower", "upper"))
        .with_columns(pl.lit("all").alias("variant"), pl.lit("biology").alias("family"), pl.lit("t").alias("task"))
    )
    summary = summarised(results)
    assert summary.select("embedding", "total", "rank").rows() == [("b", 0.4, 1), ("a", 0.2, 2), ("c", None, None)]
    assert verdict(results, summary).sentence.endswith("; c has no total (All are equal)")


def test_two_runs_can_be_compared(folder: Path, tmp_path: Path):
    from fastbench.engine.comparison.runs import read_run

    run = read_run("one", folder, "embed", MEASURE)
    labels = pl.read_csv(folder / "labels.csv")
    assert run.frame.height == labels.height > 0
    assert set(MEASURE.values) <= set(labels.columns)


def test_a_second_run_differs_in_its_time_alone(tmp_path: Path):
    from fastbench.engine.command.rerun import differences

    options = EmbedOptions(tasks=("embedding",), anchors="none", bootstrap=20)
    for name in ("one", "two"):
        execute(EMBED, options, tmp_path / name)
    one, two = (json.loads((tmp_path / name / "results.vcp.json").read_text()) for name in ("one", "two"))
    assert one["runtime_metrics"] != two["runtime_metrics"]
    found = differences(tmp_path / "one", tmp_path / "two")
    assert set(found["status"]) == {"equal"}, found.to_dicts()


def test_what_did_not_converge_is_a_note():
    rng = np.random.default_rng(0)
    labels = [f"l{i % 3}" for i in range(90)]
    x = rng.normal(size=(90, 20)) + 5
    known = {"anchors": "none", "bootstrap": 0, "progress_bar": False, "classifiers": ["lr"]}
    found = fb.embed({"x": x}, labels=labels, tasks=["label_prediction"], **known)
    assert [note for note in found.notes if "did not converge in 5 fits" in note] == not_converged(
        found.tables["results"]
    )
    assert len(not_converged(found.tables["results"])) == 1


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"classifiers": ("svm",)}, "svm"),
        ({"classifiers": ()}, "names none"),
        ({"aggregate": "mean"}, "--donor"),
        ({"tasks": ("cross-species_integration",)}, "needs --species"),
    ],
)
def test_what_does_not_go_together_is_refused(change: dict[str, object], sentence: str):
    with pytest.raises(InputError, match=sentence):
        EMBED.run(EmbedOptions(**change), None)
