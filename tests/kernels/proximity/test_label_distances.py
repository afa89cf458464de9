"""Sums of distances against their definition, to the last bit, and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.kernels import cpu, reference
from fastbench.kernels.cpu.proximity import label_distances

from ...examples import SOME
from .test_neighbors import KINDS, rows_of

problems = st.builds(
    rows_of,
    st.sampled_from(KINDS),
    st.integers(1, 40),
    st.sampled_from([1, 3, 65]),
    st.integers(0, 2**32 - 1),
    st.sampled_from([np.float32, np.float64]),
)


def labels_of(n: int, count: int) -> np.ndarray:
    return np.random.default_rng(n).integers(-1, count, n)


@SOME
@given(problems, st.integers(1, 5))
def test_equals_the_definition(x, count):
    labels = labels_of(len(x), count)
    found = cpu.distance_sums(x, labels, count)
    np.testing.assert_array_equal(found, reference.distance_sums(x, labels, count))
    order = np.random.default_rng(0).permutation(len(x))
    np.testing.assert_array_equal(cpu.distance_sums(x[order], labels[order], count), found[order])
    found = cpu.cosine_sums(x, labels, count)
    np.testing.assert_array_equal(found, reference.cosine_sums(x, labels, count))
    np.testing.assert_array_equal(cpu.cosine_sums(x[order], labels[order], count), found[order])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("side", [1, 7, 512])
def test_tiles_and_threads_cannot_be_seen(kind, side, monkeypatch):
    x = rows_of(kind, 90, 5, 3)
    labels = labels_of(90, 4)
    expected = reference.distance_sums(x, labels, 4)
    monkeypatch.setattr(label_distances, "SIDE", side)
    for threads in (1, 3):
        np.testing.assert_array_equal(cpu.distance_sums(x, labels, 4, threads), expected)


def test_equals_distances_of_scipy():
    peer = pytest.importorskip("scipy.spatial.distance")
    x = rows_of("plain", 300, 20, 0)
    labels = labels_of(300, 3)
    one_hot = labels[:, None] == np.arange(3)
    sums = cpu.distance_sums(x, labels, 3) * cpu.distance_unit(x)
    wide = x.astype(np.float64)
    # Each of at most 300 distances is rounded by half a unit.
    np.testing.assert_allclose(sums, peer.cdist(wide, wide) @ one_hot, atol=300 * cpu.distance_unit(x) / 2)
    np.testing.assert_allclose(cpu.cosine_sums(x, labels, 3), peer.cdist(wide, wide, "cosine") @ one_hot, atol=1e-10)


def test_the_unit_is_a_power_of_two_that_scales_with_the_data():
    x = rows_of("plain", 50, 3, 1)
    unit = cpu.distance_unit(x)
    assert np.log2(unit) == np.round(np.log2(unit))
    assert cpu.distance_unit(x * 4) == 4 * unit
    assert cpu.distance_unit(x[:1]) == cpu.distance_unit(x[:0]) == 1.0
    diagonal = np.sqrt(((x.max(axis=0) - x.min(axis=0)).astype(np.float64) ** 2).sum())
    assert diagonal <= unit * 2**31 <= 8 * diagonal
