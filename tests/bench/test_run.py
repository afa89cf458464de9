"""The process that runs the suites, on suites of a few lines."""

from __future__ import annotations

import os

import pytest

from fastbench.bench import run as benchmark_run
from fastbench.bench.run import check_installed, run_suites
from fastbench.engine.errors import InputError

SUITE = """
import os, time
from pathlib import Path
import pytest

@pytest.mark.quick
def test_quick(benchmark):
    Path("pid").write_text(str(os.getpid()))
    print("bench: captured, not said")
    benchmark.pedantic(lambda: None, rounds=1)

@pytest.mark.slow
def test_slow(benchmark):
    benchmark.pedantic(lambda: None, rounds=1)

def test_broken(benchmark):
    benchmark.pedantic(lambda: 1 / 0, rounds=1)

def test_endless(benchmark):
    time.sleep(60)
"""
CONFTEST = """
def pytest_runtest_logreport(report):
    if report.when == "call":
        print("\\nbench: done", report.nodeid)
"""


@pytest.fixture
def suites(tmp_path):
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\naddopts = -p no:cacheprovider\nmarkers =\n    quick: q\n    slow: s\n"
    )
    (tmp_path / "test_few.py").write_text(SUITE)
    (tmp_path / "conftest.py").write_text(CONFTEST)
    return tmp_path


def test_a_failing_benchmark_keeps_the_others(suites, monkeypatch):
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")  # meant for the tests of the user
    said = []
    outcome = run_suites("all", "quick or slow or broken", report=said.append, suites=suites)
    assert [one["name"] for one in outcome.content["benchmarks"]] == ["test_quick", "test_slow"]
    assert "ZeroDivisionError" in outcome.failed
    assert said == [f"done test_few.py::test_{name}" for name in ("quick", "slow", "broken")]
    left = {path.name for path in suites.iterdir()} - {"__pycache__"}
    assert left == {"conftest.py", "pid", "pytest.ini", "test_few.py"}


@pytest.mark.parametrize(
    ("level", "select", "sentence"),
    [("quick", "slow", "No benchmark is selected by 'slow'"), ("all", "a and and", "'a and and' is not a selection")],
)
def test_selections_of_nothing(suites, level, select, sentence):
    with pytest.raises(InputError, match=sentence):
        run_suites(level, select, suites=suites)


def test_suites_that_cannot_be_imported_are_a_fault_with_its_text(suites):
    (suites / "test_few.py").write_text("import no_such_module")
    with pytest.raises(RuntimeError, match="no_such_module"):
        run_suites("all", suites=suites)


def test_an_interrupt_ends_the_process(suites):
    def interrupt(line):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_suites("all", "quick or endless", report=interrupt, suites=suites)
    with pytest.raises(ProcessLookupError):
        os.kill(int((suites / "pid").read_text()), 0)


def test_missing_packages_are_named(monkeypatch):
    check_installed()
    monkeypatch.setattr(benchmark_run, "find_spec", lambda name: None if "bench" in name else object())
    with pytest.raises(InputError, match=r'need pytest-benchmark, .* pip install "fastbench\[bench\]"'):
        check_installed()
