"""Results as cell-eval2 writes them: one row a perturbation and metric, and statistics of each metric.

For the same screens as of cell-eval, all numbers of its preset ``vcc2026`` in cell-eval2 0.20.0 are equal to 1e-15.
"""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from ..comparison import MISSING

__all__ = ["aggregated", "by_perturbation"]

#: The metrics of its preset ``vcc2026``, in the order of its tables.
METRICS: Final = (
    "de_wilcoxon_direction_fidelity_yield_raw",
    "de_wilcoxon_direction_reach_raw",
    "de_wilcoxon_lfc_nmae",
    "de_wilcoxon_sig_jaccard",
    "expr_distance_unbiased",
    "expr_mse_unbiased",
    "expr_mse_unbiased_capped",
    "expr_mse_unbiased_capped_norm",
    "expr_real_mass_ratio",
    "pds_cosine",
)
#: A ratio of sums over perturbations, of which single ones have no row.
_RATIO: Final = "expr_mse_unbiased_capped_norm"
#: A perturbation without a value has no row.
_WITHOUT_ROW: Final = "de_wilcoxon_lfc_nmae"
_NAN: Final = float("nan")


def by_perturbation(results: pl.DataFrame) -> pl.DataFrame:
    """Return ``results.csv`` of cell-eval2.

    Parameters
    ----------
    results : polars.DataFrame
        With the columns of our ``results.csv``; of one prediction in one context.

    Returns
    -------
    polars.DataFrame
        ``perturbation``, ``metric``, ``value``; NaN where a value is not defined. A perturbation that the prediction
        lacks has no row; cell-eval2 would refuse the prediction.
    """
    absent = (pl.col("status") == MISSING) | (pl.col("metric_type") == _WITHOUT_ROW)
    there = pl.col("metric_type").is_in(METRICS) & (pl.col("metric_type") != _RATIO)
    kept = results.filter(there, ~(pl.col("value").is_null() & absent))
    return kept.select(
        pl.col("condition").alias("perturbation"),
        pl.col("metric_type").alias("metric"),
        pl.col("value").fill_null(_NAN),
    )


def aggregated(table: pl.DataFrame, summary: pl.DataFrame) -> pl.DataFrame:
    """Return ``agg_results.csv`` of cell-eval2.

    Parameters
    ----------
    table : polars.DataFrame
        As `by_perturbation` returns it.
    summary : polars.DataFrame
        With the columns of our ``summary.csv``; of the same prediction and context.

    Returns
    -------
    polars.DataFrame
        ``statistic`` (count, null_count, mean, std, min, max, median) and a column a metric. Of a value of all
        perturbations together there is the mean alone. Counts are of rows; the others leave NaN out.
    """
    whole = dict(summary.select("metric_type", "value").iter_rows())
    columns: dict[str, list[float]] = {}
    for name in METRICS:
        values = table.filter(pl.col("metric") == name)["value"]
        known = values.drop_nans()
        if len(values):
            found: list[Any] = [known.mean(), known.std(), known.min(), known.max(), known.median()]
            columns[name] = [float(len(values)), 0.0, *(_NAN if each is None else each for each in found)]
        elif whole.get(name) is not None:
            columns[name] = [_NAN, _NAN, whole[name], _NAN, _NAN, _NAN, _NAN]
    statistics = ["count", "null_count", "mean", "std", "min", "max", "median"]
    return pl.DataFrame({"statistic": statistics, **columns})
