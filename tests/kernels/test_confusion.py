"""Confusion counts: every backend against the definition, the definition against sets, and the facts that follow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix

from fastbench.kernels import cpu, dispatch, reference, xla
from fastbench.kernels.cpu import confusion as on_cpu
from fastbench.kernels.reference.confusion import first_hits
from fastbench.kernels.sparse_counts import SparseCounts, merge
from fastbench.kernels.xla import confusion as on_xla

from ..examples import MANY, SOME
from ..quick_programs import quick_programs

FOREIGN = (-1, 5)  # beyond the first rank: labels of nobody, one below all codes, one above them


@pytest.fixture(scope="module", autouse=True)
def _quick_programs():
    with quick_programs():
        yield


def cells(n, n_labels, k, seed=0, weighted=False):
    """Random truth, predictions and weights; half the predictions are right, some are none or foreign."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_labels, n) if n_labels else np.empty(0, int)
    predictions = np.where(rng.random((k, n)) < 0.5, truth, rng.integers(0, n_labels + 1, (k, n)))
    foreign = rng.random((k, n)) < 0.1
    foreign[0] = False
    predictions[foreign] = rng.choice([FOREIGN[0], n_labels + FOREIGN[1]], foreign.sum())
    weights = rng.integers(0, 4, n) if weighted else None
    return truth.astype(np.int32), predictions.astype(np.int32), n_labels, weights


@st.composite
def problems(draw):
    """Any small problem: one cell or none, one label or many, equal cells, weights with zeros."""
    n_labels = draw(st.sampled_from([1, 2, 5, 40, 70_000]))
    n, k = draw(st.sampled_from([0, 1, 2, 30, 200])), draw(st.integers(1, 4))
    truth, predictions, _, weights = cells(n, n_labels, k, draw(st.integers(0, 2**32 - 1)), draw(st.booleans()))
    if draw(st.booleans()) and n:
        truth[:], predictions[:] = truth[0], predictions[:, :1]
    return truth, predictions, n_labels, weights


def assert_same(mine, definition):
    for got, expected in zip(mine, definition, strict=True):
        np.testing.assert_array_equal(got, expected)
        assert got.dtype == expected.dtype


def top(counts, n_labels, k):
    """The matrix of top-k, columns last for "no prediction": moved cells stand on the diagonal."""
    matrix = np.zeros((n_labels, n_labels + 1), np.int64)
    moved = counts.counts[:, 1:k].sum(axis=1)
    np.add.at(matrix, (counts.rows, counts.cols), counts.counts[:, 0] - moved)
    np.add.at(matrix, (counts.rows, counts.rows), moved)
    return matrix


def effective(truth, predictions, k):
    """The truth if it is among the first k, else the first: cell by cell, as the rule says it."""
    ranks = predictions[:k].T.tolist()
    return [t if t in set(row) else row[0] for t, row in zip(truth.tolist(), ranks, strict=True)]


@given(problems())
@example(cells(0, 0, 3))
@MANY
def test_compiled_equals_definition(monkeypatch, problem):
    monkeypatch.setattr(on_cpu, "LEAST_CELLS", 1)
    definition = reference.count_confusion(*problem)
    for threads in (1, 2, 5):
        assert_same(cpu.count_confusion(*problem, threads=threads), definition)


@given(problems(), st.sampled_from([1, 16, 100, 1 << 10]))
@example(cells(0, 0, 3), 16)
@SOME
def test_device_equals_definition(monkeypatch, problem, chunk):
    monkeypatch.setattr(on_xla, "CHUNK", chunk)
    assert_same(dispatch.get_backend("cpu-xla").count_confusion(*problem), reference.count_confusion(*problem))


@given(problems())
@MANY
def test_first_hits_equal_growing_sets(problem):
    truth, predictions, _, _ = problem
    expected = [
        next((r for r in range(1, len(predictions) + 1) if t in set(row[:r])), 0)
        for t, row in zip(truth.tolist(), predictions.T.tolist(), strict=True)
    ]
    np.testing.assert_array_equal(first_hits(truth, predictions), expected)


@given(problems().filter(lambda problem: problem[2] <= 40))
@MANY
def test_every_top_k_equals_its_own_matrix(problem):
    truth, predictions, n_labels, weights = problem
    counts = cpu.count_confusion(*problem)
    for k in range(1, len(predictions) + 1):
        expected = np.zeros((n_labels, n_labels + 1), np.int64)
        np.add.at(expected, (truth, effective(truth, predictions, k)), 1 if weights is None else weights)
        np.testing.assert_array_equal(top(counts, n_labels, k), expected)


@given(problems(), st.integers(0, 2**32 - 1), st.integers(1, 4))
@MANY
def test_order_and_cut_of_cells_do_not_matter(problem, seed, pieces):
    truth, predictions, n_labels, weights = problem
    rng = np.random.default_rng(seed)
    whole = cpu.count_confusion(*problem)
    parts = [
        cpu.count_confusion(truth[at], predictions[:, at], n_labels, None if weights is None else weights[at])
        for at in np.array_split(rng.permutation(len(truth)), pieces)
    ]
    assert_same(merge(parts), whole)
    assert_same(merge(parts[::-1]), whole)


