"""The folder beside a result that a run stages it in, and what runs that died left there."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from pathlib import Path

from ..errors import InputError
from .files import short_name
from .processes import alive, host_name
from .replace import finish_replacing

__all__ = ["ACTIVE", "STEPS", "beside", "count_steps", "find_leftovers", "leave_steps", "take_over"]

#: Folder of finished steps inside the staging folder.
STEPS = "steps"
#: Marks the staging folder of a run that was stopped, but whose process may live on.
_STOPPED = "stopped"

#: Staging folders of this process: the only ones with its number that are not left over from a dead run.
ACTIVE: set[Path] = set()


def beside(target: Path, role: str) -> Path:
    """Return the folder of this process beside a result, for a role: ``partial`` or ``replaced``."""
    return target.with_name(f".{short_name(target)}.{role}-{os.getpid()}-{host_name()}")


def find_leftovers(target: Path, shown: str) -> list[Path]:
    """Find what dead runs of this computer staged; finish what a run was doing that died while it replaced a result.

    Parameters
    ----------
    target : Path
        The result folder.
    shown : str
        As the user gave it, for messages.

    Raises
    ------
    InputError
        When a run that lives is writing the result.
    """
    pattern = re.compile(re.escape(f".{short_name(target)}.") + r"(partial|replaced)-(\d+)-(\w+)$")
    left = []
    for path in sorted(target.parent.iterdir()):
        found = pattern.match(path.name)
        if not found or found[3] != host_name() or not path.is_dir() or path.is_symlink():
            continue  # the processes of another host cannot be asked whether they live
        pid = int(found[2])
        # The own number too is of a dead run, unless this process staged it: containers reuse numbers.
        if path in ACTIVE if pid == os.getpid() else alive(pid) and not (path / _STOPPED).exists():
            raise InputError(
                f"Another run (process {pid}) is writing '{shown}'; wait for it, choose another output, or "
                f"remove '{path}' if there is no such run."
            )
        left.append(path)
    finish_replacing(target)
    for path in left:
        if ".replaced-" in path.name and path.exists() and not target.exists():
            os.rename(path, target)
    return [path for path in left if path.exists()]


def take_over(staging: Path, aside: Path, left: list[Path]) -> int:
    """Make the staging folder, with the finished steps of dead runs; remove those runs.

    Parameters
    ----------
    staging : Path
        The folder to make.
    aside : Path
        Another name of this process beside the result, not taken.
    left : list of Path
        What `find_leftovers` found.

    Returns
    -------
    int
        Finished steps that were found.
    """
    if staging in left:  # of a dead run that had the same number
        os.rename(staging, aside)
        left = [aside if path == staging else path for path in left]
    staging.mkdir()
    ACTIVE.add(staging)
    for path in left:
        steps = sorted((path / STEPS).glob("*.npz"))
        if steps:
            (staging / STEPS).mkdir(exist_ok=True)
        for step in steps:
            os.rename(step, staging / STEPS / step.name)
        shutil.rmtree(path, ignore_errors=True)
    return count_steps(staging)


def leave_steps(staging: Path) -> int:
    """Remove what was staged, but for the finished steps of a run that was stopped; return how many stay."""
    n_kept = count_steps(staging)
    if not n_kept:
        shutil.rmtree(staging, ignore_errors=True)
        return 0
    with contextlib.suppress(OSError):
        (staging / _STOPPED).touch()
        for path in staging.iterdir():
            if path.name not in (STEPS, _STOPPED):
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    return n_kept


def count_steps(staging: Path) -> int:
    """Return the number of finished steps in a staging folder."""
    return sum(1 for _ in (staging / STEPS).glob("*.npz"))
