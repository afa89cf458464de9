"""Peak memory of one call, in a process of its own that has loaded everything and solved a small problem before.

    python -m fastbench.bench.memory tools fastbench all_against_all 4000 500 8

prints by how many MB the call raises the peak resident memory; from Linux' own count. The first word is a module with
`build` (the problem of a job), `ready` (the call of a tool on a problem) and `small_one_like` (a small job).
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

from fastbench.bench.problem import Job

__all__ = ["peak_megabytes"]

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak_megabytes(tool: str, job: Job, calls: str = "tools") -> int | None:
    """Measure one call in a new process; None where the system does not tell."""
    if not STATUS.exists() or not os.access(CLEAR, os.W_OK):
        return None
    command = [sys.executable, "-m", "fastbench.bench.memory", calls, tool, *map(str, job)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"measuring the memory of {tool} failed:\n{done.stderr}")
    return int(done.stdout.split()[-1])


def _peak() -> int:
    """Peak resident memory in MB; not ru_maxrss, which would carry over that of the process that started us."""
    return int(STATUS.read_text().split("VmHWM:")[1].split()[0]) // 1000


def main() -> None:
    """Print the MB."""
    module, tool, name, *sizes = sys.argv[1:]
    calls = import_module(f"fastbench.bench.{module}")
    n, d, replicates = map(int, sizes)
    job: Job = (name, n, d, replicates)
    calls.ready(tool, calls.build(calls.small_one_like(job)))()
    call = calls.ready(tool, calls.build(job))
    CLEAR.write_text("5")  # making the problem may have taken more than the call: from here on the peak counts anew
    before = _peak()
    call()
    print(_peak() - before)


if __name__ == "__main__":
    main()
