"""The functions a copairs user calls: the same names and arguments, any kind of table in, the same kind out."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ...kernels.names import Similarity
from ..errors import InputError, UnknownNameError, UnpairedException, counted, examples
from ..spelling import as_arguments, spelled
from ..tables.bookkeeping import bookkeeping_among
from ..tables.dominance import dominant_feature
from ..tables.feature_spread import few_digits
from ..tables.filters import parse_filter
from ..tables.frames import column_names, feature_matrix, metadata_frame, select_columns, with_columns_like
from ..tables.matrix import library_of, refuse_other_order
from .average_precision import SCORES, score
from .given import Given, split_table, unpacked
from .options import scoring_of
from .pair_rules import Columns, PairRules, named_columns

__all__ = ["assign_reference_index", "average_precision", "multilabel_average_precision"]

#: Profiles that are looked at, at least, to tell how features vary.
LOOKED_AT = 256


def average_precision(
    meta: Any,
    feats: Any = None,
    pos_sameby: Columns = (),
    pos_diffby: Columns = (),
    neg_sameby: Columns = (),
    neg_diffby: Columns = (),
    batch_size: int = 20000,
    distance: str | Similarity = "cosine",
    progress_bar: bool = True,
    *,
    ties: str = "expected",
    device: str = "auto",
    queries: Any = None,
    degenerate: str = "refuse",
    obsm: str | None = None,
) -> Any:
    """Average precision of each profile: how well it retrieves its positives among its negatives.

    Parameters
    ----------
    meta : pandas.DataFrame, polars.DataFrame or pyarrow.Table, n rows; AnnData or Profiles
        Metadata of the profiles. Of AnnData ``obs``, with ``X`` or an entry of ``obsm`` as features.
    feats : array or table of numbers, shape (n, d), optional
        Features; row i belongs to row i of `meta`. float32 stays float32, float64 stays float64. Left out for a table
        with its features inside: columns ``Metadata_*``, those of the rules and those that are no numbers are metadata,
        and the others features.
    pos_sameby, pos_diffby, neg_sameby, neg_diffby : list of str, str, or {"all": [...], "any": [...]}
        Two profiles are a positive pair when equal in every `pos_sameby` column and different in every
        `pos_diffby` column; negative likewise. An entry may be a filter, ``"Metadata_x == 'a'"``: it limits the
        rows, and its column takes its place in the list, as in copairs.
    batch_size : int
        Accepted for copairs' sake; memory does not grow with the number of pairs here.
    distance : str or callable, default "cosine"
        cosine, abs_cosine, correlation, euclidean, manhattan or chebyshev: the same ranks on every machine. Or another
        name of `scipy.spatial.distance`, with scipy's arithmetic (variances and covariances are those of all rows).
        Or a function of two arrays of m rows that returns m similarities: higher is nearer, the same from both sides.
    progress_bar : bool, default True
        Show progress when standard error is a terminal.
    ties : {"expected", "optimistic", "pessimistic"}
        What exactly equal similarities of a positive and a negative mean. "expected" is the mean over their
        random orders; "optimistic" puts positives first, as copairs does.
    device : {"auto", "cpu", "reference", "cpu-xla", "gpu"}
        Which kernels run; the counts do not depend on it ("gpu" and "cpu-xla": products of the cosine family; the
        rest is left to the CPU).
    queries : array of bool, shape (n,), optional
        Rows to score; the others are candidates only.
    degenerate : {"refuse", "drop", "last"}
        What becomes of rows with infinite or missing features, or without a direction (all zero under the cosine):
        refused; left out; or last in every ranking, as in copairs, tied with each other.
    obsm : str, optional
        Of AnnData, the entry of ``obsm`` to take instead of ``X``.

    Returns
    -------
    table of the kind of `meta`
        The filtered metadata, all its columns as they are, rows in order and newly numbered (of AnnData, a pandas table
        whose rows keep their names), plus ``n_pos_pairs``,
        ``n_total_pairs``, ``average_precision`` and ``normalized_average_precision``; NaN for a profile without
        positives, missing for a row that is no query. With ties, also ``ap_optimistic`` and ``ap_pessimistic``.

    Raises
    ------
    UnpairedException
        No positive or no negative pair exists.
    InputError
        Bad columns, values or shapes (also a ValueError).

    Examples
    --------
    >>> import pandas as pd
    >>> import fastbench as fb
    >>> meta = pd.DataFrame({"drug": ["a", "a", "b", "b"]})
    >>> x = [[1, 0], [1, 0.1], [0, 1], [1, 0.19]]
    >>> ap = fb.average_precision(meta, x, pos_sameby=["drug"], pos_diffby=[], neg_sameby=[], neg_diffby=["drug"])
    >>> ap["average_precision"].round(2).tolist()
    [1.0, 0.5, 1.0, 0.33]

    References
    ----------
    Kalinin et al. 2025, Nat Commun 16:5181.
    """
    rules = (pos_sameby, pos_diffby, neg_sameby, neg_diffby)
    return _scored(unpacked(meta, feats, obsm), rules, None, distance, progress_bar, ties, device, degenerate, queries)


def multilabel_average_precision(
    meta: Any,
    feats: Any = None,
    pos_sameby: Columns = (),
    pos_diffby: Columns = (),
    neg_sameby: Columns = (),
    neg_diffby: Columns = (),
    multilabel_col: str = "",
    batch_size: int = 20000,
    distance: str | Similarity = "cosine",
    progress_bar: bool = True,
    *,
    ties: str = "expected",
    device: str = "auto",
    degenerate: str = "refuse",
    obsm: str | None = None,
) -> Any:
    """Average precision of each (profile, label) for a metadata column that holds lists.

    Positives of a profile under a label are the profiles that carry the label too (and meet the other rules);
    its negatives are the same for all its labels: with the column in `neg_diffby`, profiles without any label in
    common. A profile that shares only another label is neither.

    Parameters
    ----------
    meta, feats, pos_sameby, pos_diffby, neg_sameby, neg_diffby, batch_size, distance, progress_bar, ties, device, \
    degenerate, obsm
        As in `average_precision`.
    multilabel_col : str
        The list column; it stands in `pos_sameby`.

    Returns
    -------
    table of the kind of `meta`
        One row a (profile, label): the metadata with the list column replaced by the label, and the columns
        ``average_precision``, ``normalized_average_precision``, ``n_pos_pairs``, ``n_total_pairs``.

    Examples
    --------
    >>> import pandas as pd
    >>> import fastbench as fb
    >>> meta = pd.DataFrame({"target": [["x"], ["x", "y"], ["y"], ["z"], ["z"]]})
    >>> x = [[1, 0], [1, 0.1], [1, 0.3], [0, 1], [0.1, 1]]
    >>> rule = ["target"]
    >>> ap = fb.multilabel.average_precision(meta, x, rule, [], [], rule, multilabel_col="target")
    >>> ap[["target", "average_precision"]].values.tolist()
    [['x', 1.0], ['x', 1.0], ['y', 1.0], ['y', 1.0], ['z', 1.0], ['z', 1.0]]
    """
    rules = (pos_sameby, pos_diffby, neg_sameby, neg_diffby)
    if not multilabel_col:
        raise InputError("multilabel_col is needed: name the column of lists.")
    given = unpacked(meta, feats, obsm)
    return _scored(given, rules, multilabel_col, distance, progress_bar, ties, device, degenerate)


def _scored(
    given: Given,
    rules: tuple[Columns, Columns, Columns, Columns],
    multilabel_col: str | None,
    distance: str | Similarity,
    progress_bar: bool,
    ties: str,
    device: str,
    degenerate: str,
    queries: Any = None,
) -> Any:
    """Score, warn of what was noticed, and give back the kind of table that came in."""
    from ..results.progress import Silent, Terminal

    scoring, similarity = scoring_of(distance, ties=ties, device=device, degenerate=degenerate)
    named = dict(zip(("pos_sameby", "pos_diffby", "neg_sameby", "neg_diffby"), rules, strict=True))
    known = column_names(given.meta) or []
    used = named_columns(named, known) | ({multilabel_col: "multilabel_col"} if multilabel_col is not None else {})
    if given.feats is None and known:
        given = split_table(given.meta, used)
    meta, feats = given.meta, given.feats
    frame, kind = metadata_frame(select_columns(meta, used))
    if not len(frame):
        raise UnpairedException("The table has no rows, so there are no pairs.")
    matrix = feature_matrix(feats, len(frame), finite=False)
    refuse_other_order(meta, feats)
    if similarity is not None:
        _check_similarity(similarity, matrix)
    reporter = Terminal("fastbench", lines=False) if progress_bar else Silent()
    with reporter.stage("average precision") as advance, spelled(as_arguments):
        result = score(
            frame,
            matrix,
            PairRules(**named, multilabel_col=multilabel_col),
            scoring,
            similarity=similarity,
            queries=None if queries is None else np.asarray(queries),
            feature_names=given.feature_names,
            progress=advance,
        )
    report = result.report
    columns = given.feature_names
    noticed = (
        bookkeeping_among(matrix, columns),
        dominant_feature(matrix, columns, scoring.distance),
        few_digits(matrix[:: max(len(matrix) // LOOKED_AT, 1)], columns),
    )
    said = [*report.warnings, *filter(None, noticed)]
    if report.n_tied_queries:
        said.append(
            f"{report.n_tied_queries} of {report.n_queries} queries have a positive and a negative of exactly equal "
            f"similarity; their AP follows ties={ties!r}."
        )
    if report.n_without_positives:
        what = "(profile, label) list" if multilabel_col else "profile"
        without = counted(report.n_without_positives, f"{what} has", f"{what}s have")
        said.append(f"{without} no positive pair and no AP.")
    if report.n_without_negatives:
        without = counted(report.n_without_negatives, "profile has", "profiles have")
        said.append(f"{without} no negative pair; there AP is 1 by definition.")
    names = [name for name in result.frame.columns if name in SCORES or name == multilabel_col]
    replaced = [name for name in names if name in known and name != multilabel_col]
    if replaced:
        said.append(f"The columns {examples(replaced)} of the metadata are left out: the result has its own.")
    for sentence in said:
        warnings.warn(sentence, stacklevel=3)
    if given.index is not None:
        return with_columns_like(meta, kind, result.rows, result.frame[names]).set_axis(given.index[result.rows])
    if kind != "pandas" or multilabel_col is None:
        return with_columns_like(meta, kind, result.rows, result.frame[names])
    counts = pl.col("n_pos_pairs", "n_total_pairs").cast(pl.UInt32)
    found = with_columns_like(meta, kind, result.rows, result.frame[names].with_columns(counts))
    found.index = _by_label(result.rows, result.frame[multilabel_col])
    return found


def _check_similarity(similarity: Similarity, x: npt.NDArray[np.floating]) -> None:
    """Refuse a function that does not return one number for each pair of rows."""
    m = min(len(x), 3)
    try:
        found = np.asarray(similarity(x[:m], x[:m]), np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"The function given as distance cannot be used ({error}); it is handed two arrays of m rows and must "
            "return m similarities."
        ) from error
    if found.shape != (m,):
        raise InputError(
            f"The function given as distance must return one similarity for each of {m} pairs of rows, but returned "
            f"an array of shape {found.shape}."
        )


def _by_label(rows: npt.NDArray[np.int64], labels: pl.Series) -> npt.NDArray[np.int64]:
    """Return the place of each row of a multilabel result by label, then by profile: copairs' row labels."""
    place = np.empty(len(rows), np.int64)
    place[np.lexsort((rows, labels.rank("dense").to_numpy()))] = np.arange(len(rows))
    return place


