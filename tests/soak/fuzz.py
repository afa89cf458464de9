"""Mutated files of every kind: each ends in a result, or in one sentence and exit code 2, within limits."""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from .corpus import CASES, Case, file_of, replaced

#: Limits of a run: seconds by the clock, and bytes of memory.
SECONDS, BYTES = 60, 8 * 2**30
#: A line of progress, or what Python and Polars say beside an error.
_PROGRESS = re.compile(r"fastbench [a-z -]+: |note: |warning: ")
_HEADERS = ("zarr.json", ".zarray", ".zattrs", ".zgroup", ".zmetadata")


class Finding(NamedTuple):
    """What went wrong: the words, and what the run printed."""

    words: str
    printed: str


# --- mutations ---


def mutate(content: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """Return a file as it may come: bits flipped, cut, extended, holes of zeros, parts doubled, moved or of others."""
    data = bytearray(content)
    for _ in range(rng.choice([1, 1, 1, 2, 3, 8])):
        at = rng.randrange(len(data) + 1)
        length = min(rng.choice([1, 2, 4, 8, 16, 64, 512, 4096]), len(data) - at)
        kind = rng.choice(
            ["bit", "byte", "zero", "ones", "cut", "end", "double", "drop", "swap", "other", "number", "word"]
        )
        if kind == "bit" and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif kind == "byte" and at < len(data):
            data[at] = rng.randrange(256)
        elif kind in ("zero", "ones"):
            data[at : at + length] = (b"\0" if kind == "zero" else b"\xff") * length
        elif kind == "cut":
            del data[at:]
        elif kind == "end":
            data += bytes(rng.randrange(256) for _ in range(length))
        elif kind == "double":
            data[at:at] = data[at : at + length]
        elif kind == "drop":
            del data[at : at + length]
        elif kind == "swap":
            to = rng.randrange(len(data) + 1)
            one, other = bytes(data[at : at + length]), bytes(data[to : to + length])
            data[at : at + length], data[to : to + length] = other, one
        elif kind == "other":
            other = rng.choice(others)
            start = rng.randrange(len(other) + 1)
            data[at : at + length] = other[start : start + length]
        elif kind == "number":
            _change(
                data, rng, rb"-?\d+(\.\d+)?", [b"0", b"-1", b"1e999", b"NaN", b"9" * 30, b"9" * 400, b"2147483648", b""]
            )
        else:
            words = [b"null", b"true", b'"\\ud800"', b"[" * 2000, b"{}", b"a,b", b"\xc3\xa9", b"../../x", b"\n", b'"']
            _change(data, rng, rb'"?[A-Za-z_]{2,}"?', words)
    return bytes(data)


def _change(data: bytearray, rng: random.Random, pattern: bytes, values: list[bytes]) -> None:
    found = list(re.finditer(pattern, bytes(data[: 2**20])))
    if found:
        match = rng.choice(found)
        data[match.start() : match.end()] = rng.choice(values)


def harm(place: Path, rng: random.Random, others: list[bytes]) -> str:
    """Mutate a file, or one of a folder's; say which."""
    if place.is_file():
        file = place
    else:
        files = sorted(path for path in place.rglob("*") if path.is_file() and path.suffix != ".png")
        headers = [path for path in files if path.name in (*_HEADERS, "manifest.json", "metadata.json")]
        file = rng.choice(headers if headers and rng.random() < 0.5 else files)
        if rng.random() < 0.1:
            file.unlink()
            return f"{file.name} removed"
    content = file.read_bytes()
    if file.suffix == ".gz" and rng.random() < 0.7:
        import gzip

        content = gzip.compress(mutate(gzip.decompress(content), rng, others), mtime=0)
    else:
        content = mutate(content, rng, others)
    file.write_bytes(content)
    return file.name


# --- runs ---


def inside(command: list[str], printed: Path) -> None:
    """Run a command in this process, which is a child and ends here."""
    handle = os.open(printed, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    # Whoever started this may have put streams of their own in the place of these.
    sys.stdout, sys.stderr = (os.fdopen(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))
    faulthandler.disable()
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    code = 1
    try:
        if command[0] == "BENCH":
            code = _read_benchmarks(command[1])
        else:
            from fastbench.cli.main import main
            from tests.engine.figures.pictures import no_drawing

            sys.argv = ["fastbench", *command]
            with no_drawing():
                main()
            code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _read_benchmarks(path: str) -> int:
    from fastbench.bench.files import compare, read_run
    from fastbench.engine.errors import InputError

    try:
        run = read_run(path)
        sys.stdout.write(f"{compare(run, run, 1.25)} {run}\n")
    except InputError as error:
        sys.stdout.write(f"fastbench: {error}\n")
        return 2
    return 0


def run(command: list[str], folder: Path) -> Finding | None:
    """Run a command in a child process; return what is wrong with how it ended."""
    printed, output = folder / "printed.txt", folder / "out"
    child = os.fork()
    if not child:
        os.setpgid(0, 0)
        inside(command, printed)
    status, until = None, time.monotonic() + SECONDS
    while status is None and time.monotonic() < until:
        found, code = os.waitpid(child, os.WNOHANG)
        status = code if found else None
        time.sleep(0.002 if status is None else 0)
    if status is None:
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
    text = printed.read_text("utf-8", "replace") if printed.exists() else ""
    if status is None:
        return Finding(f"it did not end within {SECONDS} s", text)
    code = os.waitstatus_to_exitcode(status)
    said = [line for line in text.splitlines() if line.strip() and not _PROGRESS.match(line)]
    if code < 0:
        return Finding(f"it was ended by signal {-code}", text)
    if code not in (0, 2, 3):
        return Finding(f"exit code {code}", text)
    if "Traceback" in text:
        return Finding("a traceback", text)
    errors = [line for line in said if line.startswith("fastbench: ")]
    if code == 2 and (len(errors) != 1 or (said[-1] != errors[0] and not said[-1].startswith("Error"))):
        return Finding("not one sentence", text)
    left = [path.name for path in folder.iterdir() if path.name not in {"printed.txt", "out", "in", "whole"}]
    if left or (code == 2 and output.exists()):
        return Finding(f"something was left: {left or 'the output'}", text)
    if code == 0 and output.exists() and not (output / "manifest.json").exists():
        return Finding("a result without a manifest", text)
    return None


def make_corpus(folder: Path, only: Iterable[str]) -> None:
    """Write the corpus in a process of its own: threads of Polars do not survive a fork."""
    subprocess.run([sys.executable, "-W", "ignore", "-m", "tests.soak.corpus", str(folder), *only], check=True)


def warm() -> None:
    """Import what the commands import, once for all children; nothing of it starts a thread."""
    import fastbench

    for name in (
        "anndata.io",
        "matplotlib.figure",
        "pyarrow.csv",
        "pyarrow.parquet",
        "rich.table",
        "scipy.sparse",
        "yaml",
    ):
        import_module(name)
    root = Path(fastbench.__file__).parent
    for path in sorted(path for top in ("cli", "engine", "kernels") for path in (root / top).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        if "xla" not in parts and parts[-1] not in ("__init__", "probe") and "fetch" not in parts:
            import_module(".".join(["fastbench", *parts]))


def try_one(name: str, case: Case, number: int, seed: int, corpus: Path, kept: Path) -> Finding | None:
    """Mutate, run, judge; keep the files of what was found."""
    rng = random.Random(f"{seed} {name} {number}")
    with tempfile.TemporaryDirectory(prefix="soak") as temporary:
        folder = Path(temporary, "in")
        whole = corpus / case.files
        others = [path.read_bytes() for path in rng.sample(sorted(p for p in corpus.iterdir() if p.is_file()), 3)]
        names = {file_of(word) for word in case.command} - {""}
        names |= {case.files, *(["split.csv"] if case.files.startswith("split") else [])}
        names |= {"split.json"} if case.files.startswith("split") else set()
        folder.mkdir()
        for each in names:
            source, place = corpus / each, folder / each
            shutil.copytree(source, place) if source.is_dir() else shutil.copy(source, place)
        what = harm(folder / case.files, rng, others)
        command = replaced(case.command, lambda file: str(folder / file), str(Path(temporary, "out")))
        found = run(command, Path(temporary))
        if found is not None:
            place = kept / f"{name.replace(' ', '_')}-{number}"
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(temporary, place)
            about = {"words": found.words, "harmed": what, "seed": seed, "number": number, "command": command}
            (place / "about.json").write_text(json.dumps(about, indent=1))
        assert whole.exists()
        return found


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def soak(
    minutes: float,
    seed: int,
    only: str,
    kept: Path,
    report: Callable[[str], None],
    most: int | None = None,
    corpus: Path | None = None,
) -> int:
    """Run for some minutes, kinds in turn; return how much was found."""
    cases = {name: case for name, case in CASES.items() if only in name}
    findings: list[str] = []
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="corpus") as temporary:
        if corpus is None:
            corpus = Path(temporary)
            make_corpus(corpus, cases)
        warm()
        for name, case in cases.items():  # what is whole is read
            with tempfile.TemporaryDirectory(prefix="soak") as place:
                command = replaced(case.command, lambda file: str(corpus / file), str(Path(place, "out")))
                found = run(command, Path(place))
                if found is not None:
                    raise AssertionError(f"{name}: {found.words}\n{found.printed}")
        until, number = time.monotonic() + 60 * minutes, 0
        while time.monotonic() < until and (most is None or number < most):
            for name, case in cases.items():
                found = try_one(name, case, number, seed, corpus, kept)
                counts[name] += 1
                if found is not None:
                    findings.append(f"{name} {number}: {found.words}")
                    report(f"{findings[-1]}\n{found.printed[-1500:]}")
                if time.monotonic() > until:
                    break
            number += 1
    report(f"{sum(counts.values())} mutated files of {len(counts)} kinds, seed {seed}: {len(findings)} findings")
    return len(findings)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="kinds whose names hold this")
    parser.add_argument("--corpus", type=Path, help="folder that corpus.py wrote before")
    parser.add_argument("--most", type=int, help="end after so many files of each kind")
    parser.add_argument("--kept", type=Path, default=Path("soak-findings"), help="folder for what is found")
    given = parser.parse_args()
    sys.exit(bool(soak(given.minutes, given.seed, given.only, given.kept, _say, given.most, given.corpus)))
