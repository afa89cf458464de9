"""The packaged Cell Ontology, and ontologies called by name; how they are described."""

from __future__ import annotations

import gzip
import hashlib
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import fastbench as fb
from fastbench.engine.errors import InputError
from fastbench.engine.fmeasure.ontology.describe import describe_ontology, list_ontologies
from fastbench.engine.fmeasure.ontology.document import read_file
from fastbench.engine.fmeasure.ontology.kept import find_ontology
from fastbench.engine.fmeasure.ontology.ontology import Ontology
from fastbench.engine.fmeasure.ontology.options import InfoOptions, ShowOptions
from fastbench.engine.fmeasure.ontology.read import resource_of
from fastbench.engine.fmeasure.ontology.terms import TermAccount, describe_term
from fastbench.engine.fmeasure.ontology.write import write_resource
from fastbench.engine.readers.packaged import data_folder, resolve
from fastbench.engine.results.files import write_json

from .test_obo import GRAPH, OBO

PACKAGED = data_folder() / "ontology" / "cl-basic-2022-12-15.obo.gz"


@cache
def packaged() -> Ontology:
    return fb.read_ontology("sample:cl")


def reached(term: str, parents: dict[str, list[str]]) -> set[str]:
    """Everything above a term."""
    return {above for parent in parents[term] for above in ({parent} | reached(parent, parents))}


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def test_the_packaged_cell_ontology(tmp_path: Path) -> None:
    assert PACKAGED.stat().st_size < 2_000_000
    assert (PACKAGED.parent / "LICENSE-CC-BY-4.0.txt").read_text().startswith("Attribution 4.0 International")
    assert PACKAGED.name in (PACKAGED.parent / "README.md").read_text()
    ontology = packaged()
    assert len(ontology.terms) == 2635
    assert ontology.names["CL:0000084"] == "T cell"
    above = {ontology.names[term] for term in reached("CL:0000084", ontology.parents_by_node())}
    assert above >= {"lymphocyte", "leukocyte", "hematopoietic cell", "cell"}
    assert int(np.bitwise_count(ontology.select(["CL:0000084"])[0]).sum()) == len(above)  # with it, without the root
    assert ontology.source == "sample:cl"
    (tmp_path / "cl.obo").write_bytes(gzip.decompress(PACKAGED.read_bytes()))
    assert fb.read_ontology("cl.obo").fingerprint == ontology.fingerprint


def test_the_packaged_ontology_goes_into_an_annotate_directory(tmp_path: Path) -> None:
    source = write_resource(packaged(), "sample:cl", tmp_path / "resource.json")
    assert source["path"] == "sample:cl"
    assert source["sha256"] == hashlib.sha256(PACKAGED.read_bytes()).hexdigest()
    assert fb.read_ontology("resource.json").fingerprint == source["fingerprint"] == packaged().fingerprint


def test_samples_are_of_a_kind() -> None:
    with pytest.raises(InputError, match=r"^There is no sample 'lincs'; the samples are cl\.$"):
        fb.read_ontology("sample:lincs")
    with pytest.raises(InputError, match=r"^There is no sample 'cl'; the samples are lincs\.$"):
        resolve("sample:cl")


