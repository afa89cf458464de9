"""Metrics of replicates: the numbers of cytominer-eval on the LINCS plate, and the definitions, pair by pair."""

from __future__ import annotations

import math
import re
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import fisher_exact

import fastbench as fb
from fastbench.engine.errors import InputError
from fastbench.engine.map.options import MapOptions
from fastbench.engine.painting import pairs, replicates
from fastbench.engine.painting.measured import measure_replicates
from fastbench.engine.painting.mp_value import mp_value
from fastbench.engine.painting.names import METRIC_NAMES
from fastbench.engine.painting.pairs import quantiles, unit_rows
from fastbench.engine.painting.replicates import enrichment, group_medians, profile_scores, reproducibility
from fastbench.engine.readers.packaged import resolve

from ...cli.running import call


@cache
def plate():
    profiles = fb.read_profiles([resolve("sample:lincs")])
    groups = profiles.metadata.select("Metadata_broad_sample")
    return profiles.features, groups, groups.to_series().to_numpy() == "DMSO"


@cache
def measured():
    features, groups, controls = plate()
    return measure_replicates(features, groups, METRIC_NAMES, controls=controls, draws=50)


@pytest.mark.parametrize(
    ("metric", "at", "value", "n", "threshold"),
    [
        ("reproducibility", 0.95, 0.4134615385, 1248, 0.4800395352),
        ("enrichment", 0.95, 14.381946, 497 + 3180, None),
        ("enrichment", 0.99, 47.460540, 736, None),
        ("hitk_mean_rank", None, 88.802885, 2496, None),
        ("hitk", 2, 666, 2496, None),
        ("hitk", 5, 928, 2496, None),
        ("hitk", 10, 1074, 2496, None),
        ("hitk", 100, 0, 2496, None),
        ("precision-at-k", 10, 0.2117187500, 384, None),
        ("recall-at-k", 10, 0.3299715909, None, None),
        ("grit", None, 1.7900953837, 360, None),
        ("grit_with_controls", None, 1.6782144222, 384, None),
    ],
)
def test_equals_cytominer_eval_on_the_plate(metric, at, value, n, threshold):
    whole = measured().whole.filter((pl.col("metric") == metric) & pl.col("at").eq_missing(at))
    (row,) = whole.iter_rows(named=True)
    assert row["value"] == pytest.approx(value, abs=1e-6)
    assert row["status"] == "ok"
    assert n is None or row["n"] == n
    assert threshold is None or row["threshold"] == pytest.approx(threshold, abs=1e-6)


def test_the_peer_interpolates_its_threshold_between_pairs_counted_twice():
    unit, _ = unit_rows(plate()[0], centred=True)
    values = (unit @ unit.T)[np.triu_indices(384, 1)]
    assert np.quantile(np.repeat(values, 2), 0.95) == pytest.approx(0.497345, abs=1e-6)
    (row,) = measured().whole.filter((pl.col("metric") == "enrichment") & (pl.col("at") == 0.95)).iter_rows(named=True)
    assert row["threshold"] == pytest.approx(np.quantile(values, 0.95), abs=1e-12)


def test_groups_of_the_plate():
    groups = measured().groups
    assert groups.height == 59
    assert groups["n_profiles"].sum() == 384
    assert groups.filter("is_control")["Metadata_broad_sample"].to_list() == ["DMSO"]
    assert groups.filter("is_control")["mp_value"].to_list() == [None]
    treated = groups.filter(~pl.col("is_control"))
    assert treated["mp_value"].min() == pytest.approx(1 / 51)
    np.testing.assert_allclose(treated["mp_value"], (treated["mp_value_peer"] * 50 + 1) / 51)
    (row,) = measured().whole.filter(pl.col("metric") == "replicating").iter_rows(named=True)
    assert row["value"] == treated["replicating"].mean()
    assert row["n"] == 58


def test_the_command_writes_the_tables(tmp_path: Path):
    found = fb.map(
        ["sample:lincs"],
        pos_sameby="Metadata_broad_sample",
        controls="Metadata_broad_sample == 'DMSO'",
        metrics=["grit", "mp-value", "hitk"],
        metrics_draws=9,
        output=tmp_path / "out",
        progress_bar=False,
    )
    assert (tmp_path / "out" / "metrics.csv").exists()
    groups = pl.read_csv(tmp_path / "out" / "metrics_by_group.csv")
    assert {"grit", "mean_rank", "mp_value"} <= set(groups.columns)
    assert "replicating" not in groups.columns
    grit = found.tables["metrics"].filter(pl.col("metric") == "grit")["value"][0]
    assert grit == pytest.approx(1.7900953837, abs=1e-6)


