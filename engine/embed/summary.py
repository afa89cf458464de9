"""Embeddings side by side: mean scores by family, and ranks."""

from __future__ import annotations

import polars as pl

from .finding import WHOLE

__all__ = ["summarised"]

#: Weights of the total, those of scib.
BIOLOGY, BATCH = 0.6, 0.4


def summarised(results: pl.DataFrame) -> pl.DataFrame:
    """Return one row an embedding, the best first.

    Parameters
    ----------
    results : polars.DataFrame
        With the columns of ``results.csv``. The score of a metric counts (its value where it has none), of metrics
        that all embeddings have; so do all metrics alike. Only the variant that is the whole counts.

    Returns
    -------
    polars.DataFrame
        Columns as `tables.SUMMARY_COLUMNS`. Equal totals share a rank.
    """
    n = results["embedding"].n_unique()
    used = results.filter(pl.col("variant") == WHOLE).with_columns(used=pl.coalesce("score", "value"))
    used = used.filter(pl.col("used").is_not_null())
    shared = used.group_by("task", "metric_type").len().filter(pl.col("len") == n)
    means = (
        used.join(shared, on=["task", "metric_type"], how="semi")
        .group_by("embedding", "family")
        .agg(pl.col("used").mean())
        .pivot("family", index="embedding", values="used")
    )
    table = results.select("embedding").unique(maintain_order=True).join(means, on="embedding", how="left")
    table = table.with_columns(
        pl.lit(None, pl.Float64).alias(name) for name in ("biology", "batch", "order") if name not in table.columns
    )
    total = pl.coalesce(BIOLOGY * pl.col("biology") + BATCH * pl.col("batch"), "biology", "batch", "order")
    table = table.with_columns(total=total).with_columns(
        rank=pl.col("total").rank("min", descending=True).cast(pl.Int64)
    )
    return table.select("embedding", "biology", "batch", "order", "total", "rank").sort(
        "rank", "embedding", nulls_last=True
    )
