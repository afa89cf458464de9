"""The guides in docs/ are run as they stand, and linked from the README."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fastbench.engine.api.outcome import Outcome, Picture
from tests.engine.figures.pictures import no_drawing

from .pages import DOCS, blocks_of, run_page, run_python

GUIDES = sorted(path.name for path in DOCS.glob("guide-*.md"))


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_there_are_six_and_the_readme_leads_to_them() -> None:
    readme = (DOCS.parent / "README.md").read_text("utf-8")
    assert len(GUIDES) == 6
    assert [name for name in GUIDES if f"docs/{name}" not in readme] == []
    for name in GUIDES:
        assert len((DOCS / name).read_text("utf-8").splitlines()) < 120


def test_a_plate_with_doses_and_controls() -> None:
    run_page("guide-plate.md")
    assert Path("results/activity/figures/doses.png").exists()
    groups = pl.read_csv("results/activity/map.csv")
    active = groups.filter("below_corrected_p")
    assert active["dose"].value_counts().sort("dose").rows() == [(1.0, 3), (10.0, 9)]
    assert not active["compound"].is_in(["drug 10", "drug 11", "drug 12"]).any()  # they have no effect
    assert pl.read_csv("results/consistency/map.csv")["target"].to_list() == ["CDK", "HDAC", "TUB"]


def test_two_embeddings_of_one_plate() -> None:
    run_page("guide-embeddings.md")
    verdict = pl.read_csv("results/compared/verdict.csv")
    assert verdict.select("run", "verdict").rows() == [("vit", "better"), ("cnn", "baseline")]
    assert verdict["q_value"][0] < 0.05


def test_three_embeddings_of_cells() -> None:
    run_page("guide-cells.md")
    summary = pl.read_csv("results/cells/summary.csv")
    assert summary["embedding"][0] == "corrected"
    families = {row["embedding"]: row for row in summary.iter_rows(named=True)}
    assert families["flattened"]["batch"] > 0.9 > families["raw"]["batch"]  # labs mixed, and not
    assert families["flattened"]["biology"] < families["raw"]["biology"]
    (entropy,) = (
        pl.read_csv("results/cells/results.csv")
        .filter(embedding="raw", metric_type="entropy_per_cell")
        .iter_rows(named=True)
    )
    assert (round(entropy["value"], 2), round(entropy["one_hot_batches"], 2)) == (0.77, 0.53)
    assert Path("results/cells/figures/overview.png").exists()


@pytest.mark.slow
def test_two_predictions_of_a_screen() -> None:
    found = run_page("guide-perturb.md")
    board = pl.read_csv("results/screen/leaderboard.csv").filter(~pl.col("baseline"))
    assert board.select("prediction", pl.col("score").round(2)).rows() == [("model", 1.02), ("mixed", 0.12)]
    scores = pl.read_csv("results/screen/summary.csv").filter(prediction="mixed", family="retrieval")["score"]
    assert len(scores) == 4
    assert scores.max() < 0  # type: ignore[operator]
    assert found["found"]["ahead"].min() > 0
    against_mixed = found["differences"].filter(against="mixed")
    assert against_mixed["q_value"].item() < 0.05
    mae = pl.read_csv("results/calibration/calibration.csv").filter(metric_type="mae")
    assert round(mae["drf"].item(), 2) == 0.04


def test_names_against_ids_of_an_ontology() -> None:
    run_page("guide-annotation.md")
    summary = pl.read_csv("results/calls/summary_per_group.csv")
    assert summary["group_name"].to_list() == ["knn", "celltypist"]
    assert summary["n_cells"].to_list() == [600, 600]
    assert Path("results/donors/figures/models_by_group.png").exists()


def test_a_notebook() -> None:
    names: dict[str, Any] = {}
    with no_drawing():
        shown = [run_python(content, names) for _, content in blocks_of("guide-notebook.md")]
    assert [len(each) for each in shown] == [0, 1, 4, 1, 1, 1, 1]
    [result] = shown[1]
    assert isinstance(result, Outcome)
    assert isinstance(shown[2][1], Picture)
    assert shown[2][3][0] >= 12
    assert shown[3][0]["a"] > 0.5
    assert shown[4][0]["verdict"].to_list() == ["baseline", "worse"]
    assert shown[5][0]["accuracy"].item() == 0.75
    assert shown[6][0]["below_corrected_p"].sum() > 3
    assert Path("results/one/manifest.json").exists()
