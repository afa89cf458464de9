"""Column rules as the command line writes them."""

from __future__ import annotations

import pytest

from fastbench.engine.errors import InputError
from fastbench.engine.map.columns import parse_columns, split_columns


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
