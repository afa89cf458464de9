"""The figure of a comparison: its axes end where the values do, and its legend hides no group."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fastbench.engine.command.measure import Measure
from fastbench.engine.comparison import figures
from fastbench.engine.comparison.figures import Sides, draw_comparison

MEASURE = Measure("map.csv", lambda frame: ["drug"], {"mAP": "mAP"}, "below", "below p", "drug")


def sides(n: int = 4) -> Sides:
    differences = {"run_a": "b", "run_b": "a", "metric": "mAP", "difference": 0.2, "lower": 0.1, "upper": 0.4}
    one, other = [0.5 + 0.1 * k / n for k in range(n)], [0.7 + 0.1 * k / n for k in range(n)]
    paired = {"mAP_a": other, "mAP_b": one, "below_a": [k % 2 == 0 for k in range(n)], "below_b": [False] * n}
    table = pl.DataFrame({name: [value] for name, value in differences.items()}).with_columns(q_value=0.01)
    return Sides(("b", "a"), "a", MEASURE, table, {"b": pl.DataFrame(paired)}, "a test")


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    kept: list[Any] = []
    monkeypatch.setattr(figures, "save_page", lambda page, *paths: kept.append(page))
    return kept


@pytest.mark.parametrize("n", [4, 3_000])
def test_axes_end_where_the_values_do(pages: list[Any], n: int, tmp_path: Path) -> None:
    draw_comparison(sides(n), tmp_path / "a.png", tmp_path / "a.svg")
    left, right = pages[0].axes
    low, high = left.get_xlim()
    assert -0.15 < low < 0
    assert 0.4 < high < 0.5
    low, high = right.get_xlim()
    assert 0.45 < low < 0.5
    assert 0.8 <= high + 1 / n < 0.85 + 1 / n
    assert right.get_ylim() == (low, high)
    points = {line.get_label(): line for line in right.get_lines() if not line.get_label().startswith("_")}
    assert set(points) == {f"in neither ({n // 2:,})", "in both (0)", f"gained ({n // 2:,})", "lost (0)"}
    assert points["in both (0)"].get_markersize() == (5 if n < 100 else 2.5)
    pages[0].draw_without_rendering()
    assert right.get_legend().get_window_extent().y0 >= right.get_window_extent().y1 - 1


def test_nothing_to_show_has_axes_all_the_same(pages: list[Any], tmp_path: Path) -> None:
    found = sides(1)
    empty = found.paired["b"].with_columns(mAP_a=None, mAP_b=None)
    draw_comparison(
        Sides(found.runs, "a", MEASURE, found.differences, {"b": empty}, ""), tmp_path / "a.png", tmp_path / "a.svg"
    )
    assert pages[0].axes[1].get_xlim() == (-0.04, 1.04)
