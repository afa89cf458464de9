"""One feature that carries most of the squared length."""

from __future__ import annotations

import warnings

import numpy as np
import polars as pl
import pytest

import fastbench as fb
from fastbench.engine.tables.dominance import dominant_feature, feature_shares

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 8)).astype(np.float32)
NAMES = tuple("abcdefgh")


def test_shares_by_their_definition() -> None:
    wide = X.astype(np.float64)
    cosine = (wide**2 / (wide**2).sum(axis=1, keepdims=True)).mean(axis=0)
    assert feature_shares(X, "cosine") == pytest.approx(cosine)
    centred = wide - wide.mean(axis=1, keepdims=True)
    correlation = (centred**2 / (centred**2).sum(axis=1, keepdims=True)).mean(axis=0)
    assert feature_shares(X, "correlation") == pytest.approx(correlation)
    for distance in ("euclidean", "manhattan", "braycurtis"):
        assert feature_shares(X, distance) == pytest.approx(wide.var(axis=0) / wide.var(axis=0).sum())


@pytest.mark.parametrize("distance", ["cosine", "abs_cosine", "correlation", "euclidean", "chebyshev"])
def test_a_column_that_numbers_or_counts_decides(distance: str) -> None:
    assert dominant_feature(X, NAMES, distance) == ""
    for column in (np.arange(40), 20_000.0 * RNG.random(40) + 1e5 * (np.arange(40) % 2), np.arange(40)[::-1] * 1000):
        x = X.copy()
        x[:, 5] = column
        said = dominant_feature(x, NAMES, distance)
        assert said.startswith("Feature 'f' carries ")
        assert distance in said
        assert "number 5" in dominant_feature(x, None, distance)
    assert dominant_feature(X[:, :3] * [100, 1, 1], NAMES, distance) == ""  # of three features, one has it easily
    assert dominant_feature(np.zeros((3, 8)), NAMES, distance) == ""


def test_rows_that_are_not_finite_are_left_out() -> None:
    x = X.copy()
    x[::3, 1], x[1, 2] = np.nan, np.inf
    finite = np.isfinite(x).all(axis=1)
    for distance in ("cosine", "correlation", "euclidean"):
        assert feature_shares(x, distance) == pytest.approx(feature_shares(x[finite], distance))
    assert dominant_feature(np.full((5, 6), np.nan), NAMES, "cosine") == ""


def test_python_warns() -> None:
    x = X.astype(np.float64)
    x[:, 2] = np.arange(40)
    meta = pl.DataFrame({"Metadata_x": [f"g{i % 8}" for i in range(40)]})
    rules = {"pos_sameby": ["Metadata_x"], "pos_diffby": [], "neg_sameby": [], "neg_diffby": ["Metadata_x"]}
    with pytest.warns(UserWarning, match="Feature number 2 carries"):
        fb.average_precision(meta, x, progress_bar=False, **rules)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fb.average_precision(meta, X, progress_bar=False, **rules)


def test_python_warns_of_bookkeeping() -> None:
    """The usual way to choose features, all columns but Metadata_*, lets through what numbers and counts."""
    table = pl.DataFrame(X, schema=[f"Cells_F{i}" for i in range(8)])
    meta = pl.DataFrame({"Metadata_x": [f"g{i % 8}" for i in range(40)]})
    rules = {"pos_sameby": ["Metadata_x"], "pos_diffby": [], "neg_sameby": [], "neg_diffby": ["Metadata_x"]}
    for name, values in (("ImageNumber", [0.5] * 40), ("Cytoplasm_Parent_Cells", [0.1] * 40), ("any", range(40))):
        feats = table.with_columns(pl.Series(name, values))
        for given in (feats, feats.to_pandas()):
            with pytest.warns(UserWarning, match=f"number or count instead of measuring: '{name}'"):
                fb.average_precision(meta, given, progress_bar=False, **rules)
    with pytest.warns(UserWarning, match="number or count instead of measuring: 8"):
        fb.average_precision(meta, np.c_[X, np.arange(40)], progress_bar=False, **rules)
