"""What the system says ends in one sentence and an exit code, never in a traceback."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from fastbench.cli import app, faults
from fastbench.engine.errors import InputError

from .running import FASTBENCH, call, refused

#: Runs fastbench with an import that takes long, so that a signal falls into it.
SLOW_IMPORT = """
import sys, time
class Slow:
    def find_spec(self, name, path=None, target=None):
        if name.endswith("{module}"):
            print("importing", flush=True)
            time.sleep(20)
sys.meta_path.insert(0, Slow())
from fastbench.cli.main import main
main()
"""


def said_of(error: BaseException, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    """Return the sentence of a command that ends in an error."""

    def fail() -> None:
        raise error

    monkeypatch.setattr(app, "app", fail)
    return refused(*arguments)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(errno.ENAMETOOLONG, "File name too long", "a" * 300), "longer than the file system takes"),
        (OSError(errno.ENOSPC, "No space left on device", "/x/a"), "no room left on the disk for '/x/a'"),
        (OSError(errno.ENOSPC, "No space left on device"), "output cannot be written (No space left on device)"),
        (OSError(errno.EIO, "Input/output error"), "output cannot be written"),
        (PermissionError(errno.EACCES, "Permission denied", "/x/a"), "/x/a cannot be used: no permission"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "/x/a"), "'/x/a' cannot be used: No such file"),
        (pl.exceptions.ComputeError("No space left on device (os error 28)"), "no room left on the disk"),
        (MemoryError("Unable to allocate 8 TiB"), "not enough memory"),
        (RecursionError("maximum recursion depth exceeded"), "nested too deeply"),
        (UnicodeEncodeError("utf-8", "a\udce9b", 1, 2, "surrogates not allowed"), r"'a\udce9b' is not UTF-8"),
        (InputError("As it is."), "fastbench: As it is.\n"),
    ],
)
def test_what_the_system_says_is_one_sentence(monkeypatch, error, sentence):
    said = said_of(error, monkeypatch)
    assert sentence in said
    assert len(said.strip().splitlines()) == 1


@pytest.mark.parametrize("error", [ValueError("x"), OSError(errno.EDOM, "odd"), KeyError("k")])
def test_an_internal_error_shows_its_traceback(monkeypatch, error):
    monkeypatch.setattr(app, "app", lambda: (_ for _ in ()).throw(error))
    done = call()
    assert done.returncode == 1
    assert "Traceback" in done.stderr


@pytest.mark.parametrize(
    ("number", "code", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
@pytest.mark.parametrize("disguise", [None, RuntimeError, ImportError, SystemError])
def test_a_signal_counts_whatever_python_makes_of_it(monkeypatch, number, code, word, disguise):
    def run() -> None:
        try:
            signal.raise_signal(number)
        except BaseException:
            if disguise is None:
                raise
            raise disguise("Error calling __set_name__") from None

    monkeypatch.setattr(app, "app", run)
    done = call()
    assert (done.returncode, done.stderr) == (code, f"fastbench: {word}; what was not finished was not written.\n")


def test_an_interrupt_in_the_making_of_a_class_is_one(monkeypatch):
    error = RuntimeError("Error calling __set_name__")
    error.__cause__ = KeyboardInterrupt()
    monkeypatch.setattr(app, "app", lambda: (_ for _ in ()).throw(error))
    assert call().returncode == 130


@pytest.mark.parametrize("name", ["NUMBA_NUM_THREADS", "POLARS_MAX_THREADS", "OMP_NUM_THREADS"])
@pytest.mark.parametrize("value", ["0", "abc", "-1", "1.5"])
def test_settings_of_threads_are_checked_first(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert f"{name} is {value!r}; give a whole number of 1 or more" in refused("info")


def test_good_settings_pass(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "4,2")
    monkeypatch.setenv("NUMBA_NUM_THREADS", " 1 ")
    monkeypatch.setenv("POLARS_MAX_THREADS", "")
    assert call("--version").returncode == 0


def test_arguments_that_are_not_utf8_are_refused_before_the_work(tmp_path):
    assert r"'\udce9.csv' is not UTF-8" in refused("map", "\udce9.csv", "--output", tmp_path / "out")
    assert "set LC_ALL=C.UTF-8" in refused("map", "\udcc3\udca9.csv", "--output", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_names_that_are_too_long(tmp_path):
    long = "a" * 300
    rules = ["--pos-sameby", "x", "--neg-diffby", "x"]
    assert "too long" in refused("map", "sample:lincs", *rules, "--output", tmp_path / long)
    assert "longer than" in refused("map", f"{long}.csv", *rules, "--output", tmp_path / "out")
    pred = ["--truth", f"{long}.csv:x", "--pred", f"{long}.csv:x"]
    assert "longer than" in refused("fmeasure", *pred, "--output-dir", tmp_path / "out")
    assert os.listdir(tmp_path) == []


# --- processes, because streams and signals are theirs ---


def shell(text: str, **environment: str) -> subprocess.CompletedProcess[str]:
    script = text.replace("fastbench", '"$PYTHON" -c "from fastbench.cli.main import main; main()"')
    env = {**os.environ, "PYTHON": sys.executable, **environment}
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=env, timeout=120)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("fastbench --version >&-", 0, ""),
        ("fastbench --version 2>&-", 0, ""),
        ("fastbench --version <&- >&- 2>&-", 0, ""),
        ("fastbench --version >/dev/full", 2, "fastbench: The output cannot be written (No space left on device)"),
        ("fastbench map nothing.csv 2>/dev/full", 2, ""),
        ("fastbench map nothing.csv 2>&-", 2, ""),
        ("set -o pipefail; (sleep 1; fastbench map --help) | true", 141, ""),
    ],
)
def test_closed_and_full_streams(command, code, said):
    done = shell(command)
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith(said)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.slow
def test_a_locale_of_ascii_prints_all(tmp_path):
    (tmp_path / "é.csv").write_text("Metadata_µ,f\na,1\nb,2\n")
    script = "import os; os.chdir({!r}); import sys; sys.argv[1:] = ['map', os.listdir('.')[0], '--pos-sameby', 'x']"
    done = subprocess.run(
        [sys.executable, "-c", script.format(str(tmp_path)) + "\nfrom fastbench.cli.main import main; main()"],
        capture_output=True,
        text=True,
        env={**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert shell("fastbench cpjump --help", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0").returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("module", ["fastbench.cli.app", "fastbench.engine.command.execute"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_during_an_import(tmp_path: Path, module: str, number: int, code: int):
    command = [sys.executable, "-c", SLOW_IMPORT.format(module=module), "fmeasure", "--output-dir", tmp_path / "out"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "importing\n"
    time.sleep(0.1)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code, errors
    assert "Traceback" not in errors
    assert "what was not finished was not written." in errors
    assert os.listdir(tmp_path) == []


def test_the_entry_point_is_light():
    code = "import sys, fastbench.cli.main; print(sorted({'typer', 'rich', 'numpy', 'polars'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
    assert FASTBENCH[-1] == "from fastbench.cli.main import main; main()"
    assert faults.INTERRUPTED == 130
