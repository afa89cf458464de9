"""Predictions beside the mean response and a replicate of the truth."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from fastbench.engine.command.job import Job
from fastbench.engine.errors import InputError
from fastbench.engine.perturb.comparison import HIGHER, LOWER, NEITHER, NO_CALLS, Comparison, Metric, Values
from fastbench.engine.perturb.presets import Preset, chosen
from fastbench.engine.perturb.scores.assessing import Assessment, assess
from fastbench.engine.perturb.scores.judging import score
from fastbench.engine.perturb.scores.leaderboard import leaders, verdict
from fastbench.engine.perturb.scoring_options import ScoringOptions
from fastbench.engine.perturb.screens.example import screens
from fastbench.engine.perturb.screens.screen import Screen


def pearson(comparison: Comparison) -> Values:
    pairs = zip(comparison.truth.effects, comparison.prediction.effects, strict=True)
    return Values.mean(np.array([np.corrcoef(one, other)[0, 1] for one, other in pairs]))


def error(comparison: Comparison) -> Values:
    return Values.mean(((comparison.truth.effects - comparison.prediction.effects) ** 2).mean(axis=1))


def silent(comparison: Comparison) -> Values:
    """Pearson, of which the model has no value for its first perturbation."""
    found = pearson(comparison).of_conditions.copy()
    if comparison.prediction.screen.name != "model":
        return Values.mean(found)
    found[0] = np.nan
    return Values.mean(found, {0: NO_CALLS})


def count(comparison: Comparison) -> Values:
    return Values.mean(comparison.prediction.sizes[:-1].astype(np.float64))


METRICS = (
    Metric("pearson", "correlation", HIGHER, pearson, "", 1.0),
    Metric("mse", "error", LOWER, error, "", 0.0),
    Metric("silent", "correlation", HIGHER, silent, "", 1.0),
    Metric("count", "differential", NEITHER, count, "", float("nan")),
)
PRESET = Preset("test", 1e4, False, True, False, METRICS)


@pytest.fixture(scope="module")
def judged() -> Assessment:
    truth, model, mixed = screens("log1p")
    some = np.flatnonzero(model.conditions != 3)
    options = ScoringOptions(splits=3, bootstrap=200)
    partial = Screen("partial", *(getattr(model.of(some), name) for name in list(Screen.__annotations__)[1:]))
    return assess(truth, [model, partial], [mixed], PRESET, options, Job(), seen={"G000", "G005"})


def value(table: pl.DataFrame, column: str, **where: str) -> object:
    (row,) = table.filter(*(pl.col(name) == each for name, each in where.items())).iter_rows(named=True)
    return row[column]


def test_a_good_prediction_lies_between_the_mean_and_a_replicate(judged: Assessment):
    summary = judged.summary
    for metric in ("pearson", "mse"):
        assert 0.5 < value(summary, "score", prediction="model", metric_type=metric) < 1.6  # halves have more noise
        assert value(summary, "score", prediction="mixed", metric_type=metric) == 0
        assert value(summary, "drf", prediction="model", metric_type=metric) > 0.3
        assert value(summary, "bds", prediction="model", metric_type=metric) > 0.8
    assert abs(value(summary, "value", prediction="model", metric_type="pearson") - 0.7970409) < 1e-6
    low, high = (value(summary, name, prediction="model", metric_type="pearson") for name in ("lower", "upper"))
    assert low < 0.7970409 < high


def test_what_was_not_predicted_counts_as_the_mean_response(judged: Assessment):
    row = {"prediction": "partial", "metric_type": "mse", "condition": "G015"}
    assert value(judged.results, "value", **row) is None
    assert "no cells" in value(judged.results, "status", **row)
    assert value(judged.results, "score", **row) == 0
    where = {"metric_type": "mse"}
    assert value(judged.summary, "n_missing", prediction="partial", **where) == 1
    mine = judged.results.filter(pl.col("metric_type") == "mse", pl.col("condition") == "G015")
    model, mixed = (mine.filter(pl.col("prediction") == name)["value"].item() for name in ("model", "mixed"))
    whole, part = (value(judged.summary, "value", prediction=name, **where) for name in ("model", "partial"))
    assert part == pytest.approx(whole + (mixed - model) / 12)


def test_what_a_prediction_does_not_say_counts_as_the_mean_response(judged: Assessment):
    row = {"prediction": "model", "metric_type": "silent", "condition": "G000"}
    assert value(judged.results, "value", **row) is None
    assert value(judged.results, "status", **row) == NO_CALLS
    assert value(judged.results, "score", **row) == 0
    mine = judged.results.filter(pl.col("metric_type") == "pearson", pl.col("condition") == "G000")
    model, mixed = (mine.filter(pl.col("prediction") == name)["value"].item() for name in ("model", "mixed"))
    whole, part = (
        value(judged.summary, "value", prediction="model", metric_type=name) for name in ("pearson", "silent")
    )
    assert part == pytest.approx(whole + (mixed - model) / 12)
    assert value(judged.summary, "n_missing", prediction="model", metric_type="silent") == 0


def test_a_count_has_no_score(judged: Assessment):
    row = {"prediction": "model", "metric_type": "count"}
    assert value(judged.summary, "value", **row) == 60
    assert [value(judged.summary, name, **row) for name in ("score", "drf", "bds")] == [None] * 3
    assert value(judged.summary, "status", **row) == "Neither more nor less is better."


def test_differences_of_pairs_say_what_is_better(judged: Assessment):
    row = {"prediction": "model", "against": "mixed", "metric_type": "mse"}
    assert value(judged.differences, "difference", **row) > 0
    assert value(judged.differences, "q_value", **row) < 0.01
    assert len(judged.differences) == 9  # three pairs, and a count is neither better nor worse


def test_strata_hold_all_perturbations(judged: Assessment):
    sizes = judged.strata.filter(prediction="model", metric_type="mse").group_by("stratum").agg(pl.sum("n_conditions"))
    assert dict(sizes.iter_rows()) == {"effect_size": 12, "likeness": 12, "cells": 12, "training": 12}


def test_scores_need_a_replicate_that_is_better_than_the_mean():
    assert score(0.7, 0.5, 0.9, 0.01, HIGHER) == (pytest.approx(0.5), "ok")
    assert score(0.2, 0.5, 0.1, 0.01, LOWER) == (pytest.approx(0.75), "ok")
    assert "does not tell" in score(0.7, 0.5, 0.55, 0.05, HIGHER)[1]
    assert "does not tell" in score(0.7, 0.5, 0.9, 0.0, LOWER)[1]


def test_metrics_that_are_not_there_are_refused():
    assert [metric.name for metric in chosen(PRESET, ["mse"])] == ["mse"]
    with pytest.raises(InputError, match=r"has no 'msee', did you mean|mse"):
        chosen(PRESET, ["msee"])


def test_the_leaderboard_says_who_is_better_than_the_mean_response(judged: Assessment):
    board = leaders(judged.summary, judged.differences, "mixed")
    assert board["prediction"].to_list() == ["model", "partial", "mixed"]
    assert board["rank"].to_list() == [1, 2, 3]
    assert verdict(board)[0] == (
        "model is better than the mean response in 3 of 3 metrics, and worse in none (q < 0.05)."
    )
