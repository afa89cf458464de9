"""Similarity to average precision: the path that every retrieval benchmark takes.

Metadata becomes codes (`pair_rules`), codes and features become counts (kernels), counts become average precision.
Queries go through in batches, so that memory is O(rows x features + batch), whatever the number of pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ...kernels.names import DEVICES, DISTANCES, METRICS, PRECISIONS, TIES
from ..errors import InputError, UnpairedException
from ..tables.frames import check_one, with_series
from .degenerate import refuse_degenerate
from .pair_rules import Columns, PairPlan, compile_pairs

__all__ = ["DISTANCE_NAMES", "SCORES", "Retrieval", "RetrievalReport", "score"]

#: Positive entries handled at once; 2 million take 170 MB. A tile serves both sides only within a batch.
BATCH_POSITIVES = 2_000_000
#: Other names of scipy for distances that fastbench has under its own.
_ALIASES = {"cityblock": "manhattan", "sqeuclidean": "euclidean"}
#: What ``distance`` may be: fastbench's own, whose ranks are certain, and scipy's.
DISTANCE_NAMES = (*DISTANCES, *_ALIASES, *METRICS)

#: Columns that a result may have beside the metadata.
SCORES = (
    "n_pos_pairs",
    "n_total_pairs",
    "average_precision",
    "normalized_average_precision",
    "ap_optimistic",
    "ap_pessimistic",
)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class RetrievalReport:
    """What was counted on the way.

    Attributes
    ----------
    n_rows, n_filtered : int
        Rows scored against each other, and rows that the filters took away.
    n_queries : int
        Average precision values: rows with a positive (multilabel: (row, label) lists).
    n_without_positives, n_without_negatives : int
        Rows asked for (multilabel: (row, label) lists) that have no positive pair and so no AP, and rows that have
        no negative pair (AP is 1 by definition).
    n_positive_pairs, n_negative_pairs : int
        Unordered pairs under the rules; for a list column, positives count once a label.
    n_tied_queries : int
        Queries of which a positive and a negative have exactly equal similarity.
    n_compared : int
        Similarities of a query to a negative that ranks depend on.
    n_rechecked : int
        Those of them that float32 could not decide and float64 decided.
    certified : bool
        Whether ranks are those of float64 arithmetic in a fixed order, on any machine; False for scipy's metrics.
    ties, distance, precision, device : str
        As asked for, and where the kernels ran.
    warnings : tuple of str
        Look-alike values in the columns used, and what is uncertain.
    """

    n_rows: int
    n_filtered: int
    n_queries: int
    n_without_positives: int
    n_without_negatives: int
    n_positive_pairs: int
    n_negative_pairs: int
    n_tied_queries: int
    n_compared: int
    n_rechecked: int
    certified: bool
    ties: str
    distance: str
    precision: str
    device: str
    warnings: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the counts for a manifest, with the share that was rechecked."""
        return asdict(self) | {"share_rechecked": self.n_rechecked / max(self.n_compared, 1)}


@dataclass(frozen=True)
class Retrieval:
    """Average precision of each query, with the report.

    Attributes
    ----------
    frame : polars.DataFrame
        The filtered metadata plus ``n_pos_pairs``, ``n_total_pairs``, ``average_precision``,
        ``normalized_average_precision``; for a list column one row a (profile, label). Where a positive and a
        negative of some query are equally similar, also ``ap_optimistic`` and ``ap_pessimistic``: the AP if ties
        went to the positives, and to the negatives.
    rows : ndarray of int64
        Row of the given metadata behind each row of `frame`.
    report : RetrievalReport
        Counts.
    """

    frame: pl.DataFrame
    rows: Ints
    report: RetrievalReport


