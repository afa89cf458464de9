"""Tables and matrices of every supported library come in alike, go back as they came, and are refused by
name."""

from __future__ import annotations

import datetime
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from polars.testing import assert_frame_equal

import fastbench as fb
from fastbench.engine.choices import did_you_mean
from fastbench.engine.errors import InputError
from fastbench.engine.tables.frames import (
    feature_matrix,
    metadata_frame,
    near_duplicate_labels,
    require_columns,
    to_kind,
)

from ...examples import MANY, SOME


@pytest.mark.slow
def test_import_loads_no_other_library():
    program = (
        "import sys; from fastbench.engine.tables import filters, frames; from fastbench.engine.readers import "
        "profiles; from fastbench.engine.results import folder; heavy = {'pandas', 'pyarrow', 'anndata', 'zarr', "
        "'h5py', 'jax', 'numba', 'sklearn', 'matplotlib', 'scipy'}; print(sorted(heavy.intersection(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- metadata ---

PANDAS = pd.DataFrame(
    {
        "text": ["a", None, "c"],
        "nan_text": ["a", np.nan, pd.NA],
        "category": pd.Categorical(["x", None, "y"], categories=["y", "x", "unused"]),
        "number_category": pd.Categorical([2, 1, 2]),
        "real": [1.5, np.nan, -2.0],
        "whole": [1, 2, 3],
        "nullable": pd.array([1, None, 3], dtype="Int64"),
        "flag": [True, False, True],
        "nullable_flag": pd.array([True, None, False], dtype="boolean"),
        "string": pd.array(["a", None, "b"], dtype="string"),
        "arrow": pd.array(["a", None, "b"], dtype="string[pyarrow]"),
        "objects": np.array([1, 2.5, None], dtype=object),
        "object_flags": np.array([True, None, np.bool_(False)], dtype=object),
        "lists": [["p", "q"], None, ()],
        "arrays": [np.array(["p"]), np.array(["q", "r"]), np.nan],
        "sets": [{"b", "a"}, set(), None],
        "dates": [datetime.date(2020, 1, 2), None, datetime.date(2021, 1, 1)],
        "times": pd.to_datetime(["2020-01-01", None, "2020-01-02"]),
        "nothing": [None, None, None],
    },
    index=[7, 7, 9],
)


def test_pandas_columns_are_typed_and_missing_values_become_nulls():
    frame, kind = metadata_frame(PANDAS)
    assert kind == "pandas"
    values = {series.name: series.to_list() for series in frame}
    assert values["text"] == ["a", None, "c"]
    assert values["nan_text"] == ["a", None, None]
    assert values["category"] == ["x", None, "y"]
    assert values["number_category"] == [2, 1, 2]
    assert values["real"] == [1.5, None, -2.0]
    assert values["nullable"] == [1, None, 3]
    assert values["nullable_flag"] == values["object_flags"] == [True, None, False]
    assert values["string"] == values["arrow"] == ["a", None, "b"]
    assert values["objects"] == [1.0, 2.5, None]
    assert values["lists"] == [["p", "q"], None, []]
    assert values["arrays"] == [["p"], ["q", "r"], None]
    assert values["sets"] == [["a", "b"], [], None]
    assert values["dates"] == [datetime.date(2020, 1, 2), None, datetime.date(2021, 1, 1)]
    assert values["times"][1] is None
    assert values["nothing"] == [None, None, None]
    for name in ("text", "category", "nan_text", "string", "nothing"):
        assert frame.schema[name] == pl.String, name
    for name in ("lists", "arrays", "sets"):
        assert frame.schema[name] == pl.List(pl.String), name
    assert frame.schema["number_category"] == pl.Int64


def test_pandas_goes_in_and_comes_back():
    frame, kind = metadata_frame(PANDAS)
    back = to_kind(frame, kind, PANDAS.index)
    assert list(back.columns) == list(PANDAS.columns)
    assert list(back.index) == [7, 7, 9]
    for name in ("text", "category", "string", "lists", "arrays", "nullable_flag"):
        assert back[name].dtype == object, name
    assert back["lists"].iloc[0] == ["p", "q"]
    assert type(back["lists"].iloc[0]) is list
    assert back["text"].isna().tolist() == [False, True, False]
    assert back["whole"].dtype == np.int64
    assert back["flag"].dtype == bool
    assert back["nullable"].dtype == np.float64
    assert back["nullable"].isna().tolist() == [False, True, False]
    assert str(back["times"].dtype).startswith("datetime64")
    assert_frame_equal(metadata_frame(back)[0], frame.with_columns(pl.col("nullable").cast(pl.Float64)))
    back.loc[:, "whole"] = 0  # writable
    wide = to_kind(pl.DataFrame({"id": [2**53 + 1, None]}), "pandas")
    assert wide["id"].tolist()[0] == 2**53 + 1


@pytest.mark.slow
@given(
    st.lists(
        st.tuples(
            st.none() | st.text(max_size=3), st.none() | st.floats(allow_nan=False), st.integers(-(2**40), 2**40)
        ),
        max_size=6,
    )
)
@SOME
def test_round_trip_of_any_values(rows):
    schema = {"a": pl.String, "b": pl.Float64, "c": pl.Int64}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    for kind in ("pandas", "polars", "pyarrow"):
        back, again = metadata_frame(to_kind(frame, kind))
        assert again == kind
        assert_frame_equal(back, frame)


def test_polars_and_pyarrow():
    frame = pl.DataFrame({"a": ["x", None], "f": [float("nan"), 1.0], "l": [["p"], None]})
    expected = frame.with_columns(pl.Series("f", [None, 1.0]))
    for table, kind in [(frame, "polars"), (frame.lazy(), "polars"), (frame.to_arrow(), "pyarrow")]:
        found, said = metadata_frame(table)
        assert said == kind
        assert_frame_equal(found, expected)
    assert isinstance(to_kind(frame, "pyarrow"), pa.Table)
    assert to_kind(frame, "polars") is frame
    dictionary = pa.table({"a": pa.array(["x", "y", "x"]).dictionary_encode()})
    assert metadata_frame(dictionary)[0]["a"].to_list() == ["x", "y", "x"]
    with pytest.raises(ValueError, match="unknown kind"):
        to_kind(frame, "excel")


@pytest.mark.parametrize(
    ("table", "pieces"),
    [
        (pd.DataFrame({"plate": ["1", 1]}), ["'plate'", "mixes types", "'1' (text)", "1 (number)"]),
        (pd.DataFrame({"plate": [True, 1]}, dtype=object), ["'plate'", "true/false"]),
        (pd.DataFrame({"plate": ["a", ["a"]]}), ["'plate'", "(list)"]),
        (pd.DataFrame({"plate": [{"a": 1}]}), ["'plate'", "dict"]),
        (pd.DataFrame({"plate": [b"a"]}), ["'plate'", "bytes"]),
        (pd.DataFrame({"plate": [1 + 2j]}), ["'plate'", "complex"]),
        (pd.DataFrame({"plate": [["a", 1]]}), ["'plate'", "1 (number)", "'a' (text)", "one type"]),
        (pd.DataFrame({"plate": [["a"], [("b", "c")]]}), ["'plate'", "(list)", "one type"]),
        (pd.DataFrame({"plate": pd.Series([2**70], dtype=object)}), ["'plate'"]),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), ["'a'", "more than once"]),
        (pd.DataFrame([[1, 2]]), ["0, 1", "must be text"]),
        (pa.table([[1], [2]], names=["a", "a"]), ["'a'", "more than once"]),
        ({"a": [1]}, ["builtins.dict"]),
        (np.zeros((2, 2)), ["numpy.ndarray"]),
        (pd.Series(["a"]), ["Series"]),
    ],
)
def test_metadata_that_cannot_be_keys_is_refused_by_name(table, pieces):
    with pytest.raises(InputError) as caught:
        metadata_frame(table)
    for piece in pieces:
        assert piece in str(caught.value)


