"""Known relations among the extreme similarities of a map, and clusters of its entities: EFAAR_benchmarking's.

References
----------
Celik et al. 2024, PLOS Comput Biol 20:e1012463; EFAAR_benchmarking 1.0 (Recursion), whose definitions these are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .pairs import TILE, counts_below, quantiles, tiles, unit_rows, upper

__all__ = ["THRESHOLDS", "Cluster", "Recall", "cluster_test", "known_pairs", "recall_of_relations"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
#: Shares below and above which a pair counts as found, as EFAAR: by chance 0.1 and 0.2 of pairs do.
THRESHOLDS = ((0.05, 0.95), (0.1, 0.9))
_TOGETHER = 65_536  # pairs whose rows are gathered at once
#: Entities of a map whose pairs are looked up in a table (16 MiB); of more, cosines of permuted pairs are computed.
MOST_IN_TABLE = 4096


@dataclass(frozen=True)
class Recall:
    """Known pairs among the extreme ones.

    Attributes
    ----------
    n_pairs, n_null : int
        Known pairs in the map, and all pairs of the map.
    values : dict of (float, float) to float
        Share of known pairs of which at most the lower share of all pairs are as small or smaller, or at least the
        upper share smaller.
    upper : dict of (float, float) to float
        Those of the upper side alone.
    p_values : dict of (float, float) to float
        (b + 1) / (N + 1), b of N permutations of the entities with a recall at least as high.
    """

    n_pairs: int
    n_null: int
    values: dict[tuple[float, float], float] = field(default_factory=dict)
    upper: dict[tuple[float, float], float] = field(default_factory=dict)
    p_values: dict[tuple[float, float], float] = field(default_factory=dict)


class Cluster(NamedTuple):
    """Similarities inside a cluster against those to all others.

    Attributes
    ----------
    size : int
        Entities of the cluster that are in the map.
    within, between : float
        Mean cosine of pairs in the cluster, and of its entities with all others.
    statistic, p_value : float
        Of the two-sample Kolmogorov-Smirnov test of the two sets of cosines. Pairs share entities, so the p-value is
        EFAAR's, and too small.
    """

    size: int
    within: float
    between: float
    statistic: float
    p_value: float


def known_pairs(relations: Sequence[tuple[str, str]], entities: Sequence[str]) -> Ints:
    """Return the relations whose entities are in a map, as places in it, (p, 2): no self-relation, none twice.

    Parameters
    ----------
    relations : sequence of (str, str)
        Names; order in a pair means nothing.
    entities : sequence of str
        Names of the rows of the map, none twice.
    """
    place = {name: row for row, name in enumerate(entities)}
    found = {
        (min(place[a], place[b]), max(place[a], place[b])) for a, b in relations if a != b and a in place and b in place
    }
    return np.array(sorted(found), np.int64).reshape(-1, 2)


def recall_of_relations(
    x: npt.NDArray[np.floating],
    sources: Mapping[str, Ints],
    *,
    thresholds: Sequence[tuple[float, float]] = THRESHOLDS,
    draws: int = 1000,
    seed: int = 0,
) -> dict[str, Recall]:
    """Return the recall of known relations by source.

    Parameters
    ----------
    x : ndarray of float, shape (n, d)
        The map: one row an entity. A row of zeros has the cosine 0 with all.
    sources : mapping of str to ndarray of int64, shape (p, 2)
        Known pairs by source, as `known_pairs`.
    thresholds : sequence of (float, float), optional
        Lower and upper shares.
    draws : int, default 1000
        Permutations of the entities for p-values; 0 for none.
    seed : int, default 0
        Of the permutations.

    Notes
    -----
    The null distribution, cosines of all pairs of the map, is counted tile by tile. Permutations need no second count:
    the least and the greatest cosines at which a pair is found follow from it, see `_cuts`.
    """
    unit, _ = unit_rows(x)
    names = [name for name, pairs in sources.items() if len(pairs)]
    found = {name: Recall(len(pairs), len(unit) * (len(unit) - 1) // 2) for name, pairs in sources.items()}
    if not names:
        return found
    every = np.concatenate([sources[name] for name in names])
    queries = _values_of(unit, every)
    less, most, size = counts_below(_all_pairs(unit), queries)
    ends = np.cumsum([0, *(len(sources[name]) for name in names)])
    right = {pair: less / size >= max(pair) for pair in thresholds}
    left = {pair: most / size <= min(pair) for pair in thresholds}
    drawn = _drawn(unit, {name: sources[name] for name in names}, thresholds, draws, seed) if draws else {}
    for name, start, stop in zip(names, ends[:-1], ends[1:], strict=True):
        mine = slice(start, stop)
        for pair in thresholds:
            value = float((left[pair] | right[pair])[mine].mean())
            found[name].values[pair] = value
            found[name].upper[pair] = float(right[pair][mine].mean())
            if draws:
                b = int((drawn[name, pair] >= value * (1 - 1e-12)).sum())
                found[name].p_values[pair] = (b + 1) / (draws + 1)
    return found


def _all_pairs(unit: Floats) -> Callable[[], Iterator[Floats]]:
    def values() -> Iterator[Floats]:
        for tile in tiles(unit):
            yield tile.values[upper(tile)]

    return values


def _values_of(unit: Floats, pairs: Ints) -> Floats:
    """Return the similarities of pairs (first < second), the very numbers that `tiles` gives."""
    found = np.empty(len(pairs))
    keys = pairs[:, 0] // TILE * (len(unit) // TILE + 1) + pairs[:, 1] // TILE
    order = np.argsort(keys, kind="stable")
    ranked = keys[order]
    for tile in tiles(unit):
        key = tile.rows.start // TILE * (len(unit) // TILE + 1) + tile.columns.start // TILE
        mine = order[np.searchsorted(ranked, key, "left") : np.searchsorted(ranked, key, "right")]
        if len(mine):
            found[mine] = tile.values[pairs[mine, 0] - tile.rows.start, pairs[mine, 1] - tile.columns.start]
    return found


def _drawn(
    unit: Floats,
    sources: Mapping[str, Ints],
    thresholds: Sequence[tuple[float, float]],
    draws: int,
    seed: int,
) -> dict[tuple[str, tuple[float, float]], Floats]:
    """Return the recalls of relations between permuted entities, by source and thresholds, (draws,) each."""
    cuts = _cuts(unit, thresholds)
    found = {(name, pair): np.empty(draws) for name in sources for pair in thresholds}
    tables = {pair: _table(unit, cuts[pair]) for pair in thresholds} if len(unit) <= MOST_IN_TABLE else {}
    rng = np.random.default_rng(seed)
    for draw in range(draws):
        moved = rng.permutation(len(unit))
        for name, pairs in sources.items():
            one, other = moved[pairs[:, 0]], moved[pairs[:, 1]]
            values = None if tables else _computed(unit, one, other)
            for pair, cut in cuts.items():
                hits = tables[pair][one, other] if values is None else _is_found(values, cut)
                found[name, pair][draw] = hits.mean()
    return found


def _computed(unit: Floats, one: Ints, other: Ints) -> Floats:
    """Return the cosines of pairs, a part at a time."""
    parts = range(0, len(one), _TOGETHER)
    pieces = [(one[start : start + _TOGETHER], other[start : start + _TOGETHER]) for start in parts]
    return np.concatenate([np.einsum("ij,ij->i", unit[a], unit[b]) for a, b in pieces])


def _is_found(values: Floats, cut: tuple[float, float]) -> npt.NDArray[np.bool_]:
    return (values <= cut[0]) | (values >= cut[1])


def _table(unit: Floats, cut: tuple[float, float]) -> npt.NDArray[np.bool_]:
    """Return which pairs of entities are found, (n, n)."""
    found = np.zeros((len(unit), len(unit)), bool)
    for tile in tiles(unit):
        hits = _is_found(tile.values, cut)
        found[tile.rows, tile.columns] = hits
        found[tile.columns, tile.rows] = hits.T
    return found


def _cuts(unit: Floats, thresholds: Sequence[tuple[float, float]]) -> dict[tuple[float, float], tuple[float, float]]:
    """Return the greatest cosine that lies in the lower share of all pairs, and the least in the upper share.

    At most the lower share of the values are as small or smaller: a value is found up to that rank, unless it is tied
    with one beyond.
    """
    size = len(unit) * (len(unit) - 1) // 2
    last = [int(np.floor(min(pair) * size + 1e-9)) - 1 for pair in thresholds]
    first = [int(np.ceil(max(pair) * size - 1e-9)) for pair in thresholds]
    ranks = [min(max(rank, 0), size - 1) for rank in (*last, *first)]
    values, _ = quantiles(_all_pairs(unit), [rank / max(size - 1, 1) for rank in ranks])
    lows, highs = values[: len(last)], values[len(last) :]
    return {
        pair: (float(low) if a >= 0 else -np.inf, float(high) if b < size else np.inf)
        for pair, a, b, low, high in zip(thresholds, last, first, lows, highs, strict=True)
    }


def cluster_test(
    x: npt.NDArray[np.floating], clusters: Mapping[str, Sequence[int]], least: int = 10
) -> dict[str, Cluster]:
    """Return how the cosines inside clusters differ from those to all other entities.

    Parameters
    ----------
    x : ndarray of float, shape (n, d)
        The map: one row an entity.
    clusters : mapping of str to sequence of int
        Rows of each cluster.
    least : int, default 10
        Smaller clusters, and those of the whole map, are left out.
    """
    from scipy.stats import ks_2samp

    unit, _ = unit_rows(x)
    found = {}
    for name, members in clusters.items():
        rows = np.unique(np.asarray(members, np.int64))
        if len(rows) < max(least, 2) or len(rows) == len(unit):
            continue
        others = np.ones(len(unit), bool)
        others[rows] = False
        mine = unit[rows]
        within = (mine @ mine.T)[np.triu_indices(len(rows), 1)]
        between = (mine @ unit[others].T).ravel()
        test = ks_2samp(within, between)
        found[name] = Cluster(
            len(rows), float(within.mean()), float(between.mean()), float(test.statistic), float(test.pvalue)
        )
    return found
