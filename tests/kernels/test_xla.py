"""The JAX backend against the definition: same values, same counts, to the last bit, on one device and on several."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fastbench.kernels import cpu, reference, xla
from fastbench.kernels.backend import Status
from fastbench.kernels.codes import column_index, key_index, merge_indexes
from fastbench.kernels.cpu.rank.operands import unit_rows
from fastbench.kernels.cpu.rank.rows import describe_rows
from fastbench.kernels.names import DISTANCE_TABLE
from fastbench.kernels.reference.pairs import _shares_key
from fastbench.kernels.reference.similarity import similarity
from fastbench.kernels.xla import context, ranking
from fastbench.kernels.xla.rank import deciding, fused, keys, launches, precision, resident, tiling, usable

from .strategies import label_index, make_codes, pair_codes

#: Whose devices are tried: "gpu" on a machine that has one.
PLATFORM = os.environ.get("FASTBENCH_XLA_PLATFORM", "cpu")
PRODUCTS = ("cosine", "abs_cosine", "correlation")


@pytest.fixture(autouse=True)
def small_problems_count(monkeypatch):
    """These problems are small, and meant for the devices."""
    monkeypatch.setattr(usable, "LEAST_FLOPS", {})


def assert_equals_definition(x, distance, positive, negative, queries=None, **options):
    """Counts of this backend equal those of the reference; returns what was prepared and the entries rechecked."""
    queries = np.arange(len(x)) if queries is None else queries
    offsets, positives = cpu.partners(positive, queries)
    prepared = xla.prepare(x, distance, negative, platform=PLATFORM, **options)
    got = xla.count_outranking(prepared, queries, offsets, positives)
    expected = reference.count_outranking(reference.prepare(x, distance, negative), queries, offsets, positives)
    for mine, definition in zip(got[:3], expected[:3], strict=True):
        np.testing.assert_array_equal(mine, definition)
    return prepared, got.rechecked


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
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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


@pytest.mark.parametrize("name", xla.PRECISIONS)
@pytest.mark.parametrize("d", [1, 64, 700])
def test_certificate_holds_on_adversarial_rows(name, d):
    rng = np.random.default_rng(d)
    rows = [rng.normal(size=(20, d)), rng.choice([-1.0, 1.0], size=(20, d)), np.ones((5, d)) * (1 + 2**-9 + 2**-20)]
    rows.append(10.0 ** rng.uniform(-30, 15, size=(20, d)))
    x = np.concatenate(rows).astype(np.float32)
    units = np.empty(x.shape, np.float32)
    rows = describe_rows(x, np.arange(len(x)), DISTANCE_TABLE["cosine"])
    unit_rows(x, rows.at, rows.shift, rows.norm, units)
    i, j = (m.ravel() for m in np.mgrid[: len(x), : len(x)])
    exact = similarity(x, i, j, "cosine").reshape(len(x), len(x))
    with context.settings():
        operands = precision.operands(units, name)
        error = np.abs(np.asarray(precision.product(operands, operands, name)) - exact).max()
    assert error <= precision.error_bound(d, name)
    if name == "tf32" and d > 1:  # its operands really are rounded: float32's bound would not do
        assert error > 2.0**-15


@pytest.mark.parametrize("name", ["tf32", "bf16x3", "fp16x3"])
def test_precision_does_not_change_counts(name):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(300, 64)).astype(np.float32)
    group = np.arange(300) // 4
    codes = make_codes(group), make_codes(np.zeros(300, int), exclude=[group])
    _, coarse = assert_equals_definition(x, "cosine", *codes, precision=name)
    _, fine = assert_equals_definition(x, "cosine", *codes)
    assert coarse > fine


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("distance", PRODUCTS)
def test_deciding_values_are_bit_equal(distance, dtype):
    """`prepare` itself compares random pairs; here all pairs of rows of several steps."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(40, 3 * 64 + 5)).astype(dtype)
    prepared = xla.prepare(x, distance, make_codes(np.zeros(40, int)), platform=PLATFORM)
    assert prepared.status is Status.READY
    assert not prepared.reason
    i, j = (m.ravel().astype(np.int32) for m in np.mgrid[:40, :40])
    r = prepared.resident
    with context.settings():
        mine = deciding.deciding_value(r.features, r.norm, r.zero, i, j, distance == "abs_cosine")
    np.testing.assert_array_equal(mine, similarity(x, i, j, distance))


