"""Ranks of all rows in the lists of queries, where a label that is given to other rows leaves the lists as they are.

With one label a row, every row of a block is a positive or a negative of a query, whoever carries the label. So the
rank of each row in the list of each query is found once for all draws, and AP under a draw is the mean of i / rank over
its rows (`kernels.reference.null_relabelling.ranked_sums`). Where values are tied, this does not hold, and the query is
left to be counted.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ....kernels.codes import stable_order
from ....kernels.cores import run_jobs, usable_cores
from .data import RelabelledRows

__all__ = ["PlainRanks"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_PAIRS = 1 << 20  # of a job
_SETS = 1 << 15  # of a job
_MOST_BYTES = 256 << 20  # of all ranks


class PlainRanks(NamedTuple):
    """Ranks in the lists of queries without ties.

    Attributes
    ----------
    place : ndarray of int64, shape (n,)
        Where the query of a row stands in the table; -1 for what is no query, or has ties.
    table : ndarray of uint16 or uint32, shape (q, n)
        Rank of each row in the list of each query, from 1; 0 for rows of other blocks and the query itself.
    """

    place: Ints
    table: npt.NDArray[np.unsignedinteger]

    @staticmethod
    def fit(n_queries: int, n_rows: int) -> bool:
        """Return whether the ranks fit into memory."""
        return n_queries * n_rows * _type_for(n_rows).itemsize <= _MOST_BYTES

    @classmethod
    def of(cls, data: RelabelledRows, block: Ints) -> PlainRanks:
        """Rank the rows of the block of each query.

        Parameters
        ----------
        data : RelabelledRows
            The profiles.
        block : ndarray of int64, shape (n,)
            Rows of one number are in each other's lists.
        """
        n = len(block)
        queries = np.flatnonzero(data.asked)
        table = np.zeros((len(queries), n), _type_for(n))
        place, prepared = np.full(n, -1), data.prepared(data.no_negatives())

        def rank(at: Ints, rows: Ints) -> None:
            mine = queries[at]
            others = np.broadcast_to(rows, (len(mine), len(rows)))
            others = others[others != mine[:, None]].reshape(len(mine), -1)
            size = others.shape[1]
            found = data.backend.count_outranking(prepared, mine, np.arange(len(mine) + 1) * size, others.ravel(), 1)
            values = found.values.reshape(len(mine), size)
            order = np.argsort(-values, axis=1)
            ordered = np.take_along_axis(values, order, axis=1)
            plain = np.isfinite(values).all(axis=1) & (ordered[:, 1:] != ordered[:, :-1]).all(axis=1)
            ranks = np.take_along_axis(others, order, axis=1)  # rows from the best
            table[at[:, None], ranks] = np.arange(1, size + 1)
            place[mine[plain]] = at[plain]

        jobs = []
        for number in np.unique(block[queries]).tolist():
            rows, mine = np.flatnonzero(block == number), np.flatnonzero(block[queries] == number)
            step = max(_PAIRS // len(rows), 1)
            pieces = [mine[i : i + step] for i in range(0, len(mine), step)]
            jobs += [(len(piece) * len(rows), partial(rank, piece, rows)) for piece in pieces if len(rows) > 1]
        run_jobs(jobs, min(usable_cores(), 8))
        return cls(place, table)

    def sums(self, data: RelabelledRows, drawn: list[Ints]) -> list[tuple[Floats, Ints]]:
        """Add up AP over the queries in sets of rows.

        Parameters
        ----------
        data : RelabelledRows
            The profiles.
        drawn : list of ndarray of int64, shape (m, k)
            Sets of rows, each within a block.

        Returns
        -------
        list of (sums, counts)
            Sum of AP and number of queries of each set, (m,) each.
        """
        inverse = np.append(0.0, 1 / np.arange(1, self.table.shape[1] + 1))

        def add(sets: Ints) -> tuple[Floats, Ints]:
            if sets.shape[1] < 2:
                return np.zeros(len(sets)), np.zeros(len(sets), np.int64)
            at = self.place[sets].ravel()
            there = np.flatnonzero(at >= 0)
            at, draws = at[there], there // sets.shape[1]
            offsets = np.append(0, np.cumsum(np.bincount(at, minlength=len(self.table))))
            by_query = draws[stable_order(at)]
            sums = data.backend.ranked_sums(self.table, inverse, offsets, by_query, sets.astype(np.int32))
            return sums, np.bincount(draws, minlength=len(sets))

        pieces = [(i, sets[a : a + _SETS]) for i, sets in enumerate(drawn) for a in range(0, len(sets), _SETS)]
        parts = run_jobs([(piece.size, partial(add, piece)) for _, piece in pieces], min(usable_cores(), 8))
        by_set: list[list[tuple[Floats, Ints]]] = [[] for _ in drawn]
        for (i, _), part in zip(pieces, parts, strict=True):
            by_set[i].append(part)
        return [(np.concatenate([s for s, _ in some]), np.concatenate([c for _, c in some])) for some in by_set]


def _type_for(n_rows: int) -> np.dtype[np.unsignedinteger]:
    return np.dtype(np.uint16 if n_rows < 1 << 16 else np.uint32)
