"""A run that was stopped goes on where it was: the same files and manifest, and no finished step done again."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fastbench.engine.command.execute import execute
from fastbench.engine.errors import InputError
from fastbench.engine.fmeasure import report
from fastbench.engine.fmeasure.command import CONFUSION_MATRIX, FMEASURE, HIERARCHICAL
from fastbench.engine.fmeasure.options import FmeasureOptions, HierarchicalOptions
from fastbench.engine.fmeasure.runs.reader import Reader
from fastbench.engine.results.manifest import read_manifest

from ...cli.running import call_process, started
from .dag import GT, IDS, NAME, write_run, write_truth

#: What of a manifest depends on when and how often the command ran.
OF_ITS_TIME = ("argv", "started", "finished", "timings", "compile_seconds", "steps")
#: Runs; and steps in all: runs, intervals of two models, their comparison.
RUNS, STEPS = 6, 6 + 2 + 1


class Stopped(Exception):
    """What stops a run in these tests."""


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models on three files of truth, with scores, a column of obs, and labels that nobody knows."""
    tmp_path = tmp_path_factory.mktemp("many")
    rng = np.random.default_rng(0)
    for i in range(3):
        true = rng.choice(IDS[1:], 40).tolist()
        truth = write_truth(tmp_path / f"truth{i}.h5ad", true, donor=rng.choice(["x", "y"], 40).tolist())
        for model in ("a", "b"):
            calls = [(str(rng.choice([true[c], *IDS[1:], "odd"])), str(rng.choice(IDS[1:]))) for c in range(len(true))]
            scores = rng.random(40).round(3).tolist()
            write_run(tmp_path / "runs" / f"{model}{i}", truth, calls, model=model, scores=scores)
    return tmp_path / "runs"


