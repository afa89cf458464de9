"""``fastbench cpjump fetch``: what it prints, how it ends, and that it can be killed."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fastbench.engine.cpjump import BATCH, SUFFIX, Options, plan, write_simulated

from ..engine.cpjump.fetch.gallery import PLATES, Gallery, key_of, served
from . import running

ONE, TWO, *_ = PLATES


@pytest.fixture
def gallery() -> Iterator[Gallery]:
    with served() as running:
        yield running


def arguments(gallery: Gallery, output: Path, *more: str, plates: str = ",".join(PLATES)) -> list[str]:
    return [
        "cpjump",
        "fetch",
        "--output",
        str(output),
        "--endpoint",
        gallery.endpoint,
        "--plates",
        plates,
        *more,
    ]


def call(gallery: Gallery, output: Path, *more: str, **choice: str) -> subprocess.CompletedProcess[str]:
    return running.call(*arguments(gallery, output, *more, **choice))


def file_of(output: Path, plate: str) -> Path:
    return output / BATCH / plate / f"{plate}{SUFFIX}"


@pytest.mark.slow
def test_profiles_are_fetched_and_the_benchmark_reads_them(gallery: Gallery, tmp_path: Path) -> None:
    plates = plan(Options(cells=("A549",), timelines=("short",))).experiments.configurations()["compound_A549_short"]
    for plate, path in zip(plates, write_simulated(tmp_path / "made", n_features=3, plates=plates), strict=True):
        gallery.objects[key_of(plate.name)] = path.read_bytes()
    names = ",".join(plate.name for plate in plates)
    output = tmp_path / "real profiles"
    done = running.call_process(*arguments(gallery, output, plates=names))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # no bar where there is no terminal
    assert "4 of 4 files are published" in done.stdout
    assert "CC0 1.0" in done.stdout
    assert "cite: Chandrasekaran et al." in done.stdout
    command = shlex.split(done.stdout.rpartition("next: ")[2])
    assert command == ["fastbench", "cpjump", "--profiles", str(output)]
    chosen = ["--cells", "A549", "--timelines", "short", "--tasks", "replicability"]
    scored = running.call(*command[1:], *chosen, "--output", tmp_path / "result", "--json")
    assert scored.returncode == 0, scored.stderr
    (row,) = [row for row in json.loads(scored.stdout)["fraction_retrieved"]["replicability"] if row["groups"]]
    assert (row["Description"], row["groups"]) == ("compound_A549_short", 306)

    again = call(gallery, output, plates=names)
    assert again.returncode == 0, again.stderr
    assert "4 are here and right; 0.0 MB to fetch" in again.stdout
    assert "0 files fetched and checked, 4 of 4 here" in again.stdout


def test_a_dry_run_shows_and_fetches_nothing(gallery: Gallery, tmp_path: Path) -> None:
    done = call(gallery, tmp_path / "out", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("to fetch") == len(PLATES) + 1
    assert ONE + SUFFIX in done.stdout
    assert "next:" not in done.stdout
    assert not (tmp_path / "out").exists()
    assert gallery.sent(key_of(ONE)) == []


def test_json(gallery: Gallery, tmp_path: Path) -> None:
    planned = json.loads(call(gallery, tmp_path / "out", "--dry-run", "--json").stdout)
    assert [item["state"] for item in planned["files"]] == ["fetch"] * len(PLATES)
    assert planned["next"] is None
    gallery.always[key_of(TWO)] = 404
    done = call(gallery, tmp_path / "out", "--json")
    assert done.returncode == 2
    summary = json.loads(done.stdout)
    assert summary["fetched"] == [ONE, *PLATES[2:]]
    assert summary["failed"] == {TWO: "the server has no such file (404)"}
    assert summary["licence"].startswith("CC0")
    assert summary["next"] == f"fastbench cpjump --profiles {tmp_path / 'out'}"
    assert file_of(tmp_path / "out", ONE).read_bytes() == gallery.objects[key_of(ONE)]


def test_plates_that_cannot_be_had_are_named_at_the_end(gallery: Gallery, tmp_path: Path) -> None:
    del gallery.objects[key_of(ONE)]
    gallery.always[key_of(TWO)] = 403
    done = call(gallery, tmp_path)
    assert done.returncode == 2
    assert f"note: {ONE}: no such file is published" in done.stdout
    assert "2 files fetched and checked, 2 of 4 here" in done.stdout
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"fastbench: 2 of 4 plates cannot be fetched ({ONE}: no such file is published; {TWO}: ")
    assert "(403)" in line
    dry = call(gallery, tmp_path, "--dry-run")
    assert dry.returncode == 2
    assert "1 of 4 plates cannot be fetched" in dry.stderr


def test_bad_input_is_one_sentence(gallery: Gallery, tmp_path: Path) -> None:
    for more, words in (
        (["--suffix", "_nothing.csv.gz"], "None of 1 plates"),
        (["--connections", "0"], "connections is 0"),
    ):
        done = call(gallery, tmp_path, *more, plates=ONE)
        assert done.returncode == 2
        assert words in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert call(gallery, tmp_path, plates="BR1").returncode == 2
    assert call(gallery, tmp_path, plates=" , ").returncode == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sign", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130), (signal.SIGTERM, 128 + signal.SIGTERM)]
)
def test_a_run_that_is_stopped_is_gone_on_with(gallery: Gallery, tmp_path: Path, sign: int, code: int) -> None:
    release = threading.Event()
    gallery.faults[key_of(TWO)] = [("wait", release)]
    command = [*running.FASTBENCH, *arguments(gallery, tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    folder = file_of(tmp_path, TWO).parent
    until = time.monotonic() + 60
    try:
        while not (
            all(file_of(tmp_path, plate).exists() for plate in PLATES if plate != TWO)
            and any(path.stat().st_size > 200_000 for path in folder.glob("*.part"))
        ):
            assert time.monotonic() < until, process.poll()
            time.sleep(0.02)
        time.sleep(0.2)  # the last record is written after the last name
        process.send_signal(sign)
        process.communicate(timeout=20)  # does not wait for the server
    finally:
        process.kill()
        release.set()
    assert process.returncode == code
    assert not file_of(tmp_path, TWO).exists()
    (part,) = folder.iterdir()
    kept = part.stat().st_size
    gallery.requests.clear()
    done = call(gallery, tmp_path)
    assert done.returncode == 0, done.stderr
    for plate in PLATES:
        assert file_of(tmp_path, plate).read_bytes() == gallery.objects[key_of(plate)]
    assert gallery.sent(key_of(TWO)) == [f"bytes={kept}-"]
    assert gallery.sent(key_of(ONE)) == []


def test_help_needs_neither_obstore_nor_a_network() -> None:
    code = (
        "import sys; sys.modules['obstore'] = None\n"
        "from typer.testing import CliRunner\n"
        "from fastbench.cli.main import app\n"
        "shown = CliRunner().invoke(app, ['cpjump', 'fetch', '--help'])\n"
        "assert shown.exit_code == 0 and '--endpoint' in shown.output\n"
        "assert not {'jax', 'numba', 'sklearn', 'pandas', 'polars', 'asyncio'} & set(sys.modules), sys.modules.keys()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
