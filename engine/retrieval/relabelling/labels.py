"""A label is given to other rows of its block; the labels of one size share their draws.

A draw is a set of rows, as many of each block as carry the label (queries and other rows apart). The other rows of the
set are the positives of a row in it. Its negatives are the rows of its block that are not in the set and carry no other
label of its own; where rows have one label each, taking it off leaves none, and these are all rows of the block that
are not in the set.

How many negatives of a row outrank another row does not depend on the set, but for rows of the set, which are taken
off. So similarities are counted once for every pair of rows that a draw brings together, some rows at a time; nothing
is kept for all pairs. One thing depends on the label itself: rows that share it, and no other, are negatives of each
other once it is taken off, which the counts of the data do not know. They are few, and are counted apart.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import cached_property, partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ....kernels.backend import Outranking
from ....kernels.codes import PairCodes
from ....kernels.cores import run_jobs, usable_cores
from ...errors import InputError
from ...nulls.distribution import PValues
from ...tables.groups import Groups
from ..options import NullModel
from .data import RelabelledRows
from .exchanger import COUNTED, Exchanger
from .ranks import PlainRanks
from .sequential import FIRST_DRAWS

__all__ = ["AmongLabels"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_CELLS = 1 << 24  # of the table that says which rows a draw brings together
_ROWS = 512  # rows at a time
_DRAWS = 1 << 22  # rows of all draws at a time
_COVERED = 4  # the first draws bring together at least one pair in so many, where all are ranked


class _Size(NamedTuple):
    """Labels with the same number of rows in each cell (rows of one block, queries or not)."""

    labels: list[int]  # numbers of groups
    rows: Ints  # of all its cells
    cells: Ints  # (c + 1,) bounds of the cells in rows
    taken: Ints  # (c,) rows of each that carry a label

    @property
    def number(self) -> int:
        """Number of sets that could be drawn."""
        sizes = np.diff(self.cells).tolist()
        return math.prod(math.comb(n, k) for n, k in zip(sizes, self.taken.tolist(), strict=True))


class _Known(NamedTuple):
    """Some queries with the rows that sets bring together with them, as `relabelled_sums` takes them."""

    queries: Ints
    offsets: Ints
    mates: Ints
    counts: Outranking
    negative: npt.NDArray[np.bool_]


class AmongLabels(Exchanger):
    """Gives labels to other rows: each group is a label (in a block)."""

    def __init__(
        self,
        data: RelabelledRows,
        members: Groups,
        label: Ints,
        model: NullModel,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        if model.aggregate != "mean":
            raise InputError(
                "null='permutation' adds up AP over the rows that are given a label, so it goes with aggregate='mean', "
                f"but aggregate is {model.aggregate!r}."
            )
        super().__init__(data, members, label, model, progress)
        plan = data.plan
        self._block = plan.exchange.block
        self._positive_block = self._block if plan.exchange.within_block else np.zeros_like(self._block)
        negatives = plan.negatives
        if plan.labels is None:  # the label is taken off: all rows of the block may be negatives
            negatives = PairCodes(negatives.block, negatives.include, data.no_negatives().exclude)
        self._prepared = data.prepared(negatives)
        self._carriers = [self._rows_of(members[g], int(label[g])) for g in range(len(members))]
        self._extras = self._find_extras(label)
        self._sizes = self._by_size()
        self._totals = np.full(len(members), np.nan)
        self._look_at_data()

    def counted(self) -> PValues:
        """Return exact p-values where all relabellings are counted, NaN elsewhere."""
        drawn = []
        for size in self._sizes:
            if size.number > COUNTED:
                continue
            choices = [
                [size.rows[start + np.array(some, np.int64)] for some in itertools.combinations(range(end - start), k)]
                for start, end, k in zip(
                    size.cells[:-1].tolist(), size.cells[1:].tolist(), size.taken.tolist(), strict=True
                )
            ]
            drawn.append((size, np.sort([np.concatenate(each) for each in itertools.product(*choices)], axis=1)))
        if drawn:
            reached = self._reached(drawn)
            for size, sets in drawn:
                for each in (self._known.lower, self._known.upper, self._known.value):
                    each[size.labels] = [reached[g] / len(sets) for g in size.labels]
        return self._known

    @cached_property
    def _ranks(self) -> PlainRanks | None:
        """Ranks of all rows, where lists are plain and draws bring many of their pairs together."""
        queries, n = int(self._data.asked.sum()), len(self._block)
        if self._data.plan.labels is not None or not PlainRanks.fit(queries, n):
            return None
        if any(len(np.unique(self._block[size.rows])) > 1 for size in self._sizes):
            return None
        pairs = sum(min(FIRST_DRAWS, self._model.null_size) * int(size.taken.sum()) ** 2 for size in self._sizes)
        return PlainRanks.of(self._data, self._block) if pairs >= queries * n / _COVERED else None

    def count(self, groups: Ints, first: int, size: int) -> Ints:
        """Count the draws that reach the observed value, of each group."""
        wanted, found = set(groups.tolist()), np.zeros(len(self._carriers), np.int64)
        sizes = [each._replace(labels=[g for g in each.labels if g in wanted]) for each in self._sizes]
        sizes = [each for each in sizes if each.labels]
        step = max(_DRAWS // sum(int(each.taken.sum()) for each in sizes), 1)
        for start in range(first, first + size, step):
            orders: dict[tuple[object, ...], Ints] = {}
            count = min(step, first + size - start)
            drawn = [(each, self._drawn(each, start, count, orders)) for each in sizes]
            for g, reached in self._reached(drawn).items():
                found[g] += reached
        return found[groups]

    def _drawn(self, size: _Size, first: int, count: int, orders: dict[tuple[object, ...], Ints]) -> Ints:
        """Draw sets of rows, (count, k), ascending.

        Sets of similar size begin alike, so that fewer pairs of rows are compared: each takes the first rows of a
        larger set in random order, whose number of rows is the next power of two. `orders` holds those of earlier
        calls.
        """
        backend = self._data.backend
        rows = np.diff(size.cells)
        most = np.minimum(2 ** np.ceil(np.log2(np.maximum(size.taken, 4))).astype(np.int64), rows)
        bounds = np.append(0, np.cumsum(most))
        name = tuple(size.rows[size.cells[:-1]].tolist()), *rows.tolist(), *most.tolist()
        if name not in orders:
            key = backend.stream_key(self._model.seed, *rows.tolist(), *most.tolist())
            sets = backend.sample_sets(key, first, count, size.cells, most)
            order = backend.shuffle_cells(backend.stream_key(key, 1), first, count, bounds)
            orders[name] = np.take_along_axis(sets, order, axis=1)
        begin = [orders[name][:, a : a + k] for a, k in zip(bounds[:-1].tolist(), size.taken.tolist(), strict=True)]
        return np.sort(size.rows[np.concatenate(begin, axis=1)], axis=1)

    def _rows_of(self, queries: Ints, label: int) -> Ints:
        """Return the rows that carry the label of a group, queries or not."""
        exchange, labels = self._data.plan.exchange, self._data.plan.labels
        if labels is None:
            rows = np.flatnonzero(np.isin(exchange.label, np.unique(exchange.label[queries])))
        else:
            rows = labels.key_rows[labels.key_offsets[label] : labels.key_offsets[label + 1]].astype(np.int64)
        if exchange.within_block:  # rows of other blocks are nobody's positives
            return rows[np.isin(self._block[rows], np.unique(self._block[queries]))]
        if labels is None and exchange.block_columns:  # the label code is one of a block: take it in all of them
            column = self._data.kept[exchange.label_columns[0]]
            return column.is_in(column[queries].unique().implode()).arg_true().to_numpy().astype(np.int64)
        return rows

    def _find_extras(self, label: Ints) -> list[dict[int, Ints]]:
        """Find for each label the rows that share it and no other: negatives of each other where it is taken off."""
        labels = self._data.plan.labels
        if labels is None:
            return [{} for _ in self._carriers]
        found = []
        for rows in self._carriers:
            starts, ends = labels.row_offsets[rows], labels.row_offsets[rows + 1]
            keys = np.concatenate([labels.row_keys[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)])
            _, place = np.unique(keys, return_inverse=True)
            carries = np.zeros((len(rows), int(place.max(initial=0)) + 1), np.int64)
            carries[np.repeat(np.arange(len(rows)), ends - starts), place] = 1
            alone = (carries @ carries.T == 1) & (self._block[rows][:, None] == self._block[rows])
            np.fill_diagonal(alone, False)
            found.append({int(row): rows[mine] for row, mine in zip(rows, alone, strict=True) if mine.any()})
        return found

    def _by_size(self) -> list[_Size]:
        """Put labels of one size together; cells and rows in an order that files do not decide."""
        asked, prints = self._data.asked, self._data.fingerprints
        cell = 2 * self._block + asked
        least = np.zeros(int(cell.max(initial=0)) + 1, np.uint64)
        np.add.at(least, cell, prints)
        order = np.lexsort([prints, cell, least[cell]])
        sizes: dict[tuple[tuple[int, int], ...], list[int]] = {}
        for g, rows in enumerate(self._carriers):
            numbers, counts = np.unique(cell[rows], return_counts=True)
            own = sorted(
                zip(numbers.tolist(), counts.tolist(), strict=True), key=lambda each: (least[each[0]], each[0])
            )
            sizes.setdefault(tuple(own), []).append(g)
        in_cell = {c: order[cell[order] == c] for c in {c for own in sizes for c, _ in own}}
        return [
            _Size(
                groups,
                np.concatenate([in_cell[c] for c, _ in own]),
                np.cumsum([0, *(len(in_cell[c]) for c, _ in own)]),
                np.array([k for _, k in own]),
            )
            for own, groups in sizes.items()
        ]

    def _look_at_data(self) -> None:
        """Take the mean AP of each label as it is, by the arithmetic of the draws."""
        sets = [(size, np.array([self._carriers[g] for g in size.labels])) for size in self._sizes]
        for (size, _), (sums, counts, _) in zip(sets, self._sums(sets, labelled=False), strict=True):
            self._totals[size.labels] = sums
            self.observed[size.labels] = sums / np.maximum(counts, 1)

    def _reached(self, drawn: list[tuple[_Size, Ints]]) -> dict[int, int]:
        """Count the sets that reach the observed value of each label."""
        found = {}
        for (size, _), (sums, _, changes) in zip(drawn, self._sums(drawn, labelled=True), strict=True):
            for g in size.labels:
                mine = sums
                if g in changes:
                    mine = sums.copy()
                    for draws, change in changes[g]:
                        mine[draws] += change
                found[g] = self._count_reached(mine, float(self._totals[g]))
        return found

    def _sums(
        self, drawn: list[tuple[_Size, Ints]], labelled: bool
    ) -> list[tuple[Floats, Ints, dict[int, list[tuple[Ints, Floats]]]]]:
        """Add up AP over sets.

        Parameters
        ----------
        drawn : list of (_Size, ndarray of int64, shape (m, k))
            Sets of each size, rows ascending.
        labelled : bool
            Whether what depends on the label itself is found too.

        Returns
        -------
        list of (sums, counts, changes)
            Of each size: sum of AP and number of queries of each set, and for labels with rows that share no other
            label the sets whose sum differs, with the difference.
        """
        n, rows = len(self._block), np.flatnonzero(self._data.asked)
        if labelled and self._ranks is not None:
            sums = self._ranks.sums(self._data, [sets for _, sets in drawn])
            rows = rows[self._ranks.place[rows] < 0]
            if self._progress is not None and not len(rows):
                self._progress(n, n)
        else:
            sums = [(np.zeros(len(sets)), np.zeros(len(sets), np.int64)) for _, sets in drawn]
        changes: list[dict[int, list[tuple[Ints, Floats]]]] = [{} for _ in drawn]
        height = max(min(_CELLS // max(n, 1), _ROWS), 1)
        for first in range(0, len(rows), height):
            mine = rows[first : first + height]
            members = [_members(sets, mine, n) for _, sets in drawn]
            known = self._count(mine, [sets for _, sets in drawn], members, labelled)

            def add(
                i: int, known: _Known = known, mine: Ints = mine, members: list[Groups] = members
            ) -> tuple[tuple[Floats, Ints], dict[int, tuple[Ints, Floats]]]:
                size, sets = drawn[i]
                base = self._summed(known, members[i], sets, np.zeros(len(mine) + 1, np.int64), np.empty(0, np.int64))
                changed = {}
                for g in size.labels if labelled else ():
                    change = self._changed(g, known, mine, members[i], sets)
                    if change is not None:
                        changed[g] = change
                return base, changed

            parts = run_jobs([(len(drawn[i][1]), partial(add, i)) for i in range(len(drawn))], min(usable_cores(), 8))
            for (whole, counts), change, ((more, number), changed) in zip(sums, changes, parts, strict=True):
                whole += more
                counts += number
                for g, each in changed.items():
                    change.setdefault(g, []).append(each)
            if self._progress is not None and labelled:
                self._progress(min(first + height, len(rows)), len(rows))
        return [(*both, change) for both, change in zip(sums, changes, strict=True)]

    def _count(self, mine: Ints, sets: list[Ints], members: list[Groups], labelled: bool) -> _Known:
        """Compare some queries with all rows that sets bring together with them."""
        n = len(self._block)
        together = np.zeros((len(mine), n), bool)
        for each, draws in zip(sets, members, strict=True):
            query = np.repeat(np.arange(len(mine)), draws.sizes)
            together[query[:, None], each[draws.rows]] = True
        if labelled:
            place = {row: i for i, row in enumerate(mine.tolist())}
            for extras in self._extras:
                for row, others in extras.items():
                    if row in place:
                        together[place[row], others] = True
        together[np.arange(len(mine)), mine] = False
        query, mates = np.nonzero(together)
        offsets = np.append(0, np.cumsum(together.sum(axis=1)))
        counts = self._data.backend.count_outranking(self._prepared, mine, offsets, mates)
        negative = self._block[mates] == self._block[mine][query]
        labels = self._data.plan.labels
        if labels is not None:  # no label in common
            shares = np.zeros((len(mine), n), bool)
            for i, row in enumerate(mine.tolist()):
                for key in labels.row_keys[labels.row_offsets[row] : labels.row_offsets[row + 1]].tolist():
                    shares[i, labels.key_rows[labels.key_offsets[key] : labels.key_offsets[key + 1]]] = True
            negative &= ~shares[query, mates]
        return _Known(mine, offsets, mates, counts, negative)

    def _summed(
        self, known: _Known, members: Groups, sets: Ints, extra_offsets: Ints, extras: Ints
    ) -> tuple[Floats, Ints]:
        return self._data.backend.relabelled_sums(
            known.queries,
            known.offsets,
            known.mates,
            known.counts.values,
            known.counts.above,
            known.counts.tied,
            known.negative,
            extra_offsets,
            extras,
            members.offsets,
            members.rows,
            sets,
            self._positive_block,
            self._data.ties,
        )

    def _changed(
        self, group: int, known: _Known, mine: Ints, members: Groups, sets: Ints
    ) -> tuple[Ints, Floats] | None:
        """Find what the extras of a label change: sets, and the difference in their sums."""
        own = self._extras[group]
        at = [i for i, row in enumerate(mine.tolist()) if row in own]
        if not at:
            return None
        extras = [own[int(mine[i])] for i in at]
        draws = Groups.of([members[i].tolist() for i in at])
        starts, ends = known.offsets[at], known.offsets[np.array(at) + 1]
        picked = np.concatenate([np.arange(a, b) for a, b in zip(starts.tolist(), ends.tolist(), strict=True)])
        counts = known.counts
        some = _Known(
            mine[at],
            np.cumsum([0, *(ends - starts)]),
            known.mates[picked],
            Outranking(counts.values[picked], counts.above[picked], counts.tied[picked], 0),
            known.negative[picked],
        )
        touched = np.unique(draws.rows)
        with_extras, _ = self._summed(some, draws, sets, np.cumsum([0, *map(len, extras)]), np.concatenate(extras))
        without, _ = self._summed(some, draws, sets, np.zeros(len(at) + 1, np.int64), np.empty(0, np.int64))
        return touched, (with_extras - without)[touched]


def _members(sets: Ints, rows: Ints, n: int) -> Groups:
    """Return the sets in which each row stands."""
    place = np.full(n, -1)
    place[rows] = np.arange(len(rows))
    at = place[sets]
    draw, slot = np.nonzero(at >= 0)
    query = at[draw, slot]
    order = np.argsort(query, kind="stable")
    return Groups(draw[order], np.append(0, np.cumsum(np.bincount(query, minlength=len(rows)))))
