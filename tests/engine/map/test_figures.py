"""The figure of a map result: equal data give equal files, and what is not drawn is said."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from fastbench.engine.errors import InputError
from fastbench.engine.map import figures
from fastbench.engine.map.figures import draw_map
from tests.engine.figures.pictures import no_pixels, png_size, words

SUBTITLE = "exact p, Benjamini-Hochberg"


def groups(n: int, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    precision = rng.beta(1.2, 2.5, n)
    p_value = 10 ** (-8 * precision * rng.uniform(0.5, 1.2, n))
    return pl.DataFrame(
        {
            "Metadata_broad_sample": [f"BRD-{i:05d}" for i in range(n)],
            "mean_average_precision": precision,
            "p_value": p_value,
            "corrected_p_value": p_value,
            "below_corrected_p": p_value < 0.05,
        }
    )


def map_figure(
    frame: pl.DataFrame, folder: Path, label: str | tuple[str, ...] = "Metadata_broad_sample", *, pixels: bool = False
) -> tuple[Path, Path]:
    """Draw; the pixels of the PNG only where they are looked at."""
    folder.mkdir(exist_ok=True)
    png, svg = folder / "map.png", folder / "map.svg"
    with nullcontext() if pixels else no_pixels():
        draw_map(frame, label, png, svg, threshold=0.05, subtitle=SUBTITLE)
    return png, svg


@pytest.mark.parametrize("n", [1, 40])
def test_map_figure_states_count_share_and_statistic(tmp_path: Path, n: int) -> None:
    frame = groups(n)
    png, svg = map_figure(frame, tmp_path, pixels=True)
    k = int(frame["below_corrected_p"].sum())
    assert k > 0
    width, height = png_size(png)
    assert width == 1500
    assert 900 < height < 1400
    text = words(svg)
    assert f"mAP: {k} of {n} group{'s' if n > 1 else ''} significant ({100 * k / n:.1f} %)" in text
    assert f"significant (corrected p < 0.05): {k}" in text
    assert f"not significant: {n - k}" in text
    assert SUBTITLE in text
    assert "dashed line" not in text


def test_map_figure_names_the_group_with_the_smallest_p(tmp_path: Path) -> None:
    frame = groups(60).with_columns(p_value=pl.col("p_value").clip(1e-7))
    best = pl.DataFrame(
        {
            "Metadata_broad_sample": ["costs $1 or $2"],
            "mean_average_precision": [0.6],
            "p_value": [1e-12],
            "corrected_p_value": [1e-11],
            "below_corrected_p": [True],
        }
    )
    _, svg = map_figure(pl.concat([frame, best]), tmp_path)
    names = [line for line in words(svg).splitlines() if line.startswith(("BRD-", "costs"))]
    assert "costs $1 or $2" in names
    assert 1 < len(names) <= 8
    significant = frame.filter("below_corrected_p")["Metadata_broad_sample"].to_list()
    assert set(names) <= {*significant, "costs $1 or $2"}


def test_groups_of_several_columns_are_named_by_all(tmp_path: Path) -> None:
    frame = groups(30).with_columns(dose=pl.lit(0.5))
    _, svg = map_figure(frame, tmp_path, ("Metadata_broad_sample", "dose"))
    names = [line for line in words(svg).splitlines() if line.startswith("BRD-")]
    assert names
    assert all(name.endswith(" | 0.5") for name in names)


def test_map_figure_is_the_same_for_any_row_order_and_on_every_run(tmp_path: Path) -> None:
    frame = groups(200).with_columns(p_value=pl.col("p_value").clip(1e-4))  # many ties
    shuffled = frame.sample(fraction=1.0, shuffle=True, seed=3)
    assert not shuffled.equals(frame)
    one, other = (map_figure(table, tmp_path / name, pixels=True) for name, table in (("a", frame), ("b", shuffled)))
    for first, second in zip(one, other, strict=True):
        assert first.read_bytes() == second.read_bytes()


def test_map_figure_caps_tiny_p_values_and_counts_them(tmp_path: Path) -> None:
    tiny = groups(10).with_columns(p_value=pl.Series([0.0, 1e-300, 1e-16, 1e-15, *[0.5] * 6]))
    assert "3 groups with p ≤ 1e-16 (p = 0 included): on the dashed line." in words(map_figure(tiny, tmp_path)[1])


@pytest.mark.parametrize(("next_p", "line"), [(1e-3, "1e-8"), (1.0, "1e-8"), (1e-11, "1e-12")])
def test_map_figure_caps_zero_above_the_other_points(tmp_path: Path, next_p: float, line: str) -> None:
    """Just above them, but never so low that zero would read as a middling p."""
    zero = groups(4).with_columns(p_value=pl.Series([0.0, next_p, 0.5, 1.0]))
    assert f"1 group with p ≤ {line} (p = 0 included): on the dashed line." in words(map_figure(zero, tmp_path)[1])


@pytest.mark.parametrize("scored", [0, 5])
def test_map_figure_counts_groups_without_a_value(tmp_path: Path, scored: int) -> None:
    missing = pl.when(pl.int_range(pl.len()) < scored).then("mean_average_precision").otherwise(float("nan"))
    png, svg = map_figure(groups(8).with_columns(mean_average_precision=missing), tmp_path, pixels=True)
    png_size(png)
    text = words(svg)
    assert f"{8 - scored} groups without an mAP or p value: not drawn." in text
    assert ("no group has an mAP and a p value" in text) == (scored == 0)
    assert (f"of {scored} groups" in text) == (scored > 0)


def test_many_groups_are_drawn_as_their_density(tmp_path: Path) -> None:
    _, few = map_figure(groups(500), tmp_path / "few")
    png, many = map_figure(groups(10_000), tmp_path / "many", pixels=True)
    png_size(png)
    said = "Colours say how many groups lie together"
    assert said not in words(few)
    assert said in words(many)
    assert many.stat().st_size < 1_000_000


@pytest.mark.parametrize(("n", "label"), [(1, "random ranking"), (40, "random ranking (median)")])
def test_a_line_marks_what_a_random_ranking_gives(tmp_path: Path, n: int, label: str) -> None:
    frame, chance = groups(n), 0.125
    value = pl.col("mean_average_precision")
    told = frame.with_columns(mean_normalized_average_precision=(value - chance) / (1 - chance))
    assert figures._chance(told) == pytest.approx(chance)
    assert figures._chance(told.with_columns(mean_normalized_average_precision=1.0)) is None
    assert label in words(map_figure(told, tmp_path / "told")[1]).splitlines()
    assert "random ranking" not in words(map_figure(frame, tmp_path / "not")[1])


def test_the_axis_ends_where_the_values_do() -> None:
    low, high = figures._limits(np.array([0.4, 0.8]), None)
    assert 0.35 < low < 0.4
    assert 0.8 < high < 0.85
    assert figures._limits(np.array([0.4, 0.8]), 0.1)[0] < 0.1
    assert figures._limits(np.empty(0), None) == (-0.04, 1.04)


def test_map_figure_without_its_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'p_value', 'gene'"):
        map_figure(groups(3).drop("p_value"), tmp_path, label="gene")
