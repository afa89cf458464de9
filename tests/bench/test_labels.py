"""What is timed side by side gives the same counts."""

from __future__ import annotations

import numpy as np
import pytest

from fastbench.bench import labels


@pytest.mark.parametrize("k", [1, 3])
def test_tools_count_the_same_cells(k):
    problem = labels.build(("count", 5_000, 60, k))
    found = labels.ready("fastbench", problem)()
    for tool in ("NumPy dense", "SciPy sparse", "scikit-learn"):
        for rank, each in enumerate(labels.ready(tool, problem)(), start=1):
            matrix = np.zeros((60, 60), np.int64)
            moved = found.counts[:, 1:rank].sum(axis=1)
            np.add.at(matrix, (found.rows, found.cols), found.counts[:, 0] - moved)
            np.add.at(matrix, (found.rows, found.rows), moved)
            np.testing.assert_array_equal(each if isinstance(each, np.ndarray) else each.toarray(), matrix)


def test_tools_count_the_same_nodes():
    problem = labels.build(("nodes", 5_000, 90, 1))
    counts, shared = labels.ready("fastbench", problem)()
    assert shared.max() > 1
    assert not counts[:, 0].any()  # the root
    for tool in ("SciPy sparse", "Python sets"):
        by_node, overlap = labels.ready(tool, problem)()
        if tool == "Python sets":
            by_node = [[each.get(node, 0) for node in range(90)] for each in by_node]
        np.testing.assert_array_equal(by_node, counts)
        np.testing.assert_array_equal(overlap, shared)


def test_a_small_problem_asks_the_same():
    job = "nodes", 10_000_000, 3_000, 3
    small = labels.small_one_like(job)
    assert (small[0], small[3]) == (job[0], job[3])
    assert len(labels.build(small).bits) == small[2]
