"""Sums of distances on XLA devices equal the definition, whatever the blocks and how much is in doubt."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.kernels import reference, xla
from fastbench.kernels.xla.proximity import label_distances

from ....examples import SOME
from ...proximity.test_label_distances import labels_of
from ...proximity.test_neighbors import KINDS, rows_of


@SOME
@given(
    st.sampled_from(KINDS),
    st.integers(1, 60),
    st.sampled_from([1, 2, 7]),
    st.integers(0, 2**32 - 1),
    st.sampled_from([np.float32, np.float64]),
)
def test_equals_the_definition(kind, n, count, seed, dtype):
    x, labels = rows_of(kind, n, 5, seed, dtype), labels_of(n, count)
    found = xla.distance_sums(x, labels, count, platform="cpu")
    np.testing.assert_array_equal(found, reference.distance_sums(x, labels, count))


@pytest.mark.parametrize("block_bytes", [1, 1 << 30], ids=["one query", "all"])
def test_blocks_and_threads_cannot_be_seen(block_bytes, monkeypatch):
    monkeypatch.setattr(label_distances, "BLOCK_BYTES", block_bytes)
    x, labels = rows_of("plain", 100, 5, 3), np.repeat([0, 1, 2, 3], [70, 28, 1, 1])  # two labels of one row
    told: list[float] = []
    found = xla.distance_sums(x, labels, 5, 3, told.append, platform="cpu")  # and one of none
    np.testing.assert_array_equal(found, reference.distance_sums(x, labels, 5))
    assert told[-1] == 1


def test_all_in_doubt_is_the_definition(monkeypatch):
    monkeypatch.setattr(label_distances, "MORE_ROUNDING", 2.0**40)
    x, labels = rows_of("copies", 100, 5, 3), labels_of(100, 3)
    found = xla.distance_sums(x, labels, 3, platform="cpu")
    np.testing.assert_array_equal(found, reference.distance_sums(x, labels, 3))


def test_the_sizes_of_programs_are_few():
    sizes = {label_distances._padded(groups) for groups in range(1, 5000)}
    assert len(sizes) < 60
    assert all(0 <= label_distances._padded(n) - n <= max(n / 8 + 1, 15) for n in range(1, 5000))
