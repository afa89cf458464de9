"""The device benchmark at a size for a CPU, so that it still runs when somebody has a GPU for it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import fastbench

SCRIPT = Path(fastbench.__file__).parent / "bench" / "gpu.py"


def test_counts_are_those_of_the_cpu(tmp_path):
    sizes = ["--n", "600", "--d", "64", "--platform", "cpu", "--check", "50", "--json", str(tmp_path / "result.json")]
    done = subprocess.run([sys.executable, str(SCRIPT), *sizes], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "result.json").read_text())
    assert (result["n"], result["checked_queries"], result["differing_counts"]) == (600, 50, 0)
