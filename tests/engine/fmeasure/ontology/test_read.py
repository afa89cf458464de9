"""Reading ontology files: the resource of cellarium-cas, formats told by content, and every refusal."""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path
from typing import Any

import pytest

from fastbench.engine.errors import InputError
from fastbench.engine.fmeasure.ontology.read import read_ontology
from fastbench.engine.readers.packaged import data_folder

from .test_obo import GRAPH, OBO
from .test_ontology import ROOT, SEVEN, SEVEN_EDGES, A, B, C, D, E, F, Ontology, edges_of, sets_of

LABELS = "cell_ontology_term_id_to_cell_type"
EXAMPLE = data_folder() / "ontology" / "blood_and_immune_example.json"


def resource(**changes: Any) -> dict[str, Any]:
    """The seven-node resource; a key set to `...` is left out."""
    depths = dict(zip(SEVEN, (0, 1, 1, 2, 2, 3, 2), strict=True))
    whole = {
        "cl_names": list(SEVEN),
        LABELS: {term: f"type {term[-1]}" for term in SEVEN},
        "children_dictionary": {ROOT: [A, B], A: [C, D], B: [D, F], D: [E]},
        "shortest_path_lengths_from_cell_root": depths,
        "longest_path_lengths_from_cell_root": depths,
    } | changes
    return {key: value for key, value in whole.items() if value is not ...}


def written(tmp_path: Path, content: Any, name: str = "ontology_resource.json") -> Path:
    path = tmp_path / name
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    return path


