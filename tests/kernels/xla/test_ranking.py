"""The JAX backend against the definition: same values, same counts, to the last bit, on one device and on several."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.kernels import xla
from fastbench.kernels.backend import Status
from fastbench.kernels.codes import key_index, merge_indexes
from fastbench.kernels.xla import ranking
from fastbench.kernels.xla.rank import keys, launches, tiling

from ...examples import FEW
from ..strategies import make_codes, pair_codes
from .definition import PRODUCTS, assert_equals_definition


@st.composite
def problems(draw):
    """Rows with duplicates, scaled copies and near-ties one step of the type apart, and two rules."""
    n = draw(st.integers(1, 40))
    d = draw(st.sampled_from([2, 3, 63, 64]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    distance = draw(st.sampled_from(PRODUCTS))
    x = rng.normal(size=(n, d))
    if distance != "cosine" or draw(st.booleans()):
        x = x.astype(np.float32)
    kind = draw(st.sampled_from(["plain", "copies", "near", "few values"]))
    if kind == "copies":
        x = x[rng.integers(0, n, n)] * x.dtype.type(2) ** rng.integers(-3, 3, (n, 1))
    elif kind == "near":
        x = np.repeat(x[:1], n, axis=0)
        for i in rng.integers(0, n, n // 2):
            x[i, 0] = np.nextafter(x[i, 0], x.dtype.type(np.inf))
    elif kind == "few values":
        x = rng.integers(1, 3, size=(n, d)).astype(x.dtype)
    return np.ascontiguousarray(x), distance, draw(pair_codes(n)), draw(pair_codes(n))


def two_words(index):
    """The device's form of an index of few keys, always of one width."""
    form, array = keys.device_keys(index)
    assert form in ("none", "bits")
    return form, np.pad(array, ((0, 0), (0, 2 - array.shape[1])))


@given(problem=problems())
@FEW
def test_counts_equal_the_definition(problem, monkeypatch):
    x, distance, positive, negative = problem
    if distance == "correlation" and np.any(x.max(axis=1) == x.min(axis=1)):
        return
    # Fewer programs to compile: a key that only row 0 has excludes nothing; both ways of counting are still met.
    own = key_index(np.zeros(1, int), np.zeros(1, int), len(x), 1)
    negative = negative._replace(exclude=merge_indexes(negative.exclude, own))
    monkeypatch.setattr(tiling, "WIDTHS", (16,))
    monkeypatch.setattr(ranking, "device_keys", two_words)
    queries = np.random.default_rng(0).permutation(len(x))
    prepared, _ = assert_equals_definition(x, distance, positive, negative, queries)
    assert prepared.status is Status.READY
    assert not prepared.reason


