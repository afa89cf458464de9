"""Metrics of replicates of profiles in groups, as tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ..errors import counted
from .mp_value import mp_value
from .pairs import unit_rows
from .replicates import ProfileScores, enrichment, group_medians, hit_score, profile_scores, reproducibility

__all__ = ["ReplicateMetrics", "measure_replicates"]

Floats = npt.NDArray[np.float64]
#: Quantiles of correlations, percentages of lists, and the level of mp-values, as cytominer-eval takes them.
QUANTILE, TOP_QUANTILES, PERCENTS, LEVEL = 0.95, (0.95, 0.99), (2.0, 5.0, 10.0, 100.0), 0.05
_NO_REPLICATES = "No group has two profiles."


@dataclass(frozen=True)
class ReplicateMetrics:
    """Metrics of replicates.

    Attributes
    ----------
    whole : polars.DataFrame
        One row a metric, see `tables.METRIC_COLUMNS`.
    groups : polars.DataFrame
        One row a group.
    notes : tuple of str
        What was left out.
    """

    whole: pl.DataFrame
    groups: pl.DataFrame
    notes: tuple[str, ...] = ()


def measure_replicates(
    features: npt.NDArray[np.floating],
    groups: pl.DataFrame,
    metrics: Sequence[str],
    *,
    controls: npt.NDArray[np.bool_] | None = None,
    k: int = 10,
    draws: int = 1000,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> ReplicateMetrics:
    """Return metrics of replicates: profiles of one group, controls too.

    Parameters
    ----------
    features : ndarray of float, shape (n, d)
        Finite.
    groups : polars.DataFrame, n rows
        Columns that replicates share. Profiles without a value are left out.
    metrics : sequence of str
        Of `names.METRIC_NAMES`.
    controls : ndarray of bool, shape (n,), optional
        The controls.
    k : int, default 10
        Length of the list of precision and recall.
    draws : int, default 1000
        Permutations of an mp-value.
    seed : int, default 0
        Of the permutations.
    progress : callable, optional
        Called with (profiles ranked, profiles in all).
    """
    unit, defined = unit_rows(features, centred=True)
    unnamed = groups.select(pl.any_horizontal(pl.all().is_null())).to_series().to_numpy()
    keep = np.flatnonzero(defined & ~unnamed)
    notes = [
        f"--metrics: {counted(count, 'profile was', 'profiles were')} left out: {why}."
        for count, why in (
            (int(unnamed.sum()), f"no value in {', '.join(groups.columns)}"),
            (int((~defined & ~unnamed).sum()), "their features are all equal, so there is no correlation"),
        )
        if count
    ]
    unit, kept = unit[keep], groups[keep]
    names = kept.unique(maintain_order=True)
    codes = kept.join(names.with_row_index("_code"), on=groups.columns, how="left", maintain_order="left")["_code"]
    measuring = _Measuring(
        unit,
        features[keep],
        codes.to_numpy().astype(np.int64),
        names.height,
        None if controls is None else controls[keep],
        k,
        draws,
        seed,
        progress,
    )
    columns, rows = measuring.run(metrics)
    whole = pl.DataFrame(rows, schema=_SCHEMA, orient="row")
    return ReplicateMetrics(whole, names.with_columns(columns), tuple(notes))


_SCHEMA = {
    "metric": pl.String,
    "at": pl.Float64,
    "value": pl.Float64,
    "p_value": pl.Float64,
    "threshold": pl.Float64,
    "n": pl.Int64,
    "status": pl.String,
}


def _row(
    metric: str,
    value: float,
    n: int,
    why: str,
    *,
    at: float | None = None,
    p_value: float | None = None,
    threshold: float | None = None,
) -> dict[str, Any]:
    missing = math.isnan(value)
    found = {"metric": metric, "at": at, "value": None if missing else value}
    return found | {
        "p_value": _some(p_value),
        "threshold": _some(threshold),
        "n": n,
        "status": why if missing else "ok",
    }


def _some(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value


@dataclass(frozen=True)
class _Measuring:
    """Profiles in groups, and what is asked of them."""

    unit: Floats
    features: npt.NDArray[np.floating]
    codes: npt.NDArray[np.int64]
    n_groups: int
    controls: npt.NDArray[np.bool_] | None
    k: int
    draws: int
    seed: int
    progress: Callable[[int, int], None] | None

    def run(self, metrics: Sequence[str]) -> tuple[list[pl.Series], list[dict[str, Any]]]:
        """Return columns of groups and rows of the whole."""
        sizes = np.bincount(self.codes, minlength=self.n_groups)
        is_control = np.zeros(self.n_groups, bool)
        if self.controls is not None:
            is_control = np.bincount(self.codes[self.controls], minlength=self.n_groups) == sizes
        columns = [pl.Series("n_profiles", sizes), pl.Series("is_control", is_control)]
        rows: list[dict[str, Any]] = []
        ranked = None
        if {"grit", "hitk", "precision-at-k"} & set(metrics):
            ranked = profile_scores(
                self.unit, self.codes, k=self.k, percents=PERCENTS, controls=self.controls, progress=self.progress
            )
        for metric in dict.fromkeys(metrics):
            if metric == "replicating":
                self._replicating(is_control, columns, rows)
            elif metric == "reproducibility":
                found = reproducibility(self.unit, self.codes, QUANTILE)
                why = _NO_REPLICATES if not found.n_replicate else "All profiles are of one group."
                rows.append(_row(metric, found.value, found.n_replicate, why, at=QUANTILE, threshold=found.threshold))
            elif metric == "enrichment":
                self._enrichment(rows)
            elif metric == "mp-value":
                self._mp_values(is_control, columns, rows)
            elif ranked is not None:
                self._ranked(metric, ranked, columns, rows)
        return columns, rows

    def _ranked(self, metric: str, scores: ProfileScores, columns: list[pl.Series], rows: list[dict[str, Any]]) -> None:
        """Add what follows from the ranks of all profiles."""
        if metric == "grit":
            treated = np.ones(len(self.codes), bool) if self.controls is None else ~self.controls
            columns.append(self._means("grit", scores.grit))
            value, n = _mean(scores.grit[treated])
            rows.append(_row("grit", value, n, "No treated profile has a replicate and controls that differ."))
            value, n = _mean(scores.grit)
            rows.append(_row("grit_with_controls", value, n, "No profile has a replicate and controls that differ."))
        elif metric == "hitk":
            columns.append(self._means("mean_rank", scores.mean_rank))
            hits = int(scores.n_replicates.sum())
            has = scores.n_replicates > 0
            total = float((scores.mean_rank * scores.n_replicates)[has].sum())
            rows.append(_row("hitk_mean_rank", total / hits if hits else math.nan, hits, _NO_REPLICATES))
            for place, percent in enumerate(PERCENTS):
                score = float(hit_score(scores, place, percent)) if hits else math.nan
                rows.append(_row("hitk", score, hits, _NO_REPLICATES, at=percent))
        else:
            for name, values in (("precision_at_k", scores.precision), ("recall_at_k", scores.recall)):
                columns.append(self._means(name, values))
                value, n = _mean(values)
                rows.append(_row(name.replace("_", "-"), value, n, _NO_REPLICATES, at=self.k))

    def _replicating(
        self, is_control: npt.NDArray[np.bool_], columns: list[pl.Series], rows: list[dict[str, Any]]
    ) -> None:
        """Add the share of groups whose median correlation is above that of pairs of different groups."""
        threshold = reproducibility(self.unit, self.codes, QUANTILE).threshold
        medians = group_medians(self.unit, self.codes, self.n_groups)
        known = ~np.isnan(medians) & ~np.isnan(threshold)
        passes = pl.Series("replicating", medians > threshold).set(pl.Series(~known), None)
        columns += [pl.Series("median_correlation", medians).fill_nan(None), passes]
        counted = known & ~is_control
        value = float((medians > threshold)[counted].mean()) if counted.any() else math.nan
        why = "No group but controls has two profiles, beside other groups."
        rows.append(_row("replicating", value, int(counted.sum()), why, at=QUANTILE, threshold=threshold))

    def _enrichment(self, rows: list[dict[str, Any]]) -> None:
        for share in TOP_QUANTILES:
            found = enrichment(self.unit, self.codes, share)
            why = "Enrichment needs replicate and other pairs, above the threshold or below it."
            above = found.table[0] + found.table[1]
            rows.append(
                _row(
                    "enrichment",
                    found.odds_ratio,
                    above,
                    why,
                    at=share,
                    p_value=found.p_value,
                    threshold=found.threshold,
                )
            )

    def _mp_values(
        self, is_control: npt.NDArray[np.bool_], columns: list[pl.Series], rows: list[dict[str, Any]]
    ) -> None:
        """Add the distance of each group from the controls; each with draws of its own, whatever the others are."""
        assert self.controls is not None
        found = np.full((3, self.n_groups), np.nan)
        controls = self.features[self.controls]
        treated = np.flatnonzero(~self.controls)
        order = treated[np.argsort(self.codes[treated], kind="stable")]
        ends = np.searchsorted(self.codes[order], np.arange(self.n_groups + 1))
        why = "No group but controls has an mp-value."
        for code in np.flatnonzero(~is_control):
            mine = self.features[order[ends[code] : ends[code + 1]]]
            value = mp_value(mine, controls, self.draws, self.seed)
            found[:, code] = value[:3]
            why = value.reason or why
        names = ("mp_distance", "mp_value", "mp_value_peer")
        columns += [pl.Series(name, values).fill_nan(None) for name, values in zip(names, found, strict=True)]
        known = ~np.isnan(found[1])
        share = float((found[1][known] <= LEVEL).mean()) if known.any() else math.nan
        rows.append(_row("mp-value", share, int(known.sum()), why, at=LEVEL))

    def _means(self, name: str, values: Floats) -> pl.Series:
        """Return the mean of the known values of each group."""
        known = ~np.isnan(values)
        sums = np.bincount(self.codes[known], values[known], self.n_groups)
        counts = np.bincount(self.codes[known], minlength=self.n_groups)
        return pl.Series(name, np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)).fill_nan(None)


def _mean(values: Floats) -> tuple[float, int]:
    """Return the mean of the known values, and how many there are."""
    known = values[~np.isnan(values)]
    return (float(known.mean()) if len(known) else math.nan), len(known)
