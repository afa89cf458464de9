"""Warnings of queries that are not independent, and of p-values that cannot be smaller."""

import warnings

import numpy as np
import polars as pl
import pytest

import fastbench as fb
from fastbench.engine.errors import DependentQueriesWarning
from fastbench.engine.map.job import run_map
from fastbench.engine.map.options import MapOptions


@pytest.fixture(scope="module")
def wells():
    """Two wells of each of six compounds, three of each target."""
    rng = np.random.default_rng(0)
    compound = [f"c{i}" for i in range(6) for _ in range(2)]
    meta = pl.DataFrame(
        {"Metadata_compound": compound, "Metadata_target": [["a", "b"][int(c[1]) % 2] for c in compound]}
    )
    return meta, rng.normal(size=(12, 4))


RULE = (["Metadata_target"], [], [], ["Metadata_target"])


def test_wells_of_a_compound_as_queries_of_a_target(wells):
    meta, x = wells
    ap = fb.average_precision(meta, x, *RULE, progress_bar=False)
    with pytest.warns(DependentQueriesWarning, match=r"2 of 2 groups .* Metadata_compound"):
        fb.mean_average_precision(ap, ["Metadata_target"], 1000, 0.05, 0)


def test_consensus_profiles_and_groups_of_replicates_are_not_warned_of(wells):
    meta, x = wells
    rule = (["Metadata_compound"], [], [], ["Metadata_compound"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ap = fb.average_precision(meta[::2], x[::2], *RULE, progress_bar=False)
        fb.mean_average_precision(ap, ["Metadata_target"], 1000, 0.05, 0)
        ap = fb.average_precision(meta, x, *rule, progress_bar=False)
        fb.mean_average_precision(ap, ["Metadata_compound"], 1000, 0.05, 0)


def test_the_command_says_both(wells, tmp_path):
    meta, _ = wells
    rng = np.random.default_rng(1)
    table = meta.with_columns(*(pl.Series(f"f{i}", rng.normal(size=12)) for i in range(4)))
    table.write_csv(tmp_path / "wells.csv")
    base = {
        "profiles": (str(tmp_path / "wells.csv"),),
        "neg_diffby": "Metadata_target",
        "pos_sameby": "Metadata_target",
    }
    notes = run_map(MapOptions(**base)).notes
    assert any("not independent" in note for note in notes)
    notes = run_map(MapOptions(**base, consensus="Metadata_compound", threshold=0.04)).notes
    assert any("2 of 2 groups have too few rows" in note for note in notes)  # 1 / C(6, 3) is 0.05
    assert not any("not independent" in note for note in notes)


@pytest.mark.slow
def test_groups_on_the_floor_are_said(tmp_path):
    rng = np.random.default_rng(5)
    meta = pl.DataFrame({"Metadata_c": [*"aaabbb", *["D"] * 12], "Metadata_k": [*["0"] * 6, *["1"] * 12]})
    x = rng.normal(size=(18, 6))
    x[:3] += 6
    x[3:6] -= 6
    table = meta.with_columns(*(pl.Series(f"f{i}", x[:, i]) for i in range(6)))
    table.write_csv(tmp_path / "wells.csv")
    options = MapOptions(
        profiles=(str(tmp_path / "wells.csv"),),
        pos_sameby="Metadata_c",
        neg_diffby="Metadata_k",
        queries="Metadata_c != 'D'",
        null="permutation",
    )
    result = run_map(options)
    assert result.groups["p_value"].to_list() == [1 / 455] * 2
    assert any("2 of 2 groups have the smallest p-value" in note for note in result.notes)
    assert "relabelling the data" in result.definition
