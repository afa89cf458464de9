"""The job of embed: what is read, left out and refused; anchors, intervals, ranks; what resumes."""

from __future__ import annotations

import json
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import polars as pl
import pytest

import fastbench as fb
from fastbench.engine.command.execute import execute
from fastbench.engine.command.job import Job
from fastbench.engine.embed.command import EMBED
from fastbench.engine.embed.inputs.judged import Inputs
from fastbench.engine.embed.inputs.reading import read_inputs
from fastbench.engine.embed.job import run_embed
from fastbench.engine.embed.options import EmbedOptions
from fastbench.engine.errors import InputError
from fastbench.engine.readers.embeddings.reference import Reference
from fastbench.engine.results.cache import Cache
from fastbench.engine.results.progress import Silent

QUICK = {"tasks": ("embedding", "batch_integration"), "bootstrap": 50}


def mixture(n: int = 240, seed: int = 0, apart: float = 4.0) -> tuple[np.ndarray, pd.DataFrame]:
    """Cells of four labels and two batches, and vectors that hold the labels `apart`."""
    rng = np.random.default_rng(seed)
    label, batch = rng.integers(0, 4, n), rng.integers(0, 2, n)
    x = rng.normal(size=(n, 6)) + apart * np.eye(4, 6)[label]
    table = {"ct": [f"type {i}" for i in label], "lab": [f"lab {i}" for i in batch], "day": rng.integers(0, 5, n)}
    return x.astype(np.float32), pd.DataFrame(table, index=[f"c{i}" for i in range(n)])


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    x, obs = mixture()
    cells = anndata.AnnData(x, obs=obs)
    cells.obsm["good"] = x
    cells.obsm["bad"] = np.random.default_rng(1).normal(size=x.shape).astype(np.float32)
    path = tmp_path_factory.mktemp("embed") / "cells.h5ad"
    cells.write_h5ad(path)
    return path


def test_names_of_embeddings():
    assert Reference.of("a.h5ad@obsm:X_pca") == Reference("X_pca", "a.h5ad", "X_pca")
    assert Reference.of("mine=x/a.npy") == Reference("mine", "x/a.npy", "")
    assert Reference.of("x/a.b.csv") == Reference("a", "x/a.b.csv", "")
    assert Reference.of("m=sample:pbmc68k@X") == Reference("m", "sample:pbmc68k", "")
    for wrong in ("a.h5ad@obsp:x", "a.h5ad@obsm", "a.h5ad@X:y"):
        with pytest.raises(InputError, match="write @X, @obsm:KEY"):
            Reference.of(wrong)


def test_the_better_embedding_ranks_first(file: Path, tmp_path: Path):
    options = EmbedOptions(
        embeddings=(f"{file}@obsm:bad", f"{file}@obsm:good"), labels="ct", batch="lab", per_cell=True, **QUICK
    )
    found = execute(EMBED, options, tmp_path / "out")
    assert found.summary_table["embedding"].to_list() == ["good", "bad"]
    rows = {(row["embedding"], row["metric_type"]): row for row in found.results.iter_rows(named=True)}
    for metric in ("silhouette_score", "clisi", "ksim", "graph_connectivity"):
        good, bad = rows["good", metric], rows["bad", metric]
        assert good["value"] > bad["value"]
        assert good["one_hot_labels"] > good["random"]
        assert abs(bad["score"]) < 0.3 < good["score"]
    for metric in ("silhouette_score", "entropy_per_cell", "kbet", "ilisi"):
        assert rows["good", metric]["lower"] <= rows["good", metric]["value"] <= rows["good", metric]["upper"]
    for metric in ("entropy_per_cell", "ilisi", "kbet", "bras"):  # batches are mixed in both
        assert rows["bad", metric]["score"] > 0.8
    records = json.loads((tmp_path / "out" / "results.json").read_text())
    (silhouette,) = (each for each in records["embedding"]["good"] if each["metric_type"] == "silhouette_score")
    assert silhouette["value"] == rows["good", "silhouette_score"]["value"]
    per_cell = pl.read_parquet(tmp_path / "out" / "per_cell.parquet")
    assert per_cell.height == 240
    assert per_cell["good silhouette_score"].mean() / 2 + 0.5 == pytest.approx(silhouette["value"])
    labels = found.per_label.filter((pl.col("embedding") == "good") & (pl.col("metric_type") == "silhouette_score"))
    assert labels["n_cells"].sum() == 240


def test_cells_in_another_order_give_the_same(file: Path):
    cells = anndata.read_h5ad(file)
    moved = cells[np.random.default_rng(0).permutation(len(cells))].copy()
    results = [
        fb.embed(each, obsm="good", labels="ct", batch="lab", anchors="none", progress_bar=False, **QUICK)
        .tables["results"]
        .drop("lower", "upper")
        for each in (cells, moved)
    ]
    one, other = (frame["value"].to_numpy() for frame in results)
    np.testing.assert_allclose(one, other, rtol=1e-12)


