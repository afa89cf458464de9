"""Where predictions that must not score land."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ...figures.style import ALERT, GREY, INK, OKABE_ITO, house_style, legend_above, new_page, save_page

__all__ = ["draw_games"]

_LOW, _HIGH = -1.0, 1.1


def draw_games(games: pl.DataFrame, path_png: Path, path_svg: Path, subtitle: str, simulated: bool) -> None:
    """Draw the mean score of each game under each preset.

    Parameters
    ----------
    games : polars.DataFrame
        With the columns of ``audit.csv``.
    path_png, path_svg : Path
        Where to write.
    subtitle : str
        Of what.
    simulated : bool
        Whether the screen is the simulated one.
    """
    names = games["game"].unique(maintain_order=True).to_list()
    presets = games["preset"].unique(maintain_order=True).to_list()
    paying = "; red: the game would pay" if games["gains"].any() else ""
    with house_style():
        page = new_page(
            11,
            2.2 + 0.5 * len(names),
            "What predictions score that know no perturbation",
            subtitle,
            note=f"Mean score over the metrics of a preset{paying}. Below -1 it is drawn at the edge.",
            simulated=simulated,
            badge="SIMULATED SCREEN",
        )
        axes = page.add_subplot()
        handles = []
        for place, (preset, colour) in enumerate(zip(presets, OKABE_ITO, strict=False)):
            rows = {row["game"]: row for row in games.filter(pl.col("preset") == preset).iter_rows(named=True)}
            for y, name in enumerate(names):
                row = rows.get(name)
                if row is None or row["score"] is None:
                    continue
                x = min(max(row["score"], _LOW), _HIGH)
                edge = ALERT if row["gains"] else colour
                height = y + (place - (len(presets) - 1) / 2) * 0.15
                axes.plot([x], [height], "o", color=colour, markeredgecolor=edge, markeredgewidth=2, markersize=8)
            handles += axes.plot([], [], "o", color=colour, label=preset)
        for x, label in ((0.0, "mean response"), (1.0, "truth again")):
            axes.axvline(x, color=INK if x else GREY, linewidth=1, zorder=0)
            axes.text(x, len(names) - 0.4, label, ha="center", va="top", fontsize=11, color=GREY)
        axes.set(xlim=(_LOW - 0.05, _HIGH + 0.05), ylim=(len(names), -0.7), xlabel="mean score")
        axes.set_yticks(range(len(names)), names, fontsize=12)
        axes.grid(axis="x")
        axes.tick_params(axis="y", length=0)
        legend_above(axes, handles, gap=0.08, columns=5)
        save_page(page, path_png, path_svg)
