"""The figure of a comparison: differences with their intervals, and each group in a run against the baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ..figures.style import GREY, INK, OKABE_ITO, house_style, new_page, save_page, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..command.measure import Measure

__all__ = ["Sides", "draw_comparison"]

#: Runs whose groups are drawn one by one; the differences show all.
_PANELS = 3
_LEVEL = 0.05
_MANY = 2_000  # more groups than this are drawn as small, faint dots, and as pixels in the SVG
_FAINT = "#9A9A9A"


@dataclass(frozen=True)
class Sides:
    """What the figure shows of a comparison.

    Attributes
    ----------
    runs : tuple of str
        Names, the best first.
    baseline : str
        The run that the others are compared with.
    measure : Measure
        What is compared.
    differences : polars.DataFrame
        One row a pair of runs and metric.
    paired : mapping of str to polars.DataFrame
        By run, its groups beside those of the baseline.
    words : str
        What intervals and q-values are.
    """

    runs: tuple[str, ...]
    baseline: str
    measure: Measure
    differences: pl.DataFrame
    paired: Mapping[str, pl.DataFrame]
    words: str


def draw_comparison(found: Sides, path_png: Path, path_svg: Path) -> None:
    """Draw a comparison.

    Parameters
    ----------
    found : Sides
        What is shown.
    path_png, path_svg : Path
        Where to write; the folders must exist.
    """
    others = [name for name in found.runs if name != found.baseline]
    drawn = others[:_PANELS]
    metrics = list(found.differences["metric"].unique(maintain_order=True))
    note = f"Filled: q < {_LEVEL:g}."
    if len(others) > len(drawn):
        note += f" Groups of {len(others) - len(drawn)} more runs are in the tables."
    with house_style():
        height = max(5.2, 1.6 + 0.42 * len(others) * len(metrics))
        title = f"{_short(others[0])} and {_short(found.baseline)} side by side"
        if len(others) > 1:
            title = f"{len(found.runs)} runs side by side, compared with {_short(found.baseline)}"
        page = new_page(6.0 + 4.6 * len(drawn), height, title, found.words, note=note)
        panels = page.subplots(1, 1 + len(drawn), squeeze=False)[0]
        _draw_differences(panels[0], found, others, metrics)
        for axes, name in zip(panels[1:], drawn, strict=True):
            _draw_groups(axes, found, name)
        save_page(page, path_png, path_svg)


def _short(run: str) -> str:
    return wrapped(run, 2.4, 13, lines=1)


def _draw_differences(axes: Axes, found: Sides, others: list[str], metrics: list[str]) -> None:
    table = found.differences.filter(run_b=found.baseline)
    labels = []
    axes.axvline(0, color=INK, linewidth=1.2, zorder=1)
    for place, (metric, run) in enumerate((metric, run) for metric in metrics for run in others):
        row = table.filter(run_a=run, metric=metric).row(0, named=True)
        clear = row["q_value"] is not None and row["q_value"] < _LEVEL
        colour = OKABE_ITO[others.index(run) % len(OKABE_ITO)] if clear else _FAINT
        if row["lower"] is not None:
            axes.hlines(place, row["lower"], row["upper"], colors=colour, linewidths=2.6 if clear else 1.6)
        if row["difference"] is not None:
            style: dict[str, Any] = {"markersize": 8, "markerfacecolor": colour if clear else "white"}
            axes.plot(row["difference"], place, "o", color=colour, **style)
        name = found.measure.values.get(metric, f"{found.measure.unit}s {found.measure.passes_name}")
        labels.append(f"{_short(run)}\n{name}" if len(others) > 1 else name)
    axes.set_yticks(range(len(labels)), labels, fontsize=11)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    low, high = axes.get_xlim()
    room = 0.15 * (high - low)  # of both signs, however small the differences of one of them
    axes.set(xlim=(min(low, -room), max(high, room)), xlabel="difference (← worse, better →)")
    axes.locator_params(axis="x", nbins=5)


def _draw_groups(axes: Axes, found: Sides, run: str) -> None:
    """Draw each group in a run against the baseline; those gained and lost in colour."""
    both, measure = found.paired[run], found.measure
    values = both.select(pl.col(f"{measure.headline}_{side}") for side in "ba").to_numpy().astype(float)
    states: list[tuple[str, str, Any]] = [("", GREY, np.ones(len(both), dtype=bool))]
    if measure.passes:
        a, b = (both[f"{measure.passes}_{side}"].fill_null(value=False).to_numpy() for side in "ab")
        states = [
            ("in neither", _FAINT, ~a & ~b),
            ("in both", INK, a & b),
            ("gained", OKABE_ITO[0], a & ~b),
            ("lost", OKABE_ITO[1], b & ~a),
        ]
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    room = max(0.04 * (high - low), 0.01)
    many = len(both) > _MANY
    axes.plot([low - room, high + room], [low - room, high + room], color=GREY, linewidth=1.0, zorder=1)
    for label, colour, mask in states:
        axes.plot(
            values[mask, 0],
            values[mask, 1],
            "o",
            color=colour,
            markersize=2.5 if many else 5,
            markeredgewidth=0 if many else 1,
            alpha=0.4 if many else 0.75,
            label=f"{label} ({int(mask.sum()):,})",
            rasterized=many,
        )
    name = measure.values[measure.headline]
    axes.set(
        xlim=(low - room, high + room),
        ylim=(low - room, high + room),
        xlabel=f"{_short(found.baseline)}: {name}",
        ylabel=f"{_short(run)}: {name}",
    )
    axes.set_aspect("equal", adjustable="box")
    if measure.passes:
        legend = {"title": measure.passes_name, "title_fontsize": 10, "alignment": "left"}
        axes.legend(  # above, where it hides no group
            loc="lower left",
            bbox_to_anchor=(0.0, 1.0),
            ncols=2,
            fontsize=10,
            handletextpad=0.2,
            markerscale=2 if many else 1,
            **legend,
        )