def score(
    metadata: pl.DataFrame,
    features: npt.NDArray[np.floating],
    *,
    pos_sameby: Columns,
    pos_diffby: Columns = (),
    neg_sameby: Columns = (),
    neg_diffby: Columns = (),
    multilabel_col: str | None = None,
    distance: str = "cosine",
    ties: str = "expected",
    device: str = "auto",
    precision: str = "auto",
    queries: npt.NDArray[np.bool_] | None = None,
    feature_names: Sequence[str] | None = None,
    threads: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Retrieval:
    """Average precision of each profile, or of each (profile, label) for a list column.

    Parameters
    ----------
    metadata : polars.DataFrame, n rows
        One row a profile.
    features : ndarray of float32 or float64, shape (n, d)
        Finite values, at least in the rows that the filters leave; row i belongs to row i of `metadata`.
    pos_sameby, pos_diffby, neg_sameby, neg_diffby, multilabel_col
        The pair rules, see `pair_rules.compile_pairs`.
    distance : str, default "cosine"
        cosine, abs_cosine, correlation, euclidean, manhattan or chebyshev; or another name of
        `scipy.spatial.distance`, whose ranks are those of scipy on this machine, without a certificate.
    ties : {"expected", "optimistic", "pessimistic"}
        What equal similarities of a positive and a negative mean; "optimistic" is the rule of copairs.
    device : {"auto", "cpu", "reference", "cpu-xla", "gpu"}
        Which kernels run; the numbers are the same.
    precision : {"auto", "float32", "tf32", "bf16x3", "fp16x3"}
        What "gpu" and "cpu-xla" multiply tiles in; the numbers are the same. "auto" takes the fastest.
    queries : ndarray of bool, shape (n,), optional
        Rows to score; the others are only candidates and get no AP.
    feature_names : sequence of d str, optional
        For error messages.
    threads : int, default 0
        Worker threads, 0 for all cores. The numbers do not depend on it.
    progress : callable, optional
        Called with (queries done, queries in all).

    Returns
    -------
    Retrieval
        Result and report.

    Raises
    ------
    UnpairedException
        No positive or no negative pair at all.
    InputError
        Bad rules, shapes or values.

    References
    ----------
    Kalinin et al. 2025, Nat Commun 16:5181 (the framework and its formulas).
    """
    from ...kernels import dispatch

    check_one("distance", distance, DISTANCE_NAMES)
    distance = _ALIASES.get(distance, distance)
    check_one("ties", ties, TIES)
    check_one("device", device, DEVICES)
    if not dispatch.available(device):
        raise InputError(f"device {device!r} is not here: JAX finds none; use 'auto', or install JAX for your GPU.")
    check_one("precision", precision, PRECISIONS)
    if precision not in ("auto", "float32") and device not in ("gpu", "cpu-xla"):
        raise InputError(f"precision {precision!r} is for device 'gpu' and 'cpu-xla', but the device is {device!r}.")
    if len(metadata) != len(features):
        raise InputError(f"metadata has {len(metadata)} rows and features have {len(features)}; they must agree.")
    if len(metadata) == 0:
        raise InputError("there are no rows to score.")
    if queries is not None and (np.asarray(queries).dtype != np.bool_ or np.shape(queries) != (len(metadata),)):
        raise InputError(
            f"queries must be an array with one True or False for each of the {len(metadata)} rows, but it is of "
            f"{np.asarray(queries).dtype} and has the shape {np.shape(queries)}."
        )
    if features.ndim != 2 or not features.shape[1]:
        raise InputError(f"features must be a matrix with at least one column, but their shape is {features.shape}.")
    backend = dispatch.get_backend(device, precision)
    plan = compile_pairs(metadata, pos_sameby, pos_diffby, neg_sameby, neg_diffby, multilabel_col)
    x = features if len(plan.rows) == len(features) else features[plan.rows]
    wanted = np.ones(len(x), dtype=bool) if queries is None else np.asarray(queries, dtype=bool)[plan.rows]
    if not wanted.any():
        raise InputError("no row was asked for: the queries are empty.")
    by_length = distance in ("cosine", "abs_cosine")
    if not by_length:
        refuse_degenerate(x, distance, plan.rows, names=feature_names)

    n_neg = backend.count_partners(plan.negatives)
    if not n_neg.any():
        raise UnpairedException("no negative pair exists under neg_sameby and neg_diffby; relax these rules.")
    asked = np.flatnonzero(wanted)
    try:
        prepared = backend.prepare(x, distance, plan.negatives)
        if by_length:
            refuse_degenerate(x, distance, plan.rows, prepared.norms, feature_names)
        found = [
            _score_batch(backend, plan, prepared, batch, ties, threads, tell)
            for batch, tell in _reported(_batches(backend, plan, asked), len(asked), progress)
        ]
    except ValueError as error:
        if distance not in METRICS:  # only scipy may refuse values here
            raise
        raise InputError(f"distance {distance!r}: {error}; use another distance, or other features.") from error
    reason = getattr(prepared, "on_host", "")
    said = [f"device {device!r} left the counting to the CPU kernels: {reason}"] if reason else []
    if distance in METRICS:
        said.append(f"distance {distance!r} is scipy's: ranks are as exact as its arithmetic, without a certificate")
    query, label, n_pos = (_joined([f[k] for f in found], np.int64) for k in range(3))
    ap, low, high = (_joined([f[k] for f in found], np.float64) for k in (3, 4, 5))
    tied = low < high
    if not len(query):
        raise UnpairedException("no positive pair exists under pos_sameby and pos_diffby; relax these rules.")
    report = RetrievalReport(
        n_rows=len(x),
        n_filtered=len(metadata) - len(x),
        n_queries=len(query),
        n_without_positives=_n_asked(plan, wanted) - len(query),
        n_without_negatives=int((wanted & (n_neg == 0)).sum()),
        n_positive_pairs=_n_positive_pairs(backend, plan, n_pos, wanted),
        n_negative_pairs=int(n_neg.sum()) // 2,
        n_tied_queries=int(tied.sum()),
        n_compared=int(n_neg[_marked(query, len(x))].sum()),
        n_rechecked=sum(f[6] for f in found),
        certified=distance not in METRICS,
        ties=ties,
        distance=distance,
        precision=getattr(prepared, "precision", "float32"),
        device="cpu" if reason else dispatch.name(backend),
        warnings=(*plan.warnings, *said),
    )
    scores = {"average_precision": ap, "normalized_average_precision": _normalized(ap, n_pos, n_pos + n_neg[query])}
    if tied.any():
        scores |= {"ap_optimistic": high, "ap_pessimistic": low}
    kept = metadata if len(x) == len(metadata) else metadata[plan.rows]
    if multilabel_col is None:
        return _single(kept, plan.rows, query, n_pos, n_neg, scores, wanted, report)
    return _multi(kept, plan, query, label, n_pos, n_neg, scores, multilabel_col, report)


def _joined(parts: Sequence[Any], dtype: type[np.generic]) -> npt.NDArray[Any]:
    return np.concatenate([*parts, np.empty(0)]).astype(dtype)


def _marked(rows: Ints, n: int) -> npt.NDArray[np.bool_]:
    """Say which of n rows are among the rows."""
    mark = np.zeros(n, dtype=bool)
    mark[rows] = True
    return mark


def _batches(backend: Any, plan: PairPlan, asked: Ints) -> Iterator[Ints]:
    """Split the queries so that the positives of a batch stay within the limit."""
    if plan.labels is None:
        sizes = backend.count_partners(plan.positives)[asked]
    else:  # a list holds at most all carriers of its labels
        carriers = np.diff(plan.labels.key_offsets)[plan.labels.row_keys]
        total = np.concatenate([[0], np.cumsum(carriers)])
        sizes = (total[plan.labels.row_offsets[1:]] - total[plan.labels.row_offsets[:-1]])[asked]
    start = 0
    ends = np.cumsum(sizes)
    while start < len(asked):
        base = ends[start - 1] if start else 0
        stop = int(np.searchsorted(ends, base + BATCH_POSITIVES, side="right"))
        stop = min(max(stop, start + 1), len(asked))
        yield asked[start:stop]
        start = stop


def _reported(
    batches: Iterator[Ints], total: int, progress: Callable[[int, int], None] | None
) -> Iterator[tuple[Ints, Callable[[float], None] | None]]:
    """Give each batch what it tells the share of its work that is done."""
    done = 0
    for batch in batches:
        if progress is None:
            yield batch, None
            continue

        def tell(share: float, done: int = done, size: int = len(batch)) -> None:
            progress(done + int(share * size), total)

        yield batch, tell
        done += len(batch)
        progress(done, total)


def _score_batch(
    backend: Any,
    plan: PairPlan,
    prepared: Any,
    batch: Ints,
    ties: str,
    threads: int,
    tell: Callable[[float], None] | None,
) -> tuple[Ints, Ints, Ints, Floats, Floats, Floats, int]:
    """Return query row, label, positives, AP, least and greatest AP of each list of a batch, and entries rechecked."""
    if plan.labels is None:
        offsets, mates = backend.partners(plan.positives, batch)
        per_query = offsets
        owner = np.arange(len(batch))
        label = np.zeros(len(batch), np.int64)
    else:
        owner, label, offsets, mates = backend.label_partners(plan.positives, plan.labels, batch)
        lists = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=len(batch)))]).astype(np.int64)
        per_query = offsets[lists]
    values, above, tied, rechecked = backend.count_outranking(prepared, batch, per_query, mates, threads, tell)
    ap = backend.average_precision(offsets, values, above, tied, ties)
    low = high = ap
    if tied.any():
        low = backend.average_precision(offsets, values, above, tied, "pessimistic")
        high = backend.average_precision(offsets, values, above, tied, "optimistic")
    n_pos = np.diff(offsets)
    has = n_pos > 0
    return batch[owner][has], label[has], n_pos[has], ap[has], low[has], high[has], rechecked


