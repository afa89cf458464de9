"""OBO and OBO-graph JSON: the same small ontology in both, and what each says in its own way."""

from __future__ import annotations

import json
import warnings
from typing import Any

import pytest

from fastbench.engine.errors import InputError
from fastbench.engine.fmeasure.ontology.obo import Term, ontology_of, parse_obo, parse_obo_graph
from fastbench.engine.fmeasure.ontology.ontology import Ontology

from .test_ontology import edges_of, sets_of

PURL = "http://purl.obolibrary.org/obo/"
ALTERNATIVE = "http://www.geneontology.org/formats/oboInOwl#hasAlternativeId"
REPLACED_BY = PURL + "IAO_0100001"
IS_A, BOTH = ("is_a",), ("is_a", "part_of")

OBO = """\
format-version: 1.2
ontology: cl/tiny
import: http://127.0.0.1:9/never-read.obo

[Typedef]
id: BFO:0000050
name: part of

[Term]
id: CL:0000000
name: cell
is_a: UBERON:0000061 ! anatomical structure

[Term]
id: UBERON:0000061
name: anatomical structure

[Term]
id: CL:0000003
name: T cell
def: "A cell. id: CL:9999999" [GOC:x]
xref: http://neurolex.org/wiki/Category\\:T_cell
alt_id: CL:0000013
alt_id: CL:0000014
is_a: CL:0000002 {is_inferred="true"} ! lymphocyte
is_a: UBERON:0000061 ! anatomical structure
relationship: part_of CL:0000004
relationship: BFO:0000050 CL:0000003 {all_only="true"} ! part of
relationship: RO:0002202 CL:0000004 ! develops from

[Term]
id: CL:0000002
name: lymphocyte
is_a: CL:0000000

[Term]
id: CL:0000004
name: niche
relationship: BFO:0000050 CL:0000000 ! part of cell

[Term]
id: GO:0000005
name: membrane
relationship: part_of CL:0000000

[Term]
id: CL:0000006
name: cytoplasm, no cell
is_a: GO:0000005

[Term]
id: CL:0000010
name: obsolete thymocyte
is_obsolete: true
replaced_by: CL:0000011

[Term]
id: CL:0000011
name: obsolete thymic cell
is_obsolete: true
replaced_by: CL:0000013

[Term]
id: CL:0000012
name: obsolete round
is_obsolete: true
replaced_by: CL:0000015

[Term]
id: CL:0000015
name: obsolete turn
is_obsolete: true
replaced_by: CL:0000012

[Term]
id: CL:0000016
name: obsolete either
is_obsolete: true
replaced_by: CL:0000002
replaced_by: CL:0000003

[Term]
id: CL:0000017
name: obsolete gone
is_obsolete: true
is_a: CL:0000002
consider: CL:0000003

[Term]
id: CL:0000018
name: obsolete elsewhere
is_obsolete: true
replaced_by: CLO:0000019
"""


def node(term: str, label: str | None = None, deprecated: bool = False, **said: list[str]) -> dict[str, Any]:
    pairs = [{"pred": ALTERNATIVE, "val": value} for value in said.get("alternative", [])]
    pairs += [{"pred": REPLACED_BY, "val": value} for value in said.get("replaced_by", [])]
    meta = {"basicPropertyValues": pairs, **({"deprecated": True} if deprecated else {})}
    return {"id": PURL + term, **({"lbl": label} if label else {}), "type": "CLASS", "meta": meta}


def edge(child: str, relation: str, parent: str) -> dict[str, str]:
    return {"sub": PURL + child, "pred": relation, "obj": PURL + parent}


