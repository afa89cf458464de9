"""The one reader of tables as text, CSV and TSV, plain or gzip-compressed.

Profiles, cells, keys of vectors, manifests, crosswalks and packaged tables are all read by `text_frame` or
`text_columns`, with the CSV reader of Arrow. So a row with fewer or more fields than the header, which says that a
file was cut off or a quote is missing, is refused in all of them with one sentence. Blank lines are no rows, and the
empty cell is null. The header is read apart, by Python: Arrow takes columns of the same name as they are.
"""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import math
import mmap
import re
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

import polars as pl

from ..errors import InputError, examples
from .column_roles import refuse_repeated
from .errors import damaged_gzip_error, first_line
from .formats import TEXT, format_of
from .integrity.expansion import expand

__all__ = ["cut_off_notes", "expanded_text", "read_header", "text_columns", "text_frame", "text_names"]

# How much of a file is looked at for its header.
_HEADER_BYTES = 2**20
# From so many columns on, a table is parsed as one of many: each column of each block is an array of its own, so the
# blocks are larger, and there is more to share between cores.
_MANY_COLUMNS = 64
# Rows that are looked at to tell whether the header is one name short.
_ROWS_LOOKED_AT = 8


class _Pace(NamedTuple):
    """How a table is parsed.

    Attributes
    ----------
    block_bytes : int
        How much is parsed at once; no row may be longer.
    parallel_bytes : int
        Tables from this size on are parsed by all cores. Below it one core is about as fast, and leaves the others to
        other files.
    """

    block_bytes: int
    parallel_bytes: float


_FEW_COLUMNS_PACE = _Pace(2**20, 2**28)
_MANY_COLUMNS_PACE = _Pace(2**22, 2**26)
_LONG_ROWS_PACE = _Pace(2**30, math.inf)

#: What is kept under the name of a table, by how it begins.
_NO_TABLES = {
    "a web page": re.compile(r"\s*<(!doctype|html|head|\?xml)\b", re.IGNORECASE),
    "JSON": re.compile(r"""\s*(\[\s*)?\{\s*("|$)"""),
}
_SEPARATOR_NAMES = {"\t": "tabs", ",": "commas", ";": "semicolons"}


# --- compression ---


def _is_gzip(start: bytes, name: str, shown: str) -> bool:
    """Return whether a file is gzip-compressed, by its first two bytes; refuse it where its name says otherwise."""
    if start[:2] == b"\x1f\x8b":
        return True
    if name.endswith(".gz"):
        raise InputError(f"'{shown}' is named .gz but is not gzip-compressed; rename it or compress it.")
    return False


def expanded_text(content: bytes, path: Path, shown: str) -> bytes:
    """Return the text of a file of which `content` was read, decompressed where it is gzip."""
    return expand(content, shown) if _is_gzip(content, path.name, shown) else content


# --- the header ---


def read_header(stream: BinaryIO, shown: str, separator: str) -> list[str]:
    """Read the names of the columns from the start of a CSV or TSV file.

    Parameters
    ----------
    stream : file of bytes
        At its start.
    shown : str
        The path as the user gave it, for messages.
    separator : {",", tab}

    Returns
    -------
    list of str
        Only the first may be empty. It is where the header is one name short, and rows begin with their names, as
        `write.table` of R has it.

    Raises
    ------
    InputError
        For text that is not UTF-8, no header, another separator, and columns without a name.
    """
    try:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
        rows = csv.reader(text, delimiter=separator)
        names = next(rows, [])
        if not _other_separator(names, separator) and _lacks_name_of_row_names(names, rows):
            names = ["", *names]
    except UnicodeDecodeError as error:
        raise InputError(
            f"'{shown}' is not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8."
        ) from error
    except csv.Error as error:
        raise InputError(f"'{shown}' has a header that cannot be read: {error}.") from error
    if not names:
        raise InputError(f"'{shown}' is empty: it has no header.")
    if any("\0" in name for name in names):
        raise _nul_error(shown)
    if other_kind := next((kind for kind, start in _NO_TABLES.items() if start.match(names[0])), ""):
        raise InputError(f"'{shown}' holds {other_kind}, not a table, whatever its name; get the table itself.")
    other = _other_separator(names, separator)
    if other == ";":
        raise InputError(
            f"'{shown}' seems to be separated by semicolons, as Excel writes tables where numbers have a decimal "
            "comma; save it with commas (or tabs, .tsv) between columns and points in numbers, in Python with "
            "pandas.read_csv(FILE, sep=';', decimal=',').to_csv(NEW, index=False)."
        )
    if other:
        raise InputError(
            f"'{shown}' seems to be separated by {_SEPARATOR_NAMES[other]}, not by {_SEPARATOR_NAMES[separator]}; "
            "name comma-separated files .csv and tab-separated files .tsv."
        )
    if names[0].startswith("#") and len(names) == 1:
        raise InputError(f"'{shown}' begins with a comment ({names[0][:40]!r}); take the lines before the header out.")
    blank = [position for position, name in enumerate(names) if not name and position]
    if blank:
        raise InputError(f"'{shown}' has columns without a name, at positions {examples(blank)}; name or drop them.")
    return names


