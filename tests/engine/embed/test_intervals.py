"""Intervals: how often they hold the truth, and what has none."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fastbench.engine.embed.cells import grouped
from fastbench.engine.embed.finding import Finding
from fastbench.engine.embed.intervals import interval_of


def finding(values: np.ndarray, statistic: str) -> Finding:
    value = float(np.mean(values) if statistic == "mean" else np.median(values))
    return Finding(value, per_cell=values, statistic=statistic)


@pytest.mark.parametrize("statistic", ["mean", "median"])
def test_nineteen_of_twenty_hold_the_truth(statistic: str) -> None:
    rng = np.random.default_rng(0)
    truth = 1.0 if statistic == "mean" else math.log(2)
    held = 0
    for seed in range(200):
        low, high = interval_of(finding(rng.exponential(size=150), statistic), None, 200, 0.95, seed)
        held += low <= truth <= high
    assert 178 <= held <= 200  # 190 expected; skewed values and few draws take some


def test_donors_whose_cells_are_alike_make_an_interval_wider() -> None:
    rng = np.random.default_rng(1)
    donor = np.repeat(np.arange(8), 50)
    values = rng.normal(size=8)[donor] + 0.1 * rng.normal(size=400)
    cells = interval_of(finding(values, "mean"), None, 300, 0.95, 0)
    donors = interval_of(finding(values, "mean"), grouped([f"d{i}" for i in donor]), 300, 0.95, 0)
    assert donors[1] - donors[0] > 3 * (cells[1] - cells[0])


def test_what_is_no_mean_or_median_of_cells_has_none() -> None:
    values = np.arange(5.0)
    for each in (
        Finding(0.5),
        Finding(0.5, per_cell=values),
        Finding(math.nan, "No value.", per_cell=values, statistic="mean"),
    ):
        assert np.isnan(interval_of(each, None, 100, 0.95, 0)).all()
    assert np.isnan(interval_of(finding(values, "mean"), None, 0, 0.95, 0)).all()
    assert np.isnan(interval_of(finding(values, "mean"), grouped(["one"] * 5), 100, 0.95, 0)).all()


def test_an_interval_is_that_of_the_scale_of_its_metric() -> None:
    values = np.random.default_rng(2).normal(size=60)
    plain = interval_of(finding(values, "mean"), None, 100, 0.95, 0)
    turned = Finding(1 - values.mean(), per_cell=values, statistic="mean", rescaled=(1.0, -1.0))
    low, high = interval_of(turned, None, 100, 0.95, 0)
    assert (low, high) == pytest.approx((1 - plain[1], 1 - plain[0]))
