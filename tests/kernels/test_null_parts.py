"""Kernels beside the sweep of the null distribution: its two parts, moments of rounding, characteristic functions."""

import math
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastbench.kernels.cpu import null, null_inversion, null_split
from fastbench.kernels.reference import null as reference_null
from fastbench.kernels.reference import null_inversion as reference_inversion
from fastbench.kernels.reference import null_split as reference_split


@st.composite
def shapes(draw, most=10):
    n_total = draw(st.integers(1, most))
    return draw(st.integers(1, n_total)), n_total


def terms(n_pos, n_total):
    """Terms k / r of every placement, (placements, P), and the ranks r."""
    ranks = np.array(list(combinations(range(1, n_total + 1), n_pos)))
    return np.arange(1, n_pos + 1) / ranks, ranks


def in_cells(ranks, cells):
    """Terms in cells to the nearest, halves up, exactly."""
    return np.array(
        [[math.floor(Fraction(2 * k * cells, int(r)) + 1) // 2 for k, r in enumerate(row, 1)] for row in ranks]
    )


@pytest.mark.slow
@given(shapes(8), st.sampled_from([7, 60]), st.data())
@settings(deadline=None, max_examples=60)
def test_the_distribution_beyond_a_rank(shape, cells, data):
    n_pos, n_total = shape
    until = data.draw(st.integers(0, n_total - 1))
    masses, tops, errors, dropped = reference_split.descend_distribution(n_pos, n_total, until, cells, 0.0)
    exact, ranks = terms(*shape)
    beyond = ranks > until
    k = n_pos - beyond.sum(axis=1)
    total = (in_cells(ranks, cells) * beyond).sum(axis=1)
    off = total - (exact * beyond).sum(axis=1) * cells
    expected = np.zeros_like(masses)
    np.add.at(expected, (k, total), 1 / len(ranks))
    np.testing.assert_allclose(masses, expected, rtol=1e-12, atol=1e-18)
    assert dropped == 0
    for j in range(n_pos + 1):
        assert tops[j] == max(total[k == j], default=-1)
        if np.any(k == j):
            mine = off[k == j]
            np.testing.assert_allclose(errors[:, j], [mine.min(), mine.max(), mine.mean()], atol=1e-9)
    for one, two in zip(
        (masses, tops, errors, dropped), null_split.descend_distribution(n_pos, n_total, until, cells, 0.0), strict=True
    ):
        np.testing.assert_allclose(one, two, rtol=1e-14, atol=0)


def test_backends_drop_alike():
    one = reference_split.descend_distribution(5, 60, 10, 100, 1e-6)
    two = null_split.descend_distribution(5, 60, 10, 100, 1e-6)
    for a, b in zip(one, two, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=0)
    assert one[0].sum() + one[3] == pytest.approx(1, rel=1e-12)
    assert 0 < one[3] < 1e-6 * 50 * 6


@pytest.mark.slow
@given(shapes(9), st.sampled_from([1, 3, 8]), st.data())
@settings(deadline=None, max_examples=60)
def test_the_tail_of_both_parts(shape, finer, data):
    n_pos, n_total = shape
    until, cells = data.draw(st.integers(0, n_total - 1)), 12
    masses, tops, _, _ = null_split.descend_distribution(n_pos, n_total, until, cells * finer, 0.0)
    starts = np.concatenate([[0], np.cumsum(np.arange(n_pos + 1) * cells + 1)])
    survival, lows, errors = np.ones(starts[-1]), np.arange(n_pos + 1) * cells, np.zeros((3, n_pos + 1))
    null.advance_survival(survival, starts, lows, errors, cells, 0, until)
    _, ranks = terms(*shape)
    early = ranks <= until
    total = (in_cells(ranks, cells) * early).sum(axis=1) * finer
    total += (in_cells(ranks, cells * finer) * ~early).sum(axis=1)
    shift = np.array(data.draw(st.lists(st.integers(-3, 3), min_size=n_pos + 1, max_size=n_pos + 1)))
    for edge in data.draw(st.lists(st.integers(-5, n_pos * cells * finer + 5), min_size=1, max_size=5)):
        expected = (total >= edge + shift[early.sum(axis=1)]).mean()
        args = (masses, tops, survival, starts, finer, edge + shift)
        assert reference_split.split_tail(*args) == pytest.approx(expected, rel=1e-12, abs=1e-300)
        assert null_split.split_tail(*args) == pytest.approx(expected, rel=1e-12, abs=1e-300)


@given(shapes(9), st.sampled_from([7, 60]))
@settings(deadline=None, max_examples=40)
def test_moments_of_the_sum_and_its_error(shape, cells):
    n_pos, n_total = shape
    slopes, tilts = np.array([0.0, 0.5, 3.0]), np.array([-2.0, 0.0, 1.0])
    one, two = (np.ones((n_pos + 2, 3, 3)) for _ in range(2))
    reference_null.advance_moments(one, slopes, tilts, cells, 0, n_total)
    null.advance_moments(two, slopes, tilts, cells, 0, n_total // 2)
    null.advance_moments(two, slopes, tilts, cells, n_total // 2, n_total)
    np.testing.assert_allclose(two, one, rtol=1e-13)
    exact, ranks = terms(*shape)
    total = exact.sum(axis=1)[:, None, None]
    off = in_cells(ranks, cells).sum(axis=1)[:, None, None] - total * cells
    expected = np.exp(slopes[:, None] * total + tilts * off).mean(axis=0)
    np.testing.assert_allclose(one[n_pos], expected, rtol=1e-11)


@given(shapes(10), st.floats(-50, 50), st.floats(0, 9), st.integers(1, 70))
@settings(deadline=None, max_examples=60)
def test_characteristic_functions(shape, first, step, count):
    n_pos, n_total = shape
    rank = np.arange(n_total + 1)
    lowest, highest = np.maximum(0, n_pos - n_total + rank), np.minimum(rank, n_pos)
    frequency = first + step * np.arange(count)
    expected = np.exp(1j * np.multiply.outer(frequency, terms(*shape)[0].sum(axis=1))).mean(axis=1)
    for backend in (reference_inversion, null_inversion):
        found = backend.characteristic(n_pos, (first, step, count), lowest, highest)
        np.testing.assert_allclose(found, expected, atol=1e-11)


@pytest.mark.slow
def test_backends_keep_to_a_corridor_alike():
    rank = np.arange(301)
    for width in (3, 12, 40):
        lowest = np.maximum(np.maximum(0, rank - 240), rank // 5 - width)
        highest = np.minimum(np.minimum(rank, 60), rank // 5 + width)
        args = (60, (0.3, 0.6, 64), lowest, highest)
        one, two = reference_inversion.characteristic(*args), null_inversion.characteristic(*args)
        np.testing.assert_allclose(two, one, atol=1e-14)


def test_the_tail_of_a_characteristic_function():
    values, unit = np.array([0.3, 1.1, 1.7, 2.6]), math.pi / 3
    n = 2 * np.arange(20_000) + 1
    phi = np.exp(1j * unit * np.multiply.outer(n, values)).mean(axis=1)
    s = np.array([0.0, 0.7, 1.5, 2.0, 2.9])
    one, two = reference_inversion.tail_sum(s, unit, phi), null_inversion.tail_sum(s, unit, phi)
    np.testing.assert_allclose(two, one, atol=1e-11)
    np.testing.assert_allclose(two, (values >= s[:, None]).mean(axis=1), atol=1e-3)
