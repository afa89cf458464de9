"""What was read, for the manifest."""

from __future__ import annotations

from pathlib import Path

from ..results.digests import file_sha256, folder_sha256
from ..tables.profiles import Source

__all__ = ["source_of"]


def source_of(path: Path, n_rows: int) -> Source:
    """Describe a file, or a folder of zarr, that `n_rows` rows come from."""
    if path.is_dir():
        return Source(str(path), *folder_sha256(path), n_rows)
    return Source(str(path), file_sha256(path), path.stat().st_size, n_rows)
