"""The one metric that is shown perturbation by perturbation and compared between results."""

from __future__ import annotations

import polars as pl

from ..comparison import UNSAID

__all__ = ["better_on", "compared_rows", "headline"]

#: Correlations of effects over all genes, the best known first, under the names of all presets.
KNOWN = (
    "pearson_ctrl",
    "pearson_pert",
    "pearson_delta",
    "delta_pearson",
    "pearson_correlation",
    "spearman_ctrl",
    "cosine_ctrl",
    "cosine_pert",
)


def headline(summary: pl.DataFrame) -> str | None:
    """Return the metric that is shown: of the well-known correlations that with the largest dynamic range.

    Where none was computed, any with a value a perturbation. Ranks among few perturbations are steps, so metrics of
    retrieval come after all others.

    Parameters
    ----------
    summary : polars.DataFrame
        With the columns of ``summary.csv``.

    Returns
    -------
    str or None
        None where no metric has a dynamic range and a value a perturbation.
    """
    known = summary.filter(pl.col("drf").is_not_null(), pl.col("n_conditions") > 0)
    known = known.with_columns(rank=~pl.col("metric_type").is_in(KNOWN), last=pl.col("family") == "retrieval")
    known = known.sort("rank", "last", "drf", descending=[False, False, True], maintain_order=True)
    return None if known.is_empty() else str(known["metric_type"][0])


def compared_rows(results: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of predictions, without baselines, of the first metric in `KNOWN` that is there.

    What a prediction does not say counts as the mean response, as in ``summary.csv``: its value is the baseline's.

    Parameters
    ----------
    results : polars.DataFrame
        With the columns of ``results.csv``.

    Raises
    ------
    ValueError
        When none of these metrics was computed.
    """
    there = set(results["metric_type"].unique().to_list())
    metric = next((name for name in KNOWN if name in there), None)
    if metric is None:
        raise ValueError(f"none of the metrics {', '.join(KNOWN)} is in it, which results are compared by")
    rows = results.filter(~pl.col("prediction").str.starts_with("baseline"), pl.col("metric_type") == metric)
    unsaid = pl.col("value").is_null() & pl.col("status").is_in(list(UNSAID))
    return rows.with_columns(value=pl.when(unsaid).then("baseline").otherwise("value"))


def better_on(results: pl.DataFrame, metric: str, higher: bool, mean_response: str) -> pl.DataFrame:
    """Count the perturbations on which each prediction is better than the mean response.

    Parameters
    ----------
    results : polars.DataFrame
        With the columns of ``results.csv``.
    metric : str
        By which.
    higher : bool
        Whether its higher values are better.
    mean_response : str
        Name of the prediction that knows the mean response alone.

    Returns
    -------
    polars.DataFrame
        ``prediction``, ``better`` and ``of``: perturbations, once a context, of which the mean response has a value.
    """
    rows = results.filter(pl.col("metric_type") == metric).select("prediction", "context", "condition", "value")
    mean = rows.filter(pl.col("prediction") == mean_response, pl.col("value").is_not_null()).drop("prediction")
    both = rows.join(mean, on=["context", "condition"], suffix="_mean")
    gain = (pl.col("value") - pl.col("value_mean")) * (1 if higher else -1)
    return both.group_by("prediction", maintain_order=True).agg(better=(gain > 0).sum(), of=pl.len())
