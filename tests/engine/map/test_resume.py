"""A run of ``fastbench map`` that was stopped goes on where it was, and ends as if it had never been stopped."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from fastbench.engine.command.execute import execute
from fastbench.engine.map.command import MAP
from fastbench.engine.map.options import MapOptions
from fastbench.engine.map.result import MapResult
from fastbench.engine.results.manifest import read_manifest
from fastbench.engine.retrieval import average_precision

from ...cli.running import call
from ..figures.pictures import no_drawing

N, D = 60, 8


@pytest.fixture
def options(tmp_path: Path) -> MapOptions:
    rng = np.random.default_rng(3)
    frame = pl.DataFrame(rng.normal(size=(N, D)), schema=[f"f{i}" for i in range(D)])
    drugs = [f"d{i % 12:02}" for i in range(N)]
    frame.insert_column(0, pl.Series("Metadata_drug", drugs)).write_csv(tmp_path / "a.csv")
    return MapOptions(
        profiles=(str(tmp_path / "a.csv"),), pos_sameby="Metadata_drug", neg_diffby="Metadata_drug", device="cpu"
    )


@pytest.fixture
def short_steps(monkeypatch: pytest.MonkeyPatch) -> int:
    """Steps of ten queries; how many there are."""
    monkeypatch.setattr(average_precision, "STEP_WORK", 10 * 2 * N * D)
    return N // 10


def without_times(folder: Path) -> dict[str, object]:
    times = {"started", "finished", "timings", "argv", "compile_seconds", "steps"}
    return {name: value for name, value in read_manifest(folder).items() if name not in times}


def stop_at_the_figures(options: MapOptions, output: Path) -> None:
    """Stop a run when all its steps are done."""

    def stop(self: MapResult, path: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MapResult, "draw", stop)
        with pytest.raises(KeyboardInterrupt):
            execute(MAP, options, output)


@pytest.mark.parametrize("finished", [0, 1, 3, 5])
def test_resumed_equals_uninterrupted(
    options: MapOptions, short_steps: int, finished: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = nullcontext if finished == 3 else no_drawing  # they take longer than the run
    with figures():
        execute(MAP, options, tmp_path / "whole")
    counted: list[int] = []
    count = average_precision._score_batch

    def until(backend, plan, prepared, batch, *rest):
        if len(counted) == finished:
            raise KeyboardInterrupt
        counted.extend([int(batch[0])])
        return count(backend, plan, prepared, batch, *rest)

    monkeypatch.setattr(average_precision, "_score_batch", until)
    with pytest.raises(KeyboardInterrupt):
        execute(MAP, options, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    finished = -1
    with figures():
        execute(MAP, options, tmp_path / "out", resume=True)
    assert sorted(counted) == list(range(0, N, 10))  # each range once
    assert without_times(tmp_path / "out") == without_times(tmp_path / "whole")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_without_resume_all_is_done_again(options: MapOptions, short_steps: int, tmp_path: Path) -> None:
    stop_at_the_figures(options, tmp_path / "out")
    with no_drawing():
        execute(MAP, options, tmp_path / "out")
    assert read_manifest(tmp_path / "out")["steps"] == {"computed": short_steps, "taken": 0}


def test_a_run_without_resume_loses_no_step(options: MapOptions, short_steps: int, tmp_path: Path) -> None:
    stop_at_the_figures(options, tmp_path / "out")
    stop_at_the_figures(options, tmp_path / "out")  # forgot --resume, and was stopped again
    with no_drawing():
        execute(MAP, options, tmp_path / "out", resume=True)
    assert read_manifest(tmp_path / "out")["steps"] == {"computed": 0, "taken": short_steps}


def test_a_damaged_step_is_done_again(options: MapOptions, short_steps: int, tmp_path: Path) -> None:
    stop_at_the_figures(options, tmp_path / "out")
    kept = next(iter(tmp_path.glob(".out.partial-*/steps")))
    damaged = sorted(kept.iterdir())[0]
    damaged.write_bytes(damaged.read_bytes()[:-7])
    with no_drawing():
        execute(MAP, options, tmp_path / "out", resume=True)
    assert read_manifest(tmp_path / "out")["steps"] == {"computed": 1, "taken": short_steps - 1}  # the damaged one


KILLED = """
import time
from fastbench.engine.retrieval import average_precision as module
module.STEP_WORK = {work}
count = module._score_batch
def slowly(*given):
    found = count(*given)
    time.sleep(0.15)
    print("step", flush=True)
    return found
module._score_batch = slowly
from fastbench.cli.main import main
main()
"""


@pytest.mark.slow
def test_a_killed_process_is_gone_on_with(
    options: MapOptions, short_steps: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = ["--pos-sameby", "Metadata_drug", "--neg-diffby", "Metadata_drug", "--device", "cpu", "--quiet"]
    command = ["map", *options.profiles, *rules, "--output"]
    assert call(*command, tmp_path / "whole").returncode == 0
    computed = []
    count = average_precision._score_batch
    monkeypatch.setattr(average_precision, "_score_batch", lambda *given: computed.append(1) or count(*given))
    chosen = random.Random(0)
    slow = [sys.executable, "-c", KILLED.format(work=average_precision.STEP_WORK)]
    for trial in range(2):
        out = tmp_path / f"out{trial}"
        process = subprocess.Popen([*slow, *command, str(out)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for _ in range(1 + chosen.randrange(4)):
            process.stdout.readline()
        time.sleep(0.1 * chosen.random())
        process.send_signal(signal.SIGKILL)
        process.wait()
        before = len(list(tmp_path.glob(f".out{trial}.partial-*/steps/*.npz")))
        computed.clear()
        done = call(*command, out, "--resume")
        assert done.returncode == 0, done.stderr
        assert len(computed) == short_steps - before
        assert without_times(out)["outputs"] == without_times(tmp_path / "whole")["outputs"]
