"""Profiles that are copies of another: their features are equal, and their metadata may be too."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from ..errors import counted, examples
from .profiles import Profiles
from .wells import PLATE, WELL, column_spelled

__all__ = ["copy_notes", "equal_rows"]

#: Features that are looked at first: rows that differ in one of them are no copies.
_LOOKED_AT = 8


def copy_notes(profiles: Profiles) -> list[str]:
    """Say how many profiles are copies of an earlier one.

    Parameters
    ----------
    profiles : Profiles
        n profiles.

    Returns
    -------
    list of str
        A sentence on those that equal another in features and metadata, and one on those that equal another in features
        alone. Rows that hold NaN, or 0 throughout, are no copies.
    """
    first, copy = equal_rows(profiles.features)
    metadata = profiles.metadata
    differs = pl.DataFrame({name: metadata[name][copy].ne_missing(metadata[name][first]) for name in metadata.columns})
    other = differs.select(pl.any_horizontal(pl.all())).to_series().to_numpy() if differs.width else copy < 0
    notes = []
    if n := int((~other).sum()):
        wells = [found for usual in (PLATE, WELL) if (found := column_spelled(usual, metadata.columns))]
        one_a_well = f", or take one a well (--consensus {','.join(wells)})" if len(wells) == 2 else ""
        notes.append(
            f"{counted(n, 'profile is a copy', 'profiles are copies')} of another (equal features and metadata), such "
            f"as {_pair(first, copy, ~other)}: each ranks its copy first, which raises average precision; leave copies "
            f"out{one_a_well}."
        )
    if n := int(other.sum()):
        counts = {name: int(differs[name].sum()) for name in differs.columns}
        names = sorted((name for name in counts if counts[name]), key=lambda name: -counts[name])
        notes.append(
            f"{counted(n, 'profile has', 'profiles have')} the very features of another, but other metadata "
            f"({examples(names, 3)}), such as {_pair(first, copy, other)}: each ranks the other first. A join leaves "
            "such rows where a well has several values, which belong in one cell (--multilabel)."
        )
    return notes


def _pair(first: npt.NDArray[np.int64], copy: npt.NDArray[np.int64], which: npt.NDArray[np.bool_]) -> str:
    place = int(np.flatnonzero(which)[0])
    return f"rows {first[place]} and {copy[place]}"


def equal_rows(x: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the rows of x (n, d) that equal an earlier one, and for each the first that it equals."""
    looked_at = np.unique(np.linspace(0, x.shape[1] - 1, _LOOKED_AT).astype(int))
    some = pl.DataFrame({str(i): np.ascontiguousarray(x[:, i]) for i in looked_at})
    rows = np.flatnonzero(some.is_duplicated().to_numpy())
    seen: dict[bytes, int] = {}
    pairs = []
    for row in rows.tolist():
        values = x[row]
        if not np.isfinite(values).all() or not values.any():
            continue
        earlier = seen.setdefault(values.tobytes(), row)
        if earlier != row:
            pairs.append((earlier, row))
    found = np.array(pairs, np.int64).reshape(-1, 2)
    return found[:, 0], found[:, 1]
