"""Text of HDF5 that cannot be is refused, and what would hang or crash the C library ends in a sentence."""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from fastbench.engine.errors import InputError
from fastbench.engine.readers.integrity import heaps, isolation
from fastbench.engine.readers.integrity.heaps import check_strings, has_strange_heaps
from fastbench.engine.readers.integrity.isolation import isolated, read_first_in_a_child

TEXTS = [f"text number {i}" for i in range(300)]


def saved(path: Path, **options: object) -> Path:
    with h5py.File(path, "w") as file:
        file.attrs["about"] = "a text of the file"
        file.create_dataset("t", data=np.array(TEXTS, dtype=object), dtype=h5py.string_dtype(), **options)
        file["t"].attrs["note"] = "a text of the dataset"
        file["x"] = np.arange(3.0)
    return path


def damaged(path: Path, place: int, value: bytes) -> Path:
    content = bytearray(path.read_bytes())
    content[place : place + len(value)] = value
    path.write_bytes(content)
    return path


def collections(path: Path) -> list[int]:
    return [match.start() for match in re.finditer(b"GCOL", path.read_bytes())]


def check(path: Path) -> None:
    with h5py.File(path) as file:
        check_strings(file["t"], "t", "a.h5")


@pytest.mark.parametrize(
    "options", [{}, {"chunks": (64,)}, {"chunks": (64,), "compression": "gzip"}, {"chunks": (64,), "shuffle": True}]
)
def test_text_that_is_whole_passes(tmp_path, options):
    path = saved(tmp_path / "a.h5", **options)
    assert len(collections(path)) > 1
    assert not has_strange_heaps(path)
    check(path)
    with h5py.File(tmp_path / "empty.h5", "w") as file:
        file.create_dataset("t", data=np.array(["", ""], dtype=object), dtype=h5py.string_dtype())
    check(tmp_path / "empty.h5")


def test_files_without_text_of_variable_length_pass(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["t"] = np.array([b"GCOL", b"x"])
    (tmp_path / "none").write_bytes(b"")
    assert not has_strange_heaps(tmp_path / "none")
    assert has_strange_heaps(tmp_path / "a.h5")  # the mark stands in other data: a child reads it first
    read_first_in_a_child(tmp_path / "a.h5", "a.h5", ["t"])


@pytest.mark.parametrize("options", [{}, {"chunks": (64,)}, {"chunks": (64,), "compression": "gzip"}])
@pytest.mark.parametrize("field", ["length", "place", "collection"])
def test_references_that_cannot_be_are_refused(tmp_path, monkeypatch, options, field):
    path = saved(tmp_path / "a.h5", **options)
    with h5py.File(path) as file:
        found = heaps._references(file["t"]).copy()
    assert found["length"][found["length"] > 0].tolist() == [len(text) for text in TEXTS]
    value = {"length": 2**31, "place": 2**40, "collection": int(found["place"][0]) + 16}[field]
    found["length" if field == "length" else "place"][7] = value
    monkeypatch.setattr(heaps, "_references", lambda dataset: found)
    with pytest.raises(InputError, match=r"'a\.h5' is damaged: the text of t is not where the file says"):
        check(path)


@pytest.mark.parametrize(
    ("offset", "value"),
    [
        (4, b"\2"),  # version
        (8, (4096 + 72).to_bytes(8, "little")),  # size: the library goes round behind the end, for ever
        (8, (2**40).to_bytes(8, "little")),
        (8, bytes(8)),
        (16 + 8, (2**40).to_bytes(8, "little")),  # length of the first text
        (16 + 8, (5000).to_bytes(8, "little")),
    ],
)
def test_collections_that_cannot_be_are_seen(tmp_path, offset, value):
    path = saved(tmp_path / "a.h5")
    place = collections(path)[1]
    damaged(path, place + offset, value)
    assert has_strange_heaps(path)
    with pytest.raises(InputError, match="is not where the file says"):
        check(path)


def test_collections_at_any_place_are_read_alike(tmp_path):
    content = saved(tmp_path / "a.h5").read_bytes()
    (tmp_path / "shifted").write_bytes(b"123" + content)
    places = np.array(collections(tmp_path / "a.h5"))
    sizes = heaps._collection_bytes(tmp_path / "a.h5", places)
    assert (sizes >= 4096).all()
    np.testing.assert_array_equal(heaps._collection_bytes(tmp_path / "shifted", places + 3), sizes)
    outside = np.array([-5, len(content), len(content) - 10, 10**15])
    assert not heaps._collection_bytes(tmp_path / "a.h5", outside).any()


@pytest.mark.slow
def test_what_hangs_the_library_ends_in_a_sentence(tmp_path, monkeypatch):
    path = saved(tmp_path / "a.h5")
    place = collections(path)[-1]
    damaged(path, place + 8, (4096 + 72).to_bytes(8, "little"))
    damaged(path, place + 4096, bytes(72))  # an object of no length, that is taken for the next one for ever
    monkeypatch.setattr(isolation, "_SECONDS", 2)
    before = time.monotonic()
    with pytest.raises(InputError, match=r"a\.h5' is damaged: the HDF5 library (does not come to an end|crashed)"):
        read_first_in_a_child(path, str(path), ["t"])
    assert time.monotonic() - before < 40


def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str) -> None:
    """Put another program in the place of the one that the child runs."""
    script = tmp_path / "probe.py"
    script.write_text(f"import os, resource, signal, sys, time\n{code}\n")
    monkeypatch.setattr(isolation, "__file__", str(tmp_path / "isolation.py"))


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", f"crashed over it (signal {int(signal.SIGSEGV)})"),
        ("time.sleep(60)", "does not come to an end"),
        ("raise OSError('wrong checksum.')", "is damaged, cut off or not HDF5: OSError: wrong checksum."),
        ("sys.exit(3)", "no reason given"),
    ],
)
def test_how_the_child_ended_is_said(tmp_path, monkeypatch, code, said):
    path = saved(tmp_path / "a.h5")
    fake(monkeypatch, tmp_path, code)
    monkeypatch.setattr(isolation, "_SECONDS", 1)
    monkeypatch.setattr(isolation, "_WAITING", 1)
    with isolated(True), pytest.raises(InputError) as caught:
        read_first_in_a_child(path, "a.h5", ["t"])
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    read_first_in_a_child(path, "a.h5", ["t"])  # nobody asked, and nothing is strange


@pytest.mark.slow
def test_the_child_has_limits_and_reads_all(tmp_path, monkeypatch):
    path = saved(tmp_path / "a.h5", chunks=(64,))
    with isolated(True):
        read_first_in_a_child(path, "a.h5", ["t", "x", "not there"])
        with h5py.File(path) as file:
            about = file["x"].id.get_offset()
        whole = path.read_bytes()
        path.write_bytes(whole[: about + 8])
        with pytest.raises(InputError, match="damaged, cut off or not HDF5"):
            read_first_in_a_child(path, "a.h5", ["t", "x"])
        path.write_bytes(whole)
        monkeypatch.setattr(isolation, "_MEGABYTES", 1)
        monkeypatch.setattr(isolation, "_TIMES_THE_FILE", 0)
        with pytest.raises(InputError, match="is damaged"):
            read_first_in_a_child(path, "a.h5", ["t"])


def test_the_option_isolates_while_the_command_runs(monkeypatch):
    assert not isolation._Wanted.always
    with isolated(True):
        with isolated(False):
            assert isolation._Wanted.always
        assert isolation._Wanted.always
    assert not isolation._Wanted.always
