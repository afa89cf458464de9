"""The figure of confusions: which cell types are taken for which, and where both lie in the ontology."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from ...errors import InputError
from ...figures.style import house_style, new_page, save_page
from ..names import counted
from .confusion_blocks import LEFT, WIDTH, Bars, Outline, Strip, write
from .confusion_list import listed_confusions, percent, terms_of, written_names
from .outline import Row, outline
from .scores import SIMULATED, checked

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_confusions"]

_SHOWN = 12  # confusions


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
    listed = listed_confusions(confusions, parents or {})
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
        rows = outline(terms_of(shown), [one.up[-1] for one in shown if one.kind == "other"], parents)
        rows += [Row(None)] if any(one.predicted is None for one in shown) else []
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
    title = f"Confusions of {group}: {percent(wrong, total)} of {counted(total, 'cell')}"
    labels = written_names(
        confusions, names or {}, [*terms_of(shown), *(row.term for row in rows if row.term is not None)]
    )

    with house_style():
        blocks: list[Strip | Bars | Outline] = [
            Strip(listed, rest),
            Bars(shown, labels, bool(parents)),
            Outline(shown, labels, rows, support),
        ]
        height = max(sum(block.height for block in blocks), 0.8)

        def page_of(height: float) -> tuple[Figure, float, float]:
            page = new_page(WIDTH, height, title, subtitle, note=" ".join(notes), simulated=simulated, badge=SIMULATED)
            _, low, _, room = page.get_layout_engine().get()["rect"]  # type: ignore[union-attr]
            return page, low, room

        page, _, room = page_of(height)
        page, low, room = page_of(2 * height - room * page.get_figheight())  # what the header took, on top
        page.set_layout_engine("none")
        axes = page.add_axes((0.0, low, 1.0, room))
        axes.set(xlim=(0, WIDTH), ylim=(height, 0))
        axes.set_axis_off()
        top = 0.0
        for block in blocks:
            block.draw(axes, top)
            top += block.height
        if not listed:
            text = "no confusion is listed" if wrong else "no confusion" if total else "no cells"
            write(axes, LEFT, height / 2, text, fontsize=14)
        save_page(page, path_png, path_svg)
