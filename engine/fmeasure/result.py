"""What ``fastbench fmeasure`` found, and how it becomes a result folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..results.folder import ResultFolder
from ..results.tables import Table
from .runs.samples import Group, Sample
from .scores.summary import Report
from .tables import report_tables

__all__ = ["FmeasureResult"]

#: Confusions that ``--json`` prints.
_SHOWN_CONFUSIONS = 20


@dataclass(frozen=True)
class FmeasureResult:
    """Outcome of all steps, or of one.

    Attributes
    ----------
    samples : sequence of Sample
        Scored runs.
    groups : sequence of Group
        Their sums; empty after the first step.
    report : Report or None
        Summary tables, after the steps that make them.
    notes : tuple of str
        Everything dropped or noticed.
    found : mapping of str to Table
        The other tables by file name.
    accounts : mapping
        Entries of the manifest.
    writing : callable, optional
        Writes matrices, cells and ontologies into the result folder, see `write_files`.
    drawing : callable, optional
        Draws the figures.
    """

    samples: Sequence[Sample]
    groups: Sequence[Group] = ()
    report: Report | None = None
    notes: tuple[str, ...] = ()
    found: Mapping[str, Table] = field(default_factory=dict)
    accounts: Mapping[str, Any] = field(default_factory=dict)
    writing: Callable[[ResultFolder], Mapping[str, Any]] | None = None
    drawing: Callable[[Callable[[str], Path]], None] | None = None

    def write_files(self, folder: ResultFolder) -> Mapping[str, Any]:
        """Write matrices, cells and ontologies; return the declaration of the cells."""
        return {} if self.writing is None else self.writing(folder)

    def tables(self) -> dict[str, Table]:
        """Return the tables, with their columns declared."""
        return {**self.found, **({} if self.report is None else report_tables(self.report))}

    def draw(self, path: Callable[[str], Path]) -> None:
        """Draw the figures, where any were asked for."""
        if self.drawing is not None:
            self.drawing(path)

    def account(self) -> Mapping[str, Any]:
        """Return the entries of the manifest."""
        return self.accounts

    def summary(self) -> dict[str, Any]:
        """Return what ``--json`` prints."""
        report = self.report
        summary: dict[str, Any] = {
            "samples": len(self.samples),
            "groups": [group.name for group in self.groups],
            "cells": self.n_cells,
            "notes": list(self.notes),
        }
        if report is not None:
            shown = report.confusions.head(_SHOWN_CONFUSIONS)
            summary |= {"summary": report.summary.to_dicts(), "top_confusions": shown.to_dicts()}
            if report.comparison is not None:
                summary["comparison"] = report.comparison.to_dicts()
        return summary

    @property
    def n_cells(self) -> int:
        """Scored cells of all runs."""
        return sum(sample.confusions[0].n_cells for sample in self.samples)
