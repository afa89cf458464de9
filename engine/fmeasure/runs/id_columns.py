"""Columns that hold the cell ids: those that say nothing, and others that would match cells."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

from ...errors import InputError
from ...readers.cells import column_names, read_cells

__all__ = ["IdColumns", "are_row_numbers", "check_row_numbers"]

#: Columns of each file that are looked at under different names.
_MOST = 8


class IdColumns:
    """Pairs of columns, one of the truth and one of the predictions, that tell the same cells apart.

    Parameters
    ----------
    truth, predictions : Path
        The files; a column is read when it is looked at.
    asked : collection of str
        Columns that are something else: labels, scores, what was taken for ids.
    """

    def __init__(self, truth: Path, predictions: Path, asked: Collection[str]) -> None:
        self._files, self._asked = (truth, predictions), asked
        self._read = cache(self._column)

    def _column(self, side: int, name: str) -> pl.Series | None:
        try:
            return read_cells(self._files[side], [], ids=name).ids
        except InputError:  # neither text nor numbers
            return None

    def pairs(self) -> Iterator[tuple[tuple[str, str], tuple[pl.Series, pl.Series]]]:
        """Yield the names of such columns and their values: of one name first, then among the first of other names."""
        ours, theirs = ([name for name in column_names(file) if name not in self._asked] for file in self._files)
        named = [(name, name) for name in ours if name in theirs]
        named += [(one, other) for one in ours[:_MOST] for other in theirs[:_MOST] if one != other]
        for one, other in named:
            truth, predicted = self._read(0, one), self._read(1, other)
            if truth is not None and predicted is not None and _tell_cells_apart(truth, predicted):
                yield (one, other), (truth, predicted)

    def advice(self) -> str:
        """Return the option that takes such columns, in a sentence; empty where there are none."""
        for pair, _ in self.pairs():
            names = (f"column {name!r} of {file.name}" for name, file in zip(pair, self._files, strict=True))
            return f"{' and '.join(names)} match: {_option(pair)}"
        return ""


def _option(pair: tuple[str, str]) -> str:
    return f"--id {','.join(dict.fromkeys(pair))}"


def are_row_numbers(ids: pl.Series) -> bool:
    """Return whether ids are 0 to n - 1, or 1 to n, as text, in any order."""
    numbers = ids.cast(pl.Int64, strict=False)
    if len(ids) < 2 or numbers.null_count() or not numbers.cast(pl.String).equals(ids):
        return False
    ordered = numbers.sort().to_numpy()
    return bool(ordered[0] in (0, 1) and np.array_equal(ordered, np.arange(len(ordered)) + ordered[0]))


def check_row_numbers(truth_ids: pl.Series, predicted_ids: pl.Series, others: IdColumns, where: str) -> str:
    """Check ids of which both sides are only numbers of rows against other columns that tell cells apart.

    Parameters
    ----------
    truth_ids, predicted_ids : polars.Series of String
        Cell ids, n and m each.
    others : IdColumns
        The other columns of both files.
    where : str
        What the predictions belong to, for messages.

    Returns
    -------
    str
        A note where no other column tells cells apart; empty where the ids are more than numbers of rows, or where
        such a column matches the same rows.

    Raises
    ------
    InputError
        Columns of unique values match other rows than the ids do.
    """
    if not (are_row_numbers(truth_ids) and are_row_numbers(predicted_ids)):
        return ""
    for pair, found in others.pairs():
        truth, predicted = (
            pl.DataFrame({"id": ids, "value": values})
            for ids, values in zip((truth_ids, predicted_ids), found, strict=True)
        )
        joined = truth.join(predicted, on="id", how="inner")
        if joined["value"].equals(joined["value_right"]):
            return ""
        one, other = pair
        columns = f"column {one!r} of both files does"
        if one != other:
            columns = f"columns {one!r} of the truth and {other!r} of the predictions do"
        raise InputError(
            f"{where}: The cell ids of truth and predictions are only numbers of rows, which match other cells than "
            f"{columns}; match cells by {'it' if one == other else 'them'} with {_option(pair)}."
        )
    return (
        "The cell ids of truth and predictions are only numbers of rows, so cells are matched by row number; if a "
        "number is not the same cell in both files, write a column of cell ids and name it with --id."
    )


def _tell_cells_apart(truth: pl.Series, predicted: pl.Series) -> bool:
    """Return whether a column is unique on both sides, and mostly of the same values; numbers must all be."""
    if any(values.null_count() or values.n_unique() < len(values) for values in (truth, predicted)):
        return False
    if are_row_numbers(truth) or are_row_numbers(predicted):
        return False
    common = int(truth.is_in(predicted.implode()).sum())
    if truth.cast(pl.Float64, strict=False).null_count():
        return 2 * common >= min(len(truth), len(predicted))
    return common == len(truth) == len(predicted)
