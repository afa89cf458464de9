"""Files that are never seen half-written: a temporary name beside the place, synced to disk, then renamed."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import errno
import io
import json
import math
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePath
from typing import Any, BinaryIO

import numpy as np
import polars as pl

from ..errors import DISK_FULL, InputError

__all__ = ["plain", "sync_folder", "write_atomic", "write_csv", "write_error", "write_json", "write_parquet"]


def write_error(path: Path, error: OSError) -> InputError:
    """Return the sentence that says why `path` could not be written."""
    if error.errno in DISK_FULL:
        return InputError(f"There is no room left on the disk to write '{path}'; free some or choose another place.")
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return InputError(f"'{path}' cannot be written: no permission; choose another place.")
    return InputError(f"'{path}' cannot be written: {error.strerror or error}.")


def sync_folder(path: Path) -> None:
    """Make the renames in a folder durable, where the file system offers it (none needs it to be atomic)."""
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_atomic(path: str | Path, writer: Callable[[BinaryIO], object]) -> None:
    """Write a file so that it is never seen half-written.

    Parameters
    ----------
    path : path
        Its folder must exist. An existing file is replaced at the end, in one step.
    writer : callable
        Receives the open binary file. When it raises, the file at `path` is as before.

    Raises
    ------
    InputError
        When the disk is full or the place cannot be written.
    """
    target = Path(path)
    partial = target.with_name(f".{target.name}.partial-{os.getpid()}-{time.monotonic_ns()}")
    try:
        try:
            with partial.open("xb") as handle:
                writer(handle)
                handle.flush()
                os.fsync(handle.fileno())
            os.replace(partial, target)
        except BaseException:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise write_error(target, error) from error
    sync_folder(target.parent)


def write_csv(frame: pl.DataFrame, path: str | Path) -> None:
    """Write a frame as CSV: UTF-8, shortest floats that read back equal, an empty cell for a null.

    A NaN is written ``NaN``; a list of text is joined by ``|``; what CSV has no form for is written as JSON.
    """
    flat = [
        pl.Series(series.name, [None if v is None else json.dumps(v, default=str) for v in series], pl.String)
        if series.dtype in (pl.Struct, pl.Binary, pl.Object, pl.Array)
        or (series.dtype == pl.List and series.dtype.inner.is_nested())  # type: ignore[attr-defined]
        else series.cast(pl.List(pl.String)).list.join("|")
        if series.dtype == pl.List
        else series
        for series in frame
    ]
    content = pl.DataFrame(flat).write_csv().encode()
    write_atomic(path, lambda handle: handle.write(content))


def write_parquet(frame: pl.DataFrame, path: str | Path) -> None:
    """Write a frame as Parquet."""
    buffer = io.BytesIO()  # written by Python, so that a full disk is told from other trouble
    frame.write_parquet(buffer)
    write_atomic(path, lambda handle: handle.write(buffer.getbuffer()))


def write_json(obj: Any, path: str | Path, *, keep_nan: bool = False) -> None:
    """Write an object as JSON; NaN and infinite numbers become null unless kept, arrays lists, paths and times text."""
    content = json.dumps(plain(obj, keep_nan=keep_nan), indent=2, ensure_ascii=False, allow_nan=keep_nan) + "\n"
    write_atomic(path, lambda handle: handle.write(content.encode()))


def plain(obj: Any, *, keep_nan: bool = False) -> Any:
    """Turn an object into what JSON has; an object of an unknown type raises `TypeError`."""
    within = partial(plain, keep_nan=keep_nan)
    if obj is None or isinstance(obj, (str, bool, int)):
        return obj
    if isinstance(obj, float):
        return obj if keep_nan or math.isfinite(obj) else None
    if isinstance(obj, np.generic):
        return within(obj.item())
    if isinstance(obj, (np.ndarray, pl.Series)):
        return within(obj.tolist() if isinstance(obj, np.ndarray) else obj.to_list())
    if isinstance(obj, pl.DataFrame):
        return within(obj.to_dicts())
    if isinstance(obj, dict):
        return {key if isinstance(key, str) else str(within(key)): within(value) for key, value in obj.items()}
    if isinstance(obj, (set, frozenset)):
        return within(sorted(obj))
    if isinstance(obj, (list, tuple)):
        return list(obj) if all(type(value) is str for value in obj) else [within(value) for value in obj]
    if isinstance(obj, PurePath):
        return str(obj)
    if isinstance(obj, (datetime.datetime, datetime.date)):
        return obj.isoformat()
    if dataclasses.is_dataclass(obj) and not isinstance(obj, type):
        return {f.name: within(getattr(obj, f.name)) for f in dataclasses.fields(obj)}
    raise TypeError(f"cannot write {type(obj).__name__} as JSON")
