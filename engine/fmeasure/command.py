"""The declarations of ``fastbench fmeasure`` and of its steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..command.command import Command
from .options import FmeasureOptions, HierarchicalOptions
from .scores.options import ReportOptions

if TYPE_CHECKING:
    from ..command.command import Plan
    from ..command.job import Job
    from ..results.tables import Column
    from .result import FmeasureResult

__all__ = ["AGGREGATE", "CONFUSION_MATRIX", "FLAT", "FMEASURE", "HIERARCHICAL"]

OUTPUT, FLAG = "results/fmeasure", "--output-dir"


def _run(options: FmeasureOptions, job: Job) -> FmeasureResult:
    from .pipeline import run_fmeasure

    return run_fmeasure(options, job)


def _confusion(options: FmeasureOptions, job: Job) -> FmeasureResult:
    from .pipeline import confusion_step

    return confusion_step(options, job)


def _aggregate(options: ReportOptions, job: Job) -> FmeasureResult:
    from .pipeline import aggregate_step

    return aggregate_step(options, job)


def _flat(options: ReportOptions, job: Job) -> FmeasureResult:
    from .pipeline import flat_step

    return flat_step(options, job)


def _hierarchical(options: HierarchicalOptions, job: Job) -> FmeasureResult:
    from .pipeline import hierarchical_step

    return hierarchical_step(options, job)


def _plan(options: FmeasureOptions) -> Plan:
    from .plan import plan_fmeasure

    return plan_fmeasure(options)


def _plan_counts(options: FmeasureOptions) -> Plan:
    from .plan import plan_fmeasure

    options.require_inputs()
    return plan_fmeasure(replace(options, bootstrap=0, figures=False))


def _columns() -> Mapping[str, Sequence[Column]]:
    from .tables import TABLES

    return TABLES


def _takes_place_of(name: str) -> bool:
    from .workspace.write import is_workspace_file

    return is_workspace_file(name)


FMEASURE: Command[FmeasureOptions, FmeasureResult] = Command(
    "fmeasure",
    FmeasureOptions,
    _run,
    _plan,
    columns=_columns,
    output=OUTPUT,
    output_flag=FLAG,
    takes_place_of=_takes_place_of,
)
CONFUSION_MATRIX: Command[FmeasureOptions, FmeasureResult] = Command(
    "fmeasure confusion-matrix",
    FmeasureOptions,
    _confusion,
    _plan_counts,
    output=OUTPUT,
    output_flag=FLAG,
    takes_place_of=_takes_place_of,
)
AGGREGATE: Command[ReportOptions, FmeasureResult] = Command(
    "fmeasure aggregate", ReportOptions, _aggregate, output_flag=FLAG, takes_place_of=_takes_place_of
)
FLAT: Command[ReportOptions, FmeasureResult] = Command(
    "fmeasure flat", ReportOptions, _flat, output_flag=FLAG, takes_place_of=_takes_place_of
)
HIERARCHICAL: Command[HierarchicalOptions, FmeasureResult] = Command(
    "fmeasure hierarchical", HierarchicalOptions, _hierarchical, output_flag=FLAG, takes_place_of=_takes_place_of
)
