"""What was never written is refused: in HDF5 always, in zarr unless the user says that zeros were left out."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import zarr

from fastbench.engine.errors import InputError
from fastbench.engine.readers.anndata import columns_left_out
from fastbench.engine.readers.cells import read_cells
from fastbench.engine.readers.integrity.holes import Hole, find_holes
from fastbench.engine.readers.profiles import read_profiles
from fastbench.engine.readers.vectors import open_table

N = 12
X = np.random.default_rng(0).normal(size=(N, 4)).astype("f4")
OBS = pd.DataFrame(
    {
        "label": pd.Categorical([f"T{i // 4}" for i in range(N)]),
        "plate": pd.Categorical(["p"] * N),
        "score": np.arange(1.0, N + 1),
        "text": [f"t{i}" for i in range(N)],
    },
    index=[f"c{i}" for i in range(N)],
)
OBS["text"] = OBS["text"].astype(object)


def saved(folder: Path, sparse: bool = False) -> Path:
    path = folder / "a.h5ad"
    anndata.AnnData(scipy.sparse.csr_matrix(X) if sparse else X, obs=OBS).write_h5ad(path)
    return path


def rewritten(path: Path, name: str, stored: int, *, chunks: Any = True) -> Path:
    """Write an array of an HDF5 file anew, as a writer leaves it that was stopped after some of its rows."""
    with h5py.File(path, "a") as file:
        values, attributes, dtype = file[name][()], dict(file[name].attrs), file[name].dtype
        del file[name]
        if chunks is True:
            chunks = (4, *values.shape[1:])
        made = file.create_dataset(name, shape=values.shape, dtype=dtype, chunks=chunks)
        if stored:
            made[:stored] = values[:stored]
        for key, value in attributes.items():
            made.attrs[key] = value
    return path


def refused(read: Callable[[], object], *pieces: str) -> None:
    with pytest.raises(InputError) as caught:
        read()
    for piece in pieces:
        assert piece in str(caught.value), str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "stored", "chunks", "said"),
    [
        ("X", 8, True, "1 of 3 chunks of X are not there"),
        ("X", 4, (4, 2), "4 of 6 chunks of X are not there"),
        ("X", 0, True, "3 of 3 chunks of X are not there"),
        ("X", 0, None, "X was never written"),
        ("obs/label/codes", 4, True, "2 of 3 chunks of obs/label/codes"),
        ("obs/plate/codes", 4, True, "2 of 3 chunks of obs/plate/codes"),
        ("obs/score", 8, True, "1 of 3 chunks of obs/score"),
        ("obs/score", 0, None, "obs/score was never written"),
        ("obs/text", 8, True, "1 of 3 chunks of obs/text"),
        ("obs/_index", 8, True, "1 of 3 chunks of obs/_index"),
        ("obs/label/categories", 0, None, "obs/label/categories was never written"),
        ("var/_index", 0, (2,), "2 of 2 chunks of var/_index"),
    ],
)
def test_holes_of_hdf5_are_refused(tmp_path, name, stored, chunks, said):
    path = rewritten(saved(tmp_path), name, stored, chunks=chunks)
    refused(lambda: read_profiles(path), "a.h5ad", said, "writing was interrupted")
    column = name.split("/")[1] if name.startswith("obs/") else ""
    if column == "_index":
        refused(lambda: read_cells(path, ["label"]), said)
    elif column:
        refused(lambda: read_cells(path, [column]), said)
    assert len(read_cells(path, [], ids="text" if column != "text" else "plate").ids) == N  # the rest is whole


@pytest.mark.parametrize("part", ["data", "indices", "indptr"])
def test_holes_of_a_sparse_matrix_are_refused(tmp_path, part):
    path = rewritten(saved(tmp_path, sparse=True), f"X/{part}", 4)
    refused(lambda: read_profiles(path), f"chunks of X/{part} are not there")


def test_what_is_whole_is_read_however_it_is_stored(tmp_path):
    path = saved(tmp_path)
    for name, chunks in (("X", (5, 3)), ("obs/label/codes", (5,)), ("obs/score", None)):
        assert len(read_profiles(rewritten(path, name, N, chunks=chunks))) == N
    with h5py.File(tmp_path / "empty.h5", "w") as file:
        file["none"] = h5py.Empty("f4")
        file.create_dataset("no_rows", (0, 3), "f4", chunks=(1, 3), maxshape=(None, 3))
        file.create_dataset("scalar", data=1.5)
        assert [find_holes(file, name, "e") for name in file] == [[], [], []]


def test_data_in_other_files_are_never_read(tmp_path):
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["x"] = X
    linked, virtual, outside = (shutil.copy(saved(tmp_path), tmp_path / f"{n}.h5ad") for n in ("b", "c", "d"))
    with h5py.File(linked, "a") as file:
        del file["X"]
        file["X"] = h5py.ExternalLink("secret.h5", "x")
    layout = h5py.VirtualLayout(X.shape, "f4")
    layout[:] = h5py.VirtualSource(secret, "x", X.shape)
    with h5py.File(virtual, "a") as file:
        del file["X"]
        file.create_virtual_dataset("X", layout)
    with h5py.File(outside, "a") as file:
        del file["X"]
        file.create_dataset("X", X.shape, "f4", external=[(str(secret), 0, X.nbytes)])
    for path in (linked, virtual, outside):
        refused(lambda path=path: read_profiles(path), "X lies in another file, which is never read")


def test_a_group_that_holds_itself_is_refused(tmp_path):
    path = saved(tmp_path)
    with h5py.File(path, "a") as file:
        file["obs/loop"] = file["obs"]
    refused(lambda: read_profiles(path), "too deep")


def test_places_outside_a_sparse_matrix_are_refused(tmp_path):
    path = saved(tmp_path, sparse=True)
    with h5py.File(path, "a") as file:
        file["X/indices"][3] = 2**30
    refused(lambda: read_profiles(path), "a.h5ad")


@pytest.mark.parametrize("name", ["embeddings", "well_position", "broad_sample"])
@pytest.mark.parametrize("chunks", [True, None])
def test_holes_of_cellclip_files_are_refused(tmp_path, name, chunks):
    path = tmp_path / "P1.h5"
    with h5py.File(path, "w") as file:
        file["embeddings"] = X[:, None, :]
        file["well_position"] = np.array([f"A{i:02d}" for i in range(1, N + 1)], dtype=object)
        file["broad_sample"] = np.array(["s"] * N, dtype=object)
    assert open_table(path, None, None).keys.height == N
    rewritten(path, name, 8 if chunks else 0, chunks=chunks)
    refused(lambda: open_table(path, None, None), "P1.h5", name, "would read as zeros")


# --- zarr ---


def zipped(folder: Path, **arguments: Any) -> Path:
    path = folder / "a.zarr"
    with anndata.settings.override(zarr_write_format=3):
        anndata.AnnData(X, obs=OBS).write_zarr(path)
    if arguments:
        store = zarr.open_group(str(path), mode="a")
        del store["X"]
        store.create_array("X", data=X, **arguments).attrs.update(
            {"encoding-type": "array", "encoding-version": "0.2.0"}
        )
        zarr.consolidate_metadata(str(path))
    return path


V3 = pytest.mark.skipif(not hasattr(anndata.settings, "zarr_write_format"), reason="writes zarr format 2 only")


def chunk_files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file() and file.name != "zarr.json")


@V3
def test_columns_of_zarr_with_holes_are_left_out_unless_they_were_left_out_on_purpose(tmp_path):
    path = zipped(tmp_path)
    assert chunk_files(path / "obs" / "plate" / "codes") == []  # zarr does not write zeros
    assert read_profiles(path).metadata["plate"].to_list() == ["p"] * N  # with one category nothing can be lost
    (file,) = chunk_files(path / "obs" / "label" / "codes")
    file.unlink()
    found = read_profiles(path)
    assert "label" not in found.metadata.columns
    assert list(columns_left_out(found.notes)) == ["label"]
    refused(lambda: read_cells(path, ["label"]), "1 of 1 chunks of obs/label/codes are not there", "--zarr-fill")
    cells = read_cells(path, ["label"], zarr_fill=True)
    assert cells.columns["label"].values == ("T0",)
    assert "obs/label/codes" in cells.notes[0]
    filled = read_profiles(path, zarr_fill=True)
    assert set(filled.metadata["label"]) == {"T0"}
    assert any("obs/label/codes" in note and "fill value" in note for note in filled.notes)
    for name in chunk_files(path / "obs" / "_index"):
        name.unlink()
    refused(lambda: read_profiles(path, zarr_fill=True), "obs/_index")


@V3
def test_an_option_that_names_a_column_with_holes_is_refused_with_the_reason(tmp_path):
    from fastbench.engine.map.job import run_map
    from fastbench.engine.map.options import MapOptions

    path = zipped(tmp_path)
    (file,) = chunk_files(path / "obs" / "label" / "codes")
    file.unlink()
    options = MapOptions(profiles=(str(path),), pos_sameby="label", neg_diffby="label")
    refused(lambda: run_map(options), "--pos-sameby needs the column 'label'", "obs/label/codes are not there")


@V3
def test_chunks_in_shards_are_counted(tmp_path):
    path = zipped(tmp_path, chunks=(2, 3), shards=(8, 6))
    assert len(read_profiles(path)) == N  # the chunks beyond the edge are in no shard
    store = zarr.open_group(str(path), mode="a")
    store["X"][4:6, 3:] = 0  # one chunk of zeros, which the shard then lacks
    refused(lambda: read_profiles(path), "1 of 12 chunks of X are not there")
    assert (read_profiles(path, zarr_fill=True).features[4:6, 3:] == 0).all()
    files = chunk_files(path / "X")
    files[1].unlink()
    refused(lambda: read_profiles(path), "5 of 12 chunks of X are not there")
    files[0].write_bytes(files[0].read_bytes()[:20])
    refused(lambda: read_profiles(path), "less than its index")


@V3
@pytest.mark.parametrize("location", ["start", "end"])
@pytest.mark.parametrize("separator", ["/", "."])
def test_shards_of_any_layout(tmp_path, location, separator):
    from zarr.codecs import BytesCodec, ShardingCodec

    shape, shard = (7, 5), (4, 4)
    values = np.ones(shape, "f4")
    values[2:4, 2:4] = 0
    made = zarr.create(
        store=str(tmp_path / "g.zarr"),
        path="x",
        shape=shape,
        chunks=shard,
        dtype="f4",
        fill_value=0,
        zarr_format=3,
        codecs=[ShardingCodec(chunk_shape=(2, 2), codecs=[BytesCodec()], index_location=location)],
        chunk_key_encoding=("default", separator),
    )
    made[:] = values
    group = zarr.open_group(str(tmp_path / "g.zarr"), mode="r")
    assert find_holes(group, "x", "g") == [Hole("x", 1, 12)]
    made[:] = 1
    assert find_holes(group, "x", "g") == []


def test_words_of_holes():
    words = [str(Hole("X", *counts)) for counts in itertools.pairwise((3, 4))]
    assert words == ["3 of 4 chunks of X are not there"]
    assert str(Hole("X", 0, 0)) == "X was never written"
