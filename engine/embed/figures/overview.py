"""All metrics of embeddings in one look."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ...figures.style import GREY, INK, OKABE_ITO, house_style, new_page, save_page, wrapped
from ..anchors import ends_of
from ..finding import WHOLE
from ..summary import intervals_of_scores, verdict
from .names import metric_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_overview"]

_COLOURS = {"biology": OKABE_ITO[0], "batch": OKABE_ITO[1], "order": OKABE_ITO[2], "perturbation": OKABE_ITO[3]}
_TITLES = {"biology": "Labels", "batch": "Batches", "order": "Order", "perturbation": "Perturbations"}
_ENDS = {
    "biology": "random vectors to one place a label",
    "batch": "one place a batch to batches shuffled inside labels",
    "order": "order shuffled to 1",
}
_SAME = 0.005  # anchors that differ by less are one
_NAME_INCHES, _CELL_INCHES = 2.4, 1.75


def draw_overview(results: pl.DataFrame, summary: pl.DataFrame, path_png: Path, path_svg: Path, subtitle: str) -> None:
    """Draw every metric of every embedding: a circle whose size is the score, the value and its interval.

    Parameters
    ----------
    results, summary : polars.DataFrame
        With the columns of ``results.csv`` and ``summary.csv``; embeddings stand in the order of the summary.
    path_png, path_svg : Path
        Where to write.
    subtitle : str
        What was judged.
    """
    names = summary["embedding"].to_list()
    results = _distinct(results)
    families = [family for family in _COLOURS if family in results["family"]]
    lines = [
        line
        for family in families
        for line in (_Line(_TITLES[family], family, ""), *_metrics(results.filter(pl.col("family") == family), family))
    ]
    if len(names) > 1:
        lines = [_Line("Total", "", "total"), *lines]
    cells = {(row["embedding"], row["metric_type"]): row for row in results.iter_rows(named=True)}
    bounds = {(row["embedding"], row["metric_type"]): row for row in intervals_of_scores(results).iter_rows(named=True)}
    totals = dict(summary.select("embedding", "total").iter_rows())
    means = {
        (row["embedding"], family): row.get(family) for row in summary.iter_rows(named=True) for family in families
    }
    beside = {
        "unintegrated": [_unintegrated(results, line) for line in lines],
        "worst to best\nanchor": [_anchors(results, line) for line in lines],
    }
    beside = {head: said for head, said in beside.items() if any(said)}
    edge, scored = len(names) + 0.1, results["score"].is_not_null().any()
    title, said = f"How good {names[0]} is", [subtitle]
    if len(names) > 1:
        found = verdict(results, summary)
        doubt = f"; {found.doubt}" if found.doubt else ""
        title = f"{names[0]} ranks first of {len(names)} embeddings{doubt}"
        said.append(f"{found.sentence}.")
    width = _NAME_INCHES + _CELL_INCHES * (len(names) + len(beside)) + 0.3
    with house_style():
        heads = [wrapped(name, _CELL_INCHES - 0.25, 12, "bold", lines=3) for name in names]
        high = 0.5 + 0.2 * max(head.count("\n") for head in heads)
        page = new_page(max(width, 8.0), high + 0.9 + 0.46 * len(lines), title, "\n".join(said), note=_note(results))
        axes = page.add_subplot()
        for x, head in enumerate(heads):
            axes.text(x - 0.35, -0.7, head, va="baseline", fontsize=12, fontweight="bold", linespacing=1.1)
        for x, (head, texts) in enumerate(beside.items()):
            axes.text(edge - 0.35 + x, -0.7, head, va="baseline", fontsize=11, color=GREY)
            for y, text in enumerate(texts):
                axes.text(edge - 0.35 + x, y, text, va="center", fontsize=10, color=GREY)
        right = edge - 0.55 + len(beside) + 0.15
        for y, line in enumerate(lines):
            colour = _COLOURS.get(line.family, GREY)
            if line.is_mean:
                axes.plot([-1.0, right], [y - 0.5] * 2, color="#D0D0D0", linewidth=0.8)
            for x, name in enumerate(names):
                if line.is_mean:
                    _draw_mean(axes, x, y, totals[name] if line.metric else means[name, line.family], colour)
                else:
                    bold = _stands_out(bounds, names, name, line)
                    _draw_cell(axes, x, y, cells.get((name, line.metric)), colour, bold, scored)
        axes.set(xlim=(-0.55, right), ylim=(len(lines) - 0.4, -0.6), xticks=[], yticks=range(len(lines)))
        axes.set_yticklabels([line.title for line in lines], fontsize=12)
        for label, line in zip(axes.get_yticklabels(), lines, strict=True):
            if line.is_mean:
                label.set(fontweight="bold", color=_COLOURS.get(line.family, INK))
        axes.tick_params(length=0)
        for side in axes.spines.values():
            side.set_visible(False)
        save_page(page, path_png, path_svg)


@dataclass(frozen=True)
class _Line:
    """A line of the overview: a family (no metric), a metric, or the total."""

    title: str
    family: str
    metric: str

    @property
    def is_mean(self) -> bool:
        """Whether it has the mean score of several metrics."""
        return self.metric in ("", "total")


def _metrics(results: pl.DataFrame, family: str) -> list[_Line]:
    return [
        _Line(metric_name(name), family, name) for name in results["metric_type"].unique(maintain_order=True).to_list()
    ]


def _draw_mean(axes: Axes, x: int, y: int, mean: float | None, colour: str) -> None:
    """Draw a mean score as a bar with its number."""
    if mean is not None:
        axes.barh(y, 0.62 * float(np.clip(mean, 0, 1)), left=x - 0.35, height=0.5, color=colour, alpha=0.4)
        axes.text(x - 0.32, y, f"{mean:.2f}", va="center", fontsize=12, fontweight="bold")


def _draw_cell(axes: Axes, x: int, y: int, row: dict[str, Any] | None, colour: str, bold: bool, scored: bool) -> None:
    """Draw the value of a metric: a circle by its score, its number, its interval."""
    if row is None or row["value"] is None:
        axes.text(x - 0.1, y, "not defined" if row else "", va="center", fontsize=10, color=GREY)
        return
    size = row["value"] if not scored else row["score"] or 0.0
    axes.scatter([x - 0.24], [y], s=300, color=colour, alpha=0.15, linewidths=0)
    if scored and row["score"] is None:
        axes.text(x - 0.24, y, "?", va="center", ha="center", fontsize=11, color=GREY)
    axes.scatter([x - 0.24], [y], s=300 * float(np.clip(size, 0, 1)), color=colour, alpha=0.75, linewidths=0)
    weight = "bold" if bold else "normal"
    if row["lower"] is None:
        axes.text(x - 0.1, y, f"{row['value']:.3f}", va="center", fontsize=11, fontweight=weight)
    else:
        axes.text(x - 0.1, y - 0.17, f"{row['value']:.3f}", va="center", fontsize=11, fontweight=weight)
        interval = f"{row['lower']:.3f} to {row['upper']:.3f}"
        axes.text(x - 0.1, y + 0.25, interval, va="center", fontsize=8.5, color=GREY)


def _stands_out(bounds: dict[tuple[str, str], dict[str, Any]], names: list[str], name: str, line: _Line) -> bool:
    """Return whether the interval of an embedding, of scores where there are any, lies above those of all others."""
    rows = [bounds.get((each, line.metric)) for each in names]
    mine = bounds.get((name, line.metric))
    if len(names) < 2 or mine is None or mine["lower"] is None:
        return False
    others = [row for row in rows if row is not None and row is not mine]
    return bool(others) and all(row["upper"] is not None and row["upper"] < mine["lower"] for row in others)


def _anchors(results: pl.DataFrame, line: _Line) -> str:
    """Return what is worst and best of a metric, in words; empty without anchors."""
    rows = results.filter((pl.col("metric_type") == line.metric) & pl.col("score").is_not_null())
    if not len(rows):
        return ""
    sides = zip(*(ends_of(row) for row in rows.iter_rows(named=True)), strict=True)
    return " to ".join(_span([value for value in values if value is not None]) for values in sides)


def _span(values: list[float]) -> str:
    """Return an anchor that embeddings share, or from the least to the largest of theirs."""
    low, high = min(values), max(values)
    return f"{low:.3f}" if high - low < _SAME else f"{low:.2f}…{high:.2f}"


def _unintegrated(results: pl.DataFrame, line: _Line) -> str:
    """Return the value of a metric before integration, in words; empty without."""
    rows = results.filter((pl.col("metric_type") == line.metric) & pl.col("unintegrated").is_not_null())
    return f"{rows['unintegrated'][0]:.3f}" if len(rows) else ""


def _without_score(results: pl.DataFrame) -> bool:
    return bool((results["score"].is_null() & results["value"].is_not_null()).any())


def _note(results: pl.DataFrame) -> str:
    several = " Bold: its interval lies above those of all others." if results["embedding"].n_unique() > 1 else ""
    if results["score"].is_null().all():
        return f"Circle: the value. Small: its interval.{several}"
    several = several.replace("interval lies", "interval, as a score, lies")
    several += " ?: no score." if _without_score(results) else ""
    ends = "; ".join(f"of {_TITLES[name].lower()}, {_ENDS[name]}" for name in _ENDS if name in results["family"])
    return f"Circle: the score from 0 to 1 ({ends}). Beside it: the value and its interval.{several}"


def _distinct(results: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of whole metrics; the name of one that two tasks have says the task."""
    some = results.filter(pl.col("variant") == WHOLE)
    shared = pl.col("task").n_unique().over("metric_type") > 1
    task = pl.col("task").str.replace_all("_", " ")
    return some.with_columns(
        metric_type=pl.when(shared).then(pl.format("{} ({})", "metric_type", task)).otherwise("metric_type")
    )
