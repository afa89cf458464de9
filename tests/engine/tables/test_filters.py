"""Row filters: pandas.DataFrame.query is the oracle; what is not a comparison is refused, never evaluated."""

from __future__ import annotations

import contextlib

import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.engine.errors import InputError
from fastbench.engine.tables.filters import apply_derive, parse_derive, parse_filter

from ...examples import MANY, SOME

FRAME = pl.DataFrame(
    {
        "Metadata_text": ["a", "b", None, "a", ""],
        "Metadata_real": [1.5, None, -2.0, 5.0, 0.0],
        "Metadata_whole": [1, 2, 3, -4, 0],
        "Metadata_flag": [True, False, True, None, False],
        "Metadata_other": ["b", "b", None, "a", "z"],
        "Metadata_two words": ["x", "y", "x", "y", None],
    }
)


def rows(text: str, frame: pl.DataFrame = FRAME) -> list[int]:
    mask = parse_filter(text).mask(frame)
    assert mask.dtype == pl.Boolean
    assert mask.null_count() == 0
    assert len(mask) == frame.height
    return mask.arg_true().to_list()


# --- against pandas ---

_TEXTS = st.sampled_from(["'a'", "'b'", '"z"', "''", "'no'"])
_NUMBERS = st.sampled_from(["0", "1", "2", "-4", "1.5", "-2.0", "5", "+3"])
_ORDER = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
_EQUAL = st.sampled_from(["==", "!="])


def _listed(items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(items, min_size=1, max_size=3).map(lambda values: "[" + ", ".join(values) + "]")


_ATOMS = st.one_of(
    st.builds("{} {} {}".format, st.sampled_from(["Metadata_text", "Metadata_other"]), _EQUAL, _TEXTS),
    st.builds("{1} {2} {0}".format, st.just("Metadata_text"), _TEXTS, _EQUAL),
    st.builds("{} {} {}".format, st.sampled_from(["Metadata_real", "Metadata_whole"]), _ORDER, _NUMBERS),
    st.builds("{1} {2} {0}".format, st.just("Metadata_real"), _NUMBERS, _ORDER),
    st.builds("{0} < {2} <= {1}".format, _NUMBERS, _NUMBERS, st.just("Metadata_whole")),
    st.builds("Metadata_text {} {}".format, st.sampled_from(["in", "not in", "==", "!="]), _listed(_TEXTS)),
    st.builds("Metadata_real {} {}".format, st.sampled_from(["in", "not in"]), _listed(_NUMBERS)),
    st.builds("Metadata_text {} Metadata_other".format, _EQUAL),
    st.builds("Metadata_real {} Metadata_whole".format, _ORDER),
    st.builds("`Metadata_two words` {} {}".format, _EQUAL, st.sampled_from(["'x'", "'y'"])),
)
_CONDITIONS = st.recursive(
    _ATOMS,
    lambda inner: st.one_of(
        st.builds("{} {} {}".format, inner, st.sampled_from(["and", "or", "&", "|"]), inner),
        inner.map("({})".format),
        inner.map("not ({})".format),
        inner.map("~({})".format),
        inner.map("not {}".format),
    ),
    max_leaves=5,
)


def _query(text: str, frame: pl.DataFrame = FRAME) -> list[int]:
    plain = pd.DataFrame({c: frame[c].to_list() for c in frame.columns if c != "Metadata_flag"})
    return plain.query(text, engine="python").index.tolist()


@pytest.mark.slow
@given(_CONDITIONS)
@MANY
def test_filter_selects_the_rows_pandas_selects(text):
    assert rows(text) == _query(text)


@given(_CONDITIONS, st.permutations(range(FRAME.height)))
@SOME
def test_filter_does_not_depend_on_row_order(text, order):
    chosen = set(rows(text))
    assert {order[i] for i in rows(text, FRAME[list(order)])} == chosen


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Metadata_text == 'a'", [0, 3]),
        ("Metadata_text != 'a'", [1, 2, 4]),  # a missing value differs from everything, as in pandas
        ("~(Metadata_text == 'a')", [1, 2, 4]),
        ("Metadata_real > 0 & Metadata_text != 'b'", [0, 3]),
        ("Metadata_whole == 1 | Metadata_whole == 2 & Metadata_text == 'b'", [0, 1]),
        ("Metadata_flag", [0, 2]),
        ("not Metadata_flag", [1, 3, 4]),
        ("Metadata_flag == False", [1, 4]),
        ("Metadata_flag != True", [1, 3, 4]),
        ("Metadata_text in [None]", [2]),
        ("Metadata_text not in [None]", [0, 1, 3, 4]),
        ("Metadata_text == Metadata_text", [0, 1, 3, 4]),
        ("Metadata_text in ('a', 'b')", [0, 1, 3]),
        ("Metadata_text in []", []),
        ("1 < Metadata_whole <= 3", [1, 2]),
        ("`Metadata_text` == 'a'", [0, 3]),
        ("Metadata_whole < 100000000000000000000000", [0, 1, 2, 3, 4]),
        ("(\n Metadata_whole == 1\n or Metadata_whole == 2)", [0, 1]),
    ],
)
def test_filter_rows(text, expected):
    assert rows(text) == expected


