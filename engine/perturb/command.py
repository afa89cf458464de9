"""The declaration of ``fastbench perturb``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..command.command import Command
from ..command.measure import Measure
from .audit.options import AuditOptions
from .options import PerturbOptions
from .run_options import RunOptions

if TYPE_CHECKING:
    import polars as pl

    from ..command.command import Plan
    from ..command.job import Job
    from ..results.tables import Column
    from .audit.calibration import CalibrationResult
    from .audit.job import AuditResult
    from .job import PerturbResult

__all__ = ["AUDIT", "CALIBRATE", "PERTURB"]


def _run(options: RunOptions, job: Job) -> PerturbResult:
    from .job import run_perturb

    return run_perturb(options, job)


def _plan(options: RunOptions) -> Plan:
    from .plan import plan_perturb

    return plan_perturb(options)


def _columns() -> Mapping[str, Sequence[Column]]:
    from .scores.tables import (
        DIFFERENCE_COLUMNS,
        DIFFERENTIAL_COLUMNS,
        LEADER_COLUMNS,
        RESULT_COLUMNS,
        STRATUM_COLUMNS,
        SUMMARY_COLUMNS,
    )

    return {
        "results.csv": RESULT_COLUMNS,
        "summary.csv": SUMMARY_COLUMNS,
        "leaderboard.csv": LEADER_COLUMNS,
        "differences.csv": DIFFERENCE_COLUMNS,
        "strata.csv": STRATUM_COLUMNS,
        "de_true.parquet": DIFFERENTIAL_COLUMNS,
    }


def _rows(frame: pl.DataFrame) -> pl.DataFrame:
    from .scores.headline import compared_rows

    return compared_rows(frame)


def _keys(frame: pl.DataFrame) -> list[str]:
    """Return what names a perturbation; one prediction in each result is the same row, whatever it is called."""
    names = ["metric_type", "context", "condition"]
    return names if frame["prediction"].n_unique() < 2 else ["prediction", *names]


#: Predictions are compared by their correlation with the true effect, perturbation by perturbation.
MEASURE = Measure(
    "results.csv", _keys, {"value": "correlation"}, unit="perturbation", rows=_rows, clusters=("condition",)
)
PERTURB: Command[RunOptions, PerturbResult] = Command(
    "perturb", RunOptions, _run, _plan, MEASURE, _columns, output="results/perturb"
)


def _calibrate(options: PerturbOptions, job: Job) -> CalibrationResult:
    from .audit.calibration import run_calibration

    return run_calibration(options, job)


def _calibration_columns() -> Mapping[str, Sequence[Column]]:
    from .audit.calibration import CALIBRATION_COLUMNS, VARIATION_COLUMNS

    return {"calibration.csv": CALIBRATION_COLUMNS, "variation.csv": VARIATION_COLUMNS}


def _audit(options: AuditOptions, job: Job) -> AuditResult:
    from .audit.job import run_audit

    return run_audit(options, job)


def _audit_columns() -> Mapping[str, Sequence[Column]]:
    from .audit.job import GAME_COLUMNS, METRIC_COLUMNS

    return {"audit.csv": GAME_COLUMNS, "audit_metrics.csv": METRIC_COLUMNS}


CALIBRATE: Command[PerturbOptions, CalibrationResult] = Command(
    "perturb calibrate", PerturbOptions, _calibrate, None, None, _calibration_columns, output="results/calibration"
)
AUDIT: Command[AuditOptions, AuditResult] = Command(
    "perturb audit", AuditOptions, _audit, None, None, _audit_columns, output="results/audit"
)
