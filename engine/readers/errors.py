"""The errors of files that cannot be read: each sentence once, for every reader."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from ..choices import did_you_mean
from ..errors import DISK_FULL, InputError

__all__ = [
    "damaged_file_as_input_error",
    "damaged_gzip_error",
    "first_line",
    "missing_file_error",
    "refuse_git_lfs_pointer",
    "unreadable_error",
]

_GIT_LFS = b"version https://git-lfs.github.com"


def first_line(error: BaseException) -> str:
    """Return what an error of another library says in its first line, without a full stop."""
    return (str(error) or type(error).__name__).partition("\n")[0].rstrip(". ")


def missing_file_error(path: Path, what: str = "file", shown: str = "") -> InputError:
    """Return the error of a file that is not there; it names files beside it that may have been meant.

    Parameters
    ----------
    path : Path
        The file that is not there.
    what : str, default "file"
        What it should be, such as ``"table of keys"``.
    shown : str, optional
        The path as the user gave it. Default: `path`.
    """
    folder = path.parent
    beside = [item.name for item in folder.iterdir()] if folder.is_dir() else []
    where = "" if folder.is_dir() else f" (there is no folder '{folder}')"
    return InputError(f"There is no {what} '{shown or path}'{where}{did_you_mean(path.name, beside) or '.'}")


def unreadable_error(shown: str, error: OSError) -> InputError:
    """Return the error of a file that the system does not let be read."""
    return InputError(f"'{shown}' cannot be read: {error.strerror or error}.")


def refuse_git_lfs_pointer(content: bytes, shown: str) -> None:
    """Raise `InputError` for a file that only names the data that Git LFS keeps elsewhere."""
    if content.startswith(_GIT_LFS):
        raise InputError(f"'{shown}' is a Git LFS pointer, not the data; fetch it with 'git lfs pull'.")


def damaged_gzip_error(shown: str, error: BaseException) -> InputError:
    """Return the error of gzip data that do not decompress."""
    reason = str(error) or "the end is missing"
    return InputError(
        f"'{shown}' is damaged or cut off: its gzip data do not decompress ({reason}); get the file again."
    )


@contextlib.contextmanager
def damaged_file_as_input_error(shown: str, kind: str) -> Iterator[None]:
    """Turn what a library raises over a damaged file into one sentence that names the file.

    Parameters
    ----------
    shown : str
        The path as the user gave it.
    kind : str
        The format that the file should have.

    Raises
    ------
    InputError
        Also for a disk that is too full to unpack the file.
    """
    try:
        yield
    except InputError:
        raise
    # The libraries raise many types, and Polars panics at times: all of them mean a damaged file.
    except (Exception, pl.exceptions.PanicException) as error:
        if isinstance(error, MemoryError):
            raise InputError(f"'{shown}' does not fit into memory, or is damaged: {first_line(error)}.") from error
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            raise InputError(
                f"There is no room in '{tempfile.gettempdir()}' to unpack '{shown}'; free some, or set TMPDIR to "
                "another folder."
            ) from error
        raise InputError(f"'{shown}' is damaged, cut off or not {kind}: {first_line(error)}.") from error
