"""Profiles keep their rows together; stacking and consensus account for everything they leave out."""

from __future__ import annotations

import warnings

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from fastbench.engine.errors import InputError
from fastbench.engine.tables import profiles as module
from fastbench.engine.tables.profiles import Profiles, Source, consensus, stack

from ...examples import FEW, SOME


def profiles(n: int = 4, names: str = "abc", start: int = 0, **metadata: list) -> Profiles:
    values = start + np.arange(n * len(names), dtype=np.float32).reshape(n, len(names))
    columns = metadata or {"Metadata_row": list(range(start, start + n))}
    return Profiles(pl.DataFrame(columns), values, tuple(names), (Source(f"{start}.csv", "0" * 64, 1, n),))


@pytest.mark.parametrize(
    ("metadata", "features", "names", "piece"),
    [
        (pl.DataFrame({"m": [1]}), np.zeros((2, 1), np.float32), ("a",), "1 rows but features have 2"),
        (pl.DataFrame({"m": [1]}), np.zeros((1, 2), np.float32), ("a",), "1 feature names were given for 2"),
        (pl.DataFrame({"m": [1]}), np.zeros((1, 2), np.float32), ("a", "a"), "'a'"),
        (pl.DataFrame({"m": [1]}), np.zeros((1, 1)), ("a",), "float64"),
        (pl.DataFrame({"m": [1]}), np.zeros(1, np.float32), ("a",), "(1,)"),
    ],
)
def test_profiles_that_do_not_fit_together_are_refused(metadata, features, names, piece):
    with pytest.raises(InputError) as caught:
        Profiles(metadata, features, names)
    assert piece in str(caught.value)


def test_fortran_order_becomes_c_order():
    made = Profiles(pl.DataFrame({"m": [1, 2]}), np.ones((2, 3), np.float32, order="F"), tuple("abc"))
    assert made.features.flags.c_contiguous


def test_take_by_mask_and_by_position():
    whole = profiles()
    part = whole.take(np.array([True, False, False, True]))
    assert part.metadata["Metadata_row"].to_list() == [0, 3]
    np.testing.assert_array_equal(part.features, whole.features[[0, 3]])
    assert not np.shares_memory(part.features, whole.features)
    assert whole.take(np.array([3, 0, -1, 3])).metadata["Metadata_row"].to_list() == [3, 0, 3, 3]
    assert len(whole.take(np.array([]))) == 0
    assert len(whole.take(np.zeros(4, bool))) == 0
    assert part.sources == whole.sources
    with pytest.raises(InputError, match=r"\(3,\).*4 profiles"):
        whole.take(np.ones(3, bool))
    with pytest.raises(IndexError):
        whole.take(np.array([4]))


def test_with_metadata_checks_the_rows():
    other = pl.DataFrame({"Metadata_new": list("wxyz")})
    assert_frame_equal(profiles().with_metadata(other).metadata, other)
    with pytest.raises(InputError, match="2 rows was given for 4"):
        profiles().with_metadata(other.head(2))


# --- stacking ---


def test_stack_keeps_common_features_in_the_order_of_the_first():
    whole = stack([profiles(2, "abcd"), profiles(3, "dxba", start=100)])
    assert whole.feature_names == ("a", "b", "d")
    np.testing.assert_array_equal(whole.features[:2], profiles(2, "abcd").features[:, [0, 1, 3]])
    np.testing.assert_array_equal(whole.features[2:], profiles(3, "dxba", start=100).features[:, [3, 2, 0]])
    assert whole.metadata["Metadata_row"].to_list() == [0, 1, 100, 101, 102]
    assert [source.n_rows for source in whole.sources] == [2, 3]
    (note,) = whole.notes
    assert "2 feature columns are not in every input" in note
    assert "(3 are left): 'c', 'x'" in note


def test_stack_fills_metadata_that_a_part_lacks():
    whole = stack([profiles(1, Metadata_a=["x"]), profiles(2, Metadata_b=[1, 2])])
    assert whole.metadata.to_dict(as_series=False) == {
        "Metadata_a": ["x", None, None],
        "Metadata_b": [None, 1, 2],
    }
    assert any("'Metadata_a'" in note and "2 rows" in note for note in whole.notes)
    assert any("'Metadata_b'" in note and "1 row." in note for note in whole.notes)


@pytest.mark.parametrize(
    ("first", "second", "expected", "noted"),
    [
        ([1], ["001"], ["1", "001"], True),
        ([1], [2.5], [1.0, 2.5], False),
        ([None], ["a"], [None, "a"], False),
        ([None], [1], [None, 1], False),
        ([None], [None], [None, None], False),
        (pl.Series([None], dtype=pl.Float64), ["a"], [None, "a"], False),
        (pl.Series([1], dtype=pl.Int8), pl.Series([300], dtype=pl.Int16), [1, 300], False),
        (pl.Series(["a"], dtype=pl.Categorical), ["b"], ["a", "b"], False),
        ([["p"]], [["q", "r"]], [["p"], ["q", "r"]], False),
    ],
)
def test_stack_finds_a_common_type(first, second, expected, noted):
    whole = stack([profiles(1, Metadata_a=first), profiles(1, Metadata_a=second)])
    assert whole.metadata["Metadata_a"].to_list() == expected
    assert any("'Metadata_a' is text in one input" in note for note in whole.notes) == noted


