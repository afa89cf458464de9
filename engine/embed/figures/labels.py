"""Labels of embeddings one by one."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ...figures.style import GREY, OKABE_ITO, house_style, new_page, save_page
from ..finding import WHOLE
from .names import metric_name, shortened

__all__ = ["draw_labels"]

_MOST_LABELS = 40  # the highest and the lowest; the others are told in the footnote
_MARKERS = "osD^v"  # from the seventh embedding on, colours come again
_LEGEND_INCHES = 5.6


def draw_labels(per_label: pl.DataFrame, path_png: Path, path_svg: Path, subtitle: str) -> None:
    """Draw the mean silhouette of each label, one mark an embedding, the label that is best apart on top.

    Parameters
    ----------
    per_label : polars.DataFrame
        With the columns of ``per_label.csv``.
    path_png, path_svg : Path
        Where to write.
    subtitle : str
        What was judged.
    """
    metric = next((name for name in ("silhouette_score", "clisi") if name in per_label["metric_type"]), "")
    if not metric:
        metric = per_label["metric_type"][0] if len(per_label) else ""
    some = per_label.filter((pl.col("metric_type") == metric) & (pl.col("variant") == WHOLE))
    order = some.group_by("label").agg(pl.col("value").mean(), pl.col("n_cells").first()).sort("value", "label")
    shown = (
        order
        if len(order) <= _MOST_LABELS
        else pl.concat([order.head(_MOST_LABELS // 2), order.tail(_MOST_LABELS // 2)])
    )
    left_out = len(order) - len(shown)
    names = some["embedding"].unique(maintain_order=True).to_list()
    note = (
        f"{left_out} labels between the highest and the lowest are not drawn (per_label.csv has them)."
        if left_out
        else ""
    )
    what = "mean silhouette" if metric == "silhouette_score" else metric_name(metric)
    with house_style():
        column = 0.6 + 0.11 * max((len(shortened(name)) for name in names), default=1)
        columns = max(int(_LEGEND_INCHES / column), 1)
        above = 0.27 * -(-len(names) // columns)
        page = new_page(10, 1.6 + above + 0.32 * max(len(shown), 3), f"Labels by {what}", subtitle, note=note)
        axes = page.add_subplot()
        places = {label: place for place, label in enumerate(shown["label"].to_list())}
        for number, name in enumerate(names):
            mine = some.filter((pl.col("embedding") == name) & pl.col("label").is_in(shown["label"].implode()))
            axes.scatter(
                mine["value"].to_numpy(),
                [places[label] for label in mine["label"].to_list()],
                s=46,
                color=OKABE_ITO[number % len(OKABE_ITO)],
                marker=_MARKERS[number // len(OKABE_ITO) % len(_MARKERS)],
                alpha=0.85,
                label=shortened(name),
                linewidths=0,
                zorder=3,
            )
        sizes = shown["n_cells"].to_list()
        axes.set_yticks(range(len(shown)))
        axes.set_yticklabels(
            [
                shortened(label) + (f" ({size:,})" if size is not None else "")
                for label, size in zip(shown["label"], sizes, strict=True)
            ],
            fontsize=11,
        )
        axes.set(xlabel=what, ylim=(-0.6, max(len(shown), 1) - 0.4))
        axes.grid(axis="x")
        if metric == "silhouette_score":
            axes.axvline(0, color=GREY, linewidth=1)
        else:
            axes.set_xlim(-0.03, 1.03)
        if len(names) > 1:
            axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=min(columns, len(names)), borderpad=0)
        save_page(page, path_png, path_svg)
