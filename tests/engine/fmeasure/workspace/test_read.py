"""Result folders read back: nothing changes, nothing stale stays, and what was not counted so is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp

from fastbench.engine.errors import InputError
from fastbench.engine.fmeasure.ontology.ontology import Ontology
from fastbench.engine.fmeasure.ontology.read import read_ontology, resource_of
from fastbench.engine.fmeasure.scores.options import ReportOptions
from fastbench.engine.fmeasure.workspace.read import read_samples

from ..dag import CALLS, CALLS_3, CHILDREN, TRUTH, TRUTH_3, A, C, D, E, F, R, resource, write_run, write_truth
from ..scoring import score, step, table


@pytest.fixture
def done(tmp_path: Path) -> Path:
    truth = write_truth(tmp_path / "truth.h5ad", TRUTH, sample_name=["x"] * 9 + ["y"] * 11)
    write_run(tmp_path / "runs" / "one", truth, CALLS)
    write_run(tmp_path / "runs" / "two", truth, [(t,) for t in TRUTH], model="better")
    score(tmp_path / "runs", tmp_path / "out")
    return tmp_path / "out"


def test_adding_up_anew_takes_away_what_was_made_of_older_groups(done: Path) -> None:
    assert (done / "comparison_per_class.csv").is_file()
    step("aggregate", done)
    assert {path.name for path in done.iterdir()} == {
        "cells",
        "cm_raw_k1",
        "cm_aggregate_k1",
        "ontologies",
        "manifest.json",
    }


@pytest.mark.slow
def test_the_account_of_the_first_step_stays(done: Path) -> None:
    before = json.loads((done / "manifest.json").read_text())
    for name in ("aggregate", "flat", "hierarchical"):
        step(name, done)
    after = json.loads((done / "manifest.json").read_text())
    for key in ("inputs", "dropped", "ontologies"):
        assert after[key] == before[key]
    assert [each["command"] for each in after["steps_before"]] == ["fmeasure", "fmeasure aggregate", "fmeasure flat"]
    assert after["steps_before"][0]["options"] == before["options"]


@pytest.mark.slow
def test_groups_by_a_column_called_like_something_of_ours(done: Path) -> None:
    report = ReportOptions(bootstrap=0, figures=False, group_by=("sample_name",))
    score(done.parent / "runs", done, report)
    names = table(done / "f_measure_per_group.csv")["group_name"].to_list()
    assert names == ["x", "y"]
    assert [group.name for group in step("aggregate", done, report).groups] == names
    assert [group.name for group in step("hierarchical", done).groups] == names


def test_groups_are_in_the_order_of_their_folders(tmp_path: Path) -> None:
    """As in cellarium-cas, where "a:b" is the folder a_b, after "aZ"."""
    truth = write_truth(tmp_path / "truth.h5ad", TRUTH_3)
    for name, model in {"one": "a:b", "two": "aZ"}.items():
        write_run(tmp_path / "runs" / name, truth, CALLS_3, model=model)
    score(tmp_path / "runs", tmp_path / "out", ReportOptions(bootstrap=0, figures=False))
    assert table(tmp_path / "out" / "f_measure_per_group.csv")["group_name"].to_list() == ["aZ", "a:b"]


def test_another_ontology_leaves_out_what_the_first_one_chose(tmp_path: Path) -> None:
    truth = write_truth(tmp_path / "truth.h5ad", TRUTH_3)
    write_run(tmp_path / "runs" / "one", truth, CALLS_3)
    score(tmp_path / "runs", tmp_path / "out", f_measure_top_k=3)
    assert "h_f1_micro_k2" in table(tmp_path / "out" / "summary_per_group.csv").columns
    other = tmp_path / "other.json"
    other.write_text(json.dumps(resource(CHILDREN | {A: [C, D, F]})))
    outcome = step("hierarchical", tmp_path / "out", ontology=other)
    assert "h_f1_micro_k2" not in table(tmp_path / "out" / "summary_per_group.csv").columns
    assert any("chose the best of the ranks" in note for note in outcome.notes)


def test_a_root_that_is_no_node_is_read_back() -> None:
    listed = {A: [A], C: [A]}
    ontology = Ontology.from_edges([A, C], [(C, A)], root=R, listed=listed)
    path_free = resource_of(ontology)
    assert R in path_free["children_dictionary"]


def test_any_ontology_is_read_back_the_same(tmp_path: Path) -> None:
    listed = {A: [A, R], C: [A], D: [D, "X:1", R], E: []}
    for ontology in (
        Ontology.from_edges([R, A, C, D, E], [(A, R), (C, A), (D, A), (E, D), (A, E)], names={A: "a"}),
        Ontology.from_edges([A, C, D, E], [(C, A), (E, "X:1")], listed=listed),
    ):
        path = tmp_path / "ontology.json"
        path.write_text(json.dumps(resource_of(ontology)))
        found = read_ontology(path, root=ontology.root)
        assert found.fingerprint == ontology.fingerprint
        assert found.names == ontology.names


def _edit(folder: Path, **change: Any) -> None:
    path = folder / "cm_raw_k1" / "one" / "confusion_matrix_meta.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))


def _matrix(folder: Path, data: list[Any], cols: list[int]) -> None:
    indptr = np.array([0, len(data), *([len(data)] * 6)], np.int32)
    arrays = {"indices": np.array(cols, np.int32), "indptr": indptr, "data": np.array(data)}
    path = folder / "cm_raw_k1" / "one" / "confusion_matrix.npz"
    np.savez(path, format=np.array(b"csr"), shape=np.array([7, 7]), **arrays)


def _cells(folder: Path, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    path = folder / "cells" / "one.parquet"
    change(pl.read_parquet(path)).write_parquet(path)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda f: _edit(f, missed={"CL:9": 1}), "The confusion matrix is damaged"),
        (lambda f: _edit(f, missed=[1]), "The confusion matrix is damaged"),
        (lambda f: _edit(f, missed={A: "many"}), "The confusion matrix is damaged"),
        (lambda f: _edit(f, missed={A: -1}), "holds values that are no cell counts"),
        (lambda f: _edit(f, label_order=[[1]] * 7), "label_order is no list of labels"),
        (lambda f: _edit(f, label_order=["CL:1"]), "label_order and the shape of the matrix do not agree"),
        (lambda f: _edit(f, ontology_fingerprint=3), "ontology_fingerprint in confusion_matrix_meta.json is damaged"),
        (lambda f: _edit(f, metadata=[1]), "metadata in confusion_matrix_meta.json is damaged"),
        (lambda f: _matrix(f, [1], [100_000_000]), "The confusion matrix is damaged"),
        (lambda f: _matrix(f, [-2.5], [1]), "holds values that are no cell counts"),
        (lambda f: _matrix(f, [2.5], [1]), "holds values that are no cell counts"),
        (lambda f: _cells(f, lambda c: c.drop("truth")), "is damaged"),
        (lambda f: _cells(f, lambda c: c.head(3)), "does not hold the cells that the confusion matrices count"),
        (lambda f: _cells(f, lambda c: c.with_columns(predicted="truth")), "does not hold the cells"),
        (lambda f: (f / "cells" / "one.parquet").write_bytes(b"PAR1"), "is damaged"),
    ],
)
def test_what_nobody_counted_is_refused(done: Path, spoil: Callable[[Path], Any], told: str) -> None:
    spoil(done)
    with pytest.raises(InputError) as refused:
        read_samples(done, with_ontology=True)
    assert told in str(refused.value)
    assert str(done) in str(refused.value)


def test_matrices_that_scipy_wrote_are_read(done: Path) -> None:
    path = done / "cm_raw_k1" / "one" / "confusion_matrix.npz"
    before = read_samples(done)[0].confusions[0].matrix
    sp.save_npz(path, sp.load_npz(path))
    assert (read_samples(done)[0].confusions[0].matrix != before).nnz == 0
