"""Rows of a group change places with its negatives: replicates with controls, or with rows of other labels.

The pool of a group are its queries, their positives and their negatives. Who is whose positive or negative belongs to
the place; the rows that stand at the places of one block (the rows that agree in all ``neg_sameby`` columns) are
exchanged at random. Only the similarities of the pool are needed, which are computed for one group at a time.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ....kernels.cores import run_jobs, usable_cores
from ...errors import InputError
from ...tables.groups import Groups
from ..options import NullModel
from .data import RelabelledRows
from .exchanger import COUNTED, Exchanger

__all__ = ["AmongNegatives"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_LARGEST = 3_000  # rows of a pool, whose similarities are all kept
_NUMBERS = 1 << 22  # rows of all draws of a block
_TOGETHER = 16  # groups of a job


class _Places(NamedTuple):
    """The places of a group and who is whose positive and negative, as `relabelled_ap` takes them."""

    rows: Ints  # (u,) by block, carriers first
    cells: Ints  # (c + 1,) bounds of the blocks
    carriers: Ints  # (c,) places of the group in each block
    queries: Ints
    pos_offsets: Ints
    positives: Ints
    neg_offsets: Ints
    negatives: Ints

    @property
    def number(self) -> int:
        """Number of ways to choose the rows of the group."""
        sizes = np.diff(self.cells).tolist()
        return math.prod(math.comb(n, k) for n, k in zip(sizes, self.carriers.tolist(), strict=True))


class AmongNegatives(Exchanger):
    """Exchanges the rows of groups with their negatives."""

    def __init__(
        self,
        data: RelabelledRows,
        members: Groups,
        label: Ints,
        model: NullModel,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        super().__init__(data, members, label, model, progress)
        self._prepared = data.prepared(data.no_negatives())
        counts = self._each(np.arange(len(members)), self._first)
        if len(counts) and max(counts) == 1:
            raise InputError(
                "null='permutation' has no exchange under these rules: no block (rows that agree in all neg_sameby "
                "columns) holds both rows of a group and negatives of it; name fewer neg_sameby columns, or use "
                "null='shared'."
            )

    def count(self, groups: Ints, first: int, size: int) -> Ints:
        """Count the draws that reach the observed value, of each group."""
        return np.array(self._each(groups, partial(self._drawn, first=first, size=size)), np.int64)

    def _each(self, groups: Ints, work: Callable[[int], int]) -> list[int]:
        """Return what `work` makes of each group, on all cores."""
        slices = [groups[i : i + _TOGETHER] for i in range(0, len(groups), _TOGETHER)]

        def job(some: Ints) -> list[int]:
            return [work(g) for g in some.tolist()]

        def tell(share: float) -> None:
            if self._progress is not None:
                self._progress(int(share * len(groups)), len(groups))

        parts = run_jobs([(len(some), partial(job, some)) for some in slices], min(usable_cores(), 8), tell)
        return [each for part in parts for each in part]

    def _first(self, group: int) -> int:
        """Take the mean of a group, count all its relabellings if they are few, and return how many there are."""
        places = self._places(group)
        values = self._values(places)
        identity = np.arange(len(places.rows))[None]
        self.observed[group] = self._means(places, values, identity)[0]
        count = places.number
        if 1 <= count <= COUNTED and self._is_interchangeable(places):
            reached = sum(self._reached(group, self._means(places, values, rows)) for rows in _arrangements(places))
            for each in (self._known.lower, self._known.upper, self._known.value):
                each[group] = reached / count
        return count

    def _drawn(self, group: int, first: int, size: int) -> int:
        """Count the draws of a group that reach its observed value."""
        places = self._places(group)
        values = self._values(places)
        backend = self._data.backend
        key = backend.stream_key(self._model.seed, *np.diff(places.cells).tolist())
        step = max(_NUMBERS // len(places.rows), 1)
        reached = 0
        for start in range(first, first + size, step):
            rows = backend.shuffle_cells(key, start, min(step, first + size - start), places.cells)
            reached += self._reached(group, self._means(places, values, rows))
        return reached

    def _reached(self, group: int, means: Floats) -> int:
        return self._count_reached(means, float(self.observed[group]))

    def _means(self, places: _Places, values: Floats, rows: Ints) -> Floats:
        found = self._data.backend.relabelled_ap(values, rows, *places[3:], self._data.ties)
        means: Floats = found.mean(axis=1) if self._model.aggregate == "mean" else np.median(found, axis=1)
        return means

    def _values(self, places: _Places) -> Floats:
        """Return the ranking value of each two rows of the pool."""
        u = len(places.rows)
        others = np.broadcast_to(places.rows, (u, u))[~np.eye(u, dtype=bool)]
        offsets = np.arange(u + 1) * (u - 1)
        found = self._data.backend.count_outranking(self._prepared, places.rows, offsets, others, 1)
        values = np.zeros((u, u))
        values[~np.eye(u, dtype=bool)] = found.values
        return values

    def _places(self, group: int) -> _Places:
        """List the pool of a group: by block, its own rows first, in an order that files do not decide."""
        data, plan = self._data, self._data.plan
        queries = self._members[group]
        negatives = data.backend.partners(plan.negatives, queries)
        if plan.labels is None:
            offsets, positives = data.backend.partners(plan.positives, queries)
        else:
            found = data.backend.label_partners(plan.positives, plan.labels, queries)
            mine = np.flatnonzero(found.label == self._label[group])
            sizes = np.diff(found.offsets)[mine]
            offsets = np.append(0, np.cumsum(sizes))
            positives = np.concatenate([found.rows[found.offsets[i] : found.offsets[i + 1]] for i in mine.tolist()])
        own = np.unique(np.concatenate([queries, positives]))
        rest = np.setdiff1d(negatives.rows, own)
        if len(own) + len(rest) > _LARGEST:
            raise InputError(
                f"null='permutation' would exchange {len(own) + len(rest):,} rows of one group with each other, and at "
                f"most {_LARGEST:,} are possible under these rules; let neg_sameby keep negatives to a plate, or "
                "use null='shared'."
            )
        rows = np.concatenate([own, rest])
        is_rest = np.arange(len(rows)) >= len(own)
        block = plan.exchange.block[rows]
        # blocks in the order of what they hold, so that numbers of blocks do not matter
        prints = data.fingerprints[rows]
        least = np.zeros(int(block.max()) + 1, np.uint64)
        np.add.at(least, block, prints)
        order = np.lexsort([prints, is_rest, block, least[block]])
        rows, is_rest, block = rows[order], is_rest[order], block[order]
        starts = np.flatnonzero(np.append(True, np.diff(block) != 0))
        place = np.full(len(plan.exchange.block), -1)
        place[rows] = np.arange(len(rows))
        return _Places(
            rows,
            np.append(starts, len(rows)),
            np.add.reduceat((~is_rest).astype(np.int64), starts),
            place[queries],
            np.asarray(offsets, np.int64),
            place[positives],
            np.asarray(negatives.offsets, np.int64),
            place[negatives.rows],
        )

    @staticmethod
    def _is_interchangeable(places: _Places) -> bool:
        """Return whether it matters only which rows of a block are the group's, not which stands where."""
        u, q = len(places.rows), len(places.queries)
        positive, negative = np.zeros((q, u), bool), np.zeros((q, u), bool)
        positive[np.repeat(np.arange(q), np.diff(places.pos_offsets)), places.positives] = True
        negative[np.repeat(np.arange(q), np.diff(places.neg_offsets)), places.negatives] = True
        cell = np.repeat(np.arange(len(places.carriers)), np.diff(places.cells))
        own = np.arange(u) - places.cells[cell] < places.carriers[cell]
        is_query = np.isin(np.arange(u), places.queries)
        if (own & ~is_query).any() or negative[:, own].any():
            return False
        positive[np.arange(q), places.queries] = True  # of itself, so that rows of one block look alike
        for table, columns in ((positive, own), (negative, ~own)):
            for c in range(len(places.carriers)):
                mine = table[:, columns & (cell == c)]
                if mine.size and (mine != mine[:, :1]).any():
                    return False
                by_query = mine[:, 0] if mine.shape[1] else np.zeros(0, bool)
                for other in range(len(places.carriers)):
                    theirs = by_query[cell[places.queries] == other] if len(by_query) else by_query
                    if len(theirs) and (theirs != theirs[0]).any():
                        return False
        return True


def _arrangements(places: _Places) -> Iterator[Ints]:
    """Give every choice of rows for the places of the group, some hundred at a time."""
    cells = []
    for start, end, k in zip(
        places.cells[:-1].tolist(), places.cells[1:].tolist(), places.carriers.tolist(), strict=True
    ):
        chosen = np.array(list(itertools.combinations(range(end - start), k)), np.int64).reshape(-1, k)
        is_rest = np.ones((len(chosen), end - start), bool)
        is_rest[np.arange(len(chosen))[:, None], chosen] = False
        rest = np.nonzero(is_rest)[1].reshape(len(chosen), -1)
        cells.append(start + np.concatenate([chosen, rest], axis=1))
    sizes = [len(each) for each in cells]
    for first in range(0, math.prod(sizes), 1024):
        choice = np.unravel_index(np.arange(first, min(first + 1024, math.prod(sizes))), sizes)
        yield np.concatenate([cell[mine] for cell, mine in zip(cells, choice, strict=True)], axis=1)
