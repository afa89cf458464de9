"""The blocks of the figure of confusions, one below the other: kinds, ranked bars, outline of the ontology."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...figures.style import GREY, INK, wrapped
from ..names import counted
from .confusion_list import KINDS, DrawnConfusion, percent, terms_of
from .outline import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["LEFT", "WIDTH", "Bars", "Outline", "Strip", "write"]

# All lengths are inches: the page is one pair of axes whose units are inches from its upper left corner.
WIDTH, LEFT, _RIGHT = 12.0, 0.2, 11.8
_BADGE = 0.12  # radius
_PT, _SMALL = 12.0, 10.5  # font sizes
_CAPITALS = 0.73  # height of capitals in font sizes
_HEAD = 0.5  # height of column headings
_STRIPE, _PALE = "#F4F4F4", "#DCDCDC"
_ENTRIES = 4  # of the legend in a row


def write(axes: Axes, x: float, y: float, text: str, fontsize: float = _PT, **style: Any) -> None:
    """Write lines around y, by baselines: were boxes centred, words with and without descenders would not be level."""
    lines = text.split("\n")
    for place, line in enumerate(lines):
        middle = y + (place - (len(lines) - 1) / 2) * _height("", fontsize)
        axes.text(x, middle + _CAPITALS / 2 * fontsize / 72, line, fontsize=fontsize, va="baseline", **style)


def _head(axes: Axes, x: float, y: float, text: str, **style: Any) -> None:
    """Write a heading whose last line stands on y."""
    size = style.setdefault("fontsize", 11)
    write(axes, x, y - _height(text, size) / 2, text, **({"color": GREY} | style))


def _height(text: str, points: float = _PT) -> float:
    return (text.count("\n") + 1) * points * 1.2 / 72


def _badge(axes: Axes, x: float, y: float, number: int, colour: str) -> None:
    """Draw the number of a confusion in a ring of its colour."""
    from matplotlib.patches import Circle

    axes.add_patch(Circle((x, y), _BADGE, facecolor="white", edgecolor=colour, linewidth=2.2, zorder=4))
    write(axes, x, y, f"{number}", fontsize=10, fontweight="bold", ha="center", zorder=5)


def _stripe(axes: Axes, top: float, height: float) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((LEFT - 0.1, top), _RIGHT - LEFT + 0.2, height, facecolor=_STRIPE, zorder=0))


class Strip:
    """All wrong cells, divided by what kind of confusion they are, under the legend that says so."""

    def __init__(self, listed: Sequence[DrawnConfusion], rest: int) -> None:
        cells = Counter({"rest": rest})
        for one in listed:
            cells[one.kind] += one.cells
        self.cells = {kind: cells[kind] for kind in KINDS if cells[kind]}
        if self.cells.keys() <= {"wrong", "rest"}:
            self.cells = {}
        self.legend = 0.52 * -(-len(self.cells) // _ENTRIES)
        self.height = self.legend + 0.36 if self.cells else 0.0

    def draw(self, axes: Axes, top: float) -> None:
        """Draw the block below `top`."""
        from matplotlib.patches import Rectangle

        total, x = sum(self.cells.values()), LEFT
        for place, (kind, cells) in enumerate(self.cells.items()):
            words, colour = KINDS[kind]
            column, row = place % _ENTRIES, place // _ENTRIES
            left = LEFT + column * (_RIGHT - LEFT) / _ENTRIES
            y = top + 0.52 * row + 0.22
            axes.add_patch(Rectangle((left, y - 0.17), 0.16, 0.34, facecolor=colour))
            text = f"{words}\n{counted(cells, 'wrong cell')}, {percent(cells, total)}"
            write(axes, left + 0.25, y, text)
            width = (_RIGHT - LEFT) * cells / total
            axes.add_patch(Rectangle((x, top + self.legend), width, 0.24, facecolor=colour, edgecolor="white"))
            x += width


class Bars:
    """The most frequent confusions as ranked bars, one below the other."""

    truth, arrow, predicted, bar, share = 3.7, 3.87, 4.05, 7.25, 10.5  # true types and shares end there
    name = 3.1  # width

    def __init__(self, shown: Sequence[DrawnConfusion], labels: Mapping[str | None, str], steps: bool) -> None:
        self.shown, self.steps = shown, steps
        self.names = [
            [wrapped(labels[term], self.name, _PT, lines=3) for term in (one.truth, one.predicted)] for one in shown
        ]
        self.rows = [max(0.36, max(map(_height, pair)) + 0.1) for pair in self.names]
        self.longest = 1.3 if steps else 2.6
        self.height = _HEAD + sum(self.rows) + 0.3 if shown else 0.0

    def draw(self, axes: Axes, top: float) -> None:
        """Draw the block below `top`."""
        if not self.shown:
            return
        from matplotlib.patches import Rectangle

        y = top + _HEAD - 0.04
        _head(axes, self.truth, y, "true type", ha="right")
        _head(axes, self.predicted, y, "predicted as")
        _head(axes, self.bar, y, "cells")
        last = self.share if self.steps else _RIGHT
        _head(axes, last, y, "share of the\ntrue type", ha="right")
        if self.steps:
            _head(axes, _RIGHT, y, "steps in the\nontology", ha="right")
        most = max(one.cells for one in self.shown)
        y = top + _HEAD
        for place, (one, names, height) in enumerate(zip(self.shown, self.names, self.rows, strict=True)):
            middle = y + height / 2
            if place % 2 == 0:
                _stripe(axes, y, height)
            _badge(axes, 0.35, middle, place + 1, one.colour)
            write(axes, self.truth, middle, names[0], ha="right")
            write(axes, self.arrow, middle, "→", ha="center", color=GREY)
            quiet: dict[str, Any] = {"color": GREY, "style": "italic"} if one.predicted is None else {}
            write(axes, self.predicted, middle, names[1], **quiet)
            width = self.longest * one.cells / most
            axes.add_patch(Rectangle((self.bar, middle - 0.12), width, 0.24, facecolor=one.colour))
            write(axes, self.bar + width + 0.07, middle, f"{one.cells:,}", fontweight="bold")
            write(axes, last, middle, percent(one.share), ha="right")
            if self.steps:
                write(axes, _RIGHT, middle, one.steps, ha="right", color=GREY)
            y += height


class Outline:
    """Terms below their parents, with cells and recall; each confusion is an arrow in a lane of its own."""

    cells, recall, lanes = 6.5, 6.7, 8.25
    name, bar = 5.4, 0.9  # end of names, width of a full bar

    def __init__(
        self,
        shown: Sequence[DrawnConfusion],
        labels: Mapping[str | None, str],
        rows: Sequence[Row],
        support: Mapping[str, tuple[int, int]],
    ) -> None:
        self.shown, self.rows, self.support = shown, rows, support
        self.indent = min(0.28, 2.0 / max((1, *(row.depth for row in rows))))
        self.texts: list[tuple[str, str]] = []
        for row in rows:
            room = self.name - self.x(row)
            name = wrapped(f"{'… ' if row.skipped else ''}{labels[row.term]}", room, _PT, lines=2)
            remark = "" if row.placed else "not in the ontology"
            if row.also:
                remark = "also under " + ", ".join(labels[term] for term in row.also)
            self.texts.append((name, wrapped(remark, room, _SMALL)))
        self.heights = [max(0.34, _height(name) + self.small(remark) + 0.1) for name, remark in self.texts]
        self.height = _HEAD + sum(self.heights) + 0.1 if rows else 0.0

    @staticmethod
    def small(remark: str) -> float:
        """Return the height of a remark."""
        return _height(remark, _SMALL) if remark else 0.0

    def x(self, row: Row) -> float:
        """Return where the name of a row begins."""
        return LEFT + self.indent * row.depth

    def draw(self, axes: Axes, top: float) -> None:
        """Draw the block below `top`."""
        if not self.rows:
            return
        from matplotlib.patches import Rectangle

        y = top + _HEAD - 0.04
        _head(axes, LEFT, y, "Where they lie in the ontology", fontsize=14, fontweight="bold", color=INK)
        _head(axes, self.cells, y, "true cells", ha="right")
        _head(axes, self.recall, y, "recall")
        _head(axes, self.lanes, y, "from the true type (number)\nto the prediction (arrowhead)")
        confused = set(terms_of(self.shown))
        middle: dict[str | None, float] = {}
        bottom: dict[str | None, float] = {}
        y = top + _HEAD
        for place, (row, (name, remark), height) in enumerate(zip(self.rows, self.texts, self.heights, strict=True)):
            at = middle[row.term] = y + height / 2
            if place % 2 == 0:
                _stripe(axes, y, height)
            x, up = self.x(row), self.small(remark) / 2
            bottom[row.term] = at + _height(name) / 2 + up + 0.02
            if row.above is not None:
                left, start = x - self.indent + 0.08, bottom[row.above]
                axes.plot([left, left, x - 0.04], [start, at, at], color="#A8A8A8", linewidth=1.2, zorder=1)
            style: dict[str, Any] = {} if row.term in confused else {"color": GREY}
            if row.term is None:
                style["style"] = "italic"
            write(axes, x, at - up, name, **style)
            if remark:
                write(axes, x, at + _height(name) / 2, remark, color=GREY, fontsize=_SMALL)
            cells, right = self.support.get(row.term, (0, 0)) if row.term is not None else (0, 0)
            if cells:
                write(axes, self.cells, at, f"{cells:,}", ha="right")
                for share, colour in ((1.0, _PALE), (right / cells, GREY)):
                    axes.add_patch(Rectangle((self.recall, at - 0.08), self.bar * share, 0.16, facecolor=colour))
                write(axes, self.recall + self.bar + 0.07, at, f"{right / cells:.2f}")
            y += height
        self._draw_arrows(axes, middle)

    def _draw_arrows(self, axes: Axes, middle: Mapping[str | None, float]) -> None:
        from matplotlib.patches import Polygon

        pitch = min(0.42, (_RIGHT - self.lanes) / len(self.shown))
        most = max(one.cells for one in self.shown)
        for place, one in enumerate(self.shown):
            x = self.lanes + pitch * (place + 0.5)
            start, end = middle[one.truth], middle[one.predicted]
            way = 1 if end > start else -1
            width = 1.5 + 4.5 * one.cells / most
            axes.plot(
                [x, x], [start, end - 0.1 * way], color=one.colour, linewidth=width, solid_capstyle="butt", zorder=2
            )
            tip = [(x, end + 0.07 * way), (x - 0.12, end - 0.13 * way), (x + 0.12, end - 0.13 * way)]
            axes.add_patch(Polygon(tip, facecolor=one.colour, edgecolor="white", linewidth=0.6, zorder=3))
            _badge(axes, x, start, place + 1, one.colour)
