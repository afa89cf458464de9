"""Profiles in CSV and TSV files, and from text to types.

Metadata is read as text and typed afterwards, over all files at once (`type_text`), because a plate called ``001`` is
not the number 1. Features are parsed straight to float64; only a file in which that fails is read a second time, as
text, to say which column and which values are at fault.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from ..errors import InputError, counted
from ..tables.frames import with_series
from ..tables.labels import is_missing_text, missing_texts
from ..tables.profiles import Profiles, Source
from .column_roles import FeatureChoice, features_of, plan_columns, words_to_metadata
from .text_table import cut_off_notes, expanded_text, read_header, text_frame

__all__ = ["not_numbers", "parse_numbers", "read_text", "type_text", "without_missing_text"]


def read_text(path: Path, shown: str, separator: str, choice: FeatureChoice) -> Profiles:
    """Read one CSV or TSV file; metadata columns stay text, features may hold NaN.

    Parameters
    ----------
    path : Path
    shown : str
        The path as the user gave it, for messages.
    separator : str
        ``","`` or a tab.
    choice : FeatureChoice
        Selects the features, see `plan_columns`.

    Raises
    ------
    InputError
        For damaged compression, text that is not UTF-8, rows that do not fit the header, no rows, and
        feature columns that are not numbers.
    """
    content = path.read_bytes()
    digest, n_bytes = hashlib.sha256(content).hexdigest(), len(content)
    text = expanded_text(content, path, shown)
    del content
    plan = plan_columns(read_header(io.BytesIO(text), shown, separator), shown, choice)
    notes = cut_off_notes(text[-1:], shown)
    frame = text_frame(text, shown, separator, [*plan.metadata, *plan.features], plan.features)
    n_empty = _count_blank_lines(text)
    del text
    plan = words_to_metadata(plan, frame, shown, choice)
    notes = [*plan.notes, *notes]
    texts = [name for name in plan.features if frame.schema[name] == pl.String]
    frame = frame.with_columns(_to_number(frame[name], shown, notes) for name in texts)
    if any(frame[name].null_count() for name in plan.features):
        empty = frame.select(pl.all_horizontal(pl.all().is_null())).to_series()
        n_empty += int(empty.sum())
        frame = frame.filter(~empty)
    if n_empty:
        notes.append(f"'{shown}': {counted(n_empty, 'empty row was', 'empty rows were')} dropped.")
    if not frame.height:
        raise InputError(f"'{shown}' has a header but no rows.")
    features = features_of(frame, plan.features, shown)
    source = Source(shown, digest, n_bytes, frame.height)
    metadata = frame.select(plan.metadata)
    return Profiles(metadata, features, tuple(plan.features), (source,), tuple(notes), tuple(plan.left_out))


def _count_blank_lines(text: bytes) -> int:
    """Count the lines without anything on them, those in quoted cells left out."""
    if b"\n\n" not in text and b"\n\r\n" not in text:
        return 0
    return len(re.findall(rb"\n(?=\r?\n)", re.sub(rb'"[^"]*"', b"", text) if b'"' in text else text))


class ParsedNumbers(NamedTuple):
    """Text parsed as float64.

    Attributes
    ----------
    number : polars.Series
        Null also where the text is no number.
    text : polars.Series
        The text without white space around it, and with nulls.
    odd : polars.Series
        The texts that are no numbers, in order.
    """

    number: pl.Series
    text: pl.Series
    odd: pl.Series


def parse_numbers(values: pl.Series, missing: Collection[str]) -> ParsedNumbers:
    """Parse text as float64; white space around a number is nothing, the texts of `missing` are nulls."""
    text = values.str.strip_chars()
    text = text.set(text.is_in(list(missing)), None)
    number = text.cast(pl.Float64, strict=False)
    return ParsedNumbers(number, text, text.filter(number.is_null() & text.is_not_null()))


def _to_number(values: pl.Series, shown: str, notes: list[str]) -> pl.Series:
    parsed = parse_numbers(values, missing_texts())
    number, text, odd = parsed
    if not len(odd):
        return number
    if text.drop_nulls().is_in(["True", "False", "true", "false", "TRUE", "FALSE"]).all():
        notes.append(f"'{shown}': column {values.name!r} holds true and false, read as 1 and 0.")
        return text.str.to_lowercase().eq("true").cast(pl.Float64).set(text.is_null(), None).alias(values.name)
    raise InputError(f"'{shown}': column {values.name!r} holds {not_numbers(parsed, _ADVICE)}")


_ADVICE = "name it in a rule, rename it to Metadata_..., or choose the features with a pattern (--features)"


def not_numbers(parsed: ParsedNumbers, advice: str, header: int = 1) -> str:
    """Say which texts of a column are no numbers, in which rows, behind as many rows of a header, and what helps."""
    rows = (parsed.number.is_null() & parsed.text.is_not_null()).arg_true()
    first: dict[str, int] = {}
    for row, text in zip(rows, parsed.odd, strict=True):
        first.setdefault(text, row)
    shown = ", ".join(f"{text!r} in row {first[text] + header + 1}" for text in list(first)[:3])
    rest = f" and {len(first) - 3} more" if len(first) > 3 else ""
    if parsed.text.name in first:
        return f"its own name in row {first[parsed.text.name] + header + 1}: the header is repeated; take that row out."
    count = counted(len(parsed.odd), "value that is not a number", "values that are not numbers")
    return f"{count} ({shown}{rest}); {advice}."


# --- metadata: from text to types ---

_INTEGER = r"^(0|-?[1-9][0-9]{0,17})$"
_DECIMAL = r"^-?(0|[1-9][0-9]{0,14})(\.[0-9]+)?(e[+-][0-9]{2,3})?$"


def without_missing_text(
    frames: Sequence[pl.DataFrame], missing: Collection[str]
) -> tuple[list[pl.DataFrame], list[str]]:
    """Make null what means missing in the text columns of metadata; a note counts the texts, the empty one apart.

    Parameters
    ----------
    frames : sequence of polars.DataFrame
        Metadata of one file each.
    missing : collection of str
        Texts that mean missing, white space around them apart.

    Returns
    -------
    frames : list of polars.DataFrame
    notes : list of str
    """
    texts: Counter[tuple[str, str]] = Counter()
    cleaned = list(frames)
    for position, frame in enumerate(frames):
        replaced = []
        for series in (series for series in frame if series.dtype == pl.String):
            gone = is_missing_text(series, missing).fill_null(False)
            if gone.any():
                found = series.filter(gone).str.strip_chars()
                texts.update((series.name, text) for text in found.to_list() if text)
                replaced.append(series.set(gone, None))
        cleaned[position] = with_series(frame, replaced) if replaced else frame
    if not texts:
        return cleaned, []
    parts = [f"{text!r} in {name} ({count})" for (name, text), count in sorted(texts.items())]
    return cleaned, [f"Metadata cells taken as empty: {', '.join(parts)}."]


def type_text(frames: Sequence[pl.DataFrame]) -> list[pl.DataFrame]:
    """Type the text metadata of several files, each column by its values in all files.

    A column becomes a number only when no text is lost by it: Int64 when every value is an integer as Python
    prints it (so ``001``, ``+1`` and ``-0`` keep a column text), Float64 when every value is such an integer
    or a decimal (``0.5``, ``1e-05``), Boolean when every value is ``True`` or ``False`` (or every value
    ``true`` or ``false``).

    Parameters
    ----------
    frames : sequence of polars.DataFrame
        Metadata of one file each, all columns text, null where it is missing.

    Returns
    -------
    list of polars.DataFrame
        The same frames, typed; a column has one type in all of them.
    """
    names = list(dict.fromkeys(name for frame in frames for name in frame.columns))
    types = {}
    for name in names:
        values = pl.concat([frame[name].drop_nulls().unique() for frame in frames if name in frame.columns])
        types[name] = _text_type(values)
    return [frame.with_columns(_cast(frame[name], types[name]) for name in frame.columns) for frame in frames]


def _text_type(values: pl.Series) -> type[pl.DataType]:
    if not len(values):
        return pl.String
    if values.str.contains(_INTEGER).all():
        return pl.Int64
    if values.str.contains(_DECIMAL).all() and bool(np.isfinite(values.cast(pl.Float64).to_numpy()).all()):
        return pl.Float64
    if values.is_in(["True", "False"]).all() or values.is_in(["true", "false"]).all():
        return pl.Boolean
    return pl.String


def _cast(values: pl.Series, dtype: type[pl.DataType]) -> pl.Series:
    if dtype == pl.Boolean:
        lowered = values.str.to_lowercase()
        return lowered.eq("true").alias(values.name)
    return values.cast(dtype)
