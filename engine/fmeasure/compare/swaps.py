"""P-values of two models where cells are drawn by cluster: a randomisation test that swaps the models by cluster.

A bootstrap of few clusters finds too much: of five equal donors one comparison in five has p < 0.05.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...statistics.paired_comparison import FEWEST_DIFFERING, swap_p_value, swap_sets
from ..confusion import Entries
from ..scores.resample import CountMap, all_scores, distinct_entries, unit_matrix
from ..scores.tables import Rules

__all__ = ["swap_p_values"]

Floats = npt.NDArray[np.float64]
_BLOCK = 16  # draws


def swap_p_values(
    models: Sequence[Entries],
    unit: npt.NDArray[np.int64],
    rules: Rules,
    names: Sequence[str],
    *,
    above: Any = None,
    draws: int,
    seed: int,
) -> Floats:
    """Return the p-value of the difference of two models in each metric.

    Parameters
    ----------
    models : sequence of Entries
        The two models, on p patterns of the same cells.
    unit : ndarray of int64, shape (p,)
        The cluster of each pattern, from 0 to k - 1.
    rules : Rules
        How ratios become scores.
    names : sequence of str
        The m metrics, see `resample.all_scores`.
    above : scipy.sparse.csr_matrix, optional
        From `hierarchical.ancestor_matrix`, for metrics by node.
    draws : int
        Random sets of clusters; all sets where there are no more than that.
    seed : int
        Equal seeds draw equally.

    Returns
    -------
    ndarray of float64, shape (m,)
        As in `paired_comparison.paired_difference`; NaN with fewer than `FEWEST_DIFFERING` clusters.
    """
    k = int(unit.max(initial=-1)) + 1
    if k < FEWEST_DIFFERING:
        return np.full(len(names), np.nan)
    # The clusters of both models are the units of one map; a set says from which model each cluster comes.
    rows, cols = (np.concatenate([getattr(each, name) for each in models]) for name in ("rows", "cols"))
    cells = np.concatenate([each.cells for each in models])
    entries, entry = distinct_entries(Entries(rows, cols, cells, models[0].n_labels))
    units = unit_matrix(entry, np.concatenate([unit, unit + k]), cells, len(entries.rows), 2 * k)
    counted = CountMap(entries, units, above)
    sets = np.concatenate([np.zeros((1, k), bool), swap_sets(k, draws, seed)])
    differences = np.empty((len(sets), len(names)))
    for start in range(0, len(sets), _BLOCK):
        swapped = sets[start : start + _BLOCK].T.astype(np.float64)
        one, other = (
            all_scores(*counted.counts(np.concatenate(sides)), rules)
            for sides in ((1 - swapped, swapped), (swapped, 1 - swapped))
        )
        for place, name in enumerate(names):
            differences[start : start + _BLOCK, place] = one[name] - other[name]
    return np.array([swap_p_value(column[1:], column[0]) for column in differences.T])
