"""Scoring annotate directories into a result folder, and reading its tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fastbench.engine.fmeasure import pipeline
from fastbench.engine.fmeasure.runs.options import ScoreOptions
from fastbench.engine.fmeasure.scores.options import ReportOptions
from fastbench.engine.fmeasure.workspace.write import is_workspace_file
from fastbench.engine.results.folder import ResultFolder

from .dag import (
    GT,
    NAME,
)

PLAIN = ReportOptions(bootstrap=0, figures=False)


def score(runs: Path, output: Path, report: ReportOptions = PLAIN, **options: Any) -> pipeline.Outcome:
    chosen = ScoreOptions(annotate_dirs=str(runs), gt_label=GT, inferred_label=NAME, **options)
    with ResultFolder(output, "fmeasure", pipeline.as_options(chosen, report), True, known=is_workspace_file) as folder:
        return pipeline.run_all(chosen, report, folder)


def table(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, infer_schema_length=None)


def close(found: dict[str, Any], expected: dict[str, Any]) -> None:
    for name, value in expected.items():
        assert found[name] == pytest.approx(float(value), rel=1e-14), name
