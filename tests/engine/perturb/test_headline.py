"""The metric that is shown and compared: a well-known one, of predictions alone."""

from __future__ import annotations

import polars as pl
import pytest

from fastbench.engine.perturb.command import MEASURE
from fastbench.engine.perturb.comparison import MISSING
from fastbench.engine.perturb.scores.headline import better_on, headline


def test_results_are_compared_by_rows_of_predictions_alone():
    table = pl.DataFrame(
        {
            "prediction": ["model", "model", "baseline: no change", "model"],
            "context": "all",
            "condition": ["A", "B", "A", "A"],
            "metric_type": ["pearson_ctrl"] * 3 + ["mse"],
            "value": [0.5, None, 0.1, 9.0],
            "baseline": [0.2, 0.3, 0.2, 1.0],
            "status": ["ok", MISSING, "ok", "ok"],
        }
    )
    found = MEASURE.rows(table)
    assert found.select("condition", "value").rows() == [("A", 0.5), ("B", 0.3)]  # what is missing: the mean response
    assert MEASURE.keys(found) == ["metric_type", "context", "condition"]
    with pytest.raises(ValueError, match="none of the metrics pearson_ctrl"):
        MEASURE.rows(table.filter(pl.col("metric_type") == "mse"))


def test_a_well_known_correlation_is_shown():
    table = pl.DataFrame(
        {
            "metric_type": ["pds_l1", "wmse_exp2", "pearson_ctrl", "pearson_pert"],
            "family": ["retrieval", "error", "correlation", "correlation"],
            "drf": [1.0, 0.9, 0.2, 0.5],
            "n_conditions": 12,
        }
    )
    assert headline(table) == "pearson_pert"
    assert headline(table[:2]) == "wmse_exp2"
    assert headline(table[:0]) is None


def test_perturbations_are_counted_on_which_a_prediction_is_better():
    table = pl.DataFrame(
        {
            "prediction": ["model", "model", "mean", "mean"],
            "context": "all",
            "condition": ["A", "B", "A", "B"],
            "metric_type": "mse",
            "value": [0.5, None, 0.7, 0.1],
        }
    )
    assert better_on(table, "mse", False, "mean").rows() == [("model", 1, 2), ("mean", 0, 2)]
