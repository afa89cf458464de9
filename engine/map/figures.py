"""The figure of a `map.csv`: how well each group is retrieved, against how sure that is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ..errors import InputError, examples
from ..figures.style import GREY, INK, OKABE_ITO, house_style, legend_above, new_page, save_page

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_map"]

_COLUMNS = ("mean_average_precision", "p_value", "below_corrected_p")
_CAP = 16.0  # highest -log10 p drawn: a smaller p decides nothing, but would flatten all other points
_LOWEST_CAP = 8.0  # a line lower than that would read as a middling p
_DENSITY_FROM = 2_000  # more points than this are drawn as their density
_BINS = 60  # cells of the density across the page
_GREYS, _BLUES = ("#D9D9D9", "#9E9E9E"), ("#B3D4E8", OKABE_ITO[0])  # of few groups and of many; the last of a point
_N_LABELS = 8
_LABEL_LENGTH = 28
_N_TRIED = 24  # names tried, smallest p first, until eight have found room
_OFFSETS = tuple(sign * 4.0 * step for step in range(11) for sign in (1, -1))  # points above, below

Box = tuple[float, float, float, float]  # left, low, right, high in pixels
Line = tuple[tuple[float, float], tuple[float, float]]


def draw_map(
    frame: pl.DataFrame,
    label: str | Sequence[str],
    path_png: Path,
    path_svg: Path,
    *,
    threshold: float,
    subtitle: str,
) -> None:
    """Draw mean average precision (x) against -log10 p (y), one point a group.

    Points of significant groups are coloured, and up to eight of those with the smallest p are named
    where there is room; over 2,000 groups are drawn as their density. A line marks what a random ranking would
    give, the median over the groups. Groups with -log10 p of 16 or more (p = 0 included) stand on a dashed line, and
    groups without a value are left out; a footnote counts both. The order of the rows does not matter.

    Parameters
    ----------
    frame : pl.DataFrame
        One row a group, with `mean_average_precision`, `p_value`, `below_corrected_p` and `label`; and
        `mean_normalized_average_precision`, from which the mAP of a random ranking follows.
    label : str or sequence of str
        The column whose values name the groups; of several, joined by `` | ``.
    path_png, path_svg : Path
        Where to write; the folders must exist.
    threshold : float
        The level of the corrected p value that `below_corrected_p` was made with, for the legend.
    subtitle : str
        Which statistic and null the values come from.

    Raises
    ------
    InputError
        A column is missing.
    """
    labels = [label] if isinstance(label, str) else list(label)
    missing = [name for name in (*_COLUMNS, *labels) if name not in frame.columns]
    if missing:
        raise InputError(
            f"The mAP figure needs the column(s) {examples(missing)}, which the table does not have "
            f"(it has {examples(frame.columns, 12)}); draw it from the table that `map` wrote."
        )
    precision, p_value = (pl.col(name).cast(pl.Float64).alias(name) for name in ("mean_average_precision", "p_value"))
    table = frame.select(
        precision,
        p_value,
        pl.col("below_corrected_p").fill_null(False).alias("significant"),
        pl.concat_str([_as_text(frame[name]) for name in labels], separator=" | ").alias("name"),
    )
    scored = table.filter(pl.col("mean_average_precision").is_finite() & pl.col("p_value").is_between(0.0, 1.0)).sort(
        "p_value", -pl.col("mean_average_precision"), "name"
    )
    with np.errstate(divide="ignore"):
        height = -np.log10(scored["p_value"].to_numpy()) + 0.0  # + 0.0 turns -0.0 into 0.0
    cap = _cap(height)
    capped = height >= cap
    y = np.minimum(height, cap)
    x = scored["mean_average_precision"].to_numpy()
    significant = scored["significant"].to_numpy()
    chance = _chance(frame)

    n, k = scored.height, int(significant.sum())
    title = f"mAP: {k:,} of {_groups(n)} significant ({100 * k / n:.1f} %)" if n else "mAP: nothing to draw"
    notes = []
    if n > _DENSITY_FROM:
        notes.append("Colours say how many groups lie together, on a logarithmic scale.")
    if capped.any():
        notes.append(f"{_groups(int(capped.sum()))} with p ≤ 1e-{cap:g} (p = 0 included): on the dashed line.")
    if n < frame.height:
        notes.append(f"{_groups(frame.height - n)} without an mAP or p value: not drawn.")

    with house_style():
        from matplotlib.lines import Line2D

        page = new_page(10, 7, title, subtitle, note=" ".join(notes))
        axes = page.add_subplot()
        axes.grid()
        axes.set(
            xlabel="mean average precision (mAP)",
            ylabel="−log10 p (p value before correction)",
            xlim=_limits(x, chance),
        )
        top = max(1.0, float(y.max(initial=0.0)))
        axes.set_ylim(-0.02 * top, 1.06 * top)
        handles = []
        for chosen, colour, size, text in (
            (~significant, _GREYS, 26, "not significant"),
            (significant, _BLUES, 34, f"significant (corrected p < {threshold:g})"),
        ):
            if n > _DENSITY_FROM and chosen.any():
                _draw_density(axes, x[chosen], y[chosen], colour)
            for on_line, marker in ((False, "o"), (True, "^")):
                here = chosen & (capped == on_line)
                if n <= _DENSITY_FROM:
                    style: dict[str, Any] = {
                        "s": size,
                        "marker": marker,
                        "color": colour[-1],
                        "alpha": 0.7,
                        "linewidths": 0,
                    }
                    axes.scatter(x[here], y[here], clip_on=False, **style)
            count = f"{text}: {int(chosen.sum()):,}"
            handles.append(Line2D([], [], ls="", marker="o", ms=8, mew=0, color=colour[-1], label=count))
        if chance is not None:
            axes.axvline(chance, color=GREY, linewidth=1.2, linestyle=(0, (1, 2)), zorder=1.5)
            axes.annotate(
                "random ranking" + (" (median)" if n > 1 else ""),
                (chance, 1.0),
                xycoords=("data", "axes fraction"),
                xytext=(4, -4),
                textcoords="offset points",
                rotation=90,
                ha="left",
                va="top",
                fontsize=11,
                color=GREY,
            )
        if capped.any():
            axes.axhline(cap, color=GREY, linewidth=1.0, linestyle=(0, (5, 4)), zorder=1.5)
        if not n:
            axes.text(0.5, 0.5, "no group has an mAP and a p value", transform=axes.transAxes, ha="center")
        legend_above(axes, handles[::-1], gap=0.12)
        page.draw_without_rendering()  # settles the layout, which the placing of names reads
        page.set_layout_engine(None)  # "none" would leave an empty one, for which each file is drawn twice
        named = np.flatnonzero(significant)[:_N_TRIED]
        _name_points(axes, x, y, cap, named, scored["name"].to_list())
        save_page(page, path_png, path_svg)


def _as_text(values: pl.Series) -> pl.Series:
    """Return the values of a column as a name shows them."""
    short = values.round_sig_figs(4) if values.dtype.is_float() else values
    return short.cast(pl.String).fill_null("(no name)")


def _chance(frame: pl.DataFrame) -> float | None:
    """Return the mAP of a random ranking, the median over groups; None where the table does not tell.

    Of queries with equally many pairs, the normalized AP is (AP - c) / (1 - c), c what a random ranking gives.
    """
    if "mean_normalized_average_precision" not in frame.columns:
        return None
    value = pl.col("mean_average_precision").cast(pl.Float64)
    normalized = pl.col("mean_normalized_average_precision").cast(pl.Float64)
    found = frame.select(chance=(value - normalized) / (1 - normalized), normalized=normalized)
    found = found.filter(pl.col("normalized").is_between(-0.999, 0.999) & pl.col("chance").is_between(0.0, 1.0))
    return float(np.median(found["chance"].to_numpy())) if len(found) else None


def _limits(x: np.ndarray, chance: float | None) -> tuple[float, float]:
    """Return the ends of the mAP axis: those of the values and of chance, with some room."""
    shown = x if chance is None else np.append(x, chance)
    low, high = (float(shown.min()), float(shown.max())) if len(shown) else (0.0, 1.0)
    room = max(0.04 * (high - low), 0.01)
    return low - room, high + room


def _draw_density(axes: Axes, x: np.ndarray, y: np.ndarray, colours: tuple[str, ...]) -> None:
    """Draw how many groups there are in each cell of a grid of hexagons, on a logarithmic scale."""
    from matplotlib.colors import LinearSegmentedColormap, LogNorm

    low, high = axes.get_xlim()
    cells = axes.hexbin(
        x,
        y,
        gridsize=(_BINS, _BINS // 2),
        extent=(low, high, *axes.get_ylim()),
        mincnt=1,
        linewidths=0.2,
        cmap=LinearSegmentedColormap.from_list("density", colours),
    )
    counts = np.asarray(cells.get_array())
    cells.set_norm(LogNorm(1, max(2.0, float(counts.max()))))


def _groups(count: int) -> str:
    return f"{count:,} group" if count == 1 else f"{count:,} groups"


def _cap(height: np.ndarray) -> float:
    """Height of the line for points too high to draw; infinite when there are none."""
    if not (height > _CAP).any():
        return math.inf
    # Where only p = 0 is beyond the rest, a line at 16 could flatten the rest for nothing.
    rest = height[np.isfinite(height)].max(initial=0.0)
    return min(_CAP, max(float(math.ceil(rest) + 1), _LOWEST_CAP))


def _name_points(axes: Axes, x: np.ndarray, y: np.ndarray, cap: float, named: np.ndarray, names: list[str]) -> None:
    """Name points where there is room: no name touches a point, another name or its line.

    A name that does not fit close to its point is left out.
    """
    figure = axes.get_figure()
    assert figure is not None
    unit = figure.dpi / 72  # pixels a point
    reach = 3 * unit  # radius of a marker
    points = axes.transData.transform(np.column_stack([x, y]))
    frame = axes.get_window_extent()
    dashed = axes.transData.transform((0.0, cap))[1] if math.isfinite(cap) else math.inf
    taken: list[tuple[Box, Line]] = []
    for row in named:
        if len(taken) == _N_LABELS:
            break
        name = names[row]
        note = axes.annotate(
            name if len(name) <= _LABEL_LENGTH else f"{name[: _LABEL_LENGTH - 11]}…{name[-10:]}",  # ends differ
            (x[row], y[row]),
            xytext=(0, 0),
            textcoords="offset points",
            fontsize=11,
            color=INK,
            va="center",
        )
        size = note.get_window_extent()
        at = points[row]
        choices = []
        for side, dy in product((-1, 1), _OFFSETS):
            # The line ends at the edge of the name nearest to the point.
            end = (at[0] + side * (8 + abs(dy) * 0.3) * unit, at[1] + dy * unit)
            left = end[0] - (size.width if side < 0 else 0.0)
            box = (left, end[1] - size.height / 2, left + size.width, end[1] + size.height / 2)
            line = ((at[0], at[1]), end)
            near = (points >= (box[0] - reach, box[1] - reach)) & (points <= (box[2] + reach, box[3] + reach))
            if (
                (box[0] >= frame.x0 and box[2] <= frame.x1 and box[1] >= frame.y0)
                and box[3] <= frame.y1 + 2 * unit
                and not box[1] < dashed < box[3]
                and not near.all(axis=1).any()
                and not any(_clash(box, line, *other, gap=2 * unit) for other in taken)
            ):
                choices.append((abs(dy), side, dy, box, line))
        if not choices:
            note.remove()
            continue
        _, side, dy, box, line = min(choices)
        taken.append((box, line))
        note.set_position(((line[1][0] - at[0]) / unit, dy))
        note.set_horizontalalignment("right" if side < 0 else "left")
        axes.annotate(
            "",
            (x[row], y[row]),
            xytext=note.get_position(),
            textcoords="offset points",
            arrowprops={"arrowstyle": "-", "color": GREY, "linewidth": 0.7, "shrinkA": 0, "shrinkB": 3},
        )


def _clash(box: Box, line: Line, other_box: Box, other_line: Line, *, gap: float) -> bool:
    """Whether a name or its line touches another name or its line."""
    left, low, right, high = other_box
    return (
        (box[0] < right + gap and left < box[2] + gap and box[1] < high + gap and low < box[3] + gap)
        or _cross(line, other_line)
        or _enters(line, other_box)
        or _enters(other_line, box)
    )


def _cross(one: Line, two: Line) -> bool:
    """Whether two line segments have a point in common."""

    def turn(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
        return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])

    (a, b), (c, d) = one, two
    return turn(a, b, c) * turn(a, b, d) <= 0 and turn(c, d, a) * turn(c, d, b) <= 0


def _enters(line: Line, box: Box) -> bool:
    """Whether a line segment touches a box: it meets a diagonal or ends inside."""
    left, low, right, high = box
    return (
        _cross(line, ((left, low), (right, high)))
        or _cross(line, ((left, high), (right, low)))
        or any(left <= px <= right and low <= py <= high for px, py in line)
    )
