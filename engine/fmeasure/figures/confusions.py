"""The figure of confusions: which cell types are taken for which, and where both lie in the ontology."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from ...errors import InputError, examples
from ...figures.style import GREY, INK, OKABE_ITO, house_style, new_page, save_page, wrapped
from .outline import Row, outline, ways_up
from .scores import SIMULATED, checked

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_confusions"]

_SHOWN = 12  # confusions
_NO_PREDICTION = "no prediction"
# What a confusion is: words and colour, in the order of the legend.
_KINDS = {
    "ancestor": ("too general (ancestor)", OKABE_ITO[0]),
    "descendant": ("too specific (descendant)", OKABE_ITO[1]),
    "other": ("beside (another branch)", OKABE_ITO[2]),
    "apart": ("no common ancestor", OKABE_ITO[3]),
    "wrong": ("another label", OKABE_ITO[0]),
    "none": (_NO_PREDICTION, GREY),
    "rest": ("rarer confusions", "#C9C9C9"),
}

# All lengths are inches: the page is one pair of axes whose units are inches from its upper left corner.
_WIDTH, _LEFT, _RIGHT = 12.0, 0.2, 11.8
_BADGE = 0.12  # radius
_PT, _SMALL = 12.0, 10.5  # font sizes
_CAPITALS = 0.73  # height of capitals in font sizes
_HEAD = 0.5  # height of column headings
_STRIPE, _PALE = "#F4F4F4", "#DCDCDC"
_ENTRIES = 4  # of the legend in a row


@dataclass(frozen=True)
class _Confusion:
    truth: str
    predicted: str | None  # None: no prediction
    cells: int
    share: float
    kind: str
    up: Sequence[str] = ()  # from the truth to the lowest common ancestor
    down: Sequence[str] = ()  # from the prediction to there

    @property
    def colour(self) -> str:
        return _KINDS[self.kind][1]

    @property
    def steps(self) -> str:
        """How the prediction is reached from the truth."""
        counts = ((len(self.up) - 1, "up"), (len(self.down) - 1, "down"))
        return ", ".join(f"{n} {way}" for n, way in counts if n > 0) or "–"


def draw_confusions(
    confusions: pl.DataFrame,
    classes: pl.DataFrame,
    path_png: Path,
    path_svg: Path,
    *,
    group: str,
    subtitle: str,
    parents: Mapping[str, Sequence[str]] | None = None,
    names: Mapping[str, str] | None = None,
    simulated: bool = False,
) -> None:
    """Draw the most frequent confusions of a group as ranked bars, and the part of the ontology they lie in.

    Colours say whether a prediction is too general (an ancestor of the truth), too specific (a descendant) or neither;
    a strip shows how all wrong cells divide. The outline below has the terms of the twelve most frequent confusions and
    the terms where their branches meet; each confusion is an arrow with its number, from the true to the predicted
    term. A term with several parents is drawn once; what else it lies under is written below it if it is drawn. Cells
    of confusions that are not drawn are counted in a footnote. The order of the rows does not matter.

    Parameters
    ----------
    confusions : pl.DataFrame
        Confusions of one group, each pair of `truth` and `predicted` once, with `truth_name`, `predicted_name`,
        `cells` and `share_of_truth` (0 to 1). A `predicted` of null is no prediction. With `parents` also `relation`
        (``ancestor``, ``descendant`` or ``other``, of the prediction to the truth) and `lowest_common_ancestor`.
        Less frequent confusions may be left out.
    classes : pl.DataFrame
        One row a class of the group: `label`, `support` (cells), `tp` (cells that are right).
    path_png, path_svg : Path
        Where to write; the folders must exist.
    group : str
        Whose confusions these are.
    subtitle : str
        Where they come from.
    parents : mapping of str to sequence of str, optional
        Parents of each term of the ontology. Without it, only the bars are drawn.
    names : mapping of str to str, optional
        Labels of terms; those of the table come first.
    simulated : bool, default False
        The predictions were simulated: the header says so.

    Raises
    ------
    InputError
        A column is missing, a pair occurs twice, or the tables are of different cells.
    """
    needed = ["truth", "truth_name", "predicted", "predicted_name", "cells", "share_of_truth"]
    checked(confusions, [*needed, *(["relation", "lowest_common_ancestor"] if parents else [])], "figure of confusions")
    checked(classes, ("label", "support", "tp"), "figure of confusions")
    listed = _listed(confusions, parents or {})
    support = {label: (cells, right) for label, cells, right in classes.select("label", "support", "tp").iter_rows()}
    total = sum(cells for cells, _ in support.values())
    wrong = total - sum(right for _, right in support.values())
    rest = wrong - sum(one.cells for one in listed)
    if rest < 0:
        raise InputError(
            f"The figure of confusions of {group!r} got {wrong - rest:,} confused cells, but only {wrong:,} cells of "
            "its classes are wrong; take both tables from the same group."
        )
    shown = listed[:_SHOWN]
    rows: list[Row] = []
    if parents:
        rows = outline(_terms(shown), [one.up[-1] for one in shown if one.kind == "other"], parents)
        rows += [Row(None)] * any(one.predicted is None for one in shown)
    notes = []
    left = wrong - sum(one.cells for one in shown)
    if left and shown:
        notes.append(
            f"Drawn: the {len(shown)} most frequent confusions, {wrong - left:,} of {wrong:,} wrong cells; "
            f"the other {left:,} wrong cells are not drawn."
        )
    if rows:
        notes.append("Recall: true cells with exactly this prediction.")
    if any(row.skipped for row in rows):
        notes.append("…: terms between are not drawn.")
    title = f"Confusions of {group}: {_percent(wrong, total)} of {total:,} cell{'s' * (total != 1)}"
    labels = _labels(confusions, names or {}, [*_terms(shown), *(row.term for row in rows if row.term is not None)])

    with house_style():
        blocks: list[_Strip | _Bars | _Outline] = [
            _Strip(listed, rest),
            _Bars(shown, labels, bool(parents)),
            _Outline(shown, labels, rows, support),
        ]
        height = max(sum(block.height for block in blocks), 0.8)

        def page_of(height: float) -> tuple[Figure, float, float]:
            page = new_page(_WIDTH, height, title, subtitle, note=" ".join(notes), simulated=simulated, badge=SIMULATED)
            _, low, _, room = page.get_layout_engine().get()["rect"]  # type: ignore[union-attr]
            return page, low, room

        page, _, room = page_of(height)
        page, low, room = page_of(2 * height - room * page.get_figheight())  # what the header took, on top
        page.set_layout_engine("none")
        axes = page.add_axes((0.0, low, 1.0, room))
        axes.set(xlim=(0, _WIDTH), ylim=(height, 0))
        axes.set_axis_off()
        top = 0.0
        for block in blocks:
            block.draw(axes, top)
            top += block.height
        if not listed:
            text = "no confusion is listed" if wrong else "no confusion" if total else "no cells"
            _write(axes, _LEFT, height / 2, text, fontsize=14)
        save_page(page, path_png, path_svg)


def _percent(part: float, whole: float = 1.0) -> str:
    """Write a share; only nothing is 0 %, and only all is 100 %."""
    share = 100 * part / whole if whole else 0.0
    text = f"{share:.0f}" if share >= 9.95 and not 99.5 <= share < 100 else f"{share:.1f}"
    return {"0.0": "< 0.1" if part else "0", "100.0": "> 99.9"}.get(text, text) + " %"


# What is drawn


def _listed(table: pl.DataFrame, parents: Mapping[str, Sequence[str]]) -> list[_Confusion]:
    """Read the table, most cells first."""
    twice = table.filter(table.select("truth", "predicted").is_duplicated()).select("truth", "predicted").unique()
    if not twice.is_empty():
        raise InputError(
            f"The figure of confusions got {examples(sorted(twice.rows(), key=str))} (truth, predicted) more than "
            "once; give it the confusions of one group."
        )
    found = []
    way = cache(lambda term: ways_up(term, parents))
    table = table.filter(pl.col("cells") > 0)
    for row in table.sort("cells", "truth", "predicted", descending=[True, False, False]).iter_rows(named=True):
        truth, predicted, up, down = row["truth"], row["predicted"], [], []
        kind = row.get("relation") or "wrong"
        if predicted is None:
            kind = "none"
        elif parents:
            met = {"ancestor": predicted, "descendant": truth}.get(kind, row["lowest_common_ancestor"])
            up, down = (way(term).get(met, []) for term in (truth, predicted))
            if kind == "other" and not (up and down):
                kind = "apart"
        cells = (row["cells"], row["share_of_truth"])
        found.append(_Confusion(truth, predicted, *cells, kind, up, down))
    return found


def _terms(confusions: Sequence[_Confusion]) -> list[str]:
    """Terms of confusions in order, each once, without "no prediction"."""
    found = dict.fromkeys(term for one in confusions for term in (one.truth, one.predicted))
    return [term for term in found if term is not None]


def _labels(table: pl.DataFrame, names: Mapping[str, str], terms: Sequence[str]) -> dict[str | None, str]:
    """Give what to write for each term: its name, and its id where names are the same."""
    known = dict(names)
    for side in ("truth", "predicted"):
        pairs = table.select(side, f"{side}_name").drop_nulls()
        known |= dict(pairs.iter_rows())
    found = {term: known.get(term) or term for term in terms}
    count = Counter(found.values())
    labels: dict[str | None, str] = {None: _NO_PREDICTION}
    for term, name in found.items():
        labels[term] = f"{name} ({term})" if count[name] > 1 and name != term else name
    return labels


# Drawing


def _write(axes: Axes, x: float, y: float, text: str, fontsize: float = _PT, **style: Any) -> None:
    """Write lines around y, by baselines: were boxes centred, words with and without descenders would not be level."""
    lines = text.split("\n")
    for place, line in enumerate(lines):
        middle = y + (place - (len(lines) - 1) / 2) * _height("", fontsize)
        axes.text(x, middle + _CAPITALS / 2 * fontsize / 72, line, fontsize=fontsize, va="baseline", **style)


def _head(axes: Axes, x: float, y: float, text: str, **style: Any) -> None:
    """Write a heading whose last line stands on y."""
    size = style.setdefault("fontsize", 11)
    _write(axes, x, y - _height(text, size) / 2, text, **({"color": GREY} | style))


def _height(text: str, points: float = _PT) -> float:
    return (text.count("\n") + 1) * points * 1.2 / 72


def _badge(axes: Axes, x: float, y: float, number: int, colour: str) -> None:
    """Draw the number of a confusion in a ring of its colour."""
    from matplotlib.patches import Circle

    axes.add_patch(Circle((x, y), _BADGE, facecolor="white", edgecolor=colour, linewidth=2.2, zorder=4))
    _write(axes, x, y, f"{number}", fontsize=10, fontweight="bold", ha="center", zorder=5)


def _stripe(axes: Axes, top: float, height: float) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((_LEFT - 0.1, top), _RIGHT - _LEFT + 0.2, height, facecolor=_STRIPE, zorder=0))


class _Strip:
    """All wrong cells, divided by what kind of confusion they are, under the legend that says so."""

    def __init__(self, listed: Sequence[_Confusion], rest: int) -> None:
        cells = Counter({"rest": rest})
        for one in listed:
            cells[one.kind] += one.cells
        self.cells = {kind: cells[kind] for kind in _KINDS if cells[kind]}
        if self.cells.keys() <= {"wrong", "rest"}:
            self.cells = {}
        self.legend = 0.52 * -(-len(self.cells) // _ENTRIES)
        self.height = self.legend + 0.36 if self.cells else 0.0

    def draw(self, axes: Axes, top: float) -> None:
        from matplotlib.patches import Rectangle

        total, x = sum(self.cells.values()), _LEFT
        for place, (kind, cells) in enumerate(self.cells.items()):
            words, colour = _KINDS[kind]
            column, row = place % _ENTRIES, place // _ENTRIES
            left = _LEFT + column * (_RIGHT - _LEFT) / _ENTRIES
            y = top + 0.52 * row + 0.22
            axes.add_patch(Rectangle((left, y - 0.17), 0.16, 0.34, facecolor=colour))
            text = f"{words}\n{cells:,} wrong cell{'s' * (cells != 1)}, {_percent(cells, total)}"
            _write(axes, left + 0.25, y, text)
            width = (_RIGHT - _LEFT) * cells / total
            axes.add_patch(Rectangle((x, top + self.legend), width, 0.24, facecolor=colour, edgecolor="white"))
            x += width


class _Bars:
    """The confusions one below the other, most cells first."""

    truth, arrow, predicted, bar, share = 3.7, 3.87, 4.05, 7.25, 10.5  # true types and shares end there
    name = 3.1  # width

    def __init__(self, shown: Sequence[_Confusion], labels: Mapping[str | None, str], steps: bool) -> None:
        self.shown, self.steps = shown, steps
        self.names = [
            [wrapped(labels[term], self.name, _PT, lines=3) for term in (one.truth, one.predicted)] for one in shown
        ]
        self.rows = [max(0.36, max(map(_height, pair)) + 0.1) for pair in self.names]
        self.longest = 1.3 if steps else 2.6
        self.height = _HEAD + sum(self.rows) + 0.3 if shown else 0.0

    def draw(self, axes: Axes, top: float) -> None:
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
            _write(axes, self.truth, middle, names[0], ha="right")
            _write(axes, self.arrow, middle, "→", ha="center", color=GREY)
            quiet: dict[str, Any] = {"color": GREY, "style": "italic"} if one.predicted is None else {}
            _write(axes, self.predicted, middle, names[1], **quiet)
            width = self.longest * one.cells / most
            axes.add_patch(Rectangle((self.bar, middle - 0.12), width, 0.24, facecolor=one.colour))
            _write(axes, self.bar + width + 0.07, middle, f"{one.cells:,}", fontweight="bold")
            _write(axes, last, middle, _percent(one.share), ha="right")
            if self.steps:
                _write(axes, _RIGHT, middle, one.steps, ha="right", color=GREY)
            y += height


class _Outline:
    """Terms below their parents, with cells and recall; each confusion is an arrow in a lane of its own."""

    cells, recall, lanes = 6.5, 6.7, 8.25
    name, bar = 5.4, 0.9  # end of names, width of a full bar

    def __init__(
        self,
        shown: Sequence[_Confusion],
        labels: Mapping[str | None, str],
        rows: Sequence[Row],
        support: Mapping[str, tuple[int, int]],
    ) -> None:
        self.shown, self.rows, self.support = shown, rows, support
        self.indent = min(0.28, 2.0 / max((1, *(row.depth for row in rows))))
        self.texts: list[tuple[str, str]] = []
        for row in rows:
            room = self.name - self.x(row)
            name = wrapped("… " * row.skipped + labels[row.term], room, _PT, lines=2)
            remark = "" if row.placed else "not in the ontology"
            if row.also:
                remark = "also under " + ", ".join(labels[term] for term in row.also)
            self.texts.append((name, wrapped(remark, room, _SMALL)))
        self.heights = [max(0.34, _height(name) + self.small(remark) + 0.1) for name, remark in self.texts]
        self.height = _HEAD + sum(self.heights) + 0.1 if rows else 0.0

    @staticmethod
    def small(remark: str) -> float:
        return _height(remark, _SMALL) if remark else 0.0

    def x(self, row: Row) -> float:
        return _LEFT + self.indent * row.depth

    def draw(self, axes: Axes, top: float) -> None:
        if not self.rows:
            return
        from matplotlib.patches import Rectangle

        y = top + _HEAD - 0.04
        _head(axes, _LEFT, y, "Where they lie in the ontology", fontsize=14, fontweight="bold", color=INK)
        _head(axes, self.cells, y, "true cells", ha="right")
        _head(axes, self.recall, y, "recall")
        _head(axes, self.lanes, y, "from the true type (number)\nto the prediction (arrowhead)")
        confused = set(_terms(self.shown))
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
            _write(axes, x, at - up, name, **style)
            if remark:
                _write(axes, x, at + _height(name) / 2, remark, color=GREY, fontsize=_SMALL)
            cells, right = self.support.get(row.term, (0, 0)) if row.term is not None else (0, 0)
            if cells:
                _write(axes, self.cells, at, f"{cells:,}", ha="right")
                for share, colour in ((1.0, _PALE), (right / cells, GREY)):
                    axes.add_patch(Rectangle((self.recall, at - 0.08), self.bar * share, 0.16, facecolor=colour))
                _write(axes, self.recall + self.bar + 0.07, at, f"{right / cells:.2f}")
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
