"""Files of vectors in every format, for the tests of embeddings."""

from __future__ import annotations

from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
import polars as pl
import scipy.sparse

TEXT = h5py.string_dtype("utf-8")


def cellclip(path: Path, wells, vectors, samples=None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        stored = np.asarray(vectors)
        stored = stored[:, None] if stored.ndim == 2 else stored
        file.create_dataset("embeddings", data=stored, maxshape=(None, *stored.shape[1:]), chunks=True)
        file.create_dataset("well_position", data=list(wells), maxshape=(None,), dtype=TEXT)
        if samples is not None:
            file.create_dataset("broad_sample", data=list(samples), maxshape=(None,), dtype=TEXT)
    return path


def folder(path: Path, keys: pl.DataFrame, vectors, level: str = "") -> Path:
    for plate in keys["Metadata_Plate"].unique():
        rows = (keys["Metadata_Plate"] == plate).to_numpy()
        cellclip(path / level / f"{plate}.h5", keys["Metadata_Well"].filter(pl.Series(rows)), vectors[rows])
    return path


def merged(path: Path, names, vectors) -> Path:
    with h5py.File(path, "w") as file:
        file["names"] = np.array([name.encode() for name in names])
        file["embeddings"] = vectors
    return path


def named(keys: pl.DataFrame, pattern: str = "{plate}-{well}-r01c01") -> list[str]:
    return [pattern.format(plate=plate, well=well) for plate, well in keys.iter_rows()]


def array(path: Path, vectors, packed: bool = False, name: str = "embeddings") -> Path:
    if path.suffix == ".npy":
        np.save(path, vectors)
    else:
        (np.savez_compressed if packed else np.savez)(path, **{name: vectors})
    return path


def listed(path: Path, keys: pl.DataFrame, vectors, dtype=None) -> Path:
    column = pl.Series(
        "vector", vectors if isinstance(vectors, list) else vectors.tolist(), dtype=dtype or pl.List(pl.Float32)
    )
    keys.with_columns(column).write_parquet(path, row_group_size=1000)
    return path


def wide(path: Path, keys: pl.DataFrame, vectors) -> Path:
    columns = pl.DataFrame(vectors, schema=[f"e{i}" for i in range(vectors.shape[1])])
    pl.concat([keys, columns], how="horizontal").write_parquet(path)
    return path


def adata(path: Path, keys: pl.DataFrame, vectors, key: str | None = "X_model", sparse: bool = False) -> Path:
    obs = pd.DataFrame(keys.to_dict(as_series=False), index=[str(i) for i in range(keys.height)])
    values = scipy.sparse.csr_matrix(vectors) if sparse else vectors
    made = anndata.AnnData(X=values, obs=obs) if key is None else anndata.AnnData(obs=obs, obsm={key: values})
    (made.write_zarr if path.suffix == ".zarr" else made.write_h5ad)(path)
    return path


def key_table(path: Path, keys: pl.DataFrame) -> Path:
    if path.suffix == ".parquet":
        keys.write_parquet(path)
    else:
        keys.write_csv(path, separator="\t" if path.suffix == ".tsv" else ",")
    return path
