"""Forms of pair rules on a device: who shares a key, at what cost."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fastbench.kernels.codes import column_index, key_index
from fastbench.kernels.reference.pairs import _shares_key
from fastbench.kernels.xla.rank import keys

from ....examples import FEW
from ...strategies import label_index


@given(st.integers(1, 30).flatmap(label_index), st.integers(0, 400))
@FEW
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
