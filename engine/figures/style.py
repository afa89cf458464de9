"""The look that all figures share: page, header, colours, and saving as PNG and reproducible SVG."""

from __future__ import annotations

import re
import warnings
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "ALERT",
    "GREY",
    "INK",
    "OKABE_ITO",
    "house_style",
    "legend_above",
    "new_page",
    "save_page",
    "wrapped",
]

# Okabe & Ito (2008), colours told apart under all common forms of colour blindness; the order puts
# the two strongest contrasts first. Their yellow is left out: it is too pale for text and thin lines.
OKABE_ITO = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
INK = "#1A1A1A"
GREY = "#6B6B6B"
ALERT = "#B22222"

DPI = 150
TITLE_PT, TEXT_PT, NOTE_PT = 18, 13, 12
_LINE = 1.35  # line height in font sizes
_MARGIN = 0.15  # inches around the page
# Where a line may break: at spaces, after a hyphen between letters ("1e-16" stays whole), after slash and underscore.
_BREAKS = re.compile(r"(\s+)|(?<=[^\W_]-)(?=[^\W\d_])|(?<=[/_])(?=\w)")

# Large type on purpose: a 12-inch figure is printed at about half its size.
_SETTINGS: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so every machine lays text out alike
    "font.size": TEXT_PT,
    "axes.labelsize": 14,
    "axes.titlesize": 14,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "text.color": INK,
    "text.parse_math": False,  # a "$" in a name of the user's is a dollar sign
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": "#E3E3E3",
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "legend.handlelength": 1.2,
    "legend.columnspacing": 1.6,
    # Without a fixed salt the identifiers inside an SVG are random, and no two runs give the same file.
    "svg.hashsalt": "fastbench",
    "svg.fonttype": "path",
}


@contextmanager
def house_style() -> Iterator[None]:
    """Draw with the shared settings, whatever the user's own matplotlib settings are.

    Yields
    ------
    None
        The previous settings come back when the block ends.
    """
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        # Names in scripts that the font lacks are drawn as boxes; the tables have them.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font", category=UserWarning)
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS)
        yield


def wrapped(text: str, inches: float, points: float, weight: str = "normal", *, lines: int = 0) -> str:
    """Break text into lines that fit the width, as measured with the font it is drawn in.

    Parameters
    ----------
    text : str
        What to write; its own line breaks stay.
    inches : float
        Width of a line.
    points : float
        Font size.
    weight : str, default "normal"
        Font weight.
    lines : int, default 0
        Most lines; of longer texts the middle is left out, since names often differ at their end. 0: no limit.

    Returns
    -------
    str
        With line breaks after spaces, hyphens, slashes and underscores, and inside words that are wider than a line.
    """

    def fits(line: str) -> bool:
        return _width(line, points, weight) <= 72 * inches

    def broken(text: str) -> list[str]:
        found = []
        for part in text.splitlines():
            line = ""
            for piece in filter(None, _BREAKS.split(part)):
                if not line.strip() or fits((line + piece).rstrip()):
                    line = (line + piece).lstrip()
                else:
                    found.append(line.rstrip())
                    line = piece.lstrip()
                while len(line) > 1 and not fits(line.rstrip()):
                    starts = [line[:n] for n in range(2, len(line))]
                    cut = bisect_left(starts, True, key=lambda start: not fits(start)) + 1
                    found.append(line[:cut])
                    line = line[cut:]
            found.append(line.rstrip())
        return found

    def shortened(length: int) -> str:
        return f"{text[: -(-length * 3 // 5)].rstrip()}…{text[len(text) - length * 2 // 5 :].lstrip()}"

    found = broken(text)
    if lines and len(found) > lines:
        too_long = bisect_left(range(len(text)), True, key=lambda n: len(broken(shortened(n))) > lines)
        found = broken(shortened(max(too_long - 1, 1)))
    return "\n".join(found)


