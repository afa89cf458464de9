"""Peak memory of one call, in a process of its own that has loaded everything and solved a small problem before.

    python -m fastbench.bench.memory fastbench all_against_all 4000 500 8

prints by how many MB the call raises the peak resident memory; from Linux' own count.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from fastbench.bench.problem import Job, build, small_one_like
from fastbench.bench.tools import ready

__all__ = ["peak_megabytes"]

STATUS = Path("/proc/self/status")


def peak_megabytes(tool: str, job: Job) -> int | None:
    """Measure one call in a new process; None where the system does not tell."""
    if not STATUS.exists():
        return None
    command = [sys.executable, "-m", "fastbench.bench.memory", tool, *map(str, job)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"measuring the memory of {tool} failed:\n{done.stderr}")
    return int(done.stdout.split()[-1])


def _peak() -> int:
    """Peak resident memory in MB; not ru_maxrss, which would carry over that of the process that started us."""
    return int(STATUS.read_text().split("VmHWM:")[1].split()[0]) // 1000


def main() -> None:
    """Print the MB."""
    tool, name, *sizes = sys.argv[1:]
    n, d, replicates = map(int, sizes)
    job: Job = (name, n, d, replicates)
    problem = build(job)
    ready(tool, build(small_one_like(job)))()
    before = _peak()
    ready(tool, problem)()
    print(_peak() - before)


if __name__ == "__main__":
    main()
