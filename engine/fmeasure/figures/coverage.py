"""The figure of prediction scores: accuracy of what a threshold keeps, and whether scores mean what they say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from ...figures.style import GREY, INK, OKABE_ITO, house_style, new_page, save_page, wrapped
from .scores import SIMULATED, checked

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_coverage"]

_COLOURED = 6  # curves with a colour of their own; the others are grey
_FEW = 0.05  # below this coverage, cells are few and curves jump: they do not set the limits of the axis
_REST = "#BDBDBD"
_FEWEST = 30  # cells that a point of the calibration curve needs


def draw_coverage(
    coverage: pl.DataFrame,
    calibration: pl.DataFrame,
    order: Sequence[str],
    path_png: Path,
    path_svg: Path,
    *,
    subtitle: str,
    simulated: bool = False,
) -> None:
    """Draw accuracy against coverage, and accuracy against score.

    Left: the share of cells right among those whose score passes a threshold, against the share of all cells that
    pass; the right end of a curve is the accuracy of all cells with a score. Right: accuracy of the cells of a bin of
    the score; on the diagonal a score is the chance of being right. The first six groups have colours.

    Parameters
    ----------
    coverage : pl.DataFrame
        `group_name`, `threshold`, `coverage`, `accuracy`.
    calibration : pl.DataFrame
        `group_name`, `bin_mean_score`, `accuracy`, `n_cells`.
    order : sequence of str
        Groups, the best first; those without a score are left out.
    path_png, path_svg : Path
        Where to write; the folders must exist.
    subtitle : str
        Where the scores come from.
    simulated : bool, default False
        The predictions were simulated: the header says so.

    Raises
    ------
    InputError
        A column is missing.
    """
    checked(coverage, ("group_name", "threshold", "coverage", "accuracy"), "figure of coverage")
    checked(calibration, ("group_name", "bin_mean_score", "accuracy", "n_cells"), "figure of coverage")
    curves = coverage.sort("threshold").partition_by("group_name", as_dict=True)
    bins = calibration.sort("bin_mean_score").partition_by("group_name", as_dict=True)
    shown = [name for name in order if (name,) in curves]
    notes = []
    if len(shown) > _COLOURED:
        notes.append(f"Grey: {len(shown) - _COLOURED} more groups.")
    if calibration.filter(pl.col("n_cells") < _FEWEST).height:
        notes.append(f"Right: bins of fewer than {_FEWEST} cells are not drawn.")
    title = "How far the scores can be trusted" if shown else "Scores: nothing to draw"
    with house_style():
        from matplotlib.lines import Line2D

        labels = [wrapped(name, 2.6, 13, lines=2) for name in shown[:_COLOURED]]
        columns = min(max(len(labels), 1), 3)
        rows = -(-len(labels) // columns)
        lines = rows * max((label.count("\n") + 1 for label in labels), default=0)
        page = new_page(
            12, 5.7 + 0.25 * lines, title, subtitle, note=" ".join(notes), simulated=simulated, badge=SIMULATED
        )
        left, right = page.subplots(1, 2)
        for axes, x, y in (
            (left, "coverage: share of all cells kept", "accuracy of the cells kept"),
            (right, "score", "accuracy of the cells with that score"),
        ):
            axes.grid()
            axes.set(xlabel=x, ylabel=y, xlim=(0, 1))
        right.set(ylim=(0, 1.02), aspect="equal")
        right.plot([0, 1], [0, 1], color=GREY, linewidth=1.2, linestyle=(0, (5, 4)), zorder=1)
        about: dict[str, Any] = {"ha": "center", "va": "center", "rotation_mode": "anchor", "color": GREY, "zorder": 1}
        right.text(0.16, 0.215, "score = accuracy", rotation=45, fontsize=11, **about)
        handles: list[Any] = []
        for i, name in reversed(list(enumerate(shown))):
            colour = OKABE_ITO[i] if i < _COLOURED else _REST
            _draw_curve(left, curves[name,], colour, i < _COLOURED)
            table = bins[name,].filter(pl.col("n_cells") >= _FEWEST) if (name,) in bins else pl.DataFrame()
            if len(table):
                marker = "o" if i < _COLOURED else ""
                right.plot(table["bin_mean_score"], table["accuracy"], color=colour, linewidth=2, marker=marker, ms=6)
            if i < _COLOURED:
                handles.append(Line2D([], [], color=colour, linewidth=3, label=labels[i]))
        usual = coverage.filter(pl.col("coverage") >= _FEW)["accuracy"].to_numpy()
        bottom = max(0.0, float(usual.min(initial=1.0)) - 0.05)
        left.set_ylim(bottom, 1.0 + 0.02 * (1.0 - bottom))
        if not shown:
            for axes in (left, right):
                axes.text(0.5, 0.5, "no group has scores", transform=axes.transAxes, ha="center", color=INK)
        else:
            left.set_title("\n" * (lines + rows), fontsize=13, loc="left")  # room for what is wider than its panel
            legend = left.legend(handles=handles[::-1], loc="lower left", bbox_to_anchor=(-0.1, 1.01), ncols=columns)
            legend.set_in_layout(False)
        save_page(page, path_png, path_svg)


def _draw_curve(axes: Axes, table: pl.DataFrame, colour: str, strong: bool) -> None:
    axes.plot(
        table["coverage"],
        table["accuracy"],
        color=colour,
        linewidth=2.4 if strong else 1.2,
        zorder=3 if strong else 2,
        drawstyle="steps-post",
    )
    if strong:  # the end without a threshold
        axes.plot(table["coverage"][:1], table["accuracy"][:1], color=colour, marker="o", ms=7, clip_on=False, zorder=4)
