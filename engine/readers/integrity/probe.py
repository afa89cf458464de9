"""Reads parts of an HDF5 file and keeps nothing, in a process of its own: a script without this package.

    python probe.py MEGABYTES SECONDS FILE PART [PART ...]

ends in 0 when all of it could be read.
"""

from __future__ import annotations

import contextlib
import sys

#: Rows that are read at once.
_ROWS = 2**16


def _read(node: object, depth: int) -> None:
    import h5py

    for name in node.attrs:  # type: ignore[attr-defined]
        node.attrs[name]  # type: ignore[attr-defined]
    if isinstance(node, h5py.Dataset):
        if not node.shape:
            node[()]
            return
        for start in range(0, node.shape[0], _ROWS):
            node[start : start + _ROWS]
    elif isinstance(node, h5py.Group) and depth < 24:
        for key in node:
            if not isinstance(node.get(key, getlink=True), h5py.ExternalLink):
                _read(node[key], depth + 1)


def main(megabytes: int, seconds: int, path: str, parts: list[str]) -> None:
    """Read the parts of a file that are there, within limits where the system has them."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (megabytes * 2**20, megabytes * 2**20))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    import h5py

    with h5py.File(path, "r") as file:
        for name in file.attrs:
            file.attrs[name]
        for part in parts:
            if part in file:
                _read(file[part], 0)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
