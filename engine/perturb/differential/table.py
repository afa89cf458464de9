"""Differential expression as a table: one row a perturbation and gene, with the columns of cell-eval."""

from __future__ import annotations

import numpy as np
import polars as pl

from ..side import Side
from .settings import DifferentialSettings
from .testing import differential, expression_means

__all__ = ["differential_table"]


def differential_table(side: Side, settings: DifferentialSettings, truth: Side | None = None) -> pl.DataFrame:
    """Return differential expression of every perturbation that has cells.

    Parameters
    ----------
    side : Side
        Cells of perturbations and control.
    settings : DifferentialSettings
        How differential expression is found.
    truth : Side, optional
        Where `side` is a prediction; see `differential`.

    Returns
    -------
    polars.DataFrame
        Columns of `DIFFERENTIAL_COLUMNS`; only genes that were tested.
    """
    found = differential(side, settings, truth)
    means, others = expression_means(side, settings, truth)
    rows, columns = np.nonzero((found.sizes > 0)[:, None] & found.genes)
    means, others = means[rows, columns], np.broadcast_to(others, found.p.shape)[rows, columns]
    with np.errstate(invalid="ignore", divide="ignore"):
        percent = np.where(means == others, 0, (means - others) / others)
    panel = side.panel
    return pl.DataFrame(
        {
            "target": pl.Series(panel.conditions, dtype=pl.String).gather(rows),
            "feature": pl.Series(panel.genes, dtype=pl.String).gather(columns),
            "target_mean": means,
            "ref_mean": others,
            "target_membership": found.sizes[rows],
            "ref_membership": found.reference_sizes[rows],
            "log2_fold_change": found.change[rows, columns],
            "percent_change": percent,
            "p_value": found.p[rows, columns],
            "statistic": found.statistic[rows, columns],
            "fdr": found.adjusted[rows, columns],
        },
        nan_to_null=True,
    )
