"""What ``fastbench fmeasure`` prints beside its numbers."""

from __future__ import annotations

from types import SimpleNamespace

import polars as pl
import pytest

from fastbench.cli.fmeasure.view import macro_words, show_differences


def comparison(p_value: float) -> pl.DataFrame:
    numbers = {"difference": 0.1, "lower": 0.05, "upper": 0.15, "p_value": p_value, "cells": 900}
    rows = [
        {"model_a": "a", "model_b": "b", "metric": "h_f1_micro", **numbers, "mcnemar_exact_p": None},
        {"model_a": "a", "model_b": "b", "metric": "accuracy", **numbers, "mcnemar_exact_p": 3e-9},
    ]
    return pl.DataFrame(rows, schema_overrides={"mcnemar_exact_p": pl.Float64}, infer_schema_length=None)


@pytest.mark.parametrize(
    ("p_value", "by", "told"),
    [(2 / 1001, "cell", True), (4 / 1001, "cell", False), (2 / 1001, "donor", False)],
)
def test_mcnemar_stands_beside_p_values_on_the_floor(
    capsys: pytest.CaptureFixture[str], p_value: float, by: str, told: bool
) -> None:
    options = SimpleNamespace(bootstrap=1000, bootstrap_by=by)
    show_differences(comparison(p_value), "h_f1_micro", "Differences", options)
    printed = capsys.readouterr().out
    assert ("1000 draws give no p-value below 0.002, so McNemar's of accuracy stands beside" in printed) == told
    assert ("3.0e-09" in printed) == told
    assert printed.startswith("Differences")


def test_classes_of_macro_means_are_named() -> None:
    assert macro_words(SimpleNamespace(macro="active")).endswith("seen as truth or prediction (--macro active)")
    assert "seen as truth (--macro true)" in macro_words(SimpleNamespace(macro="true"))