GRAPH = {
    "graphs": [
        {
            "id": PURL + "cl/tiny.owl",
            "nodes": [
                {"id": PURL + "BFO_0000050", "lbl": "part of", "type": "PROPERTY"},
                node("CL_0000000", "cell"),
                node("UBERON_0000061", "anatomical structure"),
                node("CL_0000003", "T cell", alternative=["CL:0000013", "CL:0000014"]),
                node("CL_0000002", "lymphocyte"),
                node("CL_0000004", "niche"),
                node("GO_0000005", "membrane"),
                node("CL_0000006", "cytoplasm, no cell"),
                node("CL_0000010", "obsolete thymocyte", True, replaced_by=[PURL + "CL_0000011"]),
                node("CL_0000011", "obsolete thymic cell", True, replaced_by=["CL:0000013"]),
                node("CL_0000012", "obsolete round", True, replaced_by=["CL:0000015"]),
                node("CL_0000015", "obsolete turn", True, replaced_by=["CL:0000012"]),
                node("CL_0000016", "obsolete either", True, replaced_by=["CL:0000002", "CL:0000003"]),
                node("CL_0000017", "obsolete gone", True),
                node("CL_0000018", "obsolete elsewhere", True, replaced_by=[PURL + "CLO_0000019"]),
            ],
            "edges": [
                edge("CL_0000000", "is_a", "UBERON_0000061"),
                edge("CL_0000003", "is_a", "CL_0000002"),
                edge("CL_0000003", "is_a", "UBERON_0000061"),
                edge("CL_0000003", PURL + "BFO_0000050", "CL_0000004"),
                edge("CL_0000003", PURL + "RO_0002202", "CL_0000004"),
                edge("CL_0000002", "is_a", "CL_0000000"),
                edge("CL_0000004", "part_of", "CL_0000000"),
                edge("GO_0000005", "part_of", "CL_0000000"),
                edge("CL_0000006", "is_a", "GO_0000005"),
                edge("CL_0000017", "is_a", "CL_0000002"),
                edge("BFO_0000050", "subPropertyOf", "BFO_0000050"),
            ],
        },
        {},
    ]
}


def from_obo(text: str, relations: tuple[str, ...] = IS_A, root: str = "CL:0000000") -> Ontology:
    return ontology_of(parse_obo(text), root, relations, "x.obo")


def from_graph(document: Any, relations: tuple[str, ...] = IS_A) -> Ontology:
    return ontology_of(parse_obo_graph(document, "x.json"), "CL:0000000", relations, "x.json")


def test_both_formats_say_the_same():
    assert parse_obo(OBO) == parse_obo_graph(GRAPH, "x.json")
    assert parse_obo(OBO.replace("\n", "\r\n")) == parse_obo(OBO)


@pytest.mark.parametrize("read", [lambda relations: from_obo(OBO, relations), lambda r: from_graph(GRAPH, r)])
def test_universe_edges_and_replacements(read):
    ontology = read(IS_A)
    assert ontology.terms == ontology.nodes == ("CL:0000000", "CL:0000002", "CL:0000003")
    assert dict(ontology.names) == {"CL:0000000": "cell", "CL:0000002": "lymphocyte", "CL:0000003": "T cell"}
    assert edges_of(ontology) == {("CL:0000002", "CL:0000000"), ("CL:0000003", "CL:0000002")}
    assert sets_of(ontology)["CL:0000003"] == {"CL:0000002", "CL:0000003"}
    to = "CL:0000003"
    assert ontology.replaced == {"CL:0000010": to, "CL:0000011": to, "CL:0000013": to, "CL:0000014": to}
    assert ontology.obsolete == {f"CL:00000{i}" for i in (10, 11, 12, 15, 16, 17, 18)}
    assert ontology.relations == IS_A
    wider = read(BOTH)
    assert wider.terms == ("CL:0000000", "CL:0000002", "CL:0000003", "CL:0000004")
    assert edges_of(wider) == {*edges_of(ontology), (to, "CL:0000004"), ("CL:0000004", "CL:0000000")}
    assert sets_of(wider)[to] == {"CL:0000002", "CL:0000003", "CL:0000004"}
    assert wider.relations == BOTH
    assert wider.fingerprint != ontology.fingerprint


