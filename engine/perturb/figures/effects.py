"""Predicted against true effects of one perturbation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import counted
from ...figures.style import ALERT, GREY, OKABE_ITO, house_style, new_page, save_page
from ..effects import Effects
from .scores import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["MOST", "draw_effects"]

#: Most predictions that are drawn.
MOST = 4
#: From so many genes on, points of an SVG are pixels.
_MANY = 2000
_QUIET = "#B8B8B8"


def draw_effects(effects: Effects, path_png: Path, path_svg: Path, subtitle: str, simulated: bool) -> None:
    """Draw one panel a prediction and one point a gene.

    Parameters
    ----------
    effects : Effects
        Of one perturbation; the first four predictions are drawn.
    path_png, path_svg : Path
        Where to write.
    subtitle : str
        Of what.
    simulated : bool
        Whether the screen is the simulated one.
    """
    names = list(effects.predicted)[:MOST]
    columns = 2 if len(names) in (2, 4) else max(len(names), 1)
    rows = -(-len(names) // columns)
    width = 11 if columns > 1 else 7.5
    where = f" in {effects.context}" if effects.context != "all" else ""
    ends = [effects.true, *(effects.predicted[name] for name in names)]
    edge = 1.12 * max(max(float(np.abs(values).max()) for values in ends), 1e-3)
    more = len(effects.predicted) - len(names)
    note = "Effect: mean log1p value less that of the control. Blue: significant in the truth."
    note += " Ring: the target, left out of r (Pearson's)." if len(effects.own) else " r: Pearson's."
    if more:
        note += f" Not drawn: {counted(more, 'prediction')}."
    with house_style():
        page = new_page(
            width,
            1.0 + rows * ((width - 0.9) / columns + 0.5),
            f"{effects.condition}{where}: predicted against true effects",
            subtitle,
            note=note,
            simulated=simulated,
            badge="SIMULATED SCREEN",
        )
        panels = page.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
        for axes, name in zip(panels, names, strict=False):
            _draw_panel(axes, effects, name, columns)
            axes.set(xlim=(-edge, edge), ylim=(-edge, edge))
            axes.set_box_aspect(1)
        for axes in panels[(rows - 1) * columns :]:
            axes.set_xlabel("true effect")
        for axes in panels[::columns]:
            axes.set_ylabel("predicted effect")
        save_page(page, path_png, path_svg)


def _draw_panel(axes: Axes, effects: Effects, name: str, columns: int) -> None:
    predicted, many = effects.predicted[name], len(effects.genes) > _MANY
    axes.axline((0, 0), slope=1, color=GREY, linewidth=1, zorder=0)
    axes.axhline(0, color="#E3E3E3", linewidth=0.8, zorder=-1)
    axes.axvline(0, color="#E3E3E3", linewidth=0.8, zorder=-1)
    for which, colour, size in ((~effects.significant, _QUIET, 14), (effects.significant, OKABE_ITO[0], 22)):
        place = (effects.true[which], predicted[which])
        axes.scatter(*place, s=size, c=colour, alpha=0.7, linewidths=0, rasterized=many)
    for gene in effects.own.tolist():
        axes.scatter(
            effects.true[gene], predicted[gene], s=120, facecolors="none", edgecolors=ALERT, linewidths=2, clip_on=False
        )
    r = effects.agreement(name)
    said = "r is not defined" if np.isnan(r) else f"r = {r:.2f}"
    axes.set_title(f"{shortened(name, 90 // columns)}\n{said}", fontsize=12, loc="left")
