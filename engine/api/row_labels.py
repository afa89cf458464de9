"""Rows of what pandas gives, brought into one order by the labels of its rows (its index)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError, examples
from ..tables.matrix import library_of

__all__ = ["in_one_order"]


def in_one_order(given: Mapping[str, Any], ids: Any = None) -> tuple[dict[str, npt.NDArray[np.int64]], list[str]]:
    """Return the rows to take of each thing, so that all are of the same cells row by row.

    Row numbers say nothing beside row labels of another kind: these rows belong together by position.

    Parameters
    ----------
    given : mapping of str to any
        Things of n rows by name; those of pandas have row labels.
    ids : pandas.Index, optional
        Row labels of what has none of its own in `given` and is an AnnData's.

    Returns
    -------
    rows : dict of str to ndarray of int64, shape (n,)
        Of what is in another order alone.
    notes : list of str
        What was brought into another order.

    Raises
    ------
    InputError
        When row labels are of other cells, or in another order and not unique, or beside something without any.
    """
    labels = {
        name: value.index for name, value in given.items() if library_of(value) == "pandas" and hasattr(value, "index")
    }
    if ids is not None:
        labels = {"the AnnData": ids} | labels
    references: dict[str, Any] = {}
    rows: dict[str, npt.NDArray[np.int64]] = {}
    notes = []
    for name, index in labels.items():
        same_length = {one: other for one, other in references.items() if len(other) == len(index)}
        if len(same_length) < len(references):
            continue  # the caller refuses other numbers of rows
        if any(index.equals(other) for other in references.values()):
            continue
        like = next((one for one, other in references.items() if set(other) == set(index)), "")
        if like:
            other = references[like]
            if not (index.is_unique and other.is_unique):
                raise InputError(
                    f"{name} has the index of {like} in another order, and values of it come twice, so rows cannot "
                    "be told; give arrays in one order."
                )
            rows[name] = np.asarray(index.get_indexer(other), dtype=np.int64)
            notes.append(f"{name} was brought into the order of {like} by its index.")
        elif not _is_numbered(index) and (others := [one for one in references if not _is_numbered(references[one])]):
            other = references[others[0]]
            lacking = [each for each in index if each not in other]
            raise InputError(
                f"{name} and {others[0]} have different values in their index, so their rows are of other cells "
                f"({examples([str(each) for each in lacking])} in the former alone); give both the index of cells, or "
                "arrays in one order."
            )
        else:
            references[name] = index
    bare = [name for name in given if name not in labels and ids is None]
    if rows and bare:
        raise InputError(
            f"{next(iter(rows))} has its cells in another order by its index, but {bare[0]} has no index: give it as "
            "a pandas object with that index, or all as arrays in one order."
        )
    return rows, notes


def _is_numbered(index: Any) -> bool:
    return bool(np.array_equal(np.asarray(index), np.arange(len(index))))
