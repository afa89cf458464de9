"""Significance of groups: mean average precision (mAP), p-values, false discovery rates.

Arguments and result columns are those of copairs 0.5.5. Its numbers come with ``p_values="copairs"``; the
default computes p-values instead of sampling them and counts ties (see `ap_null` and `map_null`).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ...kernels.dispatch import get_backend
from ..errors import DependentQueriesWarning, InputError, examples
from ..statistics.false_discovery import benjamini_hochberg
from ..tables.frames import (
    column_names,
    metadata_frame,
    require_columns,
    select_columns,
    with_columns_like,
    with_series,
)
from ..tables.groups import Groups, grouped
from ..tables.matrix import library_of
from .dependence import dependent_groups, perturbation_columns
from .exchange import EXCHANGE
from .options import NullModel, check_stages
from .significance import find_p_values

__all__ = [
    "drop_unscored",
    "mean_average_precision",
    "mean_average_precision_hierarchical",
]

Floats = npt.NDArray[np.float64]

#: A p-value whose bounds lie further apart than this part of it (and than so much) is said to be uncertain.
_WIDE, _WIDE_AT_LEAST = 0.1, 1e-9
_SCORES = ("n_pos_pairs", "n_total_pairs", "average_precision", "normalized_average_precision")
#: False discovery rate at which the first stage of the hierarchical correction lets a group through.
_STAGE1_LEVEL = 0.05


def mean_average_precision(
    ap_scores: Any,
    sameby: Sequence[str] | str,
    null_size: int,
    threshold: float,
    seed: int | None,
    progress_bar: bool = True,
    max_workers: int | None = None,
    cache_dir: str | Path | None = None,
    *,
    p_values: str = "exact",
    tail: str | None = None,
    null: str = "shared",
    aggregate: str = "mean",
    bracket: bool = False,
    relabelling: Any = None,
    progress: Callable[[int, int], None] | None = None,
) -> Any:
    """Mean AP of each group, its p-value under random ranking, and the Benjamini-Hochberg correction.

    Parameters
    ----------
    ap_scores : pandas.DataFrame, polars.DataFrame or pyarrow.Table; or AnnData, of which obs
        One row a query, as `average_precision` returns. Rows without AP or positives are left out
        (`drop_unscored` counts them), and so are rows with a missing value in a `sameby` column.
    sameby : list of str or str
        Columns that make the groups.
    null_size : int
        Samples of a sampled null; ``exact`` uses it only for shapes too large to compute.
    threshold : float
        Level of `below_p` and `below_corrected_p`, between 0 and 1.
    seed : int or None
        Seed of the samples; None takes another one each time, as NumPy does.
    progress_bar, max_workers, cache_dir : optional
        Accepted for compatibility and without effect: nothing is cached on disk.
    p_values : {"exact", "sampled", "copairs"}
        How p-values are found. ``copairs`` gives the numbers of copairs 0.5.5 for the same seed and an empty
        cache.
    tail : {">=", ">"}, optional
        Whether a null value equal to the observed one counts. Default ``>=``; ``>`` with
        ``p_values="copairs"``.
    null : {"shared", "independent", "permutation"}
        Whether members of one (P, L) share one draw (as in copairs), or each has its own. Or the labels of the data are
        exchanged and mAP is taken again: `null_size` is then the most draws of a group, `seed` theirs.
    aggregate : {"mean", "median"}
        What is taken over the members' AP. The columns keep their names. The p-value of a median is computed
        if the members share one draw, and sampled otherwise.
    bracket : bool
        Add the columns `p_lower` and `p_upper` after `p_value`.
    relabelling : Relabelling, optional
        The profiles and rules behind `ap_scores`, for ``null="permutation"``.
    progress : callable, optional
        Called with (done, in all) while p-values are found.

    Returns
    -------
    table of the kind of `ap_scores`
        One row a group, sorted by `sameby`: the `sameby` columns, `mean_average_precision`, `indices` (rows
        among the scored ones, from 0), `mean_normalized_average_precision`, `p_value`, `p_floor` (the smallest
        p-value that a relabelling of the data could give, see `nulls.floor`; none is below it but those of
        ``p_values="copairs"``), `corrected_p_value`, `below_p`, `below_corrected_p` (strictly below `threshold`).

    Raises
    ------
    InputError
        A missing column, no scored row, an impossible or unknown argument.

    Examples
    --------
    >>> import pandas as pd
    >>> import fastbench as fb
    >>> meta = pd.DataFrame({"drug": ["a", "a", "b", "b"]})
    >>> ap = fb.average_precision(meta, [[1, 0], [1, 0.1], [0, 1], [0.1, 1]], ["drug"], [], [], ["drug"])
    >>> groups = fb.mean_average_precision(ap, ["drug"], null_size=10_000, threshold=0.05, seed=0)
    >>> groups[["drug", "mean_average_precision", "p_value"]].round(2).values.tolist()
    [['a', 1.0, 0.33], ['b', 1.0, 0.33]]
    """
    model = NullModel(
        p_values=p_values,
        tail=tail or "",
        null=null,
        aggregate=aggregate,
        null_size=null_size,
        seed=_seed(seed),
        threshold=threshold,
    )
    columns = _group_columns(sameby)
    scores, as_given = _group_scores(ap_scores, columns, model, bracket, relabelling, progress)
    corrected = benjamini_hochberg(scores["p_value"].to_numpy())
    return as_given(_marked(scores, corrected, threshold))


def mean_average_precision_hierarchical(
    ap_scores: Any,
    sameby: Sequence[str] | str,
    null_size: int,
    threshold: float,
    seed: int | None,
    hierarchical_by: Sequence[str] | str,
    progress_bar: bool = True,
    max_workers: int | None = None,
    cache_dir: str | Path | None = None,
    *,
    p_values: str = "exact",
    tail: str | None = None,
    null: str = "shared",
    aggregate: str = "mean",
    bracket: bool = False,
    relabelling: Any = None,
    progress: Callable[[int, int], None] | None = None,
) -> Any:
    """Mean AP of each group with a two-stage correction, as for doses of one compound.

    Stage 1: the least p-value of each outer group (equal `hierarchical_by`), corrected by Benjamini-Hochberg
    over outer groups; significant at 0.05. Stage 2: Benjamini-Hochberg inside each significant outer group,
    where a single member keeps its p-value; members of other groups get 1.

    Parameters
    ----------
    ap_scores, sameby, null_size, threshold, seed, progress_bar, max_workers, cache_dir
        As in `mean_average_precision`.
    hierarchical_by : list of str or str
        Some, but not all, of `sameby`.
    p_values, tail, null, aggregate, bracket, relabelling, progress
        As in `mean_average_precision`.

    Returns
    -------
    table of the kind of `ap_scores`
        The columns of `mean_average_precision`, with `stage1_p_value`, `stage1_corrected_p_value` and
        `stage1_significant` before `corrected_p_value`.

    Raises
    ------
    InputError
        As `mean_average_precision`, and for a `hierarchical_by` that is not a proper subset of `sameby`.

    Examples
    --------
    >>> import pandas as pd
    >>> import fastbench as fb
    >>> meta = pd.DataFrame({"drug": ["a", "a", "a", "a", "b", "b"], "dose": [1, 1, 2, 2, 1, 1]})
    >>> by, x = ["drug", "dose"], [[1, 0], [1, 0.1], [1, 0.5], [1, 0.6], [0, 1], [0.1, 1]]
    >>> ap = fb.average_precision(meta, x, by, [], [], ["drug"])
    >>> groups = fb.mean_average_precision_hierarchical(ap, by, 10_000, 0.05, 0, hierarchical_by=["drug"])
    >>> groups[["drug", "dose", "stage1_significant"]].values.tolist()
    [['a', 1, False], ['a', 2, False], ['b', 1, False]]
    """
    model = NullModel(
        p_values=p_values,
        tail=tail or "",
        null=null,
        aggregate=aggregate,
        null_size=null_size,
        seed=_seed(seed),
        threshold=threshold,
    )
    columns, outer = _group_columns(sameby), _group_columns(hierarchical_by, "hierarchical_by")
    check_stages(columns, outer)
    scores, as_given = _group_scores(ap_scores, columns, model, bracket, relabelling, progress)
    p = scores["p_value"].to_numpy()
    group = scores.select(pl.struct(outer).rank("dense") - 1).to_series().to_numpy().astype(np.int64)
    least = np.full(group.max() + 1, np.inf)
    np.minimum.at(least, group, p)
    least_corrected = benjamini_hochberg(least)
    significant = least_corrected <= _STAGE1_LEVEL
    corrected = np.ones(len(p))
    for g in np.flatnonzero(significant):
        rows = np.flatnonzero(group == g)
        corrected[rows] = benjamini_hochberg(p[rows])
    scores = scores.with_columns(
        pl.Series("stage1_p_value", least[group]),
        pl.Series("stage1_corrected_p_value", least_corrected[group]),
        pl.Series("stage1_significant", significant[group]),
    )
    return as_given(_marked(scores, corrected, threshold))


def drop_unscored(frame: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Leave out the rows that have no AP: null or NaN `average_precision`, or no positive pair.

    Parameters
    ----------
    frame : polars.DataFrame
        With the columns `average_precision` and `n_pos_pairs`.

    Returns
    -------
    frame : polars.DataFrame
        The scored rows, in their order.
    n : int
        How many were left out.
    """
    require_columns(frame, ("average_precision", "n_pos_pairs"), "dropping rows without a score")
    ap, n_pos = (frame[name].cast(pl.Float64).to_numpy() for name in ("average_precision", "n_pos_pairs"))
    scored = ~np.isnan(ap) & (n_pos > 0)  # a null became NaN
    if scored.all():
        return frame, 0
    kept = frame.filter(pl.Series(scored))
    return kept, frame.height - kept.height