def test_quoted_text_is_left_alone():
    values = ["a & b", "it's", "x | y", "`c`", "#1", "Metadata_text"]
    frame = pl.DataFrame({"Metadata_text": values})
    for position, value in enumerate(values):
        assert rows(f"Metadata_text == {value!r}", frame) == [position]


@pytest.mark.parametrize("dtype", [pl.Categorical(), pl.Enum(["a", "b"])])
def test_categories_compare_as_text(dtype):
    frame = pl.DataFrame({"Metadata_text": pl.Series(["a", "b", None], dtype=dtype)})
    assert rows("Metadata_text == 'a'", frame) == [0]
    assert rows("Metadata_text not in ['a']", frame) == [1, 2]
    assert rows("Metadata_text == 'unseen'", frame) == []


def test_wide_integers_compare_exactly():
    frame = pl.DataFrame({"Metadata_id": pl.Series([2**53, 2**53 + 1, 2**64 - 1], dtype=pl.UInt64)})
    assert rows(f"Metadata_id == {2**53 + 1}", frame) == [1]
    assert rows("Metadata_id > -1", frame) == [0, 1, 2]
    assert rows(f"Metadata_id in [{2**64 - 1}]", frame) == [2]


def test_nan_is_a_missing_value():
    frame = pl.DataFrame({"Metadata_real": [float("nan"), 1.0]})
    assert rows("Metadata_real > 0", frame) == [1]
    assert rows("Metadata_real != 1", frame) == [0]
    assert rows("Metadata_real in [None]", frame) == [0]


def test_empty_frame_gives_an_empty_mask():
    assert rows("Metadata_text == 'a' and not Metadata_flag", FRAME.clear()) == []
    assert rows("Metadata_text in []", FRAME.clear()) == []


def test_false_is_less_than_true_and_decimals_are_numbers():
    frame = pl.DataFrame(
        {
            "Metadata_flag": [True, False, None],
            "Metadata_price": pl.Series(["1.5", "0.05", None]).cast(pl.Decimal(10, 2)),
            "Metadata_none": pl.Series([None] * 3, dtype=pl.Null),
        }
    )
    assert rows("Metadata_flag < True", frame) == [1]
    assert rows("Metadata_price > 0.1", frame) == [0]
    assert rows("Metadata_none != 1 and Metadata_none in [None]", frame) == [0, 1, 2]


def test_a_column_whose_name_is_a_pattern_is_one_column():
    frame = pl.DataFrame({"^Metadata_.*$": ["a", "b"], "*": ["b", "b"], "Metadata_x": ["b", "a"]})
    assert rows("`^Metadata_.*$` == 'a'", frame) == [0]
    assert rows("`^Metadata_.*$` == `*`", frame) == [1]


def test_columns_in_order_of_first_appearance():
    text = "Metadata_b == 1 and (`Metadata a` in ['x'] or 2 < Metadata_c) and Metadata_b != 3"
    assert parse_filter(text).columns == ("Metadata_b", "Metadata a", "Metadata_c")


# --- what is refused ---


@pytest.mark.parametrize(
    ("text", "piece"),
    [
        ("__import__('os').system('true')", "__import__"),
        ("Metadata_text.str.len() > 3", "Metadata_text.str.len()"),
        ("Metadata_text.__class__ == 'a'", "Metadata_text.__class__"),
        ("Metadata_text[0] == 'a'", "Metadata_text[0]"),
        ("len(Metadata_text) > 1", "len(Metadata_text)"),
        ("(lambda: 1)() == Metadata_text", "lambda"),
        ("Metadata_text == f'{1}'", "f'{1}'"),
        ("Metadata_text == b'a'", "b'a'"),
        ("Metadata_whole + 1 > 2", "Metadata_whole + 1"),
        ("Metadata_whole == 2 ** 3", "2 ** 3"),
        ("Metadata_whole == 1j", "1j"),
        ("Metadata_whole == -True", "-True"),
        ("Metadata_text in ['a', Metadata_other]", "Metadata_other"),
        ("Metadata_text in [x for x in 'ab']", "[x for x in 'ab']"),
        ("Metadata_text in {'a'}", "{'a'}"),
        ("Metadata_text in 'abc'", "'abc'"),
        ("'a' in Metadata_text", "Metadata_text"),
        ("['a'] == Metadata_text", "list on the left"),
        ("Metadata_whole < [1]", "order of a list"),
        ("Metadata_text is None", "'is'"),
        ("Metadata_text == None", "Metadata_text in [None]"),
        ("None != Metadata_text", "Metadata_text not in [None]"),
        ("1 == 1", "1 == 1"),
        ("True", "True"),
        ("'Metadata_text'", "'Metadata_text'"),
        ("(Metadata_text := 'a')", ":="),
        ("Metadata_text == 'a' if True else 1", "if True"),
        ("Metadata_text = 'a'", "write == to compare"),
        ("Metadata_text == @x", "@name"),
        ("Metadata_text == 'a' # b", "'#'"),
        ("Metadata_text == '''a'''", "\"'''\""),
        ("Metadata_text == 'a", "cannot be understood"),
        ("Metadata_text ==", "cannot be understood"),
        ("import os", "cannot be understood"),
        ("Metadata_text == 'a'\0", "cannot be understood"),
        ("  ", "empty"),
        ("(" * 500 + "Metadata_whole == 1" + ")" * 500, ""),
        ("not " * 100 + "Metadata_flag", "nested"),
        ("~" * 9000 + "Metadata_flag", ""),
        ("Metadata_whole == 1 or " * 1000 + "Metadata_whole == 1", "longer than"),
    ],
)
def test_what_is_not_a_comparison_is_refused(text, piece):
    with pytest.raises(InputError) as caught:
        parse_filter(text)
    assert piece in str(caught.value)
    assert "\n" not in str(caught.value).replace(text, "")


