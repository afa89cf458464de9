"""Small tables as text: experiment tables, compound targets, test labels, splits."""

from __future__ import annotations

import hashlib
from pathlib import Path

import polars as pl

from ..errors import InputError, examples
from ..tables.profiles import Source

__all__ = ["read_table"]


def read_table(path: Path, required: tuple[str, ...] = (), separator: str = "\t") -> tuple[pl.DataFrame, Source]:
    """Read a small table as text, blanks missing, and check that its columns are there.

    Raises
    ------
    InputError
        When it cannot be read or lacks a column.
    """
    try:
        content = path.read_bytes()
        frame = pl.read_csv(content, separator=separator, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"The table '{path}' cannot be read: {str(error).splitlines()[0]}.") from error
    missing = [name for name in required if name not in frame.columns]
    if missing:
        raise InputError(f"The table '{path}' has no column {examples(missing)}: check that it is the right table.")
    return frame, Source(str(path), hashlib.sha256(content).hexdigest(), len(content), frame.height)
