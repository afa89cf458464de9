"""The seven figures of the CPJUMP1 benchmark: fractions retrieved and mAP by modality, time and cell."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from ...errors import InputError, examples
from ...figures.style import GREY, INK, OKABE_ITO, house_style, legend_above, new_page, save_page
from ..names import GENE_COMPOUND_MATCHING, LEVEL, MODALITIES, TASKS, TIMELINES, TITLES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_cpjump"]

_GROUPS = {"replicability": "perturbations", "matching": "targets", GENE_COMPOUND_MATCHING: "targets"}
_PUBLISHED = "published CellProfiler"


@dataclass(frozen=True)
class _Bar:
    value: float | None  # None: no group was scored
    published: float | None


@dataclass(frozen=True)
class _Look:
    cells: tuple[str, ...]  # of all tables, so that a cell keeps its colour from figure to figure
    simulated: bool
    subtitle: str
    threshold: float

    @property
    def fraction(self) -> str:
        return f"fraction retrieved (q < {self.threshold:g})"

    def colour(self, cell: str) -> str:
        return OKABE_ITO[self.cells.index(cell) % len(OKABE_ITO)]

    def page(self, width: float, height: float, title: str, notes: Sequence[str] = ()) -> Figure:
        note = " ".join(notes)
        return new_page(width, height, title, self.subtitle, note=note, simulated=self.simulated)

    def legend(self, cells: Sequence[str], published: bool) -> list[Any]:
        from matplotlib.lines import Line2D
        from matplotlib.patches import Patch

        handles: list[Any] = [Patch(facecolor=self.colour(cell), label=cell) for cell in cells]
        if published:
            # Beside bars of simulated features the reader must not take the markers for simulated too.
            text = f"{_PUBLISHED} (real features)" if self.simulated else _PUBLISHED
            handles.append(Line2D([], [], ls="", label=text, **_MARKER))
        return handles


_MARKER: dict[str, Any] = {
    "marker": "D",
    "markersize": 6,
    "markerfacecolor": "white",
    "markeredgecolor": INK,
    "markeredgewidth": 1.3,
}


def draw_cpjump(
    frames: Mapping[str, pl.DataFrame],
    folder: Callable[[str], Path],
    *,
    simulated: bool,
    subtitle: str,
    threshold: float = LEVEL,
) -> list[str]:
    """Draw the benchmark's figures, each as PNG (150 dpi) and SVG; absent and empty tables are skipped.

    Parameters
    ----------
    frames : mapping of str to pl.DataFrame
        Any of `replicability_map`, `matching_map` (columns Modality, Cell, time,
        mean_average_precision), `replicability_fr`, `matching_fr` (Modality, Cell, time, fr) and
        `gene_compound_matching_fr` (Modality1, Modality2, Cell, time1, time2, fr). `timepoint` (hours),
        where it is there, is written beside the time. The fraction tables may have `published`, the value
        published for CellProfiler features, which is drawn as a marker beside the bar. Other tables are
        not drawn.
    folder : callable
        Gives the path to write to for a relative name such as ``figures/matching_fr_barplot.png``.
    simulated : bool
        The features were simulated: every figure says so.
    subtitle : str
        Which statistic the numbers are.
    threshold : float, default 0.05
        The q-value below which a group is retrieved; named on the axes.

    Returns
    -------
    list of str
        The relative names of the files written.

    Raises
    ------
    InputError
        A table lacks a column, or has two fractions for one configuration.
    """
    present = {name: frame for name, frame in frames.items() if not frame.is_empty()}
    for name, frame in present.items():
        _check(name, frame)
    cells = {cell for frame in present.values() for cell in frame["Cell"]}
    look = _Look(tuple(sorted(cells)), simulated, subtitle, threshold)
    written: list[str] = []
    with house_style():
        for task in TASKS:
            fractions, scores = present.get(f"{task}_fr"), present.get(f"{task}_map")
            pages: dict[str, Figure] = {}
            if fractions is not None and task == GENE_COMPOUND_MATCHING:
                pages["fr_barplot"] = _cross_barplot(fractions, look)
            elif fractions is not None:
                pages["fr_barplot"] = _barplot(task, fractions, look)
                pages["fr_faceted"] = _faceted(task, fractions, look)
            if scores is not None and task != GENE_COMPOUND_MATCHING:
                pages["map_boxplot"] = _boxplot(task, scores, look)
            for kind, page in pages.items():
                png, svg = (f"figures/{task}_{kind}.{ending}" for ending in ("png", "svg"))
                save_page(page, folder(png), folder(svg))
                written += [png, svg]
    return written


def _check(name: str, frame: pl.DataFrame) -> None:
    keys = ["Modality", "time"] if GENE_COMPOUND_MATCHING not in name else ["Modality1", "time1", "Modality2", "time2"]
    keys.append("Cell")
    value = "fr" if name.endswith("_fr") else "mean_average_precision"
    missing = [column for column in (*keys, value) if column not in frame.columns]
    if missing:
        raise InputError(
            f"The table {name} cannot be drawn: it has no column {examples(missing)} "
            f"(it has {examples(frame.columns, 12)})."
        )
    twice = frame.filter(frame.select(keys).is_duplicated()).select(keys).unique(maintain_order=True)
    if value == "fr" and not twice.is_empty():
        raise InputError(
            f"The table {name} has more than one fraction for {examples(twice.rows())} ({', '.join(keys)}); "
            "keep one row for each configuration."
        )


def _ordered(values: pl.Series, known: Sequence[str]) -> list[str]:
    """Distinct values, the known ones first."""
    rank = {value: place for place, value in enumerate(known)}
    return sorted(values.unique().to_list(), key=lambda value: (rank.get(value, len(rank)), value))


def _hours(frame: pl.DataFrame, keys: list[str], column: str) -> dict[tuple[str, ...], str]:
    """Return the hours to write beside each time, as " (24 h)"; nothing where unknown or not unique."""
    if column not in frame.columns:
        return {}
    found = frame.group_by(keys).agg(pl.col(column).drop_nulls().unique())
    return {
        tuple(row[:-1]): f" ({row[-1][0]:g} h)" if isinstance(row[-1][0], int | float) else ""
        for row in found.iter_rows()
        if len(row[-1]) == 1
    }


def _bars(frame: pl.DataFrame, keys: list[str]) -> dict[tuple[str, ...], _Bar]:
    """Return the fractions by configuration; null and NaN become None."""

    def number(value: float | None) -> float | None:
        return None if value is None or not math.isfinite(value) else float(value)

    published = frame["published"] if "published" in frame.columns else pl.Series([None] * frame.height)
    rows = zip(frame.select(keys).iter_rows(), frame["fr"], published, strict=True)
    return {key: _Bar(number(value), number(known)) for key, value, known in rows}


def _draw_bars(
    axes: Axes,
    table: Sequence[Sequence[_Bar | None]],
    colours: Sequence[str],
    *,
    horizontal: bool = False,
) -> None:
    """Draw `table[place][series]` around the places 0, 1, …, with the value at the end of each bar.

    A bar that does not exist (None) leaves a gap; one without a value is marked "n/a".
    """
    pitch = min(0.84 / len(colours), 0.56)
    marked = _has_published(table)
    width = pitch * (0.64 if marked else 0.9)  # leaves a lane beside the bar for the marker
    for place, group in enumerate(table):
        for series, (bar, colour) in enumerate(zip(group, colours, strict=True)):
            if bar is None:
                continue
            start = place + (series - len(colours) / 2) * pitch
            middle = start + width / 2 + pitch * 0.04
            value = 0.0 if bar.value is None else bar.value
            (axes.barh if horizontal else axes.bar)(middle, value, width, color=colour)
            axes.annotate(
                "n/a" if bar.value is None else f"{value:.3f}",
                (value, middle) if horizontal else (middle, value),
                xytext=(5, 0) if horizontal else (0, 3),
                textcoords="offset points",
                ha="left" if horizontal else "center",
                va="center" if horizontal else "baseline",
                fontsize=12,
                color=GREY if bar.value is None else INK,
            )
            if bar.published is not None:
                beside = start + pitch * 0.85
                at = (bar.published, beside) if horizontal else (beside, bar.published)
                axes.plot(*at, linestyle="", clip_on=False, zorder=3, **_MARKER)


def _has_published(table: Sequence[Sequence[_Bar | None]]) -> bool:
    return any(bar is not None and bar.published is not None for group in table for bar in group)


def _note_on_unscored(bars: Mapping[tuple[str, ...], _Bar]) -> list[str]:
    """Explain the marks of bars without a value in a footnote, when there are any."""
    return ["n/a: no group was scored."] if any(bar.value is None for bar in bars.values()) else []


def _columns(frame: pl.DataFrame) -> tuple[list[tuple[str, str]], list[str]]:
    """List the (modality, time) places of the x axis, in order, and their labels."""
    hours = _hours(frame, ["Modality", "time"], "timepoint")
    there = set(frame.select("Modality", "time").iter_rows())
    places = [
        (modality, time)
        for modality in _ordered(frame["Modality"], MODALITIES)
        for time in _ordered(frame["time"], TIMELINES)
        if (modality, time) in there
    ]
    return places, [f"{place[0]}\n{place[1]}{hours.get(place, '')}" for place in places]


def _span(places: int) -> tuple[float, float]:
    """Limits of an axis of places; wide enough for three, so that a lone bar is no wall."""
    margin = max(0.0, (3 - places) / 2) + 0.5
    return -margin, places - 1 + margin


def _barplot(task: str, frame: pl.DataFrame, look: _Look) -> Figure:
    bars = _bars(frame, ["Modality", "time", "Cell"])
    cells = _ordered(frame["Cell"], look.cells)
    places, labels = _columns(frame)
    table = [[bars.get((*place, cell)) for cell in cells] for place in places]
    title = f"{TITLES[task]}: fraction of {_GROUPS[task]} retrieved"
    page = look.page(12 if task == "replicability" else 10, 6, title, _note_on_unscored(bars))
    axes = page.add_subplot()
    axes.grid(axis="y")
    _draw_bars(axes, table, [look.colour(cell) for cell in cells])
    axes.set(ylabel=look.fraction, ylim=(0, 1), xlim=_span(len(places)))
    axes.set_xticks(range(len(places)), labels)
    axes.tick_params(axis="x", length=0)
    legend_above(axes, look.legend(cells, _has_published(table)))
    return page


def _faceted(task: str, frame: pl.DataFrame, look: _Look) -> Figure:
    bars = _bars(frame, ["Modality", "time", "Cell"])
    cells, times = _ordered(frame["Cell"], look.cells), _ordered(frame["time"], TIMELINES)
    modalities = _ordered(frame["Modality"], MODALITIES)
    hours = _hours(frame, ["Modality", "time"], "timepoint")
    title = f"{TITLES[task]} by cell and time"
    page = look.page(max(5 * len(times), 7), 1 + 4 * len(cells), title, _note_on_unscored(bars))
    grid = page.subplots(len(cells), len(times), sharey=True, squeeze=False)
    marked = _has_published([list(bars.values())])
    for cell, row in zip(cells, grid, strict=True):
        for time, axes in zip(times, row, strict=True):
            table = [[bars.get((modality, time, cell))] for modality in modalities]
            axes.grid(axis="y")
            _draw_bars(axes, table, [look.colour(cell)])
            labels = [f"{modality}\n{hours.get((modality, time), '').strip(' ()')}" for modality in modalities]
            axes.set_xticks(range(len(modalities)), [label.rstrip() for label in labels])
            axes.set(ylim=(0, 1), xlim=_span(len(modalities)))
            axes.tick_params(axis="x", length=0)
            axes.set_title(f"{cell}, {time}", loc="left", fontweight="bold", pad=22)
    page.supylabel(look.fraction, fontsize=14)
    if marked:
        legend_above(grid[0][0], look.legend([], marked), gap=0.7)
    return page


def _boxplot(task: str, frame: pl.DataFrame, look: _Look) -> Figure:
    cells = _ordered(frame["Cell"], look.cells)
    places, labels = _columns(frame)
    frame = frame.with_columns(pl.col("mean_average_precision").cast(pl.Float64))
    scored = frame.filter(pl.col("mean_average_precision").is_finite())
    values = {
        key: part["mean_average_precision"].to_numpy() for key, part in scored.group_by("Modality", "time", "Cell")
    }
    ignored = frame.height - scored.height
    notes = [f"n: number of {_GROUPS[task]}. Box: quartiles; line: median; whiskers: 1.5 × box height."]
    if ignored:
        notes.append(f"Without an mAP and left out: {ignored:,}.")
    page = look.page(12, 6, f"{TITLES[task]}: mean average precision of {_GROUPS[task]}", notes)
    axes = page.add_subplot()
    axes.grid(axis="y")
    pitch = min(0.84 / len(cells), 0.56)
    for place, (modality, time) in enumerate(places):
        for series, cell in enumerate(cells):
            part = values.get((modality, time, cell))
            if part is None:
                continue
            middle = place + (series - (len(cells) - 1) / 2) * pitch
            axes.boxplot(
                [part],
                positions=[middle],
                widths=pitch * 0.7,
                patch_artist=True,
                boxprops={"facecolor": look.colour(cell), "edgecolor": INK, "linewidth": 0.8},
                medianprops={"color": INK, "linewidth": 2.4},
                whiskerprops={"color": INK, "linewidth": 0.8},
                capprops={"color": INK, "linewidth": 0.8},
                flierprops={"marker": "o", "markersize": 3.5, "markerfacecolor": GREY, "markeredgewidth": 0},
                manage_ticks=False,
            )
            axes.annotate(
                f"n = {len(part):,}",
                (middle, 1.0),
                xytext=(0, 12),
                textcoords="offset points",
                ha="center",
                fontsize=11,
            )
    low = min(0.0, float(scored["mean_average_precision"].min() or 0.0))  # type: ignore[arg-type]
    axes.set(ylabel="mean average precision (mAP)", ylim=(low - 0.02, 1.02), xlim=_span(len(places)))
    axes.set_xticks(range(len(places)), labels)
    axes.tick_params(axis="x", length=0)
    legend_above(axes, look.legend(cells, False), gap=0.45)
    return page


def _cross_barplot(frame: pl.DataFrame, look: _Look) -> Figure:
    keys = ["Modality1", "time1", "Modality2", "time2"]
    bars = _bars(frame, [*keys, "Cell"])
    cells = _ordered(frame["Cell"], look.cells)
    there = set(frame.select(keys).iter_rows())
    choices = (_ordered(frame[key], TIMELINES if key.startswith("time") else MODALITIES) for key in keys)
    places = [place for place in product(*choices) if place in there]
    first = _hours(frame, keys[:2], "timepoint1")
    second = _hours(frame, keys[2:], "timepoint2")
    labels = [
        f"{one} {t1}{first.get((one, t1), '')}\nvs {two} {t2}{second.get((two, t2), '')}" for one, t1, two, t2 in places
    ]
    table = [[bars.get((*place, cell)) for cell in cells] for place in places]
    drawn = [number for bar in bars.values() for number in (bar.value, bar.published) if number is not None]
    # The fractions are a few percent: an axis up to 1 would show nothing but zeros.
    limit = min(1.0, max(0.1, 1.15 * max(drawn, default=0.0)))
    title = f"{TITLES[GENE_COMPOUND_MATCHING]}: fraction of {_GROUPS[GENE_COMPOUND_MATCHING]} retrieved"
    page = look.page(12, 2.2 + 0.42 * len(places) * max(len(cells), 2), title, _note_on_unscored(bars))
    axes = page.add_subplot()
    axes.grid(axis="x")
    _draw_bars(axes, table, [look.colour(cell) for cell in cells], horizontal=True)
    ends = f"; the axis ends at {limit:.2g}, not at 1" if limit < 1.0 else ""
    axes.set(xlabel=look.fraction + ends, xlim=(0, limit), ylim=(len(places) - 0.5, -0.5))
    axes.set_yticks(range(len(places)), labels)
    axes.tick_params(axis="y", length=0, pad=10)
    legend_above(axes, look.legend(cells, _has_published(table)), gap=0.12)
    return page
