"""The declaration of ``fastbench cpjump``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..command.command import Command
from .options import Options

if TYPE_CHECKING:
    from ..command.command import Plan
    from ..command.job import Job
    from ..results.tables import Column
    from .results import CpjumpResult

__all__ = ["CPJUMP"]


def _run(options: Options, job: Job) -> CpjumpResult:
    from .planning import plan
    from .workflow import run

    return run(plan(options), job)


def _plan(options: Options) -> Plan:
    from .planning import plan

    return plan(options).work()


def _columns() -> Mapping[str, Sequence[Column]]:
    from .tables import COLUMNS

    return COLUMNS


CPJUMP: Command[Options, CpjumpResult] = Command(
    "cpjump", Options, _run, _plan, columns=_columns, output="results/cpjump"
)
