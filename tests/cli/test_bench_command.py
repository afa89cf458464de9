"""``fastbench bench``: what is refused before anything runs, what is shown, which exit code."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from fastbench.bench import run as benchmark_run
from fastbench.cli.main import app
from fastbench.engine.errors import InputError
from tests.bench.test_files import content, entry

from .running import call_process

MEASURED = content(
    entry(best=0.2, peak_MB=12),
    entry("copairs", 59.0, peak_MB=740),
    entry("GEMM", 0.1),
    entry(group="null, many", best=0.5, job="594 shapes"),
    entry("copairs", 1.0, group="null, many", job="594 shapes", share=0.01),
    entry(group="kernels, partners", job="k", best=2e-5, ns_per_entry=93.25),
)


@pytest.fixture
def call(monkeypatch, tmp_path):
    """Run the command in a folder of its own on measurements that are made up."""
    monkeypatch.chdir(tmp_path)
    asked = []

    def pretend(level, select, *, report=None):
        asked.append((level, select))
        return benchmark_run.Outcome(MEASURED, pretend.failed)

    pretend.failed = ""
    monkeypatch.setattr(benchmark_run, "run_suites", pretend)

    def invoke(*arguments):
        return CliRunner().invoke(app, ["bench", *map(str, arguments)])

    invoke.asked, invoke.pretend = asked, pretend
    return invoke


@pytest.mark.slow
def test_tables(call, tmp_path):
    done = call("--quick", "--select", "null")
    assert done.exit_code == 0, done.output
    assert call.asked == [("quick", "null")]
    lines = [" ".join(line.split()) for line in done.output.splitlines()]
    assert "10 x 5 copairs 59 s 88.5 s 295 times slower 740 MB" in lines
    assert "10 x 5 GEMM 100 ms 150 ms 2 times faster" in lines
    assert "594 shapes copairs about 100 s about 150 s 200 times slower" in lines
    assert "k fastbench 20 µs 30 µs 93.2 ns" in lines
    assert "Xeon, 2 usable cores, openblas 0.3" in lines
    (written,) = (tmp_path / "benchmarks").iterdir()
    assert json.loads(written.read_text()) == MEASURED
    assert written.name.endswith("Z.json")
    assert call("--all", "--output", "all.json").exit_code == 0
    assert call.asked[-1] == ("all", "")


def test_json_is_one_object(call, tmp_path):
    (tmp_path / "old.json").write_text(json.dumps(content(entry(best=0.1))))
    done = call("--json", "--output", "new.json", "--compare", "old.json")
    summary = json.loads(done.stdout)
    assert summary["level"] == "default"
    assert [one["times_fastbench"] for one in summary["benchmarks"]][:2] == [None, pytest.approx(295)]
    assert summary["comparison"]["regressions"] == 1
    assert summary["comparison"]["changes"][0]["verdict"] == "slower"


def test_comparison_and_its_exit_codes(call, tmp_path):
    old = content(entry(best=0.1), entry("copairs", 59.0), entry(job="gone"), cores=4)
    (tmp_path / "old.json").write_text(json.dumps(old))
    done = call("--output", "new.json", "--compare", "old.json")
    assert done.exit_code == 0
    lines = [" ".join(line.split()) for line in done.output.splitlines()]
    assert "slower all pairs, 10 x 5 10 x 5 fastbench 100 ms 200 ms 2.00 2.00" in lines
    assert "1 of 2 benchmarks are within a margin of 1.25 against old.json" in lines
    assert "only in the earlier file: 1 of all pairs, 10 x 5" in lines
    assert "new: 1 of kernels, partners" in lines
    assert "number of usable cores differs (4 before, 2 now)" in done.output
    again = ["--output", "new.json", "--overwrite", "--compare", "old.json", "--fail-on-regression"]
    assert call(*again).exit_code == 3
    assert call(*again, "--margin", "2.5").exit_code == 0


def test_a_failed_benchmark_is_said_and_the_rest_kept(call, tmp_path):
    call.pretend.failed = "test_x.py: ZeroDivisionError"
    done = call("--output", "new.json")
    assert done.exit_code == 1
    assert "ZeroDivisionError" in done.output
    assert (tmp_path / "new.json").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--quick", "--all"], "exclude each other"),
        (["--fail-on-regression"], "needs --compare"),
        (["--compare", "none.json"], "There is no benchmark file none.json"),
        (["--compare", "there.json"], "there.json is not a benchmark file"),
        (["--margin", "0.5"], "at least 1"),
        (["--output", "there.json"], "there.json exists"),
        (["--output", "."], "is a folder"),
        (["--output", "there.json/new.json"], "cannot be written"),
    ],
)
def test_bad_usage_is_refused_before_anything_runs(call, tmp_path, arguments, said):
    (tmp_path / "there.json").write_text("{}")
    done = call(*arguments)
    assert isinstance(done.exception, InputError)
    assert said in str(done.exception)
    assert "\n" not in str(done.exception)
    assert call.asked == []
    assert (tmp_path / "there.json").read_text() == "{}"


@pytest.mark.slow
def test_one_real_benchmark(tmp_path):
    """From the suites to the file, and the line that is said when a benchmark is done."""
    said = []
    outcome = benchmark_run.run_suites("quick", "assign_reference and fastbench", report=said.append)
    (measured,) = outcome.content["benchmarks"]
    assert measured["extra_info"]["tool"] == "fastbench"
    assert outcome.content["machine_info"]["fastbench"]["versions"]["numpy"]
    assert [line.rpartition(" | ")[0] for line in said] == ["tables, reference index | 100,000 rows | fastbench"]


@pytest.mark.slow
def test_refusals_end_with_2(tmp_path):
    """As a process: one sentence, and nothing written."""
    arguments = ["bench", "--quick", "--select", "no_such_benchmark"]
    done = call_process(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "fastbench: No benchmark is selected by 'no_such_benchmark' at this level (quick).\n"
    assert not any(path.is_file() for path in tmp_path.rglob("*"))
