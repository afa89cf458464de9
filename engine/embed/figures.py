"""Pictures of embeddings: all metrics in one look, and labels one by one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ..figures.style import GREY, INK, OKABE_ITO, house_style, new_page, save_page, wrapped
from .anchors import COLUMNS, worst_and_best
from .finding import WHOLE
from .summary import verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_labels", "draw_overview"]

_COLOURS = {"biology": OKABE_ITO[0], "batch": OKABE_ITO[1], "order": OKABE_ITO[2], "perturbation": OKABE_ITO[3]}
_TITLES = {"biology": "Labels", "batch": "Batches", "order": "Order", "perturbation": "Perturbations"}
_NAMES = {
    "adjusted_rand_index": "Leiden, ARI",
    "normalized_mutual_info": "Leiden, NMI",
    "leiden_adjusted_rand_index": "best Leiden, ARI",
    "leiden_normalized_mutual_info": "best Leiden, NMI",
    "kmeans_adjusted_rand_index": "k-means, ARI",
    "kmeans_normalized_mutual_info": "k-means, NMI",
    "isolated_labels_f1": "isolated labels, F1",
    "silhouette_score": "silhouette",
    "clisi": "cLISI",
    "ilisi": "iLISI",
    "cilisi": "CiLISI",
    "ksim": "kSIM",
    "kbet": "kBET",
    "bras": "BRAS",
    "pcr_comparison": "PCR comparison",
}
_ENDS = {
    "biology": "random vectors to one place a label",
    "batch": "one place a batch to batches shuffled inside labels",
    "order": "order shuffled to 1",
}
_NAME_INCHES, _CELL_INCHES = 2.4, 1.75
_MOST_LABELS = 40  # the highest and the lowest; the others are told in the footnote
_MARKERS = "osD^v"  # from the seventh embedding on, colours come again
_LABEL_INCHES, _LEGEND_INCHES = 3.0, 5.6


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
    totals = dict(summary.select("embedding", "total").iter_rows())
    means = {
        (row["embedding"], family): row.get(family) for row in summary.iter_rows(named=True) for family in families
    }
    anchors = [_anchors(results, line) for line in lines]
    edge = len(names) + (0.1 if any(anchors) else -0.45)
    title, said = f"How good {names[0]} is", [subtitle]
    if len(names) > 1:
        found = verdict(results, summary)
        doubt = "" if found.is_clear else "; intervals do not confirm it"
        title = f"{names[0]} ranks first of {len(names)} embeddings{doubt}"
        said.append(f"{found.sentence}.")
    width = _NAME_INCHES + _CELL_INCHES * (len(names) + (1 if any(anchors) else 0)) + 0.3
    with house_style():
        heads = [wrapped(name, _CELL_INCHES - 0.25, 12, "bold", lines=3) for name in names]
        high = 0.5 + 0.2 * max(head.count("\n") for head in heads)
        page = new_page(max(width, 8.0), high + 0.9 + 0.46 * len(lines), title, "\n".join(said), note=_note(results))
        axes = page.add_subplot()
        for x, head in enumerate(heads):
            axes.text(x - 0.35, -0.7, head, va="baseline", fontsize=12, fontweight="bold", linespacing=1.1)
        for y, (line, anchor) in enumerate(zip(lines, anchors, strict=True)):
            colour = _COLOURS.get(line.family, GREY)
            if line.is_mean:
                axes.plot([-1.0, edge + 0.6], [y - 0.5] * 2, color="#D0D0D0", linewidth=0.8)
            for x, name in enumerate(names):
                if line.is_mean:
                    _draw_mean(axes, x, y, totals[name] if line.metric else means[name, line.family], colour)
                else:
                    _draw_cell(
                        axes, x, y, cells.get((name, line.metric)), colour, _stands_out(cells, names, name, line)
                    )
            if anchor:
                axes.text(edge - 0.35, y, anchor, va="center", fontsize=10, color=GREY)
        if any(anchors):
            axes.text(edge - 0.35, -0.7, "worst to best\nanchor", va="baseline", fontsize=11, color=GREY)
        axes.set(xlim=(-0.55, edge + 0.6), ylim=(len(lines) - 0.4, -0.6), xticks=[], yticks=range(len(lines)))
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
        _Line(_NAMES.get(name, name.replace("_", " ")), family, name)
        for name in results["metric_type"].unique(maintain_order=True).to_list()
    ]


def _draw_mean(axes: Axes, x: int, y: int, mean: float | None, colour: str) -> None:
    """Draw a mean score as a bar with its number."""
    if mean is not None:
        axes.barh(y, 0.62 * float(np.clip(mean, 0, 1)), left=x - 0.35, height=0.5, color=colour, alpha=0.4)
        axes.text(x - 0.32, y, f"{mean:.2f}", va="center", fontsize=12, fontweight="bold")


def _draw_cell(axes: Axes, x: int, y: int, row: dict[str, Any] | None, colour: str, bold: bool) -> None:
    """Draw the value of a metric: a circle by its score, its number, its interval."""
    if row is None or row["value"] is None:
        axes.text(x - 0.1, y, "not defined" if row else "", va="center", fontsize=10, color=GREY)
        return
    size = row["score"] if row["score"] is not None else row["value"]
    axes.scatter([x - 0.24], [y], s=300, color=colour, alpha=0.15, linewidths=0)
    axes.scatter([x - 0.24], [y], s=300 * float(np.clip(size, 0, 1)), color=colour, alpha=0.75, linewidths=0)
    weight = "bold" if bold else "normal"
    if row["lower"] is None:
        axes.text(x - 0.1, y, f"{row['value']:.3f}", va="center", fontsize=11, fontweight=weight)
    else:
        axes.text(x - 0.1, y - 0.17, f"{row['value']:.3f}", va="center", fontsize=11, fontweight=weight)
        interval = f"{row['lower']:.3f} to {row['upper']:.3f}"
        axes.text(x - 0.1, y + 0.25, interval, va="center", fontsize=8.5, color=GREY)


def _stands_out(cells: dict[tuple[str, str], dict[str, Any]], names: list[str], name: str, line: _Line) -> bool:
    """Return whether the interval of an embedding lies above those of all others."""
    rows = [cells.get((each, line.metric)) for each in names]
    mine = cells.get((name, line.metric))
    if len(names) < 2 or mine is None or mine["lower"] is None:
        return False
    others = [row for row in rows if row is not None and row is not mine]
    return bool(others) and all(row["upper"] is not None and row["upper"] < mine["lower"] for row in others)


def _anchors(results: pl.DataFrame, line: _Line) -> str:
    """Return what is worst and best of a metric, in words; empty without anchors."""
    rows = results.filter((pl.col("metric_type") == line.metric) & pl.col("score").is_not_null())
    if not len(rows):
        return ""
    worst, best = worst_and_best(line.metric, line.family)
    row = rows.row(0, named=True)
    return " to ".join(f"{row[COLUMNS[name]]:.3f}" if name in COLUMNS else name for name in (worst, best))


def _note(results: pl.DataFrame) -> str:
    several = " Bold: its interval lies above those of all others." if results["embedding"].n_unique() > 1 else ""
    if results["score"].is_null().all():
        return f"Circle: the value. Small: its interval.{several}"
    ends = "; ".join(f"of {_TITLES[name].lower()}, {_ENDS[name]}" for name in _ENDS if name in results["family"])
    return f"Circle: the score from 0 to 1 ({ends}). Beside it: the value and its interval.{several}"


def draw_labels(per_label: pl.DataFrame, path_png: Path, path_svg: Path, subtitle: str) -> None:
    """Draw the mean silhouette of each label, one mark an embedding, the label that is best apart on top.

    Parameters
    ----------
    per_label : polars.DataFrame
        With the columns of ``per_label.csv``.
    path_png, path_svg : Path
        Where to write.
    subtitle : str
        What was judged.
    """
    metric = next((name for name in ("silhouette_score", "clisi") if name in per_label["metric_type"]), "")
    if not metric:
        metric = per_label["metric_type"][0] if len(per_label) else ""
    some = per_label.filter((pl.col("metric_type") == metric) & (pl.col("variant") == WHOLE))
    order = some.group_by("label").agg(pl.col("value").mean(), pl.col("n_cells").first()).sort("value", "label")
    shown = (
        order
        if len(order) <= _MOST_LABELS
        else pl.concat([order.head(_MOST_LABELS // 2), order.tail(_MOST_LABELS // 2)])
    )
    left_out = len(order) - len(shown)
    names = some["embedding"].unique(maintain_order=True).to_list()
    note = (
        f"{left_out} labels between the highest and the lowest are not drawn (per_label.csv has them)."
        if left_out
        else ""
    )
    what = "mean silhouette" if metric == "silhouette_score" else _NAMES.get(metric, metric.replace("_", " "))
    with house_style():
        column = 0.6 + 0.11 * max((len(_short(name)) for name in names), default=1)
        columns = max(int(_LEGEND_INCHES / column), 1)
        above = 0.27 * -(-len(names) // columns)
        page = new_page(10, 1.6 + above + 0.32 * max(len(shown), 3), f"Labels by {what}", subtitle, note=note)
        axes = page.add_subplot()
        places = {label: place for place, label in enumerate(shown["label"].to_list())}
        for number, name in enumerate(names):
            mine = some.filter((pl.col("embedding") == name) & pl.col("label").is_in(shown["label"].implode()))
            axes.scatter(
                mine["value"].to_numpy(),
                [places[label] for label in mine["label"].to_list()],
                s=46,
                color=OKABE_ITO[number % len(OKABE_ITO)],
                marker=_MARKERS[number // len(OKABE_ITO) % len(_MARKERS)],
                alpha=0.85,
                label=_short(name),
                linewidths=0,
                zorder=3,
            )
        sizes = shown["n_cells"].to_list()
        axes.set_yticks(range(len(shown)))
        axes.set_yticklabels(
            [
                _short(label) + (f" ({size:,})" if size is not None else "")
                for label, size in zip(shown["label"], sizes, strict=True)
            ],
            fontsize=11,
        )
        axes.set(xlabel=what, ylim=(-0.6, max(len(shown), 1) - 0.4))
        axes.grid(axis="x")
        if metric == "silhouette_score":
            axes.axvline(0, color=GREY, linewidth=1)
        else:
            axes.set_xlim(-0.03, 1.03)
        if len(names) > 1:
            axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=min(columns, len(names)), borderpad=0)
        save_page(page, path_png, path_svg)


def _distinct(results: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of whole metrics; the name of one that two tasks have says the task."""
    some = results.filter(pl.col("variant") == WHOLE)
    shared = pl.col("task").n_unique().over("metric_type") > 1
    task = pl.col("task").str.replace_all("_", " ")
    return some.with_columns(
        metric_type=pl.when(shared).then(pl.format("{} ({})", "metric_type", task)).otherwise("metric_type")
    )


def _short(name: str) -> str:
    """Return a name that fits beside an axis; of long ones the middle is left out."""
    return wrapped(name, _LABEL_INCHES, 11, lines=1)