@pytest.mark.slow
@given(st.text(alphabet="Metadt_xyz'\"`&|~()[]=<>!,. 01#@\\{}:-", max_size=40))
@MANY
def test_any_text_parses_or_is_refused(text):
    with contextlib.suppress(InputError):  # any other error fails
        parse_filter(text)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Metadata_txt == 'a'", ["'Metadata_txt'", "did you mean 'Metadata_text'"]),
        ("metadata_TEXT == 'a'", ["did you mean 'Metadata_text'"]),
        ("Metadata_text == DMSO", ["'DMSO'", "needs quotes"]),
        ("Metadata_text == 1", ["'Metadata_text'", "String", "write '1'"]),
        ("Metadata_text in ['a', 1]", ["'Metadata_text'", "with 1"]),
        ("Metadata_whole == '1'", ["'Metadata_whole'", "Int64", "numbers"]),
        ("Metadata_flag == 2", ["'Metadata_flag'", "Boolean", "write True or False"]),
        ("Metadata_whole.str.contains('1')", ["str.contains", "'Metadata_whole'", "numbers, not text"]),
        ("Metadata_text.str.contains('(')", ["str.contains", "regex parse error"]),
        ("Metadata_flag == 'True'", ["'Metadata_flag'", "Boolean"]),
        ("Metadata_text == Metadata_whole", ["'Metadata_text'", "'Metadata_whole'", "text", "numbers"]),
        ("Metadata_text", ["'Metadata_text'", "not true or false"]),
        ("Metadata_whole < 1" + "0" * 60, ["too large"]),
    ],
)
def test_mask_says_what_does_not_fit_the_frame(text, pieces):
    with pytest.raises(InputError) as caught:
        parse_filter(text).mask(FRAME)
    for piece in pieces:
        assert piece in str(caught.value)


def test_a_list_column_is_not_compared():
    frame = pl.DataFrame({"Metadata_targets": [["a"], ["b"]]})
    with pytest.raises(InputError, match="List"):
        parse_filter("Metadata_targets == 'a'").mask(frame)


# --- derived columns ---


def test_derive_condition_copy_and_literal():
    out = apply_derive(FRAME, "Metadata_negcon = Metadata_text == 'a'")
    assert out["Metadata_negcon"].to_list() == [True, False, False, True, False]
    assert out.columns == [*FRAME.columns, "Metadata_negcon"]
    assert apply_derive(FRAME, "Metadata_copy=`Metadata_two words`")["Metadata_copy"].to_list() == [
        "x",
        "y",
        "x",
        "y",
        None,
    ]
    assert apply_derive(FRAME, "Metadata_flags = Metadata_flag")["Metadata_flags"].to_list()[3] is None
    for text, value in [("'A=B'", "A=B"), ("-1.5", -1.5), ("7", 7), ("True", True)]:
        assert apply_derive(FRAME, f"Metadata_new = {text}")["Metadata_new"].to_list() == [value] * 5
    assert apply_derive(FRAME, "`Metadata_a b` = not Metadata_flag")["Metadata_a b"].to_list()[0] is False
    parsed = parse_derive("Metadata_n = Metadata_b != 'x' & Metadata_a == 1")
    assert (parsed.name, parsed.columns) == ("Metadata_n", ("Metadata_b", "Metadata_a"))


@pytest.mark.parametrize(
    ("text", "piece"),
    [
        ("Metadata_text = Metadata_whole == 1", "'Metadata_text'"),
        ("new = Metadata_whole == 1", "Metadata_..., not 'new'"),
        ("Metadata_new == 1", "does not define a column"),
        ("Metadata_new =", "does not define a column"),
        ("Metadata_new", "does not define a column"),
        ("Metadata_new = None", "empty column"),
        ("Metadata_new = Metadata_whole * 2", "Metadata_whole * 2"),
        ("Metadata_new = print('x')", "print('x')"),
        ("Metadata_new = Metadata_txt", "did you mean 'Metadata_text'"),
    ],
)
def test_derive_refuses(text, piece):
    with pytest.raises(InputError) as caught:
        apply_derive(FRAME, text)
    assert piece in str(caught.value)
