"""The smallest p-value that a group's data could give, whatever the null distribution says.

A p-value asks how often chance would do as well. The chance that the data themselves can show is a relabelling: the
label of the group is taken from its rows and given to as many others that the rules make exchangeable with them. One
of the relabellings is the one observed, so a p-value below 1 / (their number) states more than the data can. Null
distributions that draw the lists of different members independently go far below it, since the lists share rows.

Rows are exchangeable within a block: the rows that agree in all ``neg_sameby`` columns. Of the n exchangeable rows of
a block k carry the label, and there are C(n, k) ways to choose them; blocks are independent, so the floor is

    p_floor = product over blocks of 1 / C(n, k).

What k and n are follows from the rule of a query (`retrieval.exchange`):

- k are the rows of the block that carry the label of the query: equal in all ``pos_sameby`` columns.
- Replicates among controls, or among the rows of other labels: n are these and the negatives of the query.
- A list column that stands in ``neg_diffby`` (multilabel): the label is given to other rows, whatever other labels they
  carry, so n are all rows of the block, also those that share another label with the query and are no negative of it.

A group may hold queries of several labels (it was grouped by something coarser than ``pos_sameby``): their relabellings
multiply. A table that does not say n and k, such as one of copairs, is taken to be one block of all that its lists can
hold together, k members and the sum of their negatives: never fewer relabellings than there are, so that a floor is
never too high.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ..tables.groups import Groups
from .distribution import PValues

__all__ = ["lifted", "p_floors", "relabellings"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_EXACT_BITS = 900.0  # of a number of relabellings whose reciprocal is an ordinary float64
_FEW = 4096  # rows up to which numbers of relabellings are exact whole numbers


def relabellings(members: Groups, exchangeable: Ints, carriers: Ints) -> list[tuple[int, int, int, int]]:
    """List the blocks of groups.

    Parameters
    ----------
    members : Groups
        Rows of each group.
    exchangeable, carriers : ndarray of int64, shape (n,)
        n and k of each row, see the module.

    Returns
    -------
    list of (int, int, int, int)
        Group, n, k, and the number of such blocks: as many as its queries of this n and k fill.
    """
    group = np.repeat(np.arange(len(members)), members.sizes)
    rows = np.stack([group, exchangeable[members.rows], carriers[members.rows]])
    order = np.lexsort(rows[::-1])
    rows = rows[:, order]
    new = np.append(True, (np.diff(rows, axis=1) != 0).any(axis=0)) if rows.shape[1] else np.zeros(0, bool)
    starts = np.flatnonzero(new)
    count = np.diff(np.append(starts, rows.shape[1]))
    g, n, k = rows[:, starts].tolist()
    return [(*block, -(-c // block[2])) for *block, c in zip(g, n, k, count.tolist(), strict=True)]


def p_floors(
    members: Groups, n_pos: Ints, n_total: Ints, exchangeable: Ints | None = None, carriers: Ints | None = None
) -> Floats:
    """Return the smallest p-value of each group.

    Parameters
    ----------
    members : Groups
        Rows of each of g groups.
    n_pos, n_total : ndarray of int64, shape (n,)
        P and L of each row.
    exchangeable, carriers : ndarray of int64, shape (n,), optional
        n and k of each row; from the lists alone where they are not known.

    Returns
    -------
    ndarray of float64, shape (g,)
        Correctly rounded where n is at most 4,096; above 0 but for numbers beyond float64.
    """
    if exchangeable is None or carriers is None:
        starts = members.offsets[:-1]
        k = np.maximum(members.sizes, np.maximum.reduceat(n_pos[members.rows], starts) + 1)
        negatives = np.add.reduceat((n_total - n_pos)[members.rows], starts)
        return np.array([_reciprocal([(n, c, 1)]) for n, c in zip((k + negatives).tolist(), k.tolist(), strict=True)])
    blocks: list[list[tuple[int, int, int]]] = [[] for _ in range(len(members))]
    for group, n, c, times in relabellings(members, exchangeable, carriers):
        blocks[group].append((n, c, times))
    known: dict[tuple[tuple[int, int, int], ...], float] = {}
    found = np.empty(len(members))
    for group, mine in enumerate(blocks):
        key = tuple(mine)
        if key not in known:
            known[key] = _reciprocal(mine)
        found[group] = known[key]
    return found


def lifted(p: PValues, floor: Floats) -> PValues:
    """Return p-values and bounds that stop at the floor; those above it are as they were."""
    return PValues(np.maximum(p.lower, floor), np.maximum(p.upper, floor), np.maximum(p.value, floor))


def _reciprocal(blocks: list[tuple[int, int, int]]) -> float:
    """One over the product of C(n, k) ** times."""
    logs = [times * _log2_choose(n, k) for n, k, times in blocks]
    if sum(logs) < _EXACT_BITS and all(n <= _FEW for n, _, _ in blocks):
        total: int = math.prod(math.comb(n, k) ** times for n, k, times in blocks)
        return 1 / total  # of whole numbers, so correctly rounded
    return math.exp2(-min(sum(logs), 1074.0))


@lru_cache(maxsize=1 << 16)
def _log2_choose(n: int, k: int) -> float:
    return (math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)) / math.log(2)
