"""Results as cell-eval 0.8 writes them: one row a perturbation, one column a metric, and what describes the columns.

For the simulated screen, and for one with a perturbation without effect, one of eight cells and genes without counts,
files are those of cell-eval 0.8.2: sets, counts, ranks, U and what is not defined are equal, areas under curves to
1e-15, p-values to 1e-15, errors and correlations to 2e-7, log fold changes to 5e-6 and ``pearson_edistance`` to 1e-5,
which are in single precision there. Cells of a prediction that are all alike have effects of rounding alone there.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from ..comparison import MISSING
from ..metrics.calls import NO_GENES

__all__ = ["aggregated", "by_perturbation"]

#: Columns in the order of cell-eval; its ``clustering_agreement`` is not among the metrics here.
ORDER: Final = (
    *(f"{kind}_at_{depth}" for kind in ("overlap", "precision") for depth in ("N", 50, 100, 200, 500)),
    "de_spearman_sig",
    "de_direction_match",
    "de_spearman_lfc_sig",
    "de_sig_genes_recall",
    "de_nsig_counts_real",
    "de_nsig_counts_pred",
    "pr_auc",
    "roc_auc",
    "pearson_delta",
    "mse",
    "mae",
    "mse_delta",
    "mae_delta",
    "discrimination_score_l1",
    "discrimination_score_l2",
    "discrimination_score_cosine",
    "pearson_edistance",
)
#: Metrics that have no row of a perturbation without true significant genes; others are NaN where they are not defined.
_WITHOUT_ROW: Final = ("de_direction_match", "de_spearman_lfc_sig", "de_sig_genes_recall")

_NAN: Final = float("nan")


def by_perturbation(results: pl.DataFrame, summary: pl.DataFrame) -> pl.DataFrame:
    """Return ``results.csv`` of cell-eval.

    Parameters
    ----------
    results, summary : polars.DataFrame
        With the columns of our ``results.csv`` and ``summary.csv``; of one prediction in one context.

    Returns
    -------
    polars.DataFrame
        ``perturbation``, then the metrics. A value of all perturbations together stands in every row, as there. What
        is not defined has cell-eval's value: most are numbers, see ``peer`` of the metrics; others are NaN, or missing
        where cell-eval has no row, or would refuse a prediction that lacks the perturbation.
    """
    absent = (pl.col("status") == MISSING) | (
        (pl.col("status") == NO_GENES) & pl.col("metric_type").is_in(_WITHOUT_ROW)
    )
    theirs = results.with_columns(
        value=pl.when(pl.col("value").is_null() & ~absent).then(pl.lit(_NAN)).otherwise(pl.col("value"))
    )
    wide = theirs.select(pl.col("condition").alias("perturbation"), "metric_type", "value").pivot(
        on="metric_type", index="perturbation", values="value"
    )
    whole = summary.filter(~pl.col("metric_type").is_in(wide.columns)).with_columns(pl.col("value").fill_null(_NAN))
    if wide.is_empty():
        return wide
    wide = wide.with_columns(
        pl.lit(value).alias(name) for name, value in whole.select("metric_type", "value").iter_rows()
    )
    return wide.select("perturbation", *(name for name in ORDER if name in wide.columns))


def aggregated(table: pl.DataFrame) -> pl.DataFrame:
    """Return ``agg_results.csv`` of cell-eval: count, null_count, mean, std, min, quartiles and max of each metric."""
    return table.drop("perturbation").describe()
