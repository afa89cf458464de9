"""The declaration of ``fastbench fmeasure compare``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ...command.command import Command
from .options import CompareOptions

if TYPE_CHECKING:
    from ...command.job import Job
    from ...results.tables import Column
    from .results import SideBySide

__all__ = ["COMPARE"]


def _run(options: CompareOptions, job: Job) -> SideBySide:
    from .results import compare_results

    with job.stage("reading and comparing", "compare"):
        return compare_results(options)


def _columns() -> Mapping[str, Sequence[Column]]:
    from ..tables import COMPARISON_TABLES

    return COMPARISON_TABLES


COMPARE: Command[CompareOptions, SideBySide] = Command(
    "fmeasure compare",
    CompareOptions,
    _run,
    columns=_columns,
    resumable=False,
    output="results/fmeasure_compare",
    output_flag="--output-dir",
)
