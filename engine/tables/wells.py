"""Plates and wells as tables write them: which columns name them, and which texts are one well."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import polars as pl

__all__ = ["PLATE", "WELL", "column_spelled", "names_plate_or_well", "plain_wells"]

PLATE: Final = "Metadata_Plate"
WELL: Final = "Metadata_Well"
_START: Final = r"(meta(data)?[._ ]?)?"
_SPELLED: Final = {
    PLATE: re.compile(_START + r"(assay[._ ]?)?plate([._ ]?(id|name|barcode))*", re.IGNORECASE),
    WELL: re.compile(_START + r"well([._ ]?(id|name|position|pos))*", re.IGNORECASE),
}


def names_plate_or_well(name: str) -> bool:
    """Return whether a column names plates or wells: ``plate``, ``Plate_ID``, ``well``, ``WellName`` ..."""
    return any(pattern.fullmatch(name) for pattern in _SPELLED.values())


def column_spelled(wanted: str, names: Iterable[str]) -> str | None:
    """Find a column by its name, and one of plates or wells in any usual spelling.

    Parameters
    ----------
    wanted : str
        A column, such as ``Metadata_Plate`` or ``well``.
    names : iterable of str
        Those there are.

    Returns
    -------
    str or None
        The column of that name; else the only one that names plates (or wells), where `wanted` does; else None.
    """
    known = list(names)
    if wanted in known:
        return wanted
    for usual, pattern in _SPELLED.items():
        if pattern.fullmatch(wanted):
            found = [usual] if usual in known else [name for name in known if pattern.fullmatch(name)]
            return found[0] if len(found) == 1 else None
    return None


def plain_wells(values: pl.Series) -> pl.Series:
    """Write wells as maps of plates of up to 1536 do: ``a1`` and ``A1`` are ``A01``; other text stays.

    Parameters
    ----------
    values : polars.Series of n texts

    Returns
    -------
    polars.Series of n texts
    """
    parts = values.str.to_uppercase().str.extract_groups(r"^\s*([A-Z]|A[A-F])0*([1-9]|[1-4][0-9])\s*$").struct
    padded = parts.field("1") + parts.field("2").str.zfill(2)
    return padded.fill_null(values).alias(values.name)
