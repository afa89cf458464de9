"""Pictures of embeddings: all metrics in one look, and labels one by one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from ..figures.style import GREY, INK, OKABE_ITO, house_style, new_page, save_page

__all__ = ["draw_labels", "draw_overview"]

_COLOURS = {"biology": OKABE_ITO[0], "batch": OKABE_ITO[1], "order": OKABE_ITO[2], "perturbation": OKABE_ITO[3]}
_TITLES = {"biology": "labels", "batch": "batches", "order": "order", "perturbation": "perturbations"}
_MOST_LABELS = 40  # the others are told in the footnote
_LABEL_LENGTH = 32


def draw_overview(results: pl.DataFrame, summary: pl.DataFrame, path_png: Path, path_svg: Path, subtitle: str) -> None:
    """Draw every metric of every embedding: a circle whose size is the score and whose number is the value.

    Parameters
    ----------
    results, summary : polars.DataFrame
        With the columns of ``results.csv`` and ``summary.csv``; embeddings stand in the order of the summary.
    path_png, path_svg : Path
        Where to write.
    subtitle : str
        What was judged.
    """
    names = summary["embedding"].to_list()
    metrics = (
        results.select("metric_type", "family")
        .unique(maintain_order=True)
        .sort(
            pl.col("family").replace_strict({"biology": 0, "batch": 1, "order": 2, "perturbation": 3}),
            maintain_order=True,
        )
    )
    columns = metrics["metric_type"].to_list()
    families = dict(metrics.iter_rows())
    cells = {(row["embedding"], row["metric_type"]): row for row in results.iter_rows(named=True)}
    best = names[0] if len(names) > 1 else ""
    title = f"{best} ranks first of {len(names)} embeddings" if best else f"How good {names[0]} is"
    note = (
        "Size: score from 0 (random vectors, or one place a batch) to 1 (one place a label, or batches shuffled); "
        "the value where there is no score. Number: the value. ×: not defined."
    )
    with house_style():
        page = new_page(max(9.0, 2.6 + 0.72 * (len(columns) + 3)), 2.6 + 0.55 * len(names), title, subtitle, note=note)
        axes = page.add_subplot()
        for y, name in enumerate(names):
            for x, metric in enumerate(columns):
                row = cells.get((name, metric))
                if row is None or row["value"] is None:
                    axes.plot(x, y, marker="x", color=GREY, ms=6)
                    continue
                size = row["score"] if row["score"] is not None else row["value"]
                share = float(np.clip(size, 0.02, 1))
                axes.scatter([x], [y], s=760 * share, color=_COLOURS[families[metric]], alpha=0.35, linewidths=0)
                axes.text(x, y, f"{row['value']:.2f}", ha="center", va="center", fontsize=10, color=INK)
            total = summary.row(by_predicate=pl.col("embedding") == name, named=True)["total"]
            if total is not None:
                axes.barh(y, 2.4 * max(total, 0), left=len(columns) - 0.2, height=0.5, color=GREY, alpha=0.5)
                axes.text(len(columns) - 0.1, y, f"{total:.2f}", va="center", fontsize=10, color=INK)
        axes.set(
            xlim=(-0.7, len(columns) + 2.4),
            ylim=(len(names) - 0.4, -0.6),
            yticks=range(len(names)),
            yticklabels=[_short(name) for name in names],
        )
        axes.set_xticks([*range(len(columns)), len(columns) + 0.9])
        axes.set_xticklabels(
            [*(name.replace("_", " ") for name in columns), "total"], rotation=40, ha="right", fontsize=11
        )
        for label, metric in zip(axes.get_xticklabels(), columns, strict=False):
            label.set_color(_COLOURS[families[metric]])
        axes.tick_params(length=0)
        for side in ("left", "bottom"):
            axes.spines[side].set_visible(False)
        shown = [family for family in _COLOURS if family in families.values()]
        handles = [axes.scatter([], [], s=80, color=_COLOURS[f], alpha=0.5, label=_TITLES[f]) for f in shown]
        axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=len(shown), borderpad=0)
        save_page(page, path_png, path_svg)


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
    some = per_label.filter(pl.col("metric_type") == metric)
    order = some.group_by("label").agg(pl.col("value").mean(), pl.col("n_cells").first()).sort("value", "label")
    shown = order.tail(_MOST_LABELS)
    left_out = len(order) - len(shown)
    names = some["embedding"].unique(maintain_order=True).to_list()
    note = f"{left_out} labels of lower values are not drawn (per_label.csv has them)." if left_out else ""
    what = "mean silhouette" if metric == "silhouette_score" else metric.replace("_", " ")
    with house_style():
        page = new_page(10, 1.8 + 0.32 * max(len(shown), 3), f"Labels by {what}", subtitle, note=note)
        axes = page.add_subplot()
        places = {label: place for place, label in enumerate(shown["label"].to_list())}
        for number, name in enumerate(names):
            mine = some.filter((pl.col("embedding") == name) & pl.col("label").is_in(shown["label"].implode()))
            axes.scatter(
                mine["value"].to_numpy(),
                [places[label] for label in mine["label"].to_list()],
                s=46,
                color=OKABE_ITO[number % len(OKABE_ITO)],
                label=_short(name),
                linewidths=0,
                zorder=3,
            )
        sizes = shown["n_cells"].to_list()
        axes.set_yticks(range(len(shown)))
        axes.set_yticklabels(
            [
                _short(label) + (f" ({size:,})" if size is not None else "")
                for label, size in zip(shown["label"], sizes, strict=True)
            ],
            fontsize=11,
        )
        axes.set(xlabel=what, ylim=(-0.6, max(len(shown), 1) - 0.4))
        axes.grid(axis="x")
        if metric == "silhouette_score":
            axes.axvline(0, color=GREY, linewidth=1)
        if len(names) > 1:
            axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=min(len(names), 5), borderpad=0)
        save_page(page, path_png, path_svg)


def _short(name: str) -> str:
    return name if len(name) <= _LABEL_LENGTH else f"{name[: _LABEL_LENGTH - 1]}…"
