"""Distances of two samples against their definition, and that against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist, pdist

from fastbench.kernels import cpu, reference
from fastbench.kernels.cpu.proximity import samples

from ...examples import SOME
from .test_label_distances import labels_of, problems
from .test_neighbors import KINDS, rows_of

PAIRS = np.array([[0, 0], [0, 2], [1, 1], [2, 1]])


def assert_same(found, expected, n):
    """To the last bit, but for exponentials, each of which may be counted as one part more or less."""
    np.testing.assert_array_equal(found.distances, expected.distances)
    assert found.median == expected.median or (np.isnan(found.median) and np.isnan(expected.median))
    np.testing.assert_allclose(found.similarities, expected.similarities, rtol=0, atol=n * n / 2**32)


@SOME
@given(problems, st.data())
def test_equals_the_definition(x, data):
    cut = data.draw(st.integers(0, len(x)))
    found = cpu.compare_samples(x[:cut], x[cut:])
    assert_same(found, reference.compare_samples(x[:cut], x[cut:]), len(x))
    order = np.random.default_rng(0).permutation(cut)
    moved = cpu.compare_samples(x[:cut][order], x[cut:])
    for one, other in zip(moved, found, strict=True):
        np.testing.assert_array_equal(one, other)
    labels = labels_of(len(x), 3)
    expected = reference.pair_sums(x, labels, 3, PAIRS)
    np.testing.assert_array_equal(cpu.pair_sums(x, labels, 3, PAIRS), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_tiles_threads_and_what_is_held_cannot_be_seen(kind, monkeypatch):
    x = rows_of(kind, 90, 5, 3)
    labels = labels_of(90, 3)
    expected, sums = cpu.compare_samples(x[:40], x[40:]), cpu.pair_sums(x, labels, 3, PAIRS)
    for side, held, threads in ((1, 1 << 22, 3), (7, 0, 1), (512, 0, 3)):
        monkeypatch.setattr(samples, "SIDE", side)
        monkeypatch.setattr(samples, "HELD", held)
        found = cpu.compare_samples(x[:40], x[40:], threads)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(cpu.pair_sums(x, labels, 3, PAIRS, threads), sums)


def test_equals_distances_of_scipy():
    x = rows_of("plain", 300, 20, 0).astype(float)
    one, other = x[:120], x[120:]
    found = cpu.compare_samples(one, other)
    between = [cdist(one, one), cdist(one, other), cdist(other, other)]
    np.testing.assert_allclose(found.distances, [each.sum() for each in between], rtol=1e-8)
    assert abs(found.median - np.median(pdist(x))) < 1e-8
    similar = [np.exp(-(each**2) / (2 * found.median**2)).sum() for each in between]
    np.testing.assert_allclose(found.similarities, np.subtract(similar, [120, 0, 180]), rtol=1e-8)
