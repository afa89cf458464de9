"""Similarity to average precision: the path that every retrieval benchmark takes.

Metadata becomes codes (`pair_rules`), codes and features become counts (kernels), counts become average precision.
Queries go through in batches, so that memory is O(rows x features + batch), whatever the number of pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ...kernels import dispatch
from ...kernels.backend import Backend, Outranking, Prepared, Status
from ...kernels.names import DISTANCE_TABLE, Similarity, is_metric
from ..devices import backend_of
from ..errors import InputError
from ..tables.frames import with_series
from .batches import Batch, batches, joined, reported
from .degenerate import handle_degenerate, refuse_degenerate
from .exchange import EXCHANGE
from .options import ALIASES, Scoring
from .pair_rules import PairPlan, PairRules, compile_pairs, unpaired
from .report import Retrieval, RetrievalReport

__all__ = ["SCORES", "score"]

#: Work of a range of queries that is kept as one step, in floating point operations of its products: a minute or two.
#: In shorter steps, most similarities would be computed for each of their rows anew.
STEP_WORK = 1e13
#: Keeps a step: ``(name, compute) -> value``.
Keep = Callable[[str, Callable[[], Any]], Any]

#: Cosine, ties by their expected value, on the processor.
DEFAULT_SCORING = Scoring()

#: Columns that a result may have beside the metadata.
SCORES = (
    "n_pos_pairs",
    "n_total_pairs",
    "average_precision",
    "normalized_average_precision",
    "ap_optimistic",
    "ap_pessimistic",
    *EXCHANGE,
)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def score(
    metadata: pl.DataFrame,
    features: npt.NDArray[np.floating],
    rules: PairRules,
    scoring: Scoring = DEFAULT_SCORING,
    *,
    similarity: Similarity | None = None,
    queries: npt.NDArray[np.bool_] | None = None,
    feature_names: Sequence[str] | None = None,
    threads: int = 0,
    progress: Callable[[int, int], None] | None = None,
    keep: Keep | None = None,
) -> Retrieval:
    """Average precision of each profile, or of each (profile, label) for a list column.

    Parameters
    ----------
    metadata : polars.DataFrame, n rows
        One row a profile.
    features : ndarray of float32 or float64, shape (n, d)
        Finite values, at least in the rows that the filters leave; row i belongs to row i of `metadata`.
    rules : PairRules
        Which pairs are positive, and which negative.
    scoring : Scoring, optional
        Distance, ties, device, precision and degenerate rows. Ranks under a distance of scipy alone are those of scipy
        on this machine, without a certificate.
    similarity : callable, optional
        In the place of the distance: ``(a, b) -> values``, arrays of m rows to m numbers, higher is nearer, equal from
        both sides.
    queries : ndarray of bool, shape (n,), optional
        Rows to score; the others are only candidates and get no AP.
    feature_names : sequence of d str, optional
        For error messages.
    threads : int, default 0
        Worker threads, 0 for all cores. The numbers do not depend on it.
    progress : callable, optional
        Called with (queries done, queries in all).
    keep : callable, optional
        ``(name, compute) -> value``: keeps what a range of queries counts, or gives what was kept, see
        `results.steps.StepStore.do`. Ranges are then short enough to be worth keeping.

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
    ties, device, multilabel_col = scoring.ties, scoring.device, rules.multilabel_col
    distance: str | Similarity = similarity or ALIASES.get(scoring.distance, scoring.distance)
    if len(metadata) != len(features):
        raise InputError(f"Metadata has {len(metadata)} rows and features have {len(features)}; they must agree.")
    if len(metadata) == 0:
        raise InputError("There are no rows to score.")
    if queries is not None and (np.asarray(queries).dtype != np.bool_ or np.shape(queries) != (len(metadata),)):
        raise InputError(
            f"Queries must be an array with one True or False for each of the {len(metadata)} rows, but it is of "
            f"{np.asarray(queries).dtype} and has the shape {np.shape(queries)}."
        )
    if features.ndim != 2 or not features.shape[1]:
        raise InputError(f"Features must be a matrix with at least one column, but their shape is {features.shape}.")
    usable = handle_degenerate(features, distance, scoring.degenerate)
    said: list[str] = []
    if usable.n_bad:
        have, were, rank = ("has", "was", "ranks") if usable.n_bad == 1 else ("have", "were", "rank")
        what = f"{usable.n_bad} of {len(features)} rows {have} features that are not finite, or no direction, and"
        if usable.rows is not None:
            good = usable.rows
            found = score(
                metadata[good],
                features[good],
                rules,
                replace(scoring, degenerate="refuse"),
                queries=None if queries is None else queries[good],
                feature_names=feature_names,
                threads=threads,
                progress=progress,
                keep=keep,
            )
            report = replace(found.report, warnings=(*found.report.warnings, f"{what} {were} left out."))
            return replace(found, rows=good[found.rows], report=report)
        said.append(f"{what} {rank} last; similarities were computed pair by pair.")
        distance = usable.distance
    elif is_metric(distance):
        whose = f"Distance {distance!r} is scipy's" if isinstance(distance, str) else "The similarity is a function"
        said.append(f"{whose}: ranks are as exact as its arithmetic, without a certificate.")
    backend = backend_of(device, scoring.precision)
    plan = compile_pairs(metadata, rules, queries)
    x = features if len(plan.rows) == len(features) else features[plan.rows]
    wanted = np.ones(len(x), dtype=bool) if queries is None else np.asarray(queries, dtype=bool)[plan.rows]
    if not wanted.any():
        raise InputError("No row was asked for: the queries are empty.")
    by_length = _tells_by_length(distance)
    if not by_length and not usable.n_bad:
        refuse_degenerate(x, distance, plan.rows, names=feature_names)

    n_neg = backend.count_partners(plan.negatives)
    if not n_neg.any():
        raise unpaired(metadata, rules, "negative")
    asked = np.flatnonzero(wanted)
    prepared = backend.prepare(x, distance, plan.negatives)
    _raise_if_refused(distance, prepared)
    if by_length:
        refuse_degenerate(x, distance, plan.rows, prepared.norms, feature_names)
    most = None if keep is None else max(1, int(STEP_WORK / (2 * x.size)))
    scored = []
    for batch, tell in reported(batches(backend, plan, asked, most), len(asked), progress):
        count = partial(_score_batch, backend, plan, prepared, batch, distance, ties, threads, tell)
        scored.append(count() if keep is None else _kept(keep, f"queries {batch[0]} to {batch[-1]}", count))
    on_host = prepared.status is Status.ON_HOST
    if on_host:
        said.append(f"Device {device!r} left the counting to the CPU kernels: {prepared.reason}.")
    whole = joined(scored)
    query, n_pos, tied = whole.query, whole.n_pos, whole.low < whole.high
    if not len(query):
        raise unpaired(metadata, rules, "positive")
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
        n_rechecked=whole.rechecked,
        certified=usable.n_bad > 0 or not is_metric(distance),
        ties=ties,
        distance=getattr(similarity, "__name__", "function") if similarity else scoring.distance,
        precision=prepared.precision,
        device="cpu" if on_host else dispatch.name(backend),
        warnings=(*plan.warnings, *said),
    )
    normalized = _normalized(backend, whole.ap, n_pos, n_pos + n_neg[query])
    scores = {"average_precision": whole.ap, "normalized_average_precision": normalized}
    if tied.any():
        scores |= {"ap_optimistic": whole.high, "ap_pessimistic": whole.low}
    counts = plan.exchange.counts(query, whole.label, n_neg[query], plan.labels)
    kept = metadata if len(x) == len(metadata) else metadata[plan.rows]
    if multilabel_col is None:
        return _single(kept, plan.rows, whole, n_neg, scores, counts, wanted, report)
    return _multi(kept, plan, whole, n_neg, scores, counts, multilabel_col, report)


