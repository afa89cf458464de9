"""Significance of groups."""

import math
import warnings
from collections import Counter

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from scipy.stats import false_discovery_control
from threadpoolctl import threadpool_limits

from fastbench.engine.cpjump.group_statistic import mean_log10_p
from fastbench.engine.errors import InputError, SampledNullWarning
from fastbench.engine.nulls import ap_null, convolution, map_null
from fastbench.engine.nulls import copairs as copairs_null
from fastbench.engine.nulls import method as null_plan
from fastbench.engine.nulls.ap_null import ap_p_values
from fastbench.engine.retrieval.mean_average_precision import (
    drop_unscored,
    mean_average_precision,
    mean_average_precision_hierarchical,
)
from fastbench.engine.statistics.false_discovery import benjamini_hochberg
from fastbench.engine.tables.groups import Groups
from fastbench.kernels.cpu.null import enumerate_ap, expected_ap, sample_ap


def group_p_values(statistic, members, *arguments, **options):
    return map_null.group_p_values(statistic, Groups.of(members), *arguments, **options)


COLUMNS = [
    "compound",
    "dose",
    "mean_average_precision",
    "indices",
    "mean_normalized_average_precision",
    "p_value",
    "p_floor",
    "corrected_p_value",
    "below_p",
    "below_corrected_p",
]


@pytest.fixture(scope="module")
def scores():
    """AP of 300 queries; some compounds rank their own well, two rows have no score."""
    rng = np.random.default_rng(0)
    n = 300
    n_pos = rng.choice([1, 2, 3, 5], n)
    n_total = n_pos + rng.choice([6, 20, 60], n)
    ap = np.array([sample_ap(i, 0, 1, int(p), int(t))[0] for i, (p, t) in enumerate(zip(n_pos, n_total, strict=True))])
    compound = rng.choice(list("abcdefgh"), n)
    ap = np.where((compound < "d") & (rng.random(n) < 0.8), 1.0, ap)
    mean = expected_ap(n_pos, n_total)
    frame = pl.DataFrame(
        {
            "compound": compound,
            "dose": rng.integers(0, 5, n),
            "n_pos_pairs": n_pos,
            "n_total_pairs": n_total,
            "average_precision": ap,
            "normalized_average_precision": (ap - mean) / (1 - mean),
        }
    ).with_row_index()
    return frame.with_columns(
        pl.when(pl.col("index") == 4).then(None).otherwise("average_precision").alias("average_precision"),
        pl.when(pl.col("index") == 9).then(0).otherwise("n_pos_pairs").alias("n_pos_pairs"),
    ).drop("index")


def members_truth(counts, null):
    """All equally likely mean APs of a group."""
    m = sum(counts.values())
    total = np.zeros(1)
    for shape, n in counts.items():
        weights = [n / m] if null == "shared" else [1 / m] * n
        for weight in weights:
            total = np.add.outer(total, weight * enumerate_ap(*shape)).ravel()
    return total


@pytest.mark.slow
@pytest.mark.parametrize("null_size", [1, 2, 1000])
def test_the_numbers_of_copairs(scores, null_size, tmp_path, monkeypatch):
    pandas = pytest.importorskip("pandas")
    oracle = pytest.importorskip("copairs.map")
    monkeypatch.setattr(copairs_null, "_WIDTH", 12 * 100)  # several blocks
    frame = scores.to_pandas()
    by = ["compound", "dose"]
    expected = oracle.mean_average_precision(frame, by, null_size, 0.05, 7, progress_bar=False, cache_dir=tmp_path)
    found = mean_average_precision(frame, by, null_size, 0.05, 7, p_values="copairs")
    assert found["p_value"].tolist() == expected["p_value"].tolist()
    pandas.testing.assert_frame_equal(found.drop(columns="p_floor"), expected, rtol=1e-14)
    assert list(found.columns) == COLUMNS


