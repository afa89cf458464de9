"""The functions under the names of cellarium-cas: inputs of all kinds, exact vectors, files, errors."""

from __future__ import annotations

import json
import math
import zipfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix

import fastbench as fb
from fastbench.engine.errors import InputError
from fastbench.engine.fmeasure.ontology.ontology import Ontology

from ...examples import SOME
from .dag import HIERARCHICAL

IDS = [f"CL:{i:07d}" for i in range(7)]
R, A, B, C, D, E, F = IDS
EDGES = [(A, R), (B, R), (C, A), (D, A), (D, B), (F, B), (E, D)]
CELLS = [(E, E, 4), (E, D, 3), (C, D, 2), (D, C, 1), (F, B, 2), (F, F, 5), (B, R, 1), (R, A, 1), (R, R, 1)]
TRUTH = [true for true, _, n in CELLS for _ in range(n)]
PREDICTED = [predicted for _, predicted, n in CELLS for _ in range(n)]

KINDS = {
    "list": list,
    "tuple": tuple,
    "array": np.array,
    "objects": lambda x: np.array(x, object),
    "pandas": pd.Series,
    "pandas index": lambda x: pd.Series(x, index=range(len(x), 0, -1)),
    "categorical": pd.Categorical,
    "categories": lambda x: pd.Series(pd.Categorical(x, categories=[*reversed(IDS), "never used"])),
    "polars": pl.Series,
    "polars categories": lambda x: pl.Series(x, dtype=pl.Categorical),
}


@pytest.fixture(scope="module")
def ontology() -> Ontology:
    return Ontology.from_edges(IDS, EDGES)


@pytest.fixture(scope="module")
def matrix() -> sp.csr_matrix:
    return fb.build_confusion_matrix(TRUTH, PREDICTED, IDS)


@pytest.mark.parametrize("kind", KINDS)
def test_labels_of_any_kind(kind: str, matrix: sp.csr_matrix) -> None:
    found = fb.build_confusion_matrix(KINDS[kind](TRUTH), KINDS[kind](PREDICTED), IDS)
    assert found.dtype == np.int64
    assert found.format == "csr"
    assert (found != matrix).nnz == 0


@pytest.mark.slow
@given(st.lists(st.tuples(st.sampled_from(IDS), st.sampled_from(IDS)), min_size=1, max_size=60), st.permutations(IDS))
@SOME
def test_matrix_is_that_of_sklearn(pairs: list[tuple[str, str]], order: list[str]) -> None:
    truth, predicted = (list(side) for side in zip(*pairs, strict=True))
    found = fb.build_confusion_matrix(truth, predicted, order)
    assert np.array_equal(found.toarray(), confusion_matrix(truth, predicted, labels=order))


@pytest.mark.parametrize(
    ("truth", "predicted", "order", "said"),
    [
        (TRUTH, PREDICTED[:-1], IDS, "y_true has 20 labels and y_pred 19"),
        ([], [], IDS, "empty"),
        (["nan", *TRUTH[1:]], PREDICTED, IDS, "y_true holds 1 labels that label_order does not ('nan'"),
        ([None, *TRUTH[1:]], PREDICTED, IDS, "y_true holds 1 labels"),
        (
            TRUTH,
            ["unknown", "CL:1", *PREDICTED[2:]],
            IDS,
            "y_pred holds 2 labels that label_order does not ('CL:1', 'unknown'",
        ),
        (TRUTH, PREDICTED, [*IDS, A], "more than once ('CL:0000001')"),
    ],
)
def test_bad_labels_are_refused(truth: list[str], predicted: list[str], order: list[str], said: str) -> None:
    with pytest.raises(InputError) as caught:
        fb.build_confusion_matrix(truth, predicted, order)
    assert said in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_hierarchical_vectors(matrix: sp.csr_matrix, ontology: Ontology) -> None:
    found = fb.compute_hierarchical_f_measure_from_cm(matrix, IDS, ontology)
    assert list(found) == list(HIERARCHICAL)
    assert found == pytest.approx({name: float(value) for name, value in HIERARCHICAL.items()}, rel=1e-14)
    assert [type(found[name]) for name in ("h_tp", "h_fp", "h_fn")] == [int, int, int]


