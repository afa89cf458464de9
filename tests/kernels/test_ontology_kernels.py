"""Counts and distances on ontology graphs: every backend against plain sets and a breadth-first search."""

from __future__ import annotations

from collections import deque
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import strategies as st

from fastbench.kernels import cpu, dispatch, reference, xla
from fastbench.kernels.cpu import ontology as on_cpu
from fastbench.kernels.xla import ontology as on_xla

from ..examples import FEW, MANY, SOME
from ..quick_programs import quick_programs

BACKENDS = pytest.mark.parametrize(
    "backend", [reference, cpu, dispatch.get_backend("cpu-xla")], ids=["reference", "cpu", "xla"]
)
ALL_ONES = np.uint64(2**64 - 1)
PATCHED = [HealthCheck.function_scoped_fixture]


@pytest.fixture(scope="module", autouse=True)
def _quick_programs():
    with quick_programs():
        yield


def compressed(parents):
    """Lists of parents as offsets and one array."""
    offsets = np.concatenate([[0], np.cumsum([len(each) for each in parents])]).astype(np.int64)
    return offsets, np.array([p for each in parents for p in each], np.int32)


def search(parents, node):
    """Breadth first: edges up to each ancestor, the node itself included."""
    hops, queue = {node: 0}, deque([node])
    while queue:
        at = queue.popleft()
        for above in parents[at]:
            if above not in hops:
                hops[above] = hops[at] + 1
                queue.append(above)
    return hops


def as_sets(bits):
    """The nodes of bit rows, word by word with Python's integers."""
    numbers = [sum(int(word) << 64 * w for w, word in enumerate(row)) for row in bits]
    return [{j for j in range(number.bit_length()) if number >> j & 1} for number in numbers]


