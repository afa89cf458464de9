"""The calibration of comparisons: what is simulated, and how rates are counted."""

from __future__ import annotations

import polars as pl
import pytest

from fastbench.bench.calibration import markdown, rates, scenarios
from fastbench.engine.cpjump.names import HEADLINE
from fastbench.engine.cpjump.options import Options


@pytest.mark.slow
def test_pairs_share_what_their_scenario_says():
    options = Options(simulated_features=60, limit_plates=4, tasks=("replicability", "matching"))
    found = {}
    for scenario, a, b in scenarios(2, 1, options):
        found.setdefault(scenario, []).append((a, b))
    assert {name: len(pairs) for name, pairs in found.items()} == {
        "same signal": 2,
        "other signal": 2,
        "effects x 0.8": 1,
        "effects x 0.6": 1,
    }
    a, b = found["same signal"][0]
    assert a.simulated
    assert a.groups.height > 300
    assert not a.groups.equals(b.groups)
    assert a.groups.equals(found["effects x 0.8"][0][0].groups)
    assert a.groups.equals(found["other signal"][0][0].groups)
    strong, weak = (run.groups.filter(task="replicability")["retrieved"].mean() for run in found["effects x 0.6"][0])
    assert strong > weak


def test_rates_are_of_what_was_tested():
    p = [0.01, 0.2, None, 0.04, 0.9]
    rows = pl.DataFrame(
        {
            "scenario": "same signal",
            "task": "matching",
            "Description": ["all"] * 3 + ["compound_A549_short"] * 2,
            "metric": HEADLINE,
            "p_value": p,
        }
    )
    found = rates(rows)
    assert found.select("over", "rejected", "tested", "comparisons").rows() == [
        ("all configurations", 0.5, 2, 3),
        ("single ones", 0.5, 2, 2),
    ]
    assert "| Target matching | all configurations | `" + HEADLINE + "` | 50.0 % | 2 of 3 |" in markdown(found)
