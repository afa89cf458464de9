"""Replicates against other profiles, by the correlation of their features: the metrics of cytominer-eval.

Everything is found in float64 from tiles or rows of the correlation matrix, which is never stored. Of a tie, each order
counts alike: ranks are mean ranks, and a tied profile is within the first k by its share of the orders.

References
----------
cytominer-eval 0.1 (Broad Institute, BSD-3-Clause), whose definitions these are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .pairs import quantiles, tiles, upper

__all__ = [
    "Enrichment",
    "ProfileScores",
    "Reproducibility",
    "enrichment",
    "group_medians",
    "hit_score",
    "profile_scores",
    "reproducibility",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
#: Similarities of a block of rows: 32 MiB.
_BLOCK = 1 << 22
#: Standard deviation of correlations that is rounding alone: the controls are alike.
_ALIKE = 1e-12


class Reproducibility(NamedTuple):
    """Share of replicate pairs that are nearer than other pairs.

    Attributes
    ----------
    value : float
        Share of replicate pairs above the threshold; NaN without replicate or without other pairs.
    threshold : float
        Quantile of the correlations of pairs that are no replicates.
    n_replicate, n_other : int
        Pairs.
    """

    value: float
    threshold: float
    n_replicate: int
    n_other: int


class Enrichment(NamedTuple):
    """Replicates among the nearest pairs.

    Attributes
    ----------
    odds_ratio : float
        Of the table (replicate or not, above the threshold or not); infinite where no replicate pair is below, or none
        but replicates above; NaN where both are so.
    p_value : float
        One-sided, of Fisher's exact test.
    threshold : float
        Quantile of the correlations of all pairs.
    table : tuple of int
        Replicate pairs above, others above, replicate pairs below, others below; a pair on the threshold is below.
    """

    odds_ratio: float
    p_value: float
    threshold: float
    table: tuple[int, int, int, int]


class ProfileScores(NamedTuple):
    """What each of n profiles has of its replicates.

    Attributes
    ----------
    n_replicates : ndarray of int64, shape (n,)
        Other profiles of its group.
    mean_rank : ndarray of float64, shape (n,)
        Mean rank of them among all others, 0 the nearest; NaN without replicates.
    precision, recall : ndarray of float64, shape (n,)
        Replicates among the k nearest, as a share of k and of all replicates; recall is NaN without replicates.
    within : ndarray of float64, shape (n, percents)
        Replicates within each percentage of the list.
    grit : ndarray of float64, shape (n,)
        Mean correlation with replicates, standardised by mean and standard deviation (population) of the correlations
        with controls but itself; NaN without replicates, or where controls are alike.
    """

    n_replicates: Ints
    mean_rank: Floats
    precision: Floats
    recall: Floats
    within: Floats
    grit: Floats


def _pairs(unit: Floats, codes: Ints, same: bool | None) -> Callable[[], Iterator[Floats]]:
    """Return what gives the correlations of pairs: of replicates, of others, or (None) of all."""

    def values() -> Iterator[Floats]:
        for tile in tiles(unit):
            chosen = upper(tile)
            if same is not None:
                chosen &= (codes[tile.rows, None] == codes[None, tile.columns]) == same
            yield tile.values[chosen]

    return values


def reproducibility(unit: Floats, codes: Ints, share: float = 0.95) -> Reproducibility:
    """Return the share of replicate pairs whose correlation is above a quantile of those of other pairs.

    Parameters
    ----------
    unit : ndarray of float64, shape (n, d)
        Rows as `pairs.unit_rows` gives them.
    codes : ndarray of int64, shape (n,)
        Group of each row.
    share : float, default 0.95
        The quantile.
    """
    (threshold,), n_other = quantiles(_pairs(unit, codes, False), [share])
    above = n_replicate = 0
    for part in _pairs(unit, codes, True)():
        above += int((part > threshold).sum())
        n_replicate += len(part)
    value = above / n_replicate if n_replicate and n_other else float("nan")
    return Reproducibility(value, float(threshold), n_replicate, n_other)


def enrichment(unit: Floats, codes: Ints, share: float = 0.95) -> Enrichment:
    """Return how much oftener pairs above a quantile of all correlations are replicates.

    Parameters
    ----------
    unit, codes
        As in `reproducibility`.
    share : float, default 0.95
        The quantile.
    """
    from scipy.stats import hypergeom

    (threshold,), _ = quantiles(_pairs(unit, codes, None), [share])
    counts = np.zeros((2, 2), np.int64)
    for same in (True, False):
        for part in _pairs(unit, codes, same)():
            above = int((part > threshold).sum())
            counts[0 if same else 1] += [above, len(part) - above]
    (a, c), (b, d) = counts.tolist()
    if not a + c or not b + d:
        return Enrichment(float("nan"), float("nan"), float(threshold), (a, b, c, d))
    odds = a * d / (b * c) if b * c else (float("inf") if a * d else float("nan"))
    p = float(hypergeom.sf(a - 1, a + b + c + d, a + c, a + b))
    return Enrichment(odds, p, float(threshold), (a, b, c, d))


def group_medians(unit: Floats, codes: Ints, n_groups: int) -> Floats:
    """Return the median correlation of the replicate pairs of each group, (n_groups,); NaN for a group of one row."""
    found = np.full(n_groups, np.nan)
    order = np.argsort(codes, kind="stable")
    ends = np.searchsorted(codes[order], np.arange(n_groups + 1))
    for code in range(n_groups):
        mine = unit[order[ends[code] : ends[code + 1]]]
        if len(mine) > 1:
            found[code] = quantiles(_pairs(mine, np.zeros(len(mine), np.int64), None), [0.5])[0][0]
    return found


def profile_scores(
    unit: Floats,
    codes: Ints,
    *,
    k: int = 10,
    percents: Sequence[float] = (),
    controls: Bools | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ProfileScores:
    """Rank all other profiles by correlation to each, and find its replicates among them.

    Parameters
    ----------
    unit, codes
        As in `reproducibility`.
    k : int, default 10
        Length of the list of precision and recall.
    percents : sequence of float, optional
        Percentages of the list, for `hit_score`.
    controls : ndarray of bool, shape (n,), optional
        The controls; without them there is no grit.
    progress : callable, optional
        Called with (rows done, rows in all).

    Notes
    -----
    O(n^2 log n) time; blocks of rows of 32 MiB.
    """
    n = len(unit)
    n_replicates = np.bincount(codes, minlength=int(codes.max(initial=0)) + 1)[codes] - 1
    found = np.full((4, n), np.nan)
    within = np.zeros((n, len(percents)))
    limits = np.array([percent * n / 100 for percent in percents])
    step = max(1, _BLOCK // max(n, 1))
    for start in range(0, n, step):
        block = np.clip(unit[start : start + step] @ unit.T, -1.0, 1.0)
        local = np.arange(len(block))
        block[local, start + local] = -np.inf
        ranked = np.sort(block, axis=1)
        for row, (values, sorted_values) in enumerate(zip(block, ranked, strict=True), start):
            replicate = codes == codes[row]
            replicate[row] = False
            mine = values[replicate]
            greater = n - np.searchsorted(sorted_values, mine, "right")
            tied = n - np.searchsorted(sorted_values, mine, "left") - greater
            hits = np.clip((k - greater) / tied, 0, 1).sum()
            found[1, row] = hits / k
            if len(mine):
                ranks = greater + (tied - 1) / 2
                found[0, row], found[2, row] = ranks.mean(), hits / len(mine)
                within[row] = (ranks[:, None] <= limits).sum(axis=0)
                if controls is not None:
                    found[3, row] = _grit(values, mine, controls, row)
        if progress is not None:
            progress(min(start + step, n), n)
    return ProfileScores(n_replicates.astype(np.int64), found[0], found[1], found[2], within, found[3])


def _grit(values: Floats, mine: Floats, controls: Bools, row: int) -> float:
    near = controls.copy()
    near[row] = False
    against = values[near]
    if len(against) < 2 or against.std() < _ALIKE:
        return float("nan")
    return float(((mine - against.mean()) / against.std()).mean())


def hit_score(scores: ProfileScores, place: int, percent: float) -> int:
    """Return the replicates within a percentage of the lists of all profiles, less those that chance puts there.

    Parameters
    ----------
    scores : ProfileScores
        Of all profiles.
    place : int
        Which of the percentages of `scores`.
    percent : float
        That percentage.
    """
    hits = int(scores.n_replicates.sum())
    return int(scores.within[:, place].sum()) - int(percent * hits / 100)
