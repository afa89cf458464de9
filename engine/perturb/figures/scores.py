"""Every metric of every prediction on one scale, from the mean response (0) to half of the truth (1)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ...figures.style import GREY, INK, OKABE_ITO, house_style, legend_above, new_page, save_page
from ..comparison import NEITHER
from ..scores.summary import shown_context

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_scores", "shortened"]

#: Scores beyond these are drawn at the edge, with an arrow.
_LOW, _HIGH = -1.0, 1.6


def draw_scores(
    summary: pl.DataFrame, names: list[str], path_png: Path, path_svg: Path, title: str, subtitle: str, simulated: bool
) -> None:
    """Draw the score of each prediction in each metric, with its interval.

    Parameters
    ----------
    summary : polars.DataFrame
        With the columns of ``summary.csv``.
    names : list of str
        Predictions, in the order of the legend; at most six are drawn.
    path_png, path_svg : Path
        Where to write.
    title, subtitle : str
        What was found, and of what.
    simulated : bool
        Whether the screen is the simulated one.
    """
    table = shown_context(summary)
    judging = table.filter(pl.col("better") != NEITHER)  # a count that only describes has no score to miss
    metrics = judging["metric_type"].unique(maintain_order=True).to_list()
    drawn = names[: len(OKABE_ITO)]
    rows = {(row["prediction"], row["metric_type"]): row for row in table.iter_rows(named=True)}
    without = [name for name in metrics if all((rows.get((each, name)) or {}).get("score") is None for each in drawn)]
    notes = []
    if without:
        notes.append(
            "Without a score, because a replicate is not clearly better than the mean response or there is no value: "
            f"{', '.join(without)}."
        )
    if len(names) > len(drawn):
        notes.append(f"{len(names) - len(drawn)} more predictions stand in summary.csv.")
    shown = [name for name in metrics if name not in without]
    with house_style():
        page = new_page(
            11,
            2.0 + 0.42 * max(len(shown), 1),
            title,
            subtitle,
            note=" ".join(notes),
            simulated=simulated,
            badge="SIMULATED SCREEN",
        )
        axes = page.add_subplot()
        handles = []
        for place, (name, colour) in enumerate(zip(drawn, OKABE_ITO, strict=False)):
            shift = (place - (len(drawn) - 1) / 2) * min(0.8 / max(len(drawn), 1), 0.22)
            points = [(y, rows[name, metric]) for y, metric in enumerate(shown) if (name, metric) in rows]
            for y, row in points:
                if row["score"] is not None:
                    _draw_point(axes, y + shift, row, colour)
            handles += axes.plot([], [], "o", color=colour, label=shortened(name, 34))
        for x, label in ((0.0, "mean\nresponse"), (1.0, "half of the truth\nagainst the other")):
            axes.axvline(x, color=INK if x else GREY, linewidth=1, zorder=0)
            axes.text(x, len(shown) - 0.45, label, ha="center", va="top", fontsize=11, color=GREY, linespacing=1.0)
        axes.set(xlim=(_LOW - 0.05, _HIGH + 0.05), ylim=(len(shown) + 0.75, -0.7), yticks=range(len(shown)))
        axes.set_yticklabels(shown, fontsize=11)
        axes.set_xlabel("score")
        axes.grid(axis="x")
        axes.tick_params(axis="y", length=0)
        if handles:
            legend_above(axes, handles, gap=0.08, columns=3)
        save_page(page, path_png, path_svg)


def shortened(name: str, most: int) -> str:
    """Return a name of at most so many letters, of which the middle is left out: names often differ at their end."""
    return name if len(name) <= most else f"{name[: most // 2]}…{name[len(name) - most // 2 + 1 :]}"


def _draw_point(axes: Axes, y: float, row: dict[str, Any], colour: str) -> None:
    """Draw a score and, where the value has an interval, that of the score."""
    width = row["replicate"] - row["baseline"]
    if row["lower"] is not None:
        ends = [np.clip((row[end] - row["baseline"]) / width, _LOW, _HIGH) for end in ("lower", "upper")]
        axes.plot(ends, [y, y], color=colour, linewidth=2, alpha=0.5, solid_capstyle="butt")
    inside = float(np.clip(row["score"], _LOW, _HIGH))
    marker = "o" if inside == row["score"] else "<" if inside == _LOW else ">"
    axes.plot([inside], [y], marker, color=colour, markersize=7)