def assign_reference_index(
    df: Any,
    condition: Any,
    reference_col: str = "Metadata_Reference_Index",
    default_value: int = -1,
    inplace: bool = False,
) -> Any:
    """Give the rows that meet a condition (controls) their own number in a new column, and all others one value.

    With the column in ``pos_sameby``, controls are nobody's positive and still take part in negative pairs.

    Parameters
    ----------
    df : pandas.DataFrame, polars.DataFrame or pyarrow.Table
        Metadata, n rows.
    condition : str, pandas.Index, or array of bool
        A row filter, e.g. ``"Metadata_control_type == 'negcon'"``, which is parsed and never evaluated; the labels
        of the rows (of pandas; elsewhere row numbers); or whether each row meets it.
    reference_col : str
        Name of the new column.
    default_value : int, default -1
        Its value in the other rows.
    inplace : bool, default False
        Whether the column is added to `df` itself, which must be of pandas.

    Returns
    -------
    table of the kind of `df`, or None
        A copy with the column, everything else as it was; None with `inplace`. A row's own number is its row label in
        pandas, as in copairs, else its row number.

    Raises
    ------
    InputError
        A condition that names unknown columns or rows, or a row label that is the default value or not unique.

    Examples
    --------
    >>> import pandas as pd
    >>> import fastbench as fb
    >>> wells = pd.DataFrame({"Metadata_kind": ["control", "drug", "control"]})
    >>> fb.assign_reference_index(wells, "Metadata_kind == 'control'")["Metadata_Reference_Index"].tolist()
    [0, -1, 2]
    """
    if isinstance(condition, str):
        named = dict.fromkeys(parse_filter(condition).columns, "condition")
        frame, kind = metadata_frame(select_columns(df, named))
        chosen = parse_filter(condition).mask(frame).to_numpy()
    else:
        df, kind = df.collect() if isinstance(df, pl.LazyFrame) else df, library_of(df)
        chosen = _chosen_rows(df, condition)
    if len(chosen) and not chosen.any():
        warnings.warn(f"No row meets the condition {condition!r}, so no row is numbered.", stacklevel=2)
    number = _row_labels(df, chosen, default_value) if kind == "pandas" else np.arange(len(chosen))
    values = np.where(chosen, number, np.array(default_value, number.dtype))
    if inplace:
        if kind != "pandas":
            raise InputError("assign_reference_index(inplace=True) is for pandas; use the table that it returns.")
        df[reference_col] = values
        return None
    if kind == "pandas":
        return df.assign(**{reference_col: values})
    return with_columns_like(df, kind, None, pl.DataFrame(pl.Series(reference_col, values)))


