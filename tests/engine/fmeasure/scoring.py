"""Scoring annotate directories into a result folder, and reading its tables."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fastbench.engine.command.execute import execute
from fastbench.engine.fmeasure.command import AGGREGATE, FLAT, FMEASURE, HIERARCHICAL
from fastbench.engine.fmeasure.options import FmeasureOptions, HierarchicalOptions
from fastbench.engine.fmeasure.result import FmeasureResult
from fastbench.engine.fmeasure.scores.options import ReportOptions

from .dag import (
    GT,
    NAME,
)

PLAIN = ReportOptions(bootstrap=0, figures=False)


def options_of(report: ReportOptions = PLAIN, **options: Any) -> FmeasureOptions:
    return FmeasureOptions(**(asdict(report) | options))


def score(runs: Path, output: Path, report: ReportOptions = PLAIN, **options: Any) -> FmeasureResult:
    chosen = options_of(report, annotate_dirs=str(runs), gt_label=GT, inferred_label=NAME, **options)
    return execute(FMEASURE, chosen, output, overwrite=True)


def step(name: str, folder: Path, report: ReportOptions = PLAIN, ontology: Path | None = None) -> FmeasureResult:
    """Bring a result folder up to date."""
    if name == "hierarchical":
        chosen = HierarchicalOptions(**asdict(report), ontology=str(ontology or ""))
        return execute(HIERARCHICAL, chosen, folder, overwrite=True)
    return execute({"aggregate": AGGREGATE, "flat": FLAT}[name], report, folder, overwrite=True)


def table(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, infer_schema_length=None)


def close(found: dict[str, Any], expected: dict[str, Any]) -> None:
    for name, value in expected.items():
        assert found[name] == pytest.approx(float(value), rel=1e-14), name
