"""A saved correction is taken whole and unchanged, or refused with one sentence."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fastbench.engine.cpjump.correction import files
from fastbench.engine.cpjump.correction.files import load_fitted, save_fitted
from fastbench.engine.cpjump.correction.transforms import Fitted, fit
from fastbench.engine.errors import InputError

NAMES = ("a", "b", "c")
X = np.random.default_rng(0).normal(size=(12, 3)).astype("f4")
PLATES = np.array(["p1"] * 6 + ["p2"] * 6)
KINDS = {
    "linear": ("kernel-pca", {}),
    "rbf": ("kernel-pca", {"kernel": "rbf"}),
    "sphering": ("sphering", {}),
    "mad": ("mad", {}),
}


def fitted(kind: str) -> Fitted:
    method, options = KINDS[kind]
    return fit(method, X, PLATES, NAMES, **options)[0]


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(path: Path, content: dict[str, bytes], kind: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, value in content.items():
            archive.writestr(name, value)
    return path


def npy(values: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def refused(path: Path, *pieces: str) -> None:
    with pytest.raises(InputError) as caught:
        load_fitted(path)
    said = str(caught.value)
    assert str(path) in said
    assert "\n" not in said
    assert all(piece in said for piece in pieces), said


@pytest.fixture(params=KINDS)
def saved(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    save_fitted(fitted(request.param), tmp_path / "c.npz")
    return tmp_path / "c.npz"


def test_a_file_is_the_same_whenever_it_is_written(tmp_path, saved):
    again = load_fitted(saved)
    save_fitted(again, tmp_path / "d.npz")
    assert members(saved) == members(tmp_path / "d.npz")


def test_every_changed_byte_is_seen(saved):
    whole = saved.read_bytes()
    before = load_fitted(saved)
    rng = np.random.default_rng(1)
    for place in rng.choice(len(whole), 60, replace=False):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << rng.integers(8)
        saved.write_bytes(damaged)
        try:
            found = load_fitted(saved)
        except InputError as error:
            assert "\n" not in str(error)  # noqa: PT017
            continue
        # What no number depends on: times and flags of the archive.
        assert found.as_tree().keys() == before.as_tree().keys()
        for name, values in before.arrays.items():
            np.testing.assert_array_equal(found.arrays[name], values)
    for end in (0, 1, 30, len(whole) // 2, len(whole) - 1):
        saved.write_bytes(whole[:end])
        refused(saved)
    saved.write_bytes(whole)
    load_fitted(saved)


def test_arrays_that_are_missing_swapped_or_of_another_shape_are_refused(saved):
    content = members(saved)
    arrays = [name for name in content if name != "about.npy"]
    for name in arrays:
        packed(saved, {key: value for key, value in content.items() if key != name})
        refused(saved, "changed after it was written")
        for other in ((2, 2), (0,), (), (3, 3, 3)):
            packed(saved, content | {name: npy(np.ones(other))})
            refused(saved, "changed after it was written")
    if len(arrays) > 1:
        packed(saved, content | {arrays[0]: content[arrays[1]], arrays[1]: content[arrays[0]]})
        refused(saved, "changed after it was written")
    packed(saved, {key: value for key, value in content.items() if key != "about.npy"})
    refused(saved, "damaged or not a batch correction")


def forged(path: Path, **changes: Any) -> Path:
    """Write a correction with a right checksum over what is wrong."""
    with np.load(path) as stored:
        arrays = {name: stored[name] for name in stored.files if name != "about"}
        about = json.loads(bytes(stored["about"]))
    for name, value in changes.items():
        if name in arrays:
            arrays[name] = np.asarray(value)
        elif name in about:
            about[name] = value
        else:
            about["parameters"][name] = value
    about["sha256"] = files._checksum(about, arrays)
    text = np.frombuffer(json.dumps(about).encode(), np.uint8)
    np.savez(path, about=text, **arrays)
    return path


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("linear", {"components": 2}),
        ("linear", {"components": 10**9}),
        ("linear", {"components": "3"}),
        ("linear", {"components": True}),
        ("linear", {"kernel": "magic"}),
        ("linear", {"scaler": "magic"}),
        ("linear", {"weights": np.ones((3, 2))}),
        ("linear", {"weights": np.full((3, 3), np.nan)}),
        ("linear", {"mean": np.ones(4)}),
        ("linear", {"scale": np.zeros(3)}),
        ("rbf", {"gamma": -1.0}),
        ("rbf", {"gamma": None}),
        ("rbf", {"controls": np.ones((12, 4))}),
        ("rbf", {"kernel_rows": np.ones(11)}),
        ("sphering", {"feature_names": ["a", "b"]}),
        ("sphering", {"feature_names": ["a", "b", "b"]}),
        ("sphering", {"feature_names": "abc"}),
        ("sphering", {"feature_names": [1, 2, 3]}),
        ("sphering", {"parameters": [1]}),
        ("sphering", {"weights": np.ones((3, 3), "f4")}),
        ("mad", {"plates": ["p1"]}),
        ("mad", {"plates": ["p1", "p1"]}),
        ("mad", {"plates": None}),
        ("mad", {"scale": np.full((2, 3), -1.0)}),
    ],
)
def test_arrays_must_fit_features_and_options(tmp_path, kind, changes):
    save_fitted(fitted(kind), tmp_path / "c.npz")
    refused(forged(tmp_path / "c.npz", **changes), "do not fit its features and options")


def header(shape: tuple[int, ...], dtype: str = "<f8") -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": dtype, "fortran_order": False, "shape": shape})
    return buffer.getvalue()


def bombed(content: dict[str, bytes]) -> dict[str, bytes]:
    return content | {"about.npy": npy(np.frombuffer(b"[" * 200_000, np.uint8))}


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda path, content: packed(path, bombed(content)), "not a batch correction"),
        (lambda path, content: packed(path, content | {"mean.npy": header((2**40,))}), "its header announces"),
        (lambda path, content: packed(path, content | {"mean.npy": header((-1,)) + bytes(8)}), "its header announces"),
        (lambda path, content: packed(path, content | {"mean.npy": npy(np.ones(3)) + b"more"}), "its header announces"),
        (lambda path, content: packed(path, content | {"mean.npy": npy(np.array([object()]))}), "pickled objects"),
        (lambda path, content: packed(path, content | {"note.txt": b"x"}), "no archive of arrays: it holds 'note.txt'"),
        (lambda path, content: packed(path, content, zipfile.ZIP_LZMA), "a way that NumPy does not write"),
        (lambda path, content: path.write_bytes(b"PK\3\4" + bytes(100)), "not a batch correction"),
        (lambda path, content: path.write_bytes(zlib.compress(b"x")), "not a batch correction"),
    ],
)
def test_hostile_archives_end_in_a_sentence(tmp_path, harm: Callable[[Path, dict[str, bytes]], object], said: str):
    path = tmp_path / "c.npz"
    save_fitted(fitted("sphering"), path)
    harm(path, members(path))
    refused(path, said)


def patched(path: Path, offset: int, value: bytes) -> None:
    """Change what both headers of each member say: the one before it, and the one in the index."""
    content = bytearray(path.read_bytes())
    for mark, shift in ((b"PK\3\4", 0), (b"PK\1\2", 2)):
        place = content.find(mark)
        while place >= 0:
            content[place + offset + shift : place + offset + shift + len(value)] = value
            place = content.find(mark, place + 1)
    path.write_bytes(content)


def test_encrypted_members_and_sizes_that_cannot_be(tmp_path):
    path = tmp_path / "c.npz"
    for offset, value, said in (
        (6, b"\1\0", "is encrypted"),
        (22, b"\xff\xff\xff\x7f", "more than"),
    ):
        save_fitted(fitted("mad"), path)
        patched(path, offset, value)
        refused(path, said)
    save_fitted(fitted("mad"), path)
    packed(path, members(path), zipfile.ZIP_DEFLATED)
    load_fitted(path)  # packed by somebody, with all that it holds
    content = bytearray(path.read_bytes())
    content[content.find(b"about.npy") + 9 : content.find(b"about.npy") + 60] = bytes(51)  # not DEFLATE any more
    path.write_bytes(content)
    refused(path, "not a batch correction")


def test_what_is_unpacked_is_bounded(tmp_path, monkeypatch):
    path = tmp_path / "c.npz"
    save_fitted(fitted("mad"), path)
    monkeypatch.setattr(files, "_MOST_BYTES", 500)
    refused(path, "unpacks to more than")


def test_a_file_of_an_older_version_is_said_to_be_one(tmp_path):
    path = tmp_path / "c.npz"
    save_fitted(fitted("mad"), path)
    with np.load(path) as stored:
        arrays = {name: stored[name] for name in stored.files if name != "about"}
        about = json.loads(bytes(stored["about"]))
    del about["sha256"]
    np.savez(path, about=np.frombuffer(json.dumps(about).encode(), np.uint8), **arrays)
    refused(path, "has no checksum", "fit the correction anew")
