"""The declaration of ``fastbench map``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..command.command import Command
from ..command.measure import Measure
from .options import MapOptions

if TYPE_CHECKING:
    import polars as pl

    from ..command.command import Plan
    from ..command.job import Job
    from ..results.tables import Column
    from .result import MapResult

__all__ = ["MAP"]


def _run(options: MapOptions, job: Job) -> MapResult:
    from .job import run_map

    return run_map(options, job)


def _plan(options: MapOptions) -> Plan:
    from .plan import plan_map

    return plan_map(options)


def _columns() -> Mapping[str, Sequence[Column]]:
    from ..painting.tables import METRIC_COLUMNS, METRIC_GROUP_COLUMNS
    from .tables import GROUP_COLUMNS, QUERY_COLUMNS

    return {
        "map.csv": GROUP_COLUMNS,
        "average_precision.csv": QUERY_COLUMNS,
        "metrics.csv": METRIC_COLUMNS,
        "metrics_by_group.csv": METRIC_GROUP_COLUMNS,
    }


def _group_columns(groups: pl.DataFrame) -> list[str]:
    """Columns that name a group: those before the scores."""
    return groups.columns[: groups.columns.index("mean_average_precision")]


def _refusal(manifest: Mapping[str, Any]) -> str:
    """Groups of a list column share profiles, so that none can be swapped without the others."""
    if (manifest.get("options") or {}).get("multilabel"):
        return "Groups of a list column share profiles: differences have no p-value"
    return ""


MEASURE = Measure(
    "map.csv",
    _group_columns,
    {"mean_average_precision": "mAP", "mean_normalized_average_precision": "normalized mAP"},
    passes="below_corrected_p",
    passes_name="below corrected p",
    unit="group",
    refusal=_refusal,
)
MAP: Command[MapOptions, MapResult] = Command("map", MapOptions, _run, _plan, MEASURE, _columns)
