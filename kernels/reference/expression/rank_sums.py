"""Definition of the rank-sum statistics of groups of cells, gene by gene."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ...expression import Expression, RankSums

__all__ = ["dense", "rank_sums"]


def dense(expression: Expression) -> npt.NDArray[np.float64]:
    """Return all values, (cells, genes) float64, zeros included."""
    values = np.zeros((expression.n_cells, expression.n_genes))
    for cell in range(expression.n_cells):
        here = slice(expression.starts[cell], expression.starts[cell + 1])
        values[cell, expression.genes[here] if len(expression.genes) else slice(None)] = expression.values[here]
    return values


def rank_sums(
    expression: Expression,
    groups: npt.NDArray[np.integer],
    n_groups: int,
    reference: int = -1,
    threads: int = 0,
    progress: Callable[[float], None] | None = None,
) -> RankSums:
    """Compare each group of cells with a reference, by the ranks of their values (Mann and Whitney 1947).

    Parameters
    ----------
    expression : Expression
        n cells of m genes; the values are compared as they are, ties included.
    groups : ndarray of int, shape (n,)
        0 .. n_groups - 1; a negative one leaves the cell out.
    n_groups : int
        Groups; one may have no cell.
    reference : int, default -1
        The group that others are compared with; negative: each group is compared with the cells of all others.
    threads, progress
        Not used here.

    Returns
    -------
    RankSums
        Of the reference itself: as if it were compared with a copy of itself.
    """
    values = dense(expression)
    doubled = np.zeros((n_groups, expression.n_genes), np.int64)
    ties = np.zeros((n_groups, expression.n_genes))
    for group in range(n_groups):
        mine = values[groups == group]
        others = values[groups == reference] if reference >= 0 else values[(groups >= 0) & (groups != group)]
        for gene in range(expression.n_genes):
            a, b = mine[:, gene, None], others[None, :, gene]
            doubled[group, gene] = 2 * (a > b).sum() + (a == b).sum()
            _, times = np.unique(np.concatenate([mine[:, gene], others[:, gene]]), return_counts=True)
            ties[group, gene] = (times.astype(np.float64) ** 3 - times).sum()
    return RankSums(doubled, ties)
