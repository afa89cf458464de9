"""Results appear complete or not at all: full disks, killed runs, older results, strangers' folders."""

from __future__ import annotations

import dataclasses
import datetime
import errno
import hashlib
import json
import math
import os
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from fastbench.engine.errors import InputError
from fastbench.engine.results import folder as outputs
from fastbench.engine.results import replace
from fastbench.engine.results.files import write_atomic, write_csv, write_json, write_parquet
from fastbench.engine.results.folder import ResultFolder

from ...examples import MANY


@pytest.fixture(autouse=True)
def _inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def make(name: str = "out", overwrite: bool = False, value: int = 1) -> None:
    with ResultFolder(name, "map", {"seed": 0}, overwrite) as folder:
        folder.csv("map.csv", pl.DataFrame({"x": [value]}))


def content(name: str = "out") -> str:
    return Path(name, "map.csv").read_text()


# --- files ---


def test_atomic_write_replaces_and_leaves_nothing_else(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    write_atomic(target, lambda handle: handle.write(b"new"))
    assert target.read_text() == "new"
    assert os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("error", [RuntimeError("x"), KeyboardInterrupt()])
def test_atomic_write_that_fails_leaves_the_old_file(tmp_path, error):
    def broken(handle):
        handle.write(b"half")
        raise error

    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(type(error)):
        write_atomic(tmp_path / "a.txt", broken)
    assert (tmp_path / "a.txt").read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("where", ["write", "fsync"])
def test_full_disk_is_one_sentence_and_leaves_the_old_file(tmp_path, monkeypatch, code, where):
    def full(*_):
        raise OSError(code, os.strerror(code))

    (tmp_path / "a.csv").write_text("old")
    if where == "fsync":
        monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match=r"no room left .* write .*a\.csv"):
        write_atomic(tmp_path / "a.csv", full if where == "write" else lambda handle: handle.write(b"x"))
    assert os.listdir(tmp_path) == ["a.csv"]
    assert (tmp_path / "a.csv").read_text() == "old"


