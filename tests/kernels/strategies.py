"""Hypothesis strategies for integer-coded pair rules."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from fastbench.kernels.codes import PairCodes, column_index, key_index

#: A generator of the values of an example. Drawing each value by itself would take longer than what is tested.
generators = st.integers(0, 2**32 - 1).map(np.random.default_rng)


def column(n, values, kind, rng):
    """Codes of n rows: of any value, all of the same, or in runs."""
    drawn = rng.integers(0, values, n)
    drawn = {"any": drawn, "equal": np.full(n, drawn[0]), "runs": np.sort(drawn)}[kind]
    return np.unique(drawn, return_inverse=True)[1]


@st.composite
def columns(draw, n, most=3):
    """Some coded columns of n rows."""
    number, rng = draw(st.integers(0, most)), draw(generators)
    return [column(n, rng.choice([2, 4, 13]), rng.choice(["any", "equal", "runs"]), rng) for _ in range(number)]


@st.composite
def label_index(draw, n):
    """Zero to three labels for each of n rows, or the same number for all: labels are no columns even then."""
    least, most = draw(st.sampled_from([(0, 3), (1, 1), (2, 2), (3, 3)]))
    rng = draw(generators)
    counts = rng.integers(least, most + 1, n)
    keys = [np.sort(rng.choice(6, count, replace=False)) for count in counts]
    return key_index(np.concatenate([np.zeros(0, np.int64), *keys]), np.repeat(np.arange(n), counts), n, 6)


@st.composite
def pair_codes(draw, n):
    """A pair rule over n rows: any block, include and exclude part."""
    block = draw(columns(n, most=1)) or [np.zeros(n, np.int64)]
    include = column_index(draw(columns(n, most=2)), n)
    exclude = draw(label_index(n)) if draw(st.booleans()) else column_index(draw(columns(n)), n)
    return PairCodes(column_index(block, n), include, exclude)


def make_codes(block, exclude=()) -> PairCodes:
    """A rule of one block column and any number of excluded ones, given by values."""
    n = len(block)
    return PairCodes(
        column_index([np.unique(block, return_inverse=True)[1]], n),
        column_index([], n),
        column_index([np.unique(e, return_inverse=True)[1] for e in exclude], n),
    )