@pytest.mark.parametrize(("first", "second"), [([1.5], ["a"]), ([True], ["a"]), ([True], [1]), ([["a"]], ["a"])])
def test_stack_refuses_types_that_do_not_go_together(first, second):
    with pytest.raises(InputError, match=r"'Metadata_a' has types that do not go together"):
        stack([profiles(1, Metadata_a=first), profiles(1, Metadata_a=second)])


def test_stack_without_a_common_feature_or_parts():
    with pytest.raises(InputError, match=r"no feature in common: one has 'a', 'b', another 'c', 'd'"):
        stack([profiles(names="ab"), profiles(names="cd")])
    with pytest.raises(InputError, match="no profiles"):
        stack([])


@given(st.permutations(range(3)))
@FEW
def test_stack_order_only_orders_rows(order):
    parts = [profiles(2, "abc"), profiles(1, "cab", start=50), profiles(3, "bcda", start=90)]
    whole = stack([parts[i] for i in order])
    assert set(whole.feature_names) == set("abc")
    by_row = {
        row: dict(zip(whole.feature_names, values.tolist(), strict=True))
        for row, values in zip(whole.metadata["Metadata_row"], whole.features, strict=True)
    }
    for part in parts:
        for row, values in zip(part.metadata["Metadata_row"], part.features, strict=True):
            mine = dict(zip(part.feature_names, values.tolist(), strict=True))
            assert by_row[row] == {name: mine[name] for name in "abc"}


# --- consensus ---

_KEYS = st.lists(
    st.tuples(st.sampled_from(["x", "y", "z"]), st.integers(0, 1), st.floats(-9, 9, width=32) | st.just(float("nan"))),
    min_size=1,
    max_size=25,
)


@pytest.mark.slow
@given(_KEYS)
@SOME
def test_consensus_is_the_median_pandas_takes(rows):
    metadata = pl.DataFrame([r[:2] for r in rows], schema=["Metadata_a", "Metadata_b"], orient="row")
    features = np.array([[r[2], -r[2]] for r in rows], np.float32)
    found = consensus(Profiles(metadata, features, ("p", "q")), ["Metadata_a", "Metadata_b"])
    table = metadata.to_pandas().assign(p=features[:, 0].astype(float), q=features[:, 1].astype(float))
    expected = table.groupby(["Metadata_a", "Metadata_b"], sort=False)[["p", "q"]].median().reset_index()
    assert found.metadata["Metadata_a"].to_list() == expected["Metadata_a"].tolist()
    assert found.metadata["Metadata_b"].to_list() == expected["Metadata_b"].tolist()
    np.testing.assert_array_equal(found.features, expected[["p", "q"]].to_numpy().astype(np.float32))


def test_consensus_does_not_depend_on_the_block_size(monkeypatch):
    generator = np.random.default_rng(0)
    keys = generator.integers(0, 60, 200)
    features = generator.normal(size=(200, 5)).astype(np.float32)
    whole = Profiles(pl.DataFrame({"k": keys}), features, tuple("abcde"))
    found = [consensus(whole, "k")]
    for block in (1, 40):
        monkeypatch.setattr(module, "_BLOCK", block)
        found.append(consensus(whole, "k"))
    for other in found[1:]:
        np.testing.assert_array_equal(found[0].features, other.features)
    for row, key in enumerate(found[0].metadata["k"]):
        np.testing.assert_allclose(found[0].features[row], np.median(features[keys == key], axis=0), rtol=1e-6)


def test_consensus_takes_first_metadata_and_leaves_out_rows_without_key():
    whole = profiles(4, Metadata_a=["y", None, "x", "y"], Metadata_well=["A1", "A2", "A3", "A4"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = consensus(whole, "Metadata_a")
    assert found.metadata.rows() == [("y", "A1"), ("x", "A3")]
    np.testing.assert_array_equal(found.features[0], (whole.features[0] + whole.features[3]) / 2)
    assert found.sources == whole.sources
    assert any(note.startswith("1 row with an empty value in 'Metadata_a'") for note in found.notes)


def test_consensus_refuses():
    whole = profiles(2, Metadata_plate=[None, None])
    with pytest.raises(InputError, match="did you mean 'Metadata_plate'"):
        consensus(whole, "Metadata_Plate")
    with pytest.raises(InputError, match="at least one"):
        consensus(whole, [])
    with pytest.raises(InputError, match="Every row has an empty value in 'Metadata_plate'"):
        consensus(whole, ["Metadata_plate"])
