"""What average precision must do whatever the data: invariances, tie policies, bad input."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastbench as fb
from fastbench.engine.retrieval import average_precision as retrieval
from fastbench.engine.retrieval import batches
from fastbench.engine.retrieval.options import Scoring
from fastbench.engine.retrieval.pair_rules import PairRules, compile_pairs
from fastbench.kernels import cpu

from ...examples import FEW
from ...quick_programs import quick_programs

RULE = {"pos_sameby": ["Metadata_a"], "neg_diffby": ["Metadata_a"]}
AP = "average_precision"
_SCORING = {field.name for field in dataclasses.fields(Scoring)}
_RULES = {field.name for field in dataclasses.fields(PairRules)}


def score(meta, x, **given):
    """Score with rules and scoring options given one by one."""
    rules = PairRules(**{name: given.pop(name) for name in list(given) if name in _RULES})
    scoring = Scoring(**{name: given.pop(name) for name in list(given) if name in _SCORING})
    return retrieval.score(meta, x, rules, scoring, **given)


def problem(seed, n=60, d=9, copies=True):
    rng = np.random.default_rng(seed)
    meta = pl.DataFrame({"Metadata_a": rng.choice(list("pqrst"), n), "Metadata_plate": rng.choice(["1", "2"], n)})
    x = rng.normal(size=(n, d)).astype(np.float32)
    if copies:
        x[n // 2 :] = x[rng.integers(0, n // 2, n - n // 2)]
    return meta, x


@pytest.mark.slow
@given(st.integers(0, 10**6), st.sampled_from(["expected", "optimistic", "pessimistic"]))
@FEW
def test_row_order_threads_and_device_do_not_matter(seed, ties):
    meta, x = problem(seed)
    rule = {**RULE, "neg_sameby": ["Metadata_plate"], "ties": ties}
    first = score(meta, x, **rule, threads=1)
    order = np.random.default_rng(seed).permutation(len(x))
    moved = score(meta[order], x[order], **rule, threads=3)
    np.testing.assert_array_equal(moved.frame[AP], first.frame[AP].to_numpy()[order])
    defined = score(meta, x, **rule, device="reference")
    np.testing.assert_allclose(defined.frame[AP], first.frame[AP], rtol=1e-13)
    assert defined.report.n_tied_queries == first.report.n_tied_queries == moved.report.n_tied_queries


@pytest.mark.slow
def test_the_jax_kernels_give_the_same_numbers():
    meta, x = problem(21, n=200)
    rule = {**RULE, "neg_sameby": ["Metadata_plate"]}
    first = score(meta, x, **rule)
    with quick_programs():
        second = score(meta, x, **rule, device="cpu-xla")
    np.testing.assert_array_equal(first.frame[AP], second.frame[AP])
    assert second.report.device == "xla"
    assert second.report.n_tied_queries == first.report.n_tied_queries
    handed_over = score(meta, x, **rule, device="cpu-xla", distance="euclidean")
    assert handed_over.report.device == "cpu"
    assert any("left the counting to the CPU" in sentence for sentence in handed_over.report.warnings)


@pytest.mark.slow
@given(st.integers(0, 10**6))
@FEW
def test_policies_are_ordered_and_meet_without_ties(seed):
    meta, x = problem(seed)
    policies = ("pessimistic", "expected", "optimistic")
    low, middle, high = (score(meta, x, **RULE, ties=t).frame[AP].to_numpy() for t in policies)
    assert np.all(low <= middle + 1e-12)
    assert np.all(middle <= high + 1e-12)
    meta, x = problem(seed, copies=False)
    found = [score(meta, x, **RULE, ties=t).frame[AP].to_numpy() for t in policies]
    np.testing.assert_array_equal(found[0], found[2])
    np.testing.assert_array_equal(found[1], found[2])


def test_scaling_by_a_power_of_two_changes_nothing():
    meta, x = problem(1)
    np.testing.assert_array_equal(score(meta, x, **RULE).frame[AP], score(meta, x * 2**20, **RULE).frame[AP])


@pytest.mark.slow
def test_batches_do_not_matter(monkeypatch):
    meta, x = problem(2, n=200)
    first = score(meta, x, **RULE)
    monkeypatch.setattr(batches, "BATCH_POSITIVES", 1)
    seen = []
    again = score(meta, x, **RULE, progress=lambda done, total: seen.append((done, total)))
    np.testing.assert_array_equal(first.frame[AP], again.frame[AP])
    assert seen[-1] == (200, 200)
    assert len(set(seen)) == 200


def test_queries_limit_what_is_scored_but_not_the_candidates():
    meta, x = problem(3)
    everything = score(meta, x, **RULE)
    asked = meta["Metadata_a"].to_numpy() == "p"
    some = score(meta, x, **RULE, queries=asked)
    assert some.frame[AP].null_count() == (~asked).sum()
    np.testing.assert_array_equal(some.frame.filter(asked)[AP], everything.frame.filter(asked)[AP])
    assert some.report.n_positive_pairs == everything.report.n_positive_pairs
    assert some.report.n_negative_pairs == everything.report.n_negative_pairs


def test_collapsed_embedding_scores_as_chance_and_says_so():
    meta, x = problem(4)
    constant = np.ones_like(x)
    with pytest.warns(UserWarning, match="exactly equal similarity"):
        frame = fb.average_precision(meta, constant, ["Metadata_a"], [], [], ["Metadata_a"])
    np.testing.assert_allclose(frame["normalized_average_precision"], 0, atol=1e-12)
    report = score(meta, constant, **RULE).report
    assert report.n_tied_queries == report.n_queries == len(meta)


def test_query_without_positive_has_no_ap_and_is_counted():
    meta = pl.DataFrame({"Metadata_a": ["x", "x", "y"]})
    result = score(meta, np.eye(3, dtype=np.float32) + 1, **RULE)
    assert np.isnan(result.frame[AP][2])
    assert result.frame["n_pos_pairs"].to_list() == [1, 1, 0]
    assert result.report.n_without_positives == 1


def test_query_without_negative_is_counted():
    meta = pl.DataFrame({"Metadata_a": ["x", "x", "y", "y"], "Metadata_plate": ["1", "1", "2", "2"]})
    meta = pl.concat([meta, pl.DataFrame({"Metadata_a": ["z", "x"], "Metadata_plate": ["2", "3"]})])
    x = np.random.default_rng(0).normal(size=(6, 4))
    result = score(meta, x, pos_sameby=["Metadata_a"], neg_sameby=["Metadata_plate"], neg_diffby=["Metadata_a"])
    assert result.report.n_without_negatives == 3
    with pytest.warns(UserWarning, match="no negative pair"):
        fb.average_precision(meta, x, ["Metadata_a"], [], ["Metadata_plate"], ["Metadata_a"])


@pytest.mark.parametrize(("diffby", "said"), [("Metadata_plate", "negative"), ("Metadata_a", "positive")])
def test_no_pairs_at_all(diffby, said):
    meta = pl.DataFrame({"Metadata_a": ["x", "y", "z"], "Metadata_plate": ["1", "1", "1"]})
    with pytest.raises(fb.UnpairedException, match=f"No {said} pair"):
        score(meta, np.eye(3), pos_sameby=["Metadata_a"], neg_diffby=[diffby])


@pytest.mark.parametrize("distance", ["cosine", "abs_cosine", "correlation"])
def test_rows_without_direction_are_refused_by_number(distance):
    meta, x = problem(5, copies=False)
    x[[3, 17]] = 0 if distance != "correlation" else 2.5
    with pytest.raises(fb.InputError, match=r"rows 3, 17 .2 in all."):
        score(meta, x, **RULE, distance=distance)
    assert score(meta, x, **RULE, distance="euclidean").report.n_queries == len(meta)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_norms_beyond_float64_are_refused(scale):
    meta, x = problem(6)
    with pytest.raises(fb.InputError, match=r"too small to be squared|float64 cannot hold"):
        score(meta, x.astype(np.float64) * scale, **RULE)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_missing_feature_values_are_refused(bad):
    meta, x = problem(7)
    x[4, 2] = bad
    with pytest.raises(fb.InputError):
        fb.average_precision(meta, x, ["Metadata_a"], [], [], ["Metadata_a"])


@pytest.mark.filterwarnings("ignore:.*exactly equal")
def test_tables_in_another_row_order_are_refused():
    meta, x = problem(8)
    meta, feats = meta.to_pandas(), pd.DataFrame(x)
    meta.index = feats.index = [f"well{i}" for i in range(len(x))]
    rule = (["Metadata_a"], [], [], ["Metadata_a"])
    assert len(fb.average_precision(meta, feats, *rule)) == len(x)
    with pytest.raises(fb.InputError, match="same row labels in another order"):
        fb.average_precision(meta, feats[::-1], *rule)


def test_shapes_must_agree():
    meta, x = problem(8)
    with pytest.raises(fb.InputError, match="60"):
        fb.average_precision(meta, x[:-1], ["Metadata_a"], [], [], ["Metadata_a"])
    with pytest.raises(fb.InputError):
        fb.average_precision(meta[:0], x[:0], ["Metadata_a"], [], [], ["Metadata_a"])


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"pos_sameby": ["Metadata_b"], "neg_diffby": ["Metadata_a"]}, "Metadata_b"),
        ({"pos_sameby": ["metadata_A"], "neg_diffby": ["Metadata_a"]}, "did you mean 'Metadata_a'"),
        ({"pos_sameby": ["Metadata_a"]}, "both empty"),
        ({"pos_sameby": ["Metadata_a"], "pos_diffby": ["Metadata_a"], "neg_diffby": ["Metadata_a"]}, "both name"),
        ({"pos_sameby": {"any": ["Metadata_a"]}, "neg_diffby": ["Metadata_a"]}, "two or more"),
        ({"pos_sameby": {"some": ["Metadata_a"]}, "neg_diffby": ["Metadata_a"]}, "unknown keys"),
        ({"pos_sameby": ["Metadata_a == 'p'"], "neg_diffby": ["Metadata_a == 'q'"]}, "two filters"),
        ({"pos_sameby": ["Metadata_a == 'nothing'"], "neg_diffby": ["Metadata_plate"]}, "No row is left"),
        ({"pos_sameby": ["Metadata_a"], "neg_diffby": ["Metadata_plate"], "multilabel_col": "Metadata_a"}, "not lists"),
        ({"pos_sameby": ["Metadata_plate"], "neg_diffby": [], "multilabel_col": "Metadata_a"}, "both empty"),
        ({"pos_sameby": ["Metadata_plate"], "neg_diffby": ["Metadata_a"], "multilabel_col": "Metadata_a"}, "in pos_s"),
    ],
)
def test_bad_rules(rule, said):
    with pytest.raises(fb.InputError, match=said):
        score(*problem(9), **rule)


@pytest.mark.parametrize("option", [{"distance": "cosin"}, {"ties": "lucky"}, {"device": "tpu"}])
def test_bad_options(option):
    with pytest.raises(ValueError, match=next(iter(option.values()))):
        score(*problem(10), **RULE, **option)


def test_missing_key_values_are_refused_with_their_rows():
    meta, x = problem(11)
    meta = meta.with_columns(pl.when(pl.int_range(pl.len()) != 5).then("Metadata_a").alias("Metadata_a"))
    with pytest.raises(fb.InputError, match=r"'Metadata_a' is missing in 1 of 60 rows \(rows 5\)"):
        score(meta, x, **RULE)


def test_look_alike_values_are_pointed_out():
    meta = pl.DataFrame({"Metadata_a": ["DMSO", "dmso ", "x", "x", "nan", "nan"]})
    plan = compile_pairs(meta, PairRules(**RULE))
    assert any("'DMSO', 'dmso '" in w for w in plan.warnings)
    assert any("'nan'" in w for w in plan.warnings)


def test_lists_without_a_partner_are_counted():
    meta = pl.DataFrame({"Metadata_l": [["a", "zzz"], ["a"], ["b"], ["b"]]})
    x = np.random.default_rng(0).normal(size=(4, 5))
    rule = {"pos_sameby": ["Metadata_l"], "neg_diffby": ["Metadata_l"], "multilabel_col": "Metadata_l"}
    whole = score(meta, x, **rule)
    assert (whole.report.n_queries, whole.report.n_without_positives, whole.report.n_positive_pairs) == (4, 1, 2)
    some = score(meta, x, **rule, queries=np.array([True, False, False, False]))
    assert (some.report.n_queries, some.report.n_without_positives, some.report.n_positive_pairs) == (1, 1, 2)


def test_empty_queries_are_refused():
    meta, x = problem(13)
    with pytest.raises(fb.InputError, match="No row was asked for"):
        score(meta, x, **RULE, queries=np.zeros(len(x), dtype=bool))


@pytest.mark.parametrize("scale", [1e-170, 1e160])
def test_distances_without_squares_are_refused(scale):
    meta, x = problem(14)
    with pytest.raises(fb.InputError, match="no squares in float64"):
        score(meta, x.astype(np.float64) * scale, **RULE, distance="euclidean")


def test_blas_threads_are_given_back():
    from concurrent.futures import ThreadPoolExecutor

    from threadpoolctl import threadpool_info

    def limits():
        return [(lib["filepath"], lib["num_threads"]) for lib in threadpool_info() if lib["user_api"] == "blas"]

    meta, x = problem(15, n=400)
    before = limits()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: score(meta, x, **RULE), range(12)))
    assert limits() == before


def test_counts_beyond_32_bits():
    """100,000 rows in two groups: five billion pairs are counted, none is made."""
    n = 100_000
    meta = pl.DataFrame({"Metadata_a": np.arange(n) % 2})
    plan = compile_pairs(meta, PairRules(**RULE))
    assert cpu.count_partners(plan.negatives).sum() == n * n // 2 > 2**32


@pytest.mark.parametrize("d", [1, 2])
def test_one_feature_and_two_rows(d):
    meta = pl.DataFrame({"Metadata_a": ["x", "x", "y"]})
    x = np.arange(1, 3 * d + 1, dtype=np.float64).reshape(3, d)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = fb.average_precision(meta, x, ["Metadata_a"], [], [], ["Metadata_a"])
    assert frame["n_total_pairs"].to_list() == [2, 2, 2]


@pytest.mark.parametrize("layout", ["fortran", "strided", "read-only", "big-endian", "integers", "float16", "memmap"])
def test_any_array_layout_gives_the_same_numbers(layout, tmp_path):
    meta, _ = problem(12)
    x = np.random.default_rng(0).integers(-9, 9, size=(60, 8)).astype(np.float64)
    x[:, 0] += 20
    expected = score(meta, x, **RULE).frame[AP]
    if layout == "memmap":
        np.save(tmp_path / "x.npy", x.astype(np.float32))
    made = {
        "fortran": lambda: np.asfortranarray(x),
        "strided": lambda: np.repeat(x, 2, axis=1)[:, ::2],
        "read-only": lambda: x.copy(),
        "big-endian": lambda: x.astype(">f8"),
        "integers": lambda: x.astype(np.int16),
        "float16": lambda: x.astype(np.float16),
        "memmap": lambda: np.load(tmp_path / "x.npy", mmap_mode="r"),
    }[layout]()
    if layout == "read-only":
        made.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        got = fb.average_precision(meta, made, ["Metadata_a"], [], [], ["Metadata_a"])
    np.testing.assert_array_equal(got[AP], expected)


def test_ap_interval_under_ties():
    """Where ties touch a query, the AP of all policies stands side by side."""
    meta, x = problem(5)
    found = {ties: score(meta, x, **RULE, ties=ties).frame for ties in ("expected", "optimistic", "pessimistic")}
    for ties, frame in found.items():
        np.testing.assert_array_equal(frame["ap_optimistic"], found["optimistic"][AP])
        np.testing.assert_array_equal(frame["ap_pessimistic"], found["pessimistic"][AP])
        assert (frame["ap_pessimistic"] <= frame[AP]).all(), ties
        assert (frame[AP] <= frame["ap_optimistic"]).all(), ties
    report = score(meta, x, **RULE).report
    apart = found["expected"].filter(pl.col("ap_pessimistic") < pl.col("ap_optimistic")).height
    assert report.n_tied_queries == apart > 0
    assert "ap_optimistic" not in score(*problem(5, copies=False), **RULE).frame.columns


def test_ap_interval_of_labels():
    meta, x = problem(6)
    meta = meta.with_columns(pl.Series("Metadata_a", [[a, "all"] for a in meta["Metadata_a"]]))
    rule = {"pos_sameby": ["Metadata_a"], "neg_diffby": ["Metadata_plate"]}
    frame = score(meta, x, **rule, multilabel_col="Metadata_a").frame
    assert {"ap_optimistic", "ap_pessimistic"} <= set(frame.columns)
    assert (frame["ap_pessimistic"] <= frame[AP]).all()


def test_the_share_rechecked_is_accounted_for():
    meta, x = problem(7)
    report = score(meta, x, **RULE).report
    account = report.as_dict()
    by_hand = sum(int((meta["Metadata_a"] != a).sum()) for a in meta["Metadata_a"])
    assert report.n_compared == by_hand
    assert account["share_rechecked"] == report.n_rechecked / by_hand
    assert report.certified


@pytest.mark.slow
def test_names_of_scipy_for_our_distances():
    meta, x = problem(8)
    for alias, name in (("cityblock", "manhattan"), ("sqeuclidean", "euclidean")):
        np.testing.assert_array_equal(
            score(meta, x, **RULE, distance=alias).frame[AP], score(meta, x, **RULE, distance=name).frame[AP]
        )


def test_metrics_of_scipy_say_that_they_are_not_certified():
    meta, x = problem(9)
    found = score(meta, x, **RULE, distance="canberra")
    assert not found.report.certified
    assert any("without a certificate" in sentence for sentence in found.report.warnings)
    same = score(meta, x, **RULE, distance="canberra", device="reference")
    np.testing.assert_allclose(found.frame[AP], same.frame[AP], rtol=1e-13)


def test_a_metric_without_a_number_is_refused():
    meta, x = problem(10)
    x[:4] = 0
    with pytest.raises(fb.InputError, match=r"'braycurtis'.*not numbers"):
        score(meta, x, **RULE, distance="braycurtis")
    with pytest.raises(fb.InputError, match=r"canberra.*did you mean|one of"):
        score(meta, x, **RULE, distance="canbera")


def test_progress_moves_within_a_batch():
    meta, x = problem(11, n=900)
    seen = []
    score(meta, x, **RULE, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (900, 900)
    assert seen == sorted(seen)
    assert len(seen) > 2


@pytest.mark.slow
def test_precision_is_for_the_jax_kernels():
    meta, x = problem(12, n=120)
    first = score(meta, x, **RULE)
    for precision in ("tf32", "bf16x3"):
        with quick_programs():
            found = score(meta, x, **RULE, device="cpu-xla", precision=precision)
        np.testing.assert_array_equal(found.frame[AP], first.frame[AP])
        assert found.report.precision == precision
    with pytest.raises(fb.InputError, match="is for device"):
        score(meta, x, **RULE, precision="tf32")
    with pytest.raises(fb.InputError, match="precision"):
        score(meta, x, **RULE, device="cpu-xla", precision="float16")


def test_queries_in_python():
    meta, x = problem(13, copies=False)
    chosen = np.arange(len(x)) % 3 == 0
    whole = fb.average_precision(meta, x, ["Metadata_a"], [], [], ["Metadata_a"])
    some = fb.average_precision(meta, x, ["Metadata_a"], [], [], ["Metadata_a"], queries=chosen)
    np.testing.assert_array_equal(some[AP].to_numpy()[chosen], whole[AP].to_numpy()[chosen])
    assert some[AP].is_null().to_numpy()[~chosen].all()
    for wrong in ([3, 5, 7], chosen[:-1], chosen.astype(int)):
        with pytest.raises(fb.InputError, match="one True or False for each"):
            fb.average_precision(meta, x, ["Metadata_a"], [], [], ["Metadata_a"], queries=wrong)


@pytest.mark.parametrize(
    "values",
    [
        pl.Series([-3, 5, -3, 9, 5, 9] * 2, dtype=pl.Int8),
        pl.Series([-(2**63), 2**63 - 1, 0] * 4),
        pl.Series([2**64 - 1, 0, 2**63] * 4, dtype=pl.UInt64),
        pl.Series([7, 7, 2**40] * 4),
        pl.Series([True, False] * 6),
        pl.Series([0.5, -0.5, 1e300] * 4),
        pl.Series(["é", "e\u0301", "x"] * 4),
        pl.Series(["p", "q", "p"] * 4, dtype=pl.Enum(["unused", "q", "p"])),
    ],
)
def test_any_kind_of_column_makes_the_same_pairs_as_its_numbers(values):
    number = {value: i for i, value in enumerate(sorted(set(values.to_list())))}
    plain = pl.Series([number[value] for value in values])
    found, expected = (
        compile_pairs(pl.DataFrame({"Metadata_a": column}), PairRules(**RULE)) for column in (values, plain)
    )
    rows = np.arange(len(values))
    for side in ("positives", "negatives"):
        for mine, theirs in zip(
            cpu.partners(getattr(found, side), rows), cpu.partners(getattr(expected, side), rows), strict=True
        ):
            np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize(
    ("size", "dtype"), [(-73, np.float32), (100, np.float32), (-400, np.float64), (400, np.float64)]
)
def test_rows_far_from_length_1_have_a_direction(size, dtype):
    meta, x = problem(4, copies=False)
    expected = score(meta, x, **RULE).frame[AP]
    scaled = x.astype(dtype) * dtype(2.0**size)
    np.testing.assert_array_equal(score(meta, scaled, **RULE).frame[AP], expected)
    scaled[0] = 0
    with pytest.raises(fb.InputError, match=r"rows 0 \(1 in all\)"):
        score(meta, scaled, **RULE)


@pytest.mark.parametrize("distance", ["cosine", "abs_cosine", "correlation", "euclidean", "chebyshev", "canberra"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_refused_where_they_count(distance, value):
    """By the name of the feature; in rows that a filter takes away they do not matter."""
    meta, x = problem(7)
    feats = pd.DataFrame(np.abs(x), columns=[f"f{k}" for k in range(x.shape[1])])
    rule = {"pos_sameby": ["group"], "pos_diffby": [], "neg_sameby": [], "neg_diffby": ["group"]}
    table = meta.with_columns(group=pl.int_range(pl.len()) // 3, row=pl.int_range(pl.len()), kept=pl.lit("y"))
    table = table.with_columns(kept=pl.when(pl.col("row") == 4).then(pl.lit("n")).otherwise(pl.lit("y")))
    feats.loc[4, "f1"] = value
    with pytest.raises(fb.InputError, match=r"NaN or infinite values in 1 of .*\('?f1'?\) and 1 of"):
        fb.average_precision(table, feats, **rule, distance=distance, progress_bar=False)
    rule["pos_sameby"] = ["group", "kept == 'y'"]
    found = fb.average_precision(table, feats, **rule, distance=distance, progress_bar=False)
    assert len(found) == len(table) - 1
