"""Embeddings side by side: mean scores by family, and ranks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from .anchors import ends_of
from .finding import WHOLE
from .options import COMPARED

__all__ = ["Verdict", "above_unintegrated", "intervals_of_scores", "labels_side_by_side", "summarised", "verdict"]

#: Weights of the total, those of scib.
BIOLOGY, BATCH = 0.6, 0.4
#: Mean scores of random vectors lie within this of 0.
RANDOM = 0.05
_UNCONFIRMED = "intervals do not confirm it"


def summarised(results: pl.DataFrame) -> pl.DataFrame:
    """Return one row an embedding, the best first.

    Parameters
    ----------
    results : polars.DataFrame
        With the columns of ``results.csv``. Scores count; values do where there is none at all (without anchors). Of
        metrics that all embeddings have, but those without any: their mean by task, then the mean of the tasks of a
        family, so that a task of many metrics counts as much as one of few. Only the variant that is the whole counts.

    Returns
    -------
    polars.DataFrame
        Columns as `tables.SUMMARY_COLUMNS`. Equal totals share a rank; what has none comes last.
    """
    counted = "value" if results["score"].is_null().all() else "score"
    used = results.filter((pl.col("variant") == WHOLE) & pl.col(counted).is_not_null())
    shared = used.group_by("task", "metric_type").len().filter(pl.col("len") == used["embedding"].n_unique())
    means = (
        used.join(shared, on=["task", "metric_type"], how="semi")
        .group_by("embedding", "family", "task")
        .agg(pl.col(counted).mean())
        .group_by("embedding", "family")
        .agg(pl.col(counted).mean())
        .pivot("family", index="embedding", values=counted)
    )
    table = results.select("embedding").unique(maintain_order=True).join(means, on="embedding", how="left")
    table = table.with_columns(
        pl.lit(None, pl.Float64).alias(name) for name in ("biology", "batch", "order") if name not in table.columns
    )
    total = pl.coalesce(BIOLOGY * pl.col("biology") + BATCH * pl.col("batch"), "biology", "batch", "order")
    # Random vectors mix batches perfectly: a mean of both must not put them first.
    table = table.with_columns(total=total, above_random=pl.col("biology") > RANDOM)
    last = pl.col("above_random").fill_null(value=True).cast(pl.Int64)
    rank = pl.struct(last, pl.col("total").fill_null(-math.inf)).rank("min", descending=True).cast(pl.Int64)
    table = table.with_columns(rank=pl.when(pl.col("total").is_not_null()).then(rank))
    columns = ["embedding", "biology", "batch", "order", "total", "above_random", "rank"]
    return table.select(columns).sort("rank", "embedding", nulls_last=True)


def above_unintegrated(results: pl.DataFrame) -> dict[str, tuple[int, int]]:
    """Return in how many metrics each embedding lies above the unintegrated cells, and of how many.

    Parameters
    ----------
    results : polars.DataFrame
        With the columns of ``results.csv``; the variant that is the whole counts.
    """
    both = results.filter(
        (pl.col("variant") == WHOLE) & pl.col("value").is_not_null() & pl.col("unintegrated").is_not_null()
    )
    counted = both.group_by("embedding", maintain_order=True).agg(
        (pl.col("value") > pl.col("unintegrated")).sum().alias("above"), pl.len().alias("of")
    )
    return {name: (above, of) for name, above, of in counted.iter_rows()}


def intervals_of_scores(results: pl.DataFrame) -> pl.DataFrame:
    """Return results with ``lower`` and ``upper`` on the scale of scores, on which embeddings can be compared.

    Parameters
    ----------
    results : polars.DataFrame
        With the columns of ``results.csv``. Without any score they stay; else a row without a score has no interval.
    """
    if results["score"].is_null().all():
        return results
    columns: dict[str, list[float | None]] = {"lower": [], "upper": []}
    for row in results.iter_rows(named=True):
        low, high = ends_of(row)
        for side, values in columns.items():
            if row["score"] is None or row[side] is None or low is None or high is None:
                values.append(None)
            else:
                values.append((row[side] - low) / (high - low))
    return results.with_columns(pl.Series(side, values, pl.Float64) for side, values in columns.items())


class Verdict(NamedTuple):
    """Which embedding is first.

    Attributes
    ----------
    sentence : str
        Without a full stop.
    doubt : str
        What to say beside its name, where its intervals do not lie above those of the next in more metrics than below;
        else empty.
    """

    sentence: str
    doubt: str


def verdict(results: pl.DataFrame, summary: pl.DataFrame) -> Verdict:
    """Return which of several embeddings is first, and whether intervals tell it from the next.

    Parameters
    ----------
    results, summary : polars.DataFrame
        With the columns of ``results.csv`` and ``summary.csv``, two embeddings or more.

    Returns
    -------
    Verdict
        Intervals that do not overlap are the stricter test, since both are of the same cells.
    """
    ranked = summary.filter(pl.col("total").is_not_null())
    without = _without_total(results, summary)
    if len(ranked) < 2:
        return Verdict(f"Fewer than two embeddings have a total{without}", _UNCONFIRMED)
    (first, high), (second, low) = ranked.select("embedding", "total").head(2).iter_rows()
    bounds = intervals_of_scores(results).filter(pl.col("lower").is_not_null() & (pl.col("variant") == WHOLE))
    one, two = (
        bounds.filter(pl.col("embedding") == name).select("task", "metric_type", "lower", "upper")
        for name in (first, second)
    )
    both = one.join(two, on=["task", "metric_type"], suffix="_2")
    above = int((both["lower"] > both["upper_2"]).sum())
    below = int((both["upper"] < both["lower_2"]).sum())
    totals = f"{first} has a total of {high:.3f}, {second} is next with {low:.3f}"
    if not len(both):
        return Verdict(f"{totals}; no metric has an interval in both{without}", _UNCONFIRMED)
    counts = f"above the next in {above}, below in {below}, and {len(both) - above - below} overlap"
    doubt = "intervals contradict it" if below > above else _UNCONFIRMED if above == below else ""
    return Verdict(f"{totals}; of {len(both)} metrics with intervals it is {counts}{without}", doubt)


def _without_total(results: pl.DataFrame, summary: pl.DataFrame) -> str:
    """Return which embeddings have no total, and why."""
    said = ""
    for name in summary.filter(pl.col("total").is_null())["embedding"]:
        status = results.filter((pl.col("embedding") == name) & pl.col("value").is_null())["status"]
        why = f" ({status.mode().sort()[0].rstrip('.')})" if len(status) else ""
        said += f"; {name} has no total{why}"
    return said


def labels_side_by_side(per_label: pl.DataFrame, labels: Sequence[str]) -> pl.DataFrame:
    """Return one row an embedding and label, with a column for each metric that has values of labels.

    Parameters
    ----------
    per_label : polars.DataFrame
        With the columns of ``per_label.csv``.
    labels : sequence of str
        The labels.
    """
    known = pl.col("label").is_in(list(labels)) & pl.col("n_cells").is_not_null() & (pl.col("variant") == WHOLE)
    mine = per_label.filter(known)
    table = pl.DataFrame(schema={"embedding": pl.String, "label": pl.String, "n_cells": pl.Int64})
    if len(mine):
        keys = table.columns
        table = mine.pivot("metric_type", index=keys, values="value", aggregate_function="first")
    missing = [name for name in COMPARED if name not in table.columns]
    return table.with_columns(pl.lit(None, pl.Float64).alias(name) for name in missing).sort("embedding", "label")
