"""Figures of compared CPJUMP1 runs: which is better, where, and is it significant; and what is gained and lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ...figures.style import GREY, INK, OKABE_ITO, house_style, new_page, save_page, wrapped
from ...statistics.paired_comparison import FEWEST
from ..names import ALL, HEADLINE, LEVEL, RETRIEVED, TITLES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_gained_lost", "draw_overview"]

# One more than colours, so that the two together tell many runs apart; the diamond is that of published values.
_MARKERS = ("o", "s", "^", "v", "P", "X", "p")
_BAND = "#F4F4F4"  # behind every second row
_WIDTH = 13.0
_LEGEND_LINE = 0.29  # inches
_HATCH = "////"


@dataclass(frozen=True)
class _Row:
    """A row of the page: a configuration of a task, or all of them."""

    task: str
    description: str
    label: str


def draw_overview(
    fractions: pl.DataFrame,
    pairs: pl.DataFrame,
    runs: Sequence[str],
    path_png: Path,
    path_svg: Path,
    *,
    by_run: pl.DataFrame,
    subtitle: str,
    simulated: bool = False,
) -> None:
    """Draw fractions retrieved of all runs, and beside them how far the mAP of each is from that of the baseline.

    Rows are tasks and their configurations. A difference of q < 0.05 is drawn filled and in the colour of its run.

    Parameters
    ----------
    fractions : pl.DataFrame
        Rows of the page, in order: `task`, `Description`, `Cell`, `Modality1`, `time1`, `Modality2`, `time2`, and
        `published` where it is to be marked.
    pairs : pl.DataFrame
        `task`, `Description`, `run_a`, `run_b`, `metric`, `difference`, `lower`, `upper`, `q_value`,
        `groups_compared`; drawn are the pairs with the baseline as `run_b`.
    runs : sequence of str
        Names, the baseline first.
    path_png, path_svg : Path
        Where to write; the folders must exist.
    by_run : pl.DataFrame
        `task`, `Description`, `run`, `fr`, `groups`.
    subtitle : str
        What the intervals are.
    simulated : bool, default False
        Features were simulated: the header says so.
    """
    tasks = _tasks(fractions)
    pairs = pairs.filter(metric=HEADLINE, run_b=runs[0])
    row = (0.13 if len(runs) <= 3 else 0.1) * len(runs) + 0.08  # inches
    published = "published" in fractions.columns and fractions["published"].count() > 0
    notes = [
        f"mAP: mean of (AP − chance) / (1 − chance), 0 for a group lost at the gate, less that of {_short(runs[0])}.",
        "Groups: perturbations in replicability, targets or genes in matching.",
    ]
    if (by_run["groups"] < FEWEST).any():
        notes.append(f"Hollow fraction: of fewer than {FEWEST} groups; beyond the axis as a number.")
    if pairs["lower"].null_count():
        notes.append("Without a line: no interval (too few groups).")
    with house_style():
        height = sum(row * len(rows) + 1.2 for rows in tasks.values()) + 0.6 + _LEGEND_LINE * ((len(runs) + 5) // 3)
        alone = len(runs) == 1
        title = f"{len(runs)} runs side by side: which is better, and where?"
        if alone:
            title, notes = f"{_short(runs[0])} beside the published fractions", notes[1:]
        page = new_page(_WIDTH, height, title, subtitle, note=" ".join(notes), simulated=simulated)
        grid = page.subplots(
            len(tasks),
            1 if alone else 2,
            squeeze=False,
            width_ratios=(1.0,) if alone else (1.0, 1.1),
            height_ratios=[len(rows) for rows in tasks.values()],
        )
        for (task, rows), (left, *right) in zip(tasks.items(), grid, strict=True):
            _draw_fractions(left, rows, by_run.filter(task=task), fractions.filter(task=task), runs)
            for axes in right:
                _draw_differences(axes, rows, pairs.filter(task=task), runs)
            left.set_title(TITLES[task], loc="left", fontweight="bold", pad=8)
        _legend(page, runs, published, simulated)
        save_page(page, path_png, path_svg)


def _tasks(fractions: pl.DataFrame) -> dict[str, list[_Row]]:
    found: dict[str, list[_Row]] = {}
    for entry in fractions.iter_rows(named=True):
        if entry["Description"] == ALL:
            label = "all configurations"
        elif entry["Modality2"] is None:
            label = f"{entry['Modality1']} {entry['Cell']} {entry['time1']}"
        else:
            label = f"{entry['Cell']} {entry['Modality1']} {entry['time1']} – {entry['Modality2']} {entry['time2']}"
        found.setdefault(entry["task"], []).append(_Row(entry["task"], entry["Description"], label))
    return found


def _short(run: str) -> str:
    return wrapped(run, 2.6, 13, lines=1)


def _colour(runs: Sequence[str], run: str) -> str:
    """Black for the baseline; the others take the colours in turn."""
    place = runs.index(run)
    return INK if place == 0 else OKABE_ITO[(place - 1) % len(OKABE_ITO)]


def _marker(runs: Sequence[str], run: str) -> str:
    return _MARKERS[runs.index(run) % len(_MARKERS)]


def _lanes(runs: Sequence[str]) -> dict[str, float]:
    """Return a place for each run inside a row, from the top down."""
    spread = 0.68 * (len(runs) - 1) / len(runs)
    return dict(zip(runs, np.linspace(-spread / 2, spread / 2, len(runs)), strict=True))


def _frame(axes: Axes, rows: Sequence[_Row]) -> None:
    for place in range(1, len(rows), 2):
        axes.axhspan(place - 0.5, place + 0.5, color=_BAND, linewidth=0, zorder=0)
    axes.grid(axis="x")
    axes.spines["left"].set_visible(False)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    if rows[0].description == ALL and len(rows) > 1:
        axes.axhline(0.5, color=GREY, linewidth=1.0)


def _draw_fractions(
    axes: Axes, rows: Sequence[_Row], by_run: pl.DataFrame, fractions: pl.DataFrame, runs: Sequence[str]
) -> None:
    _frame(axes, rows)
    places = {row.description: place for place, row in enumerate(rows)}
    # a fraction of few groups says little, and must not stretch the axis of all others
    drawn = [by_run.filter(pl.col("groups") >= FEWEST)["fr"].max()]
    if "published" in fractions.columns:
        known = fractions.drop_nulls("published")
        drawn.append(known["published"].max())
        y = np.array([places[name] for name in known["Description"]])
        axes.plot(known["published"], y, linestyle="", clip_on=False, zorder=2.5, **_PUBLISHED)
    highest = max((float(value) for value in drawn if value is not None), default=1.0)  # type: ignore[arg-type]
    limit = 1.0 if highest > 0.5 else max(0.1, 1.15 * highest)
    for entry in by_run.iter_rows(named=True):
        run, few = entry["run"], entry["groups"] < FEWEST
        y_run = places[entry["Description"]] + _lanes(runs)[run]
        _point(axes, entry["fr"], y_run, (0, limit), _marker(runs, run), _colour(runs, run), hollow=few)
    ends = "" if limit == 1.0 else f" (axis ends at {limit:.2g})"
    axes.set(xlim=(0, limit), xlabel=f"fraction retrieved{ends}")
    axes.locator_params(axis="x", nbins=5)
    axes.set_yticks(range(len(rows)), [row.label for row in rows], fontsize=12)
    axes.tick_params(axis="y", pad=9)
    for row, text in zip(rows, axes.get_yticklabels(), strict=True):
        text.set_fontweight("bold" if row.description == ALL else "normal")


def _point(
    axes: Axes, x: float, y: float, limits: tuple[float, float], marker: str, colour: str, *, hollow: bool
) -> None:
    """Draw a point; one beyond the axis stands at its end, with its number."""
    at = min(max(x, limits[0]), limits[1])
    axes.plot(
        at,
        y,
        marker=marker,
        markersize=6,
        markeredgewidth=1.2,
        markeredgecolor=colour,
        markerfacecolor="white" if hollow else colour,
        clip_on=False,
        zorder=3,
    )
    if at != x:
        side = 1 if x > at else -1
        axes.annotate(
            f"{x:.2f}",
            (at, y),
            xytext=(-6 * side, 0),
            textcoords="offset points",
            fontsize=8,
            color=colour,
            va="center",
            ha="right" if side > 0 else "left",
        )


_PUBLISHED: dict[str, Any] = {
    "marker": "D",
    "markersize": 9,
    "markerfacecolor": "none",
    "markeredgecolor": GREY,
    "markeredgewidth": 1.3,
}


def _draw_differences(axes: Axes, rows: Sequence[_Row], pairs: pl.DataFrame, runs: Sequence[str]) -> None:
    _frame(axes, rows)
    axes.axvline(0, color=INK, linewidth=1.2, zorder=1)
    places = {row.description: place for place, row in enumerate(rows)}
    lanes = _lanes(runs)
    bounds = pairs.select("lower", "upper").to_numpy().astype(float)
    bounds = bounds if np.isfinite(bounds).any() else pairs.select("difference").to_numpy().astype(float)
    reach = 1.08 * float(np.nanmax(np.abs(bounds), initial=1e-3))
    # A row over all configurations is there only where all runs have some in common.
    drawn = pairs.drop_nulls("difference").filter(pl.col("Description").is_in(list(places)))
    for entry in drawn.iter_rows(named=True):
        run, y = entry["run_a"], places[entry["Description"]] + lanes[entry["run_a"]]
        clear = entry["q_value"] is not None and entry["q_value"] < LEVEL
        colour = _colour(runs, run) if clear else _FAINT
        if entry["lower"] is not None:
            axes.hlines(y, entry["lower"], entry["upper"], colors=colour, linewidths=2.8 if clear else 1.6, zorder=2)
        _point(axes, entry["difference"], y, (-reach, reach), _marker(runs, run), colour, hollow=not clear)
    axes.set(xlim=(-reach, reach), xlabel="← worse    difference of mAP    better →")
    axes.locator_params(axis="x", nbins=6)
    axes.set_yticks([])
    _write_groups(axes, rows, pairs)


_FAINT = "#9A9A9A"


def _write_groups(axes: Axes, rows: Sequence[_Row], pairs: pl.DataFrame) -> None:
    """Write how many groups were compared to the right of the rows; a range where pairs differ."""
    style: dict[str, Any] = {"textcoords": "offset points", "color": GREY, "annotation_clip": False, "fontsize": 11}
    axes.annotate("groups", (1.0, 1.0), xycoords="axes fraction", xytext=(8, 3), va="bottom", **style)
    for place, row in enumerate(rows):
        counts = pairs.filter(Description=row.description)["groups_compared"].unique().sort().to_list()
        text = "–".join(f"{count:,}" for count in dict.fromkeys((counts[0], counts[-1]))) if counts else "n/a"
        axes.annotate(text, (1.0, place), xycoords=axes.get_yaxis_transform(), xytext=(8, 0), va="center", **style)


def _legend(page: Figure, runs: Sequence[str], published: bool, simulated: bool) -> None:
    from matplotlib.lines import Line2D

    handles: list[Any] = []
    for run in runs:
        name = _short(run) + (" (baseline)" if run == runs[0] and len(runs) > 1 else "")
        style: dict[str, Any] = {"marker": _marker(runs, run), "color": _colour(runs, run), "markersize": 8}
        handles.append(Line2D([], [], linestyle="", label=name, **style))
    if published:
        text = "published CellProfiler" + (" (real features)" if simulated else "")
        handles.append(Line2D([], [], linestyle="", label=text, **_PUBLISHED))
    if len(runs) == 1:
        return _legend_below_header(page, handles)
    square: dict[str, Any] = {"marker": "s", "markersize": 7}
    faint: dict[str, Any] = {"color": _FAINT, "linewidth": 1.6, "markerfacecolor": "white"}
    handles += [
        Line2D([], [], label=f"q < {LEVEL:g}: filled, in the colour of its run", color=INK, linewidth=2.8, **square),
        Line2D([], [], label="not significant", **faint, **square),
    ]
    return _legend_below_header(page, handles)


def _legend_below_header(page: Figure, handles: list[Any]) -> None:
    """Put a legend between the header and the plots, which make room for it."""
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    engine = page.get_layout_engine()
    assert isinstance(engine, ConstrainedLayoutEngine)
    left, bottom, width, height = engine.get()["rect"]
    columns = 3
    taken = (_LEGEND_LINE * -(-len(handles) // columns) + 0.1) / page.get_figheight()
    place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (0.0, bottom + height), "ncols": columns}
    legend = page.legend(handles=handles, fontsize=13, handlelength=1.6, **place)
    legend.set_in_layout(False)
    engine.set(rect=(left, bottom, width, height - taken))


def draw_gained_lost(
    fractions: pl.DataFrame,
    pairs: pl.DataFrame,
    runs: Sequence[str],
    path_png: Path,
    path_svg: Path,
    *,
    subtitle: str,
    simulated: bool = False,
) -> None:
    """Draw how many groups each run retrieves that the baseline does not, and the other way round.

    Groups that the other run lost at its gate are hatched.

    Parameters
    ----------
    fractions : pl.DataFrame
        Rows of the page, as in `draw_overview`.
    pairs : pl.DataFrame
        See `compare.comparison.compare_runs`; drawn are the pairs with the baseline as `run_b`.
    runs : sequence of str
        Names, the baseline first; one panel for each other.
    path_png, path_svg, subtitle, simulated
        As in `draw_overview`.
    """
    from matplotlib.patches import Patch

    pairs = pairs.filter(pl.col("Description") != ALL, run_b=runs[0], metric=RETRIEVED)
    tasks = {task: [row for row in rows if row.description != ALL] for task, rows in _tasks(fractions).items()}
    others = runs[1:]
    with house_style():
        height = sum(0.3 * len(rows) + 0.8 for rows in tasks.values()) + 1.6
        title = f"Groups retrieved in one run and not in {_short(runs[0])}"
        note = "Of the groups that both runs scored or one lost at its gate; gained_lost.csv names them."
        page = new_page(_WIDTH, height, title, subtitle, simulated=simulated, note=note)
        grid = page.subplots(
            len(tasks), len(others), squeeze=False, height_ratios=[len(rows) for rows in tasks.values()]
        )
        for (task, rows), panels in zip(tasks.items(), grid, strict=True):
            part = pairs.filter(task=task)
            # room for the numbers, which take more of a narrow panel
            reach = (1.1 + 0.1 * len(others)) * max([1, *part["retrieved_only_a"], *part["retrieved_only_b"]])
            for run, axes in zip(others, panels, strict=True):
                axes.set_xlim(-reach, reach)
                _draw_changes(axes, rows, part.filter(run_a=run))
                if task == next(iter(tasks)):
                    room = 8.5 / len(others)
                    axes.set_title(wrapped(run, room, 14, "bold", lines=1), fontweight="bold", pad=8)
                axes.set_xlabel("groups")
                axes.locator_params(axis="x", nbins=5 if len(others) < 4 else 3, integer=True)
                axes.set_xticks(axes.get_xticks(), [f"{abs(tick):g}" for tick in axes.get_xticks()])
                axes.set(xlim=(-reach, reach), yticks=[])
            panels[0].set_yticks(range(len(rows)), [row.label for row in rows], fontsize=12)
            panels[0].annotate(
                TITLES[task],
                (0.0, 1.0),
                xycoords="axes fraction",
                xytext=(-4, 6),
                textcoords="offset points",
                ha="right",
                fontsize=14,
                fontweight="bold",
            )
        handles = [
            Patch(facecolor=OKABE_ITO[0], label="gained"),
            Patch(facecolor=OKABE_ITO[1], label="lost"),
            Patch(facecolor="white", edgecolor=GREY, label=f"pale: not significant (q ≥ {LEVEL:g})"),
        ]
        if pairs.select((pl.col("only_a_at_gate") + pl.col("only_b_at_gate")).sum()).item():
            handles.append(
                Patch(facecolor="white", edgecolor=GREY, hatch=_HATCH, label="lost at the gate of the other")
            )
        _legend_below_header(page, handles)
        save_page(page, path_png, path_svg)


def _draw_changes(axes: Axes, rows: Sequence[_Row], pairs: pl.DataFrame) -> None:
    _frame(axes, rows)
    places = {row.description: place for place, row in enumerate(rows)}
    for entry in pairs.iter_rows(named=True):
        y = places[entry["Description"]]
        clear = entry["q_value"] is not None and entry["q_value"] < LEVEL
        for side, sign, colour in (("a", 1, OKABE_ITO[0]), ("b", -1, OKABE_ITO[1])):
            count = entry[f"retrieved_only_{side}"]
            axes.barh(y, sign * count, 0.62, color=colour if clear else _pale(colour), zorder=2)
            if at_gate := entry[f"only_{side}_at_gate"]:
                axes.barh(y, sign * at_gate, 0.62, color="none", edgecolor=GREY, lw=0, hatch=_HATCH, zorder=2.5)
            axes.annotate(
                f"{count:,}",
                (sign * count, y),
                xytext=(4 * sign, 0),
                textcoords="offset points",
                fontsize=11,
                va="center",
                ha="left" if sign > 0 else "right",
                color=INK if count else GREY,
            )
    axes.axvline(0, color=INK, linewidth=1.2, zorder=3)


def _pale(colour: str) -> tuple[float, ...]:
    from matplotlib.colors import to_rgb

    return tuple(1 - 0.4 * (1 - part) for part in to_rgb(colour))