@pytest.mark.slow
def test_the_hierarchical_correction_of_copairs(scores, tmp_path):
    pandas = pytest.importorskip("pandas")
    oracle = pytest.importorskip("copairs.map.map")
    frame = scores.to_pandas()
    frame["plate"] = np.arange(len(frame)) % 2
    frame = frame[(frame["compound"] != "h") | (frame["dose"] == 1) & (frame["plate"] == 0)]  # a single member
    by = ["compound", "plate", "dose"]
    for outer in (["compound"], ["compound", "plate"], ["dose", "compound"]):
        expected = oracle.mean_average_precision_hierarchical(
            frame, by, 1000, 0.05, 7, outer, progress_bar=False, cache_dir=tmp_path
        )
        found = mean_average_precision_hierarchical(frame, by, 1000, 0.05, 7, outer, p_values="copairs")
        pandas.testing.assert_frame_equal(found.drop(columns="p_floor"), expected, rtol=1e-14)
        assert 0 < found["stage1_significant"].mean() < 1


@pytest.mark.parametrize("null", ["shared", "independent"])
@pytest.mark.parametrize(
    "counts",
    [
        {(1, 10): 1, (1, 11): 1},
        {(2, 9): 2, (3, 8): 1},
        {(2, 12): 3},
        {(1, 20): 2, (3, 7): 1, (2, 6): 1},
        {(4, 4): 1, (2, 11): 2},
    ],
)
@pytest.mark.parametrize("half", [1 << 17, 0])
def test_means_of_small_groups(counts, null, half, monkeypatch):
    monkeypatch.setattr(convolution, "_HALF", half)  # 0: nothing is enumerated
    atoms = members_truth(counts, null)
    n_pos, n_total = np.array([shape for shape, n in counts.items() for _ in range(n)]).T
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.choice(atoms, 20), rng.random(10), [1.0]])
    rows = [list(range(len(n_pos)))] * len(x)
    for tail in (">=", ">"):
        edge = x[:, None] * (1 - 1e-12 if tail == ">=" else 1 + 1e-12)
        p = (atoms >= edge).mean(axis=1)
        found = group_p_values(x, rows, n_pos, n_total, null=null, tail=tail)
        assert np.all(found.lower <= p * (1 + 1e-12) + 1e-13)
        assert np.all(p <= found.upper * (1 + 1e-12) + 1e-13)
        assert np.all((found.lower <= found.value) & (found.value <= found.upper))
        if half:
            np.testing.assert_allclose(found.value, p, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("null", ["shared", "independent"])
@pytest.mark.parametrize("cells", [0, 360, 2520])
def test_means_of_groups_whose_laws_are_rounded(null, cells, monkeypatch):
    """The grids against an enumeration in two halves: of enumerated distributions (0 cells), and of bracketed ones."""
    n_pos, n_total = (np.array([3, 4, 4]), np.array([40, 25, 25])) if null == "shared" else (np.full(2, 3), [60, 70])
    n_total = np.array(n_total)
    x = np.linspace(0.12, 0.5, 80)
    rows = [list(range(len(n_pos)))] * len(x)
    p = group_p_values(x, rows, n_pos, n_total, null=null)
    np.testing.assert_array_equal(p.lower, p.upper)
    monkeypatch.setattr(convolution, "_HALF", 0)
    if cells:
        monkeypatch.setattr(null_plan, "_ENUMERATED", 0)
        monkeypatch.setattr(null_plan, "_STEP", cells)
        monkeypatch.setattr(null_plan, "_LADDER", (1,))
        monkeypatch.setattr(null_plan, "_hazard", lambda n_pos, n_total: 0.0)
        monkeypatch.setattr(ap_null, "_CACHE", ap_null._Cache(0))
    found = group_p_values(x, rows, n_pos, n_total, null=null)
    assert np.all((found.lower < p.value) & (p.value < found.upper))
    bias, width = found.value / p.value - 1, (found.upper - found.lower) / p.value
    assert abs(bias.mean()) < 0.05 * width.mean()


@pytest.mark.parametrize("null", ["shared", "independent"])
def test_means_of_a_large_group(null):
    n_pos = np.array([3, 3, 7, 7, 7, 5])
    n_total = np.array([67, 67, 71, 71, 71, 300])
    x = np.array([0.12, 0.15, 0.2, 0.25])
    rows = [list(range(6))] * 4
    found = group_p_values(x, rows, n_pos, n_total, null=null)
    draws = group_p_values(x, rows, n_pos, n_total, null=null, p_values="sampled", null_size=100_000)
    assert np.all((draws.lower < found.value) & (found.value < draws.upper))
    seen = found.value > 1e-3
    assert seen.sum() >= 2
    assert np.all((found.upper - found.lower)[seen] < 0.02 * found.value[seen])


def test_small_tails_keep_their_relative_accuracy(monkeypatch):
    """Two draws of one shape beyond the reach of a plain FFT, against the sum over all pairs of values."""
    monkeypatch.setattr(convolution, "_HALF", 0)
    atoms = np.sort(enumerate_ap(4, 60))
    x = np.array([0.8, 0.9, 0.97])
    p = [(len(atoms) - np.searchsorted(atoms, 2 * v - atoms)).sum() / len(atoms) ** 2 for v in x]
    found = group_p_values(x, [[0, 1]] * 3, np.array([4, 4]), np.array([60, 60]), null="independent")
    assert max(p) < 1e-7
    assert min(p) < 1e-10
    assert np.all((found.lower <= p) & (p <= found.upper))
    np.testing.assert_allclose(found.value, p, rtol=0.2)


@pytest.mark.slow
def test_a_group_of_many_independent_draws():
    n_pos, n_total = np.full(3000, 2), np.full(3000, 400)
    found = group_p_values(np.array([0.02, 0.9]), [range(3000)] * 2, n_pos, n_total, null="independent")
    assert np.all((found.lower <= found.value) & (found.value <= found.upper))
    assert found.upper[1] < 1e-200
    sampled = group_p_values(
        np.array([0.0195]), [range(3000)], n_pos, n_total, null="independent", p_values="sampled", null_size=2000
    )
    exact = group_p_values(np.array([0.0195]), [range(3000)], n_pos, n_total, null="independent")
    assert sampled.lower < exact.value < sampled.upper


def test_a_shared_draw_of_one_shape_is_a_single_ap():
    x = np.array([0.5, 0.3])
    found = group_p_values(x, [[0, 1, 2, 3], [0, 1]], np.full(4, 3), np.full(4, 30))
    alone = ap_p_values(x, [3, 3], [30, 30])
    np.testing.assert_array_equal(found.value, alone.value)
    median = group_p_values(x, [[0, 1, 2, 3], [0, 1]], np.full(4, 3), np.full(4, 30), aggregate="median")
    np.testing.assert_array_equal(median.value, alone.value)
    independent = group_p_values(x, [[0, 1, 2, 3], [0, 1]], np.full(4, 3), np.full(4, 30), null="independent")
    assert np.all(independent.value < alone.value * 0.9)
    assert independent.value[0] < alone.value[0] / 100  # four draws must be high, not one


@pytest.mark.parametrize("null", ["shared", "independent"])
def test_medians_are_sampled(null):
    counts = {(1, 8): 1, (2, 7): 2}
    draws = [(shape, 1 if null == "independent" else n) for shape, n in counts.items()]
    draws = [(shape, t) for (shape, t), n in zip(draws, counts.values(), strict=True) for _ in range(n // t)]
    grids = np.meshgrid(*[enumerate_ap(*shape) for shape, _ in draws], indexing="ij")
    values = np.repeat(np.stack([g.ravel() for g in grids]), [t for _, t in draws], axis=0)
    atoms = np.median(values, axis=0)
    x = np.quantile(atoms, [0.2, 0.6, 0.9])
    n_pos, n_total = np.array([1, 2, 2]), np.array([8, 7, 7])
    found = group_p_values(x, [[0, 1, 2]] * 3, n_pos, n_total, null=null, aggregate="median", null_size=50_000)
    p = (atoms >= x[:, None] * (1 - 1e-12)).mean(axis=1)
    assert np.all((found.lower < p) & (p < found.upper))


@pytest.mark.slow
@pytest.mark.parametrize("p_values", ["exact", "sampled"])
@pytest.mark.parametrize("null", ["shared", "independent"])
def test_the_order_of_rows_does_not_matter(scores, p_values, null):
    arguments = {"null_size": 500, "threshold": 0.05, "seed": 1, "p_values": p_values, "null": null, "bracket": True}
    found = mean_average_precision(scores, ["compound", "dose"], **arguments)
    shuffled = mean_average_precision(
        scores.sample(fraction=1.0, shuffle=True, seed=1), ["compound", "dose"], **arguments
    )
    assert_frame_equal(found.drop("indices"), shuffled.drop("indices"), check_exact=True)
    part = scores.filter(pl.col("compound") == "b")
    few = mean_average_precision(part, ["compound", "dose"], **arguments)
    same = found.filter(pl.col("compound") == "b")
    assert_frame_equal(few.select("p_value", "p_lower"), same.select("p_value", "p_lower"), check_exact=True)


@pytest.mark.slow
@pytest.mark.parametrize("null", ["shared", "independent"])
def test_threads_and_history_do_not_matter(scores, null, monkeypatch):
    found = []
    for limit in (1, None, 1, None):
        if len(found) < 3:  # the last uses the distributions of the one before
            monkeypatch.setattr(ap_null, "_CACHE", ap_null._Cache(1 << 28))
        with threadpool_limits(limit):
            found.append(mean_average_precision(scores, ["compound", "dose"], 500, 0.05, 0, null=null, bracket=True))
    for other in found[1:]:
        assert_frame_equal(found[0], other, check_exact=True)


@pytest.mark.slow
def test_the_result_of_the_default(scores):
    found = mean_average_precision(scores, ["compound", "dose"], 1000, 0.05, 0, bracket=True)
    kept, n = drop_unscored(scores)
    assert n == 2
    assert found.columns == [*COLUMNS[:6], "p_lower", "p_upper", *COLUMNS[6:]]
    assert found.select("compound", "dose").equals(found.select("compound", "dose").sort("compound", "dose"))
    assert sum(len(rows) for rows in found["indices"]) == kept.height
    for row in found.iter_rows(named=True):
        mine = kept[row["indices"]]
        assert set(zip(mine["compound"], mine["dose"], strict=True)) == {(row["compound"], row["dose"])}
        assert row["mean_average_precision"] == pytest.approx(mine["average_precision"].mean(), rel=1e-14)
        assert row["p_lower"] <= row["p_value"] <= row["p_upper"]
    assert found["below_p"].equals(found["p_value"] < 0.05)
    assert found["below_corrected_p"].equals(found["corrected_p_value"] < 0.05)
    np.testing.assert_array_equal(found["corrected_p_value"], benjamini_hochberg(found["p_value"]))
    sampled = mean_average_precision(scores, ["compound", "dose"], 20_000, 0.05, 0, p_values="sampled", bracket=True)
    inside = (sampled["p_lower"] <= found["p_value"]) & (found["p_value"] <= sampled["p_upper"])
    assert inside.mean() > 0.95


@pytest.mark.slow
def test_kinds_of_tables_and_single_columns(scores):
    pandas = pytest.importorskip("pandas")
    found = mean_average_precision(scores.to_pandas(), "compound", 100, 0.05, 0)
    assert isinstance(found, pandas.DataFrame)
    assert isinstance(found["indices"][0], list)
    polars = mean_average_precision(scores, "compound", 100, 0.05, 0)
    assert found["p_value"].tolist() == polars["p_value"].to_list()


def test_medians(scores):
    found = mean_average_precision(scores, "compound", 2000, 0.05, 0, aggregate="median")
    kept, _ = drop_unscored(scores)
    for row in found.iter_rows(named=True):
        assert row["mean_average_precision"] == kept[row["indices"]]["average_precision"].median()


def test_rows_without_a_group_are_in_none(scores):
    broken = scores.with_columns(pl.when(pl.col("compound") != "a").then("compound").alias("compound"))
    found = mean_average_precision(broken, "compound", 100, 0.05, 0)
    assert "a" not in found["compound"].to_list()
    assert found["compound"].null_count() == 0


def test_ties_of_float32_scores():
    frame = pl.DataFrame(
        {"g": ["a"], "n_pos_pairs": [1], "n_total_pairs": [30], "average_precision": [1 / 3]}
    ).with_columns(pl.col("average_precision").cast(pl.Float32), normalized_average_precision=pl.lit(0.1))
    assert mean_average_precision(frame, "g", 10, 0.05, 0)["p_value"][0] == pytest.approx(0.1)


@given(st.lists(st.floats(1e-12, 1), min_size=1, max_size=30), st.integers(0, 5))
@settings(deadline=None, max_examples=50)
def test_benjamini_hochberg(p, n_missing):
    n = len(p)
    adjusted = benjamini_hochberg(p + [math.nan] * n_missing)
    assert np.isnan(adjusted[n:]).all()
    order = sorted(p)
    for value, found in zip(p, adjusted, strict=False):
        steps = [n * order[j] / (j + 1) for j in range(n) if order[j] >= value]
        assert found == pytest.approx(min(1.0, *steps, 1.0), rel=1e-12)
    np.testing.assert_array_equal(adjusted[:n], false_discovery_control(p))


def test_p_values_to_adjust_lie_between_0_and_1():
    assert benjamini_hochberg([]).shape == (0,)
    with pytest.raises(InputError, match=r"between 0 and 1, but found -0\.5, 1\.5"):
        benjamini_hochberg([0.1, -0.5, 1.5, math.nan])


def test_the_older_group_statistic():
    pandas = pytest.importorskip("pandas")
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    rng = np.random.default_rng(5)
    frame = pl.DataFrame(
        {
            "gene": rng.choice(list("pqrstu"), 80),
            "average_precision": rng.random(80),
            "p_value": 10 ** -rng.uniform(0, 3, 80),
        }
    )
    table = frame.to_pandas()
    table["nlog"] = -np.log10(table["p_value"])
    groups = table.groupby("gene").agg({"average_precision": "mean", "nlog": "mean"})
    q = multitest.multipletests(10 ** -groups["nlog"], method="fdr_bh")[1]
    found = mean_log10_p(frame, "gene", threshold=0.02)
    assert found["gene"].to_list() == groups.index.tolist()
    np.testing.assert_allclose(found["mean_average_precision"], groups["average_precision"])
    np.testing.assert_allclose(found["nlog10pvalue"], groups["nlog"])
    np.testing.assert_allclose(found["q_value"], q)
    np.testing.assert_allclose(found["nlog10qvalue"], -np.log10(q))
    assert found["above_p_threshold"].to_list() == (groups["nlog"] > -np.log10(0.02)).tolist()
    assert found["above_q_threshold"].to_list() == (-np.log10(q) > -np.log10(0.02)).tolist()
    assert isinstance(table, pandas.DataFrame)


def test_the_older_group_statistic_is_strict_and_leaves_out_missing_scores():
    frame = pl.DataFrame(
        {"g": ["a", "a", "b", None], "average_precision": [0.5, None, 0.5, 0.5], "p_value": [0.05, 0.5, math.nan, 0.1]}
    )
    found = mean_log10_p(frame, "g")
    assert found["g"].to_list() == ["a"]
    assert found["above_p_threshold"].to_list() == [False]
    with pytest.raises(InputError, match="above 0"):
        mean_log10_p(frame.with_columns(p_value=pl.lit(0.0)), "g")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sameby": ["compond"]}, "did you mean 'compound'"),
        ({"sameby": []}, "sameby"),
        ({"threshold": -0.1}, "threshold"),
        ({"threshold": 1.1}, "threshold"),
        ({"null_size": 0}, "null_size"),
        ({"null_size": 2.5}, "null_size"),
        ({"null_size": 10**9, "p_values": "copairs"}, "GiB"),
        ({"seed": -1}, "seed"),
        ({"p_values": "exakt"}, "did you mean 'exact'"),
        ({"null": "both"}, "null"),
        ({"aggregate": "sum"}, "aggregate"),
        ({"tail": "<"}, "tail"),
        ({"p_values": "copairs", "tail": ">="}, "copairs"),
        ({"p_values": "copairs", "null": "independent"}, "copairs"),
    ],
)
def test_bad_arguments(scores, change, message):
    arguments = {"sameby": ["compound"], "null_size": 100, "threshold": 0.05, "seed": 0} | change
    with pytest.raises(InputError, match=message):
        mean_average_precision(scores, **arguments)


def test_bad_tables(scores):
    with pytest.raises(InputError, match="n_pos_pairs"):
        mean_average_precision(scores.drop("n_pos_pairs"), "compound", 100, 0.05, 0)
    with pytest.raises(InputError, match="None of the"):
        mean_average_precision(scores.with_columns(n_pos_pairs=pl.lit(0)), "compound", 100, 0.05, 0)
    for outer, message in (["compound", "dose"], "leave out"), (["doses"], "did you mean 'dose'"), ([], "hierarchical"):
        with pytest.raises(InputError, match=message):
            mean_average_precision_hierarchical(scores, ["compound", "dose"], 100, 0.05, 0, outer)


def test_counts_of_a_group_are_by_shape():
    counts = Counter({(2, 9): 2})
    found = group_p_values(np.array([0.5]), [[0, 1]], np.array([2, 2]), np.array([9, 9]))
    atoms = members_truth(counts, "shared")
    assert found.value[0] == pytest.approx((atoms >= 0.5 - 1e-12).mean())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:the null of")
@pytest.mark.parametrize(("members", "n_total"), [(40, 500), (10, 2000), (4, 50_000)])
def test_groups_of_long_lists_of_many_lengths_have_a_p_value(members, n_total):
    """The null distribution of each member lies far below the grid's end, where a plain exponential tilt underflows."""
    lengths = list(range(n_total, n_total + members))
    frame = pl.DataFrame(
        {
            "Metadata_c": ["a"] * members + ["b"] * members,
            "n_pos_pairs": [members - 1] * 2 * members,
            "n_total_pairs": lengths * 2,
            "average_precision": [0.2] * members + [1.0] * members,
            "normalized_average_precision": [0.0] * 2 * members,
        }
    )
    for null in ("shared", "independent"):
        found = mean_average_precision(frame, ["Metadata_c"], 1000, 0.05, 0, null=null, bracket=True)
        for lower, p, upper in found.select("p_lower", "p_value", "p_upper").rows():
            assert 0 <= lower <= p <= upper <= 1
            assert p < 1e-3


@pytest.mark.parametrize(
    ("shapes", "options", "n_sampled"),
    [
        ([(7, 71)] * 4, {}, 0),
        ([(7, 71), (6, 71)] * 2, {}, 0),
        ([(7, 71), (6, 71)] * 2, {"aggregate": "median"}, 1),
        ([(7, 71)] * 4, {"aggregate": "median", "null": "independent"}, 1),
        ([(7, 71)] * 4, {"aggregate": "median"}, 0),
        ([(7, 10**7)] * 4, {}, 1),
    ],
)
def test_a_sampled_null_under_the_name_of_exact_is_said(shapes, options, n_sampled):
    n_pos, n_total = np.array(shapes).T
    frame = pl.DataFrame({"Metadata_c": ["a"] * 4, "n_pos_pairs": n_pos, "n_total_pairs": n_total})
    frame = frame.with_columns(average_precision=pl.lit(0.2), normalized_average_precision=pl.lit(0.1))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        mean_average_precision(frame, ["Metadata_c"], 1000, 0.05, 0, **options)
    said = [str(w.message) for w in caught if w.category is SampledNullWarning]
    assert len(said) == n_sampled
    assert all("1 of 1 groups" in text and "1,000 draws" in text for text in said)


@pytest.mark.filterwarnings("ignore:the null of")
@pytest.mark.parametrize("null", ["shared", "independent"])
def test_draws_have_no_place_in_a_computed_law(null):
    """A group with a member that must be sampled is sampled as a whole: p is no less than one draw can say."""
    frame = pl.DataFrame(
        {
            "c": ["a"] * 3,
            "n_pos_pairs": [7, 7, 3],
            "n_total_pairs": [10_000_000] * 3,
            "average_precision": [0.14] * 3,
            "normalized_average_precision": [0.1] * 3,
        }
    )
    found = mean_average_precision(frame, ["c"], 1000, 0.05, 0, null=null, bracket=True).row(0, named=True)
    assert found["p_value"] == pytest.approx(1 / 1001)
    assert found["p_lower"] == found["p_floor"] < 1e-50
    assert found["p_upper"] > 1e-3


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("n_pos_pairs", 2.5, "whole"),
        ("average_precision", 1.5, "between 0 and 1"),
        ("average_precision", -0.1, "0 and 1"),
    ],
)
def test_impossible_scores_are_refused(column, value, said):
    frame = pl.DataFrame(
        {
            "c": ["a"],
            "n_pos_pairs": [3.0],
            "n_total_pairs": [30.0],
            "average_precision": [0.5],
            "normalized_average_precision": [0.1],
        }
    ).with_columns(pl.lit(value).alias(column))
    with pytest.raises(InputError, match=said):
        mean_average_precision(frame, ["c"], 1000, 0.05, 0)


@pytest.mark.slow
def test_a_wide_bracket_is_said():
    frame = pl.DataFrame(
        {
            "c": ["a"] * 4,
            "n_pos_pairs": [3] * 4,
            "n_total_pairs": [1_000_000] * 4,
            "average_precision": [6.17e-6] * 4,
            "normalized_average_precision": [0.0] * 4,
        }
    )
    with pytest.warns(UserWarning, match="only known to within"):
        mean_average_precision(frame, ["c"], 1000, 0.05, 0, null="independent")
