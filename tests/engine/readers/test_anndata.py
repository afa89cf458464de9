"""AnnData files: X and obsm, h5ad and zarr, and files that cannot be trusted."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import anndata
import numpy as np
import pytest
import scipy.sparse

from fastbench.engine.readers.profiles import read_profiles

from .reading import FEATURES, adata, refused, save

pytestmark = [
    pytest.mark.filterwarnings("ignore:Writing zarr v2:UserWarning"),
    pytest.mark.filterwarnings("ignore:zarr v3 autosharding:UserWarning"),
    pytest.mark.filterwarnings("ignore:Consolidated metadata:UserWarning"),
]

# --- AnnData ---


@pytest.mark.parametrize("suffix", ["h5ad", "zarr"])
@pytest.mark.parametrize("kind", ["dense", "float32", "integer", "csr", "csc"])
def test_anndata(tmp_path, suffix, kind):
    x = {
        "dense": lambda: FEATURES,
        "float32": lambda: FEATURES.astype(np.float32),
        "integer": lambda: np.array([[1, 2], [3, 4], [5, 6]]),
        "csr": lambda: scipy.sparse.csr_matrix(FEATURES),
        "csc": lambda: scipy.sparse.csc_matrix(FEATURES),
    }[kind]()
    path = save(adata(x), tmp_path / f"a.{suffix}")
    found = read_profiles([path])
    expected = x.toarray() if scipy.sparse.issparse(x) else x
    np.testing.assert_array_equal(found.features, np.asarray(expected, np.float32))
    assert found.features.flags.c_contiguous
    assert found.feature_names == ("g1", "g2")
    assert found.metadata.to_dict(as_series=False) == {
        "cell_type": ["T", "B", None],
        "batch": ["1", "1", "2"],
        "score": [1.0, None, 2.0],
        "obs_names": ["c1", "c2", "c3"],
    }
    assert found.sources[0].n_rows == 3
    assert found.sources[0].n_bytes > 0


@pytest.mark.parametrize("suffix", ["h5ad", "zarr"])
def test_anndata_obsm(tmp_path, suffix):
    path = save(adata(), tmp_path / f"a.{suffix}")
    found = read_profiles(path, obsm="X_pca")
    assert found.feature_names == ("X_pca_0", "X_pca_1", "X_pca_2")
    np.testing.assert_array_equal(found.features, np.arange(9).reshape(3, 3))
    assert read_profiles(path, obsm="frame").feature_names == ("u",)
    assert read_profiles(path, obsm="X_pca", features="_[12]$").feature_names == ("X_pca_1", "X_pca_2")
    refused(["'X_pac'", "did you mean 'X_pca'"], path, obsm="X_pac")
    refused(["'^g9'", "'g1', 'g2'"], path, features="^g9")


def test_anndata_digest_of_a_zarr_folder_is_of_its_content(tmp_path):
    first = save(adata(), tmp_path / "a.zarr")
    shutil.copytree(first, tmp_path / "b.zarr")
    one, two = (read_profiles(tmp_path / name).sources[0] for name in ("a.zarr", "b.zarr"))
    assert (one.sha256, one.n_bytes) == (two.sha256, two.n_bytes)
    third = save(adata(FEATURES + 1), tmp_path / "c.zarr")
    assert read_profiles(third).sources[0].sha256 != one.sha256


@pytest.mark.parametrize("suffix", ["h5ad", "zarr"])
def test_anndata_that_cannot_be_used(tmp_path, suffix):
    path = save(adata(np.array([[1.0, np.nan], [1, 2], [3, 4]])), tmp_path / f"nan.{suffix}")
    refused([f"nan.{suffix}", "'g2'", "1 of 3 rows"], path)
    made = adata()
    made.X = None
    refused([f"none.{suffix}", "no X", "'X_pca'"], save(made, tmp_path / f"none.{suffix}"))
    made = adata()
    made.var_names = ["g", "g"]
    refused([f"twice.{suffix}", "'g'"], save(made, tmp_path / f"twice.{suffix}"))
    empty = adata()[[]].copy()
    refused([f"empty.{suffix}", "(0, 2)"], save(empty, tmp_path / f"empty.{suffix}"))


def test_other_hdf5_and_other_zarr(tmp_path):
    import h5py
    import zarr

    with h5py.File(tmp_path / "a.h5ad", "w") as handle:
        handle["x"] = [1]
    refused(["a.h5ad", "not AnnData", "obs"], tmp_path / "a.h5ad")
    (tmp_path / "b.h5ad").write_bytes(b"not hdf5 at all")
    refused(["b.h5ad"], tmp_path / "b.h5ad")
    zarr.open_group(str(tmp_path / "a.zarr"), mode="w")
    refused(["a.zarr", "not AnnData"], tmp_path / "a.zarr")
    (tmp_path / "b.zarr").mkdir()
    refused(["b.zarr"], tmp_path / "b.zarr")


def _chunk_files(folder: Path) -> list[Path]:
    return sorted(
        f for f in folder.rglob("*") if f.is_file() and f.name not in {"zarr.json", ".zarray", ".zattrs", ".zgroup"}
    )


@pytest.fixture(scope="module", params=[(False, 2), (False, 3), (True, 2), (True, 3)], ids=str)
def whole(request, tmp_path_factory):
    """A folder of dense or sparse numbers in one of Zarr's formats."""
    sparse, zarr_format = request.param
    made = adata(scipy.sparse.csr_matrix(FEATURES) if sparse else FEATURES)
    with anndata.settings.override(zarr_write_format=zarr_format):
        path = save(made, tmp_path_factory.mktemp("whole") / "a.zarr")
    assert len(read_profiles(path)) == 3
    return path


@pytest.mark.parametrize("harm", ["missing", "cut", "emptied"])
def test_a_missing_or_cut_chunk_of_a_zarr_matrix_is_refused(tmp_path, whole, harm):
    path = Path(shutil.copytree(whole, tmp_path / "a.zarr"))
    chunk = _chunk_files(path / "X")[0]
    if harm == "missing":
        chunk.unlink()
    else:
        chunk.write_bytes(chunk.read_bytes()[:-3] if harm == "cut" else b"")
    refused(["a.zarr", "chunks of X" if harm == "missing" else ""], path)


def test_a_missing_chunk_of_the_metadata_is_noted(tmp_path):
    path = save(adata(), tmp_path / "a.zarr")
    chunk = _chunk_files(path / "obs" / "score")[0]
    chunk.unlink()
    found = read_profiles(path)
    assert any("obs/score" in note and "1 of 1 chunks" in note for note in found.notes)
    assert "score" not in found.metadata.columns


class _Bomb:
    def __reduce__(self):
        return (pytest.fail, ("unpickled",))


def test_pickled_zarr_arrays_are_never_loaded(tmp_path):
    path = save(adata(), tmp_path / "a.zarr")
    array = path / "obs" / "evil"
    array.mkdir()
    header = {"zarr_format": 2, "shape": [3], "chunks": [3], "dtype": "|O", "fill_value": None, "order": "C"}
    (array / ".zarray").write_text(json.dumps({**header, "filters": [{"id": "pickle"}], "compressor": None}))
    (array / "0").write_bytes(pickle.dumps(np.array([_Bomb()] * 3, dtype=object)))
    refused(["a.zarr", "pickled", "evil"], path)
