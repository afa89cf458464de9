"""The p-values of copairs 0.5.5, number for number, for the same seed and an empty cache.

The rules: the distinct shapes (P, L) in lexicographic order get one seed each, drawn below 8096 from the
user's seed; a shape's generator permutes the ranks 0 .. L - 1 of every sample, the first P are the positives,
and AP is kept in float32. A profile counts samples >= its AP. A group averages the samples of its members row
by row, where members of one shape share theirs, and counts samples strictly > its mean AP. Nothing is kept on
disk, so no earlier run can show.

Samples are made in blocks of columns. The generator shuffles one sample after the other, so blocks continue
its stream.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from ...kernels.cores import usable_cores
from ..errors import InputError
from ..tables.groups import Groups

__all__ = ["group_p_values", "profile_p_values"]

Counts = npt.NDArray[np.integer]

_SEEDS = 8096
_BLOCK = 1 << 23  # shuffled numbers of one shape at a time
_WIDTH = 1 << 25  # kept samples of all shapes at a time
_LONGEST = 100_000_000


class _Samples:
    """The stream of samples of one shape."""

    def __init__(self, n_pos: int, n_total: int, seed: int) -> None:
        self._n_pos, self._n_total = n_pos, n_total
        self._rng = np.random.default_rng(seed)
        self._dtype = np.uint16 if n_total < 2**16 else np.uint32

    def next(self, count: int) -> npt.NDArray[np.float32]:
        """AP of the next `count` samples."""
        rows = max(_BLOCK // self._n_total, 1)
        ranks = np.arange(self._n_total, dtype=self._dtype)
        result = np.empty(count, np.float32)
        for first in range(0, count, rows):
            order: npt.NDArray[Any] = np.repeat(ranks[None], min(rows, count - first), axis=0)
            self._rng.permuted(order, axis=1, out=order)
            places = np.sort(order[:, : self._n_pos], axis=1) + 1
            # float32 over small integers stays float32: the precision is part of the numbers
            precision = np.arange(1, self._n_pos + 1, dtype=np.float32) / places
            result[first : first + rows] = precision.sum(axis=1) / self._n_pos
        return result


def _shapes(n_pos: Counts, n_total: Counts, seed: int) -> tuple[list[_Samples], npt.NDArray[np.intp]]:
    """Return the streams of the distinct shapes, and which of them each row has."""
    pairs, which = np.unique(np.stack([n_pos, n_total], axis=1), axis=0, return_inverse=True)
    seeds = np.random.default_rng(seed).integers(_SEEDS, size=len(pairs))
    samples = [_Samples(int(p), int(n), int(s)) for (p, n), s in zip(pairs, seeds, strict=True)]
    return samples, which.reshape(-1)


def _blocks(null_size: int, n_shapes: int) -> list[tuple[int, int]]:
    """Bounds of the blocks of samples: of equal width, and never a single one beside others.

    NumPy adds the rows of a one column block in another order than those of a wider one.
    """
    if null_size > _LONGEST:
        raise InputError(
            f"null_size is {null_size}: copairs' own null would need {4 * null_size * n_shapes / 2**30:.0f} GiB for "
            f"these {n_shapes} shapes; choose at most {_LONGEST}, or p_values='exact', which samples nothing."
        )
    width = max(_WIDTH // n_shapes, 4)
    edges = np.linspace(0, null_size, max(null_size // width, 1) + 1).astype(np.int64).tolist()
    return list(pairwise(edges))


def profile_p_values(
    ap: npt.NDArray[np.floating], n_pos: Counts, n_total: Counts, null_size: int, seed: int
) -> npt.NDArray[np.float32]:
    """P-values of profiles: (1 + #{samples >= AP}) / (1 + N).

    Parameters
    ----------
    ap : ndarray of float, shape (n,)
        Observed AP, none missing.
    n_pos, n_total : ndarray of int, shape (n,)
        P and L of each, 1 <= P <= L.
    null_size, seed : int
        N, and the seed.

    Returns
    -------
    ndarray of float32, shape (n,)
    """
    if not len(ap):
        return np.empty(0, np.float32)
    samples, which = _shapes(n_pos, n_total, seed)
    blocks = _blocks(null_size, 1)

    def count(shape: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.int64]]:
        mine = np.flatnonzero(which == shape)
        above = np.zeros(len(mine), np.int64)
        for first, last in blocks:
            null = np.sort(samples[shape].next(last - first))
            above += len(null) - np.searchsorted(null, ap[mine])
        return mine, above

    p = np.empty(len(ap), np.float32)
    with ThreadPoolExecutor(min(usable_cores(), len(samples), 8)) as pool:
        for mine, above in pool.map(count, range(len(samples))):
            p[mine] = (above + 1) / (null_size + 1)
    return p


def group_p_values(
    mean_ap: npt.NDArray[np.float64],
    members: Groups,
    n_pos: Counts,
    n_total: Counts,
    null_size: int,
    seed: int,
) -> npt.NDArray[np.float64]:
    """P-values of groups: (1 + #{mean of the members' samples > mean AP}) / (1 + N).

    Parameters
    ----------
    mean_ap : ndarray of float64, shape (g,)
        Observed mean AP.
    members : Groups
        Rows of each of g groups, in the order of the table: float32 sums depend on it.
    n_pos, n_total : ndarray of int, shape (n,)
        P and L of each row, 1 <= P <= L.
    null_size, seed : int
        N, and the seed.

    Returns
    -------
    ndarray of float64, shape (g,)
    """
    if not len(members):
        return np.empty(0)
    samples, which = _shapes(n_pos, n_total, seed)
    edge = mean_ap.astype(np.float32)  # copairs compares in the precision of the samples
    above = np.zeros(len(members), np.int64)
    with ThreadPoolExecutor(min(usable_cores(), 8)) as pool:
        for first, last in _blocks(null_size, len(samples)):
            null = np.empty((len(samples), last - first), np.float32)

            def fill(shape: int, null: npt.NDArray[np.float32] = null) -> None:
                null[shape] = samples[shape].next(null.shape[1])

            def count(group: int, null: npt.NDArray[np.float32] = null) -> None:
                above[group] += np.count_nonzero(null[which[members[group]]].mean(axis=0) > edge[group])

            list(pool.map(fill, range(len(samples))))
            list(pool.map(count, range(len(members))))
    return (above + 1) / (null_size + 1)
