"""The integer form of a pair rule: what the kernels see instead of metadata."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = [
    "KeyIndex",
    "LabelPartners",
    "PairCodes",
    "Partners",
    "column_index",
    "combined_code",
    "compact",
    "key_index",
    "merge_indexes",
    "stable_order",
]


class KeyIndex(NamedTuple):
    """Which rows carry which keys, readable from both sides.

    A key is a value of one column (or one label of a list column). A row may carry several keys.

    Attributes
    ----------
    row_offsets : ndarray of int64, shape (n + 1,)
        Keys of row i are ``row_keys[row_offsets[i]:row_offsets[i + 1]]``.
    row_keys : ndarray of int32
        Key numbers, ascending within a row.
    key_offsets : ndarray of int64, shape (k + 1,)
        Rows of key c are ``key_rows[key_offsets[c]:key_offsets[c + 1]]``.
    key_rows : ndarray of int32
        Row numbers, ascending within a key.
    columns : int
        c > 0 says that every row carries exactly one key of each of c columns, in the order of the columns, so
        that ``row_keys.reshape(n, c)`` is a table of codes. 0 for labels, of which rows carry any number.
    """

    row_offsets: npt.NDArray[np.int64]
    row_keys: npt.NDArray[np.int32]
    key_offsets: npt.NDArray[np.int64]
    key_rows: npt.NDArray[np.int32]
    columns: int = 0


class PairCodes(NamedTuple):
    """One pair rule over n rows: rows i != j make a pair when all three conditions hold.

    Attributes
    ----------
    block : KeyIndex
        Every row carries exactly one key; i and j carry the same one (``sameby``, all columns combined).
    include : KeyIndex
        i and j share at least one key (``sameby`` any); no constraint when it holds no key at all.
    exclude : KeyIndex
        i and j share no key (``diffby``, one key for each value of each column, labels of a list column).
    """

    block: KeyIndex
    include: KeyIndex
    exclude: KeyIndex


class Partners(NamedTuple):
    """Partners of some rows under a pair rule.

    Attributes
    ----------
    offsets : ndarray of int64, shape (q + 1,)
        Partners of query i are ``rows[offsets[i]:offsets[i + 1]]``.
    rows : ndarray of int32
        Row numbers, ascending in each list.
    """

    offsets: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int32]


class LabelPartners(NamedTuple):
    """Partners of some rows under a pair rule, a list for each label of a row; only lists with a partner are there.

    Attributes
    ----------
    query : ndarray of int32, shape (u,)
        Position of each list's row among those asked for.
    label : ndarray of int32, shape (u,)
        Its label.
    offsets : ndarray of int64, shape (u + 1,)
        Partners of list i are ``rows[offsets[i]:offsets[i + 1]]``.
    rows : ndarray of int32
        Row numbers, ascending in each list.
    """

    query: npt.NDArray[np.int32]
    label: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int32]


def stable_order(*codes: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Order by whole numbers from 0 on, the first array counting most; equal ones stay in their order.

    NumPy counts 16-bit numbers instead of comparing them, which is ten times faster; so digits of 16 bits are sorted
    by, the least first.
    """
    order: npt.NDArray[np.int64] | None = None
    for code in reversed(codes):
        bits = int(code.max(initial=0)).bit_length()
        for shift in range(0, bits, 16):
            digit = (code >> shift if shift else code).astype(np.uint16)  # what does not fit is cut off
            if order is None:
                order = np.argsort(digit, kind="stable")
            else:
                order = order[np.argsort(digit[order], kind="stable")]
    return np.arange(len(codes[0])) if order is None else order


def key_index(keys: npt.NDArray[np.integer], rows: npt.NDArray[np.integer], n: int, n_keys: int) -> KeyIndex:
    """Build an index from (key, row) entries, each entry once.

    Parameters
    ----------
    keys, rows : ndarray of int, shape (e,)
        Entry i says that row ``rows[i]`` carries key ``keys[i]``.
    n, n_keys : int
        Number of rows and of keys.

    Returns
    -------
    KeyIndex
        The index.
    """
    by_row, by_key = stable_order(rows, keys), stable_order(keys, rows)
    return KeyIndex(
        np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=n))]).astype(np.int64),
        keys[by_row].astype(np.int32),
        np.concatenate([[0], np.cumsum(np.bincount(keys, minlength=n_keys))]).astype(np.int64),
        rows[by_key].astype(np.int32),
    )


def column_index(columns: Sequence[npt.NDArray[np.integer]], n: int) -> KeyIndex:
    """Build the index in which each of n rows carries one key for each coded column (codes 0..k-1)."""
    if not columns:
        nothing = np.empty(0, np.int64)
        return key_index(nothing, nothing, n, 0)
    sizes = [int(code.max(initial=-1)) + 1 for code in columns]
    bases = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    keys = np.stack([code + base for code, base in zip(columns, bases[:-1], strict=True)], axis=1).ravel()
    # Entries come by row, and ascend within a row; a stable sort keeps the rows of a key in order.
    by_key = stable_order(keys)
    return KeyIndex(
        np.arange(n + 1, dtype=np.int64) * len(columns),
        keys.astype(np.int32),
        np.concatenate([[0], np.cumsum(np.bincount(keys, minlength=int(bases[-1])))]).astype(np.int64),
        (by_key // len(columns)).astype(np.int32),
        len(columns),
    )


def compact(keys: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Number the distinct values of whole numbers from 0 on 0..k-1, in their order."""
    if keys.max(initial=0) > 8 * len(keys):  # too wide a range to count in
        order = stable_order(keys)
        found = np.empty(len(keys), np.int64)
        found[order] = np.cumsum(np.diff(keys[order], prepend=keys[order[0]]) > 0)
        return found
    number: npt.NDArray[np.int64] = np.cumsum(np.bincount(keys) > 0, dtype=np.int64) - 1
    return number[keys]


def combined_code(keys: Sequence[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    """Number the distinct combinations of one or more coded columns 0..k-1."""
    code = keys[0]
    for key in keys[1:]:
        code = compact(code * (key.max(initial=0) + 1) + key)
    return code


def merge_indexes(a: KeyIndex, b: KeyIndex) -> KeyIndex:
    """Put the keys of two indexes over the same rows side by side; the result is no table of columns."""
    n = len(a.row_offsets) - 1
    base = len(a.key_offsets) - 1
    rows = np.concatenate([np.repeat(np.arange(n), np.diff(index.row_offsets)) for index in (a, b)])
    keys = np.concatenate([a.row_keys.astype(np.int64), b.row_keys.astype(np.int64) + base])
    return key_index(keys, rows, n, base + len(b.key_offsets) - 1)