def _tells_by_length(distance: str | Similarity) -> bool:
    """Return whether the lengths of rows show which have no direction, so that rows need not be looked at for it."""
    traits = DISTANCE_TABLE.get(distance) if isinstance(distance, str) else None
    return traits is not None and traits.needs_norm and not traits.is_centred


def _raise_if_refused(distance: str | Similarity, given: Prepared | Outranking) -> None:
    """Raise where a distance is not defined for these features."""
    if given.status is Status.REFUSED:
        what = f"Distance {distance!r}" if isinstance(distance, str) else "The similarity function"
        raise InputError(f"{what}: {given.reason}; use another distance, or other features.")


def _marked(rows: Ints, n: int) -> npt.NDArray[np.bool_]:
    """Return which of n rows are among the rows."""
    mark = np.zeros(n, dtype=bool)
    mark[rows] = True
    return mark


def _kept(keep: Keep, name: str, count: Callable[[], Batch]) -> Batch:
    """Return what a range of queries counts, from where it was kept or counted now."""
    return Batch(**keep(name, lambda: count()._asdict()))


def _score_batch(
    backend: Backend[Any],
    plan: PairPlan,
    prepared: Prepared,
    batch: Ints,
    distance: str | Similarity,
    ties: str,
    threads: int,
    tell: Callable[[float], None] | None,
) -> Batch:
    """Score the lists of the queries of a batch, given by row."""
    if plan.labels is None:
        offsets, positives = backend.partners(plan.positives, batch)
        per_query = offsets
        owner, label = np.arange(len(batch), dtype=np.int32), np.zeros(len(batch), np.int32)
    else:
        owner, label, offsets, positives = backend.label_partners(plan.positives, plan.labels, batch)
        lists = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=len(batch)))]).astype(np.int64)
        per_query = offsets[lists]
    counts = backend.count_outranking(prepared, batch, per_query, positives, threads, tell)
    _raise_if_refused(distance, counts)

    def ap_under(policy: str) -> Floats:
        return backend.average_precision(offsets, counts.values, counts.above, counts.tied, policy)

    ap = ap_under(ties)
    low = high = ap
    if counts.tied.any():
        low, high = ap_under("pessimistic"), ap_under("optimistic")
    n_pos = np.diff(offsets)
    has = n_pos > 0
    return Batch(batch[owner][has], label[has], n_pos[has], ap[has], low[has], high[has], counts.rechecked)


