"""Group statistic of the copairs that the CPJUMP1 scripts pin."""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from ...kernels.dispatch import get_backend
from ..choices import check_level
from ..errors import InputError, examples
from ..statistics.false_discovery import benjamini_hochberg
from ..tables.frames import require_columns
from ..tables.groups import grouped

__all__ = ["mean_log10_p"]


def mean_log10_p(frame: pl.DataFrame, by: str, *, threshold: float = 0.05) -> pl.DataFrame:
    """Return the group statistic of the older copairs: the mean of -log10 p over the queries of a group.

    Parameters
    ----------
    frame : polars.DataFrame
        One row a query, with `average_precision` and `p_value`. Rows where either is missing are left out.
    by : str
        Column of the groups; rows without one are left out.
    threshold : float
        Level of both marks, between 0 and 1.

    Returns
    -------
    polars.DataFrame
        One row a group, sorted: `by`, `mean_average_precision`, `nlog10pvalue` (mean of -log10 p), `q_value`
        (Benjamini-Hochberg over 10 ** -nlog10pvalue), `nlog10qvalue`, `above_p_threshold` and
        `above_q_threshold` (strictly above -log10 of the threshold).

    Raises
    ------
    InputError
        A missing column, or a p-value that is not above 0 and at most 1.
    """
    check_level(threshold)
    require_columns(frame, (by, "average_precision", "p_value"), "the group statistic")
    scored = frame.select(by, pl.col("average_precision", "p_value").cast(pl.Float64).fill_nan(None))
    scored = scored.drop_nulls()
    odd = scored.filter((pl.col("p_value") <= 0) | (pl.col("p_value") > 1))["p_value"].to_list()
    if odd:
        raise InputError(
            f"P-values must be above 0 and at most 1 to take their logarithm, but there are {examples(odd)}: pass them "
            "through expected_sampled, or use tail='>='."
        )
    backend = get_backend()
    groups, _, members = grouped(scored, [by])
    mean_nlog = backend.group_means(-np.log10(scored["p_value"].to_numpy()), members.rows, members.offsets)
    mean_ap = backend.group_means(scored["average_precision"].to_numpy(), members.rows, members.offsets)
    q = benjamini_hochberg(10.0**-mean_nlog)
    level = -math.log10(threshold)
    return groups.with_columns(
        pl.Series("mean_average_precision", mean_ap),
        pl.Series("nlog10pvalue", mean_nlog),
        pl.Series("q_value", q),
        pl.Series("nlog10qvalue", -np.log10(q)),
        pl.Series("above_p_threshold", mean_nlog > level),
        pl.Series("above_q_threshold", -np.log10(q) > level),
    )
