"""Raw counts before integration: told from vectors, and made into components as scanpy makes them."""

from __future__ import annotations

from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse

import fastbench as fb
from fastbench.engine.command.execute import execute
from fastbench.engine.embed.command import EMBED
from fastbench.engine.embed.counts import before_integration, components_of_counts, variable_genes
from fastbench.engine.embed.options import EmbedOptions
from fastbench.engine.embed.summary import above_unintegrated
from fastbench.engine.errors import InputError

from ..figures.pictures import words


def counts(n: int = 300, genes: int = 900) -> np.ndarray:
    """Counts of four kinds of cells."""
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 4, n)
    level = rng.lognormal(-1.0, 1.5, genes)
    moved = np.exp(rng.normal(0, 0.8, (4, genes)) * (rng.random(genes) < 0.2))
    depth = rng.lognormal(0, 0.4, n)
    return rng.poisson(depth[:, None] * level * moved[kind]).astype(np.float32)


def test_variable_genes_are_those_of_scanpy():
    """Values of scanpy 1.11.5: normalize_total, log1p, highly_variable_genes(flavor="seurat", n_top_genes=...)."""
    x = counts().astype(np.float64)
    scaled = x / x.sum(axis=1, keepdims=True) * np.median(x.sum(axis=1))
    few, all_ = (variable_genes(scaled.mean(axis=0), scaled.var(axis=0, ddof=1), wanted) for wanted in (200, 3000))
    assert few[:10].tolist() == [2, 3, 7, 8, 10, 11, 12, 14, 15, 18]
    assert (len(few), few.sum()) == (200, 87197)
    assert (len(all_), all_.sum()) == (898, 404128)  # two genes have no counts


def test_components_are_those_of_scanpy():
    """Values of scanpy 1.11.5: then pca(n_comps=50, random_state=42)."""
    vectors, note = components_of_counts(scipy.sparse.csr_array(counts()))
    expected = [[1.8643, -1.3378, 1.1794, 1.3617], [0.2758, 2.9078, 2.5463, -0.5017], [0.2777, 1.7427, 2.7968, 0.4698]]
    np.testing.assert_allclose(np.abs(vectors[:3, :4]), np.abs(expected), atol=2e-4)
    assert vectors.var(axis=0, ddof=1).sum() == pytest.approx(57.326775, rel=1e-4)
    assert "median total (884), log1p, 898 highly variable genes (seurat), 50 principal components" in note


def test_counts_are_told_from_vectors():
    x = counts(20, 300)
    for matrix in (x, scipy.sparse.csr_array(x)):
        assert before_integration(matrix, "auto").counts.shape == x.shape
        assert before_integration(matrix, "vectors").vectors.tolist() == x.tolist()
    logged = before_integration(scipy.sparse.csr_array(np.log1p(x)), "auto")
    assert logged.counts is None
    assert "so it is taken as vectors" in logged.notes[0]
    assert "whole numbers of 50 columns, taken as vectors" in before_integration(x[:, :50], "auto").notes[0]
    assert before_integration(x[:, :50], "counts").counts is not None
    assert not before_integration(np.log1p(x[:, :50]), "auto").notes
    with pytest.raises(InputError, match="but raw counts are whole numbers"):
        before_integration(-x, "counts")
    with pytest.raises(InputError, match="all counts are 0"):
        components_of_counts(scipy.sparse.csr_array((4, 300)))


def test_a_layer_of_counts_stands_beside_every_value(tmp_path: Path):
    x = counts(120, 400)
    obs = pd.DataFrame({"ct": [f"t{i % 3}" for i in range(120)], "lab": [f"b{i % 2}" for i in range(120)]})
    cells = anndata.AnnData(np.log1p(x), obs=obs.set_index(obs.index.astype(str)))
    cells.layers["counts"] = scipy.sparse.csr_matrix(x)
    cells.obsm["X_new"] = np.random.default_rng(0).normal(size=(120, 5)).astype(np.float32)
    cells.write_h5ad(tmp_path / "cells.h5ad")
    options = EmbedOptions(
        embeddings=(f"{tmp_path / 'cells.h5ad'}@obsm:X_new",),
        labels="ct",
        batch="lab",
        unintegrated=f"{tmp_path / 'cells.h5ad'}@layer:counts",
        tasks=("embedding", "batch_integration"),
        anchors="none",
        bootstrap=0,
    )
    found = execute(EMBED, options, tmp_path / "out")
    assert found.results["embedding"].unique().to_list() == ["X_new"]
    assert any("raw counts of 400 genes" in note for note in found.notes())
    rows = {row["metric_type"]: row for row in found.results.iter_rows(named=True)}
    vectors, _ = components_of_counts(scipy.sparse.csr_array(x))
    alone = fb.embed({"x": vectors}, labels=obs["ct"], tasks=["embedding"], anchors="none", progress_bar=False)
    values = dict(alone.tables["results"].select("metric_type", "value").iter_rows())
    assert rows["silhouette_score"]["unintegrated"] == values["silhouette_score"]
    assert rows["pcr_comparison"]["unintegrated"] is None  # it compares with them itself
    beside = [row for row in rows.values() if row["unintegrated"] is not None and row["value"] is not None]
    above = sum(row["value"] > row["unintegrated"] for row in beside)
    assert above_unintegrated(found.results) == {"X_new": (above, len(beside))}
    assert "unintegrated" in words(tmp_path / "out/figures/overview.svg")
    for asked in ("counts", x, scipy.sparse.csr_matrix(x)):
        held = fb.embed(
            cells,
            obsm="X_new",
            labels="ct",
            unintegrated=asked,
            tasks=["embedding"],
            anchors="none",
            progress_bar=False,
        )
        beside = dict(held.tables["results"].select("metric_type", "unintegrated").iter_rows())
        assert beside["silhouette_score"] == values["silhouette_score"]
    with pytest.raises(InputError, match="is a layer, which --unintegrated alone takes"):
        EMBED.run(EmbedOptions(embeddings=(f"{tmp_path / 'cells.h5ad'}@layer:counts",), labels="ct"), None)
    with pytest.raises(InputError, match="no layer 'count'"):
        EMBED.run(
            EmbedOptions(embeddings=options.embeddings, labels="ct", unintegrated=options.unintegrated[:-1]), None
        )
