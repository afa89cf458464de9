"""Small tables that the reader tests write, and the sentence of a refusal."""

from __future__ import annotations

import gzip
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import polars as pl
import pytest

from fastbench.engine.errors import InputError
from fastbench.engine.readers.profiles import read_profiles

FEATURES = np.array([[1.5, -2.0], [0.25, 1e-7], [3.0, 4.0]])
FRAME = pl.DataFrame(
    {
        "Metadata_Plate": ["p1", "p1", "p2"],
        "Cells_a": FEATURES[:, 0],
        "Meta_conc": [0.5, 1.0, 10.0],
        "Nuclei_b": FEATURES[:, 1],
        "Metadata_Well": ["A01", "A02", None],
    }
)
META = FRAME.select("Metadata_Plate", "Meta_conc", "Metadata_Well")


def write(frame: pl.DataFrame, path: Path) -> Path:
    name = path.name
    if name.endswith(".parquet"):
        frame.write_parquet(path)
    elif name.endswith((".arrow", ".feather")):
        frame.write_ipc(path)
    elif name.endswith(".stream.arrow"):
        frame.write_ipc_stream(path)
    else:
        text = frame.write_csv(separator="\t" if ".tsv" in name else ",").encode()
        path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    return path


def refused(pieces: list[str], *arguments, **options) -> str:
    with pytest.raises(InputError) as caught:
        read_profiles(*arguments, **options)
    for piece in pieces:
        assert piece in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def text_file(tmp_path: Path, text: str, name: str = "a.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode())
    return path


def adata(x: object = FEATURES) -> anndata.AnnData:
    obs = pd.DataFrame(
        {"cell_type": pd.Categorical(["T", "B", None]), "batch": ["1", "1", "2"], "score": [1.0, np.nan, 2.0]},
        index=["c1", "c2", "c3"],
    )
    made = anndata.AnnData(X=x, obs=obs, var=pd.DataFrame(index=["g1", "g2"]))
    made.obsm["X_pca"] = np.arange(9, dtype=np.float64).reshape(3, 3)
    made.obsm["frame"] = pd.DataFrame({"u": [1.0, 2.0, 3.0]}, index=made.obs_names)
    made.layers["other"] = np.zeros((3, 2))
    return made


def save(made: anndata.AnnData, path: Path) -> Path:
    if path.suffix == ".zarr":
        made.write_zarr(path)
    else:
        made.write_h5ad(path)
    return path