@lru_cache(maxsize=1 << 14)
def _width(line: str, points: float, weight: str) -> float:
    """Width of a line in points; measuring takes milliseconds, and pages write the same names several times."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=points, weight=weight)
    return float(text_to_path.get_text_width_height_descent(line, font, ismath=False)[0])


def _height(text: str, points: float) -> float:
    """Height in inches of a block of lines."""
    return (text.count("\n") + 1) * points * _LINE / 72 if text else 0.0


def new_page(
    width: float,
    height: float,
    title: str,
    subtitle: str,
    *,
    note: str = "",
    simulated: bool = False,
    badge: str = "SIMULATED FEATURES",
) -> Figure:
    """Start a figure with its header and footnote; what is added later is laid out between them.

    Parameters
    ----------
    width, height : float
        Inches for the header and the plot; a footnote and further subtitle lines are added to the height.
    title, subtitle : str
        The headline, and the statistic that is shown. Long subtitles are wrapped.
    note : str, default ""
        Footnote, for what is not drawn or is drawn differently.
    simulated : bool, default False
        Print `badge` in the header.
    badge : str, default "SIMULATED FEATURES"
        What is simulated; about 20 characters have room.

    Returns
    -------
    matplotlib.figure.Figure
        Without axes, on an Agg canvas.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    room = width - 2 * _MARGIN
    beside = 3.2 if simulated else 0.0
    title, subtitle, note = (
        wrapped(title, room - beside, TITLE_PT, "bold"),
        wrapped(subtitle, room, TEXT_PT),
        wrapped(note, room, NOTE_PT),
    )
    top = _MARGIN + _height(title, TITLE_PT) + _height(subtitle, TEXT_PT) + 0.1
    bottom = _height(note, NOTE_PT) + (0.1 if note else 0.0)
    height += bottom + _height(subtitle, TEXT_PT)
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    figure.set_layout_engine(
        "constrained",
        rect=(0.0, bottom / height, 1.0, 1.0 - (top + bottom) / height),
        w_pad=_MARGIN,
        h_pad=0.08,
    )
    left, right = _MARGIN / width, 1.0 - _MARGIN / width
    spacing: dict[str, Any] = {"linespacing": _LINE - 0.15, "va": "top"}
    figure.text(left, 1.0 - _MARGIN / height, title, fontsize=TITLE_PT, fontweight="bold", **spacing)
    y = 1.0 - (_MARGIN + _height(title, TITLE_PT)) / height
    figure.text(left, y, subtitle, fontsize=TEXT_PT, color=GREY, **spacing)
    if note:
        y = (bottom - 0.02) / height
        figure.text(left, y, note, fontsize=NOTE_PT, color=GREY, **spacing)
    if simulated:
        figure.text(
            right - 0.08 / width,
            1.0 - (_MARGIN + 0.04) / height,
            badge,
            fontsize=14,
            fontweight="bold",
            color="white",
            ha="right",
            va="top",
            bbox={"boxstyle": "square,pad=0.35", "facecolor": ALERT, "edgecolor": "none"},
        )
    return figure


def legend_above(axes: Axes, handles: list[Any], *, gap: float = 0.3, columns: int = 0) -> None:
    """Put a legend over the axes, where it can hide no data.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        The plot to explain.
    handles : list
        Legend handles with their labels.
    gap : float, default 0.3
        Inches between the plot and the legend, room for what stands on the top edge.
    columns : int, default 0
        Most labels side by side; 0: all.
    """
    from matplotlib.transforms import ScaledTranslation

    figure = axes.get_figure()
    lifted = axes.transAxes + ScaledTranslation(0.0, gap, figure.dpi_scale_trans)  # type: ignore[union-attr]
    axes.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        bbox_transform=lifted,
        ncols=min(columns or len(handles), len(handles)),
        borderpad=0.0,
        borderaxespad=0.0,
    )


def save_page(figure: Figure, path_png: Path, path_svg: Path) -> None:
    """Write a figure as PNG (150 dpi) and as SVG, both free of dates, so equal data give equal files.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The finished figure.
    path_png, path_svg : Path
        Where to write; the folders must exist.
    """
    figure.savefig(path_png, format="png", dpi=DPI)
    figure.savefig(path_svg, format="svg", dpi=DPI, metadata={"Date": None})
