"""The kernel that multiplies and counts at once; `interpret` runs it as plain XLA."""

from __future__ import annotations

import numpy as np
import pytest

from fastbench.kernels.codes import key_index
from fastbench.kernels.xla import ranking
from fastbench.kernels.xla.rank import fused, tiling

from ...strategies import make_codes
from ..definition import PLATFORM, PRODUCTS, assert_equals_definition


def fuse(monkeypatch):
    """Take the fused kernel where there is no GPU too."""
    monkeypatch.setattr(ranking, "_fused", lambda *_: "gpu" if PLATFORM == "gpu" else "interpret")


@pytest.mark.parametrize("name", ["bf16x3", "fp16x3"])
@pytest.mark.parametrize("distance", PRODUCTS)
def test_fused_kernel_counts_the_same(name, distance, monkeypatch):
    """Ragged blocks, keys, ties; `interpret` runs the kernel of the GPU as plain XLA."""
    fuse(monkeypatch)
    several = (name, distance) == ("fp16x3", "cosine")  # widths of queries: each is a program to compile
    monkeypatch.setattr(tiling, "WIDTHS", (4, 8) if several else (8,))
    rng = np.random.default_rng(4)
    n = 300
    x = rng.normal(size=(n, 70)).astype(np.float32)
    x[200:] = x[rng.integers(0, 200, 100)]
    group = rng.permutation(np.repeat(np.arange(76), np.resize([1, 2, 6, 7], 76)))[:n]
    plate = rng.integers(0, 3, n)
    codes = make_codes(group), make_codes(plate, exclude=[group])
    prepared, rechecked = assert_equals_definition(x, distance, *codes, precision=name)
    assert prepared.fused
    assert rechecked > 0


def test_overflow_of_the_list_is_counted_again(monkeypatch):
    """A collapsed embedding: all entries are undecided, more than the fused kernel has room for."""
    fuse(monkeypatch)
    monkeypatch.setattr(fused, "ROOM", 1 << 12)
    started = []
    start = ranking.start
    monkeypatch.setattr(ranking, "start", lambda *given: started.append(given[2].setup.fused) or start(*given))
    n = 90
    x = np.ones((n, 5), np.float32)
    x[:, 1] = np.nextafter(np.float32(1), np.float32(2)) ** (np.arange(n) % 2)
    group = np.arange(n) // 3
    codes = make_codes(group), make_codes(np.zeros(n, int), exclude=[group])
    _, rechecked = assert_equals_definition(x, "cosine", *codes, precision="fp16x3")
    assert started[0]
    assert not started[-1]
    assert rechecked == n * (n - 3)


@pytest.mark.parametrize("form", ["bits", "columns", "lists"])
def test_fused_kernel_knows_all_forms_of_keys(form, monkeypatch):
    fuse(monkeypatch)
    monkeypatch.setattr(tiling, "WIDTHS", (8,))  # fewer programs to compile
    rng = np.random.default_rng(6)
    n = 200
    x = rng.normal(size=(n, 20)).astype(np.float32)
    group = rng.permutation(n) // 6
    if form == "bits":
        negative = make_codes(np.zeros(n, int), exclude=[group % 7])
    elif form == "columns":
        negative = make_codes(np.zeros(n, int), exclude=[rng.permutation(n)])
    else:
        keys_of_rows = np.concatenate([np.sort(rng.choice(150, size=2, replace=False)) for _ in range(n)])
        labels = key_index(keys_of_rows, np.repeat(np.arange(n), 2), n, 150)
        negative = make_codes(np.zeros(n, int))._replace(exclude=labels)
    prepared, _ = assert_equals_definition(x, "cosine", make_codes(group), negative, precision="fp16x3")
    assert prepared.forms[1] == form
