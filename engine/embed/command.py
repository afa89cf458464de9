"""The declaration of ``fastbench embed``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..command.command import Command
from ..command.measure import Measure
from .options import COMPARED, EmbedOptions

if TYPE_CHECKING:
    import polars as pl

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
    from .tables import LABEL_COLUMNS, RESULT_COLUMNS, SUMMARY_COLUMNS, WIDE_COLUMNS

    return {
        "results.csv": RESULT_COLUMNS,
        "summary.csv": SUMMARY_COLUMNS,
        "labels.csv": WIDE_COLUMNS,
        "per_label.csv": LABEL_COLUMNS,
    }


def _keys(frame: pl.DataFrame) -> list[str]:
    """Return what names a row: the label, and the embedding where there are several."""
    return ["label"] if frame["embedding"].n_unique() < 2 else ["embedding", "label"]


#: Labels are compared one with the other: metrics of all cells share these, and their differences have no p-value.
MEASURE = Measure(
    "labels.csv",
    _keys,
    COMPARED,
    unit="label",
)
EMBED: Command[EmbedOptions, EmbedResult] = Command(
    "embed", EmbedOptions, _run, _plan, MEASURE, _columns, output="results/embed"
)