def _n_asked(plan: PairPlan, wanted: npt.NDArray[np.bool_]) -> int:
    """Return how many AP values there would be if everything asked for had a positive."""
    if plan.labels is None:
        return int(wanted.sum())
    return int(np.diff(plan.labels.row_offsets)[wanted].sum())


def _n_positive_pairs(backend: Backend[Any], plan: PairPlan, n_pos: Ints, wanted: npt.NDArray[np.bool_]) -> int:
    """Unordered positive pairs of all rows, also of those that are not queries."""
    if wanted.all():
        return int(n_pos.sum()) // 2
    if plan.labels is None:
        return int(backend.count_partners(plan.positives).sum()) // 2
    others = np.flatnonzero(~wanted)
    more = sum(
        int(backend.label_partners(plan.positives, plan.labels, b).offsets[-1]) for b in batches(backend, plan, others)
    )
    return (int(n_pos.sum()) + more) // 2


def _normalized(backend: Backend[Any], ap: Floats, n_pos: Ints, n_total: Ints) -> Floats:
    """Return (AP - mu) / (1 - mu), mu the mean AP under random ranking; clipped to [-1, 1] as copairs does."""
    mu = backend.expected_ap(n_pos, n_total)
    return np.clip((ap - mu) / np.maximum(1 - mu, 1e-10), -1.0, 1.0)


def _single(
    frame: pl.DataFrame,
    rows: Ints,
    found: Batch,
    n_neg: Ints,
    scores: dict[str, Floats],
    counts: tuple[Ints, Ints],
    wanted: npt.NDArray[np.bool_],
    report: RetrievalReport,
) -> Retrieval:
    """One row a profile: rows without a positive have NaN, rows that were not asked for have null."""
    pos = np.zeros(len(frame), np.int64)
    pos[found.query] = found.n_pos
    columns: dict[str, npt.NDArray[Any]] = {"n_pos_pairs": pos, "n_total_pairs": pos + n_neg}
    for name, score in scores.items():
        columns[name] = np.full(len(frame), np.nan)
        columns[name][found.query] = score
    for name, count in zip(EXCHANGE, counts, strict=True):
        columns[name] = np.zeros(len(frame), np.int64)
        columns[name][found.query] = count
    result = with_series(frame, [pl.Series(name, column) for name, column in columns.items()])
    if not wanted.all():
        result = result.with_columns(pl.when(pl.Series(wanted)).then(pl.col(list(columns))))
    return Retrieval(result, rows, report)


def _multi(
    frame: pl.DataFrame,
    plan: PairPlan,
    found: Batch,
    n_neg: Ints,
    scores: dict[str, Floats],
    counts: tuple[Ints, Ints],
    column: str,
    report: RetrievalReport,
) -> Retrieval:
    """One row a (profile, label), by profile, then by label."""
    assert plan.label_names is not None
    result = (
        frame[found.query]
        .drop(column)
        .with_columns(
            *(pl.Series(name, score) for name, score in scores.items()),
            pl.Series("n_pos_pairs", found.n_pos),
            pl.Series("n_total_pairs", found.n_pos + n_neg[found.query]),
            plan.label_names.gather(found.label).alias(column),
            *(pl.Series(name, count) for name, count in zip(EXCHANGE, counts, strict=True)),
        )
    )
    return Retrieval(result, plan.rows[found.query], report)
