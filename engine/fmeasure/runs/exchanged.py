"""Columns that are not what they are taken for: scores, codes of other names, or names in another order."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from ....kernels.sparse_counts import SparseCounts
from ...errors import InputError, examples
from ...readers.cells import LabelColumn
from .universe import Universe

__all__ = ["exchanged_labels", "refuse_scores"]

#: Cells below which nothing is said; share of right calls after the exchange; and that share of it, at most, before.
_FEWEST, _AFTER, _BEFORE = 20, 0.8, 0.5
#: Labels that must be exchanged.
_LABELS = 3

_NUMBER = re.compile(r"\s*[-+]?\d*\.?\d+([eE][-+]?\d+)?\s*")


def refuse_scores(truth: LabelColumn, columns: Sequence[str], called: Sequence[LabelColumn], where: str) -> None:
    """Refuse a column of predictions that holds scores: numbers, not all of them whole, where the truth holds none.

    Parameters
    ----------
    truth : LabelColumn
        The truth.
    columns : sequence of k str
        Names of the columns of rank 1 to k.
    called : sequence of k LabelColumn
        The columns.
    where : str
        The run, for the sentence.

    Raises
    ------
    InputError
        Saying which column, and what helps.
    """
    if any(_NUMBER.fullmatch(value) for value in truth.values):
        return
    for rank, (name, column) in enumerate(zip(columns, called, strict=True), 1):
        numbers = [value for value in column.values if _NUMBER.fullmatch(value)]
        if numbers and len(numbers) == len(column.values) and not all(value.strip().isdigit() for value in numbers):
            raise InputError(
                f"{where}: Column {name!r}, of rank {rank}, holds numbers ({examples(numbers, 3)}), and the truth "
                f"none: a column of scores is named with --score {name}."
            )


def exchanged_labels(counts: SparseCounts, universe: Universe) -> list[str]:
    """Say where most calls would be right if labels were exchanged one for one, as codes of another order are.

    Parameters
    ----------
    counts : SparseCounts
        Cells by truth and call of rank 1.
    universe : Universe
        Their labels.

    Returns
    -------
    list of str
        A sentence, or none.
    """
    cells = counts.counts[:, 0]
    called = counts.cols < universe.none
    rows, cols, some = counts.rows[called], counts.cols[called], cells[called]
    total = int(cells.sum())
    if total < _FEWEST or not len(some):
        return []
    order = np.lexsort((-rows, some, cols))
    last = order[np.append(np.diff(cols[order]) > 0, True)]  # of each label, the truth that it is called for most
    rows, cols, some = rows[last], cols[last], some[last]
    right = int(cells[counts.rows == counts.cols].sum())
    after, moved = int(some.sum()), np.flatnonzero(rows != cols)
    one_for_one = len(np.unique(rows)) == len(rows)
    if not one_for_one or len(moved) < _LABELS or after < _AFTER * total or right > _BEFORE * after:
        return []
    shown = ", ".join(f"{universe.labels[cols[i]]!r} for {universe.labels[rows[i]]!r}" for i in moved[:3])
    return [
        f"{right / total:.0%} of the calls are right, but {after / total:.0%} would be if {len(moved)} labels were "
        f"exchanged one for one ({shown}): are they codes of other names, or names in another order?"
    ]