def _chosen_rows(df: Any, condition: Any) -> npt.NDArray[np.bool_]:
    """Return which rows of a table a condition means that is no text: whether each does, or their labels."""
    n = len(df)
    labels = getattr(df, "index", None) if library_of(df) == "pandas" else None
    if labels is not None and library_of(condition) == "pandas" and hasattr(condition, "reindex"):
        own = getattr(condition, "index", None)  # a Series: its values belong to its labels
        if own is not None and not own.equals(labels) and len(own) == n and labels.isin(own).all():
            condition = condition.reindex(labels)
    given = np.asarray(condition)
    if given.dtype == object and len(given) == n and {type(value) for value in given} <= {bool, np.bool_}:
        given = given.astype(bool)
    if given.ndim != 1 or (given.dtype == bool and len(given) != n):
        raise InputError(f"The condition has the shape {given.shape}, but the table has {n} rows; give one bool a row.")
    if given.dtype == bool:
        return given
    known = np.arange(n) if labels is None else labels
    unknown = [value for value in given.tolist() if value not in set(np.asarray(known).tolist())]
    if unknown:
        raise UnknownNameError(
            f"The condition names rows that the table does not have: {examples(unknown)}; give a filter, row labels, "
            "or one bool a row."
        )
    return np.isin(np.arange(n), given) if labels is None else np.asarray(labels.isin(given))


def _row_labels(df: Any, chosen: npt.NDArray[np.bool_], default_value: Any) -> npt.NDArray[Any]:
    """Return the row labels of a pandas table, which must tell the chosen rows from each other and from all others."""
    labels = np.asarray(df.index)
    mine = labels[chosen].tolist()
    if len(set(mine)) < len(mine) or default_value in mine:
        what = f"the default value {default_value!r}" if default_value in mine else "not unique"
        raise InputError(
            f"Row labels of the chosen rows are {what}, so they cannot be their numbers; use df.reset_index(drop=True)."
        )
    return labels if labels.dtype.kind in "iu" else labels.astype(object)
