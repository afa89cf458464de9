"""The figure of cell-type annotation runs: flat and hierarchical F-measure of each group."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ...errors import InputError, examples
from ...figures.style import GREY, INK, OKABE_ITO, house_style, legend_above, new_page, save_page, wrapped
from ..names import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["BESIDE_VALUE", "METRIC_NAMES", "SIMULATED", "checked", "draw_scores"]

#: In the header of figures of simulated predictions.
SIMULATED = "SIMULATED PREDICTIONS"

_SHOWN = 30  # groups; of more, the best and the worst
_METRICS = ("h_f1_micro", "f1_micro", "f1_macro")  # from the top of a row down
#: What scores are called.
METRIC_NAMES = {"h_f1_micro": "hierarchical F (micro)", "f1_micro": "flat F1 (micro)", "f1_macro": "flat F1 (macro)"}
# Beside the plot, as numbers: heading and format of each column that the table has.
_BESIDE = {
    "h_f1_macro": ("hierarch. F\n(macro)", "{:.3f}"),
    "balanced_accuracy": ("balanced\naccuracy", "{:.3f}"),
    "n_samples": ("samples", "{:,.0f}"),
    "n_cells": ("cells", "{:,.0f}"),
}
#: Footnote of intervals that do not hold their value.
BESIDE_VALUE = "Intervals beside their mark: draws do not centre on the value there; take them as rough."
_COLUMN = 0.98  # inches of such a column
_FLAT = OKABE_ITO[1]
_MARKS: dict[str, dict[str, Any]] = {
    "f1_micro": {"marker": "o", "markerfacecolor": _FLAT, "markeredgecolor": _FLAT},
    "f1_macro": {"marker": "D", "markerfacecolor": "white", "markeredgecolor": _FLAT},
}


def checked(frame: pl.DataFrame, columns: Sequence[str], what: str) -> None:
    """Refuse a table that lacks columns.

    Raises
    ------
    InputError
        Names `what`, the columns that are missing and those that are there.
    """
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise InputError(
            f"The {what} needs the column(s) {examples(missing)}, which the table does not have "
            f"(it has {examples(frame.columns, 12)}); draw it from the tables that `fmeasure` makes."
        )


def draw_scores(
    frame: pl.DataFrame,
    path_png: Path,
    path_svg: Path,
    *,
    subtitle: str,
    simulated: bool = False,
) -> None:
    """Draw the hierarchical F-measure of each group as a bar, with flat F1 (micro and macro) as marks below it.

    The best group stands on top; of more than 30 groups the 15 best and 15 worst are drawn, and a footnote
    tells. Whiskers are drawn where a lower and an upper limit are known; without any, the subtitle says so.
    Where no group has a hierarchical F-measure (no ontology was given), the bars are flat F1 (micro). The
    order of the rows does not matter.

    Parameters
    ----------
    frame : pl.DataFrame
        One row a group: `group_name`, `h_f1_micro`, `f1_micro`, `f1_macro`; null and NaN are scores that do not
        exist. Any of `<metric>_lower` and `<metric>_upper` are the limits of an interval; any of `h_f1_macro`,
        `balanced_accuracy`, `n_samples` and `n_cells` are written beside the plot.
    path_png, path_svg : Path
        Where to write; the folders must exist.
    subtitle : str
        Where the scores come from, and what the intervals are.
    simulated : bool, default False
        The predictions were simulated: the header says so.

    Raises
    ------
    InputError
        A column is missing.
    """
    checked(frame, ("group_name", *_METRICS), "figure of scores")
    limits = [f"{metric}_{side}" for metric in _METRICS for side in ("lower", "upper")]
    beside = [name for name in _BESIDE if name in frame.columns]
    numbers = [*_METRICS, *(name for name in limits if name in frame.columns), *beside]
    table = frame.select(
        pl.col("group_name").cast(pl.String).fill_null("(no name)"),
        *(pl.col(name).cast(pl.Float64).fill_nan(None) for name in numbers),
    ).with_columns(*(pl.lit(None, pl.Float64).alias(name) for name in limits if name not in frame.columns))
    metrics = _METRICS if table["h_f1_micro"].count() or not table["f1_micro"].count() else _METRICS[1:]
    table = table.sort(
        metrics[0], "group_name", *numbers, descending=[True, *[False] * (len(numbers) + 1)], nulls_last=True
    )
    n, notes = table.height, []
    half = _SHOWN // 2
    if n > _SHOWN:
        table = pl.concat([table.head(half), table.tail(half)])
        notes.append(f"The {half} best and {half} worst of {n:,} groups; those between are not drawn.")
    if table[metrics[0]].null_count():
        notes.append("n/a: the score does not exist.")
    whiskers = [table[f"{m}_lower"].is_not_null() & table[f"{m}_upper"].is_not_null() for m in metrics]
    if not any(drawn.any() for drawn in whiskers):
        subtitle += " No intervals were computed." if subtitle.endswith(".") else "; no intervals were computed"
    elif not whiskers[0].all():
        notes.append("Without a whisker: no interval was computed.")
    beside_value = ((table[m] < table[f"{m}_lower"]) | (table[m] > table[f"{m}_upper"]) for m in metrics)
    if any(odd.fill_null(False).any() for odd in beside_value):
        notes.append(BESIDE_VALUE)

    title = f"{METRIC_NAMES[metrics[0]]} of {counted(n, 'group')}" if n else "F-measure: nothing to draw"
    title = title[0].upper() + title[1:]
    rows = table.height + (n > _SHOWN)
    pitch = min(0.72, max(0.44, 0.72 - 0.02 * (rows - 8)))  # inches
    with house_style():
        from matplotlib.lines import Line2D
        from matplotlib.patches import Patch

        page = new_page(
            12, 2.1 + pitch * max(rows, 2), title, subtitle, note=" ".join(notes), simulated=simulated, badge=SIMULATED
        )
        axes = page.add_subplot()
        axes.grid(axis="x")
        places = np.arange(float(table.height))
        places[half:] += n > _SHOWN  # a gap
        if n > _SHOWN:
            axes.axhline(half, color=GREY, linewidth=1.0, linestyle=(0, (5, 4)))
        _draw_rows(axes, table, metrics, places)
        _write_beside(axes, table, beside, places)
        axes.set(xlabel="score (0 to 1, higher is better)", xlim=(0, 1), ylim=(max(rows, 2) - 0.5, -0.5))
        names = [wrapped(name, 3.0, 12, lines=3 if pitch > 0.6 else 2) for name in table["group_name"]]
        axes.set_yticks(places, names, fontsize=12)
        axes.tick_params(axis="y", length=0)
        if not n:
            axes.text(0.5, 0.5, "no group has a score", transform=axes.transAxes, ha="center")
        handles: list[Any] = [Patch(facecolor=OKABE_ITO[0], label=METRIC_NAMES[metrics[0]])]
        handles += [Line2D([], [], ls="", markersize=7, label=METRIC_NAMES[m], **_MARKS[m]) for m in metrics[1:]]
        if any(drawn.any() for drawn in whiskers):
            handles.append(Line2D([], [], color=INK, label="interval"))
        legend_above(axes, handles, gap=0.55 if beside else 0.12)
        save_page(page, path_png, path_svg)


def _draw_rows(axes: Axes, table: pl.DataFrame, metrics: Sequence[str], places: npt.NDArray[np.float64]) -> None:
    """Draw bar, marks and whiskers of each group; the marks have lanes of their own below the bar."""
    lanes = {1: (0.0,), 2: (-0.12, 0.24), 3: (-0.18, 0.16, 0.34)}[len(metrics)]
    for metric, lane in zip(metrics, lanes, strict=True):
        value, lower, upper = (table[f"{metric}{end}"].to_numpy() for end in ("", "_lower", "_upper"))
        y = places + lane
        bar = metric == metrics[0]
        if bar:
            axes.barh(y, np.nan_to_num(value), 0.44, color=OKABE_ITO[0])
        else:
            axes.plot(value, y, linestyle="", markersize=6, clip_on=False, zorder=4, **_MARKS[metric])
        colour, width = (INK, 1.6) if bar else (_FLAT, 1.4)
        axes.hlines(y, lower, upper, colors=colour, linewidths=width, zorder=3)
        if not bar:
            continue
        for at, number, end in zip(y, value, np.fmax(value, upper), strict=True):
            missing = np.isnan(number)
            axes.annotate(
                "n/a" if missing else f"{number:.3f}",
                (0.0 if missing else end, at),
                xytext=(5, 0),
                textcoords="offset points",
                va="center",
                fontsize=12,
                fontweight="normal" if missing else "bold",
                color=GREY if missing else INK,
                bbox={"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none"},
            )


def _write_beside(axes: Axes, table: pl.DataFrame, columns: Sequence[str], places: npt.NDArray[np.float64]) -> None:
    """Write numbers as columns to the right of the plot, behind the room of the values at the bars."""
    for column, name in enumerate(columns):
        heading, form = _BESIDE[name]
        shift = 72 * (0.6 + _COLUMN * (column + 1))
        style: dict[str, Any] = {"textcoords": "offset points", "ha": "right", "color": GREY, "annotation_clip": False}
        axes.annotate(
            heading, (1.0, 1.0), xycoords="axes fraction", xytext=(shift, 6), va="bottom", fontsize=11, **style
        )
        for at, number in zip(places, table[name], strict=True):
            text = "n/a" if number is None else form.format(number)
            axes.annotate(
                text,
                (1.0, at),
                xycoords=axes.get_yaxis_transform(),
                xytext=(shift, 0),
                va="center",
                fontsize=12,
                **style,
            )
