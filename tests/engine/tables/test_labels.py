"""Which texts mean missing, and which spellings are one label."""

from __future__ import annotations

import polars as pl
import pytest

from fastbench.engine.tables.labels import (
    MISSING_TEXT,
    is_missing_text,
    loose_form,
    missing_texts,
    plain_form,
    seemingly_missing,
    unify_spellings,
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("3", "3.0"),
        ("3", "3.00"),
        ("3", "3."),
        ("0.5", "0.50"),
        ("-1", "-1.0"),
        ("\u22121", "-1.0"),
        ("100000", "1e+05"),
        ("0", "-0.0"),
        ("True", "TRUE"),
        ("False", "false"),
        ("NK cell", "NK cell "),
        ("NK cell", "NK\u00a0cell"),
        ("NK cell", "NK  cell"),
        ("NK cell", "nk Cell"),
        ("NK cell", "\ufeffNK cell"),
        ("caf\u00e9 cell", "cafe\u0301 cell"),
        ("CD4\u2013T", "CD4-T"),
        ("\u03b1\u03b2 T", "\u0391\u0392 T"),
        ("M\uff11", "M1"),
        ("stra\u00dfe", "STRASSE"),
    ],
)
def test_two_spellings_of_one_label(one: str, other: str) -> None:
    found = unify_spellings([(one, "x"), (other, "y")])
    assert found.chosen == {other: one}
    assert len(found.numbers) + len(found.texts) == 1
    (said,) = found.sentences()
    assert "count as one" in said
    assert repr(one) in said
    assert repr(other) in said


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("3", "03"),
        ("3", "+3"),
        ("3", "30"),
        ("1E5", "100000"),
        ("1", "True"),
        ("T", "TRUE"),
        ("CD4+ T", "CD4 T"),
        ("NK.cell", "NK cell"),
        ("0", "0,0"),
        ("nan", "NaN cell"),
        ("1_000", "1000"),
    ],
)
def test_labels_that_are_two(one: str, other: str) -> None:
    found = unify_spellings([(one,), (other,)])
    assert not found.chosen
    assert not found.sentences()


@pytest.mark.parametrize("column", [("1.1", "1.10", "2"), ("2", "2.0"), ("0.5", "0.50")])
def test_numbers_that_one_column_tells_apart_are_names(column: tuple[str, ...]) -> None:
    found = unify_spellings([column, ("2.00", "1.100")])
    assert not found.chosen
    assert "taken for names" in found.sentences()[0]


def test_the_first_spelling_stands_for_all() -> None:
    found = unify_spellings([("NK cell",), ("nk cell", "NK CELL"), ("NK  cell",)])
    assert found.chosen == dict.fromkeys(["nk cell", "NK CELL", "NK  cell"], "NK cell")


def test_missing_text() -> None:
    texts = pl.Series(
        ["NA", " NaN ", "", "  ", "<NA>", "None", "null", "#N/A", "na", "Na", "none", "unknown", "0", None]
    )
    found = is_missing_text(texts, missing_texts()).to_list()
    assert found == [True] * 8 + [False] * 5 + [None]
    assert missing_texts(()) == {""}
    assert missing_texts(("unknown", "-")) == {"", "unknown", "-"}
    assert missing_texts(("default", "unknown")) == {"", "unknown", *MISSING_TEXT}
    assert seemingly_missing(["na", "B", "None cell", "-", "nil"]) == ["-", "na", "nil"]


def test_every_text_that_pandas_takes_for_missing_is_missing() -> None:
    parsers = pytest.importorskip("pandas._libs.parsers")
    assert set(parsers.STR_NA_VALUES) <= missing_texts()


def test_forms() -> None:
    assert plain_form(" A\u00a0 b ") == "a b"
    assert loose_form("NK.cell") == loose_form("NK cell") == loose_form("NK_cell") == "nkcell"
    assert loose_form("CD4+ T") != loose_form("CD4 T")
