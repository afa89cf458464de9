"""Compiled rank-sum statistics of groups of cells.

The values of a gene that are not 0 are few, and zeros are only counted. Those of the reference are sorted once a gene
and put together to distinct values with the number of cells below; the few of each group are sorted and looked up, each
from where the last was found, in steps that double. Against all others, the values of a gene are sorted once for all
groups.

Cost: r log r comparisons for the r values of the reference of a gene, and m (log m + log(r / m)) for the m of a group.
Memory: a block of genes a thread (`blocks`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ...compile import njit
from ...expression import Expression, RankSums
from ..sort import descending, sort_ascending
from .blocks import Block, for_blocks, sizes_of

__all__ = ["rank_sums"]


def rank_sums(
    expression: Expression,
    groups: npt.NDArray[np.integer],
    n_groups: int,
    reference: int = -1,
    threads: int = 0,
    progress: Callable[[float], None] | None = None,
) -> RankSums:
    """Compare each group of cells with a reference; see `reference.expression.rank_sums`."""
    sizes = sizes_of(groups, n_groups)
    shape = n_groups, expression.n_genes
    found = RankSums(np.zeros(shape, np.int64), np.zeros(shape))

    def against_one(block: Block) -> None:
        pairs = np.diff(block.offsets)
        most = int(pairs.max(initial=0))
        kind = block.values.dtype
        distinct, space, below = np.empty(most, kind), np.empty(most, kind), np.empty(most + 1, np.int64)
        _against_one(block, sizes, reference, distinct, below, space, found)

    def against_others(block: Block) -> None:
        most = int(np.diff(block.offsets[::n_groups]).max(initial=0))
        _against_others(
            block,
            sizes,
            np.empty(most, np.int64),
            np.empty((2, most), np.int64),
            np.empty(most + 2, np.int64),
            np.empty(n_groups, np.int64),
            found,
        )

    for_blocks(expression, groups, n_groups, against_one if reference >= 0 else against_others, threads, progress)
    return found


@njit
def _cubed(times):
    """Return t^3 - t."""
    t = np.float64(times)
    return t * t * t - t


@njit
def _against_one(block, sizes, reference, distinct, below, space, found):
    """Compare the groups of a block with one of them; distinct, below and space (entries of a gene) are scratch."""
    n_groups = sizes.size
    for gene in range(block.first, block.last):
        base = (gene - block.first) * n_groups
        theirs = block.values[block.offsets[base + reference] : block.offsets[base + reference + 1]]
        sort_ascending(theirs, space)
        zeros = sizes[reference] - theirs.size
        count = 0  # distinct values
        negative = 0
        tied = 0.0
        k = 0
        while k < theirs.size:
            value = theirs[k]
            stop = k + 1
            while stop < theirs.size and theirs[stop] == value:
                stop += 1
            distinct[count] = value
            below[count] = k
            count += 1
            tied += _cubed(stop - k)
            negative = stop if value < 0 else negative
            k = stop
        below[count] = theirs.size
        for group in range(n_groups):
            mine = block.values[block.offsets[base + group] : block.offsets[base + group + 1]]
            if group != reference:
                sort_ascending(mine, space)
            mine_zeros = sizes[group] - mine.size
            doubled = mine_zeros * (2 * negative + zeros)
            all_tied = tied + _cubed(mine_zeros + zeros)
            at = 0
            k = 0
            while k < mine.size:
                value = mine[k]
                stop = k + 1
                while stop < mine.size and mine[stop] == value:
                    stop += 1
                # The first distinct value that is not below: in steps that double, then by bisection.
                step = 1
                high = at
                while high < count and distinct[high] < value:
                    at = high + 1
                    high += step
                    step *= 2
                high = min(high, count)
                while at < high:
                    middle = (at + high) // 2
                    if distinct[middle] < value:
                        at = middle + 1
                    else:
                        high = middle
                same = below[at + 1] - below[at] if at < count and distinct[at] == value else 0
                doubled += (stop - k) * (2 * (below[at] + (zeros if value > 0 else 0)) + same)
                if same:
                    all_tied += _cubed(stop - k + same) - _cubed(same)
                else:
                    all_tied += _cubed(stop - k)
                k = stop
            found.doubled_u[group, gene] = doubled
            found.ties[group, gene] = all_tied


@njit
def _against_others(block, sizes, whose, space, table, ranks, found):
    """Compare each group with all other cells; whose, space, table (entries of a gene) and ranks (G,) are scratch."""
    n_groups = sizes.size
    n = 0
    for group in range(n_groups):
        n += sizes[group]
    for gene in range(block.first, block.last):
        base = (gene - block.first) * n_groups
        start = block.offsets[base]
        values = block.values[start : block.offsets[base + n_groups]]
        zeros = n - values.size
        for group in range(n_groups):
            for k in range(block.offsets[base + group] - start, block.offsets[base + group + 1] - start):
                whose[k] = group
        order = space[descending(values, space, table)]
        negative = 0
        for k in range(values.size):
            negative += values[k] < 0
        for group in range(n_groups):
            own = block.offsets[base + group + 1] - block.offsets[base + group]
            ranks[group] = (sizes[group] - own) * (2 * negative + zeros + 1)  # twice the sum of ranks
        tied = _cubed(zeros)
        stop = values.size
        under = 0
        while stop > 0:  # from low to high
            value = values[order[stop - 1]]
            k = stop - 1
            while k > 0 and values[order[k - 1]] == value:
                k -= 1
            times = stop - k
            rank = 2 * (under + (zeros if value > 0 else 0)) + times + 1
            for i in range(k, stop):
                ranks[whose[order[i]]] += rank
            tied += _cubed(times)
            under += times
            stop = k
        for group in range(n_groups):
            found.doubled_u[group, gene] = ranks[group] - sizes[group] * (sizes[group] + 1)
            found.ties[group, gene] = tied
