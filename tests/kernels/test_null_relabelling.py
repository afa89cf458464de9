"""Average precision of relabelled rows: the kernels against their definition, and that against plain counting."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastbench.kernels import cpu, reference
from fastbench.kernels.names import TIES
from fastbench.kernels.reference.average_precision import average_precision

some = settings(deadline=None, max_examples=40)


@given(seed=st.integers(0, 2**63), sizes=st.lists(st.integers(0, 7), min_size=1, max_size=4), first=st.integers(0, 99))
@some
def test_shuffles(seed, sizes, first):
    offsets = np.cumsum([0, *sizes])
    key = reference.stream_key(seed)
    found = cpu.shuffle_cells(key, first, 5, offsets)
    np.testing.assert_array_equal(found, reference.shuffle_cells(key, first, 5, offsets))
    np.testing.assert_array_equal(found[2:], cpu.shuffle_cells(key, first + 2, 3, offsets))
    for start, end in pairwise(offsets):
        assert (np.sort(found[:, start:end], axis=1) == np.arange(start, end)).all()


@given(data=st.data(), seed=st.integers(0, 2**63), sizes=st.lists(st.integers(0, 9), min_size=1, max_size=4))
@some
def test_sets(data, seed, sizes):
    offsets = np.cumsum([0, *sizes])
    taken = np.array([data.draw(st.integers(0, size)) for size in sizes])
    key = reference.stream_key(seed)
    found = cpu.sample_sets(key, 3, 5, offsets, taken)
    np.testing.assert_array_equal(found, reference.sample_sets(key, 3, 5, offsets, taken))
    for row in found:
        assert (np.diff(row) > 0).all()
        counts, _ = np.histogram(row, np.arange(offsets[-1] + 1))
        assert [counts[a:b].sum() for a, b in pairwise(offsets)] == taken.tolist()


def test_all_sets_are_equally_likely():
    found = cpu.sample_sets(reference.stream_key(5), 0, 20_000, np.array([0, 5, 9]), np.array([2, 1]))
    _, counts = np.unique(found, axis=0, return_counts=True)
    assert len(counts) == 10 * 4
    assert abs(counts - 500).max() < 5 * np.sqrt(500)
    orders, counts = np.unique(
        cpu.shuffle_cells(reference.stream_key(6), 0, 12_000, np.array([0, 3, 4])), axis=0, return_counts=True
    )
    assert len(orders) == 6
    assert abs(counts - 2000).max() < 5 * np.sqrt(2000)


@given(seed=st.integers(0, 999), ties=st.sampled_from(TIES), u=st.integers(2, 9), q=st.integers(1, 3))
@some
def test_places(seed, ties, u, q):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 4, (u, u)) / 4  # many ties
    rows = np.stack([rng.permutation(u) for _ in range(4)])
    queries = rng.integers(0, u, q)
    lists = [rng.permutation(u) for _ in range(q)]
    cut = rng.integers(1, u, q)
    end = [rng.integers(c, u + 1) for c in cut]
    positives = np.concatenate([mine[:c] for mine, c in zip(lists, cut, strict=True)])
    negatives = np.concatenate([mine[c:e] for mine, c, e in zip(lists, cut, end, strict=True)])
    arguments = (
        values,
        rows,
        queries,
        np.cumsum([0, *cut]),
        positives,
        np.cumsum([0, *(e - c for c, e in zip(cut, end, strict=True))]),
        negatives,
        ties,
    )
    np.testing.assert_allclose(cpu.relabelled_ap(*arguments), reference.relabelled_ap(*arguments), rtol=1e-13)


@given(
    seed=st.integers(0, 999),
    ties=st.sampled_from(TIES),
    n=st.integers(4, 12),
    n_blocks=st.integers(1, 2),
    with_extras=st.booleans(),
)
@some
def test_sets_are_scored_by_counts(seed, ties, n, n_blocks, with_extras):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 5, (n, n)) / 8
    rule = rng.random((n, n)) < 0.6  # who is a negative of whom, without the label
    np.fill_diagonal(rule, False)
    extra = (rng.random((n, n)) < 0.3) & ~rule & ~np.eye(n, dtype=bool) & with_extras
    blocks = rng.integers(0, n_blocks, n)
    k = int(rng.integers(2, n))
    sets = np.sort(np.stack([rng.choice(n, k, replace=False) for _ in range(6)]), axis=1)
    queries = rng.permutation(n)[: n - 1]
    others = [np.delete(np.arange(n), query) for query in queries]
    offsets = np.cumsum([0, *map(len, others)])
    mates = np.concatenate(others)
    own = np.repeat(queries, np.diff(offsets))
    v = values[own, mates]
    above = np.array([(values[i][rule[i]] > value).sum() for i, value in zip(own, v, strict=True)])
    tied = np.array([(values[i][rule[i]] == value).sum() for i, value in zip(own, v, strict=True)])
    extras = [np.flatnonzero(extra[query]) for query in queries]
    draws = [np.flatnonzero((sets == query).any(axis=1)) for query in queries]
    arguments = (
        queries,
        offsets,
        mates,
        v,
        above,
        tied,
        rule[own, mates],
        np.cumsum([0, *map(len, extras)]),
        np.concatenate(extras),
        np.cumsum([0, *map(len, draws)]),
        np.concatenate(draws),
        sets,
        blocks,
        ties,
    )
    sums, counts = cpu.relabelled_sums(*arguments)
    expected, number = reference.relabelled_sums(*arguments)
    np.testing.assert_allclose(sums, expected, rtol=1e-13)
    np.testing.assert_array_equal(counts, number)
    for chosen, total in zip(sets, sums, strict=True):
        plain = 0.0
        for query in set(chosen) & set(queries):
            positives = [j for j in chosen if j != query and blocks[j] == blocks[query]]
            negatives = np.setdiff1d(np.flatnonzero(rule[query] | extra[query]), chosen)
            if positives:
                p, w = values[query, positives], values[query, negatives]
                counted = (w > p[:, None]).sum(axis=1), (w == p[:, None]).sum(axis=1)
                plain += average_precision(np.array([0, len(p)]), p, *counted, ties)[0]
        assert total == pytest.approx(plain, rel=1e-12)


@given(seed=st.integers(0, 2**32), n=st.integers(3, 40), m=st.integers(1, 40))
@some
def test_sets_are_scored_by_ranks(seed, n, m):
    rng = np.random.default_rng(seed)
    k = int(rng.integers(2, n + 1))
    sets = np.stack([rng.choice(n, k, replace=False) for _ in range(m)]).astype(np.int32)
    queries = rng.permutation(n)[: n - 1]
    table = np.zeros((n - 1, n), np.uint16)
    for q, query in enumerate(queries):
        table[q, np.delete(np.arange(n), query)] = rng.permutation(n - 1) + 1
    draws = [np.flatnonzero((sets == query).any(axis=1)) for query in queries]
    inverse = np.append(0.0, 1 / np.arange(1, n))
    arguments = table, inverse, np.cumsum([0, *map(len, draws)]), np.concatenate(draws), sets
    found = cpu.ranked_sums(*arguments)
    np.testing.assert_allclose(found, reference.ranked_sums(*arguments), rtol=1e-13)
    for chosen, total in zip(sets, found, strict=True):
        plain = 0.0
        for q, query in enumerate(queries):
            if query in chosen:
                v = -table[q, [j for j in chosen if j != query]].astype(float)
                w = -table[q, [j for j in range(n) if j not in chosen]].astype(float)
                above = (w > v[:, None]).sum(axis=1)
                plain += average_precision(np.array([0, k - 1]), v, above, np.zeros_like(above), "expected")[0]
        assert total == pytest.approx(plain, rel=1e-12)
