"""Predictions of one truth, judged and put beside the mean response and the truth measured again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from ...command.job import Job
from ...devices import backend_of
from ...results.tables import frame_of
from ..comparison import Metric, Values
from ..differential.given import Given
from ..presets import Preset, chosen
from ..scoring_options import ScoringOptions
from ..screens.screen import Later, Screen
from .judging import Found, Judge
from .strata import strata_of, stratum_rows
from .summary import Scoring, difference_rows, result_rows, summary_rows
from .tables import DIFFERENCE_COLUMNS, RESULT_COLUMNS, STRATUM_COLUMNS, SUMMARY_COLUMNS

__all__ = ["Assessment", "assess"]


@dataclass(frozen=True)
class Assessment:
    """Tables of predictions, baselines among them.

    Attributes
    ----------
    results : polars.DataFrame
        One row a prediction, context, perturbation and metric.
    summary : polars.DataFrame
        One row a prediction, context and metric.
    differences : polars.DataFrame
        One row a pair of predictions and metric.
    strata : polars.DataFrame
        One row a prediction, context, level of a stratum and metric.
    """

    results: pl.DataFrame
    summary: pl.DataFrame
    differences: pl.DataFrame
    strata: pl.DataFrame


def assess(
    truth: Screen,
    predictions: Sequence[Screen | Later],
    baselines: Sequence[Screen | Later],
    preset: Preset,
    options: ScoringOptions,
    job: Job,
    *,
    digests: Sequence[str] = (),
    seen: Collection[str] | None = None,
    given: Given | None = None,
) -> Assessment:
    """Judge predictions and baselines.

    Parameters
    ----------
    truth : Screen
        True cells.
    predictions : sequence of Screen or Later
        Of the same panel.
    baselines : sequence of Screen or Later
        The first knows the mean response alone: its values are the 0 of most scores, see `Metric.zero`.
    preset : Preset
        Metrics and their settings.
    options : ScoringOptions
        Which metrics, halvings, draws.
    job : Job
        Shows progress and keeps what was found.
    digests : sequence of str, optional
        Of the inputs.
    seen : collection of str, optional
        Perturbations of the training cells.
    given : Given, optional
        Differential expression of truth and predictions that was found elsewhere.

    Returns
    -------
    Assessment
    """
    metrics = chosen(preset, options.metrics)
    backend = backend_of(options.device)
    judge = Judge(truth, preset, metrics, backend, options.threads, job, list(digests), given)
    found: dict[str, Found] = {}
    cells: dict[str, np.ndarray] = {}
    for each in [*baselines, *predictions]:
        with job.stage(f"{each.name}: {len(metrics)} metrics", each.name) as advance:
            screen = each.make() if isinstance(each, Later) else each
            cells[each.name] = _sizes(screen)
            found[each.name] = judge.values(screen, advance)
            del screen
    with job.stage(f"truth: {options.splits} halvings", "halvings") as advance:
        replicates = judge.replicates(options.splits, options.seed, advance)
    sizes = np.stack([side.sizes[:-1] for side in judge.sides])
    scoring = Scoring(
        truth.panel,
        tuple(metrics),
        _zeros(metrics, found, baselines),
        replicates,
        sizes,
        options.bootstrap,
        options.level,
        options.seed,
    )
    results: list[dict[str, Any]] = []
    summary: list[dict[str, Any]] = []
    strata: list[dict[str, Any]] = []
    levels = [strata_of(side, seen) for side in judge.sides]
    order = {each.name: found[each.name] for each in [*predictions, *baselines]}
    for called, mine in order.items():
        results += result_rows(scoring, called, mine, cells[called])
        summary += summary_rows(scoring, called, mine)
        for context, name in enumerate(truth.panel.contexts):
            strata += stratum_rows(called, name, _beside(scoring, metrics, mine, context), levels[context])
    return Assessment(
        frame_of(results, RESULT_COLUMNS),
        frame_of(summary, SUMMARY_COLUMNS),
        frame_of(list(difference_rows(scoring, order)), DIFFERENCE_COLUMNS),
        frame_of(strata, STRATUM_COLUMNS),
    )


def _zeros(metrics: Sequence[Metric], found: Mapping[str, Found], baselines: Sequence[Screen | Later]) -> Found:
    """Return the values of each metric's own baseline; of the first where it is not there."""
    if not baselines:
        return {}
    chosen: dict[tuple[int, str], Values] = {}
    for metric in metrics:
        named = [screen.name for screen in baselines if metric.zero in screen.name]
        table = found[(named or [baselines[0].name])[0]]
        chosen |= {key: values for key, values in table.items() if key[1] == metric.name}
    return chosen


def _sizes(screen: Screen) -> np.ndarray:
    """Return the cells of each perturbation, (contexts, conditions)."""
    panel = screen.panel
    sizes = np.zeros((len(panel.contexts), len(panel.conditions) + 1), np.int64)
    np.add.at(sizes, (screen.contexts, screen.conditions), 1)
    return sizes[:, :-1]


def _beside(scoring: Scoring, metrics: Sequence[Metric], found: Found, context: int) -> dict[Metric, Any]:
    """Return what was found of each metric in a context, beside baseline and replicate."""
    table = {}
    for metric in metrics:
        key = context, metric.name
        replicate = scoring.replicates.get(key)
        table[metric] = found[key], scoring.baseline.get(key), replicate.of_conditions if replicate else None
    return table
