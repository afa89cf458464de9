"""Finding the prediction of each cell: by cell id, or by position where that is asked for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import polars as pl

from ...choices import check_one
from ...errors import InputError, examples

__all__ = ["align", "without_suffixes"]

_BY_POSITION = "if both are known to list the same cells in the same order, align by position"

#: The last part of an id behind a sign, such as the ``-1`` of a barcode.
_SUFFIX = r"[-_.:|#/][^-_.:|#/]*$"
#: What ids of different tools often differ by, and what takes it off.
_DIFFERENCES: tuple[tuple[str, Callable[[pl.Series], pl.Series]], ...] = (
    ("white space is taken off", lambda ids: ids.str.strip_chars()),
    ("upper case is made lower case in", lambda ids: ids.str.to_lowercase()),
    ("a suffix such as '-1' is taken off", lambda ids: ids.str.replace(_SUFFIX, "")),
    ("a prefix such as 'sample1_' is taken off", lambda ids: ids.str.replace(r"^[^-_.:|#/]*[-_.:|#/]", "")),
)


def align(
    truth_ids: pl.Series,
    predicted_ids: pl.Series,
    *,
    by: str = "id",
    where: str,
    places: tuple[str, str] = ("", ""),
    advice: Callable[[], str] = str,
) -> tuple[npt.NDArray[np.int64] | None, str]:
    """Find the row of the prediction of each cell of the truth.

    Parameters
    ----------
    truth_ids, predicted_ids : polars.Series of String
        Cell ids, n each.
    by : {"id", "position"}, default "id"
        Equal ids belong together, or equal rows.
    where : str
        What the predictions belong to, for messages.
    places : (str, str), optional
        Where the ids of the truth and of the predictions are from, for messages.
    advice : callable, optional
        Asked where ids do not belong together: which other columns would, or an empty text.

    Returns
    -------
    rows : ndarray of int64, shape (n,), or None
        ``predicted_ids[rows]`` are the `truth_ids`; None where the rows belong together as they are.
    note : str
        What deserves to be known although it is no error; empty for nothing. By id: repeated ids, in the same order
        on both sides. By position: cells of which the id is in another row of the prediction, so that the
        positions are most likely wrong.

    Raises
    ------
    InputError
        By id: ids that are missing, that come more than once (unless both sides list the same ids in the same order),
        cells without a prediction, and predictions without a cell; with counts, examples, and what the ids seem to
        differ by. By position: different lengths.
    """
    check_one("align", by, ("id", "position"))
    if by == "position":
        if len(truth_ids) != len(predicted_ids):
            raise InputError(
                f"{where}: The truth has {len(truth_ids)} cells, but there are predictions for {len(predicted_ids)}; "
                "cells can only be aligned by position where both have the same; align by id."
            )
        return None, _moved(truth_ids, predicted_ids)
    for side, ids in (("the truth", truth_ids), ("the predictions", predicted_ids)):
        if ids.null_count():
            raise InputError(f"{where}: {ids.null_count()} cells of {side} have no id; {_BY_POSITION}.")
    if truth_ids.equals(predicted_ids):
        n_repeated = len(truth_ids) - truth_ids.n_unique()
        note = f"{n_repeated} cell ids are repeated; truth and predictions list them in the same order."
        return None, note if n_repeated else ""
    rows = _rows(truth_ids, predicted_ids)
    if len(truth_ids) == len(predicted_ids) == len(rows) and not rows.null_count():
        found = rows.to_numpy()
        if np.bincount(found).max() == 1:  # each prediction belongs to one cell, so no id is repeated
            return found.astype(np.int64, copy=False), ""
    taken = ""
    if all(places):
        taken = f" The ids are {places[0]} and {places[1]}; {advice() or '--id names other columns'}."
    help = "pass --strip-suffix, or make the ids equal" if all(places) else "make the ids equal"
    raise InputError(f"{where}: {_why(truth_ids, predicted_ids, help)}.{taken}")


def without_suffixes(truth: pl.Series, predicted: pl.Series) -> tuple[pl.Series, pl.Series, str]:
    """Take suffixes such as ``-1`` off the ids of one side, or of both, so that they belong together.

    Parameters
    ----------
    truth, predicted : polars.Series of String
        Cell ids, n and m each.

    Returns
    -------
    truth, predicted : polars.Series of String
        As they were where that is best; else without suffixes on the sides where more ids are then equal, each of one
        cell, the predictions first.
    note : str
        What was done.
    """
    bare = truth.str.replace(_SUFFIX, ""), predicted.str.replace(_SUFFIX, "")
    ways = [
        (truth, predicted, "--strip-suffix had no effect: more ids are equal as they are."),
        (truth, bare[1], "Suffixes were taken off the cell ids of the predictions (--strip-suffix)."),
        (bare[0], predicted, "Suffixes were taken off the cell ids of the truth (--strip-suffix)."),
        (*bare, "Suffixes were taken off the cell ids of truth and predictions (--strip-suffix)."),
    ]

    def matching(way: tuple[pl.Series, pl.Series, str]) -> int:
        """Count cells that have one prediction; ids of which too much was taken off belong to several."""
        ours, theirs = (ids.filter(ids.is_unique()) for ids in way[:2])
        return int(ours.is_in(theirs.implode()).sum())

    return max(ways, key=matching)


def _rows(ids: pl.Series, among: pl.Series) -> pl.Series:
    """Return rows of `among` that have each of `ids`, in the order of `ids`; null where there is none."""
    numbered = pl.DataFrame({"id": among, "row": np.arange(len(among))})
    return pl.DataFrame({"id": ids}).join(numbered, on="id", how="left", maintain_order="left")["row"]


def _moved(truth_ids: pl.Series, predicted_ids: pl.Series) -> str:
    """Return a note on cells that have another id in the same row of the prediction, and their own in another row."""
    if truth_ids.equals(predicted_ids):
        return ""
    other = truth_ids.ne_missing(predicted_ids)
    moved = truth_ids.filter(other)
    moved = moved.filter(moved.is_in(predicted_ids.unique().implode()))
    if not len(moved):
        return ""
    return (
        f"Aligned by position, but the ids of {len(moved)} of {len(truth_ids)} cells are in other rows of the "
        f"predictions ({examples(moved.head(3), 3)}{', ...' if len(moved) > 3 else ''}), so the order seems to differ; "
        "align by id."
    )


def _why(truth_ids: pl.Series, predicted_ids: pl.Series, without_suffix: str) -> str:
    """Return the ways in which ids do not belong together, and what helps: `without_suffix` where that is it."""
    truth, predicted = truth_ids.unique(maintain_order=True), predicted_ids.unique(maintain_order=True)
    lacking = truth.filter(~truth.is_in(predicted.implode()))
    extra = predicted.filter(~predicted.is_in(truth.implode()))
    problems = []
    for side, ids, distinct in (("truth", truth_ids, truth), ("predictions", predicted_ids, predicted)):
        if len(distinct) < len(ids):
            repeated = ids.filter(ids.is_duplicated()).unique(maintain_order=True)
            problems.append(f"{len(repeated)} cell ids come more than once in the {side} ({_few(repeated)})")
    if len(lacking):
        problems.append(f"{len(lacking)} of {len(truth)} cells of the truth have no prediction ({_few(lacking)})")
    if len(extra):
        problems.append(f"{len(extra)} of {len(predicted)} predictions are of no cell of the truth ({_few(extra)})")
    sentence = ", and ".join(problems)
    if 2 * len(lacking) < len(truth):
        return f"{sentence}; give predictions of the same cells, each with an id of its own"
    return f"{sentence}; {_hint(truth, predicted, without_suffix)}"


def _few(ids: pl.Series) -> str:
    return examples(ids.head(5)) + (", ..." if len(ids) > 5 else "")


def _hint(truth: pl.Series, predicted: pl.Series, without_suffix: str) -> str:
    """Guess what most ids of two sides differ by."""
    numbers = [ids.cast(pl.Float64, strict=False).drop_nulls().unique() for ids in (truth, predicted)]
    if 2 * (n_equal := int(numbers[0].is_in(numbers[1].implode()).sum())) > len(truth):
        return (
            f"{n_equal} are equal as numbers, but written in two ways ({truth[0]!r} and {predicted[0]!r}); write them "
            "in one, in pandas with .astype(int)"
        )
    if predicted.equals(pl.Series(range(len(predicted))).cast(pl.String)):
        return f"the ids of the predictions are only numbers of rows; {_BY_POSITION}"
    for words, change in _DIFFERENCES:
        for side, ids, among in (
            ("of the predictions", truth, change(predicted)),
            ("of the truth", change(truth), predicted),
            ("of both", change(truth), change(predicted)),
        ):
            # Distinct ids are counted, so that ids of which too much was taken off do not match.
            n_matching = int(ids.unique().is_in(among.unique().implode()).sum())
            if 2 * n_matching > len(truth):
                help = without_suffix if "suffix" in words else "make the ids equal"
                return f"{n_matching} match when {words} the ids {side}; {help}"
    return "give predictions of the same cells, under the same ids"
