"""Commands that are killed at any moment: old or new is there, the next run tidies, and goes on to the same result.

Each run is a child of a process that has imported everything, so that a kill costs no start of Python; it is a process
of its own with its own number, and dies of the signal as any other. Its result is read all the while. Kills fall
anywhere from the start of a run to after its end, and, as often, right after the manifest is staged, which is when the
result takes its place. After one to four of them a run with ``--resume`` must end in what an undisturbed run wrote.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

from .corpus import CPJUMP, replaced
from .fuzz import inside, make_corpus, warm

RULES = ["--pos-sameby", "Metadata_c", "--neg-diffby", "Metadata_c", "--device", "cpu"]
JUDGED = ["--labels", "Metadata_c", "--batch", "Metadata_Plate", "--tasks", "embedding,batch_integration"]
#: Of each command its words, and those that give another result, which is there when a run begins.
COMMANDS = {
    "map": (["map", "@large.csv", *RULES, "--output", "OUTPUT"], ["--threshold", "0.2"]),
    "cpjump": (
        [*CPJUMP, "--device", "cpu", "--limit-plates", "4", "--output", "OUTPUT", "--null-size", "100"],
        ["--null-size", "90"],
    ),
    "fmeasure": (
        [
            *["fmeasure", "--truth", "@truth.csv:ct", "--pred", "m=@calls.csv:ct", "--pred", "n=@calls.parquet:ct"],
            *["--output-dir", "OUTPUT", "--bootstrap", "20"],
        ],
        ["--bootstrap", "30"],
    ),
    "embed": (
        [
            *["embed", "a=@cells.h5ad@obsm:X_e", "b=@p.csv", *JUDGED, "--device", "cpu"],
            *["--output", "OUTPUT", "--bootstrap", "20"],
        ],
        ["--bootstrap", "30"],
    ),
}
SIGNALS = {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}
#: What two equal runs never share.
OF_THE_RUN = (
    *("argv", "started", "finished", "timings", "steps", "compile_seconds", "options", "outputs"),
    "peak_memory_mebibytes",
)
#: Small steps of map, so that many are kept; each run of the others is one or more.
STEP_WORK = 1e6
_ENDS_WITHIN = 300.0
_PAUSE = 0.01  # seconds between two readings
_NEVER = 1e9


@dataclass
class Command:
    """A command, and what it leaves when nothing disturbs it.

    Attributes
    ----------
    words : list of str
        What is run, with ``OUTPUT`` where the result goes.
    older : Path
        Another result of it.
    new : dict of str to str
        What a whole run leaves, see `content`.
    seconds : dict of bool to float
        How long a run takes, by whether it goes on from finished steps; follows the load.
    """

    words: list[str]
    older: Path
    new: dict[str, str]
    seconds: dict[bool, float] = field(default_factory=dict)


class WrongError(Exception):
    """What must not be."""


def write_table(path: Path) -> None:
    """Write profiles that take a moment to score."""
    rng = random.Random(0)
    rows = [f"c{i // 4},{','.join(f'{rng.gauss(0, 1):.4f}' for _ in range(20))}" for i in range(800)]
    path.write_text("\n".join(["Metadata_c," + ",".join(f"f{k}" for k in range(20)), *rows]) + "\n")


def content(folder: Path) -> dict[str, str]:
    """Return the digests of a result, its manifest without what no two runs share; the place of the result is ``@``."""
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        data = path.read_bytes().replace(str(folder).encode(), b"@")
        if path.name == "manifest.json":
            about = json.loads(data)
            listed = {each["name"]: each["sha256"] for each in about["outputs"]}
            own = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in listed}
            if own != listed:
                raise WrongError(f"{folder} is not what its manifest lists")
            data = _without(about, OF_THE_RUN)
        elif path.name == "results.vcp.json":
            data = _without(json.loads(data), ("timestamp", "runtime_metrics"))
        found[path.relative_to(folder).as_posix()] = hashlib.sha256(data).hexdigest()
    return found


def _without(about: dict[str, object], names: Collection[str]) -> bytes:
    return json.dumps({name: value for name, value in about.items() if name not in names}).encode()


def read_now(output: Path) -> dict[str, str] | None:
    """Return what a reader finds while a run may replace it: the whole of one folder; None: there is none.

    Raises
    ------
    WrongError
        When a folder that stayed in its place while it was read is not a whole result.
    """
    while True:
        try:
            before = output.stat().st_ino
        except FileNotFoundError:
            return None
        found, wrong = None, ""
        try:
            found = content(output)
        except (OSError, ValueError, KeyError, WrongError) as error:
            wrong = f"a reader found no whole result: {error!r}"
        try:
            same = output.stat().st_ino == before
        except FileNotFoundError:
            same = False
        if same and wrong:
            raise WrongError(wrong)
        if same:
            return found


class Run:
    """A run in a process of its own, which has everything imported from the start."""

    def __init__(self, words: list[str], place: Path) -> None:
        self.printed = place.with_name(f"{place.name}.printed")
        self.begun = time.monotonic()
        self.seconds = 0.0
        self.code: int | None = None
        self.number = os.fork()
        if not self.number:
            os.setpgid(0, 0)
            inside([*words, "--quiet"], self.printed)

    def ended(self) -> bool:
        """Return whether it has ended by now."""
        if self.code is None:
            found, status = os.waitpid(self.number, os.WNOHANG)
            if found:
                self.code = os.waitstatus_to_exitcode(status)
                self.seconds = time.monotonic() - self.begun
        return self.code is not None

    def wait(self) -> None:
        """Wait for its end.

        Raises
        ------
        WrongError
            When it does not end, and is ended.
        """
        while not self.ended():
            time.sleep(0.002)
            if time.monotonic() - self.begun > _ENDS_WITHIN:
                os.killpg(self.number, signal.SIGKILL)
                raise WrongError(f"it did not end within {_ENDS_WITHIN:g} s")

    def said(self) -> str:
        """Return the end of what it printed."""
        return self.printed.read_text("utf-8", "replace")[-1500:] if self.printed.exists() else ""

    def hears(self) -> bool:
        """Return whether fastbench handles signals by now; before, it is Python that starts."""
        try:
            with open(f"/proc/{self.number}/status") as file:
                (caught,) = (line.split()[1] for line in file if line.startswith("SigCgt"))
        except (OSError, ValueError):
            return True
        return bool(int(caught, 16) & 1 << (signal.SIGTERM - 1))


def kill_once(
    run: Run, place: Path, read: Callable[[], object], moments: tuple[float, float], number: signal.Signals
) -> signal.Signals:
    """Kill a run so many seconds after its start, or after its manifest is staged; return the signal that it got."""
    since_start, since_manifest = moments
    staged = _NEVER
    while not run.ended():
        now = time.monotonic()
        if now >= run.begun + since_start or now >= staged + since_manifest:
            number = number if number == signal.SIGKILL or run.hears() else signal.SIGKILL
            os.kill(run.number, number)
            break
        if since_manifest == _NEVER:
            read()
            time.sleep(min(_PAUSE, max(run.begun + since_start - time.monotonic(), 0)))
        elif staged == _NEVER and any(place.glob(".out.partial-*/manifest.json")):
            staged = now
        else:
            time.sleep(0.0002)
    run.wait()
    return number


def try_one(place: Path, command: Command, rng: random.Random, counts: Counter[str]) -> None:
    """Kill a command some times and go on.

    Raises
    ------
    WrongError
        For what is wrong with what is left, and with going on from there.
    """
    output = place / "out"
    there: dict[str, str] | None = None
    if rng.random() < 0.5:
        shutil.copytree(command.older, output)
        there = content(output)
    words = [*(str(output) if word == "OUTPUT" else word for word in command.words), "--overwrite"]

    def read() -> dict[str, str] | None:
        found = read_now(output)
        counts["readings"] += 1
        if found not in (there, command.new):
            raise WrongError("the older result is gone" if found is None else "a reader found neither old nor new")
        return found

    for _ in range(rng.choice([1, 1, 2, 3, 4])):
        on = rng.random() < 0.7
        usual = command.seconds[on and any(place.glob(".out.partial-*/steps/*.npz"))]
        by_clock = rng.random() < 0.6
        moments = (rng.uniform(0, 1.05) * usual, _NEVER) if by_clock else (_NEVER, rng.uniform(0, 0.03))
        number = rng.choice([signal.SIGKILL] * 4 + [signal.SIGTERM, signal.SIGINT])
        run = Run([*words, *(["--resume"] if on else [])], place)
        number = kill_once(run, place, read, moments, number)
        due = SIGNALS[number]
        counts["kills" if run.code == due else "ended before"] += 1
        if run.code not in (0, due):
            raise WrongError(f"ended in {run.code} after signal {int(number)}: {run.said()}")
        if "Traceback" in run.said() or "Exception ignored" in run.said():
            raise WrongError(f"a traceback after signal {int(number)}: {run.said()}")
        found = read()
        if run.code == due:
            counts[f"by {number.name}"] += 1
            counts["none left" if found is None else "new left" if found == command.new else "old left"] += 1
        elif found != command.new:
            raise WrongError("it ended in 0 without the new result")
        there = found
    # of a step that a run without --resume did again there are two files, where it holds times
    left = {path.name.partition("-")[0] for path in place.glob(".out.partial-*/steps/*.npz")}
    run = Run([*words, "--resume"], place)
    run.wait()
    if run.code:
        raise WrongError(f"going on ended in {run.code}: {run.said()}")
    _follow(command.seconds, bool(left), run.seconds)
    found = content(output)
    if found != command.new:
        names = [name for name in found.keys() | command.new.keys() if found.get(name) != command.new.get(name)]
        raise WrongError(f"going on gave other files: {sorted(names)}")
    if os.listdir(place) != ["out"]:
        raise WrongError(f"something was left: {sorted(os.listdir(place))}")
    taken = json.loads((output / "manifest.json").read_text())["steps"]["taken"]
    if taken != len(left):
        raise WrongError(f"{len(left)} finished steps were left, {taken} were taken")
    counts["went on"] += 1
    counts["finished steps taken"] += taken


def _follow(seconds: dict[bool, float], on: bool, took: float) -> None:
    seconds[on] += 0.3 * (took - seconds[on])


def prepared(folder: Path, corpus: Path, name: str) -> Command:
    """Run a command undisturbed, until nothing is compiled any more."""
    words, other = COMMANDS[name]
    place = folder / name
    place.mkdir()

    def run(output: Path, *more: str) -> float:
        run = Run([*replaced(words, lambda file: str(corpus / file), str(output)), *more, "--overwrite"], place)
        run.wait()
        assert run.code == 0, run.said()
        return run.seconds

    new, older = place / "new", place / "older"
    seconds = run(new)
    while json.loads((new / "manifest.json").read_text())["compile_seconds"] > 0:
        seconds = run(new)
    run(older, *other)
    assert content(older) != content(new)
    named = replaced(words, lambda file: str(corpus / file), "OUTPUT")
    return Command(named, older, content(new), {False: seconds, True: seconds})


def _work(
    folder: Path, commands: dict[str, Command], numbers: range, until: float, seed: int, report: Callable[[str], None]
) -> None:
    """Do the trials of one worker, commands in turn."""
    for number in numbers:
        for name, command in commands.items():
            if time.monotonic() > until:
                return
            place = folder / f"{number} {name}" / "place"
            place.mkdir(parents=True)
            counts: Counter[str] = Counter()
            wrong = ""
            try:
                try_one(place, command, random.Random(f"{seed} {name} {number}"), counts)
            except (WrongError, OSError, ValueError) as error:
                wrong = f"{name} {number}: {error if isinstance(error, WrongError) else repr(error)}"
            report(json.dumps([wrong, counts]))
            if not wrong:
                shutil.rmtree(place.parent)


def soak(minutes: float, seed: int, only: str, report: Callable[[str], None], most: int | None = None) -> int:
    """Kill for some minutes, with a worker a core; return how much was found."""
    from fastbench.engine.retrieval import average_precision
    from fastbench.kernels.cores import usable_cores

    counts: Counter[str] = Counter()
    n_findings = 0
    with tempfile.TemporaryDirectory(prefix="kills") as temporary:
        folder = Path(temporary)
        corpus = folder / "corpus"
        corpus.mkdir()
        make_corpus(corpus, ["csv", "truth"])
        write_table(corpus / "large.csv")
        warm()
        average_precision.STEP_WORK = STEP_WORK
        commands = {name: prepared(folder, corpus, name) for name in COMMANDS if only in name}
        until, workers = time.monotonic() + 60 * minutes, usable_cores()
        receive, send = os.pipe()
        children = []
        for worker in range(workers):
            child = os.fork()
            if not child:
                os.close(receive)
                with os.fdopen(send, "w") as stream:
                    numbers = range(worker, sys.maxsize if most is None else most, workers)
                    _work(folder, commands, numbers, until, seed, lambda line: print(line, file=stream, flush=True))
                os._exit(0)
            children.append(child)
        os.close(send)
        with os.fdopen(receive) as lines:
            for line in lines:
                wrong, more = json.loads(line)
                counts.update(more)
                counts["trials"] += 1
                if wrong:
                    n_findings += 1
                    report(wrong)
        for child in children:
            if os.waitpid(child, 0)[1]:
                n_findings += 1
                report("a worker of this harness failed")
    report("; ".join(f"{name}: {count}" for name, count in sorted(counts.items()) if name != "kills"))
    report(f"{counts['kills']} kills of {len(commands)} commands, seed {seed}: {n_findings} findings")
    return n_findings


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="commands whose names hold this")
    parser.add_argument("--most", type=int, help="end after so many trials of each command")
    given = parser.parse_args()
    sys.exit(bool(soak(given.minutes, given.seed, given.only, _say, given.most)))
