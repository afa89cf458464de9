"""The compiled ranking against its definition: same values, same counts, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastbench.kernels import cpu, reference
from fastbench.kernels.codes import PairCodes, column_index
from fastbench.kernels.cpu import ranking
from fastbench.kernels.cpu.similarity import moments, pair_value
from fastbench.kernels.reference.similarity import DISTANCES, LANES, similarity

from .strategies import pair_codes


@st.composite
def features(draw, n):
    """Rows with duplicates, scaled copies and near-ties one float32 step apart."""
    d = draw(st.sampled_from([1, 2, 3, 63, 64, 65, 130]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    x = rng.normal(size=(n, d)).astype(draw(st.sampled_from([np.float32, np.float64])))
    kind = draw(st.sampled_from(["plain", "copies", "near", "few values", "constant"]))
    if kind == "copies":
        x = x[rng.integers(0, n, n)]
    elif kind == "near":
        x = np.repeat(x[:1], n, axis=0)
        x[:, 0] = np.nextafter(x[:, 0], np.inf, dtype=x.dtype)
        x[rng.integers(0, n, n // 2), 0] *= x.dtype.type(1 + 2**-22)
    elif kind == "few values":
        x = rng.integers(1, 3, size=(n, d)).astype(x.dtype)
    elif kind == "constant":
        x[:] = 1.5
    scale = draw(st.sampled_from([1.0, 1e-20, 1e15]))
    return np.ascontiguousarray(x * x.dtype.type(scale))


@st.composite
def problems(draw):
    n = draw(st.integers(1, 40))
    return draw(features(n)), draw(pair_codes(n)), draw(pair_codes(n))


@given(problems(), st.sampled_from(DISTANCES), st.integers(1, 3))
@settings(max_examples=150, deadline=None)
def test_counts_equal_the_definition(problem, distance, threads):
    x, positive, negative = problem
    if distance == "correlation" and np.any(x.max(axis=1) == x.min(axis=1)):
        return
    n = len(x)
    queries = np.random.default_rng(0).permutation(n)
    offsets, mates = cpu.partners(positive, queries)
    expected = reference.count_outranking(reference.prepare(x, distance, negative), queries, offsets, mates)
    got = cpu.count_outranking(cpu.prepare(x, distance, negative), queries, offsets, mates, threads)
    for mine, definition in zip(got[:3], expected[:3], strict=True):
        np.testing.assert_array_equal(mine, definition)


@pytest.mark.parametrize("columns", [1, 7, 64, 100_000])
@pytest.mark.parametrize("few", [0, 24])
def test_tiles_and_methods_do_not_matter(monkeypatch, columns, few):
    rng = np.random.default_rng(5)
    n = 400
    x = rng.normal(size=(n, 20)).astype(np.float32)
    x[200:] = x[rng.integers(0, 200, 200)]
    group, plate = np.arange(n) // 8, rng.integers(0, 2, n)
    positive = make_codes(block=group)
    negative = make_codes(block=plate, exclude=[group])
    queries = np.arange(n)
    offsets, mates = cpu.partners(positive, queries)
    expected = reference.count_outranking(reference.prepare(x, "cosine", negative), queries, offsets, mates)
    monkeypatch.setattr(ranking, "TILE_COLUMNS", columns)
    monkeypatch.setattr(ranking, "TILE_QUERIES", max(8, columns // 3))
    monkeypatch.setattr(ranking, "SHORT_LIST", 1)
    monkeypatch.setattr(ranking, "FEW_POSITIVES", few)
    got = cpu.count_outranking(cpu.prepare(x, "cosine", negative), queries, offsets, mates)
    for mine, definition in zip(got[:3], expected[:3], strict=True):
        np.testing.assert_array_equal(mine, definition)
    assert got[3] > 0  # copies lie inside the band, so something was rechecked


def test_large_groups_are_searched_not_compared():
    rng = np.random.default_rng(6)
    n = 600
    x = rng.normal(size=(n, 16)).astype(np.float32)
    x[300:] = x[:300]
    label = rng.integers(0, 5, n)
    codes = make_codes(block=label), make_codes(block=np.zeros(n, int), exclude=[label])
    queries = np.arange(n)
    offsets, mates = cpu.partners(codes[0], queries)
    assert np.diff(offsets).max() > ranking.FEW_POSITIVES
    expected = reference.count_outranking(reference.prepare(x, "cosine", codes[1]), queries, offsets, mates)
    got = cpu.count_outranking(cpu.prepare(x, "cosine", codes[1]), queries, offsets, mates)
    for mine, definition in zip(got[:3], expected[:3], strict=True):
        np.testing.assert_array_equal(mine, definition)


@pytest.mark.parametrize("d", [1, 64, 500, 2000])
def test_certificate_holds_on_adversarial_rows(d):
    """The float32 product never strays further from the deciding value than the stated bound."""
    rng = np.random.default_rng(d)
    rows = [rng.normal(size=(20, d)), rng.choice([-1.0, 1.0], size=(20, d)), np.ones((5, d)) * (1 + 2**-20)]
    rows.append(10.0 ** rng.uniform(-30, 15, size=(20, d)))
    x = np.concatenate(rows).astype(np.float32)
    codes = make_codes(block=np.zeros(len(x), int))
    prepared = cpu.prepare(x, "cosine", codes)
    tile = prepared.units @ prepared.units.T
    i, j = (m.ravel() for m in np.mgrid[: len(x), : len(x)])
    exact = similarity(x, i, j, "cosine").reshape(tile.shape)
    assert np.abs(tile - exact).max() <= ranking.error_bound(d)


@pytest.mark.parametrize("distance", DISTANCES)
def test_pair_values_are_bit_equal(distance):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(30, 3 * LANES + 5)).astype(np.float32)
    code = DISTANCES.index(distance)
    shift, norm = moments(x, code)
    i, j = rng.integers(0, 30, (2, 200))
    scratch = np.empty(LANES)
    mine = [pair_value(x, a, b, shift, norm, code, scratch) for a, b in zip(i, j, strict=True)]
    np.testing.assert_array_equal(mine, similarity(x, i, j, distance))


def make_codes(block, exclude=()) -> PairCodes:
    n = len(block)
    return PairCodes(
        column_index([np.unique(block, return_inverse=True)[1]], n),
        column_index([], n),
        column_index([np.unique(e, return_inverse=True)[1] for e in exclude], n),
    )