def _group_columns(names: Sequence[str] | str, argument: str = "sameby") -> list[str]:
    columns = [names] if isinstance(names, str) else list(names)
    if not columns or len(set(columns)) != len(columns):
        raise InputError(f"{argument} must name one or more columns, each once, but it is {columns!r}.")
    return columns


def _group_scores(
    ap_scores: Any,
    columns: list[str],
    model: NullModel,
    bracket: bool,
    relabelling: Any,
    progress: Callable[[int, int], None] | None,
) -> tuple[pl.DataFrame, Callable[[pl.DataFrame], Any]]:
    """Groups with their mean AP and p-value, and what makes of them a table of the kind and types that came in."""
    if library_of(ap_scores) == "anndata":
        ap_scores = ap_scores.obs
    purpose = "mean_average_precision (it takes what average_precision returns)"
    named = dict.fromkeys(columns, "sameby") | dict.fromkeys(_SCORES, purpose)
    named |= dict.fromkeys((name for name in EXCHANGE if name in (column_names(ap_scores) or ())), purpose)
    given = select_columns(ap_scores, named)
    whole, kind = metadata_frame(given)
    for name in _SCORES:
        if not whole[name].dtype.is_numeric():
            raise InputError(
                f"Column {name!r} holds {_word(whole[name].dtype)}, not numbers; turn it into numbers, as "
                "average_precision returned it."
            )
    for name in _SCORES[:2]:
        if (whole[name] < 0).any():
            raise InputError(
                f"Column {name!r} counts pairs, but holds {whole[name].min()!r}; pass counts as they were."
            )
    number = pl.Series("__row", np.arange(whole.height))
    kept = dict.fromkeys([*columns, *_SCORES, *(name for name in EXCHANGE if name in whole.columns)])
    frame, _ = drop_unscored(pl.DataFrame([*(whole[name] for name in kept), number]))
    rows = frame["__row"].to_numpy()
    groups, listed, members = grouped(frame, columns, _category_codes(given, kind, columns, rows))
    n_unnamed = frame.height - len(members.rows)
    if n_unnamed:
        warnings.warn(
            f"{n_unnamed} rows have no value in {examples(columns)} and were left out of the groups.", stacklevel=4
        )
    if not len(members):
        raise InputError(
            f"None of the {whole.height} rows has an average precision, a positive pair and a value in "
            f"{examples(columns)}."
        )
    _warn_of_dependence(ap_scores, columns, rows, members)
    precision = np.float32 if frame["average_precision"].dtype == pl.Float32 else np.float64
    narrow = np.float32 if frame["normalized_average_precision"].dtype == pl.Float32 else np.float64
    ap, normalized = (frame[name].cast(pl.Float64).to_numpy() for name in _SCORES[2:])
    outside = ~((ap >= 0) & (ap <= 1 + 1e-6))
    if outside.any():
        raise InputError(f"Average precision lies between 0 and 1, but found {examples(ap[outside].tolist())}.")
    statistic = _combined(model.aggregate, ap, members)
    data = getattr(relabelling, "rows", relabelling)
    p, floor = find_p_values(statistic.astype(precision), members, frame, model, groups, data, progress)
    wide = (p.upper - p.lower > _WIDE * p.value) & (p.upper - p.lower > _WIDE_AT_LEAST)
    if model.p_values == "exact" and model.null != "permutation" and wide.any():
        warnings.warn(
            f"{int(wide.sum())} of {len(members)} p-values are only known to within {_WIDE:.0%} or more; "
            "bracket=True (p_lower, p_upper) says how far.",
            stacklevel=4,
        )
    bounds = [pl.Series("p_lower", p.lower), pl.Series("p_upper", p.upper)] if bracket else []
    added = [
        pl.Series("mean_average_precision", statistic.astype(precision)),
        listed.alias("indices"),
        pl.Series("mean_normalized_average_precision", _combined(model.aggregate, normalized, members).astype(narrow)),
        pl.Series("p_value", p.value),
        *bounds,
        pl.Series("p_floor", floor),
    ]

    def as_given(scores: pl.DataFrame) -> Any:
        keys = select_columns(given, dict.fromkeys(columns, "sameby"))
        first = rows[members.rows[members.offsets[:-1]]]
        new = pl.DataFrame([series for series in scores if series.name not in columns])
        return with_columns_like(keys, kind, first, new)

    return with_series(groups, added), as_given