def test_names_that_are_not_kept(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no file 'cl', and no ontology .* with 'fastbench ontology fetch cl'\.$"):
        find_ontology("cl")
    with pytest.raises(InputError, match=r"fetch it with 'fastbench ontology fetch hp --release 2024-01-16'\.$"):
        find_ontology("hp@2024-01-16")
    assert find_ontology("other") == Path("other")  # a file that is not there
    with pytest.raises(InputError, match="There is no ontology file 'other'"):
        fb.read_ontology("other")
    (tmp_path / "cl").write_text(OBO)
    assert len(fb.read_ontology("cl").terms) == 3  # a file of that name goes first


@pytest.mark.parametrize(
    ("said", "release"),
    [
        ("data-version: cl/releases/2022-12-15/cl-basic.owl", "2022-12-15"),
        ("data-version: http://www.ebi.ac.uk/efo/releases/v3.62.0/efo.owl", "3.62.0"),
        ("data-version: releases/2024-01-17", "2024-01-17"),
        ("data-version: 2024-01-04", "2024-01-04"),
        ("data-version: 1.7", "1.7"),
        ('property_value: owl:versionInfo "2023-01-09" xsd:string', "2023-01-09"),
        ("date: 09:01:2023", ""),
    ],
)
def test_the_release_of_a_file(tmp_path: Path, said: str, release: str) -> None:
    (tmp_path / "x.obo").write_text(OBO.replace("ontology: cl/tiny", said))
    assert read_file("x.obo").release == release


def test_the_release_of_a_graph(tmp_path: Path) -> None:
    graph = {**GRAPH["graphs"][0], "meta": {"version": "http://purl.obolibrary.org/obo/cl/releases/2024-05-15/cl.json"}}
    write_json({"graphs": [graph]}, tmp_path / "x.json")
    assert read_file("x.json").release == "2024-05-15"
    info = "http://www.w3.org/2002/07/owl#versionInfo"
    graph["meta"] = {"basicPropertyValues": [{"pred": info, "val": "2024-06-01"}]}
    write_json({"graphs": [graph]}, tmp_path / "x.json")
    assert read_file("x.json").release == "2024-06-01"


def test_the_account_of_an_ontology(tmp_path: Path) -> None:
    (tmp_path / "x.obo").write_text(OBO)
    (tmp_path / "x.json").write_text(json.dumps(GRAPH))
    accounts = [describe_ontology(InfoOptions(name)) for name in ("x.obo", "x.json")]
    found = accounts[0]
    assert (found["terms"], found["obsolete_terms"]) == (7, 7)
    assert found["prefixes"] == {"CL": 5, "UBERON": 1, "GO": 1}
    assert found["relations"] == {"is_a": 5, "part_of": 3}
    assert found["roots"] == {"UBERON:0000061": "anatomical structure", "GO:0000005": "membrane"}
    assert (found["alone"], found["depth"]) == (1, 3)
    assert found["scored"]["terms"] == 3
    assert found["scored"]["fingerprint"] == fb.read_ontology("x.obo").fingerprint
    same = found.keys() - {"ontology", "path", "bytes", "sha256", "format"}
    assert {key: accounts[1][key] for key in same} == {key: found[key] for key in same}
    write_json(resource_of(fb.read_ontology("x.obo")), tmp_path / "r.json")
    resource = describe_ontology(InfoOptions("r.json"))
    assert (resource["terms"], resource["depth"], resource["relations"]) == (3, 2, {"is_a": 2, "part_of": 0})
    assert resource["release"] is None
    assert resource["scored"] == found["scored"]


def test_the_root_of_an_account(tmp_path: Path) -> None:
    (tmp_path / "x.obo").write_text(OBO)
    assert describe_ontology(InfoOptions("x.obo", root="GO_0000005"))["scored"]["terms"] == 1
    with pytest.raises(InputError, match=r"The root 'GO:0000006' is no term of x\.obo"):
        describe_ontology(InfoOptions("x.obo", root="GO:0000006"))
    (tmp_path / "y.obo").write_text("[Term]\nid: X:1\n[Term]\nid: X:2\nis_a: X:1\n")
    assert describe_ontology(InfoOptions("y.obo"))["scored"] is None
    (tmp_path / "round.obo").write_text("[Term]\nid: X:1\nis_a: X:2\n[Term]\nid: X:2\nis_a: X:1\n")
    assert describe_ontology(InfoOptions("round.obo"))["depth"] is None
    assert [each["ontology"] for each in list_ontologies()] == ["sample:cl"]


# --- a term ---


def shown(term: str, **more: object) -> TermAccount:
    return describe_term(ShowOptions(term, **more))  # type: ignore[arg-type]


def test_the_account_of_a_term() -> None:
    found = shown("CL:0000492")
    assert found.name == "CD4-positive helper T cell"
    assert found.text.definition.startswith("A CD4-positive, alpha-beta T cell that cooperates with other lymphocytes")
    assert "CD4-positive T-helper cell" in {each.text for each in found.text.synonyms if each.scope == "exact"}
    assert found.parents == {"is_a": {"CL:0000624": "CD4-positive, alpha-beta T cell"}}
    parents = packaged().parents_by_node()
    assert found.ancestors.keys() == reached(found.term, parents)
    assert found.n_descendants == sum(found.term in reached(term, parents) for term in parents)
    assert found.children.keys() == {child for child in parents if found.term in parents[child]}


@pytest.mark.parametrize("term", ["CL:0000492", "CL:0000000"])
def test_the_tree_holds_each_edge_once(term: str) -> None:
    found = shown(term)
    parents = packaged().parents_by_node()
    edges, path = [], []
    for line in found.tree:
        path = [*path[: line.depth], line.term]
        assert len(path) == line.depth + 1
        if line.depth:
            edges.append((line.term, path[-2]))
    within = {*found.ancestors, term}
    assert sorted(edges) == sorted((child, parent) for child in within for parent in parents[child])
    assert sum(not line.again for line in found.tree) == len(within)


@pytest.mark.parametrize(
    ("asked", "term", "by"),
    [
        ("CL_0000084", "CL:0000084", ""),
        (" http://purl.obolibrary.org/obo/CL_0000084 ", "CL:0000084", ""),
        ("t  Cell", "CL:0000084", ""),
        ("T-lymphocyte", "CL:0000084", "synonym"),
        ("NK cell", "CL:0000623", "synonym"),
    ],
)
def test_a_term_is_found_by_id_name_and_synonym(asked: str, term: str, by: str) -> None:
    found = shown(asked)
    assert (found.term, found.found_by) == (term, by)


def test_other_terms(tmp_path: Path) -> None:
    (tmp_path / "x.obo").write_text(OBO)
    (tmp_path / "x.json").write_text(json.dumps(GRAPH))
    for name in ("x.obo", "x.json"):
        assert shown("CL_0000013", ontology=name).found_by == "alternative id"
        gone = shown("obsolete either", ontology=name)
        assert gone.obsolete
        assert gone.replaced_by == {"CL:0000002": "lymphocyte", "CL:0000003": "T cell"}
        assert (gone.tree[0].term, gone.ancestors, gone.n_descendants) == ("CL:0000016", {}, 0)
        narrow, wide = (shown("T cell", ontology=name, relations=r) for r in (("is_a",), ("is_a", "part_of")))
        assert "CL:0000004" in wide.ancestors.keys() - narrow.ancestors.keys()
    twice = OBO + "\n[Term]\nid: CL:0000030\nname: T cell\n"
    (tmp_path / "x.obo").write_text(twice)
    with pytest.raises(InputError, match=r"^'T cell' is a name of 2 terms of x\.obo \('CL:0000003 T cell', "):
        shown("T cell", ontology="x.obo")


def test_texts_of_both_formats(tmp_path: Path) -> None:
    words = (
        'def: "A \\"thing\\".\\nTwo." [X:1]\nsynonym: "thing" EXACT [X:1]\nsynonym: "stuff" NARROW abbreviation []\n'
    )
    (tmp_path / "x.obo").write_text(f'[Term]\nid: CL:1\nname: t\n{words}\n[Typedef]\nid: part_of\ndef: "no" []\n')
    has = "http://www.geneontology.org/formats/oboInOwl#has"  # older files; now only hasExactSynonym
    meta = {
        "definition": {"val": 'A "thing". Two.'},
        "synonyms": [{"pred": "hasExactSynonym", "val": "thing"}, {"pred": f"{has}NarrowSynonym", "val": "stuff"}],
    }
    node = {"id": "http://purl.obolibrary.org/obo/CL_1", "lbl": "t", "type": "CLASS", "meta": meta}
    write_json({"graphs": [{"nodes": [node]}]}, tmp_path / "x.json")
    one, other = read_file("x.obo").texts, read_file("x.json").texts
    assert one == other
    assert one["CL:1"].definition == 'A "thing". Two.'
    assert one["CL:1"].synonyms == [("thing", "exact"), ("stuff", "narrow")]


def test_a_term_that_is_none() -> None:
    with pytest.raises(
        InputError, match=r"^sample:cl has no term 'natural kiler cell'; did you mean 'natural killer c"
    ):
        shown("natural kiler cell")
    with pytest.raises(InputError, match=r"^sample:cl has no term 'CL_84'; did you mean 'CL:0000084'\?$"):
        shown("CL_84")
    with pytest.raises(InputError, match=r"^sample:cl has no term '§§'; its terms are such as 'CL:0000000 cell', "):
        shown("§§")
    with pytest.raises(InputError, match="relations must be one of 'is_a', 'part_of'"):
        shown("T cell", relations=("isa",))
