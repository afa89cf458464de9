"""Hypothesis strategies for integer-coded pair rules."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from fastbench.kernels.codes import PairCodes, column_index, key_index


@st.composite
def columns(draw, n, most=3):
    """Some coded columns of n rows."""
    count = draw(st.integers(0, most))
    return [
        np.unique(np.array(draw(st.lists(st.integers(0, k), min_size=n, max_size=n))), return_inverse=True)[1]
        for k in draw(st.lists(st.sampled_from([1, 3, 12]), min_size=count, max_size=count))
    ]


@st.composite
def label_index(draw, n):
    """Zero to three labels for each of n rows, or the same number for all: labels are no columns even then."""
    least, most = draw(st.sampled_from([(0, 3), (1, 1), (2, 2), (3, 3)]))
    lists = draw(st.lists(st.sets(st.integers(0, 5), min_size=least, max_size=most), min_size=n, max_size=n))
    rows = np.array([i for i, labels in enumerate(lists) for _ in labels], dtype=np.int64)
    keys = np.array([label for labels in lists for label in sorted(labels)], dtype=np.int64)
    return key_index(keys, rows, n, 6)


@st.composite
def pair_codes(draw, n):
    """A pair rule over n rows: any block, include and exclude part."""
    block = draw(columns(n, most=1)) or [np.zeros(n, np.int64)]
    include = draw(st.one_of(st.just(column_index([], n)), st.builds(lambda c: column_index(c, n), columns(n, most=2))))
    exclude = draw(st.one_of(st.builds(lambda c: column_index(c, n), columns(n)), label_index(n)))
    return PairCodes(column_index(block, n), include, exclude)


def make_codes(block, exclude=()) -> PairCodes:
    """A rule of one block column and any number of excluded ones, given by values."""
    n = len(block)
    return PairCodes(
        column_index([np.unique(block, return_inverse=True)[1]], n),
        column_index([], n),
        column_index([np.unique(e, return_inverse=True)[1] for e in exclude], n),
    )
