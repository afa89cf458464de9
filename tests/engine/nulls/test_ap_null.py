"""P-values of AP under random ranking."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastbench.engine.errors import InputError, SampledNullWarning
from fastbench.engine.nulls import ap_null, inversion, split_bracket
from fastbench.engine.nulls import bracket as null_swept
from fastbench.engine.nulls import copairs as copairs_null
from fastbench.engine.nulls import distribution as null_distribution
from fastbench.engine.nulls import method as null_plan
from fastbench.engine.nulls.ap_null import (
    NullDistribution,
    ap_p_values,
    average_precision_null,
    expected_sampled,
    map_distributions,
    method_of,
)
from fastbench.kernels.cpu.null import enumerate_ap, expected_ap, sample_ap, variance_ap

TAILS = (">=", ">")
LEVELS = (0.5, 0.1, 1e-2, 1e-3, 1e-4, 1e-6, 1e-8, 1e-10)


def truth(atoms, x, tail):
    """Share of the placements in the tail, with a generous tolerance for ties."""
    x = np.asarray(x)[:, None]
    return (atoms >= x * (1 - 1e-12)).mean(axis=1) if tail == ">=" else (atoms > x * (1 + 1e-12)).mean(axis=1)


def bracketed(shape, cells=7560):
    [(_, tail)] = null_swept.sweep([shape], cells, 64)
    return NullDistribution(*shape, "bracket", np.empty(0), tail)


def split(shape, head, cells=2520, finer=8):
    [(_, tail)] = split_bracket.split_sweep([shape], head, cells, [finer])
    return NullDistribution(*shape, "bracket", np.empty(0), tail)


def quantile(distribution, p):
    """An AP with about this p-value."""
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if distribution.evaluate(middle).value > p else (low, middle)
    return high


@st.composite
def small_shapes(draw):
    n_total = draw(st.integers(2, 25))
    n_pos = draw(st.integers(1, n_total).filter(lambda p: math.comb(n_total, p) <= 20_000))
    return n_pos, n_total


@pytest.mark.slow
@given(small_shapes(), st.data())
@settings(deadline=None, max_examples=60)
def test_the_law_is_that_of_all_placements(shape, data):
    atoms = enumerate_ap(*shape)
    x = [data.draw(st.sampled_from(atoms.tolist())), data.draw(st.floats(0.01, 1))]
    for tail in TAILS:
        found = ap_p_values(x, [shape[0]] * 2, [shape[1]] * 2, tail=tail)
        for p in (found.value, found.lower, found.upper):
            np.testing.assert_allclose(p, truth(atoms, x, tail), rtol=1e-12, atol=0)


@st.composite
def million_shapes(draw):
    """Any (P, L) of at most a million placements, few positives and few negatives alike."""
    fewer = draw(st.integers(0, 10))
    most = next(n for n in range(2000, 0, -1) if n <= fewer + 1 or math.comb(n, min(fewer, n - fewer)) <= 1_000_000)
    n_total = draw(st.integers(max(fewer, 1), max(most, 1)))
    n_pos = draw(st.sampled_from([fewer, n_total - fewer]))
    return max(n_pos, 1), n_total


@pytest.mark.slow
@given(million_shapes(), st.sampled_from(TAILS), st.data())
@settings(deadline=None, max_examples=25)
def test_up_to_a_million_placements_are_enumerated(shape, tail, data):
    distribution = average_precision_null(*shape)
    if shape[0] > null_plan._LONGEST and shape[1] - shape[0] > 1:
        return
    assert distribution.method == "enumeration"
    atoms = np.ones(1) if shape[0] == shape[1] else enumerate_ap(*shape)
    assert len(atoms) <= 1_000_000
    x = [atoms[data.draw(st.integers(0, len(atoms) - 1))] for _ in range(4)] + [data.draw(st.floats(0.01, 1))]
    found = distribution.evaluate(x, tail)
    for p in (found.value, found.lower, found.upper):
        np.testing.assert_allclose(p, truth(atoms, x, tail), rtol=1e-12, atol=1e-12)


@pytest.mark.slow
@given(small_shapes(), st.sampled_from([60, 2520, 7560]), st.booleans(), st.booleans(), st.data())
@settings(deadline=None, max_examples=120)
def test_the_bracket_encloses_the_truth_at_and_between_values(shape, cells, counting, in_parts, data):
    atoms = enumerate_ap(*shape)
    if in_parts:
        distribution = split(
            shape, data.draw(st.integers(1, shape[1] - 1)), cells, data.draw(st.sampled_from([1, 3, 10]))
        )
    else:
        distribution = bracketed(shape, cells)
    at = data.draw(st.lists(st.sampled_from(atoms.tolist()), min_size=1, max_size=10))
    x = at + [v * 0.999 for v in at] + [v * 1.0001 for v in at]
    with pytest.MonkeyPatch.context() as patch:
        if not counting:
            patch.setattr(null_distribution, "_COUNTED", -1)
        for tail in TAILS:
            found = distribution.evaluate(x, tail)
            p = truth(atoms, x, tail)
            assert np.all(found.lower <= p * (1 + 1e-15))
            assert np.all(p <= found.upper * (1 + 1e-15))
            assert np.all((found.lower <= found.value) & (found.value <= found.upper))


@pytest.mark.parametrize(("shape", "width"), [((3, 67), 0.003), ((4, 30), 0.003), ((6, 24), 0.002), ((8, 18), 0.002)])
def test_the_bracket_is_narrow_and_its_estimate_close(shape, width, monkeypatch):
    monkeypatch.setattr(null_distribution, "_COUNTED", -1)
    atoms = enumerate_ap(*shape)
    x = np.quantile(atoms, np.linspace(0.5, 0.99, 200))
    p, found = truth(atoms, x, ">="), bracketed(shape, 15_120).evaluate(x)
    assert np.median((found.upper - found.lower) / p) < width
    assert np.median(np.abs(found.value / p - 1)) < width / 8  # the estimate is better than the bracket


@pytest.mark.parametrize("shape", [(3, 67), (4, 30), (6, 24)])
def test_the_estimate_is_unbiased(shape, monkeypatch):
    monkeypatch.setattr(null_distribution, "_COUNTED", -1)
    atoms = np.sort(enumerate_ap(*shape))
    x = np.quantile(atoms, np.linspace(0.3, 0.99, 400))
    x = (x[1:] + x[:-1]) / 2
    p, found = 1 - np.searchsorted(atoms, x) / len(atoms), bracketed(shape, 2520).evaluate(x)
    assert abs(np.mean(found.value / p - 1)) < 0.05 * np.mean((found.upper - found.lower) / p)


@pytest.mark.parametrize("cells", [60, 420])
@pytest.mark.parametrize("shape", [(9, 18), (10, 20), (12, 19), (16, 20)])
def test_allowing_for_likely_errors_only_is_still_an_enclosure(shape, cells, monkeypatch):
    monkeypatch.setattr(null_distribution, "_COUNTED", -1)
    atoms = enumerate_ap(*shape)
    x = np.unique(np.quantile(atoms, np.linspace(0.001, 1, 400)))
    distribution = bracketed(shape, cells)
    plain = replace(distribution.tail, **dict.fromkeys(("allowed", "missed", "limits"), np.empty((2, 0))))
    for tail in TAILS:
        found, wide = distribution.evaluate(x, tail), replace(distribution, tail=plain).evaluate(x, tail)
        p = truth(atoms, x, tail)
        assert np.all(found.lower <= p)
        assert np.all(p <= found.upper)
        assert np.all((wide.lower <= found.lower) & (found.upper <= wide.upper))


def test_allowing_for_likely_errors_only_is_narrower():
    distribution = bracketed((30, 100), 420)
    x = [quantile(distribution, p) for p in LEVELS]
    found = distribution.evaluate(x)
    plain = replace(distribution.tail, **dict.fromkeys(("allowed", "missed", "limits"), np.empty((2, 0))))
    wide = replace(distribution, tail=plain).evaluate(x)
    assert np.all(found.upper - found.lower < 0.6 * (wide.upper - wide.lower))


@pytest.mark.slow
@pytest.mark.parametrize(
    "shape", [(3, 67), (7, 71), (7, 400), (15, 400), (25, 310), (20, 320), (8, 10_000), (64, 2000)]
)
def test_bounds_are_narrow_at_all_levels(shape):
    distribution = average_precision_null(*shape)
    for p in LEVELS:
        found = distribution.evaluate(quantile(distribution, p))
        assert found.upper - found.lower <= max(0.01 * found.value, 1e-12)
    x = quantile(distribution, 0.01)
    draws = sample_ap(5, 0, 200_000, *shape)
    assert abs((draws >= x).mean() - distribution.evaluate(x).value) < 5 * math.sqrt(0.01 / 200_000)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(20, 90), (36, 200), (47, 120), (47, 431)])
def test_inversion_agrees_with_the_bracket(shape):
    inverted, distribution = inversion.invert(*shape), bracketed(shape, 2520)
    for p in LEVELS:
        x = np.array([quantile(distribution, p)])
        bounds = distribution.evaluate(x)
        s = x * shape[0]
        assert bounds.lower - inverted.error <= inverted.enclose(s, s)[2] <= bounds.upper + inverted.error


@pytest.mark.parametrize("shape", [(48, 100), (64, 2000), (300, 350), (800, 8000)])
def test_the_error_of_inversion_covers_another_period_and_no_corridor(shape, monkeypatch):
    one = inversion.invert(*shape)
    least, width = inversion._period(*shape)
    monkeypatch.setattr(inversion, "_period", lambda *_: (least - 0.1 * width, 1.3 * width))
    if shape[1] < 3000:
        rank = np.arange(shape[1] + 1)
        edges = np.maximum(0, shape[0] - shape[1] + rank), np.minimum(rank, shape[0])
        monkeypatch.setattr(inversion, "corridor", lambda *_: edges)
    two = inversion.invert(*shape)
    s = np.linspace(least, min(shape[0], least + width), 2000)
    assert np.abs(one.enclose(s, s)[0] - two.enclose(s, s)[0]).max() < one.error + two.error


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(100, 2000), (800, 8000), (500, 600)])
def test_inversion_agrees_with_samples(shape):
    distribution = average_precision_null(*shape)
    assert distribution.method == "inversion"
    draws = sample_ap(7, 0, 100_000, *shape)
    x = np.quantile(draws, [0.05, 0.5, 0.9, 0.99, 0.999])
    p = distribution.evaluate(x).value
    assert np.all(np.abs((draws[:, None] >= x).mean(axis=0) - p) < 5 * np.sqrt(p * (1 - p) / len(draws)))


@pytest.mark.parametrize("n_neg", range(60, 65))
def test_three_replicates_against_the_controls_of_a_plate_are_exact(n_neg):
    distribution = average_precision_null(3, 3 + n_neg)
    assert distribution.method == "enumeration"
    found = distribution.evaluate([1.0, 0.5, 0.05])
    np.testing.assert_array_equal(found.lower, found.upper)
    np.testing.assert_allclose(found.value, truth(enumerate_ap(3, 3 + n_neg), [1.0, 0.5, 0.05], ">="), rtol=1e-12)


@pytest.mark.parametrize("shape", [(1, 10), (1, 10**7), (3, 67), (7, 71), (2, 5000), (25, 310), (60, 200)])
def test_the_greatest_value_is_exact(shape):
    distribution = average_precision_null(*shape)
    assert distribution.evaluate(1.0).value == pytest.approx(1 / math.comb(shape[1], shape[0]), rel=1e-12)
    lower, upper = distribution.p_value(1.0, ">")
    assert lower == upper == 0
    if distribution.method == "inversion":
        return
    best_but_one = (shape[0] - 1 + shape[0] / (shape[0] + 1)) / shape[0]
    assert distribution.evaluate(best_but_one).value == pytest.approx(2 / math.comb(shape[1], shape[0]), rel=1e-12)


def test_one_positive_and_only_positives():
    found = ap_p_values([1, 0.5, 0.2, 0.3, 0.01], [1] * 5, [20] * 5)
    np.testing.assert_allclose(found.value, np.array([1, 2, 5, 3, 20]) / 20)
    assert ap_p_values([1.0], [1], [10]).value == 0.1
    assert ap_p_values([1.0], [4], [4]).value == 1.0
    assert ap_p_values([1.0], [4], [4], tail=">").value == 0.0


def test_values_that_differ_by_rounding_are_equal():
    x = np.array([1 / 3, 0.1 + 0.7 / 3, 1 - 2 / 3])
    assert len(np.unique(x)) > 1
    for tail in TAILS:
        assert len(np.unique(ap_p_values(x, [1] * 3, [9] * 3, tail=tail).value)) == 1
    single = x.astype(np.float32)
    assert ap_p_values(single, [1] * 3, [9] * 3).value[0] == pytest.approx(3 / 9)


@pytest.mark.parametrize("shape", [(3, 40), (7, 71), (1, 30), (30, 100)])
def test_p_falls_as_ap_rises(shape):
    x = np.linspace(0, 1, 2000)
    distribution = average_precision_null(*shape)
    for tail in TAILS:
        found = distribution.evaluate(x, tail)
        for p in (found.lower, found.upper, found.value):
            assert np.all(np.diff(p) <= p[:-1] * 1e-6)
    assert distribution.evaluate(0.0).value == 1


@pytest.mark.parametrize("shape", [(3, 40), (7, 71), (20, 100)])
def test_mean_and_variance_of_the_law(shape):
    distribution = average_precision_null(*shape)
    assert distribution.mean == pytest.approx(expected_ap(*shape))
    assert distribution.variance == pytest.approx(variance_ap(*shape))
    grid = (np.arange(20_000) + 0.5) / 20_000
    p = distribution.evaluate(grid).value  # E[A] and E[A^2] from the tail
    assert p.mean() == pytest.approx(distribution.mean, rel=2e-4)
    assert 2 * (grid * p).mean() - p.mean() ** 2 == pytest.approx(distribution.variance, rel=2e-2)


def test_methods_depend_on_the_shape_alone():
    assert [method_of(*s) for s in [(3, 67), (7, 71), (47, 431), (1, 10**6), (5, 5)]] == [
        "enumeration",
        "bracket",
        "bracket",
        "enumeration",
        "enumeration",
    ]
    found = [method_of(*s) for s in [(8, 10_000), (100, 2000), (5000, 50_000), (7, 10**7), (5000, 5010), (100, 10**6)]]
    assert found == ["bracket", "inversion", "inversion", "sampled", "sampled", "sampled"]


@pytest.mark.slow
def test_rows_do_not_touch_each_other(monkeypatch):
    rng = np.random.default_rng(0)
    n_pos = rng.integers(1, 10, 60)
    n_total = n_pos + rng.integers(1, 60, 60)
    ap = rng.random(60)
    together = ap_p_values(ap, n_pos, n_total).value
    order = rng.permutation(60)
    np.testing.assert_array_equal(ap_p_values(ap[order], n_pos[order], n_total[order]).value, together[order])
    monkeypatch.setattr(ap_null, "_CACHE", ap_null._Cache(0))  # nothing is kept, and each is alone
    alone = [ap_p_values(ap[[i]], n_pos[[i]], n_total[[i]]).value[0] for i in range(60)]
    np.testing.assert_array_equal(alone, together)


def test_the_cache_keeps_to_its_bytes():
    cache = ap_null._Cache(20_000)
    for i in range(10):
        cache.put((i, i), NullDistribution(2, 9, "enumeration", np.zeros(1000)))
    assert cache.get((0, 0)) is None
    assert cache.get((9, 9)) is not None
    assert cache._bytes <= 20_000


def test_sampled_p_values():
    atoms = enumerate_ap(4, 30)
    x = np.quantile(atoms, [0.1, 0.5, 0.9, 0.99])
    found = ap_p_values(x, [4] * 4, [30] * 4, method="sampled", null_size=100_000)
    p = truth(atoms, x, ">=")
    assert np.all((found.lower < p) & (p < found.upper))
    assert np.all(np.abs(found.value - p) < 5 * np.sqrt(p / 100_000))
    again = ap_p_values(x[::-1], [4] * 4, [30] * 4, method="sampled", null_size=100_000)
    np.testing.assert_array_equal(again.value[::-1], found.value)
    other = ap_p_values(x, [4] * 4, [30] * 4, method="sampled", null_size=100_000, seed=1)
    assert np.any(other.value != found.value)


def test_a_shape_too_large_to_compute_is_sampled():
    distribution = average_precision_null(7, 10**7, null_size=20_000)
    assert distribution.method == "sampled"
    assert distribution.values.mean() == pytest.approx(distribution.mean, rel=0.2)
    lower, upper = distribution.p_value(distribution.mean)
    assert 0 < lower < upper < 1


def test_one_sample_p_value_is_at_the_floor():
    found = ap_p_values([1.0], [5], [100], method="sampled", null_size=99)
    assert found.value == 0.01
    assert found.lower == 0


def test_expected_value_of_a_sampled_p_value():
    np.testing.assert_allclose(expected_sampled([0, 1, 0.5], 99), [0.01, 1, 0.505])


def test_missing_ap_has_no_p_value():
    found = ap_p_values([np.nan, 0.5, 0.5], [2, 0, 2], [9, 9, 9])
    assert np.isnan(found.value[:2]).all()
    assert not np.isnan(found.value[2])
    assert ap_p_values([], [], []).value.shape == (0,)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"ap": [1.5], "n_pos": [1], "n_total": [3]}, "between 0 and 1"),
        ({"ap": [0.5], "n_pos": [4], "n_total": [3]}, "1 <= P <= L"),
        ({"ap": [0.5], "n_pos": [1.5], "n_total": [3]}, "whole"),
        ({"ap": [0.5, 0.1], "n_pos": [1], "n_total": [3]}, "one length"),
        ({"ap": [0.5], "n_pos": [1], "n_total": [3], "tail": "<"}, "tail"),
        ({"ap": [0.5], "n_pos": [1], "n_total": [3], "method": "guess"}, "method"),
        ({"ap": [0.5], "n_pos": [1], "n_total": [3], "null_size": 0}, "null_size"),
        ({"ap": [0.5], "n_pos": [1], "n_total": [3], "seed": -1}, "seed"),
        ({"ap": [0.5], "n_pos": [1], "n_total": [3], "method": "copairs", "tail": ">"}, "copairs"),
        ({"ap": [0.5], "n_pos": [1], "n_total": [3], "null_size": 10**9}, "GiB"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(InputError, match=message):
        ap_p_values(**arguments)


def test_laws_are_given_once_a_shape():
    seen = map_distributions([(3, 9), (3, 9), (7, 71)], lambda distribution: distribution.method)
    assert seen == {(3, 9): "enumeration", (7, 71): "bracket"}


@pytest.mark.parametrize("shape", [(1, 1), (3, 20), (9, 400), (20, 70_000)])
@pytest.mark.parametrize("block", [1, 70, 1 << 23])
def test_samples_of_copairs(shape, block, monkeypatch):
    compute = pytest.importorskip("copairs.compute")
    monkeypatch.setattr(copairs_null, "_BLOCK", block * 100)
    samples = copairs_null._Samples(*shape, 11)
    size = 12 if shape[1] > 1000 else 100
    found = np.concatenate([samples.next(5), samples.next(size - 5)])
    expected = compute.random_ap(size, *shape, 11)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("null_size", [1, 2, 500])
def test_profile_p_values_of_copairs(null_size, tmp_path, monkeypatch):
    pandas = pytest.importorskip("pandas")
    oracle = pytest.importorskip("copairs.map.average_precision")
    monkeypatch.setenv("HOME", str(tmp_path))  # its cache is there, and must be empty
    rng = np.random.default_rng(3)
    n_pos = rng.choice([0, 1, 2, 5], 60)
    n_total = n_pos + rng.choice([7, 30], 60)
    ap = np.where(rng.random(60) < 0.2, 1.0, rng.random(60))
    frame = pandas.DataFrame({"n_pos_pairs": n_pos, "n_total_pairs": n_total, "average_precision": ap})
    expected = oracle.p_values(frame, null_size, 4, progress_bar=False)
    monkeypatch.setattr(copairs_null, "_WIDTH", 64)
    found = ap_p_values(ap, n_pos, n_total, method="copairs", null_size=null_size, seed=4)
    np.testing.assert_array_equal(found.value.astype(np.float32), expected)


def test_one_positive_below_all_values():
    distribution = average_precision_null(1, 50)
    for tail in (">=", ">"):
        assert distribution.p_value([-0.5, 0.0], tail)[0].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("shape", [(5, np.inf), (10**20, 10**25), (3, 10**15), ([7], 71), ("7", 71), (True, 71)])
def test_impossible_shapes_are_one_sentence(shape):
    with pytest.raises(InputError, match=r"null distribution|whole"):
        average_precision_null(*shape)


def test_a_sampled_law_says_so():
    with pytest.warns(SampledNullWarning, match="too large to compute"):
        average_precision_null(7, 100_000_000, null_size=10)
