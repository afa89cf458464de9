"""A benchmark that was stopped goes on where it was, and ends as one that was not."""

from __future__ import annotations

import gzip
import json
import random
import shutil
import time
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from fastbench.engine.command.execute import execute
from fastbench.engine.cpjump import Options, plan, run, simulate_plates, write_simulated
from fastbench.engine.cpjump import configurations as reading
from fastbench.engine.cpjump import workflow as scoring
from fastbench.engine.cpjump.command import CPJUMP
from fastbench.engine.cpjump.plates import corrected
from fastbench.engine.cpjump.plates.simulate_embeddings import write_simulated_embeddings
from fastbench.engine.cpjump.results import CpjumpResult
from fastbench.engine.errors import InputError
from fastbench.engine.results import steps

from ...cli.running import call, started, wait_until

CHOICE = {"cells": ("A549",), "timelines": ("short",)}
PLATES = plan(Options(**CHOICE)).experiments.plates
#: What two runs of the same never share.
OF_THE_RUN = ("started", "finished", "timings", "steps", "compile_seconds")


class Stopped(Exception):
    """Stands for whatever ends a process."""


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    """No figures, and a clock that stands still: results are equal to the last byte."""
    monkeypatch.setattr(CpjumpResult, "draw", lambda self, path: None)
    for module in (scoring, reading):
        monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: 0.0))


@pytest.fixture(scope="module")
def profiles(tmp_path_factory):
    folder = tmp_path_factory.mktemp("profiles")
    paths = write_simulated(folder, seed=2, n_features=12, plates=PLATES)
    # a column that one plate lacks is noted when it is stacked
    frame = pl.read_csv(paths[0], infer_schema=False).drop("Simulated_0012")
    paths[0].write_bytes(gzip.compress(frame.write_csv().encode()))
    return folder


@pytest.fixture(scope="module")
def one_file(tmp_path_factory):
    """Embeddings of all plates, whose wells are written in lower case: that is noted once."""
    parts = [drawn for _, drawn in simulate_plates(3, 12, PLATES)]
    lower = pl.col("Metadata_Well").str.to_lowercase()
    keys = pl.concat([part.metadata.select("Metadata_Plate", lower) for part in parts])
    vectors = np.concatenate([part.features for part in parts])
    path = tmp_path_factory.mktemp("embeddings") / "all.parquet"
    pl.concat([keys, pl.DataFrame(vectors, schema=[f"e{i}" for i in range(12)])], how="horizontal").write_parquet(path)
    return path


@pytest.fixture
def options_of(profiles, one_file, tmp_path):
    """Options by name: what is scored, and how."""
    labels = tmp_path / "labels.csv"
    keys = [f"{plate.name}-{row}{column:02d}-x" for plate in PLATES for row in "ABCDEFGH" for column in range(1, 25)]
    pl.DataFrame({"SAMPLE_KEY": keys}).write_csv(labels)
    found = {
        "demo": {"simulated_features": 40},
        "profiles": {"profiles": profiles, "gate": "none"},
        "chosen wells": {"profiles": profiles, "test_labels": labels},
        "one file": {"features": "emb", "embeddings": one_file},
        "corrected": {
            "features": "emb",
            "embeddings": one_file,
            "batch_correction": "kernel-pca",
            "pca_n_components": 8,
            "preset": "cellclip",
            "save_correction": tmp_path / "fitted.npz",
        },
        "corrected consensus": {"profiles": profiles, "batch_correction": "sphering", "preset": "cellclip"},
    }
    return lambda name: Options(**CHOICE, overwrite=True, **found[name])