@pytest.mark.slow
def test_a_really_full_file_is_told(tmp_path):
    """A limit on the size of files stands for the full disk: the last bytes do not fit."""
    program = f"""
    import resource, signal, polars as pl
    from fastbench.engine.errors import InputError
    from fastbench.engine.results.folder import ResultFolder
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
    frame = pl.DataFrame({{"x": list(range(5000))}})
    for kind in ("csv", "parquet"):
        try:
            with ResultFolder({str(tmp_path / "res")!r}, "map", {{}}) as folder:
                getattr(folder, kind)("a." + kind, frame)
        except InputError as error:
            print(error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True, timeout=60
    )
    first, second = done.stdout.splitlines()
    assert "no room left" in first
    assert "res/a.csv';" in first
    assert "res/a.parquet';" in second
    assert ".partial" not in done.stdout
    assert os.listdir(tmp_path) == []


def test_missing_folder_and_no_permission_are_named(tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"none/a\.json' cannot be written"):
        write_json({}, tmp_path / "none" / "a.json")

    def denied(*_):
        raise PermissionError(errno.EACCES, "denied")

    monkeypatch.setattr(os, "replace", denied)
    with pytest.raises(InputError, match=r"a\.json' cannot be written: no permission"):
        write_json({}, tmp_path / "a.json")
    assert os.listdir(tmp_path) == []


@pytest.mark.slow
@given(st.lists(st.floats(), min_size=1), st.lists(st.floats(width=32, allow_nan=False), min_size=1))
@MANY
def test_csv_floats_read_back_equal(wide, narrow):
    for values, dtype in ((wide, pl.Float64), (narrow, pl.Float32)):
        frame = pl.DataFrame({"x": pl.Series(values, dtype=dtype)})
        with tempfile.TemporaryDirectory() as folder:
            write_csv(frame, Path(folder, "a.csv"))
            back = Path(folder, "a.csv").read_text().split("\n")[1:-1]
        expected = frame["x"].to_numpy()
        np.testing.assert_array_equal(np.array([float(text) for text in back]).astype(expected.dtype), expected)


def test_csv_nulls_text_and_lists(tmp_path):
    frame = pl.DataFrame({"a": ["x,y", None, ""], "l": [["p", "q"], None, ["r"]], "f": [0.1, None, math.nan]})
    write_csv(frame, tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text() == 'a,l,f\n"x,y",p|q,0.1\n,,\n"",r,NaN\n'


def test_parquet_reads_back(tmp_path):
    frame = pl.DataFrame({"a": ["x", None], "l": [["p"], None]})
    write_parquet(frame, tmp_path / "a.parquet")
    assert_frame_equal(pl.read_parquet(tmp_path / "a.parquet"), frame)


@dataclasses.dataclass
class Report:
    share: float
    rows: np.ndarray


def test_json_holds_no_nan_and_every_type_a_report_has(tmp_path):
    write_json(
        {
            "nan": math.nan,
            "inf": [math.inf, np.float32("nan"), np.float64(0.1)],
            "np": np.array([[1, 2], [3, 4]]),
            "int": np.int64(7),
            "bool": np.bool_(True),
            "path": Path("a/b"),
            "set": {"b", "a"},
            "report": Report(math.nan, np.array([1.5, math.nan])),
            "time": datetime.datetime(2020, 1, 2, 3, tzinfo=datetime.UTC),
            "series": pl.Series([1, None]),
            "frame": pl.DataFrame({"x": [1]}),
            3: "µ",
        },
        tmp_path / "a.json",
    )
    text = (tmp_path / "a.json").read_text()
    assert "NaN" not in text
    assert "Infinity" not in text
    assert json.loads(text) == {
        "nan": None,
        "inf": [None, None, 0.1],
        "np": [[1, 2], [3, 4]],
        "int": 7,
        "bool": True,
        "path": "a/b",
        "set": ["a", "b"],
        "report": {"share": None, "rows": [1.5, None]},
        "time": "2020-01-02T03:00:00+00:00",
        "series": [1, None],
        "frame": [{"x": 1}],
        "3": "µ",
    }
    with pytest.raises(TypeError, match="object"):
        write_json({"x": object()}, tmp_path / "b.json")


# --- folders ---


def test_folder_holds_files_and_a_complete_manifest(tmp_path):
    with ResultFolder("deep/er/out", "map", {"profiles": Path("../x.csv"), "k": 5}) as folder:
        folder.csv("map.csv", pl.DataFrame({"x": [1.5]}))
        folder.parquet("ap.parquet", pl.DataFrame({"x": [1]}))
        folder.csv("sub/x.csv", pl.DataFrame({"a": [1]}))
        folder.path("figures/a.png").write_bytes(b"png")
        folder.manifest["notes"].append("one note")
        assert not (tmp_path / "deep/er/out").exists()
        assert len(os.listdir(tmp_path / "deep/er")) == 1
    assert os.listdir(tmp_path / "deep/er") == ["out"]
    manifest = json.loads((tmp_path / "deep/er/out/manifest.json").read_text())
    assert manifest["command"] == "map"
    assert manifest["options"] == {"profiles": "../x.csv", "k": 5}
    assert [entry["name"] for entry in manifest["outputs"]] == [
        "ap.parquet",
        "figures/a.png",
        "map.csv",
        "sub/x.csv",
    ]
    png = manifest["outputs"][1]
    assert (png["sha256"], png["bytes"]) == (hashlib.sha256(b"png").hexdigest(), 3)
    assert manifest["notes"] == ["one note"]
    assert set(manifest["timings"]) == {"total"}
    assert manifest["started"] <= manifest["finished"]
    assert datetime.datetime.fromisoformat(manifest["finished"]).utcoffset() == datetime.timedelta(0)
    assert set(manifest["versions"]) >= {"python", "numpy", "scipy", "numba", "polars"}
    assert {"argv", "fastbench_version", "platform", "cpu_count", "inputs", "device", "dropped"} <= set(manifest)


def test_empty_output_folder_is_used():
    Path("out").mkdir()
    make()
    assert content() == "x\n1\n"


def test_older_result_is_kept_or_replaced():
    make(value=1)
    with pytest.raises(InputError, match=r"'out' is not empty .*'manifest.json', 'map.csv'.*--overwrite"):
        make(value=2)
    assert content() == "x\n1\n"
    make(value=2, overwrite=True)
    assert content() == "x\n2\n"
    assert os.listdir(".") == ["out"]


@pytest.mark.parametrize("read", ["out", "out/map.csv", Path("out")])
def test_an_input_is_never_replaced(read: str | Path):
    make()
    with (
        pytest.raises(InputError, match=r"'out' is or holds the input 'out.*choose another"),
        ResultFolder("out", "map", {}, overwrite=True, reads=(None, "elsewhere", read)),
    ):
        pass
    assert content() == "x\n1\n"
    with ResultFolder("data/out", "map", {}, reads=["data"]) as folder:
        folder.csv("map.csv", pl.DataFrame({"x": [2]}))


def fail(error: BaseException) -> None:
    with ResultFolder("out", "map", {}, overwrite=True) as folder:
        folder.csv("map.csv", pl.DataFrame({"x": [2]}))
        raise error


@pytest.mark.parametrize("error", [RuntimeError("x"), KeyboardInterrupt(), InputError("y")])
@pytest.mark.parametrize("old", [False, True])
def test_a_run_that_fails_leaves_the_old_result(error, old):
    if old:
        make()
    with pytest.raises(type(error)):
        fail(error)
    assert os.listdir(".") == (["out"] if old else [])
    assert not old or content() == "x\n1\n"


@pytest.mark.parametrize("failing", ["fsync", "rename", "exchange", "manifest"])
def test_failure_at_the_last_moment_leaves_the_old_result(monkeypatch, failing):
    make()
    real = os.rename

    def full(*arguments):
        if failing == "rename" and ".partial-" not in str(arguments[0]):
            return real(*arguments)  # the old result steps aside; the new one then fails to take its place
        raise OSError(errno.ENOSPC, "full")

    places = {"manifest": (outputs, "write_json"), "exchange": (replace, "exchange")}
    with monkeypatch.context() as patch:
        if failing == "rename":  # a file system without an exchange of names
            patch.setattr(replace, "exchange", lambda one, other: False)
        patch.setattr(*places.get(failing, (os, failing)), full)
        with pytest.raises(InputError, match="no room left"):
            make(value=2, overwrite=True)
    assert content() == "x\n1\n"
    assert os.listdir(".") == ["out"]


def test_full_disk_while_a_figure_is_drawn_is_a_sentence():
    with pytest.raises(InputError, match=r"no room left .* 'out';"):
        fail(OSError(errno.ENOSPC, "full"))
    with pytest.raises(FileNotFoundError):
        fail(FileNotFoundError("an internal error stays one"))
    assert os.listdir(".") == []


def test_output_is_a_file_or_below_one():
    Path("a").write_text("")
    with pytest.raises(InputError, match="The output 'a' is a file"):
        make("a")
    with pytest.raises(InputError, match=r"a/b' cannot be .*a"):
        make("a/b")
    assert os.listdir(".") == ["a"]


def test_unwritable_parent_is_told_before_the_work(monkeypatch):
    def denied(*_, **__):
        raise PermissionError(errno.EACCES, "denied")

    monkeypatch.setattr(Path, "mkdir", denied)
    with pytest.raises(InputError, match="'out' cannot be written: no permission"):
        make()


@pytest.mark.parametrize(("name", "piece"), [(".", "current folder"), ("s3://b/out", "an address"), ("a\0b", "NUL")])
def test_impossible_outputs(name, piece):
    with pytest.raises(InputError, match=piece):
        make(name)


@pytest.mark.parametrize("manifest", [None, "{}", "no json", '{"fastbench_version": "1"}', "[1]"])
def test_a_strangers_folder_is_never_replaced(manifest):
    Path("out").mkdir()
    Path("out/thesis.txt").write_text("precious")
    if manifest is not None:
        Path("out/manifest.json").write_text(manifest)
    with pytest.raises(InputError, match=r"'out' is not a fastbench result .*'thesis\.txt'|'manifest\.json'"):
        make(overwrite=True)
    assert Path("out/thesis.txt").read_text() == "precious"


def test_a_result_with_other_files_in_it_is_never_replaced():
    make()
    Path("out/notes").mkdir()
    Path("out/notes/mine.txt").write_text("precious")
    with pytest.raises(InputError, match=r"not part of its result \('notes/mine\.txt'\)"):
        make(overwrite=True)
    assert Path("out/notes/mine.txt").read_text() == "precious"


def test_output_behind_a_link_is_replaced_in_its_place():
    Path("real").mkdir()
    os.symlink("real", "out")
    make()
    assert Path("out").is_symlink()
    assert content("real") == "x\n1\n"


def test_a_result_that_appears_meanwhile_is_not_lost_and_neither_is_this_one():
    def race() -> None:
        with ResultFolder("out", "map", {}) as folder:
            folder.csv("map.csv", pl.DataFrame({"x": [2]}))
            Path("out").mkdir()
            Path("out/map.csv").write_text("other")

    with pytest.raises(InputError, match=r"not empty.*kept as .*out\.kept-") as caught:
        race()
    assert content() == "other"
    assert content(str(caught.value).rpartition(" ")[2].strip("'.")) == "x\n2\n"


@pytest.mark.parametrize("name", ["../a.csv", "/etc/a.csv", "a/../../b", "", "a\\b", "a\0", "manifest.json"])
def test_files_stay_inside(name):
    with ResultFolder("out", "map", {}) as folder, pytest.raises(ValueError, match=r"a result file|written at the end"):
        folder.path(name)


def test_options_that_cannot_be_written_are_told_at_once():
    with pytest.raises(TypeError):
        ResultFolder("out", "map", {"x": object()})


# --- killed runs ---

_HOST = "".join(c if c.isalnum() and c.isascii() else "_" for c in socket.gethostname())


@pytest.mark.slow
def test_sigkill_leaves_the_old_result_and_the_next_run_tidies(tmp_path):
    make()
    program = f"""
    import os, signal, polars as pl
    from fastbench.engine.results.folder import ResultFolder
    with ResultFolder({str(tmp_path / "out")!r}, "map", {{}}, True) as folder:
        folder.csv("map.csv", pl.DataFrame({{"x": [2]}}))
        os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert content() == "x\n1\n"
    assert len(os.listdir(".")) == 2
    make(value=3, overwrite=True)
    assert content() == "x\n3\n"
    assert os.listdir(".") == ["out"]


