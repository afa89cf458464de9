"""Submissions to a competition: an archive of AnnData that is compressed with Zstandard."""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from ...errors import InputError, examples
from ...readers.errors import damaged_file_as_input_error, missing_file_error
from ...readers.integrity.expansion import MAX_EXPANDED_BYTES

__all__ = ["SUBMISSION", "unpacked"]

#: The suffix of ``cell-eval prep``: tar of ``pred.h5ad.zst`` and a mark.
SUBMISSION: Final = ".vcc"
_STEP: Final = 2**24


@contextmanager
def unpacked(path: Path, shown: str) -> Iterator[Path]:
    """Unpack the AnnData of a submission into a temporary file for the block.

    Parameters
    ----------
    path : Path
        A ``.vcc``.
    shown : str
        How the user wrote it.

    Yields
    ------
    Path
        A ``.h5ad``.

    Raises
    ------
    InputError
        When it is no such archive, holds several, is damaged, or unpacks to more than is read.
    """
    if not path.is_file():
        raise missing_file_error(path, shown=shown)
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "cells.h5ad")
        with damaged_file_as_input_error(shown, "a submission (tar of a Zstandard-compressed h5ad)"):
            _unpack(path, shown, target)
        yield target


def _unpack(path: Path, shown: str, target: Path) -> None:
    with tarfile.open(path) as archive:
        # Members are read as bytes and never extracted by their names, so that none can point elsewhere.
        inside = [member for member in archive if member.isfile()]
        cells = [member for member in inside if member.name.endswith((".h5ad.zst", ".h5ad"))]
        if len(cells) != 1:
            raise InputError(
                f"'{shown}' must hold one .h5ad.zst, but holds {examples(member.name for member in inside) or 'none'}."
            )
        packed = archive.extractfile(cells[0])
        assert packed is not None
        if cells[0].name.endswith(".h5ad"):
            _copy(packed, target, shown)
            return
        import pyarrow as pa

        if not pa.Codec.is_available("zstd"):
            raise InputError(f"'{shown}': the installed pyarrow has no Zstandard; unpack it with tar and zstd.")
        with pa.CompressedInputStream(pa.PythonFile(packed, "r"), "zstd") as stream:
            _copy(stream, target, shown)


def _copy(source: IO[bytes], target: Path, shown: str) -> None:
    written = 0
    with target.open("wb") as handle:
        while step := source.read(_STEP):
            written += handle.write(step)
            if written > MAX_EXPANDED_BYTES:
                raise InputError(f"'{shown}' unpacks to more than {MAX_EXPANDED_BYTES / 2**30:g} GiB: split it.")
