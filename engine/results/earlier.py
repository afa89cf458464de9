"""Results of earlier runs: who wrote them, and whether they are as they were written."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ..errors import InputError
from .digests import file_sha256
from .manifest import output_digests, read_manifest

__all__ = ["check_unchanged", "manifest_of"]


def manifest_of(folder: Path, command: str = "") -> Mapping[str, Any]:
    """Return the manifest of a result folder.

    Parameters
    ----------
    folder : Path
        The result folder.
    command : str, default ""
        The command that must have written it; any without one.

    Raises
    ------
    InputError
        When it is no result of fastbench, or of another command.
    """
    if not folder.is_dir():
        raise InputError(f"The result folder '{folder}' does not exist: give a folder that fastbench wrote.")
    manifest = read_manifest(folder)
    if not manifest:
        raise InputError(f"'{folder}' is not a result of fastbench (it has no manifest.json of one).")
    written = manifest.get("command")
    if command and written != command:
        raise InputError(f"'{folder}' was written by 'fastbench {written}', not by 'fastbench {command}'.")
    return manifest


def check_unchanged(folder: Path, manifest: Mapping[str, Any], pattern: str) -> None:
    """Refuse files of a result that are not those that its manifest lists.

    Parameters
    ----------
    folder : Path
        The result folder.
    manifest : mapping
        Its manifest.
    pattern : str
        Names of the files that are compared, such as ``*_map.csv``; those that are gone are left to their reader.

    Raises
    ------
    InputError
        When a file has another SHA-256 than the manifest says.
    """
    for name, digest in output_digests(manifest).items():
        path = folder / name
        if fnmatchcase(name, pattern) and path.is_file() and file_sha256(path) != digest:
            raise InputError(
                f"The file '{path}' was changed after it was written: run 'fastbench {manifest.get('command')}' again."
            )
