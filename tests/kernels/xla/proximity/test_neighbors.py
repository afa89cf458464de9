"""Neighbours on XLA devices equal the definition, whatever the blocks and candidates."""

from __future__ import annotations

import pytest

from fastbench.kernels import cpu, reference, xla
from fastbench.kernels.xla.proximity import neighbors

from ...proximity.test_neighbors import KINDS, assert_same, rows_of


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
def test_equals_the_definition(kind, distance):
    x = rows_of(kind, 60, 5, 3)
    assert_same(xla.nearest_neighbors(x, 6, distance, platform="cpu"), reference.nearest_neighbors(x, 6, distance))


@pytest.mark.parametrize(("block_bytes", "more"), [(60 * 8 * 7, 1), (1, 40)])
def test_blocks_and_candidates_cannot_be_seen(block_bytes, more, monkeypatch):
    monkeypatch.setattr(neighbors, "BLOCK_BYTES", block_bytes)
    monkeypatch.setattr(neighbors, "MORE", more)
    x = rows_of("copies", 60, 5, 3)
    told: list[float] = []
    found = xla.nearest_neighbors(x, 6, "abs_cosine", progress=told.append, platform="cpu")
    assert_same(found, cpu.nearest_neighbors(x, 6, "abs_cosine"))
    assert told[-1] == 1


def test_no_product_is_searched_by_definition():
    x = rows_of("plain", 30, 3, 0)
    assert_same(xla.nearest_neighbors(x, 29, "manhattan"), reference.nearest_neighbors(x, 29, "manhattan"))
    assert_same(xla.nearest_neighbors(x, 29, "euclidean"), reference.nearest_neighbors(x, 29, "euclidean"))
    assert xla.nearest_neighbors(x[:0], 0, "euclidean").indices.shape == (0, 0)
