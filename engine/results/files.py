"""Files that are never seen half-written: a temporary name beside the place, synced to disk, then renamed."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import errno
import hashlib
import io
import json
import math
import os
import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePath
from typing import Any, BinaryIO

import numpy as np
import polars as pl

from ..errors import DISK_FULL, InputError
from .processes import alive, host_name

__all__ = [
    "csv_bytes",
    "json_bytes",
    "plain",
    "remove_partial_files",
    "short_name",
    "sync_folder",
    "temporary_file",
    "write_atomic",
    "write_csv",
    "write_error",
    "write_json",
    "write_parquet",
]


#: A name may have 255 bytes; this much is left for what stands before and behind it.
_LONGEST_NAME = 150
# Files that this process is writing: not left over from a dead run.
_WRITING: set[Path] = set()


def write_error(path: Path, error: OSError) -> InputError:
    """Return the sentence that says why `path` could not be written."""
    if error.errno in DISK_FULL:
        return InputError(f"There is no room left on the disk to write '{path}'; free some or choose another place.")
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return InputError(f"'{path}' cannot be written: no permission; choose another place.")
    return InputError(f"'{path}' cannot be written: {error.strerror or error}.")


def short_name(path: Path) -> str:
    """Return the name of a file, so short that what stands beside it can be named by it."""
    name = os.fsencode(path.name)
    if len(name) <= _LONGEST_NAME:
        return path.name
    return f"{name[:40].decode('ascii', 'replace')}~{hashlib.sha256(name).hexdigest()[:16]}"


def sync_folder(path: Path) -> None:
    """Make the renames in a folder durable, where the file system offers it (none needs it to be atomic)."""
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def temporary_file(path: str | Path, writer: Callable[[BinaryIO], object]) -> Iterator[Path]:
    """Write a file beside its place and on the disk, to be renamed in the block; see `write_atomic`."""
    target = Path(path)
    partial = target.with_name(f"{_start(target)}{os.getpid()}-{host_name()}-{time.monotonic_ns()}")
    try:
        remove_partial_files(target)
        _WRITING.add(partial)
        try:
            with partial.open("xb") as handle:
                writer(handle)
                handle.flush()
                os.fsync(handle.fileno())
            yield partial
        finally:
            _WRITING.discard(partial)
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
    except OSError as error:
        raise write_error(target, error) from error


def _start(target: Path) -> str:
    return f".{short_name(target)}.partial-"


def remove_partial_files(target: Path) -> None:
    """Remove what dead runs of this computer left of a file that they were writing."""
    pattern = re.compile(re.escape(_start(target)) + r"(\d+)-(\w+)-\d+")
    for path in list(target.parent.iterdir()) if target.parent.is_dir() else ():
        found = pattern.fullmatch(path.name)
        if found is None or found[2] != host_name() or path in _WRITING:
            continue
        # The own number too is of a dead run: containers reuse numbers.
        if int(found[1]) == os.getpid() or not alive(int(found[1])):
            with contextlib.suppress(OSError):
                path.unlink()


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
    with temporary_file(path, writer) as partial:
        os.replace(partial, path)
    sync_folder(Path(path).parent)


def write_csv(frame: pl.DataFrame, path: str | Path) -> None:
    """Write a frame as CSV: UTF-8, shortest floats that read back equal, an empty cell for a null.

    A NaN is written ``NaN``; a list of text is joined by ``|``; what CSV has no form for is written as JSON.
    """
    content = csv_bytes(frame)
    write_atomic(path, lambda handle: handle.write(content))


def csv_bytes(frame: pl.DataFrame) -> bytes:
    """Return a frame as `write_csv` writes it."""
    flat = [
        pl.Series(series.name, [None if v is None else json.dumps(v, default=str) for v in series], pl.String)
        if series.dtype in (pl.Struct, pl.Binary, pl.Object, pl.Array)
        or (series.dtype == pl.List and series.dtype.inner.is_nested())  # type: ignore[attr-defined]
        else series.cast(pl.List(pl.String)).list.join("|")
        if series.dtype == pl.List
        else series
        for series in frame
    ]
    return pl.DataFrame(flat).write_csv().encode()


def write_parquet(frame: pl.DataFrame, path: str | Path) -> None:
    """Write a frame as Parquet."""
    buffer = io.BytesIO()  # written by Python, so that a full disk is told from other trouble
    frame.write_parquet(buffer)
    write_atomic(path, lambda handle: handle.write(buffer.getbuffer()))


def write_json(obj: Any, path: str | Path, *, keep_nan: bool = False) -> None:
    """Write an object as JSON; NaN and infinite numbers become null unless kept, arrays lists, paths and times text.

    What of a name is not UTF-8 is written as an escape, which reads back equal.
    """
    content = json_bytes(obj, keep_nan=keep_nan)
    write_atomic(path, lambda handle: handle.write(content))


def json_bytes(obj: Any, *, keep_nan: bool = False) -> bytes:
    """Return an object as `write_json` writes it."""
    text = json.dumps(plain(obj, keep_nan=keep_nan), indent=2, ensure_ascii=False, allow_nan=keep_nan) + "\n"
    return text.encode("utf-8", "backslashreplace")


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
