"""Cells by genes for the tests of kernels of expression."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from scipy import sparse

from fastbench.kernels.expression import Expression

__all__ = ["assert_same", "cells_of", "forms", "problems"]


def cells_of(kind: str, n: int, m: int, seed: int, dtype: type) -> np.ndarray:
    """Cells by genes of a kind: counts, real numbers of both signs, all zero, all equal."""
    rng = np.random.default_rng(seed)
    if kind == "counts":
        x = rng.poisson(0.7, (n, m))
    elif kind == "signed":
        x = rng.normal(size=(n, m)) * (rng.random((n, m)) < 0.4)
    elif kind == "zero":
        x = np.zeros((n, m))
    else:
        x = np.full((n, m), 2)
    return x.astype(dtype)


#: Cells by genes, how many groups, and a seed.
problems = st.tuples(
    st.builds(
        cells_of,
        st.sampled_from(["counts", "signed", "zero", "equal"]),
        st.integers(1, 60),
        st.integers(1, 6),
        st.integers(0, 2**32 - 1),
        st.sampled_from([np.float32, np.float64]),
    ),
    st.integers(1, 5),
    st.integers(0, 2**32 - 1),
)


def forms(x: np.ndarray) -> list[Expression]:
    """The same values dense and sparse, and with zeros that are written down."""
    explicit = sparse.csr_array((x.ravel(), np.tile(np.arange(x.shape[1]), len(x)), np.arange(len(x) + 1) * x.shape[1]))
    explicit.resize(x.shape)
    return [Expression.of(each) for each in (x, sparse.csr_array(x), explicit)]


def assert_same(found, expected):
    """Equal to the last bit."""
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
