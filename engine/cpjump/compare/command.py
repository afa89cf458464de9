"""The declaration of ``fastbench cpjump compare``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ...command.command import Command
from .options import CompareOptions

if TYPE_CHECKING:
    from ...command.job import Job
    from ...results.tables import Column
    from .comparison import Comparison

__all__ = ["COMPARE"]


def _run(options: CompareOptions, job: Job) -> Comparison:
    from ...comparison.runs import named_folders
    from .comparison import compare_runs
    from .runs import read_run

    with job.stage("reading results", "read"):
        folders = named_folders(options.results, least=1 if options.published else 2)
        runs = [read_run(name, path) for name, path in folders.items()]
    job.account["inputs"] = [{"name": name, "path": str(path)} for name, path in folders.items()]
    with job.stage("comparing", "compare"):
        return compare_runs(runs, options)


def _columns() -> Mapping[str, Sequence[Column]]:
    from .tables import COLUMNS

    return COLUMNS


COMPARE: Command[CompareOptions, Comparison] = Command(
    "cpjump compare",
    CompareOptions,
    _run,
    columns=_columns,
    resumable=False,
    output="results/cpjump_compare",
)
