"""Differential expression as a table: one row a perturbation and gene, with the columns of cell-eval."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from ...errors import InputError, examples
from ..screens.screen import Panel
from ..screens.side import Side
from .settings import DifferentialSettings
from .testing import Differential, differential, expression_means

__all__ = ["NEEDED", "differential_of_table", "differential_table"]

#: What a table must have, and other names of its columns, among them those of ``scanpy.get.rank_genes_groups_df``.
NEEDED = {
    "target": ("group", "perturbation"),
    "feature": ("gene", "names"),
    "log2_fold_change": ("logfoldchanges",),
    "p_value": ("pvals",),
    "fdr": ("p_adj", "pvals_adj"),
}


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


def differential_of_table(
    frame: pl.DataFrame,
    panel: Panel,
    settings: DifferentialSettings,
    name: str,
    absent: str = "The table has no row of this perturbation.",
) -> Differential:
    """Take differential expression that was found elsewhere.

    Parameters
    ----------
    frame : polars.DataFrame
        Columns of `DIFFERENTIAL_COLUMNS`, of which means, cells and the statistic may be missing; one row a
        perturbation and gene.
    panel : Panel
        Perturbations and genes.
    settings : DifferentialSettings
        What it is taken for; whether it was found so cannot be seen.
    name : str
        Of the file, for messages.
    absent : str, optional
        Why a perturbation without a row has no values.

    Returns
    -------
    Differential
        A gene without a row is not tested.

    Raises
    ------
    InputError
        A column is missing, a perturbation or gene is not in the panel, a pair occurs twice, or p-values are none.
    """
    found = {
        column: next((c for c in (column, *others) if c in frame.columns), "") for column, others in NEEDED.items()
    }
    missing = [column for column, there in found.items() if not there]
    if missing:
        raise InputError(f"{name}: a table of differential expression needs the columns {', '.join(missing)}.")
    rows = _codes(frame[found["target"]], panel.conditions, "perturbations", name)
    columns = _codes(frame[found["feature"]], panel.genes, "genes", name)
    shape = len(panel.conditions), len(panel.genes)
    pairs, times = np.unique(rows * shape[1] + columns, return_counts=True)
    if (times > 1).any():
        condition, gene = divmod(int(pairs[times > 1][0]), shape[1])
        raise InputError(
            f"{name}: there are several rows of perturbation {panel.conditions[condition]!r} and gene "
            f"{panel.genes[gene]!r}."
        )

    def spread(column: str) -> npt.NDArray[np.float64]:
        table = np.full(shape, np.nan)
        if column in frame.columns:
            table[rows, columns] = frame[column].cast(pl.Float64).to_numpy()
        return table

    def cells(column: str) -> npt.NDArray[np.int64]:
        return np.asarray(np.nanmax(spread(column), axis=1, initial=0), np.int64)

    tested = np.zeros(shape, np.bool_)
    tested[rows, columns] = True
    p, adjusted = spread(found["p_value"]), spread(found["fdr"])
    for values in (p, adjusted):
        outside = values[(values < 0) | (values > 1)]
        if len(outside):
            raise InputError(f"{name}: p-values must lie between 0 and 1, but found {examples(outside.tolist())}.")
    without = np.flatnonzero(~tested.any(axis=1))
    return Differential(
        settings,
        spread("statistic"),
        p,
        adjusted,
        spread(found["log2_fold_change"]),
        np.asarray(tested.any(axis=0)),
        cells("target_membership"),
        cells("ref_membership"),
        {int(place): absent for place in without},
    )


def _codes(names: pl.Series, known: tuple[str, ...], what: str, name: str) -> npt.NDArray[np.int64]:
    """Return the place of each name."""
    place = {each: code for code, each in enumerate(known)}
    codes = names.cast(pl.String).replace_strict(place, default=-1, return_dtype=pl.Int64).to_numpy()
    if (codes < 0).any():
        strange = names.cast(pl.String).filter(codes < 0).unique(maintain_order=True).to_list()
        raise InputError(f"{name}: the cells have no {what} called {examples(strange)}.")
    return np.asarray(codes)
