"""The pipeline of cell-type annotation: annotate directories and AnnData truth to matrices, tables and figures.

cellarium-cas itself is measured where ``CELLARIUM_PYTHON`` names a Python that has its repository installed, with the
extra ``benchmark`` (the release on the package index has no benchmarking).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fastbench.bench.annotation import GT_LABEL, INFERRED_LABEL, write_directories
from fastbench.bench.peers import annotation
from fastbench.engine.command.execute import execute
from fastbench.engine.fmeasure.command import FMEASURE
from fastbench.engine.fmeasure.options import FmeasureOptions

TERMS, RANKS = 3_018, 3
FASTBENCH = [sys.executable, "-c", "from fastbench.cli.main import main; main()", "fmeasure", "--overwrite"]
ALONE = ["--no-cells", "--bootstrap", "0", "--no-figures"]
CELLARIUM = (
    "import sys; from pathlib import Path\n"
    "from cellarium.cas.cli._benchmark_impl import run_all_steps\n"
    "run_all_steps(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:5], int(sys.argv[5]))\n"
)
# Linux gives a process the peak memory of the one that started it, so one that is small must start it.
PEAK = (
    "import resource, subprocess, sys\n"
    "subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)\n"
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 // 1_000_000)\n"
)
# The same for every line that comes in, in a process that has loaded all it needs.
CELLARIUM_LOADED = (
    CELLARIUM.rpartition("run_all_steps(")[0]
    + "for _ in sys.stdin:\n"
    + "    run_all_steps(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:5], int(sys.argv[5]))\n"
    + "    print('done', flush=True)\n"
)
REFERENCE = pytest.param(
    "cellarium-cas",
    marks=pytest.mark.skipif("CELLARIUM_PYTHON" not in os.environ, reason="set CELLARIUM_PYTHON to measure it"),
)
CELLS = pytest.mark.parametrize("cells", [pytest.param(5_000, marks=pytest.mark.quick), 100_000])


@pytest.fixture(scope="module")
def directories(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int, int], Path]:
    made: dict[tuple[int, int], Path] = {}

    def make(cells: int, genes: int) -> Path:
        """Two models on four samples; one of each where the genes are what is looked at."""
        if (cells, genes) not in made:
            folder = tmp_path_factory.mktemp("annotation")
            many = genes == 2_000
            made[cells, genes] = write_directories(
                folder,
                models=2 if many else 1,
                samples=4 if many else 1,
                cells=cells,
                terms=TERMS,
                ranks=RANKS,
                genes=genes,
            )
        return made[cells, genes]

    return make


def command(tool: str, runs: Path, output: Path, script: str = CELLARIUM) -> list[str]:
    options = ["--annotate-dirs", str(runs), "--gt-label", GT_LABEL, "--inferred-label", INFERRED_LABEL]
    options += ["--f-measure-top-k", str(RANKS), "--output-dir", str(output)]
    if tool.startswith("fastbench"):
        return [*FASTBENCH, *options, *(ALONE if tool == "fastbench" else [])]
    if tool == "cellarium-cas":
        named = [str(runs), str(output), GT_LABEL, INFERRED_LABEL, str(RANKS)]
        return [os.environ["CELLARIUM_PYTHON"], "-c", script, *named]
    return [sys.executable, "-m", "fastbench.bench.peers.annotation", str(runs), str(output), str(RANKS)]


def run(benchmark: Any, tool: str, runs: Path, output: Path, rounds: int) -> None:
    """Time a process from start to end, and note its peak memory."""
    peaks: list[int] = []

    def once() -> None:
        measured = [sys.executable, "-S", "-c", PEAK, *command(tool, runs, output)]
        peaks.append(int(subprocess.run(measured, capture_output=True, text=True, check=True).stdout))

    def anew() -> None:
        if not tool.startswith("fastbench"):
            shutil.rmtree(output, ignore_errors=True)
            output.mkdir()

    benchmark.pedantic(once, setup=anew, rounds=rounds)
    benchmark.extra_info["peak_MB"] = min(peaks)


@pytest.mark.parametrize("tool", ["fastbench", "fastbench, all", REFERENCE, "pandas, scikit-learn"])
@CELLS
def test_from_start(benchmark: Any, directories: Any, tmp_path: Path, cells: int, tool: str) -> None:
    """Eight directories, three ranks, 2,000 genes; imports included. "all": intervals, comparison and figures too."""
    benchmark.group = "annotation, from start to files"
    benchmark.extra_info.update(tool=tool, job=f"8 x {cells:,} cells")
    run(benchmark, tool, directories(cells, 2_000), tmp_path / "out", rounds=3 if tool == "fastbench" else 1)


@pytest.mark.parametrize("tool", ["fastbench", REFERENCE, "pandas, scikit-learn"])
@CELLS
def test_loaded(benchmark: Any, directories: Any, tmp_path: Path, cells: int, tool: str) -> None:
    """The same in a process that has loaded all it needs."""
    benchmark.group = "annotation, files to files"
    benchmark.extra_info.update(tool=tool, job=f"8 x {cells:,} cells")
    runs, output = directories(cells, 2_000), tmp_path / "out"
    options = FmeasureOptions(
        annotate_dirs=str(runs),
        gt_label=GT_LABEL,
        inferred_label=INFERRED_LABEL,
        f_measure_top_k=RANKS,
        cells=False,
        bootstrap=0,
        figures=False,
    )

    def fastbench() -> None:
        execute(FMEASURE, options, output, overwrite=True)

    def peer() -> None:
        shutil.rmtree(output, ignore_errors=True)
        annotation.run(runs, output, RANKS)

    if tool == "fastbench":
        benchmark.pedantic(fastbench, rounds=5, warmup_rounds=1)
    elif tool == "cellarium-cas":
        with subprocess.Popen(
            command(tool, runs, output, CELLARIUM_LOADED),
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None

            def once() -> None:
                process.stdin.write("go\n")
                process.stdin.flush()
                # It may print other things.
                assert any(line == "done\n" for line in iter(process.stdout.readline, ""))

            def anew() -> None:
                shutil.rmtree(output, ignore_errors=True)
                output.mkdir()

            benchmark.pedantic(once, setup=anew, rounds=2)
            process.stdin.close()
    else:
        benchmark.pedantic(peer, rounds=1)


@pytest.mark.parametrize("genes", [100, 30_000])
def test_genes(benchmark: Any, directories: Any, tmp_path: Path, genes: int) -> None:
    """One directory of 20,000 cells: the size of the expression matrix does not matter."""
    benchmark.group = "annotation, genes of the truth's file"
    benchmark.extra_info.update(tool="fastbench", job=f"20,000 cells x {genes:,} genes")
    run(benchmark, "fastbench", directories(20_000, genes), tmp_path / "out", rounds=3)
