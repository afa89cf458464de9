"""The problem that the average-precision benchmarks share, and its peak memory in a process of its own.

Run as a program, ``python bench/problem.py fastbench|copairs N`` prints by how many MB one call raises the peak
resident memory of a process that has loaded everything and solved a small problem before.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

RULE: tuple[list[str], ...] = (["Metadata_group"], [], [], ["Metadata_group"])


def problem(n: int, d: int = 500, replicates: int = 8) -> tuple[pd.DataFrame, np.ndarray]:
    """Make n rows of d features in groups of replicates; negatives are all other groups."""
    rng = np.random.default_rng(0)
    group = np.arange(n) // replicates
    centre = rng.normal(size=(n // replicates + 1, d)).astype(np.float32)
    features = rng.normal(size=(n, d)).astype(np.float32) + np.float32(0.3) * centre[group]
    return pd.DataFrame({"Metadata_group": group.astype(str)}), features


def solve(tool: str, meta: pd.DataFrame, features: np.ndarray) -> pd.DataFrame:
    """One call of the tool."""
    if tool == "fastbench":
        import fastbench

        return fastbench.average_precision(meta, features, *RULE)
    from copairs.map import average_precision

    return average_precision(meta, features, *RULE, progress_bar=False)


def peak_megabytes(tool: str, n: int) -> int:
    """Measure one call in a new process."""
    done = subprocess.run([sys.executable, __file__, tool, str(n)], check=True, capture_output=True, text=True)
    return int(done.stdout.split()[-1])


def _peak() -> int:
    """Peak resident memory in MB, from Linux: ru_maxrss would carry over that of the process that started us."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1000


if __name__ == "__main__":
    data = problem(int(sys.argv[2]))
    solve(sys.argv[1], *problem(64))
    before = _peak()
    solve(sys.argv[1], *data)
    print(_peak() - before)