def test_flat_vectors(matrix: sp.csr_matrix) -> None:
    found = fb.compute_f_measure_from_cm(matrix)
    expected = {
        "tp": 10,
        "fp": 10,
        "fn": 10,
        "precision_micro": 0.5,
        "recall_micro": 0.5,
        "f1_micro": 0.5,
        "f1_macro": Fraction(68, 231),
        "precision_macro": Fraction(5, 14),
        "recall_macro": Fraction(25, 98),
        "precision_weighted": 0.75,
        "recall_weighted": 0.5,
        "f1_weighted": Fraction(787, 1320),
    }
    assert list(found) == list(expected)
    assert found == pytest.approx({name: float(value) for name, value in expected.items()}, rel=1e-14)
    true_only = fb.compute_f_measure_from_cm(matrix, classes="true")
    assert true_only["precision_macro"] == pytest.approx(5 / 12, rel=1e-14)
    assert true_only["recall_macro"] == pytest.approx(25 / 84, rel=1e-14)
    assert true_only["f1_macro"] == pytest.approx(34 / 99, rel=1e-14)


def test_rules_of_zero_division() -> None:
    wrong = sp.csr_matrix(np.array([[0, 2], [0, 0]]))
    found = fb.compute_f_measure_from_cm(wrong, zero_division=1.0)
    names = ("f1_micro", "f1_macro", "precision_macro", "recall_macro", "precision_weighted")
    assert [found[name] for name in names] == [1.0, 0.0, 0.5, 0.5, 1.0]
    assert fb.compute_f_measure_from_cm(wrong, zero_division=1.0, rule="sklearn")["f1_micro"] == 0.0
    empty = fb.compute_f_measure_from_cm(sp.csr_matrix((3, 3), dtype=np.int64), zero_division=0.25)
    assert set(list(empty.values())[3:]) == {0.25}
    assert math.isnan(fb.compute_f_measure_from_cm(wrong, zero_division=math.nan)["f1_macro"])


def test_labels_that_the_ontology_lacks() -> None:
    r, one, two, three, four = (f"CL:{i}" for i in range(5))
    ontology = Ontology.from_edges(
        [r, one, two, three, four], [(one, r), (two, one), (three, one), (four, three)], root=r
    )
    order = [two, "X1", "X2"]
    matrix = fb.build_confusion_matrix(["X1", "X1", two], ["X1", "X2", "X2"], order)
    found = fb.compute_hierarchical_f_measure_from_cm(matrix, order, ontology)
    assert (found["h_tp"], found["h_fp"], found["h_fn"]) == (1, 2, 3)
    assert found["h_f1_macro"] == pytest.approx(2 / 9, rel=1e-14)


class Cache:
    """An object like the CellOntologyCache of cellarium-cas."""

    ancestors = {  # noqa: RUF012
        R: {R},
        A: {A, R},
        B: {B, R},
        C: {C, A, R},
        D: {D, A, B, R},
        E: {E, D, A, B, R},
        F: {F, B, R},
    }

    def get_ancestors(self, term: str, remove_root: bool = False, remove_self: bool = False) -> set[str]:
        return self.ancestors.get(term, {term}) - ({R} if remove_root else set()) - ({term} if remove_self else set())


def test_ontology_of_another_kind(matrix: sp.csr_matrix, ontology: Ontology, tmp_path: Path) -> None:
    ours = fb.compute_hierarchical_f_measure_from_cm(matrix, IDS, ontology)
    assert fb.compute_hierarchical_f_measure_from_cm(matrix, IDS, Cache()) == ours
    children: dict[str, list[str]] = {}
    for child, parent in EDGES:
        children.setdefault(parent, []).append(child)
    resource = {
        "cl_names": IDS,
        "cell_ontology_term_id_to_cell_type": {i: i for i in IDS},
        "children_dictionary": children,
    }
    file = tmp_path / "ontology_resource.json"
    file.write_text(json.dumps(resource))
    assert fb.compute_hierarchical_f_measure_from_cm(matrix, IDS, file) == ours
    with pytest.raises(InputError, match="must be an Ontology"):
        fb.compute_hierarchical_f_measure_from_cm(matrix, IDS, 3)
    with pytest.raises(InputError, match="label_order has 6 labels, but the confusion matrix is 7 x 7"):
        fb.compute_hierarchical_f_measure_from_cm(matrix, IDS[:-1], ontology)


