"""The harnesses themselves work: they take what is whole, see what is wrong, and find nothing in some seconds."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from . import fuzz, kills
from .corpus import CASES, file_of, replaced

ROOT = Path(__file__).parents[2]


def test_mutations_are_those_of_their_seed():
    content, others = b'{"name": "text", "number": 12.5}\n' * 20, [b"other" * 50]
    first = [fuzz.mutate(content, random.Random(seed), others) for seed in range(200)]
    assert first == [fuzz.mutate(content, random.Random(seed), others) for seed in range(200)]
    assert len(set(first)) > 150
    assert fuzz.mutate(b"", random.Random(0), others) is not None


def test_commands_name_files_of_the_corpus():
    words = ["a", "@p.csv", "m=@q.csv:ct", "@dirs/annotate", "@e.h5ad@obsm:X"]
    command = replaced([*words, "OUTPUT"], lambda name: f"/c/{name}", "/o")
    assert command == ["a", "/c/p.csv", "m=/c/q.csv:ct", "/c/dirs/annotate", "/c/e.h5ad@obsm:X", "/o"]
    assert [file_of(word) for word in words] == ["", "p.csv", "q.csv", "dirs", "e.h5ad"]
    assert all(
        "OUTPUT" in case.command or case.command[1:3] == ["split", "--manifest"] or case.command[0] == "BENCH"
        for case in CASES.values()
    )


def test_what_a_killed_run_left_is_judged(tmp_path: Path):
    (tmp_path / "map.csv").write_text("x")
    listed = [{"name": "map.csv", "sha256": "0" * 64}]
    (tmp_path / "manifest.json").write_text(json.dumps({"outputs": listed}))
    with pytest.raises(kills.WrongError, match="is not what its manifest lists"):
        kills.content(tmp_path)


@pytest.mark.slow
def test_faults_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fuzz, "SECONDS", 2)

    def ended(code: str) -> str:
        place = tmp_path / "place"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        monkeypatch.setattr(fuzz, "_read_benchmarks", lambda path: exec(code, {"place": place}))
        found = fuzz.run(["BENCH", "x"], place)
        return "" if found is None else found.words

    assert ended("raise ValueError('x')") == "exit code 1"
    assert ended("import time; time.sleep(30)") == "it did not end within 2 s"
    assert ended("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)") == "it was ended by signal 11"
    assert ended("raise SystemExit(2)") == "not one sentence"
    assert ended("print('fastbench: One.'); print('fastbench: Two.'); raise SystemExit(2)") == "not one sentence"
    assert ended("print('fastbench: One.'); raise SystemExit(2)") == ""
    assert ended("(place / '.out.partial-1-h').mkdir(); raise SystemExit(0)").startswith("something was left")


@pytest.mark.slow
@pytest.mark.parametrize("harness", [["fuzz", "--only", "p.csv.gz"], ["kills", "--only", "map"]], ids=["fuzz", "kills"])
def test_some_runs_find_nothing(harness: list[str], tmp_path: Path):
    name, *options = harness
    # In a process of its own: a fork of this one would wait for threads of Polars that only the parent has.
    command = [sys.executable, "-W", "ignore", "-m", f"tests.soak.{name}", *options, "--minutes", "1", "--most", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("seed 0: 0 findings\n"), done.stdout
