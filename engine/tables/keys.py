"""Columns of two tables that are compared by value."""

from __future__ import annotations

import polars as pl

__all__ = ["comparable"]


def comparable(one: pl.Series, other: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Bring two columns to one type in which equal values are equal; what is missing stays so.

    Parameters
    ----------
    one, other : polars.Series
        Text, numbers or booleans. White space around text is nothing; a number beside text is the text of it, ``1`` for
        1.0.

    Returns
    -------
    one, other : polars.Series
        Of one type.
    """
    if one.dtype.is_integer() and other.dtype.is_integer():
        return one.cast(pl.Int128), other.cast(pl.Int128)
    if one.dtype.is_numeric() and other.dtype.is_numeric():
        return one.cast(pl.Float64).fill_nan(None), other.cast(pl.Float64).fill_nan(None)
    if one.dtype == other.dtype == pl.Boolean:
        return one, other
    return _text(one), _text(other)


def _text(values: pl.Series) -> pl.Series:
    if values.dtype.is_float():
        values = values.fill_nan(None)
        whole = values.cast(pl.Int64, strict=False)
        is_whole = whole.cast(pl.Float64) == values
        return whole.cast(pl.String).zip_with(is_whole.fill_null(False), values.cast(pl.String))
    text = values.cast(pl.String).str.strip_chars()
    return text.set(text == "", None)
