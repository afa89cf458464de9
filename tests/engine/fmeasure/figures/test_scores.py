"""Figures of annotation runs: scores, coverage and differences say what their tables hold, and draw alike each time."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import polars as pl
import pytest

from fastbench.engine.errors import InputError
from fastbench.engine.fmeasure.figures.coverage import draw_coverage
from fastbench.engine.fmeasure.figures.differences import draw_differences
from fastbench.engine.fmeasure.figures.scores import draw_scores

from ...figures.pictures import no_pixels, png_size, words

SCORES = pl.DataFrame(
    {
        "group_name": ["weak", "a model with a long name that has to be broken into lines", "none"],
        "h_f1_micro": [0.5, 0.75, None],
        "f1_micro": [0.4, 0.6, 0.1],
        "f1_macro": [0.3, 0.5, None],
        "h_f1_micro_lower": [0.45, 0.7, None],
        "h_f1_micro_upper": [0.55, 0.8, None],
        "h_f1_macro": [0.2, 0.3, None],
        "n_cells": [10, 20_000, 3],
    }
)
COVERAGE = pl.DataFrame(
    {
        "group_name": ["a"] * 3 + ["b"] * 2, "threshold": [0.1, 0.5, 0.9, 0.2, 0.6],
        "coverage": [1.0, 0.5, 0.1, 1.0, 0.4], "accuracy": [0.6, 0.8, 1.0, 0.5, 0.7],
    }
)  # fmt: skip
CALIBRATION = pl.DataFrame(
    {
        "group_name": ["a", "a", "b"],
        "bin_mean_score": [0.2, 0.8, 0.5],
        "accuracy": [0.3, 0.9, 0.6],
        "n_cells": [100, 200, 5],
    }
)
DIFFERENCES = pl.DataFrame(
    {
        "model_a": ["m1", "m1", "m1", "m1"],
        "model_b": ["m2", "m2", "m3", "m3"],
        "metric": ["accuracy", "f1_macro"] * 2,
        "difference": [0.1, -0.02, 0.0, None],
        "lower": [0.05, -0.05, -0.1, None],
        "upper": [0.15, 0.01, 0.1, None],
    }
)


def draw(function, folder: Path, *tables, pixels: bool = False, **options) -> str:
    """Draw twice, the second time of rows in reverse; both must be alike. Return the words of the SVG.

    The pixels of the PNG, which show the same page, are drawn where `pixels` says so.
    """
    for name, order in (("one", 1), ("two", -1)):
        frames = [table[::order] if isinstance(table, pl.DataFrame) else table for table in tables]
        with nullcontext() if pixels else no_pixels():
            function(*frames, folder / f"{name}.png", folder / f"{name}.svg", subtitle="of 9 cells", **options)
    assert (folder / "one.png").read_bytes() == (folder / "two.png").read_bytes()
    assert (folder / "one.svg").read_bytes() == (folder / "two.svg").read_bytes()
    assert min(png_size(folder / "one.png")) > 300
    return words(folder / "one.svg")


def test_scores(tmp_path: Path) -> None:
    said = draw(draw_scores, tmp_path, SCORES, pixels=True, simulated=True)
    for text in (
        "Hierarchical F (micro) of 3 groups",
        "0.500",
        "0.750",
        "n/a",
        "20,000",
        "SIMULATED PREDICTIONS",
        "weak",
    ):
        assert text in said
    assert said.index("0.750") < said.index("0.500")  # the best on top
    assert "Without a whisker: no interval was computed." in said
    flat = draw(
        draw_scores, tmp_path, SCORES.with_columns(h_f1_micro=pl.lit(None, pl.Float64)).drop("h_f1_micro_lower")
    )
    assert "Flat F1 (micro) of 3 groups" in flat
    assert "no intervals were computed" in flat


def test_scores_of_many_groups_and_of_none(tmp_path: Path) -> None:
    many = pl.DataFrame({"group_name": [f"g{i:02d}" for i in range(40)], "h_f1_micro": [i / 40 for i in range(40)]})
    many = many.with_columns(f1_micro="h_f1_micro", f1_macro="h_f1_micro")
    said = draw(draw_scores, tmp_path, many)
    assert "The 15 best and 15 worst of 40 groups" in said
    assert "g39" in said
    assert "g20" not in said
    assert "no group has a score" in draw(draw_scores, tmp_path, many.head(0))
    with pytest.raises(InputError, match="needs the column"):
        draw_scores(many.drop("f1_macro"), tmp_path / "a.png", tmp_path / "a.svg", subtitle="")


def test_coverage(tmp_path: Path) -> None:
    said = draw(draw_coverage, tmp_path, COVERAGE, CALIBRATION, ["b", "a", "without scores"], pixels=True)
    assert "How far the scores can be trusted" in said
    assert "Right: bins of fewer than 30 cells are not drawn." in said
    assert "without scores" not in said
    crowd = pl.concat([COVERAGE.with_columns(group_name=pl.lit(f"g{i}")) for i in range(8)])
    assert "Grey: 2 more groups." in draw(draw_coverage, tmp_path, crowd, CALIBRATION, [f"g{i}" for i in range(8)])
    assert "no group has scores" in draw(draw_coverage, tmp_path, COVERAGE.head(0), CALIBRATION.head(0), ["a"])
    with pytest.raises(InputError, match="needs the column"):
        draw_coverage(
            COVERAGE.drop("accuracy"), CALIBRATION, ["a"], tmp_path / "a.png", tmp_path / "a.svg", subtitle=""
        )


def test_differences(tmp_path: Path) -> None:
    paths = tmp_path / "a.png", tmp_path / "a.svg"
    draw_differences(DIFFERENCES, ["h_f1_micro", "accuracy", "f1_macro"], *paths, subtitle="x")
    said = words(tmp_path / "a.svg")
    for text in ("accuracy", "flat F1 (macro)", "m1", "− m2", "− m3", "interval without 0"):
        assert text in said
    assert "hierarchical" not in said  # no table of it
    many = pl.DataFrame({"model_a": ["m"] * 25, "model_b": [f"o{i}" for i in range(25)]}).with_columns(
        metric=pl.lit("accuracy"), difference=0.1, lower=0.0, upper=0.2
    )
    with no_pixels():
        draw_differences(many, ["accuracy"], *paths, subtitle="x")
    assert "The first 20 of 25 pairs" in words(tmp_path / "a.svg")
    with no_pixels():
        draw_differences(many.head(0), ["accuracy"], *paths, subtitle="x")
    assert "No pair of models was compared" in words(tmp_path / "a.svg")