def test_unknown_columns_are_suggested():
    assert did_you_mean("metadata_PLATE", ["Metadata_Plate", "x"]) == "; did you mean 'Metadata_Plate'?"
    assert did_you_mean("Metadata_Plat", ["Metadata_Plate", "Metadata_Well"]).startswith(
        "; did you mean 'Metadata_Plate'"
    )
    assert did_you_mean("zzz", ["Metadata_Plate"]) == ""
    frame = pl.DataFrame({"Metadata_Plate": [1]})
    require_columns(frame, ["Metadata_Plate"], "it")
    with pytest.raises(InputError, match=r"'Metadata_plate', which the rule names; did you mean 'Metadata_Plate'"):
        require_columns(frame, ["Metadata_plate"], "the rule")


# --- features ---

_VALUES = st.builds(
    lambda array, dtype: array.astype(dtype),
    hnp.arrays(np.int64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=5), elements=st.integers(0, 100)),
    st.sampled_from(["<f4", ">f4", "<f8", ">f8", "f2", "i1", "u1", ">i2", "u4", "i8", "?", "O"]),
)


@pytest.mark.slow
@given(_VALUES, st.sampled_from(["C", "F", "strided", "reversed", "transposed", "read-only"]))
@MANY
def test_any_layout_gives_the_same_matrix(values, layout):
    array = {
        "C": lambda: values.copy(order="C"),
        "F": lambda: values.copy(order="F"),
        "strided": lambda: np.repeat(np.repeat(values, 2, axis=0), 3, axis=1)[::2, ::3],
        "reversed": lambda: values[::-1, ::-1].copy()[::-1, ::-1],
        "transposed": lambda: values.T.copy().T,
        "read-only": lambda: values.copy(),
    }[layout]()
    if layout == "read-only":
        array.flags.writeable = False
    before = array.copy()
    matrix = feature_matrix(array, len(array))
    assert matrix.flags.c_contiguous
    assert matrix.dtype.isnative
    wide = values.dtype == object or (values.dtype.itemsize == 8 and values.dtype.kind == "f")
    assert matrix.dtype == (np.float64 if wide else np.float32)
    np.testing.assert_array_equal(matrix, before.astype(np.float64))
    np.testing.assert_array_equal(array, before)