def _n_asked(plan: PairPlan, wanted: npt.NDArray[np.bool_]) -> int:
    """Return how many AP values there would be if everything asked for had a positive."""
    if plan.labels is None:
        return int(wanted.sum())
    return int(np.diff(plan.labels.row_offsets)[wanted].sum())


def _n_positive_pairs(backend: Any, plan: PairPlan, n_pos: Ints, wanted: npt.NDArray[np.bool_]) -> int:
    """Unordered positive pairs of all rows, also of those that are not queries."""
    if wanted.all():
        return int(n_pos.sum()) // 2
    if plan.labels is None:
        return int(backend.count_partners(plan.positives).sum()) // 2
    others = np.flatnonzero(~wanted)
    more = sum(
        int(backend.label_partners(plan.positives, plan.labels, b)[2][-1]) for b in _batches(backend, plan, others)
    )
    return (int(n_pos.sum()) + more) // 2


def _normalized(ap: Floats, n_pos: Ints, n_total: Ints) -> Floats:
    """(AP - mu) / (1 - mu), mu the mean AP under random ranking; clipped to [-1, 1] as copairs does."""
    from ...kernels.reference.null import expected_ap

    mu = expected_ap(n_pos, n_total)
    return np.clip((ap - mu) / np.maximum(1 - mu, 1e-10), -1.0, 1.0)


