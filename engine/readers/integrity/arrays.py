"""Arrays of NumPy, ``.npy`` and ``.npz``: what a header announces is what is there, no more and no less."""

from __future__ import annotations

import math
import os
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

import numpy as np

from ...errors import InputError, examples

__all__ = ["check_member", "mapped_array", "read_archive"]

#: DEFLATE cannot pack a byte of zeros into less than a 1030th; beyond this, a member is not what it says.
_MOST_PACKED: Final = 1100


class _Header(NamedTuple):
    """What an array says of itself.

    Attributes
    ----------
    shape : tuple of int
    by_columns : bool
        Whether it lies column after column.
    dtype : numpy.dtype
    start : int
        Where its values begin.
    """

    shape: tuple[int, ...]
    by_columns: bool
    dtype: np.dtype[Any]
    start: int


def _read_header(handle: IO[bytes], n_bytes: int, shown: str) -> _Header:
    """Read the header of an array, and check that its values fill the rest of `n_bytes`."""
    version = np.lib.format.read_magic(handle)
    if version not in {(1, 0), (2, 0), (3, 0)}:
        raise InputError(f"'{shown}' is in version {version[0]}.{version[1]} of NumPy's format, which is not read.")
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, by_columns, dtype = read(handle)
    if dtype.hasobject:
        raise InputError(f"'{shown}' holds pickled objects, which are never read; save it as numbers.")
    start = handle.tell()
    announced = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or announced != n_bytes - start:
        raise InputError(
            f"'{shown}' is damaged: its header announces {dtype} of shape {shape}, {announced} bytes, but "
            f"{n_bytes - start} follow; get it again."
        )
    return _Header(shape, by_columns, dtype, start)


def mapped_array(handle: IO[bytes], shown: str) -> np.ndarray:
    """Map an array of a ``.npy`` file into memory.

    Parameters
    ----------
    handle : binary file
        At its start, a real file.
    shown : str
        The path as the user gave it, for messages.

    Raises
    ------
    InputError
        When the file is shorter or longer than its header says, or holds Python objects.
    """
    header = _read_header(handle, os.fstat(handle.fileno()).st_size, shown)
    order: Any = "F" if header.by_columns else "C"
    return np.memmap(handle, header.dtype, "r", header.start, header.shape, order)


def check_member(archive: zipfile.ZipFile, name: str, shown: str, most_bytes: int) -> int:
    """Check what the index of a ``.npz`` says of a member, before any of it is unpacked; return its bytes.

    Raises
    ------
    InputError
        When it is encrypted, packed in a way that NumPy does not write, or unpacks to more than `most_bytes` or than
        its packed bytes can hold.
    """
    about = archive.getinfo(name)
    if about.flag_bits & 1:
        raise InputError(f"'{shown}': {name} is encrypted, which is not read; save it without a password.")
    if about.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InputError(f"'{shown}': {name} is packed in a way that NumPy does not write; save it with numpy.savez.")
    if about.file_size > most_bytes:
        raise InputError(f"'{shown}' unpacks to more than {most_bytes / 2**30:g} GiB: split it.")
    if about.file_size > _MOST_PACKED * about.compress_size + 1000:
        raise InputError(
            f"'{shown}' is damaged: {name} announces {about.file_size} bytes, more than {about.compress_size} packed "
            "ones can hold; get it again."
        )
    return about.file_size


def read_archive(path: Path, shown: str, most_bytes: int, only: Collection[str] | None = None) -> dict[str, np.ndarray]:
    """Read the arrays of a ``.npz``, each checked against its header, its size and its checksum.

    Parameters
    ----------
    path : Path
    shown : str
        The path as the user gave it, for messages.
    most_bytes : int
        Bound on what all of them unpack to.
    only : collection of str, optional
        Names of those that are read. Default: all.

    Raises
    ------
    InputError
        See `check_member` and `mapped_array`.
    OSError, ValueError, zipfile.BadZipFile, zlib.error and others
        For a damaged file, see `errors.damaged_file_as_input_error`.
    """
    found = {}
    left = most_bytes
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        twice = [name for name in set(names) if names.count(name) > 1]
        strange = [name for name in names if not name.endswith(".npy")]
        if twice or strange:
            raise InputError(f"'{shown}' is no archive of arrays: it holds {examples(twice or strange)}.")
        for name in names:
            if only is not None and name.removesuffix(".npy") not in only:
                continue
            n_bytes = check_member(archive, name, shown, left)
            left -= n_bytes
            with archive.open(name) as handle:
                header = _read_header(handle, n_bytes, shown)
                content = handle.read(n_bytes - header.start)
                if handle.read(1) or len(content) != n_bytes - header.start:
                    raise InputError(f"'{shown}' is damaged: {name} is not as long as it announces; get it again.")
            values = np.frombuffer(content, header.dtype)
            found[name.removesuffix(".npy")] = values.reshape(header.shape, order="F" if header.by_columns else "C")
    return found