def test_no_copy_when_nothing_is_to_be_done(tmp_path):
    for dtype in (np.float32, np.float64):
        array = np.ones((3, 2), dtype)
        assert np.shares_memory(feature_matrix(array, 3), array)
    np.save(tmp_path / "x.npy", np.ones((3, 2), np.float32))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    matrix = feature_matrix(mapped, 3)
    assert np.shares_memory(matrix, mapped)
    assert not matrix.flags.writeable


@pytest.mark.parametrize(
    ("value", "dtype", "expected"),
    [
        (2**24, np.int64, np.float32),
        (2**24 + 1, np.int64, np.float64),
        (-(2**24) - 1, np.int64, np.float64),
        (255, np.uint8, np.float32),
        (2**32 - 1, np.uint32, np.float64),
        (2**53, np.uint64, np.float64),
    ],
)
def test_integers_stay_exact(value, dtype, expected):
    matrix = feature_matrix(np.array([[value, 1]], dtype), 1)
    assert matrix.dtype == expected
    assert int(matrix[0, 0]) == value


def test_tables_of_every_library():
    columns = {"a": np.array([1.5, 2.5], np.float32), "b": np.array([3, 4], np.uint8), "c": np.array([True, False])}
    expected = np.array([[1.5, 3, 1], [2.5, 4, 0]], np.float32)
    tables = [
        pd.DataFrame(columns),
        pd.DataFrame(columns).convert_dtypes(convert_floating=True),
        pl.DataFrame(columns),
        pl.DataFrame(columns).lazy(),
        pa.table(columns),
        pd.DataFrame(columns).astype({"b": "Int64", "c": "boolean"}),
        scipy.sparse.csr_matrix(expected),
        expected.tolist(),
    ]
    for table in tables:
        matrix = feature_matrix(table, 2)
        np.testing.assert_array_equal(matrix, expected)
        assert matrix.flags.c_contiguous
    assert feature_matrix(tables[0], 2).dtype == np.float32
    assert feature_matrix(pd.DataFrame({"a": [1.5], "b": np.array([1], np.float32)}), 1).dtype == np.float64
    decimals = pl.DataFrame({"a": ["1.50", "2.25"]}).select(pl.col("a").cast(pl.Decimal(10, 2)))
    np.testing.assert_array_equal(feature_matrix(decimals, 2), [[1.5], [2.25]])