def _other_separator(names: Sequence[str], separator: str) -> str:
    """Return what seems to separate the names of a header that is one name; empty where nothing does."""
    return next((s for s in _SEPARATOR_NAMES if s != separator and len(names) == 1 and s in names[0]), "")


def _lacks_name_of_row_names(names: Sequence[str], rows: Iterator[list[str]]) -> bool:
    """Return whether the rows after a header have one field more than it, the first being the name of the row."""
    seen = 0
    if not names or names[0].startswith("#"):
        return False
    try:
        for row in itertools.islice((row for row in rows if row), _ROWS_LOOKED_AT):
            # A row that only ends in a separator has an empty last field.
            if len(row) != len(names) + 1 or not row[0] or not row[-1]:
                return False
            seen += 1
    except (UnicodeDecodeError, csv.Error):
        return False  # the reader of the rows says so
    return seen > 1  # one row alone may as well be a wrong one


def text_names(path: Path, shown: str) -> list[str]:
    """Read the header of a CSV or TSV file; only the first name may be empty, and none comes twice."""
    try:
        with path.open("rb") as handle:
            packed = _is_gzip(handle.read(2), path.name, shown)
            handle.seek(0)
            with gzip.GzipFile(fileobj=handle) if packed else handle as stream:
                start = stream.read(_HEADER_BYTES)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise damaged_gzip_error(shown, error) from error
    names = read_header(io.BytesIO(start), shown, TEXT[format_of(path)])
    refuse_repeated(names, shown)
    return names


# --- the rows ---


def cut_off_notes(last: bytes, shown: str) -> list[str]:
    """Return a note on a table whose last byte is no line break; nothing where it is."""
    if last in (b"\n", b"\r"):
        return []
    return [f"'{shown}' does not end with a line break; if it was cut off, its last row may be incomplete."]