def test_what_is_left_out_is_said(file: Path):
    x, obs = mixture()
    label = obs["ct"].to_list()
    label[:5], label[5:8] = [None] * 5, ["rare"] * 3
    tasks = ["embedding", "sequential_organization"]
    known = {"labels": label, "order": obs["day"]}
    options = {"least_cells": 4, "anchors": "none", "progress_bar": False, "bootstrap": 0}
    found = fb.embed({"x": x}, tasks=tasks, **known, **options)
    assert found.result.account()["dropped"] == {
        "no value in 'labels' (--labels)": 5,
        "labels of fewer than 4 cells ('rare')": 3,
    }
    assert any("5 cells were left out" in note for note in found.notes)
    assert found.summary()["cells"] == 232


def test_undefined_metrics_have_a_reason_and_stop_nothing():
    x, _ = mixture(60)
    found = fb.embed({"x": x}, labels=["same"] * 60, batch=["one"] * 60, anchors="all", progress_bar=False, **QUICK)
    rows = {row["metric_type"]: row for row in found.tables["results"].iter_rows(named=True)}
    assert rows["silhouette_score"]["value"] is None
    assert "two labels" in rows["silhouette_score"]["status"]
    assert "one batch" in rows["kbet"]["status"]
    assert rows["graph_connectivity"]["value"] is not None
    assert found.figures["overview"].png.startswith(b"\x89PNG")


