"""What the header of an array announces is what is there."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from fastbench.engine.errors import InputError
from fastbench.engine.readers.vectors import open_table

VECTORS = np.random.default_rng(0).normal(size=(4, 3)).astype("f4")


def keys(folder: Path) -> Path:
    path = folder / "keys.csv"
    path.write_text("Metadata_Plate,Metadata_Well\n" + "".join(f"p,A0{i}\n" for i in range(1, 5)))
    return path


def read(path: Path) -> np.ndarray:
    return open_table(path, keys(path.parent), None).fetch(np.arange(4))


def refused(path: Path, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read(path)
    assert said in str(caught.value)
    assert path.name in str(caught.value)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("packing", [np.savez, np.savez_compressed])
def test_arrays_that_are_whole(tmp_path, order, packing):
    values = np.asarray(VECTORS, order=order)
    np.save(tmp_path / "e.npy", values)
    packing(tmp_path / "e.npz", embeddings=values)
    for name in ("e.npy", "e.npz"):
        np.testing.assert_array_equal(read(tmp_path / name), VECTORS)


@pytest.mark.parametrize("zipped", [False, True])
def test_arrays_longer_or_shorter_than_their_header_are_refused(tmp_path, zipped):
    np.save(tmp_path / "e.npy", VECTORS)
    whole = (tmp_path / "e.npy").read_bytes()
    start = len(whole) - VECTORS.nbytes
    wide = whole.replace(b"(4, 3)", b"(4, 2)")
    for content in (
        whole + bytes(4),
        whole + whole,
        whole[:-1],
        whole[:start],
        wide,  # scrambled vectors, as many as there are keys
        whole.replace(b"<f4", b"<f2"),
        whole.replace(b"<f4", b"<f8"),
        whole.replace(b"(4, 3), } ", b"(4,-3), } "),
        whole.replace(b"(4, 3), }          ", b"(4, 3000000000), } "),
    ):
        assert content != whole
        path = tmp_path / ("d.npz" if zipped else "d.npy")
        if zipped:
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("embeddings.npy", content)
        else:
            path.write_bytes(content)
        refused(path, "its header announces")


def test_other_versions_and_deep_headers_are_refused(tmp_path):
    np.save(tmp_path / "e.npy", VECTORS)
    whole = (tmp_path / "e.npy").read_bytes()
    path = tmp_path / "d.npy"
    path.write_bytes(whole[:6] + b"\x07\x00" + whole[8:])
    refused(path, "d.npy")
    path.write_bytes(whole[:10] + b"(" * 118 + whole[128:])
    refused(path, "damaged, cut off or not a NumPy array")


def test_archives_that_announce_too_much_are_refused_before_they_are_unpacked(tmp_path):
    path = tmp_path / "e.npz"
    np.savez_compressed(path, embeddings=VECTORS)
    content = bytearray(path.read_bytes())
    place = content.find(b"PK\1\2")
    content[place + 24 : place + 28] = (2**31).to_bytes(4, "little")
    path.write_bytes(content)
    refused(path, "announces 2147483648 bytes, more than")
