"""Calls that users make of copairs, made of both: equal values, columns, row labels and types."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import fastbench as fb
from fastbench.engine.errors import InputError, UnpairedException

copairs = pytest.importorskip("copairs.map")
matching = pytest.importorskip("copairs.matching")

#: Major version.
PANDAS = int(pd.__version__.split(".")[0])
RULE: tuple[list[str], ...] = (["Metadata_c"], [], [], ["Metadata_c"])


def wells(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"Metadata_c": np.repeat(list("abcdef"), 4), "Metadata_p": np.tile([1, 2, 3, 4], 6)} | columns)


def features(n: int = 24, d: int = 8) -> np.ndarray:
    return np.random.default_rng(n).normal(size=(n, d)).astype(np.float32)


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def ours_and_theirs(meta: pd.DataFrame, x: Any, rule: Any = RULE, **more: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    mine = fb.average_precision(meta, x, *rule, ties="optimistic", progress_bar=False, **more)
    return mine, copairs.average_precision(meta, x, *rule, progress_bar=False, **more)


def assert_same(mine: pd.DataFrame, theirs: pd.DataFrame) -> None:
    """Compare all but `ap_optimistic` and its like, which only fastbench has."""
    pd.testing.assert_frame_equal(mine[theirs.columns], theirs, rtol=1e-6)
    assert list(mine.columns)[: theirs.shape[1]] == list(theirs.columns)
    assert mine.attrs == theirs.attrs


def with_attributes() -> pd.DataFrame:
    meta = wells().set_axis([f"r{i}" for i in range(24)])
    meta.attrs = {"plates": ["a", "b"]}
    return meta


@pytest.mark.parametrize(
    "meta",
    [
        wells(),
        with_attributes(),
        wells(x=np.nan, Metadata_flag=True),
        wells(**{"Metadata_c": ["z", *np.repeat(list("abcdef"), 4)[1:]]}),
        wells().assign(**{"n": 1}).rename(columns={"n": 7}),
        wells(Metadata_c=pd.array(np.repeat(list("abcdef"), 4), dtype="string")),
    ],
    ids=["plain", "labels and attrs", "unused columns", "no positive", "a column called 7", "extension type"],
)
def test_average_precision(meta: pd.DataFrame):
    assert_same(*ours_and_theirs(meta, features()))


LABELS: list[list[int]] = [[1, 2], [2], [1], [3], [3, 4], [4], [1, 4], [2, 3]]


@pytest.mark.parametrize(
    "cell",
    [
        lambda row, k: [float(label) for label in row],
        lambda row, k: np.array(row),
        lambda row, k: np.array([str(label) for label in row], dtype=object),
        lambda row, k: [str(label) for label in row] + ([None] if k == 0 else []),
        lambda row, k: pd.array([str(label) for label in row], dtype="string"),
        lambda row, k: [str(label) for label in row] if k else [],
    ],
    ids=["float", "array", "array of text", "None within", "extension array", "empty"],
)
def test_cells_of_lists(cell: Callable[[list[int], int], Any]):
    meta = pd.DataFrame({"Metadata_t": [cell(row, k) for k, row in enumerate(LABELS)], "Metadata_p": range(8)})
    rule = (["Metadata_t"], [], [], ["Metadata_t"], "Metadata_t")
    mine = fb.multilabel.average_precision(meta, features(8), *rule, ties="optimistic", progress_bar=False)
    theirs = copairs.multilabel.average_precision(meta, features(8), *rule, progress_bar=False)
    assert_same(mine, theirs)


@pytest.mark.parametrize(
    "cell",
    [list, tuple, set, lambda row: pd.array(row, dtype="Int64"), lambda row: pl.Series(row)],
    ids=["list", "tuple", "set", "extension array", "Polars"],
)
def test_cells_that_copairs_reads_otherwise_or_not_at_all(cell: Callable[[list[int]], Any]):
    """Whole numbers come back as int64 (copairs: int32); sets and Polars series copairs cannot read."""
    rule = (["Metadata_t"], [], [], ["Metadata_t"], "Metadata_t")
    found = [
        fb.multilabel.average_precision(
            pd.DataFrame({"Metadata_t": [make(row) for row in LABELS]}), features(8), *rule, progress_bar=False
        )
        for make in (cell, lambda row: [float(label) for label in row])
    ]
    assert found[0]["Metadata_t"].dtype == np.int64
    pd.testing.assert_frame_equal(found[0], found[1], check_dtype=False)


def test_true_and_false_are_labels():
    rule = (["Metadata_t"], [], [], ["Metadata_t"], "Metadata_t")
    cells = [[True], [False], [True], [True], [False]]
    as_text = [[str(each[0])] for each in cells]
    found = [
        fb.multilabel.average_precision(pd.DataFrame({"Metadata_t": each}), features(5), *rule, progress_bar=False)
        for each in (cells, as_text)
    ]
    assert found[0]["Metadata_t"].map(str).tolist() == found[1]["Metadata_t"].tolist()
    np.testing.assert_array_equal(found[0]["average_precision"], found[1]["average_precision"])


def test_missing_items_of_lists_are_told():
    meta = pd.DataFrame({"Metadata_t": [["a", None], ["a"], ["b", np.nan], ["b"]]})
    rule = (["Metadata_t"], [], [], ["Metadata_t"], "Metadata_t")
    with pytest.warns(UserWarning, match="2 missing items in the lists of 'Metadata_t' left out"):
        fb.multilabel.average_precision(meta, features(4), *rule, progress_bar=False)


CONDITIONS = {
    "filter": "Metadata_c == 'a'",
    "index": pd.Index([0, 5, 2]),
    "isin": "Metadata_c.isin(['a', 'f'])",
    "startswith": "Metadata_c.str.startswith('a')",
    "contains": "Metadata_c.str.contains('a|b')",
    "isna": "Metadata_x.isna()",
    "notnull": "Metadata_x.notnull() and Metadata_p > 1",
    "flag": "Metadata_flag == 1",
    "not": "not Metadata_flag",
}


@pytest.mark.parametrize("condition", CONDITIONS.values(), ids=CONDITIONS)
@pytest.mark.parametrize("inplace", [False, True])
def test_reference_index(condition: Any, inplace: bool):
    meta = wells(Metadata_flag=np.arange(24) % 3 == 0, Metadata_x=np.where(np.arange(24) < 3, np.nan, 1.0))
    meta[7] = 0
    made = []
    for assign in (fb.assign_reference_index, matching.assign_reference_index):
        table = meta.copy()
        found = assign(table, condition, inplace=inplace)
        assert (found is None) == inplace
        made.append(table if inplace else found)
    pd.testing.assert_frame_equal(*made)


def test_reference_index_takes_row_labels():
    meta = wells().iloc[::-1].set_axis([f"r{i}" for i in range(24)])
    mine = fb.assign_reference_index(meta, "Metadata_c == 'a'")
    if PANDAS < 3:  # with which copairs refuses labels that are text
        pd.testing.assert_frame_equal(mine, matching.assign_reference_index(meta, "Metadata_c == 'a'"))
    scored = fb.average_precision(mine, features(), ["Metadata_Reference_Index", "Metadata_c"], [], [], ["Metadata_c"])
    assert scored["n_pos_pairs"].tolist() == [0 if label == "a" else 3 for label in meta["Metadata_c"]]


def test_a_boolean_condition_says_it_of_each_row():
    """In copairs, each chosen row gets True, so that all of them are positives of each other."""
    meta = wells()
    chosen = meta["Metadata_c"] == "a"
    for condition in (chosen, chosen.to_numpy(), chosen.tolist(), chosen.iloc[::-1]):
        found = fb.assign_reference_index(meta, condition)["Metadata_Reference_Index"]
        assert found.tolist() == [0, 1, 2, 3, *[-1] * 20]
    frame = pl.from_pandas(meta)
    assert fb.assign_reference_index(frame, chosen.to_numpy())["Metadata_Reference_Index"].to_list() == found.tolist()
    assert fb.assign_reference_index(frame, [0, 3])["Metadata_Reference_Index"].to_list()[:4] == [0, -1, -1, 3]


@pytest.mark.parametrize(
    ("table", "condition", "message"),
    [
        (wells(), pd.Index([0, 99]), "names rows that the table does not have: 99"),
        (wells(), [True, False], r"shape \(2,\), but the table has 24 rows"),
        (wells().set_axis([1] * 24), "Metadata_c == 'a'", "not unique"),
        (wells().set_axis(range(-1, 23)), "Metadata_c == 'a'", "the default value -1"),
        (wells(), "Metadata_c.str.upper() == 'A'", "str.startswith"),
        (wells(), "Metadata_c.str.contains('a', na=True)", "not allowed"),
    ],
)
def test_conditions_that_are_refused(table: pd.DataFrame, condition: Any, message: str):
    with pytest.raises(InputError, match=message):
        fb.assign_reference_index(table, condition)


@pytest.mark.parametrize("change", [{}, {"threshold": 0}, {"threshold": 1}, {"seed": None}, {"narrow": True}], ids=str)
def test_mean_average_precision(change: dict[str, Any]):
    scored = copairs.average_precision(wells(), features(), *RULE, progress_bar=False)
    if change.pop("narrow", False):
        scored = scored.astype({"average_precision": np.float32, "normalized_average_precision": np.float32})
    scored[7] = "unused"
    given = {"null_size": 1000, "threshold": 0.05, "seed": 0, "progress_bar": False} | change
    mine = fb.mean_average_precision(scored, ["Metadata_c"], **given, p_values="copairs")
    theirs = copairs.mean_average_precision(scored, ["Metadata_c"], **given)
    names = [name for name in theirs.columns if given["seed"] is not None or "p" not in name.split("_")]
    # With pandas 3, copairs gives float64 for float32.
    pd.testing.assert_frame_equal(mine[names], theirs[names], rtol=1e-6, check_dtype=PANDAS < 3)


def test_unknown_names_are_key_errors_too():
    scored = fb.average_precision(wells(), features(), *RULE)
    for call in (
        lambda: fb.mean_average_precision(scored, ["Metadata_x"], 100, 0.05, 0),
        lambda: fb.average_precision(wells(), features(), ["Metadata_x"], [], [], ["Metadata_c"]),
        lambda: fb.assign_reference_index(wells(), "Metadata_x == 1"),
        lambda: fb.assign_reference_index(wells(), [99]),
    ):
        with pytest.raises(KeyError, match=r"^(There is no|The condition)") as caught:
            call()
        assert isinstance(caught.value, InputError)


def test_nothing_to_pair_raises_what_loops_catch():
    for rows in (slice(0, 0), slice(None, None, 4)):
        with pytest.raises(UnpairedException):
            fb.average_precision(wells()[rows], features()[rows], *RULE)
        with pytest.raises(matching.UnpairedException):
            copairs.average_precision(wells()[rows], features()[rows], *RULE)


def test_keys_of_two_types_are_told_apart():
    """A number and a text are keys of their own, unless they could mean the same."""
    meta = wells(Metadata_c=[*["a"] * 8, *[3] * 8, *["b"] * 8])
    text = meta.assign(Metadata_c=meta["Metadata_c"].map(str))
    mine = fb.average_precision(meta, features(), *RULE)["average_precision"]
    np.testing.assert_array_equal(mine, fb.average_precision(text, features(), *RULE)["average_precision"])
    with pytest.raises(InputError, match="mixes types"):
        fb.average_precision(meta.replace("a", "3.0"), features(), *RULE)


def minus_manhattan(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return -np.abs(a - b).sum(axis=1)


@pytest.mark.parametrize("device", ["cpu", "reference", "cpu-xla"])
def test_a_function_as_distance(device: str):
    mine, theirs = ours_and_theirs(wells(), features(), distance=minus_manhattan)
    assert_same(mine, theirs)
    own = fb.average_precision(wells(), features(), *RULE, distance=minus_manhattan, device=device)
    named = fb.average_precision(wells(), features(), *RULE, distance="manhattan")
    pd.testing.assert_frame_equal(own, named)


def test_a_function_is_handed_many_pairs_at_once(monkeypatch):
    handed = []

    def dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        handed.append(len(a))
        return np.einsum("ij,ij->i", a, b)

    whole = fb.average_precision(wells(), features(), *RULE, distance=dot)
    assert max(handed) > 24
    monkeypatch.setattr("fastbench.kernels.reference.metrics.PAIR_BYTES", 1)
    pd.testing.assert_frame_equal(fb.average_precision(wells(), features(), *RULE, distance=dot), whole)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda a, b: 1.0, r"array of shape \(\)"),
        (lambda a, b: a @ b.T, r"array of shape \(3, 3\)"),
        (lambda a: a, "cannot be used"),
        (lambda a, b: np.full(len(a), np.nan), "not numbers"),
        (3, "distance must be one of"),
    ],
)
def test_functions_that_are_no_similarity(function: Any, message: str):
    with pytest.raises(InputError, match=message):
        fb.average_precision(wells(), features(), *RULE, distance=function)


def spoiled(distance: str) -> np.ndarray:
    """Rows 3 and 4 without a direction, and under the cosine one with an infinity."""
    x = features()
    x[[3, 4]] = 0 if distance != "correlation" else 2
    x[9, 1] = np.inf
    return x


@pytest.mark.parametrize("distance", ["cosine", "abs_cosine", "correlation"])
def test_degenerate_rows_are_dropped(distance: str):
    x, bad = spoiled(distance), [3, 4, 9]
    with pytest.warns(UserWarning, match="3 of 24 rows have features that are not finite, or no direction, and were"):
        found = fb.average_precision(wells(), x, *RULE, distance=distance, degenerate="drop", progress_bar=False)
    rest = wells().drop(bad).reset_index(drop=True)
    expected = fb.average_precision(rest, np.delete(x, bad, axis=0), *RULE, distance=distance, progress_bar=False)
    pd.testing.assert_frame_equal(found, expected)


@pytest.mark.parametrize("distance", ["cosine", "abs_cosine", "correlation"])
@pytest.mark.parametrize("device", ["cpu", "reference"])
def test_degenerate_rows_rank_last(distance: str, device: str):
    """For all other queries that is what copairs makes of NaN; the degenerate ones tie with all, so know nothing."""
    x = spoiled(distance)
    keywords: dict[str, Any] = {"distance": distance, "progress_bar": False}
    found = fb.average_precision(
        wells(), x, *RULE, ties="optimistic", degenerate="last", device=device, **keywords
    ).drop([3, 4, 9])
    with np.errstate(all="ignore"):
        theirs = copairs.average_precision(wells(), x, *RULE, **keywords).drop([3, 4, 9])
    assert_same(found, theirs)
    expected = fb.average_precision(wells(), x, *RULE, degenerate="last", device=device, **keywords).loc[[3, 4, 9]]
    assert expected["normalized_average_precision"].abs().max() < 1e-12


def test_degenerate_rows_are_refused_unless_asked_for():
    for distance in ("cosine", "euclidean"):
        with pytest.raises(InputError, match="NaN or infinite"):
            fb.average_precision(wells(), spoiled("cosine"), *RULE, distance=distance)
    with pytest.raises(InputError, match="use degenerate 'drop'"):
        fb.average_precision(wells(), spoiled("cosine"), *RULE, distance="canberra", degenerate="last")
    x = features()
    x[5, 0] = np.nan
    found = fb.average_precision(wells(), x, *RULE, distance="canberra", degenerate="drop")
    assert len(found) == 23


def test_modules_of_copairs():
    from fastbench import map as maps
    from fastbench.map import average_precision, mean_average_precision
    from fastbench.map.multilabel import average_precision as of_lists
    from fastbench.matching import UnpairedException as Unpaired
    from fastbench.matching import assign_reference_index
    from fastbench.multilabel import average_precision as also_of_lists

    assert average_precision is fb.average_precision is maps.average_precision
    assert mean_average_precision is fb.mean_average_precision
    assert of_lists is also_of_lists is fb.multilabel.average_precision is maps.multilabel.average_precision
    assert Unpaired is UnpairedException
    assert assign_reference_index is fb.assign_reference_index
    assert "average_precision" in dir(maps)
    with pytest.raises(ImportError):
        from fastbench.map import nothing  # noqa: F401


def test_tables_in_another_order_are_refused():
    meta, x = wells(), pd.DataFrame(features())
    other = meta.sample(frac=1, random_state=1)
    for call in (
        lambda: fb.average_precision(other, x, *RULE),
        lambda: fb.map(other, x, pos_sameby="Metadata_c", neg_diffby="Metadata_c", progress_bar=False),
    ):
        with pytest.raises(InputError, match="the same row labels in another order"):
            call()
    found = fb.average_precision(other, x.loc[other.index], *RULE)["average_precision"].to_numpy()
    expected = fb.average_precision(meta, x, *RULE)["average_precision"].to_numpy()[other.index]
    np.testing.assert_array_equal(found, expected)


def test_a_condition_that_no_row_meets_is_told():
    with pytest.warns(UserWarning, match="No row meets the condition"):
        found = fb.assign_reference_index(wells(), "Metadata_c == 'A'")
    assert set(found["Metadata_Reference_Index"]) == {-1}


def test_numbers_that_differ_by_rounding_are_told():
    meta = wells(Metadata_dose=np.where(np.arange(24) % 2, 0.3, 0.1 + 0.2))
    with pytest.warns(UserWarning, match=r"1 pair of numbers that differ by rounding alone .*0\.3, 0\.300"):
        fb.average_precision(meta, features(), ["Metadata_c", "Metadata_dose"], [], [], ["Metadata_c"])
