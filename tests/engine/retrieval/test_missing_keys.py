"""Values that are missing in rows that are never a query: equal to nothing, different from everything."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from fastbench.engine.errors import InputError
from fastbench.engine.retrieval.average_precision import score
from fastbench.engine.retrieval.pair_rules import PairRules, compile_pairs

N = 60
RULES = (
    {"pos_sameby": ["drug"], "neg_diffby": ["drug"]},
    {"pos_sameby": ["drug"], "pos_diffby": ["plate"], "neg_diffby": ["drug"], "neg_sameby": ["plate"]},
    {"pos_sameby": {"all": [], "any": ["drug", "dose"]}, "neg_diffby": ["drug", "dose"]},
    {"pos_sameby": ["plate"], "neg_diffby": {"all": [], "any": ["drug", "dose"]}},
)


@pytest.fixture
def table():
    """Sixty wells, of which every third is a control without drug or dose."""
    rng = np.random.default_rng(0)
    control = np.arange(N) % 3 == 0
    meta = pl.DataFrame(
        {
            "drug": [None if gone else f"d{i}" for gone, i in zip(control, rng.integers(5, size=N), strict=True)],
            "dose": [None if gone else float(i) for gone, i in zip(control, rng.integers(3, size=N), strict=True)],
            "plate": rng.integers(2, size=N),
        }
    )
    return meta, rng.normal(size=(N, 6)).astype(np.float32), ~control


@pytest.mark.parametrize("rule", RULES)
def test_a_missing_value_is_a_value_of_its_own(table, rule):
    meta, x, queries = table
    rows = pl.int_range(N)
    named = meta.with_columns(
        pl.col("drug").fill_null(pl.concat_str(pl.lit("none "), rows)), pl.col("dose").fill_null(rows + 1000.0)
    )
    got, expected = (score(each, x, PairRules(**rule), queries=queries) for each in (meta, named))
    columns = ["n_pos_pairs", "n_total_pairs", "average_precision"]
    assert got.frame.select(columns).equals(expected.frame.select(columns))
    assert got.report.n_queries
    assert any("'drug' is missing in 20 rows that are never a query" in each for each in got.report.warnings)
    assert not any("missing in" in each for each in expected.report.warnings)


def test_nan_is_missing_too(table):
    meta, x, queries = table
    rule = PairRules(pos_sameby=["dose"], neg_diffby=["dose"])
    of_nan = score(meta.with_columns(pl.col("dose").fill_null(np.nan)), x, rule, queries=queries)
    assert of_nan.frame["n_total_pairs"].equals(score(meta, x, rule, queries=queries).frame["n_total_pairs"])


def test_a_query_without_a_value_is_refused_with_what_helps(table):
    meta, _, queries = table
    rule = PairRules(pos_sameby=["drug"], neg_diffby=["drug"])
    with pytest.raises(InputError, match=r"is missing in 20 of 60 rows \(rows 0, 3, ") as caught:
        compile_pairs(meta, rule)
    for words in ("--fill 'drug=VALUE'", '--filter "drug == drug"', '--queries "drug == drug"'):
        assert words in str(caught.value)
    queries[3] = True
    with pytest.raises(InputError, match=r"is missing in 1 of 41 rows that are queries \(rows 3\)"):
        compile_pairs(meta, rule, queries)
    odd = meta.rename({"drug": "my drug"})
    with pytest.raises(InputError, match="`my drug` == `my drug`"):
        compile_pairs(odd, PairRules(pos_sameby=["my drug"], neg_diffby=["my drug"]))


def test_queries_go_with_filters_in_rules(table):
    meta, _, queries = table
    rule = PairRules(pos_sameby=["drug", "plate == 1"], neg_diffby=["drug"])
    plan = compile_pairs(meta, rule, queries)
    assert plan.rows.tolist() == np.flatnonzero(meta["plate"].to_numpy() == 1).tolist()
    n_missing = meta.filter(pl.col("plate") == 1)["drug"].null_count()
    assert any(f"missing in {n_missing} rows" in each for each in plan.warnings)


def test_a_column_of_missing_values_alone(table):
    meta, _, _ = table
    meta = meta.with_columns(pl.lit(None, pl.String).alias("drug"))
    plan = compile_pairs(meta, PairRules(pos_sameby=["plate"], neg_diffby=["drug"]), np.zeros(N, bool))
    assert len(set(plan.negatives.exclude.row_keys.tolist())) == N
