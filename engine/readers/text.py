"""Reading CSV and TSV profiles, plain or gzip-compressed.

Metadata is read as text and typed afterwards, over all files at once (`type_text`), because a plate called
``001`` is not the number 1. Features are parsed straight to float64; only a file in which that fails is read
a second time, as text, to say which column and which values are at fault.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import re
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import polars as pl

from ..errors import InputError, examples
from ..tables.profiles import Profiles, Source
from .column_roles import ColumnPlan, features_of, plan_columns

__all__ = ["NULL_TOKENS", "expand", "is_gzip", "parse_numbers", "read_header", "read_text", "type_text"]

# What pandas reads as missing, for users who come from there; the empty cell is always missing.
NULL_TOKENS = ("NA", "NaN", "nan", "null", "NULL", "None", "N/A", "#N/A")

# A gzip file that expands beyond the first bound, or beyond the second at more than the ratio, is refused.
# DEFLATE cannot exceed about 1030 to 1, and tables of numbers are far below 100 to 1.
MAX_EXPANDED_BYTES = 64 * 2**30
SUSPECT_EXPANDED_BYTES = 2**30
SUSPECT_RATIO = 1000


def read_text(path: Path, shown: str, separator: str, pattern: re.Pattern[str] | None) -> Profiles:
    """Read one CSV or TSV file; metadata columns stay text, features may hold NaN.

    Parameters
    ----------
    path : Path
    shown : str
        The path as the user gave it, for messages.
    separator : str
        ``","`` or a tab.
    pattern : re.Pattern, optional
        Selects the features, see `plan_columns`.

    Raises
    ------
    InputError
        For damaged compression, text that is not UTF-8, rows that do not fit the header, no rows, and
        feature columns that are not numbers.
    """
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    n_bytes = len(data)
    if is_gzip(data[:2], path, shown):
        data = expand(data, shown)
    header = read_header(io.BytesIO(data), shown, separator)
    plan = plan_columns(header, shown, pattern)
    notes = list(plan.notes)
    if data[-1:] not in (b"\n", b"\r"):
        notes.append(f"{shown} does not end with a line break; if it was cut off, its last row may be incomplete")
    frame = _parse(data, shown, separator, header, plan, notes)
    del data
    if any(frame[name].null_count() for name in plan.features):
        empty = frame.select(pl.all_horizontal(pl.all().is_null())).to_series()
        if empty.any():
            notes.append(f"{shown}: {empty.sum()} empty rows were dropped")
            frame = frame.filter(~empty)
    if not frame.height:
        raise InputError(f"{shown} has a header but no rows")
    features = features_of(frame, plan.features, shown)
    source = Source(shown, digest, n_bytes, frame.height)
    return Profiles(frame.select(plan.metadata), features, tuple(plan.features), (source,), tuple(notes))


def is_gzip(start: bytes, path: Path, shown: str) -> bool:
    """Tell by its first two bytes whether a file is gzip-compressed, or refuse it where its name says otherwise."""
    if start == b"\x1f\x8b":
        return True
    if path.suffix == ".gz":
        raise InputError(f"{shown} is named .gz but is not gzip-compressed; rename it or compress it")
    return False


def expand(data: bytes, shown: str) -> bytes:
    """Decompress gzip within bounds; damaged or cut-off data raises."""
    bound = min(MAX_EXPANDED_BYTES, max(SUSPECT_EXPANDED_BYTES, SUSPECT_RATIO * len(data)))
    try:
        stream = zlib.decompressobj(31)  # 31: gzip, with its checksum verified
        expanded = stream.decompress(data, bound + 1)
        if len(expanded) <= bound and stream.unused_data:  # several members, as bgzip writes
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as members:
                expanded = members.read(bound + 1)
        elif len(expanded) <= bound and not stream.eof:
            raise EOFError
    except (zlib.error, EOFError, OSError) as error:
        raise InputError(
            f"{shown} is damaged or cut off: its gzip data do not decompress ({error or 'the end is missing'}); get "
            "the file again"
        ) from error
    if len(expanded) > bound:
        raise InputError(
            f"{shown} expands from {len(data)} bytes to more than {bound}, which no table of profiles does; if the "
            "file is genuine, decompress it first"
        )
    return expanded


def read_header(stream: BinaryIO, shown: str, separator: str) -> list[str]:
    """Read the names of the columns from the start of a CSV or TSV file; only the first may be empty."""
    # Read apart from Polars, which renames duplicate columns instead of refusing them.
    try:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
        names = next(csv.reader(text, delimiter=separator), [])
    except UnicodeDecodeError as error:
        raise InputError(
            f"{shown} is not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8"
        ) from error
    except csv.Error as error:
        raise InputError(f"{shown} has a header that cannot be read: {error}") from error
    if not names:
        raise InputError(f"{shown} is empty: it has no header")
    other = {"\t": ",", ",": "\t"}[separator]
    for wrong, word in ((other, "tabs" if other == "\t" else "commas"), (";", "semicolons")):
        if len(names) == 1 and wrong in names[0]:
            raise InputError(
                f"{shown} seems to be separated by {word}, not by {'tabs' if separator == chr(9) else 'commas'}; name "
                "comma-separated files .csv and tab-separated files .tsv"
            )
    blank = [position for position, name in enumerate(names) if not name and position]
    if blank:
        raise InputError(f"{shown} has columns without a name, at positions {examples(blank)}; name or drop them")
    return names


def _parse(
    data: bytes, shown: str, separator: str, header: Sequence[str], plan: ColumnPlan, notes: list[str]
) -> pl.DataFrame:
    numbers = set(plan.features)
    schema: dict[str, type[pl.DataType]] = {n: pl.Float64 if n in numbers else pl.String for n in header}
    wanted = [*plan.metadata, *plan.features]
    try:
        return pl.read_csv(data, separator=separator, schema=schema).select(wanted)
    except pl.exceptions.PolarsError:
        pass
    try:
        frame = pl.read_csv(data, separator=separator, schema=dict.fromkeys(header, pl.String)).select(wanted)
    except pl.exceptions.PolarsError as error:
        reason = str(error).partition("\n")[0]
        if "more fields" in reason:
            reason = f"a row has more fields than the header has columns ({len(header)})"
        raise InputError(f"{shown} cannot be read as a table: {reason}") from error
    converted = [_to_number(frame[name], shown, notes) for name in plan.features]
    return frame.with_columns(converted)


def parse_numbers(values: pl.Series) -> tuple[pl.Series, pl.Series, pl.Series]:
    """Parse text as float64; white space around a number is nothing, the empty text and `NULL_TOKENS` are nulls.

    Returns
    -------
    number : polars.Series
        Null also where the text is no number.
    text : polars.Series
        The text without white space around it, and with nulls.
    odd : polars.Series
        The texts that are no numbers, in order.
    """
    text = values.str.strip_chars()
    text = text.set(text.is_in(["", *NULL_TOKENS]), None)
    number = text.cast(pl.Float64, strict=False)
    return number, text, text.filter(number.is_null() & text.is_not_null())


def _to_number(values: pl.Series, shown: str, notes: list[str]) -> pl.Series:
    number, text, odd = parse_numbers(values)
    if not len(odd):
        return number
    if text.drop_nulls().is_in(["True", "False", "true", "false", "TRUE", "FALSE"]).all():
        notes.append(f"{shown}: column {values.name!r} holds true and false, read as 1 and 0")
        return text.str.to_lowercase().eq("true").cast(pl.Float64).set(text.is_null(), None).alias(values.name)
    raise InputError(
        f"{shown}: column {values.name!r} holds {len(odd)} values that are not numbers: "
        f"{examples(odd.unique(maintain_order=True), 3)}; rename it to Metadata_... or choose the features "
        "with a pattern"
    )


# --- metadata: from text to types ---

_INTEGER = r"^(0|-?[1-9][0-9]{0,17})$"
_DECIMAL = r"^-?(0|[1-9][0-9]{0,14})(\.[0-9]+)?(e[+-][0-9]{2,3})?$"


def type_text(frames: Sequence[pl.DataFrame]) -> tuple[list[pl.DataFrame], list[str]]:
    """Type the text metadata of several files, each column by its values in all files.

    A column becomes a number only when no text is lost by it: Int64 when every value is an integer as Python
    prints it (so ``001``, ``+1`` and ``-0`` keep a column text), Float64 when every value is such an integer
    or a decimal (``0.5``, ``1e-05``), Boolean when every value is ``True`` or ``False`` (or every value
    ``true`` or ``false``). The empty cell and the tokens of `NULL_TOKENS` are nulls; a note counts the
    tokens.

    Parameters
    ----------
    frames : sequence of polars.DataFrame
        Metadata of one file each, all columns text.

    Returns
    -------
    frames : list of polars.DataFrame
        The same frames, typed; a column has one type in all of them.
    notes : list of str
    """
    names = list(dict.fromkeys(name for frame in frames for name in frame.columns))
    tokens: Counter[tuple[str, str]] = Counter()
    cleaned = list(frames)
    for position, frame in enumerate(frames):
        for name in frame.columns:
            found = frame[name].filter(frame[name].is_in(list(NULL_TOKENS)))
            tokens.update((name, token) for token in found)
        cleaned[position] = frame.with_columns(pl.when(pl.all().is_in(["", *NULL_TOKENS]).not_()).then(pl.all()))
    types = {}
    for name in names:
        values = pl.concat([frame[name].drop_nulls().unique() for frame in cleaned if name in frame.columns])
        types[name] = _text_type(values)
    typed = [frame.with_columns(_cast(frame[name], types[name]) for name in frame.columns) for frame in cleaned]
    notes = []
    if tokens:
        parts = [f"{token!r} in {name} ({count})" for (name, token), count in sorted(tokens.items())]
        notes.append("metadata cells taken as empty: " + ", ".join(parts))
    return typed, notes


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
