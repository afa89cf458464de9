"""Lists of pairs: against plain Python, in blocks, and what is refused. Copairs' own are in `test_call_patterns`."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from fastbench.engine.errors import InputError
from fastbench.engine.retrieval import pairs
from fastbench.matching import Matcher, find_pairs

ROWS = [("a", 1, "x"), ("a", 2, "x"), ("b", 1, None), ("a", 2, "y"), (None, 1, "y"), ("b", 2, "x"), ("b", 1, "x")]
TABLE = pl.DataFrame(ROWS, schema=["drug", "plate", "batch"], orient="row")
RULES: list[tuple[Any, Any]] = [
    (["drug"], []),
    ([], ["drug"]),
    (["drug"], ["plate"]),
    (["drug", "plate"], ["batch"]),
    ({"any": ["plate", "batch"]}, ["drug"]),
    ({"all": ["drug"], "any": ["plate", "batch"]}, []),
    (["drug"], {"any": ["plate", "batch"]}),
    ("drug", {"all": ["batch"], "any": []}),
]


def plain(sameby: Any, diffby: Any) -> list[list[int]]:
    def sides(rule: Any) -> tuple[list[str], list[str]]:
        if isinstance(rule, dict):
            return rule.get("all", []), rule.get("any", [])
        return [rule] if isinstance(rule, str) else rule, []

    def holds(name: str, i: int, j: int, equal: bool) -> bool:
        one, other = TABLE[name][i], TABLE[name][j]
        return one is not None and other is not None and (one == other) == equal

    (same, some_same), (diff, some_diff) = sides(sameby), sides(diffby)
    return [
        [i, j]
        for i, j in combinations(range(len(TABLE)), 2)
        if all(holds(name, i, j, True) for name in same)
        and all(holds(name, i, j, False) for name in diff)
        and (not some_same or any(holds(name, i, j, True) for name in some_same))
        and (not some_diff or any(holds(name, i, j, False) for name in some_diff))
    ]


@pytest.mark.parametrize(("sameby", "diffby"), RULES, ids=str)
@pytest.mark.parametrize("block", [1, 10, 1 << 22])
def test_pairs_are_those_of_the_definition(sameby: Any, diffby: Any, block: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pairs, "_BLOCK", block)
    expected = plain(sameby, diffby)
    assert expected
    found = find_pairs(TABLE, sameby, diffby)
    assert found.dtype == np.uint32
    assert found.tolist() == expected
    assert find_pairs(TABLE, diffby, sameby, rev=True).tolist() == expected
    listed = Matcher(TABLE, TABLE.columns).get_all_pairs(sameby, diffby)
    assert sorted(pair for some in listed.values() for pair in some) == [tuple(pair) for pair in expected]


def test_rows_are_named_by_whole_labels():
    table = pd.DataFrame({"drug": list("aab"), "plate": [1, 2, 3]}, index=[7, 3, 5])
    assert find_pairs(table, ["drug"], []).tolist() == [[3, 7]]
    assert find_pairs(table.set_axis(list("xyz")), ["drug"], []).tolist() == [[0, 1]]
    assert Matcher(table.set_axis(list("xyz")), ["drug"], seed=0).get_all_pairs("drug", []) == {"a": [("x", "y")]}


def test_no_pair_at_all():
    assert find_pairs(TABLE[:1], ["drug"], []).shape == (0, 2)
    assert Matcher(TABLE[:1], ["drug"]).get_all_pairs("drug", []) == {}


@pytest.mark.parametrize(
    ("sameby", "diffby", "message"),
    [
        (["drug"], ["drug"], "must be disjoint lists; both name 'drug'"),
        ([], [], "both empty"),
        (["durg"], [], "durg"),
        ({"any": ["drug"]}, [], "needs two or more columns"),
    ],
)
def test_rules_that_are_refused(sameby: Any, diffby: Any, message: str):
    with pytest.raises(InputError, match=message):
        find_pairs(TABLE, sameby, diffby)
