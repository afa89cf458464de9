"""Average precision beside copairs 0.5.5 itself: same rows, same counts, same AP, same pairs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from copairs.map import average_precision as copairs_ap
from copairs.map import multilabel as copairs_multilabel
from copairs.matching import Matcher, assign_reference_index
from copairs.matching import UnpairedException as CopairsUnpaired
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import fastbench as fb
from fastbench.engine.retrieval.exchange import EXCHANGE
from fastbench.engine.retrieval.pair_rules import PairRules, compile_pairs
from fastbench.kernels.reference.pairs import pair_table
from fastbench.kernels.reference.similarity import similarity

from ...examples import FEW

pytestmark = pytest.mark.filterwarnings("ignore:.*exactly equal similarity", "ignore:.*no negative pair")

COUNTS = ["n_pos_pairs", "n_total_pairs"]
APS = ["average_precision", "normalized_average_precision"]
slow = settings(FEW, suppress_health_check=list(HealthCheck))


@st.composite
def tables(draw, labels=False):
    """Metadata of 4..24 rows and features without near-ties."""
    n = draw(st.integers(4, 24))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    meta = pd.DataFrame(
        {
            "Metadata_a": rng.choice(["x", "y", "z"], n),
            "Metadata_b": rng.integers(0, 3, n),
            "Metadata_c": rng.choice([True, False], n),
        }
    )
    if labels:
        words = np.array(["p", "q", "r", "s"])
        meta["Metadata_labels"] = [sorted(rng.choice(words, rng.integers(1, 4), replace=False)) for _ in range(n)]
    x = rng.normal(size=(n, draw(st.integers(2, 12))))
    return meta, x


def separated(x, distance="cosine", gap=3e-6):
    """No two similarities of a query so close that float32 ties them."""
    i, j = np.triu_indices(len(x), 1)
    values = np.full((len(x), len(x)), np.inf)
    values[i, j] = values[j, i] = similarity(x, i, j, distance)
    ordered = np.sort(values, axis=1)[:, :-1]
    return bool((np.diff(ordered, axis=1) > gap).all())


RULES = [
    (["Metadata_a"], [], [], ["Metadata_a"]),
    (["Metadata_a"], ["Metadata_b"], ["Metadata_b"], ["Metadata_a"]),
    (["Metadata_a", "Metadata_b"], [], [], ["Metadata_a", "Metadata_b"]),
    (["Metadata_a"], [], ["Metadata_b"], ["Metadata_c"]),
    (["Metadata_a"], [], ["Metadata_b", "Metadata_c"], []),
    ([], ["Metadata_a"], ["Metadata_a"], ["Metadata_b"]),
    (["Metadata_c"], ["Metadata_a", "Metadata_b"], [], ["Metadata_c"]),
]


@pytest.mark.parametrize("rule", RULES)
@given(data=tables(), distance=st.sampled_from(["cosine", "abs_cosine", "correlation"]))
@slow
def test_single_label_equals_copairs(rule, data, distance):
    meta, x = data
    assume(x.shape[1] > 2 or distance != "correlation")
    assume(separated(x, distance))
    try:
        expected = copairs_ap(meta, x, *rule, distance=distance, progress_bar=False)
    except CopairsUnpaired:
        with pytest.raises(fb.UnpairedException):
            fb.average_precision(meta, x, *rule, distance=distance)
        return
    # "optimistic" is copairs' rule; under some of these rules a pair is positive and negative, tied with itself.
    got = fb.average_precision(meta, x, *rule, distance=distance, ties="optimistic")
    got = got.drop(columns=["ap_optimistic", "ap_pessimistic"], errors="ignore")  # where there are ties
    assert list(got.columns) == [*meta.columns, *COUNTS, *APS, *EXCHANGE]
    assert set(got.columns) == {*expected.columns, *EXCHANGE}
    np.testing.assert_array_equal(got[COUNTS], expected[COUNTS])
    np.testing.assert_allclose(got[APS], expected[APS], atol=1e-6)
    pd.testing.assert_frame_equal(got[meta.columns], expected[meta.columns])


@pytest.mark.parametrize("distance", ["euclidean", "manhattan", "chebyshev"])
@given(data=tables())
@slow
def test_distances_equal_copairs(distance, data):
    meta, x = data
    assume(separated(x, distance, gap=1e-4))
    rule = (["Metadata_a"], [], [], ["Metadata_a"])
    try:
        expected = copairs_ap(meta, x, *rule, distance=distance, progress_bar=False)
    except CopairsUnpaired:
        return
    got = fb.average_precision(meta, x, *rule, distance=distance)
    np.testing.assert_allclose(got[APS], expected[APS], atol=1e-6)


MULTI = [
    (["Metadata_labels"], [], [], ["Metadata_labels"]),
    (["Metadata_labels"], ["Metadata_a"], [], ["Metadata_labels", "Metadata_a"]),
    (["Metadata_labels", "Metadata_c"], [], ["Metadata_c"], ["Metadata_labels"]),
]


@pytest.mark.parametrize("distance", ["braycurtis", "canberra", "cityblock", "hamming", "minkowski", "sqeuclidean"])
def test_metrics_of_scipy_equal_copairs(distance):
    rng = np.random.default_rng(4)
    meta = pd.DataFrame({"Metadata_a": rng.integers(0, 6, 40), "Metadata_b": rng.integers(0, 3, 40)})
    x = rng.uniform(0.1, 1, size=(40, 30))
    x = np.round(x * 3) if distance == "hamming" else x
    rule = ["Metadata_a"], [], ["Metadata_b"], ["Metadata_a"]
    expected = copairs_ap(meta, x, *rule, distance=distance, progress_bar=False)
    got = fb.average_precision(meta, x, *rule, distance=distance, ties="optimistic")
    np.testing.assert_allclose(got["average_precision"], expected["average_precision"], rtol=1e-6)


@pytest.mark.parametrize("rule", MULTI)
@given(data=tables(labels=True))
@slow
def test_multilabel_equals_copairs(rule, data):
    meta, x = data
    assume(separated(x))
    try:
        expected = copairs_multilabel.average_precision(meta, x, *rule, "Metadata_labels", progress_bar=False)
    except (CopairsUnpaired, IndexError, ValueError):
        return  # copairs fails where a query has no negative at all
    got = fb.multilabel.average_precision(meta, x, *rule, "Metadata_labels", ties="optimistic")
    got = got.drop(columns=["ap_optimistic", "ap_pessimistic"], errors="ignore")
    assert set(got.columns) == {*expected.columns, *EXCHANGE}
    if (got["n_total_pairs"] == got["n_pos_pairs"]).any():
        return  # a query without negatives: copairs takes another query's
    np.testing.assert_array_equal(got["Metadata_labels"], expected["Metadata_labels"])
    np.testing.assert_array_equal(got[COUNTS], expected[COUNTS])
    np.testing.assert_allclose(got[APS], expected[APS], atol=1e-6)


FORMS = [
    ({"all": ["Metadata_a"], "any": ["Metadata_b", "Metadata_c"]}, []),
    ({"any": ["Metadata_a", "Metadata_b"]}, []),
    ({"any": ["Metadata_a", "Metadata_b"]}, ["Metadata_c"]),
    (["Metadata_a"], {"any": ["Metadata_b", "Metadata_c"]}),
    ([], {"any": ["Metadata_b", "Metadata_c"]}),
    ([], {"all": ["Metadata_a"], "any": ["Metadata_b", "Metadata_c"]}),
]


@pytest.mark.parametrize("form", FORMS)
@given(data=tables())
@slow
def test_all_and_any_pairs_equal_the_copairs_matcher(form, data):
    meta, _ = data
    sameby, diffby = form
    matcher = Matcher(meta, list(meta.columns), seed=0)
    try:
        found = matcher.get_all_pairs(sameby, diffby)
    except (ValueError, IndexError):
        return  # copairs fails where a stage finds no pair
    expected = {tuple(sorted(map(int, pair))) for pairs in found.values() for pair in pairs}
    plan = compile_pairs(
        pl.from_pandas(meta), PairRules(pos_sameby=sameby, pos_diffby=diffby, neg_sameby=["Metadata_a"])
    )
    assert {tuple(map(int, p)) for p in np.argwhere(np.triu(pair_table(plan.positives)))} == expected


def test_filters_and_reference_index_equal_copairs():
    rng = np.random.default_rng(3)
    n = 60
    meta = pd.DataFrame(
        {
            "Metadata_plate": np.repeat(["p1", "p2"], n // 2),
            "Metadata_sample": np.tile(["DMSO", "a", "b", "c", "d"], n // 5),
        }
    )
    x = rng.normal(size=(n, 10))
    condition = "Metadata_sample == 'DMSO'"
    indexed = assign_reference_index(meta, condition)
    pd.testing.assert_frame_equal(fb.assign_reference_index(meta, condition), indexed, check_dtype=False)
    rule = (
        ["Metadata_sample", "Metadata_Reference_Index"],
        [],
        ["Metadata_plate"],
        ["Metadata_sample", "Metadata_Reference_Index"],
    )
    expected = copairs_ap(indexed, x, *rule, progress_bar=False)
    got = fb.average_precision(indexed, x, *rule)
    np.testing.assert_array_equal(got[COUNTS], expected[COUNTS])
    np.testing.assert_allclose(got[APS], expected[APS], atol=1e-6)
    assert got.loc[meta["Metadata_sample"] == "DMSO", "average_precision"].isna().all()


def test_filter_keeps_the_rows_copairs_keeps():
    rng = np.random.default_rng(4)
    meta = pd.DataFrame({"Metadata_a": rng.choice(["x", "y"], 30), "Metadata_b": rng.choice(["u", "v"], 30)})
    x = rng.normal(size=(30, 6))
    kept = meta["Metadata_b"] == "u"
    got = fb.average_precision(meta, x, ["Metadata_a"], [], [], ["Metadata_a", "Metadata_b == 'u'"][:1])
    assert len(got) == 30
    got = fb.average_precision(meta, x, ["Metadata_a", "Metadata_b == 'u'"], [], [], ["Metadata_a"])
    expected = copairs_ap(
        meta[kept].reset_index(drop=True), x[kept], ["Metadata_a"], [], [], ["Metadata_a"], progress_bar=False
    )
    np.testing.assert_allclose(got[APS], expected[APS], atol=1e-6)


def test_multilabel_on_one_table_equals_copairs():
    """Every row has negatives here, so nothing is left out of the comparison."""
    rng = np.random.default_rng(11)
    words = np.array(list("abcdefgh"))
    meta = pd.DataFrame({"Metadata_id": range(60)})
    meta["Metadata_labels"] = [sorted(rng.choice(words, rng.integers(1, 4), replace=False)) for _ in range(60)]
    x = rng.normal(size=(60, 20))
    rule = (["Metadata_labels"], [], [], ["Metadata_labels"])
    expected = copairs_multilabel.average_precision(meta, x, *rule, "Metadata_labels", progress_bar=False)
    got = fb.multilabel.average_precision(meta, x, *rule, "Metadata_labels")
    assert list(got.columns) == [*expected.columns, *EXCHANGE]
    keys = ["Metadata_id", "Metadata_labels"]
    np.testing.assert_array_equal(got[[*keys, *COUNTS]], expected[[*keys, *COUNTS]])
    np.testing.assert_allclose(got[APS], expected[APS], atol=1e-6)


@pytest.mark.parametrize("n_labels", [1, 2, 3])
@pytest.mark.parametrize("n", [30, 500])
def test_equal_numbers_of_labels_equal_copairs(n, n_labels):
    """Rows that all carry the same number of labels, in groups small and large."""
    rng = np.random.default_rng(n + n_labels)
    words = np.array(list("abcdefgh"))
    meta = pd.DataFrame({"Metadata_id": range(n)})
    meta["Metadata_labels"] = [sorted(rng.choice(words, n_labels, replace=False)) for _ in range(n)]
    x = rng.normal(size=(n, 20))
    rule = (["Metadata_labels"], [], [], ["Metadata_labels"])
    expected = copairs_multilabel.average_precision(meta, x, *rule, "Metadata_labels", progress_bar=False)
    got = fb.multilabel.average_precision(meta, x, *rule, "Metadata_labels")
    np.testing.assert_array_equal(got[["Metadata_id", *COUNTS]], expected[["Metadata_id", *COUNTS]])
    # With many rows, copairs' float32 similarities tie now and then, which moves an AP in the fourth digit.
    np.testing.assert_allclose(got[APS], expected[APS], atol=5e-4 if n > 100 else 1e-6)


def test_kinds_of_frames_come_back_as_they_went_in():
    rng = np.random.default_rng(12)
    meta = pd.DataFrame({"Metadata_a": rng.choice(["x", "y"], 20)})
    x = rng.normal(size=(20, 4))
    rule = (["Metadata_a"], [], [], ["Metadata_a"])
    as_pandas = fb.average_precision(meta, pd.DataFrame(x), *rule)
    as_polars = fb.average_precision(pl.from_pandas(meta), pl.DataFrame(x), *rule)
    assert isinstance(as_pandas, pd.DataFrame)
    assert isinstance(as_polars, pl.DataFrame)
    np.testing.assert_array_equal(as_pandas["average_precision"], as_polars["average_precision"])