def refused(path: Path, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        read_ontology(path, **options)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence.replace(str(path), "FILE")


@pytest.mark.parametrize("name", ["r.json", "r.json.gz", "no-suffix"])
def test_resource_without_ancestors(tmp_path, name):
    path = written(tmp_path, resource(), name)
    ontology = read_ontology(path)
    assert ontology.terms == ontology.nodes == SEVEN
    assert sets_of(ontology) == sets_of(Ontology.from_edges(SEVEN, SEVEN_EDGES))
    assert edges_of(ontology) == set(SEVEN_EDGES)
    assert ontology.names[E] == "type 5"
    assert (ontology.root, ontology.relations, ontology.source) == (ROOT, (), str(path))
    assert (ontology.replaced, ontology.obsolete) == ({}, frozenset())
    assert ontology.fingerprint == Ontology.from_edges(SEVEN, SEVEN_EDGES).fingerprint


@pytest.mark.parametrize("empty", [{}, None, ...])
def test_an_empty_ancestors_dictionary_is_none(tmp_path, empty):
    ontology = read_ontology(written(tmp_path, resource(ancestors_dictionary=empty)))
    assert sets_of(ontology)[E] == {A, B, D, E}


def test_ancestors_of_the_resource_are_used_as_they_are(tmp_path):
    listed = {ROOT: [], A: [ROOT], D: [B, ROOT], E: [D, E, "UBERON:1"], "CL:9": [A], C: []}
    ontology = read_ontology(written(tmp_path, resource(ancestors_dictionary=listed)))
    expected = {ROOT: set(), A: {A}, B: {B}, C: {C}, D: {B, D}, E: {D, E, "UBERON:1"}, F: {F}}
    assert sets_of(ontology) == expected
    assert ontology.nodes == (*SEVEN, "UBERON:1")
    assert edges_of(ontology) == set(SEVEN_EDGES)
    assert ontology.names["UBERON:1"] == "UBERON:1"


def test_ancestors_that_children_lead_up_to_may_be_outside_the_universe(tmp_path):
    children = {ROOT: ["X"], "X": [A], A: [C, "Y"], "Z": ["Y"]}
    ontology = read_ontology(written(tmp_path, resource(children_dictionary=children, cl_names=[C, A])))
    assert sets_of(ontology) == {A: {A, "X"}, C: {A, C, "X"}}
    assert ontology.nodes == (C, A, ROOT, "X")
    assert edges_of(ontology) == {(C, A), (A, "X"), ("X", ROOT)}


def test_circles_in_a_resource_are_safe(tmp_path):
    children = {ROOT: [A], A: [B], B: [C], C: [A, C, ROOT]}
    ontology = read_ontology(written(tmp_path, resource(children_dictionary=children)))
    assert sets_of(ontology) == {ROOT: set(), A: {A, B, C}, B: {A, B, C}, C: {A, B, C}, D: {D}, E: {E}, F: {F}}


def test_fingerprint_of_a_resource(tmp_path):
    first = read_ontology(written(tmp_path, resource(), "a.json")).fingerprint
    shuffled = resource(children_dictionary={D: [E], B: [F, D, F], A: [D, C], ROOT: [B, A], C: []})
    assert read_ontology(written(tmp_path, dict(reversed(shuffled.items())), "b.json")).fingerprint == first
    listed = {term: sorted(found | {ROOT}) for term, found in sets_of(read_ontology(tmp_path / "a.json")).items()}
    assert read_ontology(written(tmp_path, resource(ancestors_dictionary=listed), "c.json")).fingerprint == first
    turned = resource(cl_names=list(reversed(SEVEN)))
    assert read_ontology(written(tmp_path, turned, "d.json")).fingerprint != first


def test_formats_are_told_by_content(tmp_path):
    expected = read_ontology(written(tmp_path, OBO.encode(), "x.obo"))
    assert expected.terms == ("CL:0000000", "CL:0000002", "CL:0000003")
    for content, name in [
        (OBO.encode(), "x.obo.gz"),
        (b"\xef\xbb\xbf" + OBO.encode(), "bom.obo"),
        (OBO[OBO.index("[Term]") :].encode(), "headless.txt"),
        (GRAPH, "x.json"),
        (GRAPH, "x.json.gz"),
        (b"\xef\xbb\xbf\n" + json.dumps(GRAPH).encode(), "odd.obo"),
    ]:
        ontology = read_ontology(written(tmp_path, content, name), relations=["is_a"])
        assert ontology.fingerprint == expected.fingerprint
        assert (ontology.replaced, ontology.obsolete) == (expected.replaced, expected.obsolete)
        assert ontology.names == expected.names
    wider = read_ontology(tmp_path / "x.obo", relations=["part_of", "is_a"])
    assert wider.relations == ("is_a", "part_of")
    assert wider.fingerprint == read_ontology(tmp_path / "x.json.gz", relations=("is_a", "part_of")).fingerprint


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"cl_names": ...}, "FILE: 'cl_names' must be a list of term ids, at least one; it is missing"),
        ({"cl_names": []}, "FILE: 'cl_names' must be a list of term ids, at least one, but it is list []"),
        ({"cl_names": {"a": 1}}, "FILE: 'cl_names' must be a list of term ids, at least one, but it is dict {'a': 1}"),
        ({"cl_names": [A, 5]}, f"FILE: 'cl_names' must be a list of term ids, at least one, but it is list ['{A}', 5]"),
        ({"cl_names": [*SEVEN, B, A]}, f"FILE lists 2 terms more than once: '{A}', '{B}'"),
        ({LABELS: ...}, f"FILE: '{LABELS}' must be an object with term ids as keys; it is missing"),
        (
            {LABELS: {ROOT: "cell"}},
            f"FILE: '{LABELS}' has no label for 6 terms of 'cl_names': '{A}', '{B}', '{C}', '{D}', ",
        ),
        (
            {"children_dictionary": ...},
            "FILE: 'children_dictionary' must be an object with term ids as keys; it is mis",
        ),
        (
            {"children_dictionary": [A]},
            "FILE: 'children_dictionary' must be an object with term ids as keys, but it is li",
        ),
        (
            {"children_dictionary": {A: [B], B: C, D: [1]}},
            "FILE: 'children_dictionary' must hold lists of term ids, but ",
        ),
        (
            {"ancestors_dictionary": [A]},
            "FILE: 'ancestors_dictionary' must be an object with term ids as keys, but it is ",
        ),
        (
            {"ancestors_dictionary": {A: None}},
            "FILE: 'ancestors_dictionary' must hold lists of term ids, but does not for ",
        ),
    ],
)
def test_a_resource_that_is_built_otherwise(tmp_path, changes, sentence):
    assert refused(written(tmp_path, resource(**changes))).startswith(sentence)


def test_root_of_a_resource(tmp_path):
    path = written(tmp_path, resource())
    assert read_ontology(path, root=A).root == A
    assert sets_of(read_ontology(path, root=A))[D] == {ROOT, B, D}
    sentence = refused(path, root="CL_0000001")
    assert sentence.startswith(f"The root 'CL_0000001' is nowhere in FILE; did you mean '{A}' or ")
    assert sentence.endswith("? Give the root that its terms are below.")
    beside = resource(cl_names=[C], ancestors_dictionary={C: [A]})  # the root has children, but is listed nowhere
    assert sets_of(read_ontology(written(tmp_path, beside))) == {C: {A, C}}


