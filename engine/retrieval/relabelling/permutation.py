"""P-values of groups from relabelling the data."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from ...errors import InputError, examples
from ...nulls.distribution import PValues
from ...tables.groups import Groups
from ..exchange import Exchange
from ..options import NullModel
from .data import RelabelledRows
from .exchanger import Exchanger
from .labels import AmongLabels
from .negatives import AmongNegatives
from .sequential import sequential_p_values

__all__ = ["permutation_p_values"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_SAME = 1e-5  # a mean AP of the table and that of the data may differ by float32


class GroupRows(NamedTuple):
    """The queries of each group.

    Attributes
    ----------
    members : Groups
        Rows of the queries of each group.
    label : ndarray of int64, shape (g,)
        The label of the list column that each group has; 0 without one.
    """

    members: Groups
    label: Ints


def permutation_p_values(
    data: RelabelledRows,
    keys: pl.DataFrame,
    sizes: Ints,
    statistic: Floats,
    model: NullModel,
    progress: Callable[[int, int], None] | None = None,
) -> PValues:
    """P-values of groups by relabelling their data.

    Parameters
    ----------
    data : RelabelledRows
        The profiles and rules behind the groups.
    keys : polars.DataFrame, g rows
        What names each group: the grouping columns.
    sizes : ndarray of int64, shape (g,)
        Queries of each group.
    statistic : ndarray of float, shape (g,)
        Its mean or median AP.
    model : NullModel
        Tail, aggregate, most draws, seed, threshold.
    progress : callable, optional
        Called with (groups done, groups in all).

    Returns
    -------
    PValues
        (b + 1) / (m + 1), b of m relabellings as good as the data; exact where there are few.

    Raises
    ------
    InputError
        The rules make no rows exchangeable, or the data are not those of the groups.
    """
    data = data.usable
    groups = _group_rows(data, keys, sizes)
    exchange = data.plan.exchange
    kind: type[Exchanger] = AmongNegatives
    if exchange.among_labels and _is_by_label(exchange, keys.columns):
        kind = AmongLabels
    elif exchange.whole_block:
        raise InputError(
            f"null='permutation' has no exchange under these rules: labels of {exchange.label_columns[-1]!r} change "
            "places among rows that differ in labels and neg_sameby columns alone, so pos_diffby must be empty, "
            "neg_diffby must name the list column only, and groups must be its labels; take a consensus of replicates "
            "first instead of telling them apart by pos_diffby, or use null='shared'."
        )
    solver = kind(data, groups.members, groups.label, model, progress)
    far = ~(np.abs(solver.observed - statistic) <= _SAME)
    if far.any():
        g = int(np.flatnonzero(far)[0])
        raise InputError(
            f"The {model.aggregate} AP of {_named(keys, g)} is {statistic[g]:.6f} in the table and "
            f"{solver.observed[g]:.6f} in the profiles to relabel ({int(far.sum())} of {len(keys)} groups differ); "
            "pass the profiles, rules, distance and ties that were scored."
        )
    return sequential_p_values(solver.counted(), solver.count, model.null_size, model.threshold)


def _is_by_label(exchange: Exchange, columns: list[str]) -> bool:
    """Return whether groups are the labels, in each block if positives are."""
    others = set(columns) - set(exchange.label_columns)
    if not set(exchange.label_columns) <= set(columns):
        return False
    return not others or (exchange.within_block and others <= set(exchange.block_columns))


def _named(keys: pl.DataFrame, group: int) -> str:
    return ", ".join(f"{name} {value!r}" for name, value in keys.row(group, named=True).items())


def _group_rows(data: RelabelledRows, keys: pl.DataFrame, sizes: Ints) -> GroupRows:
    """Find the queries of each group among the profiles."""
    plan, labels = data.plan, data.plan.labels
    column = data.rules.multilabel_col
    rows = np.flatnonzero(data.asked)
    if labels is None:
        lists = data.backend.partners(plan.positives, rows)
        query, label = rows[np.diff(lists.offsets) > 0], np.zeros(len(rows), np.int64)
        label = label[: len(query)]
    else:
        found = data.backend.label_partners(plan.positives, labels, rows)
        query, label = rows[found.query], found.label.astype(np.int64)
    missing = [name for name in keys.columns if name not in data.kept.columns]
    if missing:
        raise InputError(f"The profiles to relabel lack the column {examples(missing)} that groups are named by.")
    if column is not None and column not in keys.columns:
        raise InputError(f"null='permutation' relabels one label at a time: group by {column!r}, or use null='shared'.")
    named = [
        (plan.label_names.gather(label) if name == column and plan.label_names is not None else data.kept[name][query])
        .cast(pl.String)
        .alias(name)
        for name in keys.columns
    ]
    ours = pl.DataFrame(named).with_columns(__query=pl.Series(query), __label=pl.Series(label))
    theirs = keys.select(pl.all().cast(pl.String)).with_columns(__group=pl.int_range(pl.len(), dtype=pl.Int64))
    joined = ours.join(theirs, on=keys.columns, how="inner").sort("__group", "__query")
    group = joined["__group"].to_numpy()
    count = np.bincount(group, minlength=len(keys))
    if (count != sizes).any():
        g = int(np.flatnonzero(count != sizes)[0])
        raise InputError(
            f"{_named(keys, g)} has {sizes[g]} scored rows in the table and {count[g]} in the profiles; pass "
            "the profiles, rules and queries that were scored, and all rows of a group."
        )
    members = Groups(joined["__query"].to_numpy(), np.append(0, np.cumsum(count)))
    return GroupRows(members, joined["__label"].to_numpy()[members.offsets[:-1]])
