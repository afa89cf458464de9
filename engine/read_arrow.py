"""Reading Parquet and Arrow (Feather) profiles."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl

from .errors import InputError
from .profiles import Profiles, Source
from .read_columns import features_of, pandas_index_columns, plan_columns, tidy_metadata
from .read_text import MAX_EXPANDED_BYTES

__all__ = ["check_size", "read_arrow"]


def check_size(n_rows: int, n_columns: int, shown: str) -> None:
    """Refuse a table whose header announces a float32 matrix beyond what is read into memory."""
    n_bytes = 4 * n_rows * n_columns
    if n_bytes > MAX_EXPANDED_BYTES:
        raise InputError(
            f"{shown} announces {n_rows} rows of {n_columns} columns, {n_bytes / 2**30:.0f} GiB in memory, "
            "more than the "
            f"{MAX_EXPANDED_BYTES / 2**30:.0f} GiB that are read; split it"
        )


def read_arrow(path: Path, shown: str, digest: str, pattern: re.Pattern[str] | None) -> Profiles:
    """Read one Parquet file, Arrow IPC file or Arrow IPC stream; features may hold NaN.

    Parameters
    ----------
    path : Path
    shown : str
        The path as the user gave it, for messages.
    digest : str
        SHA-256 of the file.
    pattern : re.Pattern, optional
        Selects the features, see `plan_columns`.

    Raises
    ------
    InputError
        For a damaged file, no rows, and feature columns that are not numbers.
    """
    parquet = path.suffix.lower() in {".parquet", ".pq"}
    try:
        names, index = _parquet_header(path, shown) if parquet else _ipc_header(path, shown)
        plan = plan_columns(names, shown, pattern, index)
        wanted = [*plan.metadata, *plan.features]
        if parquet:
            frame = pl.read_parquet(path, columns=wanted, glob=False, hive_partitioning=False)
        elif path.open("rb").read(6) == b"ARROW1":
            frame = pl.read_ipc(path, columns=wanted)
        else:
            frame = pl.read_ipc_stream(path, columns=wanted)
    except InputError:
        raise
    except Exception as error:  # the readers raise many types, all of which mean a file that is not sound
        reason = str(error).partition("\n")[0]
        raise InputError(f"{shown} is damaged, cut off or not {path.suffix[1:]}: {reason}") from error
    if not frame.height:
        raise InputError(f"{shown} has no rows")
    features = features_of(frame, plan.features, shown)
    source = Source(shown, digest, path.stat().st_size, frame.height)
    metadata = tidy_metadata(frame.select(plan.metadata))
    return Profiles(metadata, features, tuple(plan.features), (source,), tuple(plan.notes))


def _parquet_header(path: Path, shown: str) -> tuple[list[str], list[str]]:
    import pyarrow.parquet

    header = pyarrow.parquet.read_metadata(path)
    names = list(header.schema.to_arrow_schema().names)
    check_size(header.num_rows, len(names), shown)
    return names, pandas_index_columns(header.metadata)


def _ipc_header(path: Path, shown: str) -> tuple[list[str], list[str]]:
    import pyarrow

    with path.open("rb") as handle:
        magic = handle.read(6)
    if magic[:4] == b"FEA1":
        raise InputError(f"{shown} is in the old Feather format, version 1; write it again as Parquet or Feather 2")
    with pyarrow.OSFile(str(path)) as handle:
        opened = pyarrow.ipc.open_file(handle) if magic == b"ARROW1" else pyarrow.ipc.open_stream(handle)
        schema = opened.schema
    return list(schema.names), pandas_index_columns(schema.metadata)
