"""Small tables as text: experiment tables, compound targets, test labels, manifests, crosswalks, results."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from ..choices import did_you_mean
from ..errors import InputError, examples
from ..tables.profiles import Source
from .column_roles import refuse_repeated
from .errors import missing_file_error, refuse_git_lfs_pointer, unreadable_error
from .text_table import expanded_text, read_header, text_frame

__all__ = ["read_table"]


def read_table(
    path: Path, required: Sequence[str] = (), separator: str = "\t", what: str = "table"
) -> tuple[pl.DataFrame, Source]:
    """Read a small table as text, blanks missing, and check that its columns are there.

    Parameters
    ----------
    path : Path
        CSV or TSV, plain or gzip-compressed, whatever its suffix.
    required : sequence of str, optional
        Columns that must be there.
    separator : str, default tab
    what : str, default "table"
        What the table is, for messages.

    Returns
    -------
    frame : polars.DataFrame
        All columns as text, the empty cell null.
    source : Source
        The file, for the manifest.

    Raises
    ------
    InputError
        When it is not there, cannot be read, has a row that does not fit the header, or lacks a column.
    """
    shown = str(path)
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise missing_file_error(path, what) from error
    except OSError as error:
        raise unreadable_error(shown, error) from error
    refuse_git_lfs_pointer(content, shown)
    text = expanded_text(content, path, shown)
    names = read_header(io.BytesIO(text), shown, separator)
    refuse_repeated(names, shown)
    missing = [name for name in required if name not in names]
    if missing:
        hint = did_you_mean(missing[0], names) or f"; its columns are {examples(names, 8)}."
        raise InputError(f"The {what} '{path}' has no column {examples(missing)}{hint}")
    frame = text_frame(text, shown, separator, names)
    return frame, Source(shown, hashlib.sha256(content).hexdigest(), len(content), frame.height)
