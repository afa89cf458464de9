"""Result folders: a later run or a reader sees the old result or the new one, and nothing in between."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import os
import platform
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePath
from types import TracebackType
from typing import Any

import polars as pl

from ..errors import DISK_FULL, InputError, examples
from .files import plain, sync_folder, write_csv, write_error, write_json, write_parquet
from .manifest import MANIFEST, MANIFEST_VERSION, files_below, listed_files, package_version, read_manifest
from .replace import replace_folder
from .staging import ACTIVE, STEPS, beside, find_leftovers, leave_steps, take_over
from .steps import StepStore

__all__ = ["ResultFolder"]

_VERSIONED = ("numpy", "scipy", "numba", "polars")


class ResultFolder:
    """A result folder that appears complete or not at all; use it in a ``with`` statement.

    Files are staged in ``.<name>.partial-<pid>-<host>`` beside `output`. When the block ends well,
    ``manifest.json`` is written and the staging folder takes the place of `output`, see `replace.replace_folder`.
    When it raises, the staging folder is removed and an older result is intact. What a killed run left
    behind is removed, or put back, by the next.

    Parameters
    ----------
    output : path
        The result folder. Missing parents are made.
    command : str
        For the manifest.
    options : dict
        All options of the command, for the manifest; paths as the user gave them.
    overwrite : bool, default False
        Replace an older result. A folder with anything in it that no fastbench manifest lists is never
        replaced.
    known : callable, optional
        Returns whether a file of that name may be replaced although no manifest lists it, such as those of the tool
        that a command replaces.
    reads : iterable of path or None
        Files and folders that the command reads: an output that is one of them, or holds one, is refused.
    resume : bool, default False
        Take the finished steps that a run which was stopped left behind.
    scope : object, optional
        What all steps of the run depend on, see `StepStore`; without it, no steps are kept.

    Attributes
    ----------
    steps : StepStore
        Finished steps. They are gone when the result is complete, and stay beside `output` when the block raises.
    n_found, n_kept : int
        Finished steps that an earlier run left, and that this one leaves because it was stopped.
    manifest : dict
        Written at the end. To be filled by the command: ``inputs``, ``timings`` (seconds), ``device``,
        ``notes``, ``dropped`` (counts), and whatever else it has to say.

    Raises
    ------
    InputError
        On entry, before any work: the output is a file, is not empty, is an input, is the current folder, cannot be
        written, or another run is writing it. Later: the disk is full.
    """

    def __init__(
        self,
        output: str | Path,
        command: str,
        options: dict[str, Any],
        overwrite: bool = False,
        known: Callable[[str], bool] = lambda name: False,
        reads: Iterable[str | Path | None] = (),
        resume: bool = False,
        scope: object = None,
    ) -> None:
        self.shown = str(output)
        if "\0" in self.shown:
            raise InputError(f"The output path {self.shown!r} holds a NUL character.")
        if not _is_utf8(os.path.realpath(self.shown)):
            raise InputError(f"The output {self.shown!a} lies in a folder whose name is not UTF-8; choose another.")
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", self.shown):
            raise InputError(f"The output '{self.shown}' is an address; give a folder.")
        self.overwrite = overwrite
        self._known = known
        self._reads = [path for path in reads if path is not None]
        self._target = Path(os.path.realpath(Path(output).expanduser()))
        if not self._target.name:
            raise InputError(f"The output '{self.shown}' is the root of the file system; give a folder in it.")
        self._staging = beside(self._target, "partial")
        self.steps = StepStore(self._staging / STEPS, scope, take=resume) if scope is not None else StepStore()
        self.n_found = self.n_kept = 0
        self._started = time.perf_counter()
        self.manifest: dict[str, Any] = {
            "manifest_version": MANIFEST_VERSION,
            "command": command,
            "argv": list(sys.argv),
            "fastbench_version": package_version("fastbench"),
            "versions": {
                "python": platform.python_version(),
                **{name: package_version(name) for name in _VERSIONED},
            },
            "working_directory": os.getcwd(),
            "platform": platform.platform(),
            "cpu_count": os.cpu_count(),
            "options": plain(dict(options)),  # now: not after hours of work, if it cannot be
            "inputs": [],
            "started": _now(),
            "finished": None,
            "timings": {},
            "device": None,
            "notes": [],
            "dropped": {},
        }

    # --- entering ---

    def __enter__(self) -> ResultFolder:
        try:
            self._target.parent.mkdir(parents=True, exist_ok=True)
            left = find_leftovers(self._target, self.shown)
            self._check_target()
            self.n_found = take_over(self._staging, beside(self._target, "replaced"), left)
        except FileExistsError as error:
            raise InputError(f"The output '{self.shown}' cannot be made: '{error.filename}' is a file.") from error
        except OSError as error:
            raise write_error(Path(self.shown), error) from error
        return self

    def _check_target(self) -> None:
        target = self._target
        self._check_inputs()
        if not target.exists():
            return
        if not target.is_dir():
            raise InputError(f"The output '{self.shown}' is a file; give a folder.")
        if target == Path.cwd() or target in Path.cwd().parents or os.path.ismount(target):
            raise InputError(
                f"The output '{self.shown}' is the current folder or a mount point; give a folder inside it."
            )
        found = sorted(os.listdir(target))
        if not found:
            return
        if not self.overwrite:
            raise InputError(
                f"The output folder '{self.shown}' is not empty (it holds {examples(found, 3)}); choose another or "
                "pass --overwrite to replace an older result."
            )
        listed = listed_files(target)
        files = files_below(target)
        strange = [name for name in files if name not in (listed or ()) and not self._known(name)]
        if listed is None and (strange or not files):
            raise InputError(
                f"The output folder '{self.shown}' is not a fastbench result (no {MANIFEST} of fastbench in it; it "
                f"holds {examples(found, 3)}) and is not replaced; choose another."
            )
        if strange := [name for name in strange if name != MANIFEST]:
            raise InputError(
                f"The output folder '{self.shown}' holds files that are not part of its result "
                f"({examples(strange, 3)}) and is not replaced; move them away or choose another."
            )

    def _check_inputs(self) -> None:
        """Refuse an output that is an input, holds one, or lies in a result that is one."""
        target = self._target
        for path in self._reads:
            place = Path(os.path.realpath(Path(path).expanduser()))
            if target == place or target in place.parents:
                raise InputError(f"The output folder '{self.shown}' is or holds the input '{path}'; choose another.")
            if place in target.parents and read_manifest(place):
                raise InputError(f"The output folder '{self.shown}' lies in the result '{path}'; choose another.")

    # --- inside ---

    def path(self, name: str) -> Path:
        """Return where to write the file `name` (such as ``figures/a.png``); its folder is made."""
        relative = PurePath(name)
        if not name or relative.is_absolute() or ".." in relative.parts or "\0" in name or "\\" in name:
            raise ValueError(f"a result file must be named inside the result folder, not {name!r}")
        if relative == PurePath(MANIFEST):
            raise ValueError(f"{MANIFEST} is written at the end, from .manifest")
        place = self._staging / relative
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise write_error(Path(self.shown, name), error) from error
        return place

    def final(self, path: str | Path) -> str:
        """Return the absolute path of a file; of one in this folder, where it will be when all is done."""
        plain = Path(os.path.abspath(Path(path).expanduser()))
        inside = plain.is_relative_to(self._staging)
        return str(self._target / plain.relative_to(self._staging) if inside else plain)

    def csv(self, name: str, frame: pl.DataFrame) -> None:
        """Write a CSV file, see `write_csv`."""
        with self._named_as(name):
            write_csv(frame, self.path(name))

    def parquet(self, name: str, frame: pl.DataFrame) -> None:
        """Write a Parquet file."""
        with self._named_as(name):
            write_parquet(frame, self.path(name))

    @contextlib.contextmanager
    def _named_as(self, name: str) -> Iterator[None]:
        """Name the file in messages as the user will know it, not by its staging folder."""
        try:
            yield
        except InputError as error:
            cause = error.__cause__
            raise (write_error(Path(self.shown, name), cause) if isinstance(cause, OSError) else error) from cause

    # --- leaving ---

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
            elif isinstance(error, OSError) and error.errno in DISK_FULL:
                raise write_error(Path(self.shown), error) from error
        except OSError as failure:
            raise write_error(Path(self.shown), failure) from failure
        finally:
            self.n_kept = leave_steps(self._staging)
            ACTIVE.discard(self._staging)

    def _finish(self) -> None:
        outputs = []
        for name in (name for name in files_below(self._staging) if not name.startswith(f"{STEPS}/")):
            with (self._staging / name).open("rb") as handle:
                digest = hashlib.file_digest(handle, "sha256").hexdigest()
                os.fsync(handle.fileno())
            outputs.append({"name": name, "sha256": digest, "bytes": (self._staging / name).stat().st_size})
        if "jax" in sys.modules:
            self.manifest["versions"]["jax"] = package_version("jax")
        self.manifest["timings"] = {**self.manifest["timings"], "total": time.perf_counter() - self._started}
        self.manifest["finished"] = _now()
        self.manifest["outputs"] = outputs
        with self._named_as(MANIFEST):
            write_json(self.manifest, self._staging / MANIFEST)
        for folder, _, _ in os.walk(self._staging):
            sync_folder(Path(folder))
        try:
            self._check_target()  # again: the work may have taken hours
        except InputError as error:
            kept = self._target.with_name(f"{self._target.name}.kept-{os.getpid()}")
            os.rename(self._staging, kept)
            raise InputError(f"{error} The finished result was kept as '{kept}'.") from error
        shutil.rmtree(self._staging / STEPS, ignore_errors=True)
        replace_folder(self._staging, self._target, beside(self._target, "replaced"))


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _is_utf8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
