"""Reading Parquet and Arrow (Feather) profiles."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from ..errors import InputError
from ..tables.profiles import Profiles, Source
from .column_roles import (
    FeatureChoice,
    features_of,
    pandas_index_columns,
    plan_columns,
    tidy_metadata,
    words_to_metadata,
)
from .errors import damaged_file_as_input_error
from .integrity.expansion import MAX_EXPANDED_BYTES

__all__ = ["ArrowHeader", "arrow_columns", "arrow_frame", "arrow_lists", "check_size", "read_arrow"]


class ArrowHeader(NamedTuple):
    """What the header of a Parquet or Arrow file says.

    Attributes
    ----------
    names : list of str
        The columns, in order.
    index_columns : list of str
        Those that pandas wrote as the index of the rows.
    n_rows : int
        Rows that the header announces; 0 for Arrow IPC, which does not say.
    """

    names: list[str]
    index_columns: list[str]
    n_rows: int


def check_size(n_rows: int, n_columns: int, shown: str) -> None:
    """Refuse a table whose header announces a float32 matrix beyond what is read into memory."""
    n_bytes = 4 * n_rows * n_columns
    if n_bytes > MAX_EXPANDED_BYTES:
        raise InputError(
            f"'{shown}' announces {n_rows} rows of {n_columns} columns, {n_bytes / 2**30:.0f} GiB in memory, more than "
            f"the {MAX_EXPANDED_BYTES / 2**30:.0f} GiB that are read; split it."
        )


def read_arrow(path: Path, shown: str, digest: str, choice: FeatureChoice) -> Profiles:
    """Read one Parquet file, Arrow IPC file or Arrow IPC stream; features may hold NaN.

    Parameters
    ----------
    path : Path
    shown : str
        The path as the user gave it, for messages.
    digest : str
        SHA-256 of the file.
    choice : FeatureChoice
        Selects the features, see `plan_columns`.

    Raises
    ------
    InputError
        For a damaged file, no rows, and feature columns that are not numbers.
    """
    names, index, n_rows = arrow_columns(path, shown)
    check_size(n_rows, len(names), shown)
    plan = plan_columns(names, shown, choice, index)
    frame = arrow_frame(path, shown, [*plan.metadata, *plan.features])
    plan = words_to_metadata(plan, frame, shown, choice)
    features = features_of(frame, plan.features, shown)
    source = Source(shown, digest, path.stat().st_size, frame.height)
    metadata = tidy_metadata(frame.select(plan.metadata))
    return Profiles(metadata, features, tuple(plan.features), (source,), tuple(plan.notes), tuple(plan.left_out))


def arrow_columns(path: Path, shown: str) -> ArrowHeader:
    """Read the header of a Parquet file, Arrow IPC file or Arrow IPC stream."""
    schema, names, n_rows = _schema(path, shown)
    return ArrowHeader(names, pandas_index_columns(schema.metadata), n_rows)


def arrow_lists(path: Path, shown: str) -> list[str]:
    """Return the columns of a Parquet or Arrow file that hold lists of numbers."""
    from pyarrow import types

    def numbers(dtype: Any) -> bool:
        is_list = types.is_list(dtype) or types.is_large_list(dtype) or types.is_fixed_size_list(dtype)
        return bool(is_list and (types.is_integer(dtype.value_type) or types.is_floating(dtype.value_type)))

    schema, names, _ = _schema(path, shown)
    return [name for name, dtype in zip(names, schema.types, strict=True) if numbers(dtype)]


def _schema(path: Path, shown: str) -> tuple[Any, list[str], int]:
    """Return the schema of a file, its names of columns, and how many rows it announces: 0 for Arrow IPC."""
    with damaged_file_as_input_error(shown, path.suffix[1:]):
        schema, n_rows = _header(path, shown)
        return schema, list(schema.names), n_rows  # names that are not UTF-8 fail here


def _header(path: Path, shown: str) -> tuple[Any, int]:
    import pyarrow
    import pyarrow.parquet

    if _is_parquet(path):
        header = pyarrow.parquet.read_metadata(path)
        return header.schema.to_arrow_schema().with_metadata(header.metadata), header.num_rows
    magic = _magic(path)
    if magic[:4] == b"FEA1":
        raise InputError(f"'{shown}' is in the old Feather format, version 1; write it again as Parquet or Feather 2.")
    with pyarrow.OSFile(str(path)) as handle:
        opened = pyarrow.ipc.open_file(handle) if magic == b"ARROW1" else pyarrow.ipc.open_stream(handle)
        return opened.schema, 0


def arrow_frame(path: Path, shown: str, wanted: Sequence[str]) -> pl.DataFrame:
    """Read some columns of a Parquet file, Arrow IPC file or Arrow IPC stream; there is at least one row."""
    names = list(wanted)
    with damaged_file_as_input_error(shown, path.suffix[1:]):
        if _is_parquet(path):
            frame = pl.read_parquet(path, columns=names, glob=False, hive_partitioning=False)
        elif _magic(path) == b"ARROW1":
            frame = pl.read_ipc(path, columns=names)
        else:
            frame = pl.read_ipc_stream(path, columns=names)
    if not frame.height:
        raise InputError(f"'{shown}' has no rows.")
    return frame


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() in {".parquet", ".pq"}


def _magic(path: Path) -> bytes:
    with path.open("rb") as handle:
        return handle.read(6)
