"""The declaration of ``fastbench fmeasure compare``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...command.command import Command
from .options import CompareOptions

if TYPE_CHECKING:
    from ...command.job import Job
    from .results import SideBySide

__all__ = ["COMPARE"]


def _run(options: CompareOptions, job: Job) -> SideBySide:
    from .results import compare_results

    with job.stage("reading and comparing", "compare"):
        return compare_results(options)


COMPARE: Command[CompareOptions, SideBySide] = Command(
    "fmeasure compare",
    CompareOptions,
    _run,
    resumable=False,
    output="results/fmeasure_compare",
    output_flag="--output-dir",
)
