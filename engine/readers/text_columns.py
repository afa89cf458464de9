"""Single columns of CSV and TSV files, plain or gzip-compressed, as Arrow arrays."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError
from .column_roles import refuse_repeated
from .profiles import TEXT, format_of
from .text import expand, is_gzip, read_header

__all__ = ["text_columns", "text_names"]

# How much of a file is looked at for its header; the parser, too, wants each row to be shorter.
_HEADER_BYTES = 2**20
# Files from this size on are parsed by all cores. Below it one core is as fast, and leaves the others to other files.
_PARALLEL_BYTES = 2**28


def text_names(path: Path, shown: str) -> list[str]:
    """Read the header of a CSV or TSV file; only the first name may be empty, and none comes twice."""
    try:
        with path.open("rb") as handle:
            packed = is_gzip(handle.read(2), path, shown)
            handle.seek(0)
            with gzip.GzipFile(fileobj=handle) if packed else handle as stream:
                start = stream.read(_HEADER_BYTES)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{shown} is damaged or cut off: its gzip data do not decompress ({error})") from error
    names = read_header(io.BytesIO(start), shown, TEXT[format_of(path)])
    refuse_repeated(names, shown)
    return names


def text_columns(path: Path, shown: str, names: Sequence[str], numbers: Collection[str]) -> dict[str, Any]:
    """Read some columns of a CSV or TSV file.

    Parameters
    ----------
    path : Path
    shown : str
        The path as the user gave it, for messages.
    names : sequence of str
        The columns; all of them are there.
    numbers : collection of str
        Those to be parsed as float64. They come as text nevertheless when a value of any of them is no number.

    Returns
    -------
    dict of str to pyarrow.ChunkedArray
        Text, in which the empty cell is null, or float64.

    Raises
    ------
    InputError
        For damaged compression, text that is not UTF-8, and rows that do not fit the header.
    """
    import pyarrow as pa

    with path.open("rb") as handle:
        packed = is_gzip(handle.read(2), path, shown)
    expanded = pa.py_buffer(expand(path.read_bytes(), shown)) if packed else None
    reason = ""
    for chosen in (numbers, ()) if numbers else ((),):
        types = {name: pa.float64() if name in chosen else pa.string() for name in names}
        try:
            with pa.OSFile(str(path)) if expanded is None else pa.BufferReader(expanded) as stream:
                table = _parse(stream, types, TEXT[format_of(path)])
            return {name: table[name] for name in names}
        except pa.ArrowInvalid as error:
            reason = str(error)
    raise InputError(_why(reason, shown))


def _parse(stream: Any, types: dict[str, Any], separator: str) -> Any:
    """Parse CSV with Arrow, which refuses rows that do not fit the header; Polars fills or cuts them silently."""
    from pyarrow import csv

    return csv.read_csv(
        stream,
        read_options=csv.ReadOptions(use_threads=stream.size() >= _PARALLEL_BYTES, block_size=_HEADER_BYTES),
        parse_options=csv.ParseOptions(delimiter=separator, newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            include_columns=list(types), column_types=types, null_values=[""], strings_can_be_null=True
        ),
    )


def _why(reason: str, shown: str) -> str:
    """Say in a sentence why Arrow does not parse a CSV file."""
    match = re.search(r"(?:Row #(\d+): )?Expected (\d+) columns, got (\d+): (.*)", reason, re.DOTALL)
    if match:
        row, expected, got, text = match.groups()
        return (
            f"{shown}: {'row ' + row if row else 'a row'} has {got} fields, but the header has {expected}: "
            f"{text[:80]!r}; get the file again, or mend the row"
        )
    if "UTF8" in reason:
        return f"{shown} is not UTF-8 text; save it as UTF-8"
    return f"{shown} cannot be read as a table: {reason.partition(chr(10))[0]}"
