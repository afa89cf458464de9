"""Result folders: a later run or a reader sees the old result or the new one, and nothing in between."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import os
import platform
import re
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import metadata as packages
from pathlib import Path, PurePath
from types import TracebackType
from typing import Any

import polars as pl

from ..errors import DISK_FULL, InputError, examples
from .files import plain, sync_folder, write_csv, write_error, write_json, write_parquet
from .steps import StepStore

__all__ = [
    "ResultFolder",
    "output_digests",
    "package_version",
    "read_manifest",
]

MANIFEST = "manifest.json"
#: Raised when an entry of the manifest changes its meaning; new entries may come at any time.
MANIFEST_VERSION = 1
#: Folder of finished steps inside the staging folder.
STEPS = "steps"
#: Marks the staging folder of a run that was stopped, but whose process may live on.
_STOPPED = "stopped"
_VERSIONED = ("numpy", "scipy", "numba", "polars")

# Staging folders of this process: the only ones with its number that are not left over from a dead run.
_ACTIVE: set[Path] = set()


class ResultFolder:
    """A result folder that appears complete or not at all; use it in a ``with`` statement.

    Files are staged in ``.<name>.partial-<pid>-<host>`` beside `output`. When the block ends well,
    ``manifest.json`` is written and the staging folder renamed to `output`; an older result is replaced.
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
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", self.shown):
            raise InputError(f"The output '{self.shown}' is an address; give a folder.")
        self.overwrite = overwrite
        self._known = known
        self._reads = [path for path in reads if path is not None]
        self._target = Path(os.path.realpath(Path(output).expanduser()))
        if not self._target.name:
            raise InputError(f"The output '{self.shown}' is the root of the file system; give a folder in it.")
        self._staging = self._sibling("partial")
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

    def _sibling(self, role: str) -> Path:
        host = re.sub(r"[^A-Za-z0-9]", "_", socket.gethostname())
        return self._target.with_name(f".{self._target.name}.{role}-{os.getpid()}-{host}")

    # --- entering ---

    def __enter__(self) -> ResultFolder:
        try:
            self._target.parent.mkdir(parents=True, exist_ok=True)
            left = self._leftovers()
            self._check_target()
            self._take_over(left)
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
        listed = _listed(target)
        files = _files(target)
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

    def _leftovers(self) -> list[Path]:
        """Find what dead runs staged, and put back a result that one was just replacing."""
        pattern = re.compile(re.escape(f".{self._target.name}.") + r"(partial|replaced)-(\d+)-(\w+)$")
        own_host = self._staging.name.rpartition("-")[2]
        left = []
        for path in sorted(self._target.parent.iterdir()):
            found = pattern.match(path.name)
            if not found or found[3] != own_host or not path.is_dir() or path.is_symlink():
                continue  # the processes of another host cannot be asked whether they live
            pid = int(found[2])
            # The own number too is of a dead run, unless this process staged it: containers reuse numbers.
            if path in _ACTIVE if pid == os.getpid() else _alive(pid) and not (path / _STOPPED).exists():
                raise InputError(
                    f"Another run (process {pid}) is writing '{self.shown}'; wait for it, choose another output, or "
                    f"remove '{path}' if there is no such run."
                )
            if found[1] == "replaced" and not self._target.exists():
                os.rename(path, self._target)
            else:
                left.append(path)
        return left

    def _take_over(self, left: list[Path]) -> None:
        """Make the staging folder, with the finished steps of dead runs; remove those runs."""
        if self._staging in left:  # of a dead run that had the same number
            aside = self._sibling("replaced")
            os.rename(self._staging, aside)
            left = [aside if path == self._staging else path for path in left]
        self._staging.mkdir()
        _ACTIVE.add(self._staging)
        for path in left:
            steps = sorted((path / STEPS).glob("*.npz"))
            if steps:
                (self._staging / STEPS).mkdir(exist_ok=True)
            for step in steps:
                os.rename(step, self._staging / STEPS / step.name)
            shutil.rmtree(path, ignore_errors=True)
        self.n_found = _count_steps(self._staging)

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
            self._leave_steps()
            _ACTIVE.discard(self._staging)

    def _leave_steps(self) -> None:
        """Remove what was staged, but for the finished steps of a run that was stopped."""
        self.n_kept = _count_steps(self._staging)
        if not self.n_kept:
            shutil.rmtree(self._staging, ignore_errors=True)
            return
        with contextlib.suppress(OSError):
            (self._staging / _STOPPED).touch()
            for path in self._staging.iterdir():
                if path.name not in (STEPS, _STOPPED):
                    shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)

    def _finish(self) -> None:
        outputs = []
        for name in (name for name in _files(self._staging) if not name.startswith(f"{STEPS}/")):
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
        replaced = self._sibling("replaced")
        if self._target.exists() and os.listdir(self._target):
            os.rename(self._target, replaced)
        try:
            os.rename(self._staging, self._target)
        except BaseException:
            if replaced.exists():
                os.rename(replaced, self._target)
            raise
        sync_folder(self._target.parent)
        shutil.rmtree(replaced, ignore_errors=True)


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def package_version(package: str) -> str | None:
    """Return the installed version of a package, or None."""
    try:
        return packages.version(package)
    except packages.PackageNotFoundError:
        return None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it lives, and belongs to someone else
        return True
    return True


def _count_steps(staging: Path) -> int:
    return sum(1 for _ in (staging / STEPS).glob("*.npz"))


def _files(folder: Path) -> list[str]:
    """Names of all files below a folder, relative, with slashes, sorted."""
    found = [Path(base, name).relative_to(folder).as_posix() for base, _, names in os.walk(folder) for name in names]
    return sorted(found)


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return what the manifest of a fastbench result says; empty where the folder is none."""
    try:
        content = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) and "fastbench_version" in content else {}


def output_digests(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Return the SHA-256 that a manifest has of each file of its result, by name."""
    return {each["name"]: each["sha256"] for each in manifest.get("outputs", ())}


def _listed(folder: Path) -> set[str] | None:
    """Names of the files that the manifest of a result lists; None when there is none."""
    try:
        return {entry["name"] for entry in read_manifest(folder)["outputs"]}
    except (KeyError, TypeError):
        return None
