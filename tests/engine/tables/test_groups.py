"""Groups of rows: their types and their order, beside copairs."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from fastbench.engine.retrieval.mean_average_precision import mean_average_precision


def typed_columns(n, pandas):
    """Group columns of all types that pandas has, by name."""
    rng = np.random.default_rng(4)
    text, number = rng.choice(["zeta", "a", "b"], n), rng.integers(0, 4, n)
    dates = pandas.to_datetime(rng.choice(["1999-01-01", "2020-01-01", "2021-06-01"], n))
    return {
        "categories": pandas.Categorical(text, categories=["zeta", "unused", "b", "a"]),
        "ordered": pandas.Categorical(number, categories=[2, 0, 3, 1], ordered=True),
        "Int64": pandas.array(number, dtype="Int64"),
        "boolean": pandas.array(number > 1, dtype="boolean"),
        "string": pandas.array(text, dtype="string"),
        "objects": pandas.Series(number.astype(object)),
        "zone": dates.tz_localize("UTC"),
        "years": dates.to_period("Y"),
        "text": text,
    }


TYPES = ("categories", "ordered text", "Int64", "boolean", "string", "objects", "zone", "years", "text categories")


@pytest.mark.parametrize("by", TYPES)
def test_group_columns_keep_their_type_and_order(by, tmp_path):
    pandas = pytest.importorskip("pandas")
    from copairs.map import mean_average_precision as of_copairs

    n, by = 240, by.split()
    rng = np.random.default_rng(5)
    table = pandas.DataFrame(typed_columns(n, pandas))
    table["n_pos_pairs"], table["n_total_pairs"] = 3, 20
    table["average_precision"] = rng.random(n)
    table["normalized_average_precision"] = table["average_precision"]
    table.loc[[3, 7], "average_precision"] = np.nan  # rows before the first of a group are left out
    mine = mean_average_precision(table, by, 1000, 0.05, 0, p_values="copairs")
    theirs = of_copairs(
        table.dropna(subset=["average_precision"]).reset_index(drop=True),
        by,
        1000,
        0.05,
        0,
        cache_dir=tmp_path,
        progress_bar=False,
    )
    for name in by:
        # pandas 3 makes integers of objects when copairs groups by them; here a column keeps its type.
        kept = name == "objects" and not pandas.__version__.startswith("2.")
        assert mine[name].dtype == (table if kept else theirs)[name].dtype
        assert list(mine[name]) == list(theirs[name])
    np.testing.assert_array_equal(mine["p_value"], theirs["p_value"])
    assert [list(rows) for rows in mine["indices"]] == [list(rows) for rows in theirs["indices"]]


def test_an_enum_is_sorted_by_its_own_order():
    order = pl.Enum(["b", "c", "a"])
    table = pl.DataFrame(
        {
            "group": pl.Series(["a", "b", "c", "a", None], dtype=order),
            "n_pos_pairs": 2,
            "n_total_pairs": 9,
            "average_precision": 0.5,
            "normalized_average_precision": 0.5,
        }
    )
    with pytest.warns(UserWarning, match="1 rows have no value"):
        found = mean_average_precision(table, "group", 1000, 0.05, 0)
    assert found["group"].to_list() == ["b", "c", "a"]
    assert found["group"].dtype == order