def test_distances_of_an_earlier_run_are_taken_and_change_nothing(file: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(Cache, "of_user", lambda: Cache(tmp_path / "computed", least_work=0))
    said: list[str] = []
    reporter = Silent()
    reporter.say = said.append  # type: ignore[method-assign]

    def judged(**more: object) -> tuple[pl.DataFrame, Job]:
        options = EmbedOptions(embeddings=(f"{file}@obsm:good",), labels="ct", batch="lab", **QUICK, **more)
        job = Job(reporter)
        return run_embed(options, job).results, job

    expected, _ = judged(cache=False)
    assert not (tmp_path / "computed").exists()
    for taken in (False, True):
        found, job = judged()
        assert found.equals(expected)
        assert bool(job.account.get("taken_from_cache")) == taken
    assert said == [f"good: distances that an earlier run found were taken from {tmp_path / 'computed'}"]


def test_the_definitions_give_the_same_table(file: Path):
    """The kernels of every device equal them one by one (`tests/kernels`)."""
    given = {"embeddings": (f"{file}@obsm:bad",), "labels": "ct", "batch": "lab", "anchors": "none", **QUICK}
    expected, found = (run_embed(EmbedOptions(device=device, **given)).results for device in ("reference", "cpu"))
    assert found.equals(expected)


def test_a_subsample_takes_labels_in_proportion(file: Path):
    options = EmbedOptions(
        embeddings=(f"{file}@obsm:good",), labels="ct", subsample=100, anchors="none", tasks=("embedding",)
    )
    found = EMBED.run(options, None)
    assert len(found.inputs.cells) == 100
    whole = np.unique(anndata.read_h5ad(file).obs["ct"].astype(str), return_counts=True)[1]
    np.testing.assert_allclose(found.inputs.cells.labels.sizes / 100, whole / 240, atol=0.02)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"labels": "missing"}, "missing"),
        ({"embeddings": ("CELLS@obsm:none",)}, "obsm entry 'none'"),
        ({"embeddings": ("CELLS@obsm:good", "CELLS@obsm:good")}, "Two embeddings are called"),
        ({"tasks": ("integration",)}, "there is no 'integration'"),
        ({"tasks": ("batch_integration",)}, r"needs --batch\."),
        ({"labels": ""}, "--labels is needed: .*; there are .*'ct'"),
        ({"level": 1.0}, "between 0 and 1"),
        ({"order": "ct"}, "must be numbers"),
        ({"least_cells": 1000}, "No cell is left"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(file: Path, change: dict[str, object], sentence: str):
    given = {"embeddings": ("CELLS@obsm:good",), "labels": "ct"} | change
    given["embeddings"] = tuple(each.replace("CELLS", str(file)) for each in given["embeddings"])
    with pytest.raises(InputError, match=sentence):
        EMBED.run(EmbedOptions(**given), None)


def test_embeddings_of_other_cells_are_refused(file: Path, tmp_path: Path):
    cells = anndata.read_h5ad(file)
    cells[::-1].copy().write_h5ad(tmp_path / "turned.h5ad")
    cells[:50].copy().write_h5ad(tmp_path / "few.h5ad")
    for name, sentence in (("turned", "do not agree in 'ct'"), ("few", "has 50")):
        options = EmbedOptions(embeddings=(f"{file}@obsm:good", f"other={tmp_path / name}.h5ad@obsm:good"), labels="ct")
        with pytest.raises(InputError, match=sentence):
            EMBED.run(options, None)


def test_numbers_beyond_float32_are_called_so(tmp_path: Path):
    x, obs = mixture(30)
    np.save(tmp_path / "x.npy", (np.abs(x.astype(np.float64)) + 1) * 1e200)
    obs.to_csv(tmp_path / "cells.csv", index=False)
    options = EmbedOptions(embeddings=(str(tmp_path / "x.npy"),), metadata=str(tmp_path / "cells.csv"), labels="ct")
    with pytest.raises(InputError, match=r"float32, in which files are read, holds at most 3\.4e\+38"):
        read_inputs(options)


def test_a_key_brings_cells_into_one_order(tmp_path: Path):
    x, obs = mixture(30)
    table = pd.DataFrame(x, columns=[f"x{i}" for i in range(x.shape[1])]).assign(cell=[f"c{i}" for i in range(30)])
    obs.assign(cell=table["cell"].to_numpy()).to_csv(tmp_path / "cells.csv", index=False)
    table.to_csv(tmp_path / "a.csv", index=False)
    table[::-1].to_csv(tmp_path / "b.csv", index=False)
    table.assign(cell=table["cell"].replace("c1", "c0"))[::-1].to_csv(tmp_path / "twice.csv", index=False)

    def read(other: str) -> Inputs:
        files = (str(tmp_path / "a.csv"), str(tmp_path / other))
        table = str(tmp_path / "cells.csv")
        return read_inputs(EmbedOptions(embeddings=files, metadata=table, key="cell", labels="ct"))

    found = read("b.csv")
    np.testing.assert_array_equal(found.vectors["a"], found.vectors["b"])
    assert "The cells of 'b' were brought into the order of those of 'a', by cell." in found.notes
    with pytest.raises(InputError, match="it must name each cell once"):
        read("twice.csv")


def test_vectors_in_memory_must_be_finite_and_of_one_length():
    x, obs = mixture(30)
    with pytest.raises(InputError, match="first in row 3"):
        fb.embed({"x": np.where(np.arange(30)[:, None] == 3, np.nan, x)}, labels=obs["ct"])
    with pytest.raises(InputError, match="differs in its number of cells"):
        fb.embed({"x": x[:20]}, labels=obs["ct"])
    with pytest.raises(InputError, match="names a column"):
        fb.embed(x, labels="ct")


def test_results_are_compared_label_by_label(file: Path, tmp_path: Path):
    for name in ("good", "bad"):
        options = EmbedOptions(embeddings=(f"{file}@obsm:{name}",), labels="ct", anchors="none", tasks=("embedding",))
        execute(EMBED, options, tmp_path / name)
    found = fb.compare(str(tmp_path / "bad"), str(tmp_path / "good"))
    row = found.tables["verdict"].row(by_predicate=pl.col("run") == "good", named=True)
    assert row["common"] == 4
    assert row["difference"] > 0.2
    assert row["verdict"] == "not tested"  # four labels are too few to be drawn
    assert "gained" not in row


def test_random_vectors_never_rank_first():
    x, obs = mixture(200, apart=3.0)
    random = np.random.default_rng(5).normal(size=x.shape).astype(np.float32)
    apart = x + 3 * (obs["lab"] == "lab 1").to_numpy()[:, None].astype(np.float32)  # labels hold, batches are apart
    found = fb.embed(
        {"random": random, "apart": apart}, labels=obs["ct"], batch=obs["lab"], progress_bar=False, **QUICK
    )
    summary = found.tables["summary"]
    assert summary["embedding"].to_list() == ["apart", "random"]
    assert summary["batch"][1] > summary["batch"][0]


def test_equal_vectors_and_labels_of_one_cell_are_said():
    x, obs = mixture(60)
    found = fb.embed({"x": np.ones_like(x)}, labels=obs["ct"], anchors="none", progress_bar=False, tasks=["embedding"])
    assert set(found.tables["results"]["status"]) == {"All vectors are equal."}
    assert any("are equal" in note for note in found.notes)
    with pytest.raises(InputError, match="label of its own"):
        fb.embed({"x": x}, labels=list(obs.index))


def test_labels_that_are_measurements_and_one_donor_are_said():
    x, obs = mixture(60)
    given = {"anchors": "none", "progress_bar": False, "tasks": ["embedding"]}
    notes = fb.embed(x, labels=np.arange(60) // 2, donor=["d"] * 60, **given).notes
    assert any("30 different numbers in 60 cells: is it a column of numbers" in note for note in notes)
    assert "All cells are of the donor 'd': means of cells have no interval." in notes
    with pytest.raises(InputError, match="has 'early', 'late'\\."):
        fb.embed(x, labels=obs["ct"], order=["early", "late"] * 30, **given)


def test_vectors_of_any_size_are_judged_alike():
    x, obs = mixture(60, 3)
    values = []
    for size in (1.0, 2.0**60, 2.0**-90):
        given = {"labels": obs["ct"], "batch": obs["lab"], "anchors": "none", "bootstrap": 0, "progress_bar": False}
        found = fb.embed({"x": (x * size).astype(np.float32)}, **given)
        values.append(found.tables["results"]["value"].to_numpy())
        assert any("its vectors are divided by 2^" in note for note in found.notes) == (size != 1)
    np.testing.assert_allclose(values[1:], [values[0], values[0]], rtol=1e-6)
