"""Definition of a pair rule: the dense truth table, and what is read off it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..codes import KeyIndex, LabelPartners, PairCodes, Partners

__all__ = ["count_partners", "label_partners", "pair_table", "partners"]

Ints = npt.NDArray[np.int64]


def _shares_key(index: KeyIndex) -> npt.NDArray[np.bool_]:
    """Return the (n, n) table: do rows i and j share at least one key."""
    n, k = len(index.row_offsets) - 1, len(index.key_offsets) - 1
    carries = np.zeros((n, k), dtype=bool)
    carries[np.repeat(np.arange(n), np.diff(index.row_offsets)), index.row_keys] = True
    return (carries.astype(np.int64) @ carries.T.astype(np.int64)) > 0


def pair_table(codes: PairCodes) -> npt.NDArray[np.bool_]:
    """Return the (n, n) table of a pair rule; symmetric, False on the diagonal."""
    table = _shares_key(codes.block) & ~_shares_key(codes.exclude)
    if len(codes.include.key_rows):
        table &= _shares_key(codes.include)
    np.fill_diagonal(table, False)
    return table


def count_partners(codes: PairCodes) -> Ints:
    """Return how many partners each row has, shape (n,)."""
    return pair_table(codes).sum(axis=1, dtype=np.int64)


def partners(codes: PairCodes, rows: npt.NDArray[np.integer]) -> Partners:
    """Return the partners of the given rows (q,), ascending in each list."""
    table = pair_table(codes)[rows]
    offsets = np.concatenate([[0], np.cumsum(table.sum(axis=1, dtype=np.int64))])
    return Partners(offsets, np.nonzero(table)[1].astype(np.int32))


def label_partners(codes: PairCodes, labels: KeyIndex, rows: npt.NDArray[np.integer]) -> LabelPartners:
    """Return the partners of each (row, label): those under the rule that carry the label too.

    Parameters
    ----------
    codes : PairCodes
        The rule without its list column.
    labels : KeyIndex
        The labels of the list column.
    rows : ndarray of int, shape (q,)
        Rows asked for.

    Returns
    -------
    LabelPartners
        The lists, by row asked for, then by label.
    """
    table = pair_table(codes)
    query, label, sizes, found = [], [], [0], []
    for position, row in enumerate(rows):
        for key in labels.row_keys[labels.row_offsets[row] : labels.row_offsets[row + 1]]:
            carriers = labels.key_rows[labels.key_offsets[key] : labels.key_offsets[key + 1]]
            here = carriers[table[row, carriers]]
            if len(here):
                query.append(position)
                label.append(key)
                sizes.append(len(here))
                found.append(here)
    return LabelPartners(
        np.array(query, np.int32),
        np.array(label, np.int32),
        np.cumsum(sizes, dtype=np.int64),
        np.concatenate(found).astype(np.int32) if found else np.empty(0, np.int32),
    )
