"""The figure of compared models: differences of their metrics with intervals, on the cells that all of them scored."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ...figures.style import GREY, INK, OKABE_ITO, house_style, legend_above, new_page, save_page, wrapped
from .scores import BESIDE_VALUE, SIMULATED, checked

__all__ = ["draw_differences"]

_SHOWN = 20  # pairs of models
_NAMES = {
    "h_f1_micro": "hierarchical F (micro)",
    "h_f1_macro": "hierarchical F (macro)",
    "accuracy": "accuracy",
    "f1_macro": "flat F1 (macro)",
}


def draw_differences(
    frame: pl.DataFrame,
    metrics: Sequence[str],
    path_png: Path,
    path_svg: Path,
    *,
    subtitle: str,
    simulated: bool = False,
) -> None:
    """Draw the differences of pairs of models, one panel a metric: a point, its interval, and a line at 0.

    An interval that does not hold 0 is drawn in colour. Pairs stand in the order of the table; of more than 20, the
    first 20 are drawn and a footnote tells.

    Parameters
    ----------
    frame : pl.DataFrame
        From `fmeasure.compare.paired.compare`: `model_a`, `model_b`, `metric`, `difference`, `lower`, `upper`.
    metrics : sequence of str
        Panels, at most four; those that the table does not have are left out.
    path_png, path_svg : Path
        Where to write; the folders must exist.
    subtitle : str
        What the intervals are.
    simulated : bool, default False
        The predictions were simulated: the header says so.

    Raises
    ------
    InputError
        A column is missing.
    """
    checked(frame, ("model_a", "model_b", "metric", "difference", "lower", "upper"), "figure of differences")
    panels = [name for name in metrics if frame.filter(metric=name)["difference"].count()] or list(metrics[:1])
    pairs = frame.select("model_a", "model_b").unique(maintain_order=True)
    notes = []
    if len(pairs) > _SHOWN:
        notes.append(f"The first {_SHOWN} of {len(pairs)} pairs; the others stand in comparison.csv.")
        pairs = pairs.head(_SHOWN)
    if frame.filter(pl.col("metric").is_in(panels), ~pl.col("difference").is_between("lower", "upper")).height:
        notes.append(BESIDE_VALUE)
    rows = max(len(pairs), 1)
    with house_style():
        from matplotlib.lines import Line2D

        title = "Differences between models, cell by cell" if len(pairs) else "No pair of models was compared"
        height = 2.2 + 0.72 * max(rows, 2)
        page = new_page(12, height, title, subtitle, note=" ".join(notes), simulated=simulated, badge=SIMULATED)
        for i, (axes, metric) in enumerate(
            zip(np.ravel(page.subplots(1, len(panels), sharey=True)), panels, strict=True)
        ):
            table = pairs.join(
                frame.filter(metric=metric), on=["model_a", "model_b"], how="left", maintain_order="left"
            )
            value, lower, upper = (table[name].to_numpy() for name in ("difference", "lower", "upper"))
            clear = (lower > 0) | (upper < 0)
            place = np.arange(len(table))
            colours = [OKABE_ITO[0] if each else GREY for each in clear]
            axes.axvline(0, color=INK, linewidth=1.2)
            axes.hlines(place, lower, upper, colors=colours, linewidths=3)
            axes.scatter(value, place, c=colours, s=60, zorder=3)
            axes.grid(axis="x")
            reach = 1.15 * float(np.nanmax(np.abs([value, lower, upper]), initial=1e-3))
            axes.set(xlim=(-reach, reach), ylim=(rows - 0.5, -0.5), xlabel=_NAMES.get(metric, metric))
            axes.locator_params(axis="x", nbins=4)
            if i == 0:
                names = [
                    f"{wrapped(a, 2.6, 12, lines=1)}\n− {wrapped(b, 2.6, 12, lines=1)}" for a, b in pairs.iter_rows()
                ]
                axes.set_yticks(place, names, fontsize=12)
                handles: list[Any] = [
                    Line2D([], [], color=OKABE_ITO[0], lw=3, marker="o", label="interval without 0"),
                    Line2D([], [], color=GREY, lw=3, marker="o", label="0 inside the interval"),
                ]
                legend_above(axes, handles, gap=0.12)
                axes.get_legend().set_in_layout(False)  # wider than its panel
                axes.set_title(" ", fontsize=20)  # room for it
            axes.tick_params(axis="y", length=0)
        save_page(page, path_png, path_svg)
