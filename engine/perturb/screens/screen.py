"""Cells of a perturbation screen: true ones, or those that a model predicts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["COUNTS", "LOG1P", "SCALED", "Later", "Panel", "Screen", "joined", "scaled"]

#: What the values of a screen are: counts of molecules, or log1p of counts scaled to one total.
COUNTS, LOG1P = "counts", "log1p"
#: Counts scaled to one total: what metrics are computed from, beside log1p of it.
SCALED = "scaled"

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Panel:
    """What truth and predictions are judged on: conditions and genes, each in one order.

    Attributes
    ----------
    conditions : tuple of str
        Perturbations, sorted, without the control.
    control : str
        The control condition; its code comes after those of the perturbations.
    contexts : tuple of str
        Cell types or other contexts, each with controls of its own; one, called ``all``, where none was named.
    genes : tuple of str
        Columns of every matrix.
    targets : tuple of ndarray of int64
        The genes that each perturbation acts on, as columns; empty where it is none of the genes.
    """

    conditions: tuple[str, ...]
    control: str
    contexts: tuple[str, ...]
    genes: tuple[str, ...]
    targets: tuple[Ints, ...]

    @property
    def control_code(self) -> int:
        """Code of the control among the conditions of a screen."""
        return len(self.conditions)

    @property
    def all_targets(self) -> Ints:
        """Columns of all genes that any perturbation acts on, ascending."""
        return np.unique(np.concatenate([np.empty(0, np.int64), *self.targets]))


@dataclass(frozen=True)
class Screen:
    """Cells by genes, with the condition and context of each cell.

    Attributes
    ----------
    name : str
        What it is called in results.
    matrix : ndarray or scipy.sparse.csr_array of float32 or float64, shape (n, genes)
        Columns in the order of ``panel.genes``; finite.
    values : {"counts", "log1p"}
        What they are.
    panel : Panel
        Shared by truth and predictions.
    conditions : ndarray of int64, shape (n,)
        Place in ``panel.conditions``, or ``panel.control_code``.
    contexts : ndarray of int64, shape (n,)
        Place in ``panel.contexts``.
    of_cells : bool, default True
        Whether rows are cells; else each is the mean of a condition, and nothing is known of its cells.
    """

    name: str
    matrix: Any
    values: str
    panel: Panel
    conditions: Ints
    contexts: Ints
    of_cells: bool = True

    def __len__(self) -> int:
        return len(self.conditions)

    def rows(self, condition: int, context: int) -> Ints:
        """Return the cells of a condition in a context."""
        return np.flatnonzero((self.conditions == condition) & (self.contexts == context))

    def of(self, rows: npt.NDArray[Any]) -> Screen:
        """Return some of the cells."""
        return replace(self, matrix=self.matrix[rows], conditions=self.conditions[rows], contexts=self.contexts[rows])

    def with_controls_of(self, truth: Screen) -> Screen:
        """Return the perturbed cells of this screen beside the control cells of another, of the same kind of values."""
        mine = np.flatnonzero(self.conditions != self.panel.control_code)
        theirs = np.flatnonzero(truth.conditions == self.panel.control_code)
        return joined(self.name, [self.of(mine), truth.of(theirs)])


class Later(NamedTuple):
    """A screen that is made when it is judged, and not kept, so that of many one is in memory.

    Attributes
    ----------
    name : str
        Of the screen.
    make : callable
        Returns the same screen each time.
    """

    name: str
    make: Callable[[], Screen]


def joined(name: str, parts: Sequence[Screen]) -> Screen:
    """Return the cells of several screens of one panel, one after the other."""
    matrices = [part.matrix for part in parts]
    if any(hasattr(matrix, "tocsr") for matrix in matrices):
        from scipy import sparse

        matrix = sparse.vstack([sparse.csr_array(each) for each in matrices], format="csr")
    else:
        matrix = np.concatenate(matrices)
    return replace(
        parts[0],
        name=name,
        matrix=matrix,
        conditions=np.concatenate([part.conditions for part in parts]),
        contexts=np.concatenate([part.contexts for part in parts]),
    )


def scaled(matrix: Any, total: float, *, log: bool) -> Any:
    """Scale the counts of each cell to one total, and take log1p if asked.

    Parameters
    ----------
    matrix : ndarray or scipy.sparse.csr_array, shape (n, genes)
        Counts; a cell without any stays as it is.
    total : float
        Of each cell afterwards.
    log : bool
        Whether log1p of the scaled counts is returned.

    Returns
    -------
    ndarray or scipy.sparse.csr_array of float64, shape (n, genes)
        ``x / sum(x) * total``, in this order: equal counts of cells of one sum stay equal. A sparse one shares its
        indices with `matrix`.
    """
    sums = np.asarray(matrix.sum(axis=1, dtype=np.float64)).ravel()
    sums[sums == 0] = 1
    if isinstance(matrix, np.ndarray):
        found = matrix / sums[:, None] * total
        return np.log1p(found, out=found) if log else found
    data = np.repeat(sums, np.diff(matrix.indptr))
    np.divide(matrix.data, data, out=data)
    data *= total
    if log:
        np.log1p(data, out=data)
    return type(matrix)((data, matrix.indices, matrix.indptr), shape=matrix.shape)