_FLOATS = np.ones((3, 2))


@pytest.mark.parametrize(
    ("table", "pieces"),
    [
        (np.array([[1, np.nan], [np.inf, np.nan], [1, 1]]), ["2 of 2 columns", "2 of 3 rows", "'p', 'q'"]),
        (np.array([[1, 1], [-np.inf, 1], [1, 1]], np.float32), ["1 of 2 columns ('p')", "1 of 3 rows"]),
        (_FLOATS[0], ["two-dimensional", "(2,)"]),
        (_FLOATS[None], ["two-dimensional", "(1, 3, 2)"]),
        (_FLOATS[:2], ["3 rows", "2"]),
        (_FLOATS[:, :0], ["no columns"]),
        (_FLOATS + 1j, ["'p'", "complex128"]),
        (np.array([["1", "2"]] * 3), ["'p'", "<U1"]),
        (np.array([[1, "x"]] * 3, dtype=object), ["'q'", "'x'"]),
        (np.array([[1, 2**60]] * 3), ["'q'", str(2**60), "identifier"]),
        (np.array([["2020-01-01", "2020-01-02"]] * 3, dtype="M8[D]"), ["'p'", "datetime64"]),
        (np.ma.masked_array(_FLOATS, mask=_FLOATS > 0), ["masked"]),
        (np.zeros((3,), dtype=[("a", "f4")]), ["two-dimensional"]),
        ([[1, 2], [3], [4, 5]], ["matrix of numbers"]),
    ],
)
def test_features_that_are_no_matrix_of_numbers_are_refused(table, pieces):
    with pytest.raises(InputError) as caught:
        feature_matrix(table, 3, ["p", "q"])
    for piece in pieces:
        assert piece in str(caught.value)


@pytest.mark.parametrize(
    ("table", "pieces"),
    [
        (pd.DataFrame({"a": [1.0, 2.0], "text": ["x", "y"]}), ["'text'", "'x'"]),
        (pd.DataFrame({"a": [1.0, 2.0], "z": [1j, 2]}), ["'z'", "complex"]),
        (pd.DataFrame({"a": [1.0, 2.0], "n": pd.array([1, None], dtype="Int64")}), ["('n')", "1 of 2 rows"]),
        (pd.DataFrame({"a": [1.0, 2.0], "d": pd.to_datetime(["2020", "2021"])}), ["'d'", "datetime"]),
        (pl.DataFrame({"a": [1.0, 2.0], "text": ["x", "y"]}), ["'text'", "'x'"]),
        (pl.DataFrame({"a": [1.0, 2.0], "n": [1, None]}), ["('n')"]),
        (pl.DataFrame({"a": [1.0, 2.0], "l": [[1], [2]]}), ["'l'", "[1], [2]"]),
        (pl.DataFrame({"a": [1.0, 2.0], "empty": [None, None]}), ["('empty')", "2 of 2 rows"]),
        (pa.table([[1.0, 2.0], [1.0, 2.0]], names=["a", "a"]), ["'a'", "more than once"]),
        (pd.DataFrame({"a": [1.0, 2.0]})[[]], ["no columns"]),
        (pl.DataFrame(), ["2 rows"]),
    ],
)
def test_feature_columns_that_are_no_numbers_are_named(table, pieces):
    with pytest.raises(InputError) as caught:
        feature_matrix(table, 2)
    for piece in pieces:
        assert piece in str(caught.value)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_finite_values_whose_squares_are_not_are_taken(dtype):
    array = np.full((2, 3), np.finfo(dtype).max, dtype)
    assert np.shares_memory(feature_matrix(array, 2), array)
    with pytest.raises(InputError, match="1 of 2 rows"):
        feature_matrix(np.vstack([array[:1], np.full((1, 3), np.nan, dtype)]), 2)


def test_no_rows_are_refused():
    with pytest.raises(InputError, match="no rows"):
        feature_matrix(np.empty((0, 3)), 0)


