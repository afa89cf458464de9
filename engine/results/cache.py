"""Arrays that take long to find, kept between runs by the content that they are found from.

They are kept in ``fastbench/computed`` below ``XDG_CACHE_HOME`` (``~/.cache``), in files as those of steps (`steps`):
named by a digest of what they depend on and by their own, so that a damaged one is computed anew. The folder is
bounded: what was used longest ago goes first. It may be removed at any time. Where it cannot be written, nothing is
kept, and nothing fails.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .steps import code_digest, keep, take

__all__ = ["LEAST_WORK", "Cache", "user_cache"]

#: Bytes of all that is kept.
MOST_BYTES: Final = 2_000_000_000
#: Products of a pair of numbers from which on what was found is kept: a third of a second on two cores. Below, reading
#: files saves nothing.
LEAST_WORK: Final = 10_000_000_000

Array = npt.NDArray[Any]


def user_cache(name: str) -> Path:
    """Return a folder of what fastbench keeps for this user; it need not exist."""
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(home).expanduser() / "fastbench" / name


class Cache:
    """Arrays kept between runs; several runs may share a folder.

    Parameters
    ----------
    folder : Path, optional
        Where they are kept; None keeps none.
    most_bytes : int, default 2e9
        Bytes of the folder.
    least_work : float, default 1e10
        What is less work is computed, and not kept.

    Attributes
    ----------
    n_taken : int
        How often something of an earlier run was taken.
    """

    def __init__(
        self, folder: Path | None = None, *, most_bytes: int = MOST_BYTES, least_work: float = LEAST_WORK
    ) -> None:
        self.folder, self._most, self._least = folder, most_bytes, least_work
        self.n_taken = 0
        self._found: set[str] = set()  # by this run

    @classmethod
    def of_user(cls) -> Cache:
        """Return what is kept for this user; where there is no home, nothing is."""
        try:
            return cls(user_cache("computed"))
        except RuntimeError:
            return cls()

    def arrays(
        self, compute: Callable[[], tuple[Array, ...]], work: float, settings: object, *given: Array
    ) -> tuple[Array, ...]:
        """Return arrays: those of an earlier run, or computed now and kept.

        Parameters
        ----------
        compute : callable
            Finds them.
        work : float
            Products of a pair of numbers that this takes.
        settings : object
            What they depend on, as JSON can write it; the code of the kernels is taken in.
        *given : ndarray
            What they depend on: the content counts, with shape and type.

        Returns
        -------
        tuple of ndarray
            What `compute` returns.
        """
        if self.folder is None or work < self._least:
            return compute()
        key = _key(settings, given)
        kept = take(self.folder, key)
        if kept is not None:
            found, path = kept
            with contextlib.suppress(OSError):
                os.utime(path)  # used now: others go first
            self.n_taken += key not in self._found
            return tuple(found)
        computed = compute()
        self._found.add(key)
        size = sum(each.nbytes for each in computed)
        if size <= self._most:
            with contextlib.suppress(OSError):  # no home, no right to write, no room: it was computed, that is enough
                self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                _make_room(self.folder, self._most - size)
                keep(self.folder, key, computed)
        return computed


def _key(settings: object, given: Sequence[Array]) -> str:
    """Return the digest of what something depends on."""
    digest = hashlib.sha256(json.dumps([settings, code_digest("kernels")]).encode())
    for each in given:
        digest.update(f"{each.dtype.str} {each.shape}".encode())
        digest.update(np.ascontiguousarray(each).data)
    return digest.hexdigest()[:32]


def _make_room(folder: Path, most: int) -> None:
    """Remove the files used longest ago until so many bytes are left."""
    files = []
    for path in folder.iterdir():
        with contextlib.suppress(OSError):  # another run has removed it
            found = path.stat()
            files.append((found.st_mtime_ns, found.st_size, path))
    total = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if total <= most:
            return
        with contextlib.suppress(OSError):
            path.unlink()
            total -= size
