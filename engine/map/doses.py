"""The figure of doses: mAP against dose, a panel a compound."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ..figures.style import GREY, INK, OKABE_ITO, house_style, new_page, save_page, wrapped
from .dose_values import read_doses

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Curve", "dose_curves", "dose_page", "draw_doses"]

#: Compounds drawn, panels beside each other, and the ratio of doses from which their axis is logarithmic.
_SHOWN, _ACROSS, _RATIO = 20, 5, 9.0
_PANEL = 2.0  # inches of height
_LEGEND = 0.4  # inches
_TICKS = 4  # up to so many doses, each has a tick


@dataclass(frozen=True)
class Curve:
    """One compound: its groups by dose.

    Attributes
    ----------
    name : str
        Values of the other grouping columns.
    dose, precision : ndarray of float64, shape (k,)
        Doses from low to high, and the mAP at each.
    significant : ndarray of bool, shape (k,)
        Whether the corrected p-value is below the threshold.
    chance : float
        The mAP of a random ranking, the median over the doses; NaN where the table does not tell.
    """

    name: str
    dose: npt.NDArray[np.float64]
    precision: npt.NDArray[np.float64]
    significant: npt.NDArray[np.bool_]
    chance: float


def dose_curves(groups: pl.DataFrame, group_by: Sequence[str], dose: str) -> list[Curve]:
    """Return the compounds with their doses, the most significant first.

    Parameters
    ----------
    groups : polars.DataFrame
        One row a group, as in ``map.csv``.
    group_by : sequence of str
        The grouping columns.
    dose : str
        That of the dose.

    Returns
    -------
    list of Curve
        By how many doses are significant, then by the highest mAP, then by name.
    """
    others = [name for name in group_by if name != dose]
    value = pl.col("mean_average_precision").cast(pl.Float64)
    normalized = pl.col("mean_normalized_average_precision").cast(pl.Float64)
    told = normalized.is_between(-0.999, 0.999)
    table = groups.select(
        pl.concat_str([pl.col(name).cast(pl.String).fill_null("(no value)") for name in others], separator=" | ").alias(
            "name"
        ),
        pl.Series("dose", read_doses(groups[dose]).values, pl.Float64),
        value.alias("precision"),
        pl.col("below_corrected_p").fill_null(False).alias("significant"),
        pl.when(told).then((value - normalized) / (1 - normalized)).alias("chance"),
    ).filter(pl.col("dose").is_finite() & pl.col("precision").is_finite())
    curves = []
    for (name,), part in table.sort("name", "dose").group_by("name", maintain_order=True):
        chance = part["chance"].drop_nulls().to_numpy()
        curves.append(
            Curve(
                str(name),
                part["dose"].to_numpy(),
                part["precision"].to_numpy(),
                part["significant"].to_numpy(),
                float(np.median(chance)) if len(chance) else float("nan"),
            )
        )
    return sorted(curves, key=lambda one: (-int(one.significant.sum()), -float(one.precision.max()), one.name))


def draw_doses(
    groups: pl.DataFrame,
    group_by: Sequence[str],
    dose: str,
    path: Callable[[str], Path],
    *,
    threshold: float,
    subtitle: str,
) -> None:
    """Draw ``figures/doses.png`` and ``.svg``.

    Parameters
    ----------
    groups : polars.DataFrame
        One row a group, as in ``map.csv``.
    group_by : sequence of str
        The grouping columns.
    dose : str
        That of the dose.
    path : callable
        Gives the place of a file by its name.
    threshold : float
        The level of the corrected p-value.
    subtitle : str
        Which statistic and null the values come from.
    """
    curves = dose_curves(groups, group_by, dose)
    with house_style():
        unit = read_doses(groups[dose]).unit
        name = f"{dose} ({unit})" if unit else dose
        page = dose_page(curves, name, threshold=threshold, subtitle=subtitle)
        save_page(page, path("figures/doses.png"), path("figures/doses.svg"))


def dose_page(curves: Sequence[Curve], dose: str, *, threshold: float, subtitle: str) -> Figure:
    """Make the page: a panel a compound, all with the same axes, up to twenty of them.

    Parameters
    ----------
    curves : sequence of Curve
        The compounds, in the order of their panels.
    dose : str
        What the doses are called.
    threshold : float
        The level of the corrected p-value, for the legend.
    subtitle : str
        Which statistic and null the values come from.

    Returns
    -------
    matplotlib.figure.Figure
        With an axes a panel.
    """
    shown = curves[:_SHOWN]
    active = sum(bool(one.significant.any()) for one in curves)
    title = f"mAP by dose: {active:,} of {len(curves):,} significant at one dose or more"
    notes = []
    if len(curves) > _SHOWN:
        notes.append(f"The {_SHOWN} with the most significant doses, then the highest mAP; {len(curves):,} in all.")
    across = min(_ACROSS, max(len(shown), 1))
    down = -(-max(len(shown), 1) // across)
    width = 12.0 if across > 2 else 8.0
    height = 1.3 + _LEGEND + _PANEL * down + (0.9 if down == 1 else 0.0)
    page = new_page(width, height, title, subtitle, note=" ".join(notes))
    layout: Any = page.get_layout_engine()
    left, low, wide, room = layout.get()["rect"]
    layout.set(rect=(left, low, wide, room - _LEGEND / page.get_figheight()))
    _legend(page, low + room, threshold, any(np.isfinite(one.chance) for one in shown))
    grid = page.subplots(down, across, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, one in zip(grid, shown, strict=False):
        _draw_panel(axes, one, (width - 1.0) / across)
    for axes in grid[len(shown) :]:
        axes.set_axis_off()
    if not shown:
        grid[0].text(0.5, 0.5, "no group has a dose and an mAP", transform=grid[0].transAxes, ha="center")
        return page
    for axes in grid[max(len(shown) - across, 0) : len(shown)]:  # above the gap that the last row leaves, too
        axes.tick_params(axis="x", labelbottom=True)
        axes.set_xlabel(wrapped(dose.removeprefix("Metadata_"), (width - 1.0) / across, 12, lines=1), fontsize=12)
    for axes in grid[: len(shown) : across]:
        axes.set_ylabel("mAP", fontsize=12)
    _scale(grid[0], np.unique(np.concatenate([one.dose for one in shown])))
    values = np.concatenate([np.append(one.precision, one.chance) for one in shown])
    bottom, top = float(np.nanmin(values)), float(np.nanmax(values))
    margin = max(0.08 * (top - bottom), 0.02)
    grid[0].set_ylim(bottom - margin, top + margin)
    return page


def _draw_panel(axes: Axes, one: Curve, inches: float) -> None:
    """Draw one compound: a line through its doses, filled where they are significant."""
    axes.grid()
    if np.isfinite(one.chance):
        axes.axhline(one.chance, color=GREY, linewidth=1.2, linestyle=(0, (1, 2)), zorder=1.5)
    axes.plot(one.dose, one.precision, color=GREY, linewidth=1.2, zorder=2)
    blue = OKABE_ITO[0]
    for chosen, face, edge in ((~one.significant, "white", GREY), (one.significant, blue, blue)):
        axes.plot(
            one.dose[chosen],
            one.precision[chosen],
            linestyle="",
            marker="o",
            markersize=6.5,
            markerfacecolor=face,
            markeredgecolor=edge,
            zorder=3,
        )
    axes.set_title(
        wrapped(one.name, inches - 0.2, 11.5, lines=2), fontsize=11.5, color=INK if one.significant.any() else GREY
    )
    axes.tick_params(labelsize=11)


def _scale(axes: Axes, doses: npt.NDArray[np.float64]) -> None:
    """Choose the axis of doses, which all panels share: logarithmic where they span about a decade or more.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        One of the panels.
    doses : ndarray of float64, shape (k,)
        All doses, each once, from low to high.
    """
    positive = doses[doses > 0]
    low, high = float(doses[0]), float(doses[-1])
    logarithmic = len(positive) > 0 and high / float(positive[0]) >= _RATIO
    if not logarithmic:
        margin = 0.06 * (high - low) or 0.5
        axes.set_xlim(low - margin, high + margin)
    elif low > 0:
        margin = (high / low) ** 0.08
        axes.set_xscale("log")
        axes.set_xlim(low / margin, high * margin)
    else:  # a dose of 0 stands at the left, about as far away as a decade
        least = float(positive[0])
        axes.set_xscale("symlog", linthresh=least, linscale=0.7)
        axes.set_xlim(low - 0.3 * least, high * (high / least) ** 0.08)
    ticks = doses
    if len(doses) > _TICKS:
        decades = 10.0 ** np.arange(-30, 31)
        inside = decades[(decades >= doses[doses > 0].min(initial=np.inf) * 0.999) & (decades <= high * 1.001)]
        ticks = np.append(doses[doses == 0], inside) if logarithmic and len(inside) > 1 else doses[[0, -1]]
    axes.set_xticks(ticks, [f"{value:,.0f}" if value >= 1000 else f"{value:.3g}" for value in ticks])
    axes.set_xticks([], minor=True)


def _legend(page: Figure, top: float, threshold: float, chance: bool) -> None:
    """Explain the marks, in one row below the header."""
    from matplotlib.lines import Line2D

    blue = OKABE_ITO[0]
    marks: list[tuple[str, dict[str, Any]]] = [
        (f"significant (corrected p < {threshold:g})", {"marker": "o", "markerfacecolor": blue, "color": blue}),
        ("not significant", {"marker": "o", "markerfacecolor": "white", "color": GREY}),
    ]
    handles = [Line2D([], [], linestyle="", markersize=8, label=label, **style) for label, style in marks]
    if chance:
        handles.append(Line2D([], [], color=GREY, linewidth=1.2, linestyle=(0, (1, 2)), label="random ranking"))
    page.legend(handles=handles, loc="upper left", bbox_to_anchor=(0.005, top), ncols=len(handles), borderpad=0.2)
