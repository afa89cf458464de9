"""Column rules as the command line writes them."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import fastbench as fb
from fastbench.engine.errors import InputError
from fastbench.engine.map.columns import naming_options, parse_columns, rules_of, split_columns
from fastbench.engine.map.options import MapOptions


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", {"all": [], "any": []}),
        ("A", {"all": ["A"], "any": []}),
        (" A , B ", {"all": ["A", "B"], "any": []}),
        ("A,any(B,C)", {"all": ["A"], "any": ["B", "C"]}),
        ("any(A),any(B)", {"all": [], "any": ["A", "B"]}),
        ("A in ['x,y', 'z'],B", {"all": ["A in ['x,y', 'z']", "B"], "any": []}),
        ("`a,b` == 'x',C", {"all": ["`a,b` == 'x'", "C"], "any": []}),
        ("`a,b`,any('c,d',`e`)", {"all": ["a,b"], "any": ["c,d", "e"]}),
        ("`a` == `b`", {"all": ["`a` == `b`"], "any": []}),
    ],
)
def test_rules(text, rule):
    assert parse_columns(text) == rule


def test_empty_entries_are_no_columns():
    assert split_columns("A,,B,") == ["A", "B"]


@pytest.mark.parametrize("text", ["any(A", "A)", "A == 'x", "[A"])
def test_open_brackets_and_quotes_are_refused(text):
    with pytest.raises(InputError, match="open quote or bracket"):
        parse_columns(text)


def test_each_column_is_named_by_the_first_option_that_does():
    options = MapOptions(
        profiles=("a.csv",),
        pos_sameby="drug,any(b,`c d` == 'neg_diffby')",
        neg_diffby="Metadata_made,drug",
        derive=("Metadata_made = dose == 'site'",),
        queries="Metadata_made and drug != 'x'",
        group_by="drug,batch",
        fill=("dose=0", "target=none"),
        multilabel="moa",
    )
    assert naming_options(options, rules_of(options)) == {
        "drug": "--pos-sameby",
        "b": "--pos-sameby",
        "c d": "--pos-sameby",
        "dose": "--derive",
        "batch": "--group-by",
        "target": "--fill",
        "moa": "--multilabel",
    }


def test_a_column_whose_name_holds_commas(tmp_path):
    rng = np.random.default_rng(0)
    features = {f"f{i}": rng.normal(size=12) for i in range(4)}
    table = pl.DataFrame({"drug, dose": [f"d{i % 3}" for i in range(12)], "plate": ["p", "q"] * 6, **features})
    table.write_parquet(tmp_path / "plate.parquet")
    rules = {"pos_sameby": "`drug, dose`", "neg_diffby": "'drug, dose'", "group_by": '"drug, dose"'}
    found = fb.map(tmp_path / "plate.parquet", **rules, progress_bar=False)
    assert found.tables["map"]["drug, dose"].to_list() == ["d0", "d1", "d2"]
    same = fb.map(table, pos_sameby=["drug, dose"], neg_diffby={"all": ["drug, dose"]}, progress_bar=False)
    assert same.tables["map"].equals(found.tables["map"])