def text_columns(
    path: Path,
    shown: str,
    names: Sequence[str],
    numbers: Collection[str] = (),
    notes: list[str] | None = None,
) -> dict[str, Any]:
    """Read some columns of a CSV or TSV file, of which no more than these and a block are in memory.

    Parameters
    ----------
    path : Path
    shown : str
        The path as the user gave it, for messages.
    names : sequence of str
        The columns, at least one; all of them are there.
    numbers : collection of str, optional
        Those to be parsed as float64. They come as text nevertheless when a value of any of them is no number.
    notes : list of str, optional
        To which a note is added where the file may be cut off.

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
        packed = _is_gzip(handle.read(2), path.name, shown)
    content, last = None, b""
    if packed:
        text = expand(path.read_bytes(), shown)
        _refuse_nul(text, shown)
        last = text[-1:]
        content = pa.py_buffer(text)
    elif path.stat().st_size:
        with path.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            _refuse_nul(mapped, shown)
            last = mapped[-1:]

    def opened() -> Any:
        return pa.OSFile(str(path)) if content is None else pa.BufferReader(content)

    table = _read(opened, shown, TEXT[format_of(path)], names, numbers)
    if notes is not None:
        notes += cut_off_notes(last, shown)
    return {name: table[name] for name in names}


def text_frame(
    text: bytes, shown: str, separator: str, names: Sequence[str], numbers: Collection[str] = ()
) -> pl.DataFrame:
    """Read some columns of a CSV or TSV file that is in memory, see `text_columns`."""
    import pyarrow as pa

    _refuse_nul(text, shown)
    content = pa.py_buffer(text)
    table = _read(lambda: pa.BufferReader(content), shown, separator, names, numbers)
    return cast(pl.DataFrame, pl.from_arrow(table))


def _read(opened: Callable[[], Any], shown: str, separator: str, names: Sequence[str], numbers: Collection[str]) -> Any:
    """Parse a table, again where the error says how to."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    parsed = frozenset(numbers)
    # Of a table whose header is one name short; where no name is asked for, the error of its rows tells.
    header = (_short_header(opened, shown, separator) or None) if "" in names else None
    pace = _FEW_COLUMNS_PACE if len(names) < _MANY_COLUMNS else _MANY_COLUMNS_PACE
    while True:
        try:
            with opened() as stream:
                parallel = stream.size() >= pace.parallel_bytes
                return arrow_csv.read_csv(
                    stream,
                    read_options=arrow_csv.ReadOptions(
                        use_threads=parallel,
                        block_size=pace.block_bytes,
                        column_names=header,
                        skip_rows=0 if header is None else 1,
                    ),
                    parse_options=arrow_csv.ParseOptions(delimiter=separator, newlines_in_values=True),
                    convert_options=arrow_csv.ConvertOptions(
                        include_columns=list(names),
                        column_types={name: pa.float64() if name in parsed else pa.string() for name in names},
                        null_values=[""],
                        strings_can_be_null=True,
                    ),
                )
        except pa.ArrowInvalid as error:
            reason = str(error)
            if "Empty CSV file" in reason:  # a header without a line break
                return pa.table({name: pa.array([], pa.string()) for name in names})
            if "conversion error" in reason and parsed:
                parsed = frozenset()
            elif "straddling" in reason and pace != _LONG_ROWS_PACE:
                pace = _LONG_ROWS_PACE
            elif "Expected" in reason and header is None and (short := _short_header(opened, shown, separator)):
                header = short
            elif "Expected" in reason and parallel:  # where rows are not counted
                pace = _Pace(pace.block_bytes, math.inf)
            else:
                raise _unreadable_table_error(error, shown) from error


def _refuse_nul(text: bytes | mmap.mmap, shown: str) -> None:
    """Refuse text with NUL characters: UTF-16 without its mark, or a part of the file that was never written."""
    if text.find(b"\0") >= 0:
        raise _nul_error(shown)


def _nul_error(shown: str) -> InputError:
    return InputError(
        f"'{shown}' holds NUL characters: it is UTF-16, which must be saved as UTF-8, or a part of it was never "
        "written; get the file again."
    )


def _short_header(opened: Callable[[], Any], shown: str, separator: str) -> list[str]:
    """Return the header of a table of which it is one name short, the first one empty; else nothing."""
    with opened() as stream:
        start = bytes(stream.read(_HEADER_BYTES))
    names = read_header(io.BytesIO(start), shown, separator)
    text = io.TextIOWrapper(io.BytesIO(start), encoding="utf-8-sig", newline="")
    return names if len(names) > len(next(csv.reader(text, delimiter=separator))) else []


def _unreadable_table_error(error: Exception, shown: str) -> InputError:
    """Return the error of a CSV file that Arrow does not parse."""
    match = re.search(r"(?:Row #(\d+): )?Expected (\d+) columns, got (\d+): (.*)", str(error), re.DOTALL)
    if match:
        row, expected, got, text = match.groups()
        fields = "1 field" if got == "1" else f"{got} fields"
        above = "take out the lines above the header, if there are such, " if int(got) > int(expected) == 1 else ""
        return InputError(
            f"'{shown}': {f'row {row}' if row else 'a row'} has {fields}, but the header has {expected}: "
            f"{text[:80]!r}; {above}get the file again, or mend the row."
        )
    if "UTF8" in str(error):
        return InputError(f"'{shown}' is not UTF-8 text; save it as UTF-8.")
    return InputError(f"'{shown}' cannot be read as a table: {first_line(error)}.")
