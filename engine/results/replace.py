"""Replacing what is there: old or new at every moment, also for who is killed in between.

A folder takes the place of another by an exchange of their names, one step of the file system (``renameat2`` of Linux,
``renamex_np`` of macOS). Where a file system lacks it, and for several files that belong together, a marker beside
them says first what is to be renamed. Whoever comes next, on any computer, finishes what the marker says: each of its
steps is done once, whoever does it.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from .files import remove_partial_files, short_name, sync_folder, write_json

__all__ = ["exchange", "finish_replacing", "replace_files", "replace_folder"]

#: Numbers of the errors that mean: this system or file system has no exchange of names.
_LACKING: Final = frozenset({errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOTTY})
_CURRENT_FOLDER: Final = -100  # AT_FDCWD
_EXCHANGE: Final = 2  # RENAME_EXCHANGE, and RENAME_SWAP of macOS


@cache
def _system_call() -> Callable[[bytes, bytes], int] | None:
    """Return what exchanges two names and gives 0, where the C library has it."""
    try:
        library = ctypes.CDLL(None, use_errno=True)
        if sys.platform == "darwin":
            swap = library.renamex_np
            swap.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_uint)
            return lambda one, other: int(swap(one, other, _EXCHANGE))
        rename = library.renameat2
        rename.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
        return lambda one, other: int(rename(_CURRENT_FOLDER, one, _CURRENT_FOLDER, other, _EXCHANGE))
    except (OSError, AttributeError, TypeError):
        return None


def exchange(one: Path, other: Path) -> bool:
    """Exchange the names of two files or folders in one step; return False, and do nothing, where that is not had.

    Raises
    ------
    OSError
        When the system has it and refuses.
    """
    call = _system_call()
    if call is None:
        return False
    if call(os.fsencode(one), os.fsencode(other)) == 0:
        return True
    number = ctypes.get_errno()
    if number in _LACKING:
        return False
    raise OSError(number, os.strerror(number), str(one), None, str(other))


def _marker(target: Path) -> Path:
    return target.with_name(f".{short_name(target)}.replacing")


def replace_folder(new: Path, target: Path, old: Path) -> None:
    """Put a finished folder in the place of another.

    Parameters
    ----------
    new : Path
        The folder, beside `target`; it is gone afterwards.
    target : Path
        Where it goes. A folder that is there is removed.
    old : Path
        What the older folder is called meanwhile, beside `target`; must not be there.

    Raises
    ------
    OSError
        Nothing has changed then.
    """
    if not target.exists() or not os.listdir(target):
        os.rename(new, target)
    elif exchange(new, target):
        shutil.rmtree(new, ignore_errors=True)  # it has the name of what dead runs leave, should this be the end
    else:
        _write_marker(target, {"new": new.name, "old": old.name})
        try:
            os.rename(target, old)
            os.rename(new, target)
        except BaseException:
            if not target.exists():
                with contextlib.suppress(OSError):
                    os.rename(old, target)
            if new.exists():  # else whoever came next has finished it
                _marker(target).unlink(missing_ok=True)
                raise
        _marker(target).unlink(missing_ok=True)
    sync_folder(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def replace_files(pairs: Mapping[Path, Path], target: Path) -> None:
    """Put finished files in the place of others that belong together.

    Parameters
    ----------
    pairs : mapping of Path to Path
        Each finished file, and where it goes; all in the folder of `target`, and on the disk (`os.fsync`).
    target : Path
        The file that the marker is named by, and for which `finish_replacing` is called before it is read or written.
    """
    if len(pairs) > 1:
        _write_marker(target, {"files": {new.name: place.name for new, place in pairs.items()}})
    for new, place in pairs.items():
        _replace_once(new, place)
    sync_folder(target.parent)
    _marker(target).unlink(missing_ok=True)


def _replace_once(new: Path, place: Path) -> None:
    try:
        os.replace(new, place)
    except FileNotFoundError:
        if not place.exists():  # else whoever came next has done it
            raise


def _write_marker(target: Path, content: dict[str, Any]) -> None:
    write_json(content, _marker(target))


def finish_replacing(target: Path) -> None:
    """Finish what a run was doing when it was killed, if it was replacing `target`; any computer can.

    Raises
    ------
    OSError
        When the system does not let it.
    """
    marker = _marker(target)
    remove_partial_files(marker)
    try:
        content = json.loads(marker.read_bytes())
    except OSError:
        return
    except (ValueError, RecursionError):
        content = None
    if isinstance(content, dict):
        _finish(target, content)
    marker.unlink(missing_ok=True)


def _finish(target: Path, content: dict[str, Any]) -> None:
    files = content.get("files")
    if isinstance(files, dict):
        for new, place in files.items():
            if _is_beside(new) and isinstance(place, str) and Path(place).name == place:
                with contextlib.suppress(FileNotFoundError):
                    os.replace(target.with_name(new), target.with_name(place))
        return
    names = content.get("new"), content.get("old")
    if not all(_is_beside(name, f".{short_name(target)}.") for name in names):
        return
    new, old = (target.with_name(str(name)) for name in names)
    if new.exists() and not (target.exists() and old.exists()):
        with contextlib.suppress(FileNotFoundError):  # whoever wrote the marker lives, and was first
            if target.exists():
                os.rename(target, old)
            os.rename(new, target)
    elif not target.exists() and old.exists():
        os.rename(old, target)
    if target.exists():
        shutil.rmtree(old, ignore_errors=True)


def _is_beside(name: object, start: str = ".") -> bool:
    """Return whether this is the name of what fastbench writes beside a result: a marker says nothing else."""
    return (
        isinstance(name, str)
        and Path(name).name == name
        and name.startswith(start)
        and (".partial-" in name or ".replaced-" in name)
    )