def test_counts_that_are_no_whole_numbers(ontology: Ontology, matrix: sp.csr_matrix) -> None:
    half = matrix * 0.5
    assert fb.compute_f_measure_from_cm(half)["tp"] == 5.0
    whole, halved = (fb.compute_hierarchical_f_measure_from_cm(m, IDS, ontology) for m in (matrix, half))
    assert halved["h_fp"] == 3.0
    ratios = list(whole)[3:]
    assert [halved[name] for name in ratios] == pytest.approx([whole[name] for name in ratios], rel=1e-13)
    assert isinstance(fb.compute_f_measure_from_cm(matrix.astype(float))["tp"], int)
    for bad in (-matrix, matrix * math.nan):
        with pytest.raises(InputError, match="0 or more"):
            fb.compute_f_measure_from_cm(bad)


def test_files(matrix: sp.csr_matrix, tmp_path: Path) -> None:
    fb.save_confusion_matrix(matrix, {"label_order": IDS}, tmp_path / "a" / "b")
    loaded, meta = fb.load_confusion_matrix(str(tmp_path / "a" / "b"))
    assert (loaded != matrix).nnz == 0
    assert meta == {"label_order": IDS}
    # The members and types that SciPy writes, so that any reader of such files reads ours.
    with np.load(tmp_path / "a" / "b" / "confusion_matrix.npz", allow_pickle=False) as members:
        assert set(members) == {"indices", "indptr", "format", "shape", "data"}
        assert members["format"].item() == b"csr"
        assert members["data"].dtype == np.int64
        assert members["indices"].dtype == members["indptr"].dtype == np.int32
        assert members["shape"].tolist() == [7, 7]
    with zipfile.ZipFile(tmp_path / "a" / "b" / "confusion_matrix.npz") as archive:
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_DEFLATED}
    assert (tmp_path / "a" / "b" / "confusion_matrix_meta.json").read_text().startswith('{\n  "label_order": [\n')


def test_sparse_arrays_stay_arrays_and_nan_stays_in_the_description(matrix: sp.csr_matrix, tmp_path: Path) -> None:
    array = sp.csr_array(matrix)
    fb.save_confusion_matrix(array, {"share": float("nan"), "of": [1.5, float("inf")]}, tmp_path)
    found, meta = fb.load_confusion_matrix(source_dir=tmp_path)
    assert isinstance(found, sp.csr_array)
    assert (found != array).nnz == 0
    assert np.isnan(meta["share"])
    assert meta["of"] == [1.5, float("inf")]
    assert isinstance(sp.load_npz(tmp_path / "confusion_matrix.npz"), sp.csr_array)
    assert isinstance(fb.aggregate_confusion_matrices([array, array]), sp.csr_array)
    assert isinstance(fb.aggregate_confusion_matrices([array, matrix]), sp.csr_matrix)


