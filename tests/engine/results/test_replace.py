"""Old or new at every moment: whoever is killed while replacing a result, the next one finds one of the two."""

from __future__ import annotations

import errno
import itertools
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from fastbench.engine.errors import InputError
from fastbench.engine.results import files, processes, replace, staging
from fastbench.engine.results.files import temporary_file, write_atomic, write_csv
from fastbench.engine.results.folder import ResultFolder
from fastbench.engine.results.replace import exchange, finish_replacing, replace_files, replace_folder

CALLS = ("rename", "replace", "unlink", "rmdir")


def killed_at(step: int, work: Callable[[], object]) -> bool:
    """Do something in a process that is killed before its n-th change of the file system; return whether it was."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    try:  # pragma: no cover
        count = itertools.count()
        for name in CALLS:
            real = getattr(os, name)

            def counted(*given, real=real, **options):
                if next(count) == step:
                    os._exit(9)
                return real(*given, **options)

            setattr(os, name, counted)
        real_exchange = replace.exchange

        def exchanged(one, other):
            if next(count) == step:
                os._exit(9)
            return real_exchange(one, other)

        replace.exchange = exchanged
        work()
    finally:
        os._exit(0)


def result(folder: Path, value: str) -> Path:
    folder.mkdir()
    (folder / "map.csv").write_text(value)
    return folder


def test_names_are_exchanged_in_one_step(tmp_path):
    one, other = result(tmp_path / "one", "1"), result(tmp_path / "other", "2")
    if not exchange(one, other):
        pytest.skip("this file system has no exchange of names")
    assert (one / "map.csv").read_text() == "2"
    assert (other / "map.csv").read_text() == "1"
    with pytest.raises(OSError, match="none") as caught:
        exchange(one, tmp_path / "none")
    assert caught.value.errno == errno.ENOENT


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP])
def test_what_has_no_exchange_says_so(tmp_path, monkeypatch, number):
    def lacking(one, other):
        replace.ctypes.set_errno(number)
        return -1

    monkeypatch.setattr(replace, "_system_call", lambda: lacking)
    assert not exchange(tmp_path / "a", tmp_path / "b")
    monkeypatch.setattr(replace, "_system_call", lambda: None)
    assert not exchange(tmp_path / "a", tmp_path / "b")


@pytest.mark.parametrize("exchanges", [True, False])
@pytest.mark.parametrize("there", ["result", "empty", "nothing"])
def test_a_folder_takes_the_place_of_another(tmp_path, monkeypatch, exchanges, there):
    if not exchanges:
        monkeypatch.setattr(replace, "exchange", lambda one, other: False)
    target, new = tmp_path / "out", result(tmp_path / ".out.partial-1-h", "new")
    if there != "nothing":
        result(target, "old")
    if there == "empty":
        (target / "map.csv").unlink()
    replace_folder(new, target, tmp_path / ".out.replaced-1-h")
    assert (target / "map.csv").read_text() == "new"
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.slow
@pytest.mark.parametrize("exchanges", [True, False])
def test_a_run_killed_anywhere_leaves_the_old_or_the_new_result_to_any_host(tmp_path, monkeypatch, exchanges):
    if not exchanges:
        monkeypatch.setattr(replace, "exchange", lambda one, other: False)
    seen = set()
    for step in range(30):
        place = tmp_path / str(step)
        place.mkdir()
        target, new = result(place / "out", "old"), result(place / ".out.partial-1-h", "new")
        was = killed_at(
            step, lambda new=new, target=target, place=place: replace_folder(new, target, place / ".out.replaced-1-h")
        )
        if exchanges:
            assert target.exists()  # at every moment, not only after the next run
        with monkeypatch.context() as patch:
            patch.setattr(staging, "host_name", lambda: "elsewhere")
            assert staging.find_leftovers(target, "out") == []
        seen.add((target / "map.csv").read_text())
        assert not (place / ".out.replacing").exists()
        if not was:
            break
    assert seen == {"old", "new"}
    assert step < 25


@pytest.mark.slow
@pytest.mark.parametrize("exchanges", [True, False])
def test_the_next_run_on_this_host_tidies(tmp_path, monkeypatch, exchanges):
    if not exchanges:
        monkeypatch.setattr(replace, "exchange", lambda one, other: False)

    def run(value: int) -> None:
        with ResultFolder(target, "map", {}, overwrite=True) as folder:
            folder.path("map.csv").write_text(str(value))  # not by Polars, whose threads do not survive a fork

    for step in range(60):
        target = tmp_path / str(step) / "out"
        run(1)
        was = killed_at(step, lambda: run(2))
        run(3)
        assert (target / "map.csv").read_text() == "3"
        assert os.listdir(target.parent) == ["out"]
        if not was:
            break
    assert 4 < step < 50


def test_files_that_belong_together_are_replaced_together(tmp_path):
    def run(place: Path) -> None:
        table, record = place / "a.csv", place / "a.json"
        with (
            temporary_file(table, lambda h: h.write(b"new")) as one,
            temporary_file(record, lambda h: h.write(b"new")) as two,
        ):
            replace_files({one: table, two: record}, table)

    seen = set()
    for step in range(30):
        place = tmp_path / str(step)
        place.mkdir()
        for name in ("a.csv", "a.json"):
            (place / name).write_text("old")
        was = killed_at(step, lambda place=place: run(place))
        finish_replacing(place / "a.csv")
        seen.add(tuple((place / name).read_text() for name in ("a.csv", "a.json")))
        write_atomic(place / "a.csv", lambda handle: handle.write(b"x"))
        write_atomic(place / "a.json", lambda handle: handle.write(b"x"))
        assert sorted(os.listdir(place)) == ["a.csv", "a.json"]
        if not was:
            break
    assert seen == {("old", "old"), ("new", "new")}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[1]",
        b"[" * 100_000,
        b'{"new": "../x", "old": ".out.replaced-1-h"}',
        b'{"new": ".out.partial-1-h", "old": "thesis"}',
        b'{"files": {"thesis": "out"}}',
        b'{"files": {".out.partial-1-h": "../../out"}}',
        b'{"files": [1]}',
    ],
)
def test_a_marker_that_fastbench_did_not_write_moves_nothing(tmp_path, content):
    place = tmp_path / "in"
    place.mkdir()
    for name in ("x", "thesis", "out"):
        result(place / name, name)
    result(tmp_path / "x", "outer")
    (place / ".out.replacing").write_bytes(content)
    finish_replacing(place / "out")
    assert sorted(os.listdir(place)) == ["out", "thesis", "x"]
    assert sorted(os.listdir(tmp_path)) == ["in", "x"]
    for name in ("x", "thesis", "out"):
        assert (place / name / "map.csv").read_text() == name


def test_two_who_finish_the_same_do_not_hinder_each_other(tmp_path, monkeypatch):
    """Between its two renames, a run on a slow file system is overtaken by one that takes it for dead."""
    monkeypatch.setattr(replace, "exchange", lambda one, other: False)
    target, new = result(tmp_path / "out", "old"), result(tmp_path / ".out.partial-1-h", "new")
    real = os.rename

    def overtaken(source, to):
        real(source, to)
        if Path(source) == target:
            monkeypatch.setattr(os, "rename", real)
            finish_replacing(target)

    monkeypatch.setattr(os, "rename", overtaken)
    replace_folder(new, target, tmp_path / ".out.replaced-1-h")
    assert (target / "map.csv").read_text() == "new"
    assert os.listdir(tmp_path) == ["out"]


def test_files_of_dead_runs_go_and_those_of_the_living_stay(tmp_path):
    host = processes.host_name()
    dead = os.fork()
    if not dead:
        os._exit(0)
    os.waitpid(dead, 0)
    gone = [f".a.csv.partial-{dead}-{host}-1", f".a.csv.partial-{os.getpid()}-{host}-2"]
    stay = [
        f".a.csv.partial-{os.getppid()}-{host}-3",
        f".a.csv.partial-{dead}-elsewhere-4",
        f".b.csv.partial-{dead}-{host}-5",
    ]
    for name in (*gone, *stay):
        (tmp_path / name).write_text("half")
    with temporary_file(tmp_path / "a.csv", lambda handle: handle.write(b"1")):
        write_csv(pl.DataFrame({"x": [1]}), tmp_path / "a.csv")  # another thread of this process
        assert len([name for name in os.listdir(tmp_path) if name.startswith(".a.csv.partial-")]) == 3
    assert sorted(os.listdir(tmp_path)) == sorted([*stay, "a.csv"])


@pytest.mark.parametrize("length", [200, 250, 255])
def test_long_names_leave_room_for_what_stands_beside_them(tmp_path, length):
    name = "é" * (length // 2) + "a" * (length % 2)
    for value in (1, 2):
        with ResultFolder(tmp_path / name, "map", {}, overwrite=True) as folder:
            folder.csv("b" * 251 + ".csv", pl.DataFrame({"x": [value]}))
    assert os.listdir(tmp_path) == [name]
    assert files.short_name(Path("a" * 255)) != files.short_name(Path("a" * 254))
    shutil.rmtree(tmp_path / name)
    with pytest.raises(InputError, match="too long"), ResultFolder(tmp_path / ("a" * 256), "map", {}):
        pass


def test_a_marker_is_beside_the_result_only_while_it_is_replaced(tmp_path, monkeypatch):
    monkeypatch.setattr(replace, "exchange", lambda one, other: False)
    target, new = result(tmp_path / "out", "old"), result(tmp_path / ".out.partial-1-h", "new")
    real, seen = os.rename, []

    def looked(source, to):
        seen.append(json.loads((tmp_path / ".out.replacing").read_text()))
        real(source, to)

    monkeypatch.setattr(os, "rename", looked)
    replace_folder(new, target, tmp_path / ".out.replaced-1-h")
    assert seen == [{"new": ".out.partial-1-h", "old": ".out.replaced-1-h"}] * 2
