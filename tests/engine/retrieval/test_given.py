"""AnnData, Profiles and one table with its features inside go straight into the functions of copairs."""

from __future__ import annotations

import re
import time
from typing import Any

import anndata
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import fastbench as fb
from fastbench.engine.tables.profiles import Profiles

RNG = np.random.default_rng(5)
N = 40
META = pd.DataFrame(
    {
        "drug": [f"d{i % 5}" for i in range(N)],
        "moa": [["a", "b"] if i % 3 else ["b"] for i in range(N)],
        "kind": pd.Categorical([("poscon", "trt")[i % 2] for i in range(N)]),
    },
    index=[f"cell{i}" for i in range(N)],
)
X = RNG.normal(size=(N, 7)) + 1e-9
RULES: dict[str, Any] = {
    "pos_sameby": ["drug"],
    "pos_diffby": [],
    "neg_sameby": [],
    "neg_diffby": ["drug"],
    "progress_bar": False,
}
PLAIN = META[["drug", "kind"]]


@pytest.fixture
def expected() -> pd.DataFrame:
    return fb.average_precision(PLAIN, X, **RULES)


def test_anndata(expected: pd.DataFrame) -> None:
    adata = anndata.AnnData(X, obs=PLAIN, obsm={"X_emb": X[:, :3], "X_table": pd.DataFrame(X, META.index)})
    found = fb.average_precision(adata, **RULES)
    assert list(found.index) == list(META.index)
    pd.testing.assert_frame_equal(found.reset_index(drop=True), expected)
    emb = fb.average_precision(adata, obsm="X_emb", **RULES)
    assert (
        emb["average_precision"].tolist()
        == fb.average_precision(PLAIN, X[:, :3], **RULES)["average_precision"].tolist()
    )
    table = fb.average_precision(adata, obsm="X_table", **RULES)
    assert table["average_precision"].tolist() == expected["average_precision"].tolist()
    other = fb.average_precision(adata, X[:, :3], **RULES)
    assert other["average_precision"].tolist() == emb["average_precision"].tolist()
    some = fb.average_precision(adata, **RULES | {"pos_sameby": ["drug", "kind == 'trt'"]})
    assert list(some.index) == list(META.index[1::2])
    adata.obs = adata.obs.join(found[[name for name in found if name not in adata.obs]])
    groups = fb.mean_average_precision(adata, ["drug"], 1000, 0.05, 0)
    pd.testing.assert_frame_equal(groups, fb.mean_average_precision(expected, ["drug"], 1000, 0.05, 0))


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow", "Profiles"])
def test_one_table_with_its_features_inside(kind: str, expected: pd.DataFrame) -> None:
    names = [f"f{i}" for i in range(7)]
    whole = pd.concat([PLAIN.reset_index(drop=True), pd.DataFrame(X, columns=names)], axis=1)
    given = {
        "pandas": whole,
        "polars": pl.from_pandas(whole),
        "pyarrow": pa.Table.from_pandas(whole),
        "Profiles": Profiles(pl.from_pandas(PLAIN), X.astype(np.float32), tuple(names)),
    }[kind]
    found = fb.average_precision(given, **RULES)
    columns = list(found.column_names if kind == "pyarrow" else found.columns)
    assert columns == list(expected.columns)
    values = np.asarray(found["average_precision"]).tolist()
    assert values == expected["average_precision"].tolist()


def test_a_column_of_vectors(expected: pd.DataFrame) -> None:
    given = pl.from_pandas(PLAIN).with_columns(pl.Series("embedding", X.tolist()))
    found = fb.average_precision(given, **RULES)
    assert found["average_precision"].to_list() == expected["average_precision"].to_list()
    assert "embedding" not in found.columns


def test_multilabel_and_relabelling() -> None:
    adata = anndata.AnnData(X, obs=PLAIN)
    rules = RULES | {"pos_sameby": ["moa"], "neg_diffby": ["moa"]}
    first = META.assign(moa=[[f"m{i % 4}"] for i in range(N)])
    adata.obs["moa"] = first["moa"]
    found = fb.multilabel.average_precision(adata, multilabel_col="moa", **rules)
    plain = fb.multilabel.average_precision(first, X, multilabel_col="moa", **rules)
    assert sorted(found["average_precision"]) == sorted(plain["average_precision"])
    assert set(found.index) == set(META.index)
    with pytest.raises(fb.InputError, match="multilabel_col is needed"):
        fb.multilabel.average_precision(adata, **rules)
    exchanged = {name: value for name, value in RULES.items() if name != "progress_bar"}
    one = fb.Relabelling(adata, obsm=None, **exchanged).rows
    assert one.features.shape == X.shape
    assert one.metadata["drug"].to_list() == META["drug"].to_list()


@pytest.mark.parametrize(
    ("given", "more", "message"),
    [
        ((META, anndata.AnnData(X, obs=PLAIN)), {}, "feats is AnnData, which holds metadata too; give it alone"),
        ((META, Profiles(pl.from_pandas(PLAIN), X.astype(np.float32), tuple("abcdefg"))), {}, "feats.features"),
        ((anndata.AnnData(X, obs=PLAIN),), {"obsm": "X_pca"}, "has no obsm 'X_pca'; it has none"),
        ((anndata.AnnData(obs=PLAIN),), {}, "has no X"),
        ((PLAIN, X), {"obsm": "X_pca"}, "obsm='X_pca' is for AnnData"),
        ((PLAIN,), {}, "has no feature column"),
        (({"drug": []},), {}, "Metadata must be a pandas, Polars or PyArrow table"),
        ((anndata.AnnData(X, obs=PLAIN),), {"pos_sameby": ()}, "pos_sameby and pos_diffby are both empty"),
    ],
)
def test_what_cannot_be_used_is_said_at_once(given: Any, more: dict[str, Any], message: str) -> None:
    start = time.perf_counter()
    with pytest.raises(fb.InputError, match=re.escape(message)):
        fb.average_precision(*given, **RULES | more)
    assert time.perf_counter() - start < 5  # not the minute of an array of objects
