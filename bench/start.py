"""What starting costs, in CPU seconds: a first run, which compiles kernels, a second one, and a new Python process.

    python -m fastbench.bench.start

prints them and what they are made of. CPU seconds of a process and its children hardly depend on how many others wait
for the cores, though on how much those use the caches: read ratios within one run.
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

__all__ = ["LINCS", "Started", "by_import", "by_kernel", "lincs", "one_plate", "start"]

#: The example of the README.
LINCS = [
    "map",
    "sample:lincs",
    "--derive",
    "Metadata_negcon = Metadata_broad_sample == 'DMSO'",
    "--queries",
    "Metadata_broad_sample != 'DMSO'",
    "--pos-sameby",
    "Metadata_broad_sample",
    "--neg-diffby",
    "Metadata_negcon",
]
_MAIN = "from fastbench.cli.main import main; main()"
#: Runs the command line and prints the CPU seconds of each kernel that it compiles.
_COMPILING = """
import json, sys, time
from fastbench.kernels import compile
compile_one, seconds = compile._compiled, {}
def timed(kernel, arguments, symbol):
    start = time.thread_time()
    found = compile_one(kernel, arguments, symbol)
    seconds[f"{kernel.__module__.removeprefix('fastbench.kernels.')}.{kernel.__name__}"] = time.thread_time() - start
    return found
compile._compiled = timed
from fastbench.cli.main import main
try:
    main()
finally:
    print(json.dumps(seconds))
"""


class Started(NamedTuple):
    """A process that is over."""

    cpu_s: float
    output: str
    errors: str


def start(command: Sequence[str], cache: Path | None = None, *flags: str) -> Started:
    """Run Python in a new process.

    Parameters
    ----------
    command : sequence of str
        What follows ``python``.
    cache : Path, optional
        Folder of compiled kernels, instead of the usual one.
    *flags : str
        Options of Python itself.

    Returns
    -------
    Started
        CPU seconds of the process and its children, user and system, and what it printed.
    """
    environment: Mapping[str, str] = os.environ | ({"NUMBA_CACHE_DIR": str(cache)} if cache else {})
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, *flags, *command], env=environment, capture_output=True, text=True, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Started(used, done.stdout, done.stderr)


def lincs(output: Path, code: str = _MAIN) -> list[str]:
    """Return what follows ``python`` to score the plate that comes with the package."""
    return ["-c", code, *LINCS, "--output", str(output), "--overwrite"]


def one_plate(folder: Path) -> None:
    """Write one plate of CPJUMP1 for `fastbench.bench.replicability`."""
    from fastbench.bench.replicability import JOB, configurations, write

    write(configurations((JOB[0], 1, JOB[2], JOB[3])), folder)


def by_kernel(output: Path, cache: Path) -> dict[str, float]:
    """Return the CPU seconds of each kernel that a first run compiles; `cache` must be empty.

    The first one pays for importing Numba.
    """
    printed = start(lincs(output, _COMPILING), cache).output.splitlines()[-1]
    return dict(Counter(json.loads(printed)).most_common())


def by_import(command: Sequence[str], cache: Path | None = None) -> dict[str, float]:
    """Return the seconds that a process spends importing each package, of those above 0.01 s."""
    seconds: Counter[str] = Counter()
    for line in start(command, cache, "-X", "importtime").errors.splitlines():
        found = re.match(r"import time:\s+(\d+) \|\s+\d+ \|\s+([^.\s]+)", line)
        if found:
            seconds[found[2]] += int(found[1])
    return {name: spent / 1e6 for name, spent in seconds.most_common() if spent > 10_000}


def main() -> None:
    """Print what starting costs and what that is made of."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        plate = folder / "plate"
        plate.mkdir()
        one_plate(plate)
        print("CPU seconds")
        print(f"{start(lincs(folder / 'lincs'), folder / 'first').cpu_s:7.2f}  map sample:lincs, first run")
        print(f"{start(lincs(folder / 'lincs'), folder / 'first').cpu_s:7.2f}  map sample:lincs, second run")
        for tool in ("fastbench", "copairs"):
            command = ["-m", "fastbench.bench.replicability", tool, str(plate)]
            start(command)
            print(f"{start(command).cpu_s:7.2f}  {tool}: a plate with p-values in a new process")
        parts = {
            "first run, by kernel (the first one imports Numba)": by_kernel(folder / "lincs", folder / "other"),
            "second run, by import": by_import(lincs(folder / "lincs"), folder / "first"),
        }
        for name, seconds in parts.items():
            print(f"\n{name}: {sum(seconds.values()):.2f}")
            for part, spent in seconds.items():
                print(f"{spent:7.2f}  {part}")


if __name__ == "__main__":
    main()
