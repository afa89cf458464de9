"""Neighbours that were found before: the same values, too few of them, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.neighbors import NearestNeighbors

import fastbench as fb
from fastbench.engine.errors import InputError
from fastbench.engine.readers.embeddings.neighbors import neighbors_of

N = 60
QUICK = {"anchors": "none", "bootstrap": 0, "progress_bar": False, "tasks": ["embedding", "batch_integration"]}
X = np.random.default_rng(0).normal(size=(N, 3)).astype(np.float32)


def graph(k: int) -> scipy.sparse.csr_matrix:
    """As scanpy writes it: k - 1 neighbours a row."""
    return NearestNeighbors(n_neighbors=k - 1).fit(X).kneighbors_graph(mode="distance")


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    obs = pd.DataFrame({"type": [f"t{row % 3}" for row in range(N)], "lab": [f"l{row % 2}" for row in range(N)]})
    made = anndata.AnnData(obs=obs.set_axis([str(row) for row in range(N)]))
    made.obsm["X_pca"], made.obsp["few"], made.obsp["distances"] = X, graph(16), graph(N)
    made.obsp["wide"] = graph(20).toarray()
    path = tmp_path_factory.mktemp("neighbors") / "cells.h5ad"
    made.write_h5ad(path)
    return path


def values(found: Any) -> dict[str, float]:
    return dict(found.tables["results"].select("metric_type", "value").iter_rows())


def judged(cells: Path, **more: Any) -> Any:
    return fb.embed(f"{cells}@obsm:X_pca", labels="type", batch="lab", **QUICK, **more)


def test_a_graph_gives_the_values_of_its_distances(cells: Path, tmp_path: Path) -> None:
    expected = values(judged(cells))
    assert values(judged(cells, neighbors=f"{cells}@obsp:distances")) == pytest.approx(expected, abs=1e-5)
    held = anndata.read_h5ad(cells)
    found = fb.embed(held, obsm="X_pca", neighbors="distances", labels="type", batch="lab", **QUICK)
    assert values(found) == pytest.approx(expected, abs=1e-5)
    distances, indices = NearestNeighbors(n_neighbors=N).fit(X).kneighbors(X)  # with the cells themselves
    np.savez(tmp_path / "pair.npz", indices=indices, distances=distances)
    scipy.sparse.save_npz(tmp_path / "graph.npz", graph(N))
    for name in ("pair", "graph"):
        found = judged(cells, neighbors=str(tmp_path / f"{name}.npz"))
        assert values(found) == pytest.approx(expected, abs=1e-5)


def test_metrics_that_need_more_neighbours_say_so(cells: Path) -> None:
    expected, found = judged(cells), judged(cells, neighbors=f"{cells}@obsp:few")
    lacking = {"clisi", "ksim", "entropy_per_cell", "ilisi", "kbet", "kbet_per_label", "sbee"}
    rows = {row["metric_type"]: row for row in found.tables["results"].iter_rows(named=True)}
    assert {name for name, row in rows.items() if row["status"] != "ok"} == lacking
    assert rows["ksim"]["status"] == "It needs 24 neighbours of each cell without itself, and 15 were given."
    for name, value in values(expected).items():
        if name not in lacking:
            assert rows[name]["value"] == pytest.approx(value, abs=1e-5)
    assert any(note.startswith("7 metrics need more neighbours") for note in found.notes)


def test_distances_of_other_vectors_are_said() -> None:
    found = fb.embed(
        {"other": X + 5 * X[::-1]}, labels=np.arange(N) % 3, neighbors=graph(N), **QUICK | {"tasks": ["embedding"]}
    )
    assert any("not the euclidean ones of 'other'" in note for note in found.notes)


@pytest.mark.parametrize(
    ("key", "more", "sentence"),
    [
        ("distance", {}, "no obsp entry 'distance'; did you mean 'distances'"),
        ("wide", {}, "is dense"),
        ("distances", {"subsample": 30}, "of 60 cells, but 30"),
        ("distances", {"unequal": True}, "of one embedding"),
    ],
)
def test_neighbours_that_do_not_fit_are_refused(cells: Path, key: str, more: dict[str, Any], sentence: str) -> None:
    files = [f"{cells}@obsm:X_pca", f"two={cells}@obsm:X_pca"] if more.pop("unequal", False) else f"{cells}@obsm:X_pca"
    with pytest.raises(InputError, match=sentence):
        fb.embed(files, labels="type", neighbors=f"{cells}@obsp:{key}", **QUICK, **more)


def test_graphs_are_checked() -> None:
    distances, indices = NearestNeighbors(n_neighbors=4).fit(X).kneighbors(X)
    ragged, negative = graph(5).tolil(), graph(5)
    ragged[3] = 0
    negative.data[7] = -1
    far, twice, missing = indices.copy(), indices.copy(), distances.copy()
    far[0, 1], twice[2, 1], missing[4, 2] = N, twice[2, 2], np.nan
    for given, sentence in (
        (ragged.tocsr(), r"from 0 \(cell 3\) to 4"),
        (negative, "negative or not finite, first -1"),
        (graph(5)[:10], "shape"),
        ((far, distances), "lie between 0 and 60"),
        ((twice, distances), "cell 2 names a neighbour twice"),
        ((indices, missing), "first nan of cell 4"),
        ((indices, distances[:, :2]), "both must be"),
        ((distances, distances), "whole numbers"),
        ((indices,), "the pair"),
    ):
        with pytest.raises(InputError, match=sentence):
            neighbors_of(given, N, "neighbors")
