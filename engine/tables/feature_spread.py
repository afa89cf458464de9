"""Features that say less than they seem to: of one value, or of too few digits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import counted, examples
from .profiles import Profiles

__all__ = ["feature_notes", "few_digits", "with_few_digits"]

#: Numbers that are looked at together.
BLOCK = 2**20
#: Spread of a feature, by its size, below which float32 keeps few digits of it.
FEW_DIGITS = 1e-4
#: Size from which on numbers that differ may be one in float32.
MANY_DIGITS = 1e6
#: Numbers that stand for a missing value in many files, and how much larger than all others they are then.
CODES = (-99.0, -999.0, -9999.0, -99999.0, 999.0, 9999.0, 99999.0)
FAR = 5.0


class _Spread(NamedTuple):
    """How features vary: shape (d,) each, NaN where a value is."""

    flat: npt.NDArray[np.bool_]
    mean: npt.NDArray[np.float64]
    deviation: npt.NDArray[np.float64]


def _spread_of(x: npt.NDArray[np.floating]) -> _Spread:
    """Look at each value once, as its difference to the first row, of which squares lose no digits."""
    first = x[0].astype(np.float64)
    total, squares = np.zeros(x.shape[1]), np.zeros(x.shape[1])
    flat = np.ones(x.shape[1], bool)
    rows = max(BLOCK // x.shape[1], 1)
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, len(x), rows):
            part = x[start : start + rows] - first
            flat &= (part == 0).all(axis=0)
            total += part.sum(axis=0)
            squares += np.einsum("ij,ij->j", part, part)
        mean = total / len(x)
        return _Spread(flat, first + mean, np.sqrt(np.maximum(squares / len(x) - mean * mean, 0)))


def few_digits(x: npt.NDArray[np.floating], names: Sequence[str] | None) -> str:
    """Return a sentence on features that vary so little that float32 keeps few digits of it; empty where none does."""
    return _few_digits(_spread_of(x), names) if x.dtype == np.float32 and len(x) else ""


def with_few_digits(x: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """Return the features of x (n, d) of whose spread float32 keeps few digits, or none though it may be there."""
    spread = _spread_of(x)
    lost = spread.flat & (np.abs(spread.mean) > MANY_DIGITS)
    return np.flatnonzero(lost | (~spread.flat & (spread.deviation < FEW_DIGITS * np.abs(spread.mean))))


def _few_digits(spread: _Spread, names: Sequence[str] | None) -> str:
    found = np.flatnonzero(~spread.flat & (spread.deviation < FEW_DIGITS * np.abs(spread.mean))).tolist()
    if not len(found):
        return ""
    vary = "feature varies" if len(found) == 1 else "features vary"
    shown = examples([names[i] if names is not None else i for i in found])
    return (
        f"{len(found)} {vary} by less than 1e-4 of their size ({shown}): float32, as which files are read, "
        "keeps 7 digits; centre them first, or pass float64 arrays in Python."
    )


def _constant(spread: _Spread, names: Sequence[str]) -> str:
    found = np.flatnonzero(spread.flat & (spread.mean != 0)).tolist()
    if not len(found):
        return ""
    have = "feature has" if len(found) == 1 else "features have"
    as_read = " as float32, which keeps 7 digits" if (np.abs(spread.mean[found]) > MANY_DIGITS).any() else ""
    return (
        f"{len(found)} {have} one value in all profiles{as_read} ({examples([names[i] for i in found])}): that tells "
        "none from another, and draws all directions together under the cosine; leave it out (--features)."
    )


def _codes(x: npt.NDArray[np.floating], names: Sequence[str]) -> str:
    """Name the features that hold a number far from all their others which stands for a missing value in many files."""
    ends = np.stack([x.min(axis=0), x.max(axis=0)])
    found: dict[str, float] = {}
    rows = np.zeros(len(x), bool)
    for code in CODES:
        for i in np.flatnonzero((ends == np.float32(code)).any(axis=0)).tolist():
            is_code = x[:, i] == np.float32(code)
            others = np.abs(x[~is_code, i])
            if len(others) and FAR * float(others.max()) < abs(code):
                found[names[i]] = code
                rows |= is_code
    if not found:
        return ""
    code = next(iter(found.values()))
    return (
        f"{counted(len(found), 'feature holds', 'features hold')} {code:g} or its like, far from all other values "
        f"({examples(found)}), in {counted(int(rows.sum()), 'profile')}: if it stands for a missing value, leave the "
        "cell empty."
    )


def feature_notes(profiles: Profiles) -> list[str]:
    """Name the features of which float32, as which files are read, keeps few digits, and those of one value."""
    if len(profiles) < 2:
        return []
    spread = _spread_of(profiles.features)
    names = profiles.feature_names
    notes = (_few_digits(spread, names), _constant(spread, names), _codes(profiles.features, names))
    return [note for note in notes if note]