def test_pronto_reads_the_same_parents(tmp_path):
    pronto = pytest.importorskip("pronto")
    text = OBO.replace("import: http://127.0.0.1:9/never-read.obo\n", "").replace("Category\\:", "")
    for name, content in (("x.obo", text), ("x.json", json.dumps({"graphs": GRAPH["graphs"][:1]}))):
        (tmp_path / name).write_text(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = pronto.Ontology(str(tmp_path / name), import_depth=0)
        for term, said in parse_obo(text).items():
            assert said.parents["is_a"] == {t.id for t in theirs[term].superclasses(1, with_self=False)}
            assert (said.name, said.obsolete) == (theirs[term].name, theirs[term].obsolete)
            assert said.alternative == set(theirs[term].alternate_ids)


def test_another_root_takes_its_own_prefix():
    ontology = from_obo(OBO, BOTH, root="GO:0000005")
    assert ontology.terms == ("GO:0000005",)
    assert from_obo("[Term]\nid: b\nis_a: a\n[Term]\nid: a\n[Term]\nid: c\n", root="a").terms == ("a", "b")


def test_text_of_a_name():
    names = {
        "a, b\\: \\{c\\}": "a, b: {c}",
        "a ! a comment": "a",
        'a {x="1"} ! a comment': "a",
        "a! b": "a! b",
        "two\\nlines\\Wand\\ttab": "two lines and tab",
    }
    for line, name in names.items():
        assert parse_obo(f"[Term]\nid: x\nname: {line}\nname: later\n")["x"].name == name
    assert from_obo("[Term]\nid: CL:0000000\nname:\n").names == {"CL:0000000": "CL:0000000"}


@pytest.mark.parametrize(
    "line",
    [
        'relationship: part_of CL:1 {all_only="true"}',
        'relationship: part_of CL:1 {gci_filler="NCBITaxon:9606", gci_relation="part_of"} ! cell',
        'relationship: part_of CL:1 {cardinality="0"}',
        'relationship: part_of CL:1 {max_cardinality="0"}',
        'is_a: CL:1 {gci_relation="part_of", gci_filler="UBERON:1"}',
        "relationship: part_of",
        "relationship: has_part CL:1",
        "intersection_of: CL:1",
        "is_a:",
    ],
)
def test_what_is_no_edge(line):
    assert parse_obo(f"[Term]\nid: CL:2\n{line}\n") == {"CL:2": Term()}


def test_what_is_an_edge_all_the_same():
    lines = 'is_a: CL:1 {is_inferred="true"} ! has {all_only\nrelationship: part_of CL:3 {cardinality="1"}\n'
    assert parse_obo(f"[Term]\nid: CL:2\n{lines}")["CL:2"].parents == {"is_a": {"CL:1"}, "part_of": {"CL:3"}}


def test_a_term_in_two_places_is_one():
    text = "[Term]\nid: x\nis_a: a\n\n[Instance]\nid: i\nis_a: q\n\n[Term]\nid: x\nname: n\nis_a: b\n"
    assert parse_obo(text) == {"x": Term("n", {"is_a": {"a", "b"}, "part_of": set()})}


def test_a_live_id_is_never_replaced():
    text = OBO + "\n[Term]\nid: CL:0000013\nname: live\nis_a: CL:0000000\n"
    ontology = from_obo(text)
    assert "CL:0000013" in ontology.terms
    assert ontology.replaced == {"CL:0000014": "CL:0000003", "CL:0000010": "CL:0000013", "CL:0000011": "CL:0000013"}


def test_an_alternative_id_of_two_terms_replaces_nothing():
    ontology = from_obo(OBO.replace("name: lymphocyte\n", "name: lymphocyte\nalt_id: CL:0000014\n"))
    assert "CL:0000014" not in ontology.replaced
    assert ontology.replaced["CL:0000013"] == "CL:0000003"


@pytest.mark.parametrize(
    ("root", "sentence"),
    [
        ("GO:000005", "The root 'GO:000005' is no term of x.obo; did you mean 'GO:0000005' or "),
        ("CL_0000000", "The root 'CL_0000000' is no term of x.obo; did you mean 'CL:0000000' or "),
        ("?", "The root '?' is no term of x.obo; its terms are, for example, 'CL:0000000', 'UBERON:0000061', 'CL:"),
        ("CL:0000018", "The root 'CL:0000018' is obsolete in x.obo; give 'CLO:0000019'"),
        ("CL:0000017", "The root 'CL:0000017' is obsolete in x.obo; give a live term"),
    ],
)
def test_a_root_that_is_none(root, sentence):
    with pytest.raises(InputError) as caught:
        from_obo(OBO, root=root)
    assert str(caught.value).startswith(sentence)


def test_no_terms_at_all():
    with pytest.raises(InputError, match=r"^The root 'CL:0000000' is no term of x\.json; it has no live terms\.$"):
        from_graph({"graphs": []})


def chain(*pairs: tuple[int, int], relation: str = "is_a: ") -> str:
    terms = sorted({term for pair in pairs for term in pair})
    lines = {t: "".join(f"{relation}CL:{p}\n" for c, p in pairs if c == t) for t in terms}
    return "".join(f"[Term]\nid: CL:{t}\n{lines[t]}\n" for t in terms)


def test_a_circle_is_refused():
    with pytest.raises(InputError) as caught:
        from_obo(chain((1, 0), (2, 1), (3, 2), (1, 3)), root="CL:0")
    shown = {f"{a} -> {b} -> {c} -> {a}" for a, b, c in (("CL:1", "CL:3", "CL:2"), ("CL:3", "CL:2", "CL:1"))}
    shown.add("CL:2 -> CL:1 -> CL:3 -> CL:2")
    start = "The edges of x.obo (is_a) run in a circle: "
    assert str(caught.value) in {f"{start}{way}; remove one of these edges." for way in shown}
    with pytest.raises(InputError, match=r"CL:0 -> CL:0; remove one of these edges\.$"):
        from_obo(chain((0, 0)), root="CL:0")
    with pytest.raises(InputError, match=r"(CL:\d+ -> ){6}\.\.\.; remove"):
        from_obo(chain(*((i + 1, i) for i in range(20)), (0, 20)), root="CL:0")


def test_a_circle_over_part_of_only_matters_when_it_is_asked_for():
    text = "[Term]\nid: CL:0\n[Term]\nid: CL:1\nis_a: CL:0\nrelationship: part_of CL:2\n[Term]\nid: CL:2\nis_a: CL:1\n"
    assert from_obo(text, root="CL:0").terms == ("CL:0", "CL:1", "CL:2")
    with pytest.raises(
        InputError, match=r"\(is_a and part_of\) run in a circle: .*; remove one of these edges, or use is_a only\.$"
    ):
        from_obo(text, BOTH, root="CL:0")


def test_a_circle_elsewhere_does_not_matter():
    assert from_obo(chain((1, 0), (8, 9), (9, 8)), root="CL:0").terms == ("CL:0", "CL:1")


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({"graphs": {"nodes": []}}, "'graphs' must hold objects"),
        ({"graphs": [{"nodes": ["CL_1"]}]}, "'nodes' must hold objects"),
        ({"graphs": [{"nodes": [{"lbl": "cell"}]}]}, "'id' must be text, but is None"),
        ({"graphs": [{"nodes": [{"id": "a", "meta": "x"}]}]}, "'meta' must hold objects"),
        (
            {"graphs": [{"nodes": [{"id": "a", "meta": {"basicPropertyValues": {"a": 1}}}]}]},
            "'basicPropertyValues' must",
        ),
        (
            {"graphs": [{"nodes": [{"id": "a"}], "edges": [{"sub": "a", "pred": "is_a", "obj": 1}]}]},
            "'obj' must be text",
        ),
        ({"graphs": [{"edges": [{"sub": None, "pred": ["is_a"]}]}]}, "'sub' must be text"),
    ],
)
def test_a_document_that_is_built_otherwise(document, sentence):
    with pytest.raises(InputError) as caught:
        from_graph(document)
    assert str(caught.value).startswith(f"x.json is not OBO-graph JSON as it should be: {sentence}")
