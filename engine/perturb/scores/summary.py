"""Values of perturbations put together: means, intervals, scores, differences of predictions."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from ...results.tables import or_none
from ...statistics.false_discovery import benjamini_hochberg
from ...statistics.paired_comparison import TESTED, paired_difference
from ...statistics.resampling import percentile_bounds
from ..comparison import HIGHER, MISSING, NEITHER, UNSAID, Metric, Values
from ..screens.screen import Panel
from .judging import Found, Replicate, score

__all__ = ["Scoring", "difference_rows", "result_rows", "shown_context", "summary_rows"]

ALL = "all"
#: Keeps a dynamic range from dividing by 0, as scPertEval has it.
LEAST_RANGE = 1e-6

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Key = tuple[int, str]


@dataclass(frozen=True)
class Scoring:
    """What predictions are put beside, and how they are put together.

    Attributes
    ----------
    panel : Panel
        Conditions and contexts.
    metrics : tuple of Metric
        In their order.
    baseline : mapping of (int, str) to Values
        Of the prediction that knows the mean response alone, by context and metric.
    replicates : mapping of (int, str) to Replicate
        Of the truth against itself.
    sizes : ndarray of int64, shape (contexts, conditions)
        True cells.
    draws, level, seed
        Of intervals.
    """

    panel: Panel
    metrics: Sequence[Metric]
    baseline: Found
    replicates: Mapping[Key, Replicate]
    sizes: Ints
    draws: int
    level: float
    seed: int


def shown_context(table: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of the mean over contexts, or of the one context that there is."""
    contexts = table["context"].unique().to_list()
    return table if len(contexts) < 2 else table.filter(pl.col("context") == "all")


class _Whole(NamedTuple):
    """A value in all, with what it is put beside."""

    value: float
    baseline: float
    replicate: float
    sd: float


def result_rows(scoring: Scoring, name: str, found: Found, sizes: Ints) -> Iterator[dict[str, Any]]:
    """Give one row a context, metric and perturbation; `sizes` (contexts, conditions) are predicted cells."""
    panel = scoring.panel
    for context, metric in itertools.product(range(len(panel.contexts)), scoring.metrics):
        values = found[context, metric.name]
        if np.isnan(values.of_conditions).all() and not values.averaged:
            continue  # a value of all together has no row a perturbation
        base, replicate = scoring.baseline.get((context, metric.name)), scoring.replicates.get((context, metric.name))
        for place, condition in enumerate(panel.conditions):
            if not scoring.sizes[context, place]:
                continue
            value = values.of_conditions[place]
            b = base.of_conditions[place] if base else np.nan
            r = replicate.of_conditions[place] if replicate else np.nan
            scored, _ = score(value, b, r, np.nan, metric.better)
            unsaid = values.averaged and values.reasons.get(place) in UNSAID and not np.isnan(b)
            yield {
                "prediction": name,
                "context": panel.contexts[context],
                "condition": condition,
                "subset": str(values.params.get("subset", ALL)),
                "metric_type": metric.name,
                "value": or_none(value),
                "baseline": or_none(b),
                "replicate": or_none(r),
                "score": 0.0 if unsaid else or_none(scored),
                "status": "ok" if not np.isnan(value) else values.reasons.get(place, values.reason) or "No value.",
                "n_cells_true": int(scoring.sizes[context, place]),
                "n_cells_pred": int(sizes[context, place]),
            }


def _filled(scoring: Scoring, values: Values, key: Key) -> Floats:
    """Return values of perturbations, (conditions,); what was not predicted has the baseline's."""
    base = scoring.baseline.get(key)
    found = values.of_conditions.copy()
    for place, why in values.reasons.items():
        if why in UNSAID and base is not None:
            found[place] = base.of_conditions[place]
    return found


