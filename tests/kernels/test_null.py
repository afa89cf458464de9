"""The null distribution of AP: definitions, and the compiled forms against them."""

import math
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastbench.kernels.cpu import null as cpu
from fastbench.kernels.reference import null as reference

SHAPES = [(1, 1), (1, 6), (2, 5), (3, 9), (4, 4), (5, 9), (8, 9), (4, 12)]


@st.composite
def shapes(draw, most=10):
    n_total = draw(st.integers(1, most))
    return draw(st.integers(1, n_total)), n_total


def rational_distribution(n_pos, n_total):
    """AP of every placement in exact arithmetic, straight from its definition."""
    placements = list(combinations(range(1, n_total + 1), n_pos))
    distribution = {}
    for ranks in placements:
        ap = sum(Fraction(sum(s <= r for s in ranks), r) for r in ranks) / n_pos
        distribution[ap] = distribution.get(ap, 0) + Fraction(1, len(placements))
    return distribution


def start(most, cells):
    starts = np.concatenate([[0], np.cumsum(np.arange(most + 1) * cells + 1)])
    return np.ones(starts[-1]), starts, np.arange(most + 1) * cells, np.zeros((3, most + 1))


@pytest.mark.slow
@given(shapes())
@settings(deadline=None, max_examples=40)
def test_the_recursion_gives_the_distribution(shape):
    assert reference.exact_distribution(*shape) == rational_distribution(*shape)


@pytest.mark.parametrize("backend", [reference, cpu])
@pytest.mark.parametrize("shape", SHAPES)
def test_enumeration_mean_and_variance(backend, shape):
    distribution = rational_distribution(*shape)
    found = backend.enumerate_ap(*shape)
    assert len(found) == math.comb(shape[1], shape[0])
    expected = np.sort(
        np.repeat([float(v) for v in distribution], [int(m * len(found)) for m in distribution.values()])
    )
    np.testing.assert_allclose(np.sort(found), expected, atol=1e-15)
    mean = sum(v * m for v, m in distribution.items())
    variance = sum(v * v * m for v, m in distribution.items()) - mean**2
    assert backend.expected_ap(*shape) == pytest.approx(float(mean), rel=1e-14)
    assert backend.variance_ap(*shape) == pytest.approx(float(variance), rel=1e-11, abs=1e-15)


def test_backends_enumerate_in_the_same_order():
    np.testing.assert_allclose(cpu.enumerate_ap(3, 9), reference.enumerate_ap(3, 9), rtol=1e-15)


def test_expected_ap_of_arrays_and_edges():
    np.testing.assert_array_equal(reference.expected_ap([0, 5, 1], [7, 5, 1]), [0, 1, 1])
    total = 100_000
    harmonic = math.fsum(1 / r for r in range(1, total + 1))
    assert reference.expected_ap(1, total) == pytest.approx(harmonic / total, rel=1e-14)


def test_variance_of_a_larger_shape():
    assert cpu.variance_ap(7, 71) == pytest.approx(reference.variance_ap(7, 71), rel=1e-12)


@given(shapes(9), st.data())
@settings(deadline=None, max_examples=60)
def test_count_of_a_tail(shape, data):
    values = sorted(rational_distribution(*shape))
    at = float(data.draw(st.sampled_from(values))) * shape[0]
    limit = data.draw(st.sampled_from([0, 1, 5, 10**6]))
    for total in (at * (1 - 1e-12), at * (1 + 1e-12), 0.0):
        expected = reference.count_tail(*shape, total, limit)
        assert cpu.count_tail(*shape, total, limit) == expected
        assert expected <= limit + 1


def test_count_of_a_known_tail():
    # all three first, or the last of them one or two ranks later: 1, 11/12 and 13/15 are the best of (3, L)
    assert cpu.count_tail(3, 1000, 3.0, 100) == 1
    assert cpu.count_tail(3, 1000, 2.75 - 1e-9, 100) == 2
    assert cpu.count_tail(3, 1000, 2.6 - 1e-9, 100) == 3


def test_backends_sweep_alike():
    one, two = start(5, 60), start(5, 60)
    reference.advance_survival(*one, 60, 0, 12)
    cpu.advance_survival(*two, 60, 0, 7)
    cpu.advance_survival(*two, 60, 7, 12)
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_sweep_does_not_depend_on_how_many_positives_it_keeps():
    small, large = start(3, 50), start(9, 50)
    cpu.advance_survival(*small, 50, 0, 40)
    cpu.advance_survival(*large, 50, 0, 40)
    np.testing.assert_array_equal(large[0][: len(small[0])], small[0])


@pytest.mark.parametrize("cells", [7, 30, 2520])
@pytest.mark.parametrize("shape", [(1, 5), (2, 9), (3, 11), (4, 12)])
def test_the_sweep_is_the_distribution_of_the_rounded_sum(shape, cells):
    n_pos, n_total = shape
    state = start(n_pos, cells)
    cpu.advance_survival(*state, cells, 0, n_total)
    ranks = np.array(list(combinations(range(1, n_total + 1), n_pos)))
    terms = np.arange(1, n_pos + 1) / ranks
    exact = np.array([[Fraction(k * cells, int(r)) for k, r in enumerate(row, 1)] for row in ranks])
    rounded = np.array([[math.floor(2 * t + 1) // 2 for t in row] for row in exact])
    total = rounded.sum(axis=1)
    found = state[0][state[1][n_pos] : state[1][n_pos + 1]]
    expected = [(total >= v).mean() for v in range(n_pos * cells + 1)]
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=0)
    error = total - terms.sum(axis=1) * cells
    np.testing.assert_allclose(state[3][:, n_pos], [error.min(), error.max(), error.mean()], atol=1e-9)
    assert state[2][n_pos] == total.min()


def test_streams():
    key = reference.stream_key(3, 4, 30)
    assert len({reference.stream_key(*p) for p in [(3, 4, 30), (4, 3, 30), (3, 4, 30, 0), (2**64 + 3, 4, 30)]}) == 4
    for shape in [(1, 1), (4, 30), (40, 41), (33, 3000), (40, 90)]:
        whole = cpu.sample_ap(key, 5, 40, *shape)
        np.testing.assert_array_equal(whole, reference.sample_ap(key, 5, 40, *shape))
        np.testing.assert_array_equal(whole[10:], cpu.sample_ap(key, 15, 30, *shape))


@pytest.mark.parametrize("shape", [(1, 4), (2, 5), (3, 5)])
def test_placements_are_drawn_evenly(shape):
    values, counts = np.unique(cpu.sample_ap(cpu.stream_key(0, *shape), 0, 100_000, *shape), return_counts=True)
    distribution = rational_distribution(*shape)
    assert len(values) == len(distribution)
    expected = 100_000 * np.array([float(distribution[v]) for v in sorted(distribution)])
    assert np.all(np.abs(counts - expected) < 5 * np.sqrt(expected))


@pytest.mark.parametrize("shape", [(8, 500), (40, 4000), (60, 120)])
def test_samples_have_the_mean_and_variance(shape):
    draws = cpu.sample_ap(cpu.stream_key(1, *shape), 0, 200_000, *shape)
    spread = cpu.variance_ap(*shape)
    assert abs(draws.mean() - cpu.expected_ap(*shape)) < 5 * math.sqrt(spread / len(draws))
    assert draws.var() == pytest.approx(spread, rel=0.1)