@pytest.mark.parametrize("kind", ["pandas", "polars", "lazy", "pyarrow"])
def test_a_reference_column_leaves_the_rest_as_it_is(kind):
    """Index, categories and columns that could be no key stay what they are."""
    table = pd.DataFrame(
        {"Metadata_x": ["a", "b", "a"], "kind": pd.Categorical(["u", "v", "u"]), "when": pd.to_timedelta([1, 2, 3])},
        index=["r1", "r2", "r3"],
    )
    given = {
        "pandas": lambda: table,
        "polars": lambda: pl.from_pandas(table),
        "lazy": lambda: pl.from_pandas(table).lazy(),
        "pyarrow": lambda: pa.Table.from_pandas(table),
    }[kind]()
    once = fb.assign_reference_index(given, "Metadata_x == 'a'")
    twice = fb.assign_reference_index(once, "Metadata_x == 'b'", default_value=7)
    expected = pl.Series("Metadata_Reference_Index", [7, 1, 7])
    if kind == "pandas":
        expected = pd.Series([7, "r2", 7])  # the row labels, as copairs has it
        assert twice["Metadata_Reference_Index"].tolist() == expected.to_list()
        pd.testing.assert_frame_equal(once.drop(columns="Metadata_Reference_Index"), table)
        assert "Metadata_Reference_Index" not in table
    else:
        found = twice if kind != "pyarrow" else pl.DataFrame(pl.from_arrow(twice))
        assert found["Metadata_Reference_Index"].to_list() == expected.to_list()
        before = given.collect() if kind == "lazy" else given
        columns = before.columns if kind != "pyarrow" else before.column_names
        assert before.equals(once.select(columns))
    with pytest.raises(InputError, match=r"Metadata_y.*did you mean 'Metadata_x'"):
        fb.assign_reference_index(given, "Metadata_y == 'a'")


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
def test_columns_that_no_rule_names_are_carried_through(kind):
    """They may be of any type, and come back as they went in; a score of an earlier run gives way, and that is said."""
    plain = {"Metadata_p": list("aabb"), "average_precision": [9.0, 9.0, 9.0, 9.0], "Metadata_k": [1, 2, 3, 4]}
    make = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.table}[kind]
    meta = make(plain)
    if kind == "pandas":
        meta = meta.assign(mixed=[1, "z", None, 2.5], kind=pd.Categorical(list("uvuv")))
    x = np.random.default_rng(0).normal(size=(4, 5))
    with pytest.warns(UserWarning, match="'average_precision'"):
        found = fb.average_precision(meta, x, ["Metadata_p"], [], [], ["Metadata_p", "Metadata_k > 1"])
    names = list(found.column_names if kind == "pyarrow" else found.columns)
    assert names.index("average_precision") > names.index("Metadata_k")
    assert len(found) == 3
    if kind == "pandas":
        assert found["mixed"].tolist() == ["z", None, 2.5]
        assert found["kind"].dtype == meta["kind"].dtype
        assert found.index.tolist() == [0, 1, 2]
    scores = found.assign(mixed=[1, "z", None]) if kind == "pandas" else found
    assert len(fb.mean_average_precision(scores, ["Metadata_p"], 100, 0.05, 0, progress_bar=False)) == 1
    assert list(meta.column_names if kind == "pyarrow" else meta.columns)[:3] == list(plain)


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        (["1", "1.0", "x"], "'1', '1.0'"),
        (["001", "1", "x"], "'001', '1'"),
        (["2", "x", "2.", "2.00"], "'2', '2.', '2.00'"),
        (["1", "2", "x"], None),
        (["A1", "A01"], None),
        (["1e1", "10"], "'1e1', '10'"),
        (["1E2", "100", "1.0e+02", "x"], "'1E2', '100', '1.0e+02'"),
        ([".5", "0.5"], "'.5', '0.5'"),
        (["1e1", "2e1", "e1"], None),
    ],
)
def test_one_number_in_several_ways_is_noted(values, shown):
    notes = near_duplicate_labels({"Metadata_x": pl.Series(values)})
    said = f"Metadata column 'Metadata_x' has one number written in several ways, as text: {shown}."
    assert notes == ([] if shown is None else [said])