def test_controls_and_groups_of_one_profile_are_statuses():
    """Consensus profiles have no replicates: every metric says so, and stops nothing."""
    found = fb.map(
        ["sample:lincs"],
        pos_sameby="Metadata_moa",
        neg_diffby="Metadata_moa",
        consensus="Metadata_broad_sample,Metadata_moa",
        group_by="Metadata_broad_sample",
        metrics=["hitk", "reproducibility", "enrichment", "replicating", "precision-at-k"],
        progress_bar=False,
    )
    whole = found.tables["metrics"]
    assert whole.filter(pl.col("metric") != "precision-at-k")["value"].null_count() == whole.height - 1
    assert "No group has two profiles." in whole["status"].to_list()


def test_the_command_prints_the_metrics(tmp_path: Path):
    rule = ["--pos-sameby", "Metadata_broad_sample", "--controls", "Metadata_broad_sample == 'DMSO'"]
    printed = call("map", "sample:lincs", *rule, "--metrics", "grit,reproducibility", "--output", tmp_path / "out")
    assert printed.returncode == 0, printed.stderr
    assert re.search(r"reproducibility +0.950 +0.413 ", printed.stdout)
    assert re.search(r"grit +- +1.790 ", printed.stdout)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"metrics": ("grit",)}, "needs --controls"),
        ({"metrics": ("hits",)}, "hits"),
        ({"metrics": ("hitk",), "multilabel": "a"}, "one group a profile"),
        ({"metrics_k": 0}, "metrics_k must be 1 or more"),
    ],
)
def test_metrics_that_cannot_be_found_are_refused(change, sentence):
    with pytest.raises(InputError, match=sentence):
        MapOptions(**{"profiles": ("x.csv",), "pos_sameby": "a", "neg_diffby": "b"} | change)


@st.composite
def cases(draw):
    """Few profiles in few groups; values of few kinds, so that correlations tie."""
    n, d = draw(st.integers(2, 9)), draw(st.integers(2, 4))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    x = rng.integers(0, draw(st.sampled_from([2, 50])), (n, d)).astype(float)
    return x, rng.integers(0, draw(st.integers(1, 4)), n).astype(np.int64), rng.random(n) < 0.4


@settings(max_examples=80, deadline=None)
@given(cases())
def test_each_metric_is_its_definition(case):
    x, codes, controls = case
    unit, defined = unit_rows(x, centred=True)
    np.testing.assert_array_equal(defined, x.max(axis=1) > x.min(axis=1))
    codes, controls = codes[defined], controls[defined]
    unit = unit[defined]
    n = len(unit)
    if n < 2:
        return
    c = np.clip(unit @ unit.T, -1, 1)
    np.testing.assert_allclose(c, np.corrcoef(x[defined]), atol=1e-12)
    above = np.triu(np.ones((n, n), bool), 1)
    same = codes[:, None] == codes
    found = reproducibility(unit, codes, 0.8)
    assert (found.n_replicate, found.n_other) == ((same & above).sum(), (~same & above).sum())
    if found.n_replicate and found.n_other:
        threshold = np.quantile(c[~same & above], 0.8)
        assert found.threshold == threshold
        assert found.value == (c[same & above] > threshold).mean()
    else:
        assert math.isnan(found.value)
    rich = enrichment(unit, codes, 0.8)
    a, b, d, e = rich.table
    near = c > np.quantile(c[above], 0.8)
    assert [a, b] == [(same & above & near).sum(), (~same & above & near).sum()]
    if a + d and b + e:
        assert rich.p_value == pytest.approx(fisher_exact([[a, b], [d, e]], "greater").pvalue, rel=1e-9)
    medians = group_medians(unit, codes, 4)
    scores = profile_scores(unit, codes, k=3, percents=[50], controls=controls)
    for code in range(4):
        mine = c[np.ix_(codes == code, codes == code)][np.triu_indices((codes == code).sum(), 1)]
        assert math.isnan(medians[code]) if not len(mine) else medians[code] == pytest.approx(np.median(mine))
    for i in range(n):
        others = np.array([j for j in range(n) if j != i])
        mine = c[i, [j for j in others if codes[j] == codes[i]]]
        ranks = np.array([(c[i, others] > v).sum() + ((c[i, others] == v).sum() - 1) / 2 for v in mine])
        assert scores.n_replicates[i] == len(mine)
        if not len(mine):
            assert math.isnan(scores.mean_rank[i])
            assert math.isnan(scores.grit[i])
            continue
        assert scores.mean_rank[i] == pytest.approx(ranks.mean())
        assert scores.within[i, 0] == (ranks <= n / 2).sum()
        assert scores.recall[i] * len(mine) == pytest.approx(scores.precision[i] * 3)
        against = c[i, [j for j in others if controls[j]]]
        if len(against) > 1 and np.ptp(against) > 1e-9:
            assert scores.grit[i] == pytest.approx(np.mean((mine - against.mean()) / against.std()))


