"""Sweeps over blocks of ranks, and characteristic functions of several lists."""

from itertools import pairwise

import numpy as np
import pytest

from fastbench.engine.nulls.scaled import _block, _bounds
from fastbench.kernels import cpu, reference
from fastbench.kernels.reference import null_inversion as reference_inversion

BACKENDS = [cpu, reference]


@pytest.mark.parametrize("cells", [3.0, 40.0])
def test_sweeps_equal_their_definition(cells):
    bounds = _bounds(60, 8)
    blocks = [_block(5, a, b) for a, b in pairwise(bounds)]
    most = max(weights.shape[1] for weights, _ in blocks)
    weights, means = (
        np.stack([np.pad(each[i], ((0, 0), (0, most - each[i].shape[1]))) for each in blocks]) for i in (0, 1)
    )
    tables = [np.zeros((6, 33)) for _ in BACKENDS]
    for backend, table in zip(BACKENDS, tables, strict=True):
        table[:, 0] = 1
        backend.advance_scaled(table, weights, means, cells)
    np.testing.assert_allclose(*tables, rtol=1e-12)
    for k in range(1, 6):
        found = [backend.scaled_tail(tables[1], k, weights[-1, k], means[-1, k], cells) for backend in BACKENDS]
        np.testing.assert_allclose(*found, rtol=1e-12)


def test_blocks_of_one_rank_are_the_recursion():
    weights, means = _block(4, 9, 10)
    for k in range(5):
        np.testing.assert_allclose(weights[k], [(10 - k) / 10, k / 10], rtol=1e-12, atol=1e-15)
        assert means[k, 1] == pytest.approx(k / 10)


def test_a_block_adds_the_mean_of_its_terms():
    """The mean of S over all placements of k among the ranks up to b, however these are cut into blocks."""
    for k, a, b in ((3, 12, 17), (5, 30, 38)):
        before = np.array([j * reference.expected_ap(j, a) if j else 0.0 for j in range(k + 1)])
        weights, means = _block(k, a, b)
        j = np.arange(weights.shape[1])
        assert weights[k].sum() == pytest.approx(1)
        total = (weights[k] * (before[k - j] + means[k])).sum()
        assert total == pytest.approx(k * float(reference.expected_ap(k, b)), rel=1e-9)


@pytest.mark.parametrize("backend", BACKENDS)
def test_lists_of_several_lengths(backend):
    theta, totals = (0.3, 1.7, 5), np.array([6, 9, 9, 20])
    found = backend.characteristic_lists(np.full(4, 4), theta, totals)
    exponents = np.array([0.01, 0.5, 2.0])
    moments = backend.exponential_moments(np.full(4, 4), exponents, totals)
    for total, phi, moment in zip(totals, found, moments, strict=True):
        s = 4 * reference.enumerate_ap(4, int(total))
        frequency = theta[0] + theta[1] * np.arange(theta[2])
        np.testing.assert_allclose(phi, np.exp(1j * np.multiply.outer(frequency, s)).mean(axis=1), atol=1e-13)
        np.testing.assert_allclose(moment, np.exp(np.multiply.outer(exponents, s)).mean(axis=1), rtol=1e-13)


@pytest.mark.parametrize("backend", BACKENDS)
def test_shapes_that_share_a_sweep_do_not_touch_each_other(backend):
    theta, n_pos, totals = (0.3, 1.7, 5), np.array([3, 12, 1, 25, 7]), np.array([6, 13, 13, 40, 41])
    found = backend.characteristic_lists(n_pos, theta, totals)
    exponents = np.array([0.1, 3.0])
    moments = backend.exponential_moments(n_pos, exponents, totals)
    for i in range(len(totals)):
        np.testing.assert_array_equal(backend.characteristic_lists(n_pos[[i]], theta, totals[[i]])[0], found[i])
        highest = np.minimum(np.arange(totals[i] + 1), n_pos[i])
        by_definition = reference_inversion.characteristic(int(n_pos[i]), theta, 0 * highest, highest)
        np.testing.assert_allclose(found[i], by_definition, atol=1e-13)
        some = backend.exponential_moments(n_pos[[i]], exponents, totals[[i]])[0]
        np.testing.assert_array_equal(some, moments[i])
        defined = reference_inversion.exponential_moments(n_pos[[i]], exponents, totals[[i]])[0]
        np.testing.assert_allclose(some, defined, rtol=1e-12)
