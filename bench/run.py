"""Run the benchmark suites in a process of their own, so that nothing loaded here changes what they measure."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..engine.errors import InputError

__all__ = ["LEVELS", "Outcome", "check_installed", "run_suites"]

#: Level -> the marker expression of pytest that selects it.
LEVELS = {"quick": "quick", "default": "not slow", "all": ""}
SUITES = Path(__file__).resolve().parent / "suites"

_NEEDED = {"pytest": "pytest", "pytest_benchmark": "pytest-benchmark", "copairs": "copairs", "pandas": "pandas"}
#: Begins each line that the suites print when a benchmark is done (suites/conftest.py).
_DONE = "bench: "
_PASSED, _FAILED, _BAD_USAGE, _NOTHING_FOUND = 0, 1, 4, 5


@dataclass(frozen=True)
class Outcome:
    """What a run of the suites left.

    Attributes
    ----------
    content : dict
        The JSON of pytest-benchmark.
    failed : str
        What pytest said, if a benchmark failed; else empty.
    """

    content: dict[str, Any]
    failed: str


def check_installed() -> None:
    """Raise `InputError` unless everything that the suites import is there; nothing is imported."""
    missing = [package for module, package in _NEEDED.items() if find_spec(module) is None]
    if missing:
        raise InputError(
            f'The benchmarks need {", ".join(missing)}, which is not installed; pip install "fastbench[bench]".'
        )


def run_suites(
    level: str = "default",
    select: str = "",
    *,
    report: Callable[[str], None] | None = None,
    suites: Path = SUITES,
) -> Outcome:
    """Run the benchmarks of a level.

    Parameters
    ----------
    level : one of `LEVELS`
        How much.
    select : str
        Expression of names (``-k`` of pytest), such as ``kernels and not null``.
    report : callable, optional
        Called with one line for each benchmark that is done.
    suites : path
        Where they lie.

    Returns
    -------
    Outcome
        The measurements; and what failed.

    Raises
    ------
    InputError
        The expression is none, or it selects nothing.
    """
    with tempfile.TemporaryDirectory(prefix="fastbench-bench-") as folder:
        results = Path(folder, "results.json")
        command = [
            sys.executable,
            "-P",
            "-m",
            "pytest",
            str(suites),
            "-c",
            str(suites / "pytest.ini"),
            "--color=no",
            "-q",
            "--tb=short",
            "--benchmark-quiet",
            f"--benchmark-json={results}",
            f"--benchmark-storage=file://{folder}",
            f"--basetemp={folder}/work",
            "-p",
            "no:hypothesispytest",  # of no use here, and a second to load
            "-p",
            "no:zarr",  # as well
        ]
        command += ["-m", LEVELS[level]] if LEVELS[level] else []
        command += ["-k", select] if select else []
        said = []
        with _process(command, cwd=suites) as process:
            assert process.stdout is not None
            for line in process.stdout:
                said.append(line)
                if report is not None and line.startswith(_DONE):
                    report(line.removeprefix(_DONE).rstrip())
        if process.returncode == _NOTHING_FOUND:
            raise InputError(f"No benchmark is selected by {select!r} at this level ({level}).")
        if process.returncode == _BAD_USAGE and select:
            raise InputError(f"{select!r} is not a selection; write names joined by 'and', 'or' and 'not'.")
        # What was measured before a benchmark failed is worth keeping; without anything there is nothing to go on with.
        text = "".join(line for line in said if not line.startswith(_DONE))
        if process.returncode not in (_PASSED, _FAILED) or not results.exists() or not results.stat().st_size:
            raise RuntimeError(f"the benchmarks could not be run:\n{text}")
        return Outcome(json.loads(results.read_bytes()), text if process.returncode else "")


@contextlib.contextmanager
def _process(command: list[str], cwd: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a command; leaving the block early, by an interrupt or an error, ends it and what it started."""
    # Options meant for the tests of the user must not reach these; reading the revision must lock no repository; and
    # what is said must arrive when it is said.
    strange = {"PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD", "PYTEST_XDIST_WORKER"}
    environment = {name: value for name, value in os.environ.items() if name not in strange}
    environment |= {"GIT_OPTIONAL_LOCKS": "0", "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        yield process
        process.wait()
    finally:
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