@contextmanager
def counted(monkeypatch, stop_after=None):
    """Count runs scored, configurations read and corrections fitted; stop after some runs."""
    count = SimpleNamespace(scored=0, read=[], fitted=0)
    score, read, fit = scoring.score_run, reading.read_wells, corrected.fit

    def scored(*arguments):
        if count.scored == stop_after:
            raise Stopped
        count.scored += 1
        return score(*arguments)

    def was_read(plates, reader):
        count.read.append(plates[0].description)
        return read(plates, reader)

    def fitted(*arguments, **more):
        count.fitted += 1
        return fit(*arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(scoring, "score_run", scored)
        patch.setattr(reading, "read_wells", was_read)
        patch.setattr(corrected, "fit", fitted)
        yield count


def content(folder):
    """Every file of a result to its bytes; of the manifest, what a run decides."""
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    manifest = json.loads(files.pop("manifest.json"))
    return files, {name: value for name, value in manifest.items() if name not in OF_THE_RUN}


def stop(options, output, after, monkeypatch):
    with counted(monkeypatch, after) as count, pytest.raises(Stopped):
        execute(CPJUMP, options, output)
    assert count.scored == after
    assert not output.exists()


@pytest.mark.parametrize(
    ("name", "ends"),
    [
        ("demo", (0, 3, 6)),
        ("profiles", (2, 5)),
        ("chosen wells", (4,)),
        ("one file", (1, 4)),
        ("corrected", (0, 3)),
        ("corrected consensus", (2,)),
    ],
)
def test_a_stopped_run_ends_as_one_that_was_not(name, ends, options_of, tmp_path, monkeypatch):
    options = options_of(name)
    with counted(monkeypatch) as whole:
        found = execute(CPJUMP, options, tmp_path / "whole")
    assert len(found.runs) == 7
    assert whole.scored > max(ends)
    expected = content(tmp_path / "whole")
    for after in ends:
        output = tmp_path / f"after {after}"
        stop(options, output, after, monkeypatch)
        with counted(monkeypatch) as count:
            resumed = execute(CPJUMP, options, output, resume=True)
        assert count.scored == whole.scored - after
        assert count.fitted == 0
        assert content(output) == expected
        assert resumed.configurations == found.configurations
        assert [result.account for result in resumed.runs] == [result.account for result in found.runs]
        assert [result.scored.retrieved for result in resumed.runs] == [r.scored.retrieved for r in found.runs]
        assert json.loads((output / "manifest.json").read_text())["steps"]["taken"] > 0


def test_plates_whose_runs_are_finished_are_not_read(options_of, tmp_path, monkeypatch):
    options = Options(profiles=options_of("profiles").profiles, tasks=("replicability", "matching"), **CHOICE)
    stop(options, tmp_path / "out", 2, monkeypatch)
    with counted(monkeypatch) as count:
        execute(CPJUMP, options, tmp_path / "out", resume=True)
    assert count.read == ["crispr_A549_short", "orf_A549_short"]


def test_what_reads_a_changed_plate_is_scored_again(profiles, tmp_path, monkeypatch):
    folder = shutil.copytree(profiles, tmp_path / "profiles")
    options = Options(profiles=folder, gate="none", **CHOICE)
    stop(options, tmp_path / "out", 6, monkeypatch)
    changed = [plate for plate in PLATES if plate.modality == "crispr"][:1]
    write_simulated(folder, seed=9, n_features=12, plates=changed)
    with counted(monkeypatch) as count:
        execute(CPJUMP, options, tmp_path / "out", resume=True)
    assert count.scored == 4  # replicability, matching and gene-compound matching of CRISPR, and what was not scored
    execute(CPJUMP, options, tmp_path / "whole")
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def test_other_options_take_nothing(tmp_path, monkeypatch):
    chosen = {**CHOICE, "simulated_features": 20, "tasks": ("replicability",)}
    stop(Options(**chosen), tmp_path / "out", 2, monkeypatch)
    with counted(monkeypatch) as count:
        execute(CPJUMP, Options(**chosen, seed=1), tmp_path / "out", resume=True)
    assert count.scored == 3


def test_a_plate_copied_over_another_after_the_stop_is_refused(tmp_path, monkeypatch):
    """The plates that are not read again are remembered."""
    options = Options(cells=("A549",), tasks=("replicability",), features="emb", embeddings=tmp_path / "embeddings")
    configurations = plan(Options(cells=("A549",))).experiments.configurations()
    plates = [plate for found in configurations.values() for plate in found]
    write_simulated_embeddings(tmp_path / "embeddings", n_features=12, plates=plates)
    order = [each.description for each in plan(options).runs]
    last = next(name for name in order[1:] if name.startswith("compound"))
    stop(options, tmp_path / "out", order.index(last), monkeypatch)
    one, other = (tmp_path / "embeddings" / f"{configurations[name][0].name}.h5" for name in (order[0], last))
    shutil.copy(one, other)
    with counted(monkeypatch) as count, pytest.raises(InputError, match="identical content"):
        execute(CPJUMP, options, tmp_path / "out", resume=True)
    assert count.scored == 0


def test_seconds_are_those_of_when_a_run_was_scored(tmp_path, monkeypatch):
    options = Options(**CHOICE, simulated_features=20, tasks=("replicability",))
    ticks = iter(range(0, 10_000, 7))
    monkeypatch.setattr(scoring, "time", SimpleNamespace(perf_counter=lambda: float(next(ticks))))
    stop(options, tmp_path / "out", 2, monkeypatch)
    monkeypatch.setattr(scoring, "time", SimpleNamespace(perf_counter=lambda: 0.0))
    resumed = execute(CPJUMP, options, tmp_path / "out", resume=True)
    assert [each.seconds for each in resumed.runs] == [7.0, 7.0, 0.0]
    said = json.loads((tmp_path / "out" / "manifest.json").read_text())["timings"]
    assert [said[name] for name in resumed.run_seconds] == [7.0, 7.0, 0.0]


def test_without_a_folder_nothing_is_digested(profiles, monkeypatch):
    def refused(*arguments):
        raise AssertionError("digested")

    monkeypatch.setattr(reading, "source_of", refused)
    monkeypatch.setattr(steps, "keep", refused)
    assert len(run(plan(Options(profiles=profiles, tasks=("replicability",), **CHOICE))).runs) == 3


def test_a_process_killed_at_any_moment_goes_on(profiles, tmp_path):
    command = ["cpjump", "--profiles", profiles, "--cells", "A549", "--timelines", "short", "--resume", "--output"]
    begun = time.monotonic()
    done = call(*command, tmp_path / "whole")
    took = time.monotonic() - begun
    assert done.returncode == 0, done.stderr
    output, chance = tmp_path / "out", random.Random(0)
    for _ in range(3):
        process = started(*command, output)
        wait_until(lambda: list(tmp_path.glob(f".out.partial-{process.pid}-*")) or output.exists(), process)  # noqa: B023
        time.sleep(chance.uniform(0, took))
        process.kill()
        process.wait()
        assert not output.exists() or (output / "manifest.json").exists()
        shutil.rmtree(output, ignore_errors=True)  # it was quick: begin anew
    done = call(*command, output)
    assert done.returncode == 0, done.stderr
    (files, manifest), (others, other) = content(output), content(tmp_path / "whole")
    assert files.keys() == others.keys()
    assert files == others
    for each in (manifest, other):
        del each["argv"], each["outputs"]
    assert manifest == other