@st.composite
def graphs(draw):
    """Parents of each node: several parents, several roots, nodes that lead nowhere, cycles if they may."""
    v = draw(st.sampled_from([1, 2, 7, 40, 63, 64, 65, 128, 150]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    most, cycles = draw(st.integers(1, 3)), draw(st.booleans())
    number = rng.permutation(v)  # a parent need not come before its children
    parents = [[] for _ in range(v)]
    for i in range(v):
        parents[number[i]] = sorted(set(number[rng.integers(0, v if cycles else max(i, 1), rng.integers(0, most + 1))]))
    return [[int(p) for p in each if cycles or p != i] for i, each in enumerate(parents)]


def table(parents):
    """Bit rows of all nodes, and one of "no prediction"; the first node counts nowhere, as a root."""
    bits = np.concatenate([cpu.ancestor_bits(*compressed(parents)), np.zeros((1, -(-len(parents) // 64)), np.uint64)])
    bits[:, 0] &= ~np.uint64(1)
    return bits


def entries(bits, m, seed):
    rng = np.random.default_rng(seed)
    rows, cols = rng.integers(0, len(bits), (2, m)).astype(np.int32)
    return rows, cols, rng.integers(0, 2**40, m)


@given(graphs())
@example([])
@MANY
def test_ancestors_equal_a_breadth_first_search(parents):
    graph = compressed(parents)
    expected = [search(parents, node) for node in range(len(parents))]
    for backend in (reference, cpu):
        bits = backend.ancestor_bits(*graph)
        assert bits.shape == (len(parents), -(-len(parents) // 64))
        assert as_sets(bits) == [set(each) for each in expected]
        offsets, nodes, hops = backend.ancestor_hops(*graph)
        assert len(offsets) == len(parents) + 1
        for node, each in enumerate(expected):
            here = slice(offsets[node], offsets[node + 1])
            assert list(zip(nodes[here], hops[here], strict=True)) == sorted(each.items())


@given(graphs(), st.integers(0, 2**32 - 1))
@MANY
def test_path_lengths_equal_a_breadth_first_search(parents, seed):
    v = len(parents)
    rows, cols = np.random.default_rng(seed).integers(-1, v + 2, (2, 60)).astype(np.int32)
    length, meeting = reference.path_lengths(rows, cols, *reference.ancestor_hops(*compressed(parents)))
    for t, p, edges, node in zip(rows, cols, length, meeting, strict=True):
        up, other = (search(parents, int(i)) if 0 <= i < v else {} for i in (t, p))
        paths = sorted((up[a] + other[a], up[a], a) for a in up if a in other)
        assert (edges, node) == ((paths[0][0], paths[0][2]) if paths else (-1, -1))
    mine = cpu.path_lengths(rows, cols, *cpu.ancestor_hops(*compressed(parents)))
    np.testing.assert_array_equal(mine, [length, meeting])


@given(graphs(), st.sampled_from([0, 1, 50, 300]), st.integers(0, 2**32 - 1), st.sampled_from([1, 64, 1 << 20]))
@FEW
def test_counts_by_node_equal_plain_sets(monkeypatch, parents, m, seed, words):
    monkeypatch.setattr(on_xla, "WORDS", words)
    monkeypatch.setattr(on_xla, "LEAST", 16)
    bits = table(parents)
    rows, cols, counts = entries(bits, m if words > 1 else min(m, 50), seed)
    sets = as_sets(bits)
    expected = np.zeros((3, len(parents)), np.int64)
    for t, p, cells in zip(rows, cols, counts, strict=True):
        for node in sets[t] | sets[p]:
            expected[0 if node in sets[t] & sets[p] else 1 if node in sets[p] else 2, node] += cells
    shared = [len(sets[t] & sets[p]) for t, p in zip(rows, cols, strict=True)]
    for backend in (reference, cpu, xla):
        found = backend.node_counts(rows, cols, counts, bits, len(parents))
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == np.int64
        found = backend.overlaps(rows, cols, bits)
        np.testing.assert_array_equal(found, shared)
        assert found.dtype == np.int32


@given(graphs(), st.integers(1, 4), st.sampled_from([0, 1, 40, 300]), st.integers(0, 2**32 - 1))
@SOME
def test_best_predictions_equal_plain_fractions(monkeypatch, parents, k, n, seed):
    monkeypatch.setattr(on_cpu, "LEAST_CELLS", 1)
    monkeypatch.setattr(on_xla, "WORDS", 128)
    monkeypatch.setattr(on_xla, "LEAST", 16)
    bits = table(parents)
    sets = as_sets(bits)
    rng = np.random.default_rng(seed)
    truth, *ranks = rng.integers(0, min(len(bits), 12), (k + 1, n)).astype(np.int32)
    predictions = np.array(ranks, np.int32).reshape(k, n)

    def worth(t, p):
        size = len(sets[t]) + len(sets[p])
        return (t == p, Fraction(2 * len(sets[t] & sets[p]), size) if size else Fraction(0))

    expected = np.empty_like(predictions)
    for i, t in enumerate(truth):
        for r in range(k):
            first = predictions[: r + 1, i].tolist()
            expected[r, i] = max(first, key=lambda p, t=t: worth(t, p))  # the first of equals
    for backend in (reference, cpu, xla):
        np.testing.assert_array_equal(backend.best_predictions(truth, predictions, bits), expected)
    for threads in (1, 2, 5):
        np.testing.assert_array_equal(cpu.best_predictions(truth, predictions, bits, threads=threads), expected)


@BACKENDS
@pytest.mark.parametrize("words", [1, 2, 5])
def test_words_of_ones(backend, words):
    """A nested row for each number of bits: shared nodes are the smaller number, so every popcount is met."""
    size = 64 * words
    bits = np.zeros((size + 1, words), np.uint64)
    for i in range(size + 1):
        bits[i, : i // 64] = ALL_ONES
        if i % 64:
            bits[i, i // 64] = (1 << i % 64) - 1
    rows, cols = (each.ravel().astype(np.int32) for each in np.mgrid[0 : size + 1 : 7, : size + 1])
    np.testing.assert_array_equal(backend.overlaps(rows, cols, bits), np.minimum(rows, cols))
    full = np.full(1, size, np.int32)
    found = backend.node_counts(full, full, np.array([1 << 50]), bits, size)
    np.testing.assert_array_equal(found, np.repeat([[1 << 50], [0], [0]], size, axis=1))


@BACKENDS
def test_overlaps_equal_pythons_popcount(backend):
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**64, (50, 3), dtype=np.uint64)
    rows, cols = rng.integers(0, 50, (2, 500)).astype(np.int32)
    expected = [
        sum((int(a) & int(b)).bit_count() for a, b in zip(bits[t], bits[p], strict=True))
        for t, p in zip(rows, cols, strict=True)
    ]
    np.testing.assert_array_equal(backend.overlaps(rows, cols, bits), expected)


@BACKENDS
def test_nothing_at_all(backend):
    none, bits = np.empty(0, np.int32), np.empty((0, 0), np.uint64)
    assert backend.node_counts(none, none, np.empty(0, np.int64), bits, 0).shape == (3, 0)
    assert backend.overlaps(none, none, bits).shape == (0,)
    assert backend.best_predictions(none, np.empty((2, 0), np.int32), bits).shape == (2, 0)


@BACKENDS
def test_bits_after_the_last_node_are_not_counted(backend):
    bits = np.full((2, 2), ALL_ONES)
    one = np.ones(1, np.int32)
    assert backend.node_counts(one, one - 1, np.array([3]), bits, 65).tolist() == [[3] * 65, [0] * 65, [0] * 65]


@BACKENDS
def test_any_memory_layout(backend):
    bits = np.random.default_rng(0).integers(0, 2**64, (30, 4), dtype=np.uint64)
    rows, cols, counts = entries(bits, 200, 1)
    table = np.stack([counts, counts], axis=1)[:, 0]
    spaced = np.asfortranarray(np.repeat(bits, 2, axis=1))[:, ::2]
    for mine, plain in (
        (backend.node_counts(rows, cols, table, spaced, 256), backend.node_counts(rows, cols, counts, bits, 256)),
        (backend.overlaps(rows, cols, spaced), backend.overlaps(rows, cols, bits)),
        (
            backend.best_predictions(rows, np.stack([cols, rows[::-1]], axis=1).T, spaced),
            backend.best_predictions(rows, np.stack([cols, rows[::-1]]), bits),
        ),
    ):
        np.testing.assert_array_equal(mine, plain)


def test_ragged_problems_share_compiled_programs():
    from jax import monitoring

    compiled = []
    monitoring.register_event_duration_secs_listener(
        lambda event, _, **__: compiled.append(event) if event.endswith("backend_compile_duration") else None
    )
    rng = np.random.default_rng(0)
    for labels, m in ((600, 3_000), (777, 2_100), (1_000, 4_000), (513, 2_050)):
        bits = rng.integers(0, 2**64, (labels, 7), dtype=np.uint64)
        rows, cols, counts = entries(bits, m, 2)
        np.testing.assert_array_equal(
            xla.node_counts(rows, cols, counts, bits, 440), cpu.node_counts(rows, cols, counts, bits, 440)
        )
        np.testing.assert_array_equal(xla.overlaps(rows, cols, bits), cpu.overlaps(rows, cols, bits))
    assert 0 < len(compiled) <= 5  # counts of entries and of labels, overlaps, and the zeros to begin with


# The first node is the root, which counts nowhere; R A B C D E F: D has two parents.
R, A, B, C, D, E, F = range(7)
SEVEN = [[], [R], [R], [A], [A, B], [D], [B]]
FIVE = [[], [0], [1], [1], [3]]


def summed(backend, parents, pairs):
    """Counts by node of (truth, prediction, cells)."""
    rows, cols, counts = (np.array(each) for each in zip(*pairs, strict=True))
    return backend.node_counts(rows.astype(np.int32), cols.astype(np.int32), counts, table(parents), len(parents))


@BACKENDS
def test_seven_nodes_by_hand(backend):
    pairs = {
        (E, E, 4): (16, 0, 0), (E, D, 3): (9, 0, 3), (C, D, 2): (2, 4, 2), (D, C, 1): (1, 1, 2), (F, B, 2): (2, 0, 2),
        (F, F, 5): (10, 0, 0), (B, R, 1): (0, 0, 1), (R, A, 1): (0, 1, 0), (R, R, 1): (0, 0, 0),
    }  # fmt: skip
    assert as_sets(table(SEVEN)) == [set(), {A}, {B}, {A, C}, {A, B, D}, {A, B, D, E}, {B, F}, set()]
    for pair, expected in pairs.items():
        assert tuple(summed(backend, SEVEN, [pair]).sum(axis=1)) == expected
    found = summed(backend, SEVEN, list(pairs))
    assert found.sum(axis=1).tolist() == [40, 6, 10]
    assert found[:, A:].T.tolist() == [[10, 1, 0], [14, 2, 2], [0, 1, 2], [7, 2, 1], [4, 0, 3], [5, 0, 2]]
    assert not found[:, R].any()


@BACKENDS
def test_ranks_by_hand(backend):
    truth, first = [D, F, C, E], [C, B, C, D]
    assert summed(backend, SEVEN, [(t, p, 1) for t, p in zip(truth, first, strict=True)]).sum(axis=1).tolist() == [
        7,
        1,
        4,
    ]
    # D: C shares A of 2 + 3; F: B, then F itself; C: at once; E: D shares three of its four, A and B one.
    ranks = np.array([first, [D, R, A, A], [A, F, A, B]], np.int32)
    best = backend.best_predictions(np.array(truth, np.int32), ranks, table(SEVEN))
    assert best.tolist() == [[C, B, C, D], [D, B, C, D], [D, F, C, D]]


@BACKENDS
def test_five_nodes_by_hand(backend):
    assert summed(backend, FIVE, [(2, 2, 2), (3, 2, 1)]).sum(axis=1).tolist() == [5, 1, 1]
    assert summed(backend, FIVE, [(2, 3, 1), (3, 2, 1)])[:, 1:].T.tolist() == [
        [2, 0, 0],
        [0, 1, 1],
        [0, 1, 1],
        [0, 0, 0],
    ]
    assert summed(backend, FIVE, [(2, 2, 1), (3, 2, 1), (4, 2, 1)]).sum(axis=1).tolist() == [4, 2, 3]


def test_distances_by_hand():
    hops = cpu.ancestor_hops(*compressed(SEVEN))
    rows, cols = np.array([[E, C], [E, E], [C, F], [D, F], [D, C], [B, R], [A, 7]], np.int32).T
    length, meeting = cpu.path_lengths(rows, cols, *hops)
    assert length.tolist() == [3, 0, 4, 2, 2, 1, -1]
    assert meeting.tolist() == [A, E, R, B, A, R, -1]
