"""Predictions in order, and whether each is better than the mean response."""

from __future__ import annotations

import polars as pl

from ...errors import counted
from ...statistics.paired_comparison import FEWEST
from .competition import competition_scores
from .summary import shown_context
from .tables import LEADER_COLUMNS

__all__ = ["LIMITS", "leaders", "verdict"]

#: How names of baselines begin.
BASELINE = "baseline"
#: Scores are limited to these in their mean, so that no single metric without bounds decides it.
LIMITS = (-1.0, 2.0)
#: A difference counts below this q-value.
SIGNIFICANT = 0.05


def leaders(summary: pl.DataFrame, differences: pl.DataFrame, mean_response: str, preset: str = "") -> pl.DataFrame:
    """Return one row a prediction, the best first.

    Parameters
    ----------
    summary, differences : polars.DataFrame
        With the columns of ``summary.csv`` and ``differences.csv``.
    mean_response : str
        Name of the prediction that knows the mean response alone.
    preset : str, optional
        Whose competition, where it is one of a competition and all its metrics are there, gives a column as well.

    Returns
    -------
    polars.DataFrame
        Columns as `tables.LEADER_COLUMNS`. The mean score is over the metrics that have one for every prediction: each
        counts the same, limited to `LIMITS`.
    """
    table = shown_context(summary)
    names = table["prediction"].unique(maintain_order=True).to_list()
    scored = table.filter(pl.col("score").is_not_null())
    shared = scored.group_by("metric_type").len().filter(pl.col("len") == len(names))
    means = (
        scored.join(shared, on="metric_type", how="semi")
        .group_by("prediction")
        .agg(pl.col("score").clip(*LIMITS).mean(), pl.len())
    )
    beside = _against(differences, mean_response)
    missing = table.group_by("prediction").agg(pl.max("n_missing"))
    found = (
        pl.DataFrame({"prediction": names})
        .join(means, on="prediction", how="left")
        .join(beside, on="prediction", how="left")
        .join(missing, on="prediction", how="left")
        .with_columns(
            baseline=pl.col("prediction").str.starts_with(BASELINE),
            n_metrics=pl.col("len").fill_null(0).cast(pl.Int64),
            **{name: pl.col(name).fill_null(0).cast(pl.Int64) for name in ("better", "worse", "tested", "n_missing")},
        )
        .with_columns(rank=pl.col("score").rank("min", descending=True).cast(pl.Int64))
    )
    totals = competition_scores(preset, summary)
    if totals:
        found = found.with_columns(
            competition=pl.col("prediction").replace_strict(totals, default=None, return_dtype=pl.Float64)
        )
    there = [column.name for column in LEADER_COLUMNS if column.name in found.columns]
    return found.select(there).sort("rank", "prediction", nulls_last=True)


def _against(differences: pl.DataFrame, mean_response: str) -> pl.DataFrame:
    """Return in how many metrics each prediction is better or worse than the mean response."""
    one = differences.filter(pl.col("against") == mean_response).select("prediction", "difference", "q_value")
    other = differences.filter(pl.col("prediction") == mean_response).select(
        pl.col("against").alias("prediction"), -pl.col("difference"), "q_value"
    )
    sure = pl.col("q_value") < SIGNIFICANT
    return (
        pl.concat([one, other])
        .group_by("prediction")
        .agg(
            better=(sure & (pl.col("difference") > 0)).sum(),
            worse=(sure & (pl.col("difference") < 0)).sum(),
            tested=pl.col("q_value").is_not_null().sum(),
        )
    )


def verdict(board: pl.DataFrame) -> list[str]:
    """Return one sentence a prediction that is no baseline: whether it is better than the mean response.

    Parameters
    ----------
    board : polars.DataFrame
        As `leaders` returns it.
    """
    said = []
    for row in board.filter(~pl.col("baseline")).iter_rows(named=True):
        if not row["tested"]:
            said.append(
                f"{row['prediction']}: not tested whether it is better than the mean response, which takes at least "
                f"{FEWEST} perturbations and --bootstrap above 0."
            )
            continue
        n = row["tested"]
        if row["better"] and not row["worse"]:
            how = f"is better than the mean response in {row['better']} of {n} metrics, and worse in none"
        elif row["worse"] and not row["better"]:
            how = f"is worse than the mean response in {row['worse']} of {n} metrics, and better in none"
        elif row["better"]:
            how = f"is better than the mean response in {row['better']} of {n} metrics, and worse in {row['worse']}"
        else:
            how = f"is not clearly better or worse than the mean response in any of {n} metrics"
        n = row["n_missing"]
        lacking = f"; {counted(n, 'perturbation')} that it lacks count as the mean response" if n else ""
        said.append(f"{row['prediction']} {how} (q < {SIGNIFICANT:g}){lacking}.")
    return said
