"""Finished steps of a run, kept until the whole is done, so that a run that was stopped goes on where it was.

A step is a name and a function that computes plain values, arrays and frames. What it found is kept in one file, named
by a digest of what it depends on (the command, the options that decide numbers, the code, the files it reads) and by
the digest of the file itself: a step of other options or other data is not found, a damaged one is computed anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import threading
import time
import zipfile
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

__all__ = ["StepStore", "Tree", "code_digest", "keep", "take"]

#: What a step may be made of: None, text, numbers, arrays, frames; lists and dicts of them.
Tree = Any

#: Digits of a digest in the name of a file.
_SPELLED: Final = 32


class StepStore:
    """Steps of one run, in one folder.

    Parameters
    ----------
    folder : Path, optional
        Where steps are kept; None keeps none and computes all.
    scope : object, optional
        What all steps depend on, as JSON can write it: the command and its options.
    take : bool, default True
        Whether steps that are there are taken.

    Attributes
    ----------
    n_taken, n_done : int
        Steps that were found finished, and steps that were computed.
    """

    def __init__(self, folder: Path | None = None, scope: object = None, *, take: bool = True) -> None:
        self._folder = folder
        self._take = take
        self._scope = json.dumps([scope, code_digest() if folder is not None else ""], sort_keys=True, default=str)
        self.n_taken = self.n_done = 0
        self._lock = threading.Lock()

    @property
    def keeps(self) -> bool:
        """Whether steps are kept."""
        return self._folder is not None

    def do(self, name: str, compute: Callable[[], Tree], depends: Iterable[str] = ()) -> Tree:
        """Return what a step finds: from an earlier run, or computed now and kept. Threads may do steps side by side.

        Parameters
        ----------
        name : str
            Name of the step, its own within the run.
        compute : callable
            Finds it: None, text, numbers, bool, arrays, frames, and lists and dicts (keys are text) of them.
        depends : iterable of str
            What else it depends on, such as digests of the files that it reads.

        Returns
        -------
        object
            What `compute` returned; where it was kept, tuples are lists.
        """
        if self._folder is None:
            found = compute()
            self._count(done=1)
            return found
        key = hashlib.sha256("\0".join([self._scope, name, *depends]).encode()).hexdigest()[:_SPELLED]
        kept = take(self._folder, key) if self._take else None
        if kept is not None:
            self._count(taken=1)
            return kept[0]
        computed = compute()
        keep(self._folder, key, computed)
        self._count(done=1)
        return computed

    def _count(self, taken: int = 0, done: int = 0) -> None:
        with self._lock:
            self.n_taken += taken
            self.n_done += done


def take(folder: Path, key: str) -> tuple[Tree, Path] | None:
    """Return what `keep` kept, and its file; tuples are lists. None where nothing is there, or it is not whole."""
    with contextlib.suppress(OSError, ValueError, KeyError, zipfile.BadZipFile, pl.exceptions.PolarsError):
        for path in sorted(folder.glob(f"{key}-*.npz")):
            with path.open("rb") as handle:
                if path.stem == f"{key}-{_digest(handle)}":
                    handle.seek(0)
                    return _read(handle), path
    return None


def keep(folder: Path, key: str, tree: Tree) -> None:
    """Keep values in a file of a folder, named by a key and by its own digest; it is whole as soon as it is there.

    Raises
    ------
    OSError
        When the system does not let it.
    TypeError
        Where something cannot be kept.
    """
    folder.mkdir(exist_ok=True)
    partial = folder / f"{key}.partial-{os.getpid()}-{time.monotonic_ns()}"
    try:
        with partial.open("x+b") as handle:
            _write(tree, handle)
            handle.seek(0)
            digest = _digest(handle)
        os.replace(partial, folder / f"{key}-{digest}.npz")
    finally:
        partial.unlink(missing_ok=True)


def _write(tree: Tree, handle: io.BufferedIOBase) -> None:
    """Write what `_read` reads: one archive of arrays, frames (Arrow IPC) and a JSON text that holds the rest."""
    parts: dict[str, np.ndarray[Any, Any]] = {}

    def outline(value: Tree) -> Any:
        if isinstance(value, np.ndarray):
            parts[f"a{len(parts)}"] = value
            return {"array": f"a{len(parts) - 1}"}
        if isinstance(value, pl.DataFrame):
            buffer = io.BytesIO()
            value.write_ipc(buffer)
            parts[f"a{len(parts)}"] = np.frombuffer(buffer.getvalue(), dtype=np.uint8)
            return {"frame": f"a{len(parts) - 1}"}
        if isinstance(value, dict):
            return {"dict": {key: outline(each) for key, each in value.items()}}
        if isinstance(value, (list, tuple)):
            return {"list": [outline(each) for each in value]}
        if value is None or isinstance(value, (str, bool, int, float)):
            return value
        raise TypeError(f"a step cannot keep {type(value).__name__}")

    text = json.dumps(outline(tree)).encode()
    np.savez(handle, tree=np.frombuffer(text, dtype=np.uint8), **parts)  # type: ignore[arg-type]


def _read(handle: io.BufferedIOBase) -> Tree:
    """Return what `_write` was given; tuples are lists."""
    with np.load(handle, allow_pickle=False) as archive:
        parts = {name: archive[name] for name in archive.files}

    def filled(value: Any) -> Tree:
        if not isinstance(value, dict):
            return value
        ((form, inner),) = value.items()
        if form == "array":
            return parts[inner]
        if form == "frame":
            return pl.read_ipc(io.BytesIO(parts[inner].tobytes()))
        if form == "dict":
            return {key: filled(each) for key, each in inner.items()}
        return [filled(each) for each in inner]

    return filled(json.loads(parts["tree"].tobytes()))


def _digest(handle: io.BufferedIOBase) -> str:
    return hashlib.file_digest(handle, "sha256").hexdigest()[:_SPELLED]


@lru_cache
def code_digest(*tops: str) -> str:
    """Return the digest of the sources of parts of the package: what another version kept is not taken."""
    root, digest = Path(__file__).parents[2], hashlib.sha256()
    for top in tops or ("engine", "kernels"):
        for path in sorted((root / top).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()
