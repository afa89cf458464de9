"""What ``fastbench fmeasure azimuth`` made, and how to go on."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...command.job import Job
from ...readers.cells import column_names
from ...results.tables import Table
from .calls import AzimuthCalls
from .convert import convert_azimuth
from .options import AzimuthOptions

__all__ = ["Converted", "run_azimuth"]

#: Column of the truth that is suggested where it is there.
CELLXGENE_LABEL = "cell_type_ontology_term_id"


@dataclass(frozen=True)
class Converted:
    """An annotate directory.

    Attributes
    ----------
    calls : AzimuthCalls
        What was converted.
    options : AzimuthOptions
        What was asked for.
    command : str
        The command that scores the directory.
    hints : tuple of str
        What to know about it.
    """

    calls: AzimuthCalls
    options: AzimuthOptions
    command: str
    hints: tuple[str, ...]

    def tables(self) -> Mapping[str, Table]:
        """Return none: the directory has the files that an annotator writes."""
        return {}

    def draw(self, path: Callable[[str], Path]) -> None:
        """Draw nothing."""

    def account(self) -> Mapping[str, Any]:
        """Return none: `convert_azimuth` gives the account."""
        return {}

    def summary(self) -> dict[str, Any]:
        """Return what ``--json`` prints."""
        return {
            "model_name": self.options.model_name,
            "cells": len(self.calls.table),
            **self.calls.account(),
            "extra_rows": self.calls.extra_rows,
            "notes": [*self.calls.notes, *self.hints],
            "next": self.command,
        }


def run_azimuth(options: AzimuthOptions, job: Job) -> Converted:
    """Write an annotate directory, see `convert_azimuth`; it is the result folder of the job."""
    assert job.folder is not None, "an annotate directory is a folder"
    with job.stage("converting calls", "convert"):
        calls = convert_azimuth(options, job.folder)
    truth = CELLXGENE_LABEL if CELLXGENE_LABEL in column_names(options.h5ad) else "COLUMN"
    command = ["fastbench", "fmeasure", "--annotate-dirs", job.folder.shown, "--gt-label", truth]
    command += ["--inferred-label", "cas_cell_type_name_1"]
    hints = []
    without = sum(int(calls.levels[name][0]) for name in ("unmapped", "outside", "missing"))
    if without and options.unmapped != "root":
        hints.append(
            f"{without} cells have no term at rank 1: they are scored as wrong by --unknown miss, left out by drop, "
            "the root by root, and refused otherwise."
        )
        command += ["--unknown", "miss"]
    return Converted(calls, options, shlex.join(command), tuple(hints))