@pytest.mark.parametrize(("dtype", "number"), [(np.float32, 1e-40), (np.float64, 1e-150), (np.float64, 1e100)])
def test_numbers_that_a_device_may_flush_stay_on_the_host(dtype, number):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(30, 4)).astype(dtype)
    x[3, 2] = number
    x[5, 1] = 0
    codes = make_codes(np.arange(30) // 3), make_codes(np.zeros(30, int))
    prepared, _ = assert_equals_definition(x, "cosine", *codes)
    assert prepared.status is Status.ON_HOST
    assert "same bits" in prepared.reason


def test_a_device_with_other_bits_is_not_trusted(monkeypatch):
    true = resident._deciding_value
    monkeypatch.setattr(resident, "_deciding_value", lambda *a: np.nextafter(np.asarray(true(*a)), 2))
    x = np.random.default_rng(1).normal(size=(30, 4)).astype(np.float32)
    codes = make_codes(np.arange(30) // 3), make_codes(np.zeros(30, int))
    prepared, _ = assert_equals_definition(x, "cosine", *codes)
    assert prepared.status is Status.ON_HOST
    assert "same bits" in prepared.reason


@pytest.mark.parametrize("distance", ["euclidean", "manhattan", "chebyshev"])
def test_other_distances_are_counted_on_the_host(distance):
    x = np.random.default_rng(1).normal(size=(30, 4)).astype(np.float32)
    codes = make_codes(np.arange(30) // 3), make_codes(np.zeros(30, int))
    prepared, _ = assert_equals_definition(x, distance, *codes)
    assert distance in prepared.reason


def test_keys_without_a_compact_form_are_counted_on_the_host():
    rng = np.random.default_rng(1)
    n, each = 60, 8
    labels = np.concatenate([np.sort(rng.choice(2000, each, replace=False)) for _ in range(n)])
    many = key_index(labels, np.repeat(np.arange(n), each), n, 2000)
    negative = make_codes(np.zeros(n, int))._replace(exclude=many)
    x = rng.normal(size=(n, 4)).astype(np.float32)
    prepared, _ = assert_equals_definition(x, "cosine", make_codes(np.arange(n) // 3), negative)
    assert "keys" in prepared.reason


@given(st.integers(1, 30).flatmap(label_index), st.integers(0, 400))
@settings(max_examples=40, deadline=None)
def test_every_form_of_keys_says_who_shares_one(index, spare):
    n = len(index.row_offsets) - 1
    ends = np.concatenate([index.key_offsets, np.full(spare, index.key_offsets[-1])])  # keys that no row has
    form, array = keys.device_keys(index._replace(key_offsets=ends))
    if form == "none":
        assert not len(index.row_keys)
        return
    mine = np.asarray(keys.shared(form, array, array))
    np.testing.assert_array_equal(mine, _shares_key(index))
    assert mine.shape == (n, n)


def test_forms_are_chosen_by_cost():
    def form(index):
        return keys.device_keys(index)[0]

    n = 400
    rng = np.random.default_rng(0)
    assert form(column_index([], n)) == "none"
    assert form(column_index([np.arange(n), rng.integers(0, 9, n)], n)) == "columns"
    assert form(column_index([np.arange(n) % 9, rng.integers(0, 9, n)], n)) == "bits"
    pairs = np.stack([np.arange(n), (np.arange(n) + 1) % n], axis=1)  # two labels a row, but not two columns
    chain = key_index(np.sort(pairs).ravel(), np.repeat(np.arange(n), 2), n, n)
    assert form(chain) == "lists"
    array = keys.device_keys(chain)[1]
    np.testing.assert_array_equal(keys.shared("lists", array, array), _shares_key(chain))


def test_what_does_not_fit_is_counted_on_the_host(monkeypatch):
    x = np.random.default_rng(1).normal(size=(30, 4)).astype(np.float32)
    codes = make_codes(np.arange(30) // 3), make_codes(np.zeros(30, int))
    with monkeypatch.context() as patch:
        patch.setattr(usable, "MOST_POSITIVES", 1)
        prepared, _ = assert_equals_definition(x, "cosine", *codes)
        assert prepared.status is Status.READY
    assert not prepared.reason
    monkeypatch.setattr(usable, "free_bytes", lambda device: 30 * 4 * 12)
    prepared, _ = assert_equals_definition(x, "cosine", *codes)
    assert "memory" in prepared.reason
    monkeypatch.setattr(usable, "free_bytes", lambda device: 1 << 30)
    prepared, _ = assert_equals_definition(x, "cosine", *codes)
    assert prepared.tile == (tiling.QUERY_SIZES[1], tiling.COLUMN_SIZES[1])


def test_ranges_cover_candidates_once():
    bounds = np.array([[0, 3, 5, 9], [4, 4, 9, 12], [20, 30, 30, 30], [0, 0, 0, 0], [25, 26, 28, 31]])
    assert tiling.ranges(bounds).tolist() == [[0, 3], [5, 12], [20, 31]]
    columns, (cut,) = tiling.pieces([bounds], 2048)
    assert columns == 256
    assert cut.tolist() == [[0, 3], [5, 12], [20, 31]]


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
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=4", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", SEVERAL], env=os.environ | flags | HOSTILE, capture_output=True, text=True
    )
    assert done.stdout == "equal\n", done.stderr


def test_availability():
    assert xla.available("cpu")
    assert not xla.available("no such platform")


def fuse(monkeypatch):
    """Take the fused kernel where there is no GPU too."""
    monkeypatch.setattr(ranking, "_fused", lambda *_: "gpu" if PLATFORM == "gpu" else "interpret")


@pytest.mark.parametrize("name", ["bf16x3", "fp16x3"])
@pytest.mark.parametrize("distance", PRODUCTS)
def test_fused_kernel_counts_the_same(name, distance, monkeypatch):
    """Ragged blocks, keys, ties; `interpret` runs the kernel of the GPU as plain XLA."""
    fuse(monkeypatch)
    rng = np.random.default_rng(4)
    n = 300
    x = rng.normal(size=(n, 70)).astype(np.float32)
    x[200:] = x[rng.integers(0, 200, 100)]
    group, plate = rng.integers(0, 60, n), rng.integers(0, 3, n)
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
    rng = np.random.default_rng(6)
    n = 200
    x = rng.normal(size=(n, 20)).astype(np.float32)
    group = rng.integers(0, 20, n)
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


def test_little_work_is_left_to_the_cpu(monkeypatch):
    rng = np.random.default_rng(7)
    x, group = rng.normal(size=(200, 20)).astype(np.float32), np.arange(200) // 4
    codes = make_codes(group), make_codes(np.zeros(200, int), exclude=[group])
    for flops, why in ((2 * 20 * 200**2, ""), (2 * 20 * 200**2 + 1, "compiled")):
        monkeypatch.setattr(usable, "LEAST_FLOPS", {PLATFORM: flops})
        prepared, _ = assert_equals_definition(x, "cosine", *codes)
        assert why in prepared.reason
        assert bool(prepared.reason) == bool(why)
