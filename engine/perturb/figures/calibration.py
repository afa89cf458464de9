"""Which metrics can tell a replicate of the truth from the mean response."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ...figures.style import GREY, OKABE_ITO, house_style, new_page, save_page
from ..scores.summary import shown_context

__all__ = ["draw_calibration"]


def draw_calibration(summary: pl.DataFrame, path_png: Path, path_svg: Path, subtitle: str, simulated: bool) -> None:
    """Draw the dynamic range of each metric as a bar, and the share of perturbations that it orders rightly.

    Parameters
    ----------
    summary : polars.DataFrame
        With the columns of ``summary.csv``; the dynamic range does not depend on the prediction.
    path_png, path_svg : Path
        Where to write.
    subtitle : str
        Of what.
    simulated : bool
        Whether the screen is the simulated one.
    """
    table = shown_context(summary).unique("metric_type", maintain_order=True).filter(pl.col("drf").is_not_null())
    table = table.sort("drf", descending=True)
    with house_style():
        page = new_page(
            11,
            1.9 + 0.36 * max(len(table), 1),
            "Which metrics tell a replicate from the mean response",
            subtitle,
            note="Bar: how far half of the true cells, against the other half, is from the mean response, "
            "of the way to a perfect value. "
            "Share: perturbations whose replicate is better than the mean response.",
            simulated=simulated,
            badge="SIMULATED SCREEN",
        )
        axes = page.add_subplot()
        for y, row in enumerate(table.iter_rows(named=True)):
            axes.barh(y, row["drf"], height=0.6, color=OKABE_ITO[0] if row["drf"] >= 0.1 else "#B8B8B8")
            axes.text(max(row["drf"], 0) + 0.01, y, f"{row['drf']:.2f}", va="center", fontsize=11)
            axes.text(1.19, y, f"{row['bds']:.0%}", va="center", ha="right", fontsize=11, color=GREY)
        axes.set(xlim=(min(0.0, *table["drf"].to_list(), 0.0), 1.2), ylim=(len(table) - 0.4, -0.7))
        axes.set_yticks(range(len(table)), table["metric_type"].to_list(), fontsize=11)
        axes.axvline(0, color=GREY, linewidth=1)
        axes.set_xlabel("dynamic range (share of perturbations on the right)")
        axes.tick_params(axis="y", length=0)
        save_page(page, path_png, path_svg)
