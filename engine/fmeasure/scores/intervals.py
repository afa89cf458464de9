"""Percentile intervals of metrics, by drawing cells or clusters of cells with replacement.

Intervals by cells show how far the numbers would move with other cells of the same donors. Cells of one donor (sample,
batch) are not independent: where a model should hold for other donors, draw donors (the cluster bootstrap), since
intervals by cells are too narrow. With fewer than about ten clusters
intervals are rough, and tend to be too narrow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ....kernels.backend import Backend
from ...errors import InputError
from ...statistics.resampling import percentile_bounds
from ..confusion import Entries
from .hierarchical import ancestor_matrix
from .resample import CountMap, distinct_entries, point_scores, resample, unit_matrix
from .tables import Rules

__all__ = ["Interval", "interval_table", "intervals"]


@dataclass(frozen=True)
class Interval:
    """A metric with its interval.

    Attributes
    ----------
    metric : str
        Its name: as in `metrics.averages` and `metrics.single_scores`, with the prefix ``h_`` on the ontology.
    value : float
        The metric of all cells; NaN where it is undefined.
    lower, upper : float
        Bounds; NaN where it is undefined in every draw.
    """

    metric: str
    value: float
    lower: float
    upper: float


def intervals(
    units: Entries | Sequence[Entries],
    rules: Rules,
    backend: Backend[Any],
    *,
    bits: npt.NDArray[np.uint64] | None = None,
    n_nodes: int = 0,
    draws: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    threads: int = 0,
) -> list[Interval]:
    """Compute a percentile interval of every metric.

    Parameters
    ----------
    units : Entries or sequence of Entries
        Counts of all cells: single cells are drawn. Or counts of each cluster over the same labels: whole clusters are
        drawn; those without cells are left out.
    rules : Rules
        How ratios become scores.
    backend : Backend
        Kernels, see `kernels.dispatch.get_backend`.
    bits : ndarray of uint64, shape (c, w), optional
        Ancestors of each label, see `hierarchical.node_class_counts`. Default: no hierarchical metrics.
    n_nodes : int
        v.
    draws : int, default 1000
        How many draws.
    seed : int, default 0
        The same seed gives the same intervals, on any number of threads.
    level : float, default 0.95
        Share of draws between the bounds.
    threads : int, default 0
        0 takes all usable cores.

    Returns
    -------
    list of Interval
        In the order of `resample.all_scores`. Macro means of draws are over the classes (nodes) of the data, of which
        those that a draw misses count with their scores in the data. Draws that leave a metric undefined do not enter
        its bounds.

    Raises
    ------
    InputError
        When there are fewer than two units.

    References
    ----------
    Efron and Tibshirani 1993, chapter 13 (percentile intervals); Davison and Hinkley 1997, section 3.8 (clusters).
    """
    if isinstance(units, Entries):
        # In order of cells, as `resample` needs it; entries of equal cells stay in the order given.
        order = np.argsort(units.cells, kind="stable")
        order = order[units.cells[order] > 0]
        entries = Entries(units.rows[order], units.cols[order], units.cells[order], units.n_labels)
        sizes, by_unit, what = entries.cells, None, "cells"
    else:
        some = [each for each in units if each.cells.sum() > 0]
        sizes, what = np.ones(len(some), np.int64), "clusters"
        if some:
            unit = np.repeat(np.arange(len(some)), [len(each.cells) for each in some])
            rows, cols, cells = (
                np.concatenate([getattr(each, name) for each in some]) for name in ("rows", "cols", "cells")
            )
            entries, entry = distinct_entries(Entries(rows, cols, cells, some[0].n_labels))
            by_unit = unit_matrix(entry, unit, cells, len(entries.rows), len(some))
    if sizes.sum() < 2:
        raise InputError(f"Intervals need at least 2 {what} to draw from, but there are {sizes.sum()}.")
    above = None if bits is None else ancestor_matrix(bits, n_nodes)
    found = resample(sizes, [CountMap(entries, by_unit, above)], rules, draws, seed, threads)[0]
    bounds = percentile_bounds(np.stack(list(found.values()), axis=1), level)
    values = point_scores(entries, bits, n_nodes, rules, backend)
    return [
        Interval(name, values[name], float(lower), float(upper))
        for name, lower, upper in zip(found, *bounds, strict=True)
    ]


def interval_table(by_group: Mapping[str, Sequence[Interval]]) -> pl.DataFrame:
    """Return intervals as a table: `group_name`, `metric`, `value`, `lower`, `upper`; what is undefined is null."""
    rows = [(name, each.metric, each.value, each.lower, each.upper) for name, some in by_group.items() for each in some]
    numbers = dict.fromkeys(("value", "lower", "upper"), pl.Float64)
    schema = {"group_name": pl.String, "metric": pl.String, **numbers}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(pl.col(pl.Float64).fill_nan(None))
