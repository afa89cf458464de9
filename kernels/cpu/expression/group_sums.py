"""Compiled sums of groups of cells.

Each sum is kept without error while it is added up (`means.add_exactly`) and rounded at the end, so that neither the
order of the cells nor the blocks can be seen in it; as a rule that takes two numbers. A square of float64 is rounded
before it is added, as in the definition.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ...compile import njit
from ...expression import Expression, GroupSums
from ..means import PARTS, add_exactly, rounded_sum
from .blocks import Block, for_blocks

__all__ = ["group_sums"]


def group_sums(
    expression: Expression,
    groups: npt.NDArray[np.integer],
    n_groups: int,
    threads: int = 0,
    progress: Callable[[float], None] | None = None,
) -> GroupSums:
    """Add up the values of each group of cells; see `reference.expression.group_sums`."""
    shape = n_groups, expression.n_genes
    found = GroupSums(np.zeros(shape), np.zeros(shape), np.zeros(shape, np.int64))

    def add(block: Block) -> None:
        _add(block, n_groups, np.empty((2, PARTS)), found)

    for_blocks(expression, groups, n_groups, add, threads, progress)
    return found


@njit
def _add(block, n_groups, parts, found):
    """Add up the values of a block; parts (2, `PARTS`) is scratch."""
    for gene in range(block.first, block.last):
        for group in range(n_groups):
            j = (gene - block.first) * n_groups + group
            start, stop = block.offsets[j], block.offsets[j + 1]
            if start == stop:
                continue
            used, used_squares = 0, 0
            for k in range(start, stop):
                value = np.float64(block.values[k])
                used = add_exactly(parts[0], used, value)
                used_squares = add_exactly(parts[1], used_squares, value * value)
            found.sums[group, gene] = rounded_sum(parts[0], used)
            found.squares[group, gene] = rounded_sum(parts[1], used_squares)
            found.nonzero[group, gene] = stop - start
