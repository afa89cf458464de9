"""Lists of labels as text: what separates them is found, or asked for."""

from __future__ import annotations

import polars as pl
import pytest

from fastbench.engine.errors import InputError
from fastbench.engine.tables.label_lists import LIST, label_lists

LABELS = [["A", "B"], ["C"], ["B", "C", "D"], ["A"]]


@pytest.mark.parametrize(
    ("texts", "separator"),
    [
        (["A|B", "C", "B|C|D", "A"], "|"),
        (["A | B", "|C|", "B||C|D", "A|"], "|"),
        (["A;B", "C", "B;C;D", "A"], ";"),
        (["A; B;", "C", "B ;C; D", "A"], ";"),
        (["A, B", "C", "B, C, D", "A"], ","),
        (["A,B", "C", "B,C,D", "A"], ","),
        (["A\tB", "C", "B\tC\tD", "A"], "\t"),
        (["A\nB", "C", "B\nC\nD", "A"], "\n"),
        (["['A', 'B']", "['C']", "['B', 'C', 'D']", "['A']"], LIST),
        (['["A", "B"]', '["C"]', '["B","C","D"]', '["A"]'], LIST),
        (["['A' 'B']", "['C']", "['B' 'C'\n 'D']", "['A']"], LIST),
        (['c("A", "B")', 'c("C")', 'c("B", "C", "D")', 'c("A")'], LIST),
        (["('A', 'B')", "('C',)", "('B', 'C', 'D')", "('A',)"], LIST),
        (["[A, B]", "[C]", "[B, C, D]", "[A]"], LIST),
        (["['A', 'B', nan]", "['C', None]", "['B', 'C', 'D']", "['A', 'NA']"], LIST),
    ],
)
def test_what_separates_is_found(texts: list[str], separator: str) -> None:
    found = label_lists(pl.Series("t", texts))
    assert found.lists.to_list() == LABELS
    assert found.separator == separator


def test_what_is_missing_has_no_label() -> None:
    texts = pl.Series("t", ["A|NA", "", None, "NaN", " | ", "nan|B"])
    assert label_lists(texts).lists.to_list() == [["A"], [], None, [], [], ["B"]]
    assert label_lists(texts, missing=()).lists.to_list() == [["A", "NA"], [], None, ["NaN"], [], ["nan", "B"]]


def test_quotes_and_signs_within_labels() -> None:
    texts = pl.Series("t", ["[\"5'-NT\", 'a, b']", "['x (y)', \"5'-NT\"]"])
    assert label_lists(texts).lists.to_list() == [["5'-NT", "a, b"], ["x (y)", "5'-NT"]]
    texts = pl.Series("t", ["kinase, putative", "2,4-dinitrophenol", "other"])  # parts that never come again
    assert label_lists(texts).lists.to_list() == [["kinase, putative"], ["2,4-dinitrophenol"], ["other"]]
    assert label_lists(texts).separator == ""


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["A|B;C", "D"], "'|' and ';'"),
        (["A|B", "C;D"], "'|' and ';'"),
        (["A/B", "B/C", "A", "C"], "'/'"),
        (["A + B", "B + C", "A"], "'+'"),
        (["A and B", "B and C", "A"], "' and '"),
        (["array(['A', 'B'], dtype=object)"], "printed lists that cannot be read"),
        (["['A', 'B']", "C"], "printed lists that cannot be read"),
    ],
)
def test_what_is_not_clear_is_asked_for(texts: list[str], said: str) -> None:
    with pytest.raises(InputError) as caught:
        label_lists(pl.Series("t", texts))
    assert said in str(caught.value)
    assert "'t'" in str(caught.value)


def test_a_separator_that_is_given() -> None:
    assert label_lists(pl.Series("t", ["A/B", "B"]), "/").lists.to_list() == [["A", "B"], ["B"]]
    assert label_lists(pl.Series("t", ["A|B;C"]), ";").lists.to_list() == [["A|B", "C"]]
    assert label_lists(pl.Series("t", ["A;B", "A"]), "|").lists.to_list() == [["A;B"], ["A"]]
    assert label_lists(pl.Series("t", ["A\tB"]), "\\t").lists.to_list() == [["A", "B"]]