def _warn_of_dependence(ap_scores: Any, columns: list[str], rows: npt.NDArray[np.int64], members: Groups) -> None:
    """Warn of groups in which several rows of one perturbation are queries of their own."""
    for name in perturbation_columns(column_names(ap_scores) or (), columns):
        values = metadata_frame(select_columns(ap_scores, {name: "sameby"}))[0][name]
        count = 0 if values.dtype.is_nested() else dependent_groups(values[rows], members)
        if count:
            warnings.warn(
                f"{count} of {len(members)} groups hold several rows of one {name} beside others, as queries of their "
                "own: they are not independent, and p-values come out too small; take the consensus by "
                f"{name!r} first.",
                DependentQueriesWarning,
                stacklevel=5,
            )
            return


def _category_codes(given: Any, kind: str, columns: list[str], rows: npt.NDArray[np.int64]) -> dict[str, Any]:
    """Return what rows of the categorical columns of a pandas table are sorted by: the order of their categories."""
    if kind != "pandas":
        return {}
    categorical = [name for name in columns if type(given[name].dtype).__name__ == "CategoricalDtype"]
    return {name: given[name].cat.codes.to_numpy()[rows] for name in categorical}


def _word(dtype: pl.DataType) -> str:
    return "text" if dtype == pl.String else str(dtype)


def _seed(given: int | None) -> int:
    """Return the seed, one of the system's where there is none."""
    return int(np.random.default_rng().integers(2**31)) if given is None else given


def _combined(aggregate: str, values: Floats, members: Groups) -> Floats:
    """Take the mean or median over each group, NaN left out."""
    if aggregate == "mean":
        backend = get_backend()
        means: Floats = backend.group_means(values, members.rows, members.offsets)
        return means
    present = (mine[~np.isnan(mine)] for mine in (values[rows] for rows in members))
    return np.array([np.median(mine) if len(mine) else np.nan for mine in present])


def _marked(scores: pl.DataFrame, corrected: Floats, threshold: float) -> pl.DataFrame:
    added = [
        pl.Series("corrected_p_value", corrected),
        pl.Series("below_p", scores["p_value"].to_numpy() < threshold),
        pl.Series("below_corrected_p", corrected < threshold),
    ]
    return with_series(scores, added)
