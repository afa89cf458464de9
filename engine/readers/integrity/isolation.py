"""HDF5 files read in a child process first, where they look damaged or the user asks for it (``--isolate``).

The C library of HDF5 can crash on a damaged file, and run in circles. In a child process, with a limit on time and
memory, that ends in a sentence. What the child could read, this process reads as well.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ...errors import InputError
from .heaps import has_strange_heaps

__all__ = ["isolated", "read_first_in_a_child"]

#: Limits of the child: CPU seconds and megabytes at least, and how they grow with the file.
_SECONDS, _BYTES_A_SECOND = 10, 20_000_000
#: What it may take by the clock, for a CPU second: disks are slow, and machines are busy.
_WAITING = 10
_MEGABYTES, _TIMES_THE_FILE = 4096, 8


class _Wanted:
    """Whether every HDF5 file is read in a child process first."""

    always = False


@contextmanager
def isolated(always: bool) -> Iterator[None]:
    """Read every HDF5 file in a child process first, within the block, or only those that look damaged."""
    before, _Wanted.always = _Wanted.always, always or _Wanted.always
    try:
        yield
    finally:
        _Wanted.always = before


def read_first_in_a_child(path: Path, shown: str, parts: Sequence[str]) -> None:
    """Read parts of an HDF5 file in a child process, if that was asked for or the file looks damaged.

    Parameters
    ----------
    path : Path
    shown : str
        The path as the user gave it, for messages.
    parts : sequence of str
        Datasets and groups that will be read.

    Raises
    ------
    InputError
        When the child crashes, or does not come to an end within its limits.
    """
    if _Wanted.always or has_strange_heaps(path):
        _read_in_a_child(path, shown, parts)


def _read_in_a_child(path: Path, shown: str, parts: Sequence[str]) -> None:
    n_bytes = path.stat().st_size
    seconds = _SECONDS + n_bytes // _BYTES_A_SECOND
    megabytes = _MEGABYTES + _TIMES_THE_FILE * n_bytes // 2**20
    script: Final = Path(__file__).with_name("probe.py")
    command = [sys.executable, str(script), str(megabytes), str(seconds), str(path.resolve()), *parts]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OMP_NUM_THREADS": "1"}
    environment["OPENBLAS_NUM_THREADS"] = "1"  # each of its threads takes address space
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, env=environment, timeout=_WAITING * seconds
        )
        code = done.returncode
    except subprocess.TimeoutExpired:
        code = -signal.SIGXCPU
    if code in {-signal.SIGXCPU, -signal.SIGKILL}:
        raise InputError(
            f"'{shown}' is damaged: the HDF5 library does not come to an end with it ({seconds} s); get it again."
        )
    if code < 0:
        raise InputError(f"'{shown}' is damaged: the HDF5 library crashed over it (signal {-code}); get it again.")
    if code:
        reason = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["no reason given"]
        raise InputError(f"'{shown}' is damaged, cut off or not HDF5: {reason[0][:300].rstrip('. ')}.")
