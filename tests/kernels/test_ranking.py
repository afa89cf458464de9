"""The compiled ranking against its definition: same values, same counts, to the last bit."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.kernels import cpu, reference
from fastbench.kernels.backend import Status
from fastbench.kernels.cpu import ranking
from fastbench.kernels.cpu.rank import order, pieces
from fastbench.kernels.cpu.rank.operands import HALVED, SCALED, double_bound, double_rows, double_scale, error_bound
from fastbench.kernels.cpu.rank.order import work_order
from fastbench.kernels.cpu.rank.rows import describe_rows
from fastbench.kernels.cpu.rank.thresholds import band_edges
from fastbench.kernels.cpu.rank.tiles import finish, narrow
from fastbench.kernels.cpu.similarity import pair_value
from fastbench.kernels.names import DISTANCE_TABLE, DISTANCES, METRICS
from fastbench.kernels.reference.similarity import LANES, similarity

from ..examples import MANY
from .strategies import make_codes, pair_codes


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


def asked(positive, queries):
    """The queries, in any order unless they are given, and the lists of their positives."""
    n = len(positive.block.row_offsets) - 1
    queries = np.random.default_rng(0).permutation(n) if queries is None else queries
    return queries, *cpu.partners(positive, queries)


def defined(x, distance, positive, negative, queries=None):
    """Values and counts of the definition."""
    return reference.count_outranking(reference.prepare(x, distance, negative), *asked(positive, queries))


def assert_counts(x, distance, positive, negative, queries=None, threads=0, expected=None):
    """Counts equal those of the definition, which may be given; returns the number of rechecked entries."""
    expected = defined(x, distance, positive, negative, queries) if expected is None else expected
    got = cpu.count_outranking(cpu.prepare(x, distance, negative), *asked(positive, queries), threads)
    for mine, definition in zip(got[:3], expected[:3], strict=True):
        np.testing.assert_array_equal(mine, definition)
    return got.rechecked


@pytest.fixture
def sizes(monkeypatch):
    """Set the sizes that decide how the work is cut and which loop counts."""

    def set_sizes(tile=(8, 12), few=32, both=True, double=False):
        monkeypatch.setattr(ranking, "TILE", tile)
        monkeypatch.setattr(ranking, "DOUBLE_FROM", 0 if double else 10**9)
        monkeypatch.setattr(ranking, "EXACT_COLUMNS", tile[1])
        monkeypatch.setattr(ranking, "DOUBLE_COLUMNS", 5)
        monkeypatch.setattr(ranking, "LOCKED", 3)
        monkeypatch.setattr(ranking, "FEW_POSITIVES", few)
        monkeypatch.setattr(ranking, "SMALL_BLOCK", 1)
        monkeypatch.setattr(pieces, "LEAST_ROWS", 2 if both else 10**9)
        monkeypatch.setattr(pieces, "LEAST_SHARE", 0)
        monkeypatch.setattr(order, "LARGE_GROUP", 3)

    return set_sizes


@given(problems(), st.sampled_from(DISTANCES), st.integers(1, 3))
@MANY
def test_counts_equal_the_definition(problem, distance, threads):
    x, positive, negative = problem
    if distance == "correlation" and np.any(x.max(axis=1) == x.min(axis=1)):
        return
    assert_counts(x, distance, positive, negative, threads=threads)


@given(problems(), st.sampled_from(DISTANCES), st.sampled_from([(1, 1), (2, 5), (8, 12), (64, 64)]), st.data())
@MANY
def test_tiles_equal_the_definition(sizes, problem, distance, tile, data):
    """Small tiles, segments and blocks: every way to cut the work, both loops, all rows or some as queries."""
    x, positive, negative = problem
    if distance == "correlation" and np.any(x.max(axis=1) == x.min(axis=1)):
        return
    sizes(
        tile,
        few=data.draw(st.sampled_from([0, 2, 32])),
        both=data.draw(st.booleans()),
        double=data.draw(st.booleans()),
    )
    queries = np.random.default_rng(1).permutation(len(x))[: data.draw(st.integers(1, len(x)))]
    if data.draw(st.booleans()):
        queries = np.arange(len(x))
    assert_counts(x, distance, positive, negative, queries)


@cache
def of_copies(n):
    """A problem whose second half is copies, and what the definition says of it."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(n, 20)).astype(np.float32)
    x[n // 2 :] = x[rng.integers(0, n // 2, n // 2)]
    group, plate = np.arange(n) // 8, rng.integers(0, 2, n)
    problem = x, "cosine", make_codes(block=group), make_codes(block=plate, exclude=[group])
    return problem, defined(*problem)


@pytest.mark.parametrize("tile", [(1, 1), (7, 7), (8, 64), (100_000, 100_000)])
@pytest.mark.parametrize("few", [0, 32])
@pytest.mark.parametrize("both", [False, True])
def test_tiles_and_methods_do_not_matter(sizes, tile, few, both):
    problem, expected = of_copies(400 if tile != (1, 1) else 120)
    sizes(tile, few, both)
    rechecked = assert_counts(*problem, expected=expected)
    assert rechecked > 0  # copies lie inside the band


@pytest.mark.parametrize("both", [False, True])
def test_one_large_group_and_many_of_one_row(sizes, both):
    """Controls against compounds of one row each: a large segment, and pieces that hold many small ones."""
    rng = np.random.default_rng(8)
    compound = np.concatenate([np.zeros(150, int), np.arange(1, 151)])[rng.permutation(300)]
    x = rng.normal(size=(300, 12)).astype(np.float32)
    sizes((16, 32), both=both)
    codes = make_codes(np.arange(300) % 30), make_codes(np.zeros(300, int), exclude=[compound])
    assert work_order(codes[1]).bounds[:, 2].max() > 0
    assert_counts(x, "cosine", *codes)


def test_many_small_blocks_and_some_large_ones():
    """Small blocks are put together, whatever lies between them."""
    rng = np.random.default_rng(9)
    block = np.repeat(np.arange(100), rng.choice([1, 2, 5, 20, 60], 100, p=[0.3, 0.3, 0.2, 0.1, 0.1]))
    n = len(block)
    x = rng.normal(size=(n, 6)).astype(np.float32)
    assert ranking.SMALL_BLOCK < 60**2
    assert_counts(x, "cosine", make_codes(block // 3), make_codes(block), rng.permutation(n)[: n - 100])


def test_large_groups_are_searched_not_compared():
    rng = np.random.default_rng(6)
    n = 600
    x = rng.normal(size=(n, 16)).astype(np.float32)
    x[300:] = x[:300]
    label = rng.integers(0, 5, n)
    codes = make_codes(block=label), make_codes(block=np.zeros(n, int), exclude=[label])
    assert np.bincount(label).max() > ranking.FEW_POSITIVES
    assert_counts(x, "cosine", *codes)


@st.composite
def class_labels(draw):
    """Rows in a few classes, of one size or with a large one; sometimes one class, or classes of one row."""
    n = draw(st.integers(1, 60))
    x, rng = draw(features(n)), np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return x, rng.integers(0, draw(st.sampled_from([1, 2, 5, 60])), n) * rng.integers(0, 2, n)


@given(
    class_labels(),
    st.sampled_from(DISTANCES),
    st.sampled_from([(1, 1), (2, 5), (8, 12), (64, 64)]),
    st.sampled_from([0, 2, 32]),
    st.booleans(),
    st.integers(1, 3),
)
@MANY
def test_class_labels_equal_the_definition(sizes, problem, distance, tile, few, double, threads):
    """Positives are a class and negatives all others, so that tiles serve both sides; any tile, threads and order."""
    x, label = problem
    if distance == "correlation" and np.any(x.max(axis=1) == x.min(axis=1)):
        return
    n = len(x)
    sizes(tile, few, double=double)
    codes = make_codes(label), make_codes(np.zeros(n, int), exclude=[label])
    assert_counts(x, distance, *codes, threads=threads)
    assert_counts(x, distance, *codes, np.arange(n), threads=threads)


@pytest.mark.parametrize("kind", ["plain", "outlier", "few values", "tight"])
def test_thresholds_that_share_buckets(sizes, kind):
    """Hundreds of thresholds: as a rule few share a bucket; an outlier or ties put most into one."""
    rng = np.random.default_rng(3)
    n = 500
    x = rng.normal(size=(n, 30)).astype(np.float32)
    label = np.arange(n) % 2
    if kind == "outlier":  # two rows nearly equal, and all others nearly orthogonal
        x[2] = x[0] * (1 + 2**-20)
    elif kind == "few values":
        x = rng.integers(0, 2, size=(n, 6)).astype(np.float32)
        x[:, 0] = 1
    elif kind == "tight":
        x = 1 + x * np.float32(1e-4)
    codes = make_codes(label), make_codes(np.zeros(n, int), exclude=[label])
    expected = defined(x, "cosine", *codes)
    for double in (False, True):
        sizes((64, 100), few=8, double=double)
        rechecked = assert_counts(x, "cosine", *codes, expected=expected)
        assert rechecked < 500 or not (double and kind in ("plain", "outlier"))


def test_a_rounded_tile_decides_as_float64_does():
    """Rounding keeps the order, so an entry and an edge that differ in float32 differ in the same way before."""
    rng = np.random.default_rng(0)
    entry = rng.normal(size=(40, 300)) * 10.0 ** rng.integers(-12, 1, (40, 1))
    tile = np.full((40, 310), np.nan, np.float32)
    narrow(entry, 300, tile, 4)
    edge = np.nextafter(entry, rng.choice([-np.inf, np.inf], entry.shape)).ravel()
    low, high = np.empty((2, edge.size), np.float32)
    band_edges(edge, 1.0, 0.0, low, high)
    rounded, entry = tile[:, 4:304].ravel(), entry.ravel()
    assert not np.any((rounded > high) & (entry <= edge))
    assert not np.any((rounded < low) & (entry >= edge))
    assert np.all(np.isnan(tile[:, :4]))
    assert np.all(np.isnan(tile[:, 304:]))


def near_ties(kind, n, d, rng):
    """Rows whose similarities differ by less than float32 can tell."""
    if kind == "one step":  # copies, one feature one float32 step up in some
        x = np.repeat(rng.normal(size=(n // 4, d)).astype(np.float32), 4, axis=0)
        step = rng.integers(0, d, n)
        x[np.arange(n), step] = np.nextafter(x[np.arange(n), step], np.float32(np.inf))
    elif kind == "cancellation":  # nearly orthogonal: large terms that nearly cancel
        half = rng.normal(size=(n, d // 2)).astype(np.float32) * 1e4
        x = np.concatenate([half, -half[:, ::-1]], axis=1) + rng.normal(size=(n, d)).astype(np.float32)
    elif kind == "norms":  # from tiny to huge, the same directions
        x = rng.normal(size=(n // 2, d)).repeat(2, axis=0) * 10.0 ** rng.uniform(-15, 15, (n, 1))
    elif kind == "subnormal":  # features below the smallest normal float32
        x = rng.normal(size=(n, d)) * 1e-41
        x[:, 0] = 1e-38
    elif kind == "outlier":  # one row that dwarfs all: euclidean has no digits left for the others
        x = rng.normal(size=(n, d))
        x[0] *= 1e9
    elif kind == "constant column":  # 1e160 times as large as what varies
        x = np.concatenate([np.full((n, 1), 1e100), rng.normal(size=(n, d - 1)) * 1e-62], axis=1)
        return x
    else:  # a common offset: euclidean distances are differences of large numbers
        x = rng.normal(size=(n, d)) * 1e-3 + 1e3
    return np.ascontiguousarray(x, np.float32)


KINDS = ["one step", "cancellation", "norms", "subnormal", "outlier", "offset"]


@pytest.mark.parametrize(
    ("kind", "distance"),
    [
        ("constant column", "euclidean"),
        *((kind, distance) for kind in KINDS for distance in ("cosine", "abs_cosine", "correlation", "euclidean")),
    ],
)
def test_near_ties(sizes, kind, distance):
    rng = np.random.default_rng(7)
    n = 88  # several tiles
    x = near_ties(kind, n, 96, rng)
    codes = make_codes(np.arange(n) % 15), make_codes(np.zeros(n, int), exclude=[np.arange(n) % 15])
    expected = defined(x, distance, *codes)
    for few, double in ((0, False), (32, False), (0, True), (32, True)):
        sizes((32, 48), few, double=double)
        assert_counts(x, distance, *codes, expected=expected)


@pytest.mark.parametrize("d", [1, 64, 500, 2000])
@pytest.mark.parametrize("distance", ["cosine", "correlation", "euclidean"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("tiny", [False, True])
def test_certificate_holds_on_adversarial_rows(d, distance, dtype, tiny):
    """The float32 entry never strays further from the deciding value than the stated bound."""
    rng = np.random.default_rng(d)
    rows = [rng.normal(size=(13, d)), rng.choice([-1.0, 1.0], size=(13, d)), np.ones((5, d)) * (1 + 2**-20)]
    rows.append(10.0 ** rng.uniform(-3, 15, size=(13, d)))
    x = np.concatenate(rows).astype(dtype)
    if tiny:
        x[::3] *= dtype(1e-30)
    if distance == "correlation":
        x = x[x.max(axis=1) > x.min(axis=1)] if d > 1 else np.empty((0, 1), dtype)
    if not len(x):
        return
    n = len(x)
    prepared = cpu.prepare(x, distance, make_codes(block=np.zeros(n, int)))
    o, places = prepared.operands, np.arange(n)
    assert (o.rows is prepared.rows.x) == (distance == "cosine" and dtype == np.float32 and not tiny)
    tile = np.ascontiguousarray(o.rows @ o.rows.T)
    finish(tile, n, places, 0, o.scale, o.form, prepared.rows.distance)
    i, j = (m.ravel() for m in np.mgrid[:n, :n])
    exact = similarity(x, i, j, distance).reshape(tile.shape)
    assert np.abs(tile - exact * o.factor).max() <= error_bound(d, o.form)
    assert error_bound(d, HALVED) >= error_bound(d, SCALED) + 4 * 2.0**-24  # half norms and sums are rounded too
    double = np.empty((n, n))
    ranking._fill_tile(prepared, places, double_rows(prepared.rows, o, places), 0, n, double, double_scale(o))
    bound = double_bound(d, o.form)
    assert bound < error_bound(d, o.form) / 1e6
    assert np.abs(double - exact * o.factor).max() <= bound


def test_a_memory_map_is_not_copied(tmp_path):
    x = np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    prepared = cpu.prepare(mapped, "cosine", make_codes(np.zeros(50, int), exclude=[np.arange(50) // 2]))
    assert np.shares_memory(prepared.rows.x, mapped)
    assert np.shares_memory(prepared.operands.rows, mapped)
    assert_counts(mapped, "cosine", make_codes(np.arange(50) // 2), make_codes(np.zeros(50, int)))
    plates = make_codes(np.arange(50) % 3)  # other rows are neighbours in the working order
    assert np.shares_memory(cpu.prepare(mapped, "cosine", plates).operands.rows, mapped)
    assert_counts(mapped, "cosine", make_codes(np.arange(50) // 2), plates)


def scipy_features(metric, rng):
    x = rng.uniform(0.1, 1, size=(60, 9))
    return np.round(x) if metric in ("dice", "jaccard", "rogerstanimoto", "russellrao", "sokalsneath", "yule") else x


@pytest.mark.parametrize("metric", METRICS)
def test_scipy_metrics(sizes, metric):
    """Any other distance runs through float64 tiles of scipy's arithmetic."""
    x = scipy_features(metric, np.random.default_rng(3))
    sizes((8, 16))
    group = np.arange(60) // 4
    if metric == "yule":
        x[:, :2] = [0, 1]
    assert_counts(x, metric, make_codes(group), make_codes(np.arange(60) % 2, exclude=[group]))


def test_infinite_distances_are_only_far():
    """Minus infinity marks what is no candidate; the distance of x and -x under braycurtis must not look like it."""
    x = np.array([[1.0, 2], [-1, -2], [3, 1], [2, 5], [1, 1]])
    group = np.array([0, 0, 1, 1, 2])
    assert_counts(x, "braycurtis", make_codes(group), make_codes(np.zeros(5, int), exclude=[group]))


def test_pairs_that_do_not_count_may_be_no_numbers():
    x = np.abs(np.random.default_rng(0).normal(size=(40, 3)))
    x[7] = 0  # not a number beside itself
    group = np.arange(40) // 4
    assert_counts(x, "braycurtis", make_codes(group), make_codes(np.zeros(40, int), exclude=[group]))


def test_queries_without_positives_cost_nothing(sizes):
    """Most rows have no positive: their lists are not computed, and the others' are the same."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(600, 5)).astype(np.float32)
    label = np.where(np.arange(600) < 60, np.arange(600) // 6, np.arange(600))
    codes = make_codes(label), make_codes(np.zeros(600, int), exclude=[label])
    assert_counts(x, "cosine", *codes, np.arange(600))
    prepared = cpu.prepare(x, "cosine", codes[1])
    working = prepared.order
    assert pieces.needed(working, np.arange(600), np.arange(600) < 60).sum() == 60
    assert pieces.needed(working, np.arange(600), np.arange(600) < 500).all()  # both sides of tiles are wanted
    assert pieces.needed(working, np.arange(599), np.arange(599) < 500).sum() == 500


def test_what_is_not_a_number_is_refused():
    x = np.abs(np.random.default_rng(0).normal(size=(20, 3)))
    x[3:5] = 0
    group = np.arange(20) // 2
    codes = make_codes(group), make_codes(np.zeros(20, int), exclude=[group])
    offsets, positives = cpu.partners(codes[0], np.arange(20))
    for backend in (cpu, reference):
        prepared = backend.prepare(x, "braycurtis", codes[1])
        assert (prepared.status, prepared.reason) == (Status.READY, "")
        found = backend.count_outranking(prepared, np.arange(20), offsets, positives)
        assert found.status is Status.REFUSED
        assert "not numbers" in found.reason
        prepared = backend.prepare(x[:3], "mahalanobis", make_codes(np.zeros(3, int)))
        assert prepared.status is Status.REFUSED
        assert "no inverse" in prepared.reason


def test_progress_ends_at_one():
    x = np.random.default_rng(0).normal(size=(900, 4)).astype(np.float32)
    group = np.arange(900) // 3
    offsets, positives = cpu.partners(make_codes(group), np.arange(900))
    seen = []
    prepared = cpu.prepare(x, "cosine", make_codes(np.zeros(900, int), exclude=[group]))
    cpu.count_outranking(prepared, np.arange(900), offsets, positives, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


@pytest.mark.parametrize("distance", DISTANCES)
def test_pair_values_are_bit_equal(distance):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(30, 3 * LANES + 5)).astype(np.float32)
    traits = DISTANCE_TABLE[distance]
    _, _, shift, norm, *_ = describe_rows(x, np.arange(30), traits)
    i, j = rng.integers(0, 30, (2, 200))
    mine = [pair_value(x, a, b, shift, norm, traits.code) for a, b in zip(i, j, strict=True)]
    np.testing.assert_array_equal(mine, similarity(x, i, j, distance))
