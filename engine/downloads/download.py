"""One published file, downloaded over as many attempts as it takes, and checked before it gets its name."""

from __future__ import annotations

import asyncio
import contextlib
import glob
import gzip
import hashlib
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from ..results.digests import file_sha256
from ..results.files import sync_folder
from .store import ChangedError, FetchError, Published, RefusedError, Store

__all__ = ["Checked", "DamagedError", "check", "check_size", "download", "part_of", "size_of"]

ATTEMPTS: Final = 4  # in a row that bring a file no further
_BLOCK: Final = 1 << 20  # bytes decompressed at once


class DamagedError(FetchError):
    """The bytes are not those of the published file."""


class Checked(NamedTuple):
    """A file that is the published one: its SHA-256, and which of its properties were checked."""

    published: Published
    sha256: str
    how: str


def part_of(path: Path, published: Published) -> Path:
    """Return where the bytes of a file are collected: a name of its own for each version of the published file."""
    return path.with_name(f"{path.name}.{published.version}.part")


def size_of(path: Path) -> int:
    """Return the size of a file in bytes; 0 if there is none."""
    return path.stat().st_size if path.exists() else 0


async def download(path: Path, published: Published, store: Store, moved: Callable[[int], None]) -> Checked:
    """Download a file, resuming what an earlier attempt left, and check it.

    The retries of `Store` serve one request. Here a request is made again, for the rest or for all, as long as
    attempts bring the file further.

    Parameters
    ----------
    path : Path
        Its final name; its folder must exist. A file of that name is replaced at the end, in one step.
    published : Published
        The object as it was listed. What is downloaded is a newer one when it was replaced meanwhile.
    store : Store
        The server that holds it.
    moved : callable
        Called with the number of bytes that are here, which can decrease.

    Raises
    ------
    RefusedError
        At once, when the server refuses.
    FetchError
        When several attempts in a row brought nothing new, or nothing right.
    """
    furthest = failures = 0
    whole = False
    while True:
        part = part_of(path, published)
        # Without an ETag nothing says that a beginning and an end belong together.
        start = 0 if whole or not published.etag else size_of(part)
        whole = False
        problem: FetchError
        try:
            if start < published.size or not start:
                await _receive(part, published, store, start, moved)
            checked = await asyncio.to_thread(check, part, published)
            break
        except RefusedError:
            raise
        except ChangedError as error:
            part.unlink(missing_ok=True)
            published = await store.head(published.key)
            problem = error
        except DamagedError as error:
            part.unlink(missing_ok=True)
            problem = DamagedError(f"what was received is wrong: {error}")
        except FetchError as error:
            # When nothing came of the rest that was asked for, the server may send whole files only.
            whole = 0 < start == size_of(part)
            problem = error
        failures = failures + 1 if size_of(part) <= furthest else 0
        furthest = max(furthest, size_of(part))
        if failures == ATTEMPTS:
            raise problem
        await asyncio.sleep(store.patience.wait(failures))
    with part.open("rb+") as handle:
        os.fsync(handle.fileno())
    os.replace(part, path)
    sync_folder(path.parent)
    for other in path.parent.glob(f"{glob.escape(path.name)}.*.part"):  # of other versions
        other.unlink()
    return checked


async def _receive(part: Path, published: Published, store: Store, start: int, moved: Callable[[int], None]) -> None:
    """Append what arrives from byte `start` on; older bytes are given up only when new ones begin to arrive."""
    handle = None
    with contextlib.ExitStack() as files:
        async for chunk in store.read(published, start):
            handle = handle or files.enter_context(part.open("ab" if start else "wb"))
            handle.write(chunk)
            start += len(chunk)
            moved(start)
    part.touch()  # an object of no bytes is a file all the same


def check_size(path: Path, published: Published) -> None:
    """Raise `DamagedError` when a file has not the size of the published one."""
    if (size := size_of(path)) != published.size:
        raise DamagedError(f"it has {size:,} bytes and not {published.size:,}")


def check(path: Path, published: Published) -> Checked:
    """Check the size of a file, its MD5 where the server tells one, and its compression.

    Raises
    ------
    DamagedError
        When one of them is wrong.
    """
    check_size(path, published)
    how = "size"
    if published.md5:
        with path.open("rb") as handle:
            md5 = hashlib.file_digest(handle, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        if md5 != published.md5:
            raise DamagedError(f"its MD5 is {md5} and not {published.md5}")
        how += ", MD5"
    if published.name.lower().endswith(".gz"):
        try:
            with gzip.open(path) as stream:
                if not stream.read(_BLOCK):
                    raise EOFError("nothing in it")
                while stream.read(_BLOCK):
                    pass
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DamagedError(f"it cannot be decompressed ({error})") from error
        how += ", gzip"
    return Checked(published, file_sha256(path), how)
