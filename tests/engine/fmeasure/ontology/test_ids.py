"""Ids in whatever way they are written, wherever labels are matched against an ontology."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import fastbench as fb
from fastbench.engine.errors import InputError
from fastbench.engine.fmeasure.azimuth.convert import build_ontology_response
from fastbench.engine.fmeasure.ontology.ids import find_id, short_id
from fastbench.engine.fmeasure.ontology.ontology import Ontology
from fastbench.engine.fmeasure.ontology.read import read_ontology, resource_of
from fastbench.engine.fmeasure.runs.labels import Policy, apply_label_policy, code_labels
from fastbench.engine.fmeasure.runs.universe import Universe
from fastbench.engine.readers.cells import LabelColumn
from fastbench.engine.results.files import write_json

ROOT, A, B, C = IDS = [f"CL:{i:07}" for i in range(4)]
PURL = "http://purl.obolibrary.org/obo/"
#: Ways to write the id whose number is in the braces.
FORMS = [
    "CL:{}",
    "CL_{}",
    "cl_{}",
    "cl:{}",
    "obo:CL_{}",
    PURL + "CL_{}",
    "https://purl.obolibrary.org/obo/CL_{}",
    f"<{PURL}CL_{{}}>",
]


@pytest.fixture(scope="module")
def ontology() -> Ontology:
    names = dict(zip(IDS, ["cell", "T cell", "B cell", "naive B cell"], strict=True))
    edges = [(A, ROOT), (B, ROOT), (C, B)]
    return Ontology.from_edges(IDS, edges, names=names, replaced={"CL:0000009": B}, source="cl.obo")


def as_form(form: str, identifier: str) -> str:
    return form.format(identifier.partition(":")[2])


@pytest.mark.parametrize("form", FORMS)
def test_an_id_is_found_in_every_form(form: str) -> None:
    known = {A: 1, "FBbt:00007002": 2}
    assert find_id(as_form(form, A), known) == A
    assert find_id(as_form(form, B), known) is None
    fly = form.replace("CL", "FBbt").format("00007002")
    assert find_id(fly, known) == ("FBbt:00007002" if "FBbt" in fly else None)


def test_an_id_without_a_number_has_an_address() -> None:
    assert find_id(PURL + "PR_P01730", {"PR:P01730"}) == "PR:P01730"


def test_names_were_asked_for_and_ids_are_there(ontology: Ontology) -> None:
    universe, policy = Universe(ontology.terms, ontology), Policy(match="name")
    column = code_labels(LabelColumn(np.zeros(2, np.int32), ("CL_0000001",)), universe, policy)
    with pytest.raises(InputError, match=r"\(these are ids, not names: leave out --match name; --match auto where"):
        apply_label_policy(column, [column], universe, policy, "a", ("truth", "pred"))


def test_what_is_no_id() -> None:
    for text in (
        "",
        "T cell",
        "CL",
        "CL:",
        "CL-0000001",
        "CL_0000001x",
        "CL_0000001 ",
        PURL,
        "http://example.org/CL_0000001",
    ):
        assert find_id(text, IDS) is None
    assert find_id("T cell", {"T cell"}) == "T cell"
    assert short_id(PURL + "CL_0000001") == A
    assert short_id("CL_0000001") == "CL_0000001"  # of a file, where it may be an id of its own


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("match", ["id", "any"])
def test_labels_of_cells_and_replaced_ids(form: str, match: str, ontology: Ontology) -> None:
    values = tuple(f" {as_form(form, each)}" for each in (A, C, "CL:0000009", "CL:0000007"))
    column = LabelColumn(np.arange(4, dtype=np.int32), values)
    found = code_labels(column, Universe(ontology.terms, ontology), Policy(match=match))
    assert found.codes.tolist() == [1, 3, 2, 4]
    assert found.replaced == 1
    assert list(found.unknown) == [values[3]]


def test_exact_spelling_takes_ids_as_they_are_written(ontology: Ontology) -> None:
    column = LabelColumn(np.arange(3, dtype=np.int32), (A, "CL_0000001", "CL_0000009"))
    found = code_labels(column, Universe(ontology.terms, ontology), Policy(spelling="exact"))
    assert found.codes.tolist() == [1, 4, 4]
    assert found.replaced == 0


@pytest.mark.parametrize("form", FORMS)
def test_ancestors_of_labels(form: str, ontology: Ontology) -> None:
    labels = [as_form(form, each) for each in (C, ROOT, A)]
    rows, nodes = ontology.select([*labels, "other"])
    same, same_nodes = ontology.select([C, ROOT, A, "other"])
    assert nodes == same_nodes == (*IDS, "other")
    np.testing.assert_array_equal(rows, same)


@pytest.mark.parametrize("match", ["id", "any"])
def test_the_function_of_cellarium_cas(match: str, ontology: Ontology) -> None:
    cells = np.array([[0, 0, 0, 0], [1, 3, 0, 2], [0, 1, 2, 0], [0, 0, 5, 1]])
    expected = fb.compute_hierarchical_f_measure_from_cm(cells, IDS, ontology)
    assert 0 < expected["h_f1_micro"] < 1
    for form in FORMS:
        labels = [as_form(form, each) for each in IDS]
        assert fb.compute_hierarchical_f_measure_from_cm(cells, labels, ontology, match=match) == expected
    with pytest.raises(InputError, match="knows none of the 4 labels"):
        fb.compute_hierarchical_f_measure_from_cm(cells, [f"CLO_{i}" for i in range(4)], ontology, match=match)


def test_calls_in_an_annotate_directory(ontology: Ontology, tmp_path: Path) -> None:
    resource = tmp_path / "resource.json"
    write_json(resource_of(ontology), resource)
    assert read_ontology(resource).fingerprint == ontology.fingerprint
    built = []
    for form in ("CL:{}", "CL_{}", PURL + "CL_{}"):
        rows = [f"c{i},{as_form(form, each)},0.5" for i, each in enumerate([A, C])] + ["c9,CLO_0000001,1"]
        labels = tmp_path / "labels.csv"
        labels.write_text("\n".join([",cas_cell_type_name_1,cas_cell_type_score_1", *rows]) + "\n")
        found = build_ontology_response(labels, resource, "x", tmp_path / f"out{len(built)}")
        assert found["outside"] == {"CLO_0000001": 1}
        built.append(found["ontology_response_path"].read_bytes())
    assert built[0] == built[1] == built[2]
