"""The declaration of ``fastbench embed``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..command.command import Command
from ..command.measure import Measure
from .options import EmbedOptions

if TYPE_CHECKING:
    from ..command.command import Plan
    from ..command.job import Job
    from ..results.tables import Column
    from .job import EmbedResult

__all__ = ["EMBED"]


def _run(options: EmbedOptions, job: Job) -> EmbedResult:
    from .job import run_embed

    return run_embed(options, job)


def _plan(options: EmbedOptions) -> Plan:
    from .plan import plan_embed

    return plan_embed(options)


def _columns() -> Mapping[str, Sequence[Column]]:
    from .tables import LABEL_COLUMNS, RESULT_COLUMNS, SUMMARY_COLUMNS

    return {"results.csv": RESULT_COLUMNS, "summary.csv": SUMMARY_COLUMNS, "per_label.csv": LABEL_COLUMNS}


MEASURE = Measure(
    "results.csv",
    lambda frame: ["embedding", "task", "metric_type", "variant"],
    {"value": "value"},
    unit="metric",
    refusal=lambda manifest: "Metrics share cells: differences have no p-value",
)
EMBED: Command[EmbedOptions, EmbedResult] = Command(
    "embed", EmbedOptions, _run, _plan, MEASURE, _columns, output="results/embed"
)
