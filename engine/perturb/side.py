"""What is summed up of a screen in one context: cells of each condition, their means and sums."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import cached_property
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

from ...kernels.backend import Backend
from ...kernels.expression import Expression, GroupSums, RankSums
from .screen import COUNTS, LOG1P, Panel, Screen, scaled

__all__ = ["Side"]

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
        if self.screen.values == LOG1P:
            return self.screen.matrix
        return scaled(self.screen.matrix, self.total, log=True)

    @cached_property
    def unlogged(self) -> Any:
        """Counts scaled to `total`, (n, genes)."""
        if self.screen.values == COUNTS:
            return scaled(self.screen.matrix, self.total, log=False)
        if isinstance(self.screen.matrix, np.ndarray):
            return np.expm1(self.screen.matrix)
        found = self.screen.matrix.copy()
        np.expm1(found.data, out=found.data)
        return found

    @cached_property
    def log_sums(self) -> GroupSums:
        """Sums of log1p values by condition."""
        return self._sums(self.logged)

    @cached_property
    def unlogged_sums(self) -> GroupSums:
        """Sums of scaled counts by condition."""
        return self._sums(self.unlogged)

    @cached_property
    def count_sums(self) -> GroupSums:
        """Sums of counts by condition; of a screen of counts."""
        assert self.screen.values == COUNTS
        return self._sums(self.screen.matrix)

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

    def rank_sums(self, values: Any, *, against_rest: bool = False) -> RankSums:
        """Compare perturbations with the control, or each with all cells of the other perturbations.

        Parameters
        ----------
        values : ndarray or scipy.sparse.csr_array, shape (n, genes)
            `logged` or `unlogged`.
        against_rest : bool, default False
            Whether the control is left out, and each perturbation is compared with the others.
        """
        groups = self.screen.conditions
        control = self.panel.control_code
        if against_rest:
            groups = np.where(groups == control, -1, groups)
        reference = -1 if against_rest else control
        return self.backend.rank_sums(Expression.of(values), groups, control + 1, reference, self.threads)

    def cells(self, condition: int, values: Any) -> Any:
        """Return rows of `logged`, `unlogged` or other values of the cells of a condition."""
        return values[np.flatnonzero(self.screen.conditions == condition)]

    def _sums(self, matrix: Any) -> GroupSums:
        groups = self.screen.conditions
        return self.backend.group_sums(Expression.of(matrix), groups, len(self.panel.conditions) + 1, self.threads)
