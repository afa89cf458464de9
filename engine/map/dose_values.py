"""Doses as tables write them: numbers, or text of a number and a unit, ``10.0 uM`` or ``0.5nM``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from ..errors import InputError, counted, examples
from ..tables.frames import near_duplicate_labels

__all__ = ["Doses", "dose_column", "dose_notes", "read_doses"]

#: Column names that mean a dose, in any case.
_DOSE = re.compile(r"dose|dosage|(?:^|_)conc(?:$|_|entration)|molar|mmoles", re.IGNORECASE)
_NUMBER = r"^\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([^\d\s.,+-].*?)?\s*$"
_PREFIXES = {"": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}
_MICRO = re.compile("[\u00b5\u03bc]")  # two characters that look alike
#: Units by kind, behind their prefix: amount of substance by volume, and mass by volume, in mol/l and g/l.
_UNITS = {
    "molar": {"M": 1.0, "mol/l": 1.0, "mol/L": 1.0},
    "mass": {"g/l": 1.0, "g/L": 1.0, "g/ml": 1e3, "g/mL": 1e3, "g/ul": 1e6, "g/uL": 1e6},
}
_FACTORS = {
    f"{prefix}{unit}": (kind, factor * size)
    for kind, units in _UNITS.items()
    for unit, size in units.items()
    for prefix, factor in _PREFIXES.items()
}
#: Spellings that mean one unit whatever their case: ``um`` and ``UM`` are uM; ``mm`` may be either of two.
_ANY_CASE = {f"{prefix}m": f"{prefix}M" for prefix in "unpf"} | {"mmol/l": "mmol/l"}


class Doses(NamedTuple):
    """A column of doses.

    Attributes
    ----------
    values : polars.Series of float64, or None
        In `unit`, null where there is none; None where they cannot be read.
    unit : str
        Unit that most values are written in; empty for plain numbers.
    reason : str
        Why they cannot be read.
    """

    values: pl.Series | None
    unit: str = ""
    reason: str = ""


def read_doses(column: pl.Series) -> Doses:
    """Read doses: numbers, or text of numbers with units of one kind (molar, or mass by volume).

    Parameters
    ----------
    column : polars.Series
        Numbers or text; null, and text of no dose at all, where there is none. A 0 needs no unit.
    """
    if column.null_count() == len(column):
        return Doses(None, reason="it holds no value")
    if column.dtype.is_numeric():
        return Doses(column.cast(pl.Float64))
    if column.dtype != pl.String:
        return Doses(None, reason=f"it holds {column.dtype}, not numbers")
    parts = column.str.extract_groups(_NUMBER).struct
    number = parts.field("1").cast(pl.Float64, strict=False)
    texts = parts.field("2").fill_null("")
    odd = column.filter(number.is_null() & column.is_not_null()).unique(maintain_order=True)
    if len(odd):
        return Doses(None, reason=f"{examples(odd, 3)} {'is no number' if len(odd) == 1 else 'are no numbers'}")
    written = texts.filter(number.is_not_null() & ((number != 0) | (texts != "")))
    units = {text: _unit(text) for text in written.unique(maintain_order=True).to_list()}
    unknown = [text for text, unit in units.items() if text and unit not in _FACTORS]
    if unknown and len(units) > 1:
        return Doses(None, reason=f"the unit {examples(unknown, 3)} is not known beside others")
    if unknown or set(units) <= {""}:  # one unit throughout, whatever it is
        return Doses(number, unknown[0] if unknown else "")
    if "" in units:
        return Doses(None, reason=f"some doses have a unit ({examples(filter(None, units), 3)}) and others none")
    kinds = {_FACTORS[unit][0] for unit in units.values()}
    if len(kinds) > 1:
        return Doses(None, reason=f"units are of several kinds ({examples(units, 3)})")
    most = written.value_counts(sort=True).row(0)[0]
    factors = {text: _FACTORS[unit][1] / _FACTORS[units[most]][1] for text, unit in units.items()}
    scale = texts.replace_strict(factors, default=1.0, return_dtype=pl.Float64)
    return Doses((number * scale).round_sig_figs(12), _shown(units[most]))


def _unit(text: str) -> str:
    """Return a unit as `_FACTORS` has it, where it is one of them."""
    plain = _MICRO.sub("u", text)
    return _ANY_CASE.get(plain.lower(), plain) if plain not in _FACTORS else plain


def _shown(unit: str) -> str:
    return f"\u00b5{unit[1:]}" if unit.startswith("u") else unit


def dose_column(frame: pl.DataFrame, group_by: Sequence[str], asked: str = "") -> str:
    """Find the grouping column that holds doses.

    Parameters
    ----------
    frame : polars.DataFrame
        Profiles or groups, with the grouping columns.
    group_by : sequence of str
        The grouping columns.
    asked : str, default ""
        The column that was named for it; found by its name when left out.

    Returns
    -------
    str
        Empty where there is none: two grouping columns are needed, and more than one dose.

    Raises
    ------
    InputError
        When the column that was named is no grouping column, stands alone, or holds no doses.
    """
    if asked:
        if asked not in group_by or len(group_by) < 2:
            raise InputError(
                f"--dose names {asked!r}, but groups are made of {examples(group_by)}; name the compound and the dose "
                "in --group-by (or --pos-sameby)."
            )
        if (found := read_doses(frame[asked])).values is None:
            raise InputError(f"--dose {asked!r} must hold numbers, with units of one kind or none, but {found.reason}.")
        return asked
    named = [name for name in _named(group_by) if read_doses(frame[name]).values is not None]
    return named[0] if len(named) == 1 and len(group_by) > 1 and frame[named[0]].n_unique() > 1 else ""


def _named(group_by: Sequence[str]) -> list[str]:
    return [name for name in group_by if _DOSE.search(name)]


def dose_notes(frame: pl.DataFrame, group_by: Sequence[str], asked: str = "") -> list[str]:
    """Say why there is no figure of doses although a grouping column is called so, and which doses are equal.

    Parameters
    ----------
    frame, group_by, asked
        As in `dose_column`.
    """
    chosen = dose_column(frame, group_by, asked)
    named = _named(group_by)
    if not chosen:
        if len(group_by) < 2 or not named:
            return []
        reasons = [f"{name!r}: {why}" for name in named if (why := read_doses(frame[name]).reason)]
        if not reasons and len(named) > 1:
            reasons = [f"{examples(named)} may each be the dose; --dose names one"]
        return [f"No figure of mAP by dose: {'; '.join(reasons)}."] if reasons else []
    values = read_doses(frame[chosen]).values
    distinct = pl.DataFrame({"text": frame[chosen], "dose": values}).drop_nulls().unique(maintain_order=True)
    same = distinct.filter(pl.col("dose").is_duplicated()).sort("dose", maintain_order=True)
    if not same.height or near_duplicate_labels({chosen: same["text"]}):  # those are said anyway
        return []
    n = same["dose"].n_unique()
    pair = examples(same.filter(pl.col("dose") == same["dose"][0])["text"])
    return [
        f"{counted(n, 'dose is', 'doses are')} written in several ways in {chosen!r} ({pair}), which make groups of "
        "their own: write them in one."
    ]
