"""Which rows of a table stand together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from ..kernels.codes import stable_order

__all__ = ["Groups", "grouped"]


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

    def alike(self, values: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
        """Say in which groups all rows have one value, (g,); values (n,)."""
        mine, starts = values[self.rows], self.offsets[:-1]
        same: npt.NDArray[np.bool_] = np.minimum.reduceat(mine, starts) == np.maximum.reduceat(mine, starts)
        return same


def grouped(frame: pl.DataFrame, columns: list[str]) -> tuple[pl.DataFrame, pl.Series, Groups]:
    """Group the rows of a table by columns.

    Parameters
    ----------
    frame : polars.DataFrame
        The table; a row with a missing value in one of the columns is in no group.
    columns : list of str
        The columns.

    Returns
    -------
    groups : polars.DataFrame
        The distinct values, sorted, a row a group.
    listed : polars.Series of lists
        Rows of each group.
    members : Groups
        The same as numbers.
    """
    keyed = pl.DataFrame([*(frame[name] for name in columns), pl.Series("__row", np.arange(frame.height))])
    if any(series.null_count() for series in keyed):
        keyed = keyed.drop_nulls()
    groups = keyed.group_by(columns).agg("__row").sort(columns)
    listed = groups["__row"]
    offsets = np.zeros(len(listed) + 1, np.int64)
    np.cumsum(listed.list.len().to_numpy(), out=offsets[1:])
    rows = listed.explode().to_numpy() if len(listed) else np.empty(0, np.int64)
    return pl.DataFrame([groups[name] for name in columns]), listed, Groups(rows, offsets)
