"""Which groups of a result can be compared cell by cell, and their comparison."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from ....kernels.backend import Backend
from ...errors import InputError
from ...statistics.paired_comparison import FEWEST_DIFFERING
from ..names import CELL, SAMPLE
from ..runs.samples import Group, metadata_value
from ..scores.options import ReportOptions
from .paired import Paired, ScoredModel, class_changes, compare, pair_cells

__all__ = ["Compared", "compare_groups", "compare_paired", "scored_model_of"]


@dataclass(frozen=True)
class Compared:
    """Differences between models.

    Attributes
    ----------
    metrics : polars.DataFrame or None
        One row a pair and metric, see `paired.compare`.
    classes : polars.DataFrame or None
        One row a pair and class, see `paired.class_changes`; `model_a` and `model_b` first.
    notes : list of str
        What was left out.
    """

    metrics: pl.DataFrame | None
    classes: pl.DataFrame | None
    notes: list[str]


def scored_model_of(group: Group, name: str, by: str = CELL) -> ScoredModel:
    """Take a group as a model to be compared; a metadata key `by` becomes a column of its cells.

    Raises
    ------
    InputError
        Its cells were not kept, or two of its samples are calls for the same file of cells.
    """
    calls: dict[str, pl.DataFrame] = {}
    for member in group.members:
        sample = str(member.sample.meta["test_sample"])
        if member.calls is None:
            raise InputError(
                f"The cells of {member.sample.name!r} were not kept, so {name!r} cannot be compared cell by cell; "
                "score it without --no-cells."
            )
        if sample in calls:
            raise InputError(
                f"{name!r} has two sets of calls for the cells of {sample}, so it cannot be compared cell by cell; "
                "give each model a name of its own."
            )
        known = None if by in (CELL, SAMPLE) else metadata_value(member.sample, by)
        calls[sample] = member.calls if known is None else member.calls.with_columns(pl.lit(known).alias(by))
    return ScoredModel(name, calls, group.labels, group.ontology)


def compare_paired(paired: Paired, report: ReportOptions, backend: Backend[Any]) -> Compared:
    """Compare all pairs in all metrics and class by class; no intervals where there is only one unit to draw."""
    notes = list(paired.notes)
    if report.bootstrap and 1 < len(paired.clusters) < FEWEST_DIFFERING:
        notes.append(
            f"Differences between models have no p-value: {len(paired.clusters)} clusters, and fewer than "
            f"{FEWEST_DIFFERING} cannot give one below 0.05."
        )
    try:
        metrics = compare(paired, report.rules, backend, draws=report.bootstrap, seed=report.seed)
    except InputError as error:
        notes.append(str(error))
        metrics = compare(paired, report.rules, backend, draws=0)
    names = {} if paired.ontology is None else dict(paired.ontology.names)
    classes = [
        class_changes(paired, a, b, report.rules).select(
            pl.lit(a).alias("model_a"),
            pl.lit(b).alias("model_b"),
            "label",
            pl.col("label").replace(names).alias("name"),
            pl.exclude("label"),
        )
        for a, b in itertools.combinations(paired.names, 2)
    ]
    return Compared(metrics, pl.concat(classes), notes)


def compare_groups(groups: Sequence[Group], report: ReportOptions, backend: Backend[Any]) -> Compared:
    """Compare the groups that differ in `model_name` alone, where they scored the same cells.

    Groups of one model, such as its donors, have no cells in common and are not compared. Where models cannot be
    compared, a note gives the reason.
    """
    beside: dict[tuple[str, ...], list[Group]] = {}
    for group in groups:
        if "model_name" in group.keys:
            others = tuple(value for key, value in group.keys.items() if key != "model_name")
            beside.setdefault(others, []).append(group)
    found = []
    for some in beside.values():
        if len(some) < 2:
            continue
        try:
            models = [scored_model_of(group, group.name, report.bootstrap_by) for group in some]
            paired = pair_cells(models, None if report.bootstrap_by == CELL else report.bootstrap_by)
        except InputError as error:
            found.append(Compared(None, None, [f"Models were not compared. {error}"]))
            continue
        found.append(compare_paired(paired, report, backend))
    metrics = [each.metrics for each in found if each.metrics is not None]
    classes = [each.classes for each in found if each.classes is not None]
    return Compared(
        pl.concat(metrics) if metrics else None,
        pl.concat(classes) if classes else None,
        [note for each in found for note in each.notes],
    )