def test_tied_profiles_share_the_first_places():
    x = np.array([[1.0, 0, 0], [1, 0, 0], [1, 0, 0], [1, 0, 0], [0, 1, 0]])
    unit, _ = unit_rows(x)
    scores = profile_scores(unit, np.array([0, 0, 1, 1, 2]), k=2)
    np.testing.assert_allclose(scores.precision, [1 / 3, 1 / 3, 1 / 3, 1 / 3, 0])  # 2 of 3 places, one replicate, of 2
    np.testing.assert_allclose(scores.mean_rank[:4], 1)


def test_no_grit_where_controls_are_alike_but_for_rounding():
    x = np.random.default_rng(0).normal(size=(9, 7))
    x[4:] = x[4]
    unit, _ = unit_rows(x, centred=True)
    controls = np.arange(9) >= 4
    assert np.isnan(profile_scores(unit, controls.astype(np.int64), controls=controls).grit).all()
    x[5] = np.arange(7)
    unit, _ = unit_rows(x, centred=True)
    assert np.isfinite(profile_scores(unit, controls.astype(np.int64), controls=controls).grit[:4]).all()


def test_tiles_and_bits_do_not_change_numbers(monkeypatch):
    x = np.random.default_rng(0).normal(size=(70, 5))
    x[30:40] = x[0]
    unit, codes = unit_rows(x)[0], np.arange(70) % 9
    whole = reproducibility(unit, codes), enrichment(unit, codes)
    monkeypatch.setattr(pairs, "TILE", 16)
    monkeypatch.setattr(pairs, "AT_ONCE", 3)
    monkeypatch.setattr(replicates, "_BLOCK", 140)
    parts = reproducibility(unit, codes), enrichment(unit, codes)
    for one, other in zip(whole, parts, strict=True):
        assert one.threshold == pytest.approx(other.threshold, abs=1e-12)
    assert whole[1].table == parts[1].table


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-1, 1) | st.sampled_from([0.0, -0.0, 0.5]), min_size=1, max_size=60), st.floats(0, 1))
def test_quantiles_equal_numpy_also_where_they_are_found_by_bits(values, share):
    array = np.array(values)

    def parts():
        yield array[:7]
        yield array[7:]

    least = pairs.AT_ONCE
    try:
        for pairs.AT_ONCE in (least, 2):
            (found,), size = quantiles(parts, [share])
            assert size == len(array)
            assert found == pytest.approx(np.quantile(array, share), abs=1e-15)
    finally:
        pairs.AT_ONCE = least


def test_mp_value_moves_with_the_effect_and_is_undefined_for_equal_rows():
    rng = np.random.default_rng(0)
    controls = rng.normal(size=(30, 6))
    far, near = (mp_value(rng.normal(size=(5, 6)) + shift, controls, 199) for shift in (4, 0))
    assert far.p_value == 1 / 200
    assert far.distance > near.distance
    assert near.p_value > 0.02
    assert mp_value(controls[:5], controls, 99, seed=3) == mp_value(controls[:5], controls, 99, seed=3)
    same = mp_value(np.ones((3, 4)), np.ones((5, 4)))
    assert math.isnan(same.p_value)
    assert "equal" in same.reason
    assert "two controls" in mp_value(np.ones((3, 4)), np.ones((1, 4))).reason


def test_rows_without_group_or_direction_are_left_out_and_said():
    x = np.random.default_rng(0).normal(size=(8, 4))
    x[2] = 3.0
    groups = pl.DataFrame({"g": ["a", "a", "b", "b", None, "c", "c", "c"]})
    found = measure_replicates(x, groups, ["reproducibility", "replicating", "precision-at-k"])
    assert len(found.notes) == 2
    assert found.groups["n_profiles"].to_list() == [2, 1, 3]
    assert found.groups["replicating"].to_list()[1] is None
    alone = measure_replicates(x[:1], groups[:1], ["reproducibility", "hitk", "enrichment", "replicating"])
    assert alone.whole["value"].null_count() == alone.whole.height
    assert "ok" not in alone.whole["status"].to_list()
