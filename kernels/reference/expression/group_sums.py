"""Definition of the sums of groups of cells, gene by gene."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ...expression import Expression, GroupSums
from .rank_sums import dense

__all__ = ["group_sums"]


def group_sums(
    expression: Expression,
    groups: npt.NDArray[np.integer],
    n_groups: int,
    threads: int = 0,
    progress: Callable[[float], None] | None = None,
) -> GroupSums:
    """Add up the values of each group of cells, and their squares, and count those that are not 0.

    Parameters
    ----------
    expression : Expression
        n cells of m genes.
    groups : ndarray of int, shape (n,)
        0 .. n_groups - 1; a negative one leaves the cell out.
    n_groups : int
        Groups; one may have no cell.
    threads, progress
        Not used here.

    Returns
    -------
    GroupSums
        Sums are rounded once, so that the order of the cells cannot be seen in them.
    """
    values = dense(expression)
    shape = n_groups, expression.n_genes
    found = GroupSums(np.zeros(shape), np.zeros(shape), np.zeros(shape, np.int64))
    for group in range(n_groups):
        mine = values[groups == group]
        for gene in range(expression.n_genes):
            column = mine[:, gene].tolist()
            found.sums[group, gene] = math.fsum(column)
            found.squares[group, gene] = math.fsum(value * value for value in column)
            found.nonzero[group, gene] = sum(value != 0 for value in column)
    return found