def _single(
    frame: pl.DataFrame,
    rows: Ints,
    query: Ints,
    n_pos: Ints,
    n_neg: Ints,
    scores: dict[str, Floats],
    wanted: npt.NDArray[np.bool_],
    report: RetrievalReport,
) -> Retrieval:
    """One row a profile: rows without a positive have NaN, rows that were not asked for have null."""
    pos = np.zeros(len(frame), np.int64)
    pos[query] = n_pos
    columns: dict[str, npt.NDArray[Any]] = {"n_pos_pairs": pos, "n_total_pairs": pos + n_neg}
    for name, score in scores.items():
        columns[name] = np.full(len(frame), np.nan)
        columns[name][query] = score
    result = with_series(frame, [pl.Series(name, column) for name, column in columns.items()])
    if not wanted.all():
        result = result.with_columns(pl.when(pl.Series(wanted)).then(pl.col(list(columns))))
    return Retrieval(result, rows, report)


def _multi(
    frame: pl.DataFrame,
    plan: PairPlan,
    query: Ints,
    label: Ints,
    n_pos: Ints,
    n_neg: Ints,
    scores: dict[str, Floats],
    column: str,
    report: RetrievalReport,
) -> Retrieval:
    """One row a (profile, label), by profile, then by label."""
    assert plan.label_names is not None
    result = frame.drop(column)[query].with_columns(
        *(pl.Series(name, score) for name, score in scores.items()),
        pl.Series("n_pos_pairs", n_pos),
        pl.Series("n_total_pairs", n_pos + n_neg[query]),
        plan.label_names.gather(label).alias(column),
    )
    return Retrieval(result, plan.rows[query], report)
