"""Digests of files and folders: what a result says of its inputs, and what kept steps depend on."""

from __future__ import annotations

import hashlib
from pathlib import Path

__all__ = ["file_sha256", "folder_sha256", "path_sha256"]


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal, whatever its size."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def folder_sha256(path: Path) -> tuple[str, int]:
    """Return the SHA-256 over the sorted relative names and contents of the files of a folder, and their size."""
    total = hashlib.sha256()
    n_bytes = 0
    for file in sorted(
        (file for file in path.rglob("*") if file.is_file()), key=lambda f: f.relative_to(path).as_posix()
    ):
        name = file.relative_to(path).as_posix()
        n_bytes += file.stat().st_size
        total.update(f"{name}\0{file_sha256(file)}\n".encode())
    return total.hexdigest(), n_bytes


def path_sha256(path: Path) -> str:
    """Return the digest of a file, or of a folder such as one of zarr."""
    return folder_sha256(path)[0] if path.is_dir() else file_sha256(path)
