"""The nearest neighbours against their definition: the same rows and values, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.kernels import cpu, reference
from fastbench.kernels.cpu.proximity import neighbors
from fastbench.kernels.names import DISTANCES

from ...examples import SOME


def rows_of(kind: str, n: int, d: int, seed: int, dtype: type = np.float32) -> np.ndarray:
    """Rows of a kind: plain, with duplicates, of few values, all equal, near each other, or one far from the others."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)) + 0.1
    if kind == "copies":
        x = x[rng.integers(0, n, n)]
    elif kind == "few values":
        x = rng.integers(1, 3, size=(n, d))
    elif kind == "constant":
        x[:] = np.arange(1, d + 1)
    elif kind == "near":
        x = x[:1] * (1 + 1e-7 * rng.integers(0, 4, size=(n, d)))
    elif kind == "far":
        x[rng.integers(0, n)] *= 1e7
    return x.astype(dtype)


KINDS = ("plain", "copies", "few values", "constant", "near", "far")
problems = st.builds(
    rows_of,
    st.sampled_from(KINDS),
    st.integers(2, 40),
    st.sampled_from([2, 3, 65]),
    st.integers(0, 2**32 - 1),
    st.sampled_from([np.float32, np.float64]),
)


def assert_same(found, expected):
    np.testing.assert_array_equal(found.indices, expected.indices)
    np.testing.assert_array_equal(found.values, expected.values)


@SOME
@given(problems, st.sampled_from(DISTANCES), st.data())
def test_equals_the_definition(x, distance, data):
    if distance == "correlation" and np.ptp(x, axis=1).min() == 0:
        return
    k = data.draw(st.integers(0, len(x) - 1))
    expected = reference.nearest_neighbors(x, k, distance)
    assert_same(cpu.nearest_neighbors(x, k, distance), expected)
    order = np.random.default_rng(0).permutation(len(x))
    moved = cpu.nearest_neighbors(x[order], k, distance)
    np.testing.assert_array_equal(moved.values[np.argsort(order)], expected.values)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shared", [0, 1 << 30], ids=["pieces", "shared"])
@pytest.mark.parametrize("side", [1, 7, 1024])
def test_tiles_and_room_cannot_be_seen(kind, side, shared, monkeypatch):
    x = rows_of(kind, 100 if side > 1 else 40, 5, 3)
    expected = reference.nearest_neighbors(x, 6, "euclidean")
    for name, value in {"SIDE": side, "SHARED_BYTES": shared, "ROOM": 16}.items():
        monkeypatch.setattr(neighbors, name, value)
    for threads in (1, 3):
        assert_same(cpu.nearest_neighbors(x, 6, "euclidean", threads), expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shared", [0, 1 << 30], ids=["pieces", "shared"])
@pytest.mark.parametrize("sure", [2.5, -1.0], ids=["seldom short", "often short"])
def test_a_sample_cannot_be_seen(kind, sure, shared, monkeypatch):
    x = rows_of(kind, 130, 5, 4)
    expected = {distance: reference.nearest_neighbors(x, 25, distance) for distance in ("euclidean", "cosine")}
    small = {"SIDE": 8, "SHARED_BYTES": shared, "ROOM": 16, "SURE": sure, "SAMPLED_FROM": 100, "LEAST_SAMPLED": 30}
    for name, value in small.items():
        monkeypatch.setattr(neighbors, name, value)
    assert neighbors.search_of(x, 25, "cosine", sample=True).sampled == 32
    for threads, distance in ((1, "euclidean"), (3, "cosine")):
        assert_same(cpu.nearest_neighbors(x, 25, distance, threads), expected[distance])


def test_equals_scikit_learn():
    peer = pytest.importorskip("sklearn.neighbors")
    x = rows_of("plain", 700, 20, 0)
    for distance in ("euclidean", "cosine"):
        search = peer.NearestNeighbors(n_neighbors=200, metric=distance, algorithm="brute").fit(x.astype(np.float64))
        far, near = search.kneighbors()
        found = cpu.nearest_neighbors(x, 200, distance)
        np.testing.assert_array_equal(found.indices, near)
        mine = np.sqrt(-found.values) if distance == "euclidean" else 1 - found.values
        np.testing.assert_allclose(mine, far, rtol=1e-9)


def test_progress_is_told():
    told: list[float] = []
    cpu.nearest_neighbors(rows_of("plain", 300, 4, 0), 5, "cosine", progress=told.append)
    assert told[-1] == 1
    assert told == sorted(told)
