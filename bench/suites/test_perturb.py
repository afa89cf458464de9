"""Differential expression of perturbations, and whole evaluations, beside the tools that others use for them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from fastbench.bench.memory import peak_megabytes
from fastbench.bench.perturb.differential import SCIPY_DOES, build, ready, small_one_like
from fastbench.bench.perturb.evaluation import write
from fastbench.bench.problem import Job
from fastbench.bench.start import start

MODULE = "perturb.differential"
NEEDED = {"illico": "illico", "SciPy": "scipy", "fastbench": "numpy"}


def job_of(benchmark: Any, tool: str, group: str, job: Job) -> None:
    if find_spec(NEEDED[tool]) is None:
        pytest.skip(f"{tool} is not installed")
    _, n, genes, perturbations = job
    benchmark.group = f"perturbations, {group}"
    benchmark.extra_info.update(tool=tool, n=n, genes=genes, perturbations=perturbations)


def note(benchmark: Any, spent: float) -> None:
    """Add CPU seconds, which do not grow while others have the cores."""
    info = benchmark.extra_info
    shown = f"{info['n']:,} x {info['genes']:,}, {info['perturbations']} perturbations ({spent:.2f} CPU s)"
    info.update(job=shown, cpu_seconds=spent)


@pytest.mark.parametrize("tool", ["fastbench", "illico", "SciPy"])
@pytest.mark.parametrize("n", [pytest.param(4_000, marks=pytest.mark.quick), 20_000])
def test_differential(benchmark: Any, n: int, tool: str) -> None:
    """Rank sums of 100 perturbations over 1,000 genes, 15 % of them in a cell; of SciPy some are measured."""
    job: Job = ("differential", n, 1_000, 100)
    job_of(benchmark, tool, "differential expression", job)
    if tool == "fastbench":
        benchmark.extra_info["peak_MB"] = peak_megabytes(tool, job, MODULE)
    ready(tool, build(small_one_like(job)))()
    call, spent = ready(tool, build(job)), []

    def once() -> None:
        started = time.process_time()
        call()
        spent.append(time.process_time() - started)

    benchmark.pedantic(once, rounds=1 if tool == "SciPy" else 5)
    times = 100 / SCIPY_DOES if tool == "SciPy" else 1
    note(benchmark, min(spent) * times)


@pytest.mark.parametrize("tool", ["fastbench", "illico"])
def test_first_call(benchmark: Any, tool: str) -> None:
    """The same in a new process: CPU seconds are of imports and call; the clock also counts drawing the cells."""
    job: Job = ("differential", 20_000, 1_000, 100)
    job_of(benchmark, tool, "differential expression in a new process", job)
    command = ["-m", f"fastbench.bench.{MODULE}", tool, *map(str, job[1:])]
    start(command)
    spent: list[float] = []
    benchmark.pedantic(lambda: spent.append(float(start(command).output)), rounds=3)
    note(benchmark, min(spent))


@pytest.mark.parametrize("tool", ["fastbench", "fastbench cell-eval", "cell-eval"])
@pytest.mark.parametrize("n", [pytest.param(4_000, marks=pytest.mark.quick), 20_000])
def test_evaluation(benchmark: Any, n: int, tool: str, tmp_path: Path) -> None:
    """Five predictions from files to tables, a prediction's share of it; cell-eval judges one, with its own metrics.

    fastbench counts its baselines and halvings in. CPU seconds are of a second call; those of import and first call,
    of all five, are in the name of the job. Set CELL_EVAL_PYTHON to a Python that has cell-eval.
    """
    python = os.environ.get("CELL_EVAL_PYTHON") if tool == "cell-eval" else sys.executable
    if python is None and find_spec("cell_eval") is None:
        pytest.skip("cell-eval is not installed; set CELL_EVAL_PYTHON to a Python that has it")
    job: Job = ("evaluation", n, 1_000, n // 200)
    predictions = 1 if tool == "cell-eval" else 5
    write(tmp_path, job, predictions)
    script = Path(__file__).parent.parent / "peers" / "perturbation_evaluation.py"
    command = [python or sys.executable, "-P", str(script), tool, str(tmp_path), str(predictions)]
    found: list[dict[str, float]] = []

    def once() -> None:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found.append(json.loads(done.stdout.splitlines()[-1]))

    benchmark.group = "perturbations, whole evaluation, a prediction"
    benchmark.extra_info.update(tool=tool, n=n, genes=1_000, perturbations=job[3])
    benchmark.pedantic(once, rounds=1)
    note(benchmark, found[0]["second"] / predictions)
    cold = found[0]["import"] + found[0]["first"]
    benchmark.extra_info["job"] += f", {cold:.1f} CPU s for {predictions} in a new process"