def test_relations(tmp_path):
    path = written(tmp_path, resource())
    assert refused(path, relations=("is_a", "part_of")).startswith(
        "The relations is_a and part_of were asked for, but FILE is a resource file, of which the edges were chosen "
    )
    sentence = refused(path, relations=("is_a", "partof"))
    assert sentence == "relations must be one of 'is_a', 'part_of', but it is 'partof'; did you mean 'part_of'?"
    assert refused(path, relations=()).startswith("The relations must include 'is_a'")
    assert refused(path, relations=("part_of",)).startswith("The relations must include 'is_a'")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "FILE is empty"),
        (b" \n", "FILE is empty"),
        (gzip.compress(b"", mtime=0), "FILE is empty"),
        (
            gzip.compress(json.dumps(resource()).encode(), mtime=0)[:-30],
            "'FILE' is damaged or cut off: its gzip data do not decompress (",
        ),
        (
            gzip.compress(b"x" * 100, mtime=0)[:20] + b"?" * 20,
            "'FILE' is damaged or cut off: its gzip data do not decompress (",
        ),
        (b'{"cl_names": [', "FILE is not valid JSON (Expecting value: line 1 column 15 (char 14)); fetch it again"),
        (b'{"a": "\xff"}', "FILE is not valid JSON ("),
        (b'{"a":' * 100_000, "FILE is not valid JSON ("),
        (
            b'{"a": 1}',
            "FILE is JSON, but neither an ontology_resource.json of cellarium-cas (it has no 'cl_names') nor ",
        ),
        (b"[1, 2]", "FILE is neither a JSON object nor OBO with [Term] entries; give "),
        (b"\x89PNG\xff", "FILE is neither a JSON object nor OBO with [Term] entries; give "),
        (b"format-version: 1.2\n", "FILE is neither a JSON object nor OBO with [Term] entries; give "),
        (b"<?xml version='1.0'?><rdf:RDF/>", "FILE is OWL, which is not read; give the same release as .obo or .json"),
        (b"Prefix(:=<http://x>)", "FILE is OWL, which is not read; give the same release as .obo or .json"),
        (b"version https://git-lfs.github.com/spec/v1\n", "'FILE' is a Git LFS pointer, not the data; fetch it with "),
    ],
)
def test_a_file_that_is_none(tmp_path, content, sentence):
    path = tmp_path / "x"
    path.write_bytes(content)
    assert refused(path).startswith(sentence)


def test_a_path_that_leads_nowhere(tmp_path):
    written(tmp_path, resource())
    missing = tmp_path / "ontology_resorce.json"
    assert refused(missing) == "There is no ontology file 'FILE'; did you mean 'ontology_resource.json'?"
    assert refused(tmp_path / "no" / "x.obo").startswith("There is no ontology file 'FILE' (there is no folder ")
    assert refused(tmp_path).startswith("FILE is a folder, but an ontology file is needed")
    assert "NUL" in refused(tmp_path / "a\0b")


def test_the_packaged_example():
    ontology = read_ontology(EXAMPLE)
    assert EXAMPLE.stat().st_size < 60_000
    assert 40 <= len(ontology.terms) <= 80
    assert ontology.nodes == ontology.terms == tuple(sorted(ontology.terms))  # closed: no ancestor is left out
    ids = {name: term for term, name in ontology.names.items()}
    assert len(ids) == len(ontology.terms)
    assert ids["cell"] == ROOT
    above = {ontology.names[term] for term in sets_of(ontology)[ids["neutrophil"]]}
    assert above >= {"neutrophil", "granulocyte", "leukocyte", "myeloid leukocyte", "blood cell", "eukaryotic cell"}
    assert "lymphocyte" not in above
    whole = json.loads(EXAMPLE.read_text())
    parents = {term: [p for c, p in edges_of(ontology) if c == term] for term in ontology.terms}
    for key, choose in (("shortest", min), ("longest", max)):
        depth = whole[f"{key}_path_lengths_from_cell_root"]
        assert depth.keys() == set(ontology.terms)
        assert depth[ROOT] == 0
        assert all(depth[t] == 1 + choose(depth[p] for p in parents[t]) for t in ontology.terms if t != ROOT)


def test_three_thousand_terms_take_no_time(tmp_path):
    terms = [ROOT, *(f"CL:{i:07}" for i in range(1, 3000))]
    above = {i: {i // 2, i // 3} for i in range(1, 3000)}
    children: dict[str, list[str]] = {}
    for i, parents in above.items():
        for parent in parents:
            children.setdefault(terms[parent], []).append(terms[i])
    path = written(
        tmp_path, resource(cl_names=terms, children_dictionary=children, **{LABELS: dict.fromkeys(terms, "x")})
    )
    read_ontology(path)  # compiles the closure
    start = time.perf_counter()
    read_ontology(path)
    assert time.perf_counter() - start < 1  # about 0.03 s on an idle machine


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.replace("\n", "\r").encode(),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.encode("utf-16"),
    ],
    ids=["CR", "CRLF", "UTF-16"],
)
def test_obo_of_other_systems(tmp_path, encode):
    first = "format-version: 1.2\n\n[Term]\nid: CL:0000000\nname: cell\n\n"
    text = first + "[Term]\nid: CL:0000001\nname: caf\u00e9 cell\nis_a: CL:0000000\n"
    path = tmp_path / "cl.obo"
    path.write_bytes(encode(text))
    found = read_ontology(path)
    assert found.names["CL:0000001"] == "caf\u00e9 cell"
    assert len(found.terms) == 2
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=r"in line 9.* iconv -f latin1 -t utf-8"):
        read_ontology(path)
