"""Cells and predictions find each other by id in any order, and every way in which they do not is said."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.engine.errors import InputError
from fastbench.engine.fmeasure.runs.align import align

from ....examples import SOME

CELL_IDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
DISTINCT = st.lists(CELL_IDS, min_size=1, max_size=40, unique=True)


def series(ids: list[str | None]) -> pl.Series:
    return pl.Series("cell_id", ids, dtype=pl.String)


def refused(pieces: list[str], truth: list[str | None], predicted: list[str | None], **options: str) -> str:
    with pytest.raises(InputError) as caught:
        align(series(truth), series(predicted), where="run_7", **options)
    said = str(caught.value)
    for piece in ["run_7", *pieces]:
        assert piece in said
    assert "\n" not in said
    return said


@pytest.mark.slow
@given(DISTINCT, st.data())
def test_any_order(ids: list[str], data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(ids))))
    predicted = [ids[i] for i in order]
    rows, note = align(series(ids), series(predicted), where="")
    assert note == ""
    if predicted == ids:
        assert rows is None
    else:
        assert rows is not None
        assert rows.dtype == np.int64
        assert [predicted[row] for row in rows] == ids


@pytest.mark.slow
@given(DISTINCT, st.data())
@SOME
def test_missing_and_extra_ids(ids: list[str], data: st.DataObject) -> None:
    gone = data.draw(st.sets(st.sampled_from(ids), min_size=1))
    predicted = [name for name in ids if name not in gone]
    first = next(name for name in ids if name in gone)
    refused([f"{len(gone)} of {len(ids)} cells of the truth have no prediction ({first!r}"], ids, predicted)
    refused([f"{len(gone)} of {len(ids)} predictions are of no cell of the truth ({first!r}"], predicted, ids)


@pytest.mark.slow
@given(DISTINCT, st.data())
@SOME
def test_repeated_ids(ids: list[str], data: st.DataObject) -> None:
    twice = data.draw(st.sampled_from(ids))
    repeated = [*ids, twice]
    said = refused(["1 cell ids come more than once in the predictions", repr(twice)], ids, repeated)
    assert "in the truth" not in said
    refused(["1 cell ids come more than once in the truth", repr(twice)], repeated, ids)
    rows, note = align(series(repeated), series(repeated), where="")
    assert rows is None
    assert note == "1 cell ids are repeated; truth and predictions list them in the same order."
    if len(ids) > 1:
        longer = [*repeated[::-1], "z" * 7]
        refused(["more than once in the truth", "more than once in the predictions"], repeated, longer)


def test_repeated_ids_that_hide_a_missing_one() -> None:
    refused(["more than once in the predictions ('a')", "1 of 2 cells", "('b')"], ["a", "b"], ["a", "a"])
    refused(["more than once in the truth ('a')", "1 of 2 predictions", "('b')"], ["a", "a"], ["a", "b"])
    said = refused(["in the truth ('a')", "in the predictions ('a')"], ["a", "a", "b"], ["a", "b", "a"])
    assert "no prediction" not in said


def test_examples_are_few() -> None:
    said = refused(["100 of 101 cells"], [f"c{i}" for i in range(101)], ["c0"])
    assert "'c5', ...)" in said
    assert "'c6'" not in said


def test_ids_that_are_missing() -> None:
    refused(["1 cells of the truth have no id", "by position"], ["a", None], ["a", None])
    refused(["2 cells of the predictions have no id"], ["a", "b"], [None, None])


BARCODES = ["AACG", "TTGA", "GGAC", "CATT"]


@pytest.mark.parametrize(
    ("truth", "predicted", "said"),
    [
        (
            BARCODES,
            [f"{x}-1" for x in BARCODES],
            "4 match when a suffix such as '-1' is taken off the ids of the predictions",
        ),
        (
            [f"{x}-1" for x in BARCODES],
            BARCODES,
            "4 match when a suffix such as '-1' is taken off the ids of the truth",
        ),
        ([f"{x}-1" for x in BARCODES], [f"{x}_a" for x in BARCODES], "is taken off the ids of both"),
        (
            BARCODES,
            [f"s1_{x}" for x in BARCODES],
            "a prefix such as 'sample1_' is taken off the ids of the predictions",
        ),
        (BARCODES, [f"{x} " for x in BARCODES], "white space is taken off the ids of the predictions"),
        (BARCODES, [x.lower() for x in BARCODES], "upper case is made lower case in the ids of"),
        (BARCODES, ["0", "1", "2", "3"], "only numbers of rows; if both are known"),
        (BARCODES, ["w", "x", "y", "z"], "give predictions of the same cells"),
        (["0", "1", "2"], ["0.0", "1.0", "2.0"], "3 are equal as numbers, but written in two ways ('0' and '0.0')"),
        (["07", "08", "12"], ["8", "7", "12"], "3 are equal as numbers, but written in two ways ('07' and '8')"),
        # Without a suffix these are all the same: that is no sign of anything.
        (
            ["donor1_1", "donor1_2", "donor1_3"],
            ["donor1_7", "donor1_8", "donor1_9"],
            "give predictions of the same cells",
        ),
    ],
)
def test_systematic_differences_are_hinted_at(truth: list[str], predicted: list[str], said: str) -> None:
    refused([said], truth, predicted)


@given(DISTINCT)
def test_by_position(ids: list[str]) -> None:
    assert align(series(ids), series(ids), by="position", where="") == (None, "")
    others = [f"other {i}" for i in range(len(ids))]
    assert align(series(ids), series(others), by="position", where="") == (None, "")
    rows, note = align(series(ids), series(ids[1:] + ids[:1]), by="position", where="")
    assert rows is None
    if len(ids) > 1:
        assert f"{len(ids)} of {len(ids)} cells are in other rows" in note
        assert repr(ids[0]) in note
        assert note.endswith("align by id.")
    refused([f"has {len(ids)} cells", f"for {len(ids) - 1}"], ids, ids[1:], by="position")


def test_by_position_with_a_part_of_the_ids_moved() -> None:
    _, note = align(series(["a", "b", "c", "d"]), series(["a", "c", "x", "d"]), by="position", where="")
    assert "1 of 4 cells are in other rows of the predictions ('c')" in note
    assert align(series([None, "b"]), series(["a", None]), by="position", where="") == (None, "")
    assert align(series(["a", "a"]), series(["a", "a"]), by="position", where="") == (None, "")


def test_by_what() -> None:
    refused_by = pytest.raises(InputError, match="did you mean 'position'")
    with refused_by:
        align(series(["a"]), series(["a"]), by="positions", where="")
