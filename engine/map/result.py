"""What ``fastbench map`` found: tables, figure, manifest entries, and what is printed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from ..painting.measured import ReplicateMetrics
from ..painting.tables import METRIC_COLUMNS, METRIC_GROUP_COLUMNS
from ..results.tables import Table
from ..retrieval.report import RetrievalReport
from ..tables.profiles import Source
from .controls import expansion
from .dose_values import dose_column
from .doses import draw_doses
from .options import MapOptions
from .tables import GROUP_COLUMNS, GROUPED_BY, METADATA, QUERY_COLUMNS

__all__ = ["MapResult"]


@dataclass(frozen=True)
class MapResult:
    """Tables and account of one run.

    Attributes
    ----------
    options : MapOptions
        What was asked for.
    average_precision : polars.DataFrame
        One row a query, columns of copairs.
    groups : polars.DataFrame
        One row a group, columns of copairs.
    group_by : tuple of str
        The grouping columns.
    definition : str
        Which p-value these numbers follow, in words.
    report : RetrievalReport
        Counts of the retrieval.
    feature_names : tuple of str
        The columns that were taken as features.
    notes : tuple of str
        Everything dropped or noticed.
    sources : tuple of Source
        The files read.
    left_out : tuple of str
        Columns that are neither metadata nor features.
    timings : dict of str to float
        Seconds by stage.
    metrics : ReplicateMetrics, optional
        Metrics of replicates, where they were asked for.
    """

    options: MapOptions
    average_precision: pl.DataFrame
    groups: pl.DataFrame
    group_by: tuple[str, ...]
    definition: str
    report: RetrievalReport
    feature_names: tuple[str, ...]
    notes: tuple[str, ...]
    sources: tuple[Source, ...]
    left_out: tuple[str, ...] = ()
    timings: dict[str, float] = field(default_factory=dict)
    metrics: ReplicateMetrics | None = None

    def tables(self) -> dict[str, Table]:
        """Return queries and groups, with their columns declared."""
        found = {
            "average_precision.csv": Table(self.average_precision, QUERY_COLUMNS, METADATA),
            "map.csv": Table(self.groups, GROUP_COLUMNS, GROUPED_BY),
        }
        if self.metrics is not None:
            found["metrics.csv"] = Table(self.metrics.whole, METRIC_COLUMNS)
            found["metrics_by_group.csv"] = Table(self.metrics.groups, METRIC_GROUP_COLUMNS, GROUPED_BY)
        return found

    def draw(self, path: Callable[[str], Path]) -> None:
        """Draw the groups: mAP against p-value, and against dose where they have one."""
        from .figures import draw_map

        shared: dict[str, Any] = {"threshold": self.options.threshold, "subtitle": self.definition}
        draw_map(self.groups, self.group_by, path("figures/map.png"), path("figures/map.svg"), **shared)
        dose = dose_column(self.groups, self.group_by, self.options.dose)
        if dose:
            draw_doses(self.groups, self.group_by, dose, path, **shared)

    def account(self) -> dict[str, Any]:
        """Return the entries of the manifest."""
        report = self.report
        return {
            "definition": self.definition,
            "device": report.device,
            **({"controls_stand_for": expansion(self.options)} if self.options.controls else {}),
            "features": {
                "count": len(self.feature_names),
                "names": list(self.feature_names),
                "left_out": list(self.left_out),
            },
            "retrieval": report.as_dict(),
            "dropped": {
                "queries_without_positives": report.n_without_positives,
                "queries_without_negatives_kept": report.n_without_negatives,
                "queries_tied": report.n_tied_queries,
            },
            "timings": self.timings,
            "notes": list(self.notes),
            "inputs": [source.as_dict() for source in self.sources],
        }

    def summary(self) -> dict[str, Any]:
        """Return what ``--json`` prints."""
        return {
            "groups": len(self.groups),
            "mean_map": self.mean_map,
            "below_corrected_p": self.n_significant,
            "threshold": self.options.threshold,
            "definition": self.definition,
            **({"metrics": self.metrics.whole.to_dicts()} if self.metrics is not None else {}),
            "retrieval": self.report.as_dict(),
            "notes": list(self.notes),
            "timings": self.timings,
        }

    def to_anndata(self) -> Any:
        """Return the queries as AnnData: their metadata and scores in ``obs``, the groups in ``uns["map"]``."""
        from anndata import AnnData

        obs = self.average_precision.to_pandas()
        return AnnData(obs=obs.set_axis(obs.index.map(str)), uns={"map": self.groups.to_pandas()})

    @property
    def mean_map(self) -> float:
        """Mean of the groups' mAP."""
        return float(self.groups["mean_average_precision"].to_numpy().mean())

    @property
    def n_significant(self) -> int:
        """Groups whose corrected p-value is below the threshold."""
        return int(self.groups["below_corrected_p"].sum())
