"""Commands that are killed at any moment: old or new is there, the next run tidies, and goes on to the same result."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from .corpus import CPJUMP

#: Runs a command; the steps of map are small, so that many are kept (each run of the others is a step).
MAIN = """
import sys
if sys.argv[1] == "map":
    from fastbench.engine.retrieval import average_precision
    average_precision.STEP_WORK = 1e6
from fastbench.cli.main import main
main()
"""
RULES = ["--pos-sameby", "Metadata_c", "--neg-diffby", "Metadata_c", "--device", "cpu"]
COMMANDS = {
    "map": (["map", "TABLE", *RULES], "--output"),
    "cpjump": ([*CPJUMP, "--null-size", "100", "--limit-plates", "4"], "--output"),
    "fmeasure": (["fmeasure", "--bootstrap", "20"], "--output-dir"),
}
SIGNALS = {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}
#: What two equal runs never share.
OF_THE_RUN = ("argv", "started", "finished", "timings", "steps", "compile_seconds", "options", "outputs")


def write_table(path: Path) -> None:
    """Write profiles that take a moment to score."""
    rng = random.Random(0)
    rows = [f"c{i // 4},{','.join(f'{rng.gauss(0, 1):.4f}' for _ in range(20))}" for i in range(800)]
    path.write_text("\n".join(["Metadata_c," + ",".join(f"f{k}" for k in range(20)), *rows]) + "\n")


def started(command: list[str]) -> subprocess.Popen[str]:
    """Start a command in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", MAIN, *command, "--quiet"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def content(folder: Path) -> dict[str, str]:
    """Return the digests of a result, its manifest without what no two runs share; the place of the result is ``@``."""
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        data = path.read_bytes().replace(str(folder).encode(), b"@")
        if path.name == "manifest.json":
            about = json.loads(data)
            listed = {each["name"]: each["sha256"] for each in about["outputs"]}
            own = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in listed}
            assert own == listed, f"{folder} is not what its manifest lists"
            data = json.dumps({name: value for name, value in about.items() if name not in OF_THE_RUN}).encode()
        found[path.relative_to(folder).as_posix()] = hashlib.sha256(data).hexdigest()
    return found


def try_one(place: Path, name: str, table: Path, took: float, whole: dict[str, str], rng: random.Random) -> str:
    """Kill a command once; return what is wrong with what is left, and with going on from there."""
    words, flag = COMMANDS[name]
    output = place / "out"
    older = rng.random() < 0.5
    command = [str(table) if word == "TABLE" else word for word in words] + [flag, str(output), "--overwrite"]
    if older:
        shutil.copytree(place.parent / f"whole {name}", output)
    number = rng.choice([signal.SIGKILL, *SIGNALS])
    process = started(command)
    # Half of the kills fall where the result is written and replaced.
    time.sleep(rng.uniform(0.05, 1.1) * took if rng.random() < 0.5 else rng.uniform(0.7, 1.05) * took)
    if number != signal.SIGKILL and not _hears(process):
        number = signal.SIGKILL
    process.send_signal(number)
    _, errors = process.communicate(timeout=300)
    if process.returncode not in (0, SIGNALS[number]):
        return f"ended in {process.returncode} after signal {int(number)}: {errors[-1500:]}"
    if "Traceback" in errors or "Exception ignored" in errors:
        return f"a traceback after signal {int(number)}: {errors[-1500:]}"
    if older and not output.exists():
        return "the older result is gone"
    if output.exists():
        content(output)
    done = subprocess.run(
        [sys.executable, "-c", MAIN, *command, "--resume", "--quiet"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        return f"going on ended in {done.returncode}: {done.stderr[-1500:]}"
    found = content(output)
    if found != whole:
        names = [name for name in found.keys() | whole.keys() if found.get(name) != whole.get(name)]
        return f"going on gave other files: {sorted(names)}"
    if os.listdir(place) != ["out"]:
        return f"something was left: {sorted(os.listdir(place))}"
    return ""


def _hears(process: subprocess.Popen[str]) -> bool:
    """Return whether fastbench handles signals by now; before, it is Python that starts."""
    try:
        with open(f"/proc/{process.pid}/status") as file:
            (caught,) = (line.split()[1] for line in file if line.startswith("SigCgt"))
    except (OSError, ValueError):
        return True
    return bool(int(caught, 16) & 1 << (signal.SIGTERM - 1))


def soak(minutes: float, seed: int, only: str, report: Callable[[str], None], most: int | None = None) -> int:
    """Kill for some minutes, commands in turn; return how much was found."""
    findings: list[str] = []
    counts: Counter[str] = Counter()
    until = time.monotonic() + 60 * minutes
    with tempfile.TemporaryDirectory(prefix="kills") as temporary:
        folder = Path(temporary)
        table = folder / "p.csv"
        write_table(table)
        took, whole = {}, {}
        commands = {name: command for name, command in COMMANDS.items() if only in name}
        for name, (words, flag) in commands.items():
            output = folder / f"whole {name}"
            command = [str(table) if word == "TABLE" else word for word in words] + [flag, str(output)]
            compiled = True
            while compiled:
                shutil.rmtree(output, ignore_errors=True)
                begun = time.monotonic()
                process = started(command)
                _, errors = process.communicate()
                assert process.returncode == 0, errors
                took[name] = time.monotonic() - begun
                compiled = json.loads((output / "manifest.json").read_text())["compile_seconds"] > 0
            whole[name] = content(output)
        number = 0
        while time.monotonic() < until and (most is None or number < most):
            for name in commands:
                place = folder / str(number) / name
                place.mkdir(parents=True)
                # A whole result of the other place has the same files: paths in it are compared without their folder.
                rng = random.Random(f"{seed} {name} {number}")
                shutil.copytree(folder / f"whole {name}", folder / str(number) / f"whole {name}")
                try:
                    wrong = try_one(place, name, table, took[name], whole[name], rng)
                except AssertionError as error:
                    wrong = str(error)
                counts[name] += 1
                if wrong:
                    findings.append(f"{name} {number}: {wrong}")
                    report(findings[-1])
                if time.monotonic() > until:
                    break
            shutil.rmtree(folder / str(number))
            number += 1
    report(f"{sum(counts.values())} kills of {len(counts)} commands, seed {seed}: {len(findings)} findings")
    return len(findings)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="commands whose names hold this")
    parser.add_argument("--most", type=int, help="end after so many kills of each command")
    given = parser.parse_args()
    sys.exit(bool(soak(given.minutes, given.seed, given.only, _say, given.most)))