@given(problems().filter(lambda problem: problem[2] <= 40 and len(problem[0])))
@MANY
def test_equals_scikit_learn_at_rank_one(problem):
    truth, predictions, n_labels, weights = problem
    weights = None if weights is None else weights + 1  # scikit-learn refuses weights that are all zero
    expected = confusion_matrix(truth, predictions[0], labels=np.arange(n_labels + 1), sample_weight=weights)
    counts = cpu.count_confusion(truth, predictions, n_labels, weights)
    np.testing.assert_array_equal(top(counts, n_labels, 1), expected[:n_labels])


@pytest.mark.parametrize("device", ["cpu", "cpu-xla"])
def test_rank_one_stands_in_every_k(device):
    truth, predictions, n_labels, _ = cells(5_000, 30, 4)
    backend = dispatch.get_backend(device)
    every = backend.count_confusion(truth, predictions, n_labels)
    for k in range(1, 4):
        assert_same(
            SparseCounts(every.rows, every.cols, every.counts[:, :k]),
            backend.count_confusion(truth, predictions[:k], n_labels),
        )


@pytest.mark.parametrize("device", ["reference", "cpu", "cpu-xla"])
def test_any_memory_layout(device):
    truth, predictions, n_labels, weights = cells(3_000, 9, 3, weighted=True)
    spaced = [np.repeat(each, 2, axis=-1)[..., ::2] for each in (truth, predictions, weights)]
    spaced[0].flags.writeable = False
    backend = dispatch.get_backend(device)
    expected = backend.count_confusion(truth, predictions, n_labels, weights)
    assert_same(backend.count_confusion(spaced[0], spaced[1], n_labels, spaced[2]), expected)
    assert_same(backend.count_confusion(truth, np.asfortranarray(predictions), n_labels, weights), expected)


@pytest.mark.parametrize("device", ["reference", "cpu", "cpu-xla"])
def test_counts_beyond_32_bits(device):
    truth, weights = np.zeros(3, np.int32), np.full(3, 1 << 40)
    counts = dispatch.get_backend(device).count_confusion(truth, np.array([[0, 1, 1], [1, 0, 1]], np.int32), 1, weights)
    assert counts.counts.tolist() == [[1 << 40, 0], [1 << 41, 1 << 40]]


def test_codes_beyond_32_bits_are_kept():
    """Two thousand million labels would not fit in memory here, so the step that makes the codes is asked alone."""
    by_truth = np.zeros(2, np.int64)
    predictions = np.array([[1 << 30, 0], [7, 7], [7, 0], [0, 7]], np.int32)
    on_cpu._scatter(
        np.zeros(2, np.int32),
        predictions,
        np.empty(0, np.int64),
        0,
        2,
        2,
        np.zeros(1, np.int64),
        np.empty(on_cpu.BLOCK, np.int64),
        by_truth,
        np.empty(0, np.int64),
    )
    assert by_truth.tolist() == [(1 << 32) + 3, 0]


def test_parts_are_merged_on_the_way(monkeypatch):
    monkeypatch.setattr(on_xla, "CHUNK", 64)
    sizes = []
    monkeypatch.setattr(on_xla, "merge", lambda parts: (sizes.append(len(parts)), merge(parts))[1])
    problem = cells(5_000, 20, 3)
    assert_same(xla.count_confusion(*problem), reference.count_confusion(*problem))
    assert len(sizes) > 3
    assert max(sizes) < 5_000 / 64 / 2


def test_ragged_sizes_share_compiled_programs():
    from jax import monitoring

    compiled = []
    monitoring.register_event_duration_secs_listener(
        lambda event, _, **__: compiled.append(event) if event.endswith("backend_compile_duration") else None
    )
    for n, n_labels in ((5, 3), (77, 4), (1_000, 1), (1_500, 9), (2_000, 300), (2_047, 7)):
        problem = cells(n, n_labels, 6)
        assert_same(xla.count_confusion(*problem), reference.count_confusion(*problem))
    assert 0 < len(compiled) <= 5  # two sizes of chunks, and as many of runs for each


def test_worked_example():
    """Seven labels; truth and prediction by hand, then the ranks of four cells."""
    R, A, B, C, D, E, F = range(7)
    entries = {
        (E, E): 4,
        (E, D): 3,
        (C, D): 2,
        (D, C): 1,
        (F, B): 2,
        (F, F): 5,
        (B, R): 1,
        (R, A): 1,
        (R, R): 1,
    }
    pairs = np.array([pair for pair, number in entries.items() for _ in range(number)], np.int32).T
    ranks = np.array([[C, B, C, D], [D, R, A, A], [A, F, A, B]], np.int32)
    truth = np.array([D, F, C, E], np.int32)
    for backend in (reference, cpu, xla):
        found = backend.count_confusion(pairs[0], pairs[1:], 7)
        assert dict(zip(zip(found.rows, found.cols, strict=True), found.counts[:, 0], strict=True)) == entries
        assert np.trace(top(found, 7, 1)) == 10
        counts = backend.count_confusion(truth, ranks, 7)
        for k, expected in ((1, [C, B, C, D]), (2, [D, B, C, D]), (3, [D, F, C, D])):
            matrix = top(counts, 7, k)
            assert np.trace(matrix) == k
            assert all(matrix[t, p] for t, p in zip(truth, expected, strict=True))
            assert matrix.sum() == 4
