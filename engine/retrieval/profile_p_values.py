"""P-values of profiles, under copairs' name ``map.average_precision.p_values``."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ..errors import InputError
from ..nulls.copairs import profile_p_values
from ..tables.frames import column_names, metadata_frame, select_columns
from .exchange import EXCHANGE
from .mean_average_precision import mean_average_precision

__all__ = ["p_values"]

_NEEDED = ("n_pos_pairs", "n_total_pairs", "average_precision", "normalized_average_precision")
_ROW = "__profile"


def p_values(
    dframe: Any, null_size: int, seed: int | None, progress_bar: bool = True, *, method: str = "exact"
) -> npt.NDArray[np.floating]:
    """P-value of each profile: the probability of an AP as high under random ranking.

    Parameters
    ----------
    dframe : pandas.DataFrame, polars.DataFrame or pyarrow.Table
        One row a profile, as `average_precision` returns.
    null_size, seed : int
        Samples of a sampled null and their seed, as in `mean_average_precision`.
    progress_bar : bool, default True
        Accepted for copairs' sake.
    method : {"exact", "sampled", "copairs"}
        How p-values are found, as `p_values` of `mean_average_precision`; "copairs" gives copairs' own numbers.

    Returns
    -------
    ndarray of float64 (of float32 as copairs), shape (n,)
        NaN for a profile without positives.

    Raises
    ------
    InputError
        A column is missing, or an argument is impossible.

    Examples
    --------
    >>> import pandas as pd
    >>> import fastbench as fb
    >>> from fastbench.map.average_precision import p_values
    >>> meta = pd.DataFrame({"drug": ["a", "a", "b", "b"]})
    >>> ap = fb.average_precision(meta, [[1, 0], [1, 0.1], [0, 1], [0.1, 1]], ["drug"], [], [], ["drug"])
    >>> p_values(ap, null_size=1000, seed=0).round(3).tolist()
    [0.333, 0.333, 0.333, 0.333]
    """
    named = dict.fromkeys([*_NEEDED, *(n for n in EXCHANGE if n in (column_names(dframe) or ()))], "p_values")
    frame = metadata_frame(select_columns(dframe, named))[0].with_row_index(_ROW)
    scored = frame.filter((pl.col("n_pos_pairs") > 0) & pl.col("average_precision").is_finite())
    rows = scored[_ROW].to_numpy()
    if method == "copairs":
        if seed is None:
            seed = int(np.random.default_rng().integers(2**31))
        p: npt.NDArray[np.floating] = np.full(len(frame), np.nan, np.float32)
        ap, n_pos, n_total = (scored[name].to_numpy() for name in ("average_precision", *_NEEDED[:2]))
        p[rows] = profile_p_values(ap, n_pos.astype(np.int64), n_total.astype(np.int64), null_size, seed)
        return p
    if method not in ("exact", "sampled"):
        raise InputError(f"method must be 'exact', 'sampled' or 'copairs', but it is {method!r}.")
    p = np.full(len(frame), np.nan)
    if len(rows):
        found = mean_average_precision(scored, [_ROW], null_size, 0.05, seed, p_values=method)
        p[found[_ROW].to_numpy()] = found["p_value"].to_numpy()
    return p
