"""What is summed up of a screen in one context: cells of each condition, their means and sums."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from functools import cached_property
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

from ....kernels.backend import Backend
from ....kernels.expression import Expression, GroupSums, RankSums
from .screen import COUNTS, LOG1P, SCALED, Panel, Screen, scaled

__all__ = ["Side"]

#: Values that are scaled at once, and then kept; more are scaled in parts, each time anew.
AT_ONCE = 1 << 24

T = TypeVar("T")

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Side:
    """The cells of a screen in one context.

    Arrays have a row a condition, ``panel.conditions`` in their order and then the control, and a column a gene.

    Parameters
    ----------
    screen : Screen
        All cells; those of other contexts are left out.
    context : int
        Which context.
    total : float
        To which counts of a cell are scaled, before log1p; where the screen holds log1p values they stay as they are.
    backend : Backend
        The kernels.
    threads : int, default 0
        Worker threads; 0 takes all cores.
    """

    def __init__(self, screen: Screen, context: int, total: float, backend: Backend[Any], threads: int = 0) -> None:
        here = screen.contexts == context
        self.screen = screen if here.all() else screen.of(np.flatnonzero(here))
        self.total, self.backend, self.threads = total, backend, threads
        self._found: dict[Hashable, Any] = {}

    def once(self, key: Hashable, compute: Callable[[], T]) -> T:
        """Return what `compute` finds, the same for every metric that asks by this key."""
        if key not in self._found:
            self._found[key] = compute()
        return cast(T, self._found[key])

    @property
    def panel(self) -> Panel:
        """Conditions and genes."""
        return self.screen.panel

    @cached_property
    def sizes(self) -> Ints:
        """Cells of each condition, (conditions + 1,)."""
        return np.bincount(self.screen.conditions, minlength=len(self.panel.conditions) + 1).astype(np.int64)

    @cached_property
    def logged(self) -> Any:
        """log1p values of the cells, (n, genes), as they are or from counts."""
        return self._converted(self.screen.matrix, LOG1P)

    @property
    def is_large(self) -> bool:
        """Whether there are so many values that they are scaled in parts, and not kept."""
        matrix = self.screen.matrix
        entries = matrix.size if isinstance(matrix, np.ndarray) else matrix.nnz
        return self.screen.values == COUNTS and entries > AT_ONCE

    def logged_rows(self, rows: slice | Ints) -> Any:
        """Return log1p values of some cells, of a large screen without those of the others."""
        return self._converted(self.screen.matrix[rows], LOG1P) if self.is_large else self.logged[rows]

    @cached_property
    def unlogged(self) -> Any:
        """Counts scaled to `total`, (n, genes)."""
        return self._converted(self.screen.matrix, SCALED)

    def _converted(self, matrix: Any, kind: str) -> Any:
        """Return rows of the screen as log1p values or as scaled counts."""
        if kind == self.screen.values:
            return matrix
        if self.screen.values == COUNTS:
            return scaled(matrix, self.total, log=kind == LOG1P)
        if isinstance(matrix, np.ndarray):
            return np.expm1(matrix)
        found = matrix.copy()
        np.expm1(found.data, out=found.data)
        return found

    def _parts(self, kind: str, *, beside: int = -1) -> Iterator[tuple[Any, Ints]]:
        """Give values of the cells of some conditions after the other, with the condition of each cell.

        Parameters
        ----------
        kind : {"counts", "log1p", "scaled"}
            What values.
        beside : int, default -1
            A condition whose cells are in every part; negative: none.
        """
        matrix, groups = self.screen.matrix, self.screen.conditions
        entries = matrix.size if isinstance(matrix, np.ndarray) else matrix.nnz
        if kind == self.screen.values or entries <= AT_ONCE:
            yield {COUNTS: lambda: matrix, LOG1P: lambda: self.logged, SCALED: lambda: self.unlogged}[kind](), groups
            return
        first = np.flatnonzero(groups == beside)
        rows = np.argsort(groups, kind="stable")
        rows = rows[groups[rows] != beside]
        most = max(len(rows) * AT_ONCE // entries, 1)
        ends = np.flatnonzero(np.diff(groups[rows], append=-1)) + 1  # of conditions
        start = 0
        while start < len(rows):
            stop = ends[max(np.searchsorted(ends, start + most, side="right") - 1, np.searchsorted(ends, start + 1))]
            some = np.concatenate([first, rows[start:stop]])
            yield self._converted(matrix[some], kind), groups[some]
            start = stop

    @cached_property
    def log_sums(self) -> GroupSums:
        """Sums of log1p values by condition."""
        return self._sums(LOG1P)

    @cached_property
    def unlogged_sums(self) -> GroupSums:
        """Sums of scaled counts by condition."""
        return self._sums(SCALED)

    @cached_property
    def count_sums(self) -> GroupSums:
        """Sums of counts by condition; of a screen of counts."""
        assert self.screen.values == COUNTS
        return self._sums(COUNTS)

    @cached_property
    def means(self) -> Floats:
        """Mean log1p values by condition, (conditions + 1, genes); NaN for a condition without cells."""
        return self.mean_of(self.log_sums.sums)

    def mean_of(self, sums: Floats) -> Floats:
        """Return sums by condition divided by the cells of the condition; NaN where there is none."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(sums / np.where(self.sizes == 0, np.nan, self.sizes)[:, None])

    @property
    def control_mean(self) -> Floats:
        """Mean log1p values of the control, (genes,)."""
        return np.asarray(self.means[-1])

    @cached_property
    def effects(self) -> Floats:
        """Mean of each perturbation less that of the control, (conditions, genes)."""
        return np.asarray(self.means[:-1] - self.means[-1])

    def rank_sums(self, kind: str, *, against_rest: bool = False) -> RankSums:
        """Compare perturbations with the control, or each with all cells of the other perturbations.

        Parameters
        ----------
        kind : {"log1p", "scaled"}
            What values.
        against_rest : bool, default False
            Whether the control is left out, and each perturbation is compared with the others.
        """
        control = self.panel.control_code
        if against_rest:  # all have to be in order together
            groups = np.where(self.screen.conditions == control, -1, self.screen.conditions)
            values = self.logged if kind == LOG1P else self.unlogged
            return self.backend.rank_sums(Expression.of(values), groups, control + 1, -1, self.threads)
        shape = control + 1, len(self.panel.genes)
        found = RankSums(np.zeros(shape, np.int64), np.zeros(shape))
        for values, groups in self._parts(kind, beside=control):
            there, codes = np.unique(groups, return_inverse=True)
            if there[-1] != control:
                continue  # without control cells there is nothing to compare with
            part = self.backend.rank_sums(Expression.of(values), codes, len(there), len(there) - 1, self.threads)
            found.doubled_u[there], found.ties[there] = part
        return found

    def cells(self, condition: int, values: Any) -> Any:
        """Return rows of `logged`, `unlogged` or other values of the cells of a condition."""
        return values[np.flatnonzero(self.screen.conditions == condition)]

    def _sums(self, kind: str) -> GroupSums:
        shape = len(self.panel.conditions) + 1, len(self.panel.genes)
        found = GroupSums(np.zeros(shape), np.zeros(shape), np.zeros(shape, np.int64))
        for values, groups in self._parts(kind):
            there, codes = np.unique(groups, return_inverse=True)
            part = self.backend.group_sums(Expression.of(values), codes, len(there), self.threads)
            found.sums[there], found.squares[there], found.nonzero[there] = part
        return found
