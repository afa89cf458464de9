"""What vectors look like: equal, copies, of few digits, one dimension above all others or no dimension at all."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ...errors import counted, examples
from ...tables.copies import equal_rows
from ...tables.dominance import dominant_feature
from ...tables.feature_spread import with_few_digits

__all__ = ["vector_notes"]

#: Names of one stem and a number, from so many on, are told from all others.
_SERIES = 3
_NUMBERED = re.compile(r"(.*?)\d+", re.DOTALL)


def vector_notes(
    name: str, x: npt.NDArray[np.float32], names: Sequence[str] | None, rows: npt.NDArray[np.int64]
) -> list[str]:
    """Say what of an embedding is probably not as it was meant.

    Parameters
    ----------
    name : str
        Its name.
    x : ndarray of float32, shape (n, d)
        Its vectors.
    names : sequence of str or None
        Names of its dimensions.
    rows : ndarray of int64, shape (n,)
        Where they were read.
    """
    few = with_few_digits(x)
    notes = []
    if len(few):
        shown = examples([str(names[i]) if names else str(i) for i in few.tolist()])
        notes.append(
            f"{name!r}: {len(few)} of {x.shape[1]} dimensions vary by less than 1e-4 of their size ({shown}), and "
            "float32, in which vectors are judged, keeps 7 digits: subtract the mean of each dimension first."
        )
    if (x == x[:1]).all():
        return [*notes, f"All vectors of {name!r} are equal: no metric is defined."]
    if others := _named_otherwise(names or ()):
        notes.append(
            f"{name!r}: {examples(others, 8)} {'is' if len(others) == 1 else 'are'} taken for vectors, but not named "
            "like the other columns; what tells something about cells does not belong in that table."
        )
    if sentence := dominant_feature(x, names, "euclidean"):
        notes.append(f"{name!r}: {sentence}")
    first, copy = equal_rows(x)
    if len(copy):
        notes.append(
            f"{name!r}: {counted(len(copy), 'cell has', 'cells have')} the very vector of another, such as rows "
            f"{rows[first[0]]} and {rows[copy[0]]}: copies are nearest to each other; if it is one cell, leave one out."
        )
    return notes


def _named_otherwise(names: Sequence[str]) -> list[str]:
    """Return the names that are not of the stem that most others share before a number."""
    stems = {name: found[1] for name in names if (found := _NUMBERED.fullmatch(name))}
    counts = Counter(stems.values()).most_common(1)
    if not counts or counts[0][1] < _SERIES or 2 * counts[0][1] <= len(names):
        return []
    return [name for name in names if stems.get(name) != counts[0][0]]
