"""The declaration of ``fastbench fmeasure azimuth``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...command.command import Command
from .options import AzimuthOptions

if TYPE_CHECKING:
    from ...command.job import Job
    from .result import Converted

__all__ = ["AZIMUTH"]


def _run(options: AzimuthOptions, job: Job) -> Converted:
    from .result import run_azimuth

    return run_azimuth(options, job)


AZIMUTH: Command[AzimuthOptions, Converted] = Command(
    "fmeasure azimuth", AzimuthOptions, _run, output_flag="--output-dir"
)
