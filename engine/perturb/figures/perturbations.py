"""One metric, perturbation by perturbation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from ...figures.style import GREY, INK, OKABE_ITO, house_style, legend_above, new_page, save_page
from .scores import shortened

__all__ = ["draw_perturbations"]

#: Most perturbations that are drawn one by one.
_MOST = 40


def draw_perturbations(
    results: pl.DataFrame,
    metric: str,
    names: list[str],
    path_png: Path,
    path_svg: Path,
    subtitle: str,
    simulated: bool,
) -> None:
    """Draw the values of a metric: one row a perturbation, the hardest to tell from the mean response last.

    Parameters
    ----------
    results : polars.DataFrame
        With the columns of ``results.csv``.
    metric : str
        Which.
    names : list of str
        Predictions; at most six are drawn.
    path_png, path_svg : Path
        Where to write.
    subtitle : str
        Of what.
    simulated : bool
        Whether the screen is the simulated one.
    """
    rows = results.filter(pl.col("metric_type") == metric).with_columns(
        pl.when(pl.col("context") == "all")
        .then("condition")
        .otherwise(pl.format("{} ({})", "condition", "context"))
        .alias("shown")
    )
    beside = rows.unique("shown", maintain_order=True).with_columns(
        headroom=(pl.col("replicate") - pl.col("baseline")).abs()
    )
    beside = beside.sort("headroom", "shown", descending=[True, False], nulls_last=True)
    left_out = max(len(beside) - _MOST, 0)
    if left_out:
        beside = beside[np.unique(np.linspace(0, len(beside) - 1, _MOST).astype(int)).tolist()]
    drawn = names[: len(OKABE_ITO)]
    note = "Hollow: the mean response. Bar: half of the true cells against the other half."
    if left_out:
        note += f" {left_out} perturbations between those that are drawn stand in results.csv."
    with house_style():
        page = new_page(
            11,
            1.9 + 0.3 * max(len(beside), 1),
            f"{metric}, perturbation by perturbation",
            subtitle,
            note=note,
            simulated=simulated,
            badge="SIMULATED SCREEN",
        )
        axes = page.add_subplot()
        place = {shown: y for y, shown in enumerate(beside["shown"].to_list())}
        for row in beside.iter_rows(named=True):
            y = place[row["shown"]]
            axes.plot([row["baseline"]], [y], "o", markerfacecolor="white", markeredgecolor=GREY, markersize=8)
            axes.plot([row["replicate"]], [y], "|", color=INK, markersize=13, markeredgewidth=2)
        handles = []
        for number, (name, colour) in enumerate(zip(drawn, OKABE_ITO, strict=False)):
            shift = (number - (len(drawn) - 1) / 2) * min(0.8 / max(len(drawn), 1), 0.16)
            mine = rows.filter(pl.col("prediction") == name, pl.col("shown").is_in(list(place)))
            heights = [place[shown] + shift for shown in mine["shown"].to_list()]
            handles += axes.plot(
                mine["value"].to_list(), heights, "o", color=colour, label=shortened(name, 34), alpha=0.85
            )
        axes.set(ylim=(len(place) - 0.4, -0.7), xlabel=metric)
        axes.set_yticks(range(len(place)), list(place), fontsize=10)
        axes.grid(axis="x")
        axes.tick_params(axis="y", length=0)
        if handles:
            legend_above(axes, handles, gap=0.08, columns=3)
        save_page(page, path_png, path_svg)