def _dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-S", "-c", ""])
    process.wait()
    return process.pid


def test_result_of_a_run_killed_between_the_renames_is_put_back():
    make()
    os.rename("out", f".out.replaced-{_dead_pid()}-{_HOST}")
    with pytest.raises(InputError, match="not empty"):
        make(value=2)
    assert content() == "x\n1\n"
    assert os.listdir(".") == ["out"]


def test_leftover_with_the_own_process_number_is_removed():
    Path(f".out.partial-{os.getpid()}-{_HOST}").mkdir()
    make()
    assert os.listdir(".") == ["out"]


def test_a_living_run_and_other_hosts_are_left_alone():
    living = Path(f".out.partial-{os.getppid()}-{_HOST}")
    living.mkdir()
    with pytest.raises(InputError, match=rf"Another run \(process {os.getppid()}\) is writing 'out'"):
        make()
    living.rmdir()
    strangers = {".out.partial-1-elsewhere_", ".out.other", ".outer.partial-1-x"}
    for name in strangers:
        Path(name).mkdir()
    make()
    assert set(os.listdir(".")) == {"out", *strangers}


def test_two_runs_of_one_process_do_not_share_a_staging_folder():
    with ResultFolder("out", "map", {}), pytest.raises(InputError, match="Another run"):
        make()
    make(overwrite=True)
