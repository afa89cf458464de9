"""Two ways to run ``fastbench``: in this process, which costs no start, or as a process of its own."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest import mock

from fastbench.bench.start import LINCS as LINCS  # the example of the README
from fastbench.cli.main import main
from tests.engine.figures.pictures import no_drawing

FASTBENCH = [sys.executable, "-c", "from fastbench.cli.main import main; main()"]
#: A line that says what is being done.
_PROGRESS = re.compile(r"fastbench [a-z -]+: ")
#: What Python ignores unless it is asked to show it.
_SILENT = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)


def call(*arguments: object, drawn: bool = False) -> subprocess.CompletedProcess[str]:
    """Run ``fastbench`` in this process; return the exit code, the output and the errors, as from a process.

    Figures are drawn where `drawn` says so; their files are there all the same.
    """
    command = ["fastbench", *map(str, arguments)]
    output, errors = io.StringIO(), io.StringIO()
    figures = nullcontext() if drawn else no_drawing()
    with figures, _as_in_a_process(command), redirect_stdout(output), redirect_stderr(errors):
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        except Exception:
            traceback.print_exc()
            code = 1
    return subprocess.CompletedProcess(command, code, output.getvalue(), errors.getvalue())


def call_process(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run ``fastbench`` as a process of its own."""
    return subprocess.run([*FASTBENCH, *map(str, arguments)], capture_output=True, text=True, timeout=300, cwd=cwd)


def started(*arguments: object) -> subprocess.Popen[bytes]:
    """Start ``fastbench`` as a process of its own, to be stopped."""
    command = [*FASTBENCH, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait_until(condition: Callable[[], object], process: subprocess.Popen[Any]) -> None:
    """Wait until something is so, a minute at most, while the process runs."""
    until = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, process.returncode
        assert time.monotonic() < until
        time.sleep(0.02)


def refused(*arguments: object, run: Callable[..., subprocess.CompletedProcess[str]] = call) -> str:
    """Return the one sentence of a refused call, without the lines of progress before it."""
    done = run(*arguments)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    return "".join(line for line in done.stderr.splitlines(keepends=True) if not _PROGRESS.match(line))


@contextmanager
def _as_in_a_process(command: list[str]) -> Iterator[None]:
    """Show warnings as Python does, not as pytest does, and put back what ``main`` changes of the process."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    excepthook = sys.excepthook
    leave = mock.patch("fastbench.cli.faults.leave_at_once", sys.exit)
    with mock.patch.object(sys, "argv", command), mock.patch.dict(os.environ), leave, warnings.catch_warnings():
        warnings.showwarning = _print_warning
        warnings.simplefilter("default")
        for category in _SILENT:
            warnings.simplefilter("ignore", category)
        try:
            yield
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
            sys.excepthook = excepthook


def _print_warning(message: Warning | str, category: type[Warning], filename: str, lineno: int, *rest: object) -> None:
    sys.stderr.write(warnings.formatwarning(message, category, filename, lineno))
