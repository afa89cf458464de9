"""Cell ids that are only numbers of rows, which say nothing about which cells belong together."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import polars as pl

from ...errors import InputError

__all__ = ["are_row_numbers", "check_row_numbers"]


def are_row_numbers(ids: pl.Series) -> bool:
    """Return whether ids are 0 to n - 1, or 1 to n, as text, in any order."""
    numbers = ids.cast(pl.Int64, strict=False)
    if len(ids) < 2 or numbers.null_count() or not numbers.cast(pl.String).equals(ids):
        return False
    ordered = numbers.sort().to_numpy()
    return bool(ordered[0] in (0, 1) and np.array_equal(ordered, np.arange(len(ordered)) + ordered[0]))


def check_row_numbers(
    truth_ids: pl.Series,
    predicted_ids: pl.Series,
    shared: Callable[[], Iterable[str]],
    read: Callable[[str], tuple[pl.Series, pl.Series] | None],
    where: str,
) -> str:
    """Check ids of which both sides are only numbers of rows against other columns that tell cells apart.

    Parameters
    ----------
    truth_ids, predicted_ids : polars.Series of String
        Cell ids, n and m each.
    shared : callable
        Returns the columns that the files of truth and predictions both have, their labels and scores left out.
    read : callable
        Returns such a column of the truth and of the predictions as text; None where it cannot be read.
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
        A shared column of unique values matches other rows than the ids do.
    """
    if not (are_row_numbers(truth_ids) and are_row_numbers(predicted_ids)):
        return ""
    for name in shared():
        found = read(name)
        if found is None or not _tell_cells_apart(*found):
            continue
        truth, predicted = (
            pl.DataFrame({"id": ids, "value": values})
            for ids, values in zip((truth_ids, predicted_ids), found, strict=True)
        )
        joined = truth.join(predicted, on="id", how="inner")
        if joined["value"].equals(joined["value_right"]):
            return ""
        raise InputError(
            f"{where}: The cell ids of truth and predictions are only numbers of rows, which match other cells than "
            f"column {name!r} of both files does; match cells by it with --id {name}."
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
