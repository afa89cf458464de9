"""Cells at which metrics are tried, and what lies near them by plain NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from fastbench.engine.embed.cells import Cells, grouped
from fastbench.engine.embed.finding import named
from fastbench.engine.embed.space import Space
from fastbench.kernels import cpu

#: Plain vectors, duplicates, points of a grid (many equal distances), all the same. Distances of the last three are
#: equal in any arithmetic where they are equal.
KINDS = ("plain", "copies", "grid", "constant")


def problem(kind: str, n: int, d: int, labels: int, batches: int, seed: int, threads: int = 0) -> Space:
    """Cells of a kind; the last label has one cell where there are two labels or more."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)) + 0.1
    if kind == "copies":
        x = x[rng.integers(0, n, n)]
    elif kind == "grid":
        x = rng.integers(1, 4, size=(n, d))
    elif kind == "constant":
        x[:] = np.arange(1, d + 1)
    label = rng.integers(0, max(labels - 1, 1), n)
    if labels > 1:
        label[rng.integers(0, n)] = labels - 1
    order = rng.integers(0, max(labels, 2), n).astype(float)
    cells = Cells(
        grouped([f"t{code:02}" for code in label]),
        grouped([f"b{code}" for code in rng.integers(0, batches, n)]),
        None,
        order,
    )
    before = rng.normal(size=(n, 4)).astype(np.float32)
    return Space(np.ascontiguousarray(x, np.float32), cells, cpu, unintegrated=before, threads=threads)


#: Of 2 cells up to more than the 200 neighbours that entropy takes.
problems = st.builds(
    problem,
    st.sampled_from(KINDS),
    st.sampled_from([2, 3, 7, 30, 130, 260]),
    st.sampled_from([1, 2, 9]),
    st.integers(1, 6),
    st.integers(1, 4),
    st.integers(0, 2**32 - 1),
)


def near(space: Space, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the k nearest others of each cell, the first of equals first, and their distances."""
    x = space.x.astype(np.float64)
    apart = cdist(x, x)
    apart[np.arange(len(x)), np.arange(len(x))] = np.inf
    order = np.argsort(apart, axis=1, kind="stable")[:, : min(k, len(x) - 1)]
    return order, np.take_along_axis(apart, order, axis=1)


def counts(codes: np.ndarray, width: int) -> np.ndarray:
    """Return how often each code occurs in each row."""
    return (codes[:, :, None] == np.arange(width)).sum(axis=1)


def moved(space: Space, order: np.ndarray) -> Space:
    """Return the cells in another order."""
    assert space.unintegrated is not None
    return Space(
        np.ascontiguousarray(space.x[order]), space.cells.of(order), cpu, unintegrated=space.unintegrated[order]
    )


def values(found: Any) -> dict[tuple[str, str], float]:
    """Return the values of a metric by name and variant."""
    return {(name, each.variant): each.value for name, each in named(found, "")}
