"""The figure of models by groups: which scores stand where, and when there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from fastbench.engine.errors import InputError
from fastbench.engine.figures.style import house_style
from fastbench.engine.fmeasure.figures.heatmap import draw_heatmap, heatmap_page, models_by_group
from fastbench.engine.fmeasure.runs.samples import Group, check_group

from ...figures.pictures import no_drawing

Scores = dict[tuple[str, str], float | None]
SCORES: Scores = {
    ("m1", "gut"): 0.9,
    ("m1", "lung"): 0.5,
    ("m2", "gut"): 0.6,
    ("m2", "lung"): 0.502,
    ("m2", "eye"): None,
}


def given(scores: Scores, key: str = "tissue") -> tuple[pl.DataFrame, dict[str, dict[str, str]]]:
    names = [" | ".join(each) for each in scores]
    summary = pl.DataFrame({"group_name": names, "f1_micro": list(scores.values()), "n_cells": range(len(names))})
    return summary, {
        name: {"model_name": model, key: group} for name, (model, group) in zip(names, scores, strict=True)
    }


def page_of(scores: Scores) -> Any:
    found = models_by_group(*given(scores), "f1_micro")
    assert found is not None
    with house_style():
        return heatmap_page(*found, "flat F1 (micro)", subtitle="some cells")


def test_a_row_is_a_model_and_a_column_a_group() -> None:
    page = page_of(SCORES)
    axes = page.axes[0]
    assert [each.get_text() for each in axes.get_yticklabels()] == ["m1", "m2"]  # the best on top
    assert [each.get_text() for each in axes.get_xticklabels()] == ["eye", "lung", "gut"]  # the hardest first
    np.testing.assert_allclose(axes.images[0].get_array().filled(np.nan), [[np.nan, 0.5, 0.9], [np.nan, 0.502, 0.6]])
    written = {each.get_position(): (each.get_text(), each.get_fontweight()) for each in axes.texts}
    assert written[0, 0] == written[0, 1] == ("–", "normal")
    assert written[2, 0] == ("0.90", "bold")
    assert written[2, 1] == ("0.60", "normal")
    assert written[1, 0] == written[1, 1] == ("0.50", "bold")  # they print alike
    low, high = axes.images[0].get_clim()
    assert 0.45 < low < 0.5
    assert 0.9 < high < 0.95
    assert any("Flat F1 (micro) of 2 models by tissue" in each.get_text() for each in page.texts)


def test_of_many_groups_those_with_the_most_cells_are_drawn() -> None:
    page = page_of({(model, f"donor {g:02}"): 0.01 * g for model in ("a", "b") for g in range(30)})
    assert len(page.axes[0].get_xticks()) == 24
    assert any("The 24 of 30 groups with the most cells." in each.get_text() for each in page.texts)


@pytest.mark.parametrize(
    ("scores", "key"),
    [
        ({("m1", "gut"): 0.9, ("m1", "lung"): 0.9}, "tissue"),
        ({("m1", "gut"): 0.9, ("m2", "gut"): 0.9}, "tissue"),
        ({("m1", "gut"): 0.9, ("m2", "lung"): 0.9}, "model_name"),
        ({}, "tissue"),
    ],
    ids=["one model", "one group", "by model alone", "nothing"],
)
def test_one_of_either_is_no_heatmap(scores: Scores, key: str, tmp_path: Path) -> None:
    summary, keys = given(scores, key)
    assert models_by_group(summary, keys, "f1_micro") is None
    draw_heatmap(summary, keys, lambda name: tmp_path / name, metric="f1_micro", subtitle="")
    assert not list(tmp_path.iterdir())


def test_it_is_written(tmp_path: Path) -> None:
    with no_drawing():
        draw_heatmap(*given(SCORES), lambda name: tmp_path / Path(name).name, metric="f1_micro", subtitle="some cells")
    assert {path.name for path in tmp_path.iterdir()} == {"models_by_group.png", "models_by_group.svg"}


def test_a_group_that_is_not_there_is_refused() -> None:
    groups = [Group(name, (), ()) for name in ("m1 | lung", "m2 | gut")]
    check_group(groups, "")
    check_group(groups, "m2 | gut")
    with pytest.raises(InputError, match=r"'m1 \| lnug', which is not there; did you mean 'm1 \| lung'\? Groups: 'm1"):
        check_group(groups, "m1 | lnug")