@pytest.fixture(scope="module")
def whole(many: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The result of a run that was not stopped."""
    output = tmp_path_factory.mktemp("whole") / "out"
    execute(FMEASURE, options(many), output)
    return output


def options(runs: Path, **more: Any) -> FmeasureOptions:
    given: dict[str, Any] = {
        "annotate_dirs": str(runs),
        "gt_label": GT,
        "inferred_label": NAME,
        "f_measure_top_k": 2,
        "unknown": "miss",
        "bootstrap": 20,
        "bootstrap_by": "donor",
        "figures": False,
    }
    return FmeasureOptions(**(given | more))


def files(folder: Path) -> dict[str, bytes]:
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name: content for name, content in found.items() if name != "manifest.json"}


def account(folder: Path) -> dict[str, Any]:
    return {key: value for key, value in read_manifest(folder).items() if key not in OF_ITS_TIME}


def stop_after(monkeypatch: pytest.MonkeyPatch, k: int) -> list[str]:
    """Make the reader raise when it has counted k runs; return the list that the names of those are added to."""
    counted: list[str] = []
    count = Reader._counted

    def wrapped(self: Reader, run: Any, *given: Any) -> Any:
        if len(counted) == k:
            raise Stopped
        counted.append(run.name)
        return count(self, run, *given)

    monkeypatch.setattr(Reader, "_counted", wrapped)
    return counted


@pytest.mark.parametrize("k", [0, 1, 4, 5])
def test_stopped_after_k_runs(many: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, k: int) -> None:
    monkeypatch.setattr("fastbench.kernels.cores.usable_cores", lambda: 1)  # one run after the other
    with monkeypatch.context() as patch:
        first = stop_after(patch, k)
        with pytest.raises(Stopped):
            execute(FMEASURE, options(many), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with monkeypatch.context() as patch:
        second = stop_after(patch, RUNS)
        execute(FMEASURE, options(many), tmp_path / "out", resume=True)
    assert len(first) == k
    assert sorted(first + second) == sorted(path.name for path in many.iterdir())
    assert read_manifest(tmp_path / "out")["steps"] == {"computed": STEPS - k, "taken": k}
    assert files(tmp_path / "out") == files(whole)
    assert account(tmp_path / "out") == account(whole)


def test_runs_that_are_read_at_once_are_kept_too(
    many: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fastbench.kernels.cores.usable_cores", lambda: 4)
    with monkeypatch.context() as patch:
        stop_after(patch, 4)
        with pytest.raises(Stopped):
            execute(FMEASURE, options(many), tmp_path / "out")
    kept = len(list(tmp_path.glob(".out.partial-*/steps/*.npz")))
    execute(FMEASURE, options(many), tmp_path / "out", resume=True)
    assert read_manifest(tmp_path / "out")["steps"] == {"computed": STEPS - kept, "taken": kept}
    assert files(tmp_path / "out") == files(whole)


def test_stopped_before_the_comparison(
    many: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    def stop(*given: Any) -> None:
        raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(report, "compare_groups", stop)
        with pytest.raises(Stopped):
            execute(FMEASURE, options(many), tmp_path / "out")
    with monkeypatch.context() as patch:
        patch.setattr(report, "intervals", stop)  # no interval is drawn again
        execute(FMEASURE, options(many), tmp_path / "out", resume=True)
    assert read_manifest(tmp_path / "out")["steps"] == {"computed": 1, "taken": STEPS - 1}
    assert files(tmp_path / "out") == files(whole)
    assert account(tmp_path / "out") == account(whole)


def test_a_file_that_changed_is_read_again(many: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    many = shutil.copytree(many, tmp_path / "runs")
    monkeypatch.setattr("fastbench.kernels.cores.usable_cores", lambda: 1)
    with monkeypatch.context() as patch:
        stop_after(patch, 5)
        with pytest.raises(Stopped):
            execute(FMEASURE, options(many), tmp_path / "out")
    labels = many / "a1" / "inferred_labels.csv"
    header, *rows = labels.read_text().splitlines()
    labels.write_text("\n".join([header, *rows[::-1]]) + "\n")
    execute(FMEASURE, options(many), tmp_path / "out", resume=True)
    assert read_manifest(tmp_path / "out")["steps"]["taken"] == 4
    execute(FMEASURE, options(many), tmp_path / "whole")
    assert files(tmp_path / "out") == files(tmp_path / "whole")


def test_other_options_take_no_step_but_another_device_does(
    many: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fastbench.kernels.cores.usable_cores", lambda: 1)
    for more, taken in (({"unknown": "drop"}, 0), ({"device": "reference", "cells": False}, 3)):
        with monkeypatch.context() as patch:
            stop_after(patch, 3)
            with pytest.raises(Stopped):
                execute(FMEASURE, options(many), tmp_path / "out")
        execute(FMEASURE, options(many, **more), tmp_path / "out", resume=True, overwrite=True)
        assert read_manifest(tmp_path / "out")["steps"]["taken"] == taken
        for path in sorted((tmp_path / "out").rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()


def test_the_last_step_goes_on_too(many: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from .scoring import step

    for name in ("out", "whole"):
        execute(CONFUSION_MATRIX, options(many), tmp_path / name)
        step("aggregate", tmp_path / name)
    chosen = HierarchicalOptions(bootstrap=20, bootstrap_by="donor", figures=False)
    execute(HIERARCHICAL, chosen, tmp_path / "whole", overwrite=True)

    def stop(*given: Any) -> None:
        raise InputError("stopped")

    with monkeypatch.context() as patch:
        patch.setattr(report, "compare_groups", stop)
        with pytest.raises(InputError, match="stopped"):
            execute(HIERARCHICAL, chosen, tmp_path / "out", overwrite=True)
    execute(HIERARCHICAL, chosen, tmp_path / "out", overwrite=True, resume=True)
    assert read_manifest(tmp_path / "out")["steps"] == {"computed": 1, "taken": 2}
    assert files(tmp_path / "out") == files(tmp_path / "whole")


@pytest.mark.slow
def test_killed_at_any_moment(many: Path, tmp_path: Path) -> None:
    arguments = ["--annotate-dirs", many, "--gt-label", GT, "--inferred-label", NAME, "--unknown", "miss"]
    command = ["fmeasure", *arguments, "--bootstrap-by", "donor", "--no-figures", "--output-dir"]
    begun = time.monotonic()
    assert call_process(*command, tmp_path / "whole").returncode == 0
    seconds = time.monotonic() - begun
    rng, kept = np.random.default_rng(1), 0
    for moment in sorted(rng.uniform(0.3, 1.0, 3)):
        process = started(*command, tmp_path / "out", "--resume")
        time.sleep(float(moment) * seconds)
        process.kill()
        process.wait()
        left = len(list(tmp_path.glob(".out.partial-*/steps/*.npz")))
        assert left >= kept or (tmp_path / "out").exists()
        kept = left
        if (tmp_path / "out").exists():
            break
    else:
        done = call_process(*command, tmp_path / "out", "--resume")
        assert done.returncode == 0, done.stderr
        assert read_manifest(tmp_path / "out")["steps"] == {"computed": STEPS - kept, "taken": kept}
    assert files(tmp_path / "out") == files(tmp_path / "whole")
    assert account(tmp_path / "out") == json.loads(
        json.dumps(account(tmp_path / "whole")).replace(str(tmp_path / "whole"), str(tmp_path / "out"))
    )
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".out")] == []
