"""Pairs of rows as lists, under copairs' names: to look at what rules mean, not to score, which lists no pair."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Hashable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ...kernels.codes import combined_code
from ..errors import InputError, examples
from ..tables.frames import metadata_frame, require_columns, select_columns
from ..tables.matrix import library_of
from .column_rules import ColumnRule, Columns, rule_of

__all__ = ["Matcher", "find_pairs"]

Codes = npt.NDArray[np.int64]
Pairs = npt.NDArray[np.int64]

#: Pairs that are looked at together.
_BLOCK = 1 << 22


def find_pairs(dframe: Any, sameby: Columns, diffby: Columns, rev: bool = False) -> npt.NDArray[np.uint32]:
    """Pairs of rows that agree in every `sameby` column and differ in every `diffby` column.

    A missing value neither agrees nor differs, so its row is in no pair.

    Parameters
    ----------
    dframe : pandas.DataFrame, polars.DataFrame or pyarrow.Table
        Metadata, n rows.
    sameby, diffby : list of str, str, or {"all": [...], "any": [...]}
        The rule; of the columns under "any", one is enough.
    rev : bool, default False
        Whether the two are swapped.

    Returns
    -------
    ndarray of uint32, shape (m, 2)
        Row numbers of each pair, or row labels where the table is one of pandas and they are whole numbers; the smaller
        one first, each pair once, sorted.

    Raises
    ------
    InputError
        Unknown columns, columns in both lists, or none in either.

    Examples
    --------
    >>> import pandas as pd
    >>> from fastbench.matching import find_pairs
    >>> wells = pd.DataFrame({"drug": ["a", "a", "b", "a"], "plate": [1, 2, 2, 2]})
    >>> find_pairs(wells, sameby=["drug"], diffby=["plate"]).tolist()
    [[0, 1], [0, 3]]
    """
    same, diff = rule_of(sameby, "sameby"), rule_of(diffby, "diffby")
    if rev:
        same, diff = diff, same
    frame = _columns(dframe, same, diff)
    labels = _labels(dframe, len(frame))
    pairs = np.sort(labels[_pairs(frame, same, diff)], axis=1)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))].astype(np.uint32)


class Matcher:
    """Pairs of rows by the values that they share.

    Parameters
    ----------
    dframe : pandas.DataFrame, polars.DataFrame or pyarrow.Table
        Metadata, n rows.
    columns : list of str
        The columns that rules may name.
    seed : int, default 0
        Accepted for copairs' sake; nothing is drawn here.
    """

    def __init__(self, dframe: Any, columns: Any, seed: int = 0) -> None:
        self._columns = [str(name) for name in columns]
        self._frame = metadata_frame(select_columns(dframe, dict.fromkeys(self._columns, "columns")))[0]
        self._index = getattr(dframe, "index", None) if library_of(dframe) == "pandas" else None

    def get_all_pairs(
        self, sameby: Columns, diffby: Columns, original_index: bool = True
    ) -> dict[Hashable, list[tuple[Any, Any]]]:
        """Return pairs by the values of the `sameby` columns that all hold.

        Parameters
        ----------
        sameby, diffby : list of str, str, or {"all": [...], "any": [...]}
            The rule, as in `find_pairs`.
        original_index : bool, default True
            Whether rows are named by their labels (of pandas) instead of their numbers; without a `sameby` column they
            are numbers, as in copairs.

        Returns
        -------
        dict
            Lists of pairs: by value where there is one such column, by a named tuple of values where there are several,
            and under None where there is none.
        """
        same, diff = rule_of(sameby, "sameby"), rule_of(diffby, "diffby")
        frame = _columns(self._frame, same, diff)
        pairs = _pairs(frame, same, diff)
        pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
        by_number = self._index is None or not original_index or not same.columns
        rows: Any = range(len(frame)) if by_number else self._index
        if not same.all:
            return {None: [(rows[i], rows[j]) for i, j in pairs.tolist()]}
        named = namedtuple("ComposedKey", same.all) if len(same.all) > 1 else None
        values = frame.select(same.all).rows()
        found: dict[Hashable, list[tuple[Any, Any]]] = {}
        for i, j in pairs.tolist():
            key = values[i][0] if named is None else named(*values[i])
            found.setdefault(key, []).append((rows[i], rows[j]))
        return found


def _columns(table: Any, same: ColumnRule, diff: ColumnRule) -> pl.DataFrame:
    """Return the columns of a rule, which must name some, none of them on both sides."""
    both = set(same.columns) & set(diff.columns)
    if both:
        raise InputError(f"sameby and diffby must be disjoint lists; both name {examples(sorted(both))}.")
    if not (same.columns or diff.columns):
        raise InputError("sameby and diffby are both empty; name a column in one of them.")
    named = dict.fromkeys([*same.columns, *diff.columns], "sameby and diffby")
    frame = metadata_frame(select_columns(table, named))[0]
    require_columns(frame, named, "sameby and diffby")
    return frame


def _labels(table: Any, n: int) -> npt.NDArray[np.int64]:
    """Return the numbers of rows: their labels in a pandas table, if whole and each once."""
    index = getattr(table, "index", None) if library_of(table) == "pandas" else None
    if index is None or index.dtype.kind not in "iu" or not index.is_unique or (len(index) and index.min() < 0):
        return np.arange(n)
    return np.asarray(index, np.int64)


def _pairs(frame: pl.DataFrame, same: ColumnRule, diff: ColumnRule) -> Pairs:
    """Return the pairs of row numbers, the smaller first, (m, 2)."""
    codes = {name: _codes(frame[name]) for name in frame.columns}
    known = np.ones(len(frame), bool)
    for name in (*same.all, *diff.all):
        known &= codes[name] >= 0
    rows = np.flatnonzero(known)
    key = combined_code([codes[name][rows] for name in same.all]) if same.all else np.zeros(len(rows), np.int64)
    order = np.argsort(key, kind="stable")
    ends = np.flatnonzero(np.diff(key[order])) + 1
    found = [
        pair
        for mine in np.split(rows[order], ends)
        for pair in _pairs_among(mine, codes, same.any, diff)
    ]  # fmt: skip
    return np.concatenate([np.empty((0, 2), np.int64), *found])


def _pairs_among(rows: Codes, codes: dict[str, Codes], any_same: tuple[str, ...], diff: ColumnRule) -> Iterator[Pairs]:
    """Give the pairs among rows in ascending order that meet what is left of a rule, block by block."""

    def known(name: str, mine: Codes) -> npt.NDArray[np.bool_]:
        both: npt.NDArray[np.bool_] = (codes[name][mine] >= 0)[:, None] & (codes[name][rows] >= 0)
        return both

    def equal(name: str, mine: Codes) -> npt.NDArray[np.bool_]:
        same: npt.NDArray[np.bool_] = codes[name][mine][:, None] == codes[name][rows]
        return same

    step = max(_BLOCK // max(len(rows), 1), 1)
    for first in range(0, len(rows), step):
        mine = rows[first : first + step]
        chosen = rows > mine[:, None]
        for name in diff.all:
            chosen &= ~equal(name, mine)
        if any_same:
            chosen &= np.logical_or.reduce([equal(name, mine) & known(name, mine) for name in any_same])
        if diff.any:
            chosen &= np.logical_or.reduce([~equal(name, mine) & known(name, mine) for name in diff.any])
        i, j = np.nonzero(chosen)
        yield np.stack([mine[i], rows[j]], axis=1)


def _codes(values: pl.Series) -> Codes:
    """Number the values of a column; -1 for a missing one."""
    if values.dtype.is_float():
        values = values.fill_nan(None)
    return (values.rank("dense").cast(pl.Int64) - 1).fill_null(-1).to_numpy()
