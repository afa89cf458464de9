"""Metrics of perturbations in embed: retrieval by label, known relations, signal against controls, counts of cells."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.spatial.distance import cdist
from sklearn.metrics import average_precision_score

import fastbench as fb
from fastbench.engine.command.execute import execute
from fastbench.engine.embed.cells import Cells, Known, grouped
from fastbench.engine.embed.command import EMBED
from fastbench.engine.embed.metrics import perturbations
from fastbench.engine.embed.options import EmbedOptions
from fastbench.engine.embed.space import Space
from fastbench.engine.errors import InputError
from fastbench.engine.painting.relation_files import RelationFiles
from fastbench.engine.painting.relations import known_pairs, recall_of_relations
from fastbench.kernels import cpu


def screen(n_labels: int = 26, each: int = 6, seed: int = 0) -> tuple[np.ndarray, list[str], list[str]]:
    """Wells of perturbations on two plates; the last two labels are controls; pairs of labels are alike."""
    rng = np.random.default_rng(seed)
    base = rng.normal(size=(n_labels, 8))
    base[1::2] = base[::2] + 0.2 * rng.normal(size=base[::2].shape)
    base[-2:] = 0
    code = np.repeat(np.arange(n_labels), each)
    x = (2 * base[code] + rng.normal(size=(len(code), 8))).astype(np.float32)
    return x, [f"g{i:02}" for i in code], [f"p{i % 2}" for i in range(len(code))]


def space(batch: bool = False, **known: object) -> Space:
    x, labels, plates = screen()
    return Space(x, Cells(grouped(labels), grouped(plates) if batch else None), cpu, known=Known(**known))


@pytest.mark.parametrize("batch", [False, True])
def test_retrieval_is_average_precision_of_scikit_learn(batch: bool):
    here = space(batch)
    labels = here.cells.labels
    found = perturbations.retrieval(here)
    unit = here.x / np.linalg.norm(here.x, axis=1, keepdims=True)
    cosine = unit.astype(float) @ unit.T.astype(float)
    expected = []
    for i in range(len(here)):
        same = labels.codes == labels.codes[i]
        listed = np.arange(len(here)) != i
        if batch:
            listed &= ~same | (here.cells.batch.codes != here.cells.batch.codes[i])
        expected.append(average_precision_score(same[listed], cosine[i][listed]))
    np.testing.assert_allclose(found.per_cell, expected, atol=1e-6)
    means = [np.mean(np.array(expected)[labels.rows(code)]) for code in range(len(labels))]
    np.testing.assert_allclose(list(found.per_label.values()), means, atol=1e-6)
    assert found.value == pytest.approx(np.mean(means), abs=1e-6)


def test_retrieval_of_more_cells_draws_queries():
    found = perturbations.retrieval(space(queries=60))
    assert found.params["queries"] == 26 * 3  # 60 of 156 are 2.3 of 6
    assert len(found.per_label) == 26
    whole = perturbations.retrieval(space())
    drawn = ~np.isnan(found.per_cell)
    np.testing.assert_array_equal(found.per_cell[drawn], whole.per_cell[drawn])


def test_retrieval_without_pairs_has_a_reason():
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    cells = Cells(grouped(["a", "b", "c", "d"]))
    assert "No cell has another cell" in perturbations.retrieval(Space(x, cells, cpu)).reason
    assert "two labels" in perturbations.retrieval(Space(x, Cells(grouped(["a"] * 4)), cpu)).reason
    alike = np.zeros((4, 3), np.float32)
    assert perturbations.retrieval(Space(alike, Cells(grouped(["a", "a", "b", "b"])), cpu)).value > 0


def test_relations_are_those_of_mean_vectors_without_controls():
    pairs = [(f"g{i:02}", f"g{i + 1:02}") for i in range(0, 24, 2)]
    files = RelationFiles({"mine": pairs, "none": [("x", "y")]}, {"mine": {"all": [f"g{i:02}" for i in range(12)]}})
    here = space(relations=files, controls=("g24", "g25"), null_size=99)
    found = perturbations.known_relations(here)
    names = [f"g{i:02}" for i in range(24)]
    means = np.stack([here.x[here.cells.labels.rows(i)].astype(float).mean(axis=0) for i in range(24)])
    recall = recall_of_relations(means, {"mine": known_pairs(pairs, names)}, draws=0)["mine"]
    mine = found["recall_0.05_0.95_mine"]
    assert mine.value == recall.values[0.05, 0.95]
    assert mine.params["null_pairs"] == 24 * 23 // 2
    assert mine.params["p_value"] == 0.01
    assert mine.params["chance"] == pytest.approx(0.1)
    assert "No relation of none" in found["recall_0.1_0.9_none"].reason
    assert perturbations.clusters_of_relations(here)["cluster_test_mine"].params["clusters"] == 1
    few = space(relations=files, controls=tuple(f"g{i:02}" for i in range(6, 26)))
    assert "20 labels is needed" in perturbations.known_relations(few)["recall_0.1_0.9_mine"].reason


def test_signal_is_that_of_efaar_with_p_values_beside():
    here = space(controls=("g24", "g25"), null_size=99)
    labels = here.cells.labels
    wide = here.x.astype(float)
    controls = wide[-12:]
    found = {**perturbations.signal_consistency(here), **perturbations.magnitude(here)}
    for name in ("g00", "g13"):
        mine = wide[labels.rows(labels.names.index(name))]
        unit = mine / np.linalg.norm(mine, axis=1, keepdims=True)
        cosine = (unit @ unit.T)[np.tril_indices(6, -1)].mean()
        energy = 2 * cdist(mine, controls).mean() - cdist(mine, mine).mean() - cdist(controls, controls).mean()
        assert found["perturbation_consistency"].per_label[name] == pytest.approx(cosine, abs=1e-9)
        assert found["perturbation_magnitude"].per_label[name] == pytest.approx(energy, abs=1e-6)
        assert found["perturbation_magnitude_active"].per_label[name] == 0.01
        assert found["perturbation_magnitude_active_efaar"].per_label[name] == 0
    assert "g24" not in found["perturbation_consistency"].per_label
    assert found["perturbation_consistency_active"].value > 0.9
    one = space(controls=("g25",), null_size=9)
    assert "none can be drawn" in perturbations.magnitude(one)["perturbation_magnitude_active"].reason
    assert "Two control labels" in perturbations.magnitude(one)["perturbation_magnitude_active_efaar"].reason


def test_the_command_takes_relations_controls_and_counts(tmp_path: Path):
    x, labels, plates = screen()
    table = pd.DataFrame({"gene": labels, "plate": plates, "cells": np.random.default_rng(5).integers(10, 90, len(x))})
    np.save(tmp_path / "x.npy", x)
    table.to_csv(tmp_path / "table.csv", index=False)
    (tmp_path / "known.csv").write_text("entity1,entity2\ng00,g01\ng02,g03\ng04,g05\n")
    given = {
        "embeddings": (str(tmp_path / "x.npy"),),
        "metadata": str(tmp_path / "table.csv"),
        "labels": "gene",
        "batch": "plate",
        "count_column": "cells",
        "relations": (str(tmp_path / "known.csv"),),
        "control_labels": ("g24", "g25"),
        "null_size": 49,
        "tasks": ("retrieval", "known_relations", "perturbation_signal"),
    }
    found = execute(EMBED, EmbedOptions(**given), tmp_path / "out")
    rows = {(row["embedding"], row["metric_type"]): row for row in found.results.iter_rows(named=True)}
    assert {name for name, _ in rows} == {"x", "cells_per_well"}
    good, counts = rows["x", "retrieval_map"], rows["cells_per_well", "retrieval_map"]
    assert good["value"] > 0.4 > 0.2 > counts["value"]  # labels are alike by twos: about 5 of 10 come first
    assert good["score"] > 0.35 > 0.1 > counts["score"]
    assert json.loads(counts["params"])["distance"] == "euclidean"
    assert rows["x", "recall_0.05_0.95_known"]["value"] > 0.5
    assert rows["x", "recall_0.05_0.95_known"]["score"] is None
    assert rows["x", "perturbation_magnitude_active"]["value"] == 1
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert any(each["path"].endswith("known.csv") for each in manifest["inputs"])
    assert found.summary_table["biology"].null_count() == 0
    held = fb.embed(
        {"x": x},
        labels=labels,
        count_column=table["cells"],
        control_labels=["g24"],
        tasks=["perturbation_signal"],
        null_size=9,
        progress_bar=False,
    )
    values = held.tables["results"].filter(pl.col("embedding") == "x")
    whole = found.results.filter(pl.col("embedding") == "x")
    name = "perturbation_consistency"
    assert dict(values.select("metric_type", "value").iter_rows())[name] is not None
    assert name in whole["metric_type"].to_list()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"control_labels": ("g99",)}, "no label 'g99'"),
        ({"tasks": ("known_relations",)}, "needs --relations"),
        ({"tasks": ("perturbation_signal",)}, "needs --control-labels"),
        ({"count_column": "gene"}, "--count-column 'gene' must be numbers"),
        ({"null_size": -1}, "null_size must be 0 or more"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(tmp_path: Path, change: dict[str, object], sentence: str):
    x, labels, _ = screen()
    np.save(tmp_path / "x.npy", x)
    pd.DataFrame({"gene": labels}).to_csv(tmp_path / "table.csv", index=False)
    given = {"embeddings": (str(tmp_path / "x.npy"),), "metadata": str(tmp_path / "table.csv"), "labels": "gene"}
    with pytest.raises(InputError, match=sentence):
        EMBED.run(EmbedOptions(**given | change), None)
