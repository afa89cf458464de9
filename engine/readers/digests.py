"""Digests of files, for the manifest."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ..tables.profiles import Source

__all__ = ["file_sha256", "source_of"]


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal, whatever its size."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def source_of(path: Path, n_rows: int) -> Source:
    """Describe a file, or a folder of zarr, that `n_rows` rows come from."""
    if path.is_dir():
        from .anndata import zarr_digest

        return Source(str(path), *zarr_digest(path), n_rows)
    return Source(str(path), file_sha256(path), path.stat().st_size, n_rows)
