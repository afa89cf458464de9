"""The declaration of ``fastbench map``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..command.command import Command
from .options import MapOptions

if TYPE_CHECKING:
    from ..command.command import Plan
    from ..command.job import Job
    from .job import MapResult

__all__ = ["MAP"]


def _run(options: MapOptions, job: Job) -> MapResult:
    from .job import run_map

    return run_map(options, job)


def _plan(options: MapOptions) -> Plan:
    from .plan import plan_map

    return plan_map(options)


MAP: Command[MapOptions, MapResult] = Command("map", MapOptions, _run, _plan)
