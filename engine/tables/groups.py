"""Groups of the rows of a table, and columns as integer codes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from ...kernels.codes import combined_code, compact, stable_order
from ...kernels.cores import run_jobs

__all__ = ["GroupedRows", "Groups", "column_codes", "grouped"]

#: Whole numbers that fit int64: numbered without sorting where they span few values.
_COUNTED = frozenset((pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32))


@dataclass(frozen=True)
class Groups:
    """Rows of each of g groups; none is empty.

    Attributes
    ----------
    rows : ndarray of int64, shape (m,)
        Row numbers of all groups, one group after the other.
    offsets : ndarray of int64, shape (g + 1,)
        Group i has ``rows[offsets[i]:offsets[i + 1]]``.
    """

    rows: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]

    @classmethod
    def of(cls, members: Iterable[Sequence[int]]) -> Groups:
        """Make groups of a list of row numbers for each."""
        each = [np.asarray(mine, np.int64) for mine in members]
        sizes = [0, *map(len, each)]
        return cls(np.concatenate([np.empty(0, np.int64), *each]), np.cumsum(sizes, dtype=np.int64))

    @classmethod
    def numbered(cls, which: npt.NDArray[np.int64]) -> Groups:
        """Make groups of the number of its group for each row, every one of 0 .. g - 1 there."""
        return cls(stable_order(which), np.append(0, np.cumsum(np.bincount(which), dtype=np.int64)))

    def __len__(self) -> int:
        """Return the number of groups."""
        return len(self.offsets) - 1

    def __getitem__(self, group: int) -> npt.NDArray[np.int64]:
        """Return the rows of one group."""
        return self.rows[self.offsets[group] : self.offsets[group + 1]]

    def __iter__(self) -> Iterator[npt.NDArray[np.int64]]:
        """Give the rows of each group."""
        return iter(np.split(self.rows, self.offsets[1:-1])[: len(self)])

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        """Rows of each group, (g,)."""
        return np.diff(self.offsets)

    def is_constant(self, values: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
        """Return whether all rows of each group have one value, (g,); values (n,)."""
        mine, starts = values[self.rows], self.offsets[:-1]
        same: npt.NDArray[np.bool_] = np.minimum.reduceat(mine, starts) == np.maximum.reduceat(mine, starts)
        return same


class GroupedRows(NamedTuple):
    """The rows of a table by group.

    Attributes
    ----------
    groups : polars.DataFrame
        The distinct values, sorted, a row a group.
    listed : polars.Series of lists
        Rows of each group.
    members : Groups
        The same as numbers.
    """

    groups: pl.DataFrame
    listed: pl.Series
    members: Groups


def grouped(
    frame: pl.DataFrame, columns: list[str], ranks: Mapping[str, npt.NDArray[np.integer]] = MappingProxyType({})
) -> GroupedRows:
    """Group the rows of a table by columns.

    Parameters
    ----------
    frame : polars.DataFrame
        The table; a row with a missing value in one of the columns is in no group.
    columns : list of str
        The columns.
    ranks : mapping of str to ndarray of int, shape (n,), optional
        What the values of a column are sorted by, if not by themselves.

    Returns
    -------
    GroupedRows
    """
    keyed = [frame[name] for name in columns]
    kept = np.arange(frame.height)
    if any(series.null_count() for series in keyed):
        kept = kept[np.logical_and.reduce([series.is_not_null().to_numpy() for series in keyed])]
        keyed = [series.gather(kept) for series in keyed]
    own = {name: compact(given[kept].astype(np.int64)) for name, given in ranks.items()}
    others = [series for series in keyed if series.name not in own]
    found = run_jobs([(1, partial(_ordered_codes, series)) for series in others])
    own |= {series.name: codes for series, codes in zip(others, found, strict=True)}
    members = Groups.numbered(combined_code([own[name] for name in columns]))
    groups = pl.DataFrame([series.gather(members.rows[members.offsets[:-1]]) for series in keyed])
    members = Groups(kept[members.rows], members.offsets)
    # By way of Polars, since Arrow imports pandas to look at what it is given.
    listed = pa.LargeListArray.from_arrays(pl.Series(members.offsets).to_arrow(), pl.Series(members.rows).to_arrow())
    return GroupedRows(groups, cast(pl.Series, pl.from_arrow(listed)), members)


def column_codes(series: pl.Series) -> tuple[npt.NDArray[np.int64], pl.Series | None]:
    """Number the distinct values of a column without nulls 0..k-1.

    Returns
    -------
    codes : ndarray of int64, shape (n,)
        In the order of the values; of text, as they come first.
    distinct : polars.Series, shape (k,), or None
        The values, if they are text.
    """
    if series.dtype == pl.String:
        found = series.to_arrow().dictionary_encode()  # one pass; Polars takes one to find and one to number them
        codes, distinct = (cast(pl.Series, pl.from_arrow(part)) for part in (found.indices, found.dictionary))
        return codes.to_numpy().astype(np.int64), distinct.alias(series.name)
    if series.dtype == pl.Enum:
        series = series.to_physical()
    elif series.dtype == pl.Categorical:
        series = series.cast(pl.String)
    elif series.dtype == pl.Boolean:
        series = series.cast(pl.UInt8)
    if series.dtype in _COUNTED and len(series):
        values = series.to_numpy().astype(np.int64)
        least, most = int(values.min()), int(values.max())
        if most - least < 2**63:
            return compact(values - least), None
    return series.rank("dense").to_numpy().astype(np.int64) - 1, None


def _ordered_codes(series: pl.Series) -> npt.NDArray[np.int64]:
    """Number the distinct values of a column without nulls 0..k-1, in their order."""
    codes, distinct = column_codes(series)
    if distinct is None:
        return codes
    rank = np.empty(len(distinct), np.int64)
    rank[distinct.arg_sort().to_numpy()] = np.arange(len(distinct))
    return rank[codes]