def test_files_that_are_not_there(matrix: sp.csr_matrix, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"confusion_matrix\.npz"):
        fb.load_confusion_matrix(tmp_path)
    fb.save_confusion_matrix(matrix, {}, tmp_path)
    (tmp_path / "confusion_matrix_meta.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"confusion_matrix_meta\.json"):
        fb.load_confusion_matrix(tmp_path)
    (tmp_path / "confusion_matrix_meta.json").write_text("{}")
    (tmp_path / "confusion_matrix.npz").write_bytes(b"no archive")
    with pytest.raises(InputError, match="damaged"):
        fb.load_confusion_matrix(tmp_path)


def test_sums(matrix: sp.csr_matrix) -> None:
    total = fb.aggregate_confusion_matrices([matrix, matrix, matrix])
    assert total.dtype == np.int64
    assert (total != 3 * matrix).nnz == 0
    with pytest.raises(InputError, match="no confusion matrices"):
        fb.aggregate_confusion_matrices([])
    with pytest.raises(InputError, match=r"different shapes .*\(7, 7\).*\(2, 2\)"):
        fb.aggregate_confusion_matrices([matrix, sp.eye(2)])


@pytest.mark.parametrize(
    ("values", "kind", "total"),
    [
        ([200, 200, 200], np.uint8, 600),
        ([120, 120], np.int8, 240),
        ([60_000, 60_000], np.uint16, 120_000),
        ([2**31 - 1, 2**31 - 1], np.int32, 2**32 - 2),
        ([2**32 - 1, 2], np.uint32, 2**32 + 1),
        ([300.0, 1.0], np.float32, 301),
        ([2.0**24, 1.0, 1.0], np.float32, 2**24 + 2),
        ([True, True], np.bool_, 2),
    ],
)
def test_sums_are_widened_first(values: list[float], kind: type, total: int) -> None:
    for form in (sp.csr_matrix, sp.coo_matrix, sp.csc_matrix, np.array):
        found = fb.aggregate_confusion_matrices([form(np.array([[value, 0], [0, 0]], kind)) for value in values])
        assert found.dtype == np.int64
        assert found[0, 0] == total
    # entries of one place add up, too
    place = np.zeros(len(values), np.int32)
    repeated = sp.coo_matrix((np.array(values, kind), (place, place)), (2, 2))
    assert fb.aggregate_confusion_matrices([repeated])[0, 0] == total
    assert fb.compute_f_measure_from_cm(repeated)["tp"] == total


def test_sums_of_what_are_no_counts_are_refused() -> None:
    for values, said in (
        ([0.6, 0.6], "number 0 holds 1 values that are no whole numbers (0.6)"),
        ([1.0, 0.25], "number 1 holds 1 values that are no whole numbers (0.25)"),
        ([1.0, math.nan], "0 or more"),
        ([1, -1], "0 or more"),
        ([1, 1j], "complex128"),
        ([2**62, 2**62], "64 bits"),
        ([1e300, 1.0], "64 bits"),
    ):
        with pytest.raises(InputError) as caught:
            fb.aggregate_confusion_matrices([np.array([[value]]) for value in values])
        assert said in str(caught.value)
    with pytest.raises(InputError, match="64 bits"):
        fb.aggregate_confusion_matrices([np.array([[2**64 - 1]], np.uint64)])


@pytest.fixture(scope="module")
def named() -> Ontology:
    return Ontology.from_edges(IDS, EDGES, names=dict(zip(IDS, NAMES, strict=True)))


NAMES = ["cell", "T cell", "B cell", "CD4 T cell", "hybrid cell", "late hybrid cell", "plasma cell"]


class NamedCache(Cache):
    """The same with the attributes that the CellOntologyCache has."""

    cl_names = IDS
    cl_names_to_labels_map = dict(zip(IDS, NAMES, strict=True))  # noqa: RUF012


@pytest.mark.parametrize("kind", [Ontology, NamedCache, Cache])
def test_names_in_the_place_of_ids(kind: type, named: Ontology, matrix: sp.csr_matrix) -> None:
    cache = named if kind is Ontology else kind()
    right = fb.compute_hierarchical_f_measure_from_cm(matrix, IDS, cache)
    said = "knows none of the 7 labels" if kind is Cache else "names of the ontology instead of ids"
    with pytest.raises(InputError, match=said):
        fb.compute_hierarchical_f_measure_from_cm(matrix, NAMES, cache)
    if kind is not Cache:
        assert fb.compute_hierarchical_f_measure_from_cm(matrix, NAMES, cache, match="name") == right
        with pytest.raises(InputError, match="1 names of the ontology instead of ids \\('T cell'\\)"):
            fb.compute_hierarchical_f_measure_from_cm(matrix, [R, "T cell", *IDS[2:]], cache)
    refused = [[f"EFO:{i}" for i in range(7)], [f"{i} " for i in IDS]]
    underscores = [i.replace(":", "_") for i in IDS]
    if kind is Cache:  # which does not tell its ids
        refused.append(underscores)
    else:
        assert fb.compute_hierarchical_f_measure_from_cm(matrix, underscores, cache) == right
    for other in refused:
        with pytest.raises(InputError, match="knows none of the 7 labels of label_order that have cells"):
            fb.compute_hierarchical_f_measure_from_cm(matrix, other, cache)


def test_a_name_of_two_terms_is_refused() -> None:
    twice = Ontology.from_edges(IDS, EDGES, names={A: "T cell", B: "T cell"})
    with pytest.raises(InputError, match="Several terms of the ontology have the names 'T cell'"):
        fb.compute_hierarchical_f_measure_from_cm(np.eye(2), ["T cell", A], twice, match="name")