@pytest.mark.parametrize("group", [2, 6, 30, 130])
def test_any_number_of_positives(group):
    rng = np.random.default_rng(group)
    n = 400
    x = rng.normal(size=(n, 20)).astype(np.float32)
    x[200:] = x[rng.integers(0, 200, 200)]
    label = rng.permutation(np.arange(n) // group)
    codes = make_codes(label), make_codes(np.zeros(n, int), exclude=[label])
    prepared, rechecked = assert_equals_definition(x, "cosine", *codes)
    assert prepared.status is Status.READY
    assert not prepared.reason
    assert rechecked > 0  # copies lie inside the band


def test_ragged_blocks_share_tiles():
    """Plates of unequal size, controls against treated wells, groups from one row to hundreds."""
    rng = np.random.default_rng(1)
    plate = np.repeat(np.arange(7), [1, 90, 70, 200, 33, 150, 56])
    n = len(plate)
    kind = (rng.random(n) < 0.8).astype(int)  # one diffby column with large groups: whole ranges are left out
    group = np.where(rng.random(n) < 0.3, 0, rng.integers(1, 60, n))
    order = rng.permutation(n)
    x = rng.normal(size=(n, 33)).astype(np.float32)
    codes = make_codes(group[order]), make_codes(plate[order], exclude=[kind[order], group[order]])
    assert_equals_definition(x, "cosine", *codes, queries=rng.permutation(n)[:500])


def test_equal_rows_leave_everything_undecided(monkeypatch):
    """A collapsed embedding: every entry is looked at again, in as many rounds as it takes."""
    n = 90
    x = np.ones((n, 5), np.float32)
    x[:, 1] = np.nextafter(np.float32(1), np.float32(2)) ** (np.arange(n) % 2)
    group = np.arange(n) // 3
    codes = make_codes(group), make_codes(np.zeros(n, int), exclude=[group])
    with monkeypatch.context() as patch:
        patch.setattr(launches, "ROUND", 1 << 40)
        patch.setattr(launches, "LEAST_GROUPS", 1)
        patch.setattr(launches, "LEAST_ENTRIES", 7)
        _, rechecked = assert_equals_definition(x, "cosine", *codes)
    assert rechecked == n * (n - 3)


@pytest.mark.parametrize(("queries", "columns"), [((8, 24), (64, 192)), ((1,), (64,))])
def test_tile_sizes_do_not_matter(monkeypatch, queries, columns):
    rng = np.random.default_rng(5)
    n = 100 if queries == (1,) else 300
    x = rng.normal(size=(n, 20)).astype(np.float32)
    x[n // 2 :] = x[rng.integers(0, n // 2, n - n // 2)]
    group, plate = np.arange(n) // 5, rng.integers(0, 3, n)
    monkeypatch.setattr(tiling, "QUERY_SIZES", queries)
    monkeypatch.setattr(tiling, "COLUMN_SIZES", columns)
    monkeypatch.setattr(tiling, "largest_tile", lambda free: (queries[-1], columns[-1]))
    assert_equals_definition(x, "cosine", make_codes(group), make_codes(plate, exclude=[group]))


def test_ragged_problems_share_compiled_programs():
    from jax import monitoring

    compiled = []
    monitoring.register_event_duration_secs_listener(
        lambda event, _, **__: compiled.append(event) if event.endswith("backend_compile_duration") else None
    )
    rng = np.random.default_rng(2)
    for n in (*range(150, 290, 20), 231):
        x = rng.normal(size=(n, 10 + n % 7)).astype(np.float32)
        group = rng.integers(0, n // 3, n)
        codes = make_codes(group), make_codes(np.zeros(n, int), exclude=[group])
        assert_equals_definition(x, "cosine", *codes, queries=rng.permutation(n)[: n // 2])
    # At most: two key forms (by words) x three widths, and the small programs of prepare; not one for each problem.
    assert 0 < len(compiled) <= 16


SEVERAL = """
import sys
import fastbench.kernels, fastbench.kernels.dispatch
assert "jax" not in sys.modules  # nothing of JAX before this backend is asked for
import numpy as np
import jax
before = {name: getattr(jax.config, name, None) for name in jax.config.values}
from fastbench.kernels import cpu, reference, xla
from fastbench.kernels.codes import PairCodes, column_index
assert len(jax.devices()) == 4
rng = np.random.default_rng(0)
for n, plates, width in ((7, 1, 5), (400, 3, 6)):
    x = rng.normal(size=(n, 40)).astype(np.float32)
    x[n // 2 :] = x[: n - n // 2]
    plate, group = rng.integers(0, plates, n), np.arange(n) // width
    rule = lambda block, *out: PairCodes(column_index([block], n), column_index([], n), column_index(out, n))
    queries = rng.permutation(n)[: n - 1]
    offsets, positives = cpu.partners(rule(group), queries)
    negative = rule(np.unique(plate, return_inverse=True)[1], group)
    backend = fastbench.kernels.dispatch.get_backend("cpu-xla")
    prepared = backend.prepare(x, "cosine", negative)
    assert len(prepared.devices) == 4 and not prepared.reason, prepared.reason
    got = backend.count_outranking(prepared, queries, offsets, positives)
    expected = reference.count_outranking(reference.prepare(x, "cosine", negative), queries, offsets, positives)
    assert all(np.array_equal(a, b) for a, b in zip(got[:3], expected[:3]))
assert before == {name: getattr(jax.config, name, None) for name in before}
print("equal")
"""

HOSTILE = {
    "JAX_NUMPY_DTYPE_PROMOTION": "strict",
    "JAX_NUMPY_RANK_PROMOTION": "raise",
    "JAX_DEFAULT_MATMUL_PRECISION": "bfloat16",
    "JAX_TRANSFER_GUARD": "disallow",
    "JAX_DEBUG_NANS": "1",
}


def test_several_devices_under_any_configuration():
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=4 --xla_cpu_use_fusion_emitters=false"}
    flags |= {"JAX_PLATFORMS": "cpu", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}  # as in tests/quick_programs.py
    done = subprocess.run(
        [sys.executable, "-c", SEVERAL], env=os.environ | flags | HOSTILE, capture_output=True, text=True
    )
    assert done.stdout == "equal\n", done.stderr


def test_availability():
    assert xla.available("cpu")
    assert not xla.available("no such platform")
