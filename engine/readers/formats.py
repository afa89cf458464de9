"""Formats by the suffix of a file, and the checks that a file passes before anything of it is read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from ..errors import InputError
from .errors import missing_file_error, refuse_git_lfs_pointer

__all__ = ["ANNDATA", "ARRAYS", "ARROW", "TEXT", "existing_path", "format_of", "refuse_obsm"]

TEXT: Final = {".csv": ",", ".tsv": "\t"}
ARROW: Final = {".parquet", ".pq", ".arrow", ".feather"}
ANNDATA: Final = {".h5ad", ".zarr"}
ARRAYS: Final = {".npy", ".npz"}
_SUFFIXES = ".csv, .csv.gz, .tsv, .tsv.gz, .parquet, .arrow, .feather, .h5ad or .zarr"
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


def format_of(path: Path) -> str:
    """Return the suffix that tells the format of a file, in lower case and without ``.gz``."""
    return (path.with_suffix("").suffix if path.suffix.lower() == ".gz" else path.suffix).lower()


def existing_path(given: str | Path, *, arrays: bool = False) -> Path:
    """Return the path of a file that is there and of a format that is read.

    Parameters
    ----------
    given : str or Path
        As the user gave it; ``~`` is the home folder.
    arrays : bool, default False
        Whether arrays of NumPy are read as well.

    Raises
    ------
    InputError
        For an address, a folder that is no zarr, another format, an empty file, and a Git LFS pointer.
    """
    text = str(given)
    if _URL.match(text) and not Path(text).exists():
        raise InputError(f"'{text}' is an address, but a file is needed; download it first and give its path.")
    if "\0" in text:
        raise InputError(f"The path {text!r} holds a NUL character.")
    path = Path(text).expanduser()
    if not path.exists():
        raise missing_file_error(path, shown=text)
    suffix = format_of(path)
    if path.is_dir() and suffix != ".zarr":
        raise InputError(f"'{text}' is a folder; give the files in it, for example {text.rstrip('/')}/*.csv.gz.")
    if suffix not in {*TEXT, *ARROW, *ANNDATA, *(ARRAYS if arrays else ())} or (path.is_file() and suffix == ".zarr"):
        if suffix in {".txt", ".tab", ".dat"}:
            raise InputError(
                f"'{text}' is not read by that name: if it is a table, name it .csv where commas separate its columns, "
                "and .tsv where tabs do."
            )
        raise InputError(
            f"'{text}' is not a format that is read here; give a {'.npy, .npz, ' if arrays else ''}{_SUFFIXES}."
        )
    if path.is_file():
        with path.open("rb") as handle:
            start = handle.read(40)
        if not start:
            raise InputError(f"'{text}' is empty (0 bytes).")
        refuse_git_lfs_pointer(start, text)
    return path


def refuse_obsm(path: Path, shown: str, obsm: str | None) -> None:
    """Raise `InputError` where an entry of `obsm` was asked for of what is not AnnData."""
    if obsm is not None and format_of(path) not in ANNDATA:
        raise InputError(f"obsm {obsm!r} was asked for, but '{shown}' is not AnnData and has no obsm.")
