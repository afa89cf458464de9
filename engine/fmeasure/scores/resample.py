"""Metrics of resampled cells or clusters: counts of a draw are linear in how often each unit was drawn.

A unit is what is drawn with replacement: a cell, or a cluster of cells such as a donor. Cells that agree in all that is
counted are one kind of unit, so what a draw costs depends on the distinct pairs of truth and prediction and not on the
cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from ....kernels.backend import Backend
from ....kernels.cores import run_jobs
from ..confusion import ClassCounts, Entries
from .hierarchical import node_class_counts, shared_ancestors
from .metrics import single_scores
from .tables import Rules

__all__ = [
    "CountMap",
    "UnitDraws",
    "all_scores",
    "distinct_entries",
    "point_scores",
    "resample",
    "unit_matrix",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Kinds of at most this many units are drawn unit by unit, which is faster than a binomial number for each.
FEW = 8
#: Draws of a block at most, and numbers that the counts of a block may take.
BLOCK, NUMBERS = 16, 2**23


class UnitDraws:
    """Draws units with replacement, as many as there are; kinds with few units and kinds with many in their own way.

    Parameters
    ----------
    sizes : ndarray of int64, shape (u,)
        Units of each kind, ascending, each at least 1.
    """

    def __init__(self, sizes: Ints) -> None:
        self.n = int(sizes.sum())
        self._few = int(np.searchsorted(sizes, FEW, side="right"))
        self._kind = np.repeat(np.arange(self._few), sizes[: self._few])
        self._shares = sizes[self._few :] / self.n
        if self._few:
            self._shares = np.append(self._shares, len(self._kind) / self.n)

    def draw(self, draws: int, rng: np.random.Generator) -> Floats:
        """Return how often each kind was drawn, shape (u, draws): multinomial, the units of all kinds being equal."""
        many = rng.multinomial(self.n, self._shares, size=draws)
        if not self._few:
            return many.T.astype(np.float64)
        drawn = np.empty((self._few + many.shape[1] - 1, draws))
        for j, units in enumerate(many[:, -1]):
            chosen = rng.integers(0, len(self._kind), units, dtype=np.uint32)
            drawn[: self._few, j] = np.bincount(self._kind[chosen], minlength=self._few)
        drawn[self._few :] = many[:, :-1].T
        return drawn


class CountMap:
    """Counts by class and by node of the ontology, from how often each unit was drawn.

    Parameters
    ----------
    entries : Entries
        m distinct pairs of truth and prediction; their cells do not matter.
    units : scipy.sparse.csr_matrix, shape (m, u), optional
        Cells of an entry in one unit of a kind. Default: unit i is one cell of entry i.
    above : scipy.sparse.csr_matrix, shape (c + 1, v), optional
        From `hierarchical.ancestor_matrix`. Default: no counts by node.
    """

    def __init__(self, entries: Entries, units: Any = None, above: Any = None) -> None:
        from scipy.sparse import csr_matrix

        rows, cols, c = entries.rows, entries.cols, entries.n_labels
        m = len(rows)
        used = np.unique(np.concatenate([rows, cols[cols < c]]))
        place = np.full(c + 1, -1)
        place[used] = np.arange(len(used))

        def at(codes: npt.NDArray[np.int32], some: npt.NDArray[np.bool_]) -> Any:
            chosen = np.flatnonzero(some)
            ones = np.ones(len(chosen))
            return csr_matrix((ones, (place[codes[chosen]], chosen)), shape=(len(used), m))

        self._units = units
        self._by_class = [at(rows, rows == cols), at(rows, rows >= 0), at(cols, cols < c)]
        self._above: Any = None
        self._shared: Any = None
        if above is not None:
            nodes = np.unique(above[used].indices)
            # Of cells that are right all ancestors are shared: their counts by class say it.
            wrong = Entries(rows, np.where(rows == cols, c, cols).astype(np.int32), entries.cells, c)
            self._shared = shared_ancestors(wrong, above)[:, nodes].T.tocsr()
            self._above = above[used][:, nodes].T.tocsr()
        if units is not None and units.shape[1] < m:  # few clusters: their counts by class are less than their entries
            self._units = None
            self._by_class = [each @ units for each in self._by_class]
            self._shared = self._shared if above is None else self._shared @ units
        #: Numbers that the counts of a draw take.
        self.numbers = 3 * len(used) + (0 if self._units is None else m) + (0 if above is None else 3 * len(nodes))

    def counts(self, drawn: Floats) -> tuple[ClassCounts, ClassCounts | None]:
        """Count.

        Parameters
        ----------
        drawn : ndarray of float64, shape (u, b)
            How often each unit was drawn.

        Returns
        -------
        ClassCounts, shape (b, c')
            Of the classes that occur.
        ClassCounts, shape (b, v'), or None
            Of the nodes that occur.
        """
        cells = drawn if self._units is None else self._units @ drawn
        by_class = [each @ cells for each in self._by_class]
        classes = ClassCounts(*(np.ascontiguousarray(each.T) for each in by_class))
        if self._above is None:
            return classes, None
        by_node = [self._above @ each for each in by_class]
        by_node[0] += self._shared @ cells
        return classes, ClassCounts(*(np.ascontiguousarray(each.T) for each in by_node))

    def whole(self, sizes: Ints) -> tuple[ClassCounts, ClassCounts | None]:
        """Count all units, `sizes` of each kind: by class (c',) and by node (v',) or None."""
        classes, nodes = self.counts(sizes[:, np.newaxis].astype(np.float64))
        return _row(classes), None if nodes is None else _row(nodes)


def _row(counts: ClassCounts) -> ClassCounts:
    """Return counts of one draw, (1, c), as (c,)."""
    return ClassCounts(counts.hits[0], counts.support[0], counts.predicted[0])


def distinct_entries(entries: Entries) -> tuple[Entries, Ints]:
    """Add up entries of equal truth and prediction.

    Parameters
    ----------
    entries : Entries
        e entries in any order, pairs more than once if need be.

    Returns
    -------
    Entries
        The m distinct pairs, ascending.
    ndarray of int64, shape (e,)
        The pair of each entry.
    """
    c = entries.n_labels
    pairs, entry = np.unique(entries.rows.astype(np.int64) * (c + 1) + entries.cols, return_inverse=True)
    total = np.zeros(len(pairs), entries.cells.dtype)
    np.add.at(total, entry, entries.cells)
    rows, cols = np.divmod(pairs, c + 1)
    return Entries(rows.astype(np.int32), cols.astype(np.int32), total, c), entry


def unit_matrix(entry: Ints, unit: Ints, cells: Ints, n_entries: int, n_units: int) -> Any:
    """Return cells of each entry in one unit of each kind, as `CountMap` takes them: sparse, (n_entries, n_units)."""
    from scipy.sparse import csr_matrix

    return csr_matrix((cells.astype(np.float64), (entry, unit)), shape=(n_entries, n_units))


def all_scores(
    classes: ClassCounts,
    nodes: ClassCounts | None,
    rules: Rules,
    whole: tuple[ClassCounts | None, ClassCounts | None] = (None, None),
) -> dict[str, Any]:
    """Return all metrics by name: flat, those of `single_scores`, and with the prefix ``h_`` the hierarchical ones.

    `whole` are the counts of the data, by class and by node, where `classes` and `nodes` are of draws from them.
    """
    found = {**rules.flat(classes, whole=whole[0]), **single_scores(classes, whole[0])}
    return found if nodes is None else found | rules.hierarchical(nodes, whole=whole[1])


def point_scores(
    entries: Entries, bits: npt.NDArray[np.uint64] | None, n_nodes: int, rules: Rules, backend: Backend[Any]
) -> dict[str, float]:
    """Return the metrics of the data themselves, to the last digit those of the result tables."""
    nodes = None if bits is None else node_class_counts(entries, bits, n_nodes, backend)
    return {name: float(value) for name, value in all_scores(entries.class_counts(), nodes, rules).items()}


def resample(
    sizes: Ints, maps: Sequence[CountMap], rules: Rules, draws: int, seed: int, threads: int = 0
) -> list[dict[str, Floats]]:
    """Draw units and score what was drawn.

    Draws come in blocks, each from a random stream of its own that `seed` and the number of the block determine, so
    threads and the order in which they finish do not matter.

    Parameters
    ----------
    sizes : ndarray of int64, shape (u,)
        Units of each kind, ascending.
    maps : sequence of CountMap
        One for each model; all see the same draws.
    rules : Rules
        How ratios become scores.
    draws : int
        How many draws, of as many units as there are.
    seed : int
        0 or more.
    threads : int, default 0
        0 takes all usable cores.

    Returns
    -------
    list of dict of str to ndarray, shape (draws,)
        Metrics of each model, see `all_scores`; macro means are over the classes and nodes of the data.
    """
    units = UnitDraws(sizes)
    numbers = len(sizes) + max(each.numbers for each in maps)
    size = min(max(NUMBERS // numbers, 1), BLOCK)

    whole = [each.whole(sizes) for each in maps]

    def block(number: int, draws: int) -> list[dict[str, Floats]]:
        drawn = units.draw(draws, np.random.default_rng(np.random.SeedSequence((seed, number))))
        return [all_scores(*each.counts(drawn), rules, data) for each, data in zip(maps, whole, strict=True)]

    jobs = []
    for number, start in enumerate(range(0, draws, size)):
        part = min(size, draws - start)
        jobs.append((part, partial(block, number, part)))
    blocks = run_jobs(jobs, threads)
    return [
        {name: np.concatenate([each[i][name] for each in blocks]) for name in blocks[0][i]} for i in range(len(maps))
    ]
