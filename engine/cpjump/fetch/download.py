"""One published file, downloaded over as many attempts as it takes, and checked before it gets its name."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ...readers.digests import file_sha256
from ...results.files import sync_folder
from .gallery import Bucket, Changed, Interrupted, Published

__all__ = ["Damaged", "check", "check_size", "download", "part_of", "size_of"]

ATTEMPTS: Final = 4  # in a row that bring a file no further
BLOCK: Final = 1 << 20  # bytes read at once


class Damaged(Exception):  # noqa: N818  (an outcome, not a fault)
    """The bytes are not those of the published file; its text says why."""


def part_of(path: Path, published: Published) -> Path:
    """Return where the bytes of a file are gathered: a name of its own for each version of the published file."""
    return path.with_name(f"{path.name}.{published.version}.part")


async def download(
    path: Path, published: Published, bucket: Bucket, moved: Callable[[int], None]
) -> tuple[Published, str, str]:
    """Download a file, taking up what an earlier attempt left.

    Parameters
    ----------
    path : Path
        Its final name; its folder must exist. A file of that name is replaced at the end, in one step.
    published : Published
        As it was listed.
    bucket : Bucket
        Where from.
    moved : callable
        Called with the bytes that are here, which can become fewer.

    Returns
    -------
    published : Published
        What was downloaded: a newer version when the listed one was replaced meanwhile.
    sha256, how : str
        As `check` returns them.

    Raises
    ------
    Refused
        At once, when the server says no.
    Interrupted, Damaged
        When several attempts in a row brought nothing new, or nothing right.
    """
    furthest = failures = 0
    afresh = False
    while True:
        part = part_of(path, published)
        # Without an ETag nothing says that a beginning and an end belong together.
        start = 0 if afresh or not published.etag else size_of(part)
        afresh = False
        problem: Exception
        try:
            if start < published.size or not start:
                await _receive(part, published, bucket, start, moved)
            sha256, how = await asyncio.to_thread(check, part, published)
            break
        except Changed:
            part.unlink(missing_ok=True)
            published = await bucket.again(published)
            problem = Interrupted("the file on the server keeps changing")
        except Damaged as error:
            part.unlink(missing_ok=True)
            problem = Damaged(f"what was received is wrong: {error}")
        except Interrupted as error:
            # When nothing came of the rest that was asked for, the server may send whole files only.
            afresh = start > 0 and size_of(part) == start
            problem = error
        failures = failures + 1 if size_of(part) <= furthest else 0
        furthest = max(furthest, size_of(part))
        if failures == ATTEMPTS:
            raise problem
        await asyncio.sleep(bucket.patience.wait(failures))
    _rename(part, path)
    return published, sha256, how


async def _receive(part: Path, published: Published, bucket: Bucket, start: int, moved: Callable[[int], None]) -> None:
    """Append what comes; what is there is given up only when its replacement begins to arrive."""
    handle = None
    try:
        async for chunk in bucket.read(published, start):
            handle = handle or part.open("ab" if start else "wb")
            handle.write(chunk)
            start += len(chunk)
            moved(start)
        handle = handle or part.open("ab")  # of no bytes: it is there all the same
    finally:
        if handle:
            handle.close()


def check_size(path: Path, published: Published) -> None:
    """Raise `Damaged` when a file has not the size of the published one."""
    if (size := size_of(path)) != published.size:
        raise Damaged(f"it has {size:,} bytes and not {published.size:,}")


def check(path: Path, published: Published) -> tuple[str, str]:
    """Check that a file is the published one.

    Parameters
    ----------
    path : Path
        The file.
    published : Published
        What it should be.

    Returns
    -------
    sha256 : str
        Of its bytes.
    how : str
        What was checked.

    Raises
    ------
    Damaged
        When its size, its MD5 (where the server tells one) or its compression is wrong.
    """
    check_size(path, published)
    how = "size"
    if published.md5:
        with path.open("rb") as handle:
            md5 = hashlib.file_digest(handle, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        if md5 != published.md5:
            raise Damaged(f"its MD5 is {md5} and not {published.md5}")
        how += ", MD5"
    if published.name.lower().endswith(".gz"):
        _decompress(path)
        how += ", gzip"
    return file_sha256(path), how


def _decompress(path: Path) -> None:
    try:
        with gzip.open(path) as stream:
            if not stream.read(BLOCK):
                raise EOFError("nothing in it")
            while stream.read(BLOCK):
                pass
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise Damaged(f"it cannot be decompressed ({error})") from error


def size_of(path: Path) -> int:
    """Return the bytes of a file; 0 without one."""
    return path.stat().st_size if path.exists() else 0


def _rename(part: Path, path: Path) -> None:
    """Give a file its name, durably, and take away what is left of other versions."""
    with part.open("rb+") as handle:
        os.fsync(handle.fileno())
    os.replace(part, path)
    sync_folder(path.parent)
    for other in path.parent.iterdir():
        if other.name.startswith(f"{path.name}.") and other.name.endswith(".part"):
            other.unlink()
