"""Percent replicating and percent matching: the share of groups whose profiles correlate more than random ones.

A group's score is the median Pearson correlation of its pairs. The null is the same median of as many random pairs of
profiles that have no label in common as a group has members (the median over groups, at most 50); its 95th percentile
is the threshold. As in ``copairs.replicating``, with a seed of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from ..tables.profiles import Profiles

__all__ = ["Percent", "percent_score"]

#: Medians of the null, and most pairs of one.
SAMPLES: Final = 1000
MOST_PAIRS: Final = 50
#: Rounds of drawing before random pairs without a common label are given up.
_ROUNDS: Final = 100
#: Pairs that are correlated at once.
_BLOCK: Final = 4096

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Percent:
    """A percent score.

    Attributes
    ----------
    fraction : float
        Share of groups above the threshold, 0 to 1.
    threshold : float
        95th percentile of the null.
    groups : int
        Groups with a pair.
    """

    fraction: float
    threshold: float
    groups: int


def percent_score(profiles: Profiles, by: str, seed: int = 0) -> Percent | None:
    """Score profiles by the correlation within groups.

    Parameters
    ----------
    profiles : Profiles
        n profiles; of those with a missing label nothing is counted.
    by : str
        Column of labels, text or lists of text: profiles that share a label are a pair of its group.
    seed : int, default 0
        Of the random pairs. They are drawn among profiles in the order of their metadata, so that the order of rows
        does not matter.

    Returns
    -------
    Percent or None
        None without a pair, or where nearly all profiles share a label.

    References
    ----------
    Way et al. 2022, Cell Systems 13:911 (percent replicating); Chandrasekaran et al. 2024 (percent matching).
    """
    metadata = profiles.metadata
    plain = [name for name, dtype in metadata.schema.items() if not dtype.is_nested()]
    order = metadata.select(pl.struct(plain).arg_sort()).to_series().to_numpy()
    labels = metadata[by][order]
    rows = pl.DataFrame({"row": np.arange(len(order)), "label": labels})
    if labels.dtype.is_nested():
        rows = rows.explode("label")
    rows = rows.drop_nulls("label").unique(maintain_order=True)
    groups = [group.to_numpy() for group in rows.group_by("label").agg(pl.col("row").sort()).sort("label")["row"]]
    groups = [group for group in groups if len(group) > 1]
    if not groups:
        return None
    x = profiles.features[order].astype(np.float64)
    x -= x.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(x, axis=1, keepdims=True)
    np.divide(x, lengths, out=x, where=lengths > 0)
    medians = _medians(x, groups)
    size = min(int(np.median([len(group) for group in groups])), MOST_PAIRS)
    drawn = _random_pairs(rows, len(order), SAMPLES * size, seed)
    if drawn is None:
        return None
    null = np.median(_correlations(x, *drawn).reshape(SAMPLES, size), axis=1)
    threshold = float(np.percentile(null, 95))
    return Percent(float((medians > threshold).mean()), threshold, len(groups))


def _correlations(x: npt.NDArray[np.float64], i: Ints, j: Ints) -> npt.NDArray[np.float64]:
    found = np.empty(len(i))
    for start in range(0, len(i), _BLOCK):
        part = slice(start, start + _BLOCK)
        found[part] = np.einsum("nd,nd->n", x[i[part]], x[j[part]])
    return found


def _medians(x: npt.NDArray[np.float64], groups: list[Ints]) -> npt.NDArray[np.float64]:
    """Median correlation of the pairs of each group; groups of one size at once."""
    sizes = np.array([len(group) for group in groups])
    found = np.empty(len(groups))
    for size in np.unique(sizes):
        chosen = np.flatnonzero(sizes == size)
        members = np.stack([groups[g] for g in chosen])
        first, second = np.triu_indices(int(size), 1)
        values = _correlations(x, members[:, first].ravel(), members[:, second].ravel())
        found[chosen] = np.median(values.reshape(len(chosen), -1), axis=1)
    return found


def _random_pairs(rows: pl.DataFrame, n: int, count: int, seed: int) -> tuple[Ints, Ints] | None:
    """Draw pairs of labelled profiles that share no label."""
    from scipy.sparse import csr_matrix

    codes = rows["label"].rank("dense").to_numpy().astype(np.int64) - 1
    row = rows["row"].to_numpy()
    table = csr_matrix((np.ones(len(row), np.int32), (row, codes)), shape=(n, int(codes.max()) + 1))
    labelled = np.unique(row)
    rng = np.random.default_rng(seed)
    kept: list[Ints] = []
    missing = count
    for _ in range(_ROUNDS):
        pairs = labelled[rng.integers(0, len(labelled), size=(2, 2 * missing))]
        apart = np.asarray(table[pairs[0]].multiply(table[pairs[1]]).sum(axis=1)).ravel() == 0
        kept.append(pairs[:, apart][:, :missing])
        missing -= kept[-1].shape[1]
        if not missing:
            first, second = np.concatenate(kept, axis=1)
            return first, second
    return None