def _mean(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def summary_rows(scoring: Scoring, name: str, found: Found) -> Iterator[dict[str, Any]]:
    """Give one row a metric and context, and one for the mean over contexts where there are several."""
    panel = scoring.panel
    contexts = range(len(panel.contexts))
    rng = np.random.default_rng(scoring.seed)
    n = len(panel.conditions)
    weights = rng.multinomial(n, np.full(n, 1 / n), scoring.draws).astype(np.float64)
    for metric in scoring.metrics:
        tables = [_filled(scoring, found[context, metric.name], (context, metric.name)) for context in contexts]
        rows = []
        for context in contexts:
            values = found[context, metric.name]
            whole = _whole(scoring, values, (context, metric.name), tables[context])
            rows.append((panel.contexts[context], values, whole, tables[context : context + 1]))
        if len(rows) > 1:
            mean = _Whole(*(_mean(np.array(column)) for column in zip(*(row[2] for row in rows), strict=True)))
            rows.append((ALL, rows[0][1], mean, tables))
        for shown, values, whole, mine in rows:
            yield _summary_row(scoring, name, metric, shown, values, whole, mine, weights)


def _whole(scoring: Scoring, values: Values, key: Key, filled: Floats) -> _Whole:
    base, replicate = scoring.baseline.get(key), scoring.replicates.get(key)
    value = _mean(filled) if values.averaged else values.overall
    return _Whole(
        value,
        base.overall if base else np.nan,
        replicate.overall if replicate else np.nan,
        replicate.sd if replicate else np.nan,
    )


def _summary_row(
    scoring: Scoring,
    name: str,
    metric: Metric,
    context: str,
    values: Values,
    whole: _Whole,
    tables: Sequence[Floats],
    weights: Floats,
) -> dict[str, Any]:
    scored, status = score(whole.value, whole.baseline, whole.replicate, whole.sd, metric.better)
    lower = upper = np.nan
    if values.averaged and len(weights) and not np.isnan(whole.value):
        with np.errstate(invalid="ignore", divide="ignore"):
            means = [(weights @ np.nan_to_num(each)) / (weights @ ~np.isnan(each)) for each in tables]
        lower, upper = percentile_bounds(np.nanmean(means, axis=0)[:, None], scoring.level)[:, 0]
    drf, bds = _dynamic_range(scoring, metric, context)
    reason = values.reason or next(iter(values.reasons.values()), "")
    return {
        "prediction": name,
        "context": context,
        "subset": str(values.params.get("subset", ALL)),
        "metric_type": metric.name,
        "family": metric.family,
        "better": metric.better,
        "value": or_none(whole.value),
        "lower": or_none(lower),
        "upper": or_none(upper),
        "baseline": or_none(whole.baseline),
        "replicate": or_none(whole.replicate),
        "replicate_sd": or_none(whole.sd),
        "score": or_none(scored),
        "drf": or_none(drf),
        "bds": or_none(bds),
        "n_conditions": int(sum((~np.isnan(each)).sum() for each in tables)),
        "n_missing": int(sum(why == MISSING for why in values.reasons.values())),
        "status": (reason or "No value.") if np.isnan(whole.value) else status,
    }


def _dynamic_range(scoring: Scoring, metric: Metric, context: str) -> tuple[float, float]:
    """Return DRF and BDS of a metric, over the perturbations of a context or of all."""
    if metric.better == NEITHER:
        return float("nan"), float("nan")
    panel = scoring.panel
    ranges, better = [], []
    for place in range(len(panel.contexts)):
        key = (place, metric.name)
        if context not in (ALL, panel.contexts[place]) or key not in scoring.baseline or key not in scoring.replicates:
            continue
        negative, positive = scoring.baseline[key].of_conditions, scoring.replicates[key].of_conditions
        if np.isnan(negative).all():  # one value in all
            negative = np.array([scoring.baseline[key].overall])
            positive = np.array([scoring.replicates[key].overall])
        sign = 1.0 if metric.better == HIGHER else -1.0
        room = sign * (metric.perfect - negative)
        with np.errstate(invalid="ignore", divide="ignore"):
            ranges.append(
                np.where(room > 0, np.clip(sign * (positive - negative) / (room + LEAST_RANGE), -1, 1), np.nan)
            )
        known = ~np.isnan(positive) & ~np.isnan(negative)
        better.append((sign * (positive - negative))[known] > 0)
    if not ranges:
        return float("nan"), float("nan")
    return _mean(np.concatenate(ranges)), _mean(np.concatenate(better).astype(np.float64))


def difference_rows(scoring: Scoring, found: Mapping[str, Found]) -> Iterator[dict[str, Any]]:
    """Give one row a metric and pair of predictions, each against those after it."""
    panel = scoring.panel
    conditions = np.tile(np.array(panel.conditions), len(panel.contexts))
    for one, other in itertools.combinations(found, 2):
        rows = []
        for metric in scoring.metrics:
            first, second = (
                np.concatenate(
                    [
                        _filled(scoring, found[name][context, metric.name], (context, metric.name))
                        for context in range(len(panel.contexts))
                    ]
                )
                for name in (one, other)
            )
            known = ~np.isnan(first) & ~np.isnan(second)
            if not known.any() or metric.better == NEITHER:
                continue
            sign = 1.0 if metric.better == HIGHER else -1.0
            table = sign * np.stack([first, second], axis=1)
            both = np.repeat(known[:, None].astype(np.float64), 2, axis=1)
            tested = paired_difference(
                conditions, table, both, draws=scoring.draws, seed=scoring.seed, level=scoring.level
            )
            rows.append(
                {
                    "prediction": one,
                    "against": other,
                    "subset": str(found[one][0, metric.name].params.get("subset", ALL)),
                    "metric_type": metric.name,
                    "value": or_none(sign * tested.value_a),
                    "value_against": or_none(sign * tested.value_b),
                    "difference": or_none(tested.difference),
                    "lower": or_none(tested.lower),
                    "upper": or_none(tested.upper),
                    "p_value": or_none(tested.p_value),
                    "q_value": None,
                    "n_conditions": int(tested.units),
                    "status": tested.status,
                }
            )
        tested_rows = [row for row in rows if row["status"] == TESTED]
        if tested_rows:
            adjusted = benjamini_hochberg(np.array([row["p_value"] for row in tested_rows]))
            for row, q in zip(tested_rows, adjusted.tolist(), strict=True):
                row["q_value"] = q
        yield from rows
