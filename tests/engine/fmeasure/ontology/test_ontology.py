"""The ontology built from plain pieces, against a definition with sets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastbench.engine.errors import InputError
from fastbench.engine.fmeasure.ontology.ontology import ROOT, Ontology

from ....examples import SOME

A, B, C, D, E, F = (f"CL:000000{i}" for i in range(1, 7))
SEVEN = (ROOT, A, B, C, D, E, F)
SEVEN_EDGES = [(A, ROOT), (B, ROOT), (C, A), (D, A), (D, B), (F, B), (E, D)]


def members(rows: np.ndarray, nodes: tuple[str, ...]) -> list[set[str]]:
    """The ids whose bits are set in each row; no bit may be set beyond the nodes."""
    assert rows.dtype == np.uint64
    assert rows.shape[1] == -(-len(nodes) // 64)
    sets = [{j for j in range(64 * rows.shape[1]) if int(row[j // 64]) >> (j % 64) & 1} for row in rows]
    return [{nodes[j] for j in found} for found in sets]


def sets_of(ontology: Ontology) -> dict[str, set[str]]:
    return dict(zip(ontology.terms, members(ontology.ancestors, ontology.nodes), strict=True))


def edges_of(ontology: Ontology) -> set[tuple[str, str]]:
    bounds = ontology.parent_offsets
    return {
        (node, ontology.nodes[parent])
        for i, node in enumerate(ontology.nodes)
        for parent in ontology.parents[bounds[i] : bounds[i + 1]]
    }


def reachable(term: str, edges: list[tuple[str, str]]) -> set[str]:
    found = {term}
    while more := {parent for child, parent in edges if child in found} - found:
        found |= more
    return found


@st.composite
def graphs(draw):
    """Terms in any order and edges among them and others; with repeats, several tops, cycles and no root at times."""
    n = draw(st.integers(1, 90))
    ids = draw(st.permutations([ROOT, *(f"CL:{i}" for i in range(1, n))]))
    one = st.sampled_from(ids)
    edges = draw(st.lists(st.tuples(one, one), max_size=2 * n))
    return ids[: draw(st.integers(1, n))], edges


def test_seven_node_graph():
    ontology = Ontology.from_edges(SEVEN, SEVEN_EDGES)
    expected = {ROOT: set(), A: {A}, B: {B}, C: {A, C}, D: {A, B, D}, E: {A, B, D, E}, F: {B, F}}
    assert sets_of(ontology) == expected
    assert edges_of(ontology) == set(SEVEN_EDGES)
    assert ontology.nodes == ontology.terms == SEVEN
    assert ontology.names[A] == A
    rows, nodes = ontology.select([E, ROOT, "unknown", E, "other", "unknown"])
    assert nodes == (*SEVEN, "unknown", "other")
    assert members(rows, nodes) == [expected[E], set(), {"unknown"}, expected[E], {"other"}, {"unknown"}]


@pytest.mark.slow
@given(graphs())
@settings(deadline=None)
def test_ancestors_are_what_edges_lead_up_to(graph):
    terms, edges = graph
    ontology = Ontology.from_edges(terms, edges)
    expected = {term: reachable(term, edges) - {ROOT} if term != ROOT else set() for term in terms}
    assert sets_of(ontology) == expected
    above = set().union(*(reachable(term, edges) for term in terms))
    assert ontology.nodes == (*terms, *sorted(above - set(terms)))
    assert edges_of(ontology) == {(child, parent) for child, parent in edges if {child, parent} <= above}
    for i in range(len(ontology.nodes)):
        own = ontology.parents[ontology.parent_offsets[i] : ontology.parent_offsets[i + 1]]
        assert (np.diff(own) > 0).all()


@pytest.mark.slow
@given(graphs(), st.data())
@SOME
def test_listed_ancestors_are_used_as_they_are(graph, data):
    terms, edges = graph
    some = st.sampled_from([*terms, ROOT, "outside:1", "outside:2"])
    listed = data.draw(st.dictionaries(some, st.lists(some, max_size=5)))
    ontology = Ontology.from_edges(terms, edges, listed=listed)
    expected = {term: ({term, *listed.get(term, [])} - {ROOT} if term != ROOT else set()) for term in terms}
    assert sets_of(ontology) == expected
    assert set(ontology.nodes[len(terms) :]) == {a for term in terms for a in listed.get(term, [])} - set(terms)
    assert edges_of(ontology) == {(c, p) for c, p in edges if {c, p} <= set(ontology.nodes)}


@pytest.mark.slow
@given(graphs(), st.data())
@SOME
def test_select_any_labels(graph, data):
    terms, edges = graph
    ontology = Ontology.from_edges(terms, edges)
    labels = data.draw(st.lists(st.sampled_from([*ontology.nodes, ROOT, "unknown", "CL:x"]), max_size=80))
    rows, nodes = ontology.select(labels)
    known = sets_of(ontology)
    assert members(rows, nodes) == [known.get(label, {label} - {ROOT}) for label in labels]
    assert nodes[: len(ontology.nodes)] == ontology.nodes
    assert len(set(nodes)) == len(nodes)
    assert set(nodes) == set(ontology.nodes) | set(labels) - ({ROOT} - set(ontology.nodes))


@pytest.mark.slow
@given(graphs(), st.randoms())
@settings(deadline=None)
def test_fingerprint_knows_terms_in_order_and_edges_but_not_the_order_of_edges(graph, random):
    terms, edges = graph
    ontology = Ontology.from_edges(terms, edges, names={ROOT: "cell"}, source="here")
    assert len(ontology.fingerprint) == 64
    again = [*edges, *edges]
    random.shuffle(again)
    assert Ontology.from_edges(terms, again, names={ROOT: "zelle"}, source="there").fingerprint == ontology.fingerprint
    listed = {term: sorted(reachable(term, edges) - {term}, reverse=True) for term in terms}
    assert Ontology.from_edges(terms, edges, listed=listed).fingerprint == ontology.fingerprint
    if len(terms) > 1:
        turned = [*terms[1:], terms[0]]
        assert Ontology.from_edges(turned, edges).fingerprint != ontology.fingerprint


@pytest.mark.parametrize(
    "other",
    [
        Ontology.from_edges(SEVEN, SEVEN_EDGES[1:]),  # an edge less
        Ontology.from_edges(SEVEN, [*SEVEN_EDGES, (E, A)]),  # the same ancestors over one edge more
        Ontology.from_edges(SEVEN, SEVEN_EDGES, root=A),
        Ontology.from_edges(SEVEN, SEVEN_EDGES, listed={E: [D]}),  # other ancestors over the same edges
        Ontology.from_edges(SEVEN[:-1], SEVEN_EDGES),
        Ontology.from_edges((*SEVEN[:-1], "CL:0000009"), [*SEVEN_EDGES[:-2], ("CL:0000009", B), (E, D)]),
    ],
)
def test_fingerprint_knows(other):
    assert other.fingerprint != Ontology.from_edges(SEVEN, SEVEN_EDGES).fingerprint


def test_fingerprint_stays_the_same_between_releases():
    fingerprint = Ontology.from_edges(SEVEN, SEVEN_EDGES).fingerprint
    assert fingerprint == "f382ac359a3e4e2cfbd325fb27a70da1e3c12352cfc5c45aef0ee55fcd874e18"


def test_arrays_cannot_be_changed():
    ontology = Ontology.from_edges(SEVEN, SEVEN_EDGES)
    for array in (ontology.ancestors, ontology.parents, ontology.parent_offsets):
        assert not array.flags.writeable
    ontology.select([A])[0][:] = 0  # a copy
    assert sets_of(ontology)[A] == {A}


def test_a_term_given_twice_is_refused():
    with pytest.raises(InputError, match=r"^x\.json lists 2 terms more than once: 'a', 'c'\.$"):
        Ontology.from_edges(["a", "c", "b", "a", "c"], [], source="x.json")


def test_no_terms():
    rows, nodes = Ontology.from_edges([], []).select(["a", ROOT])
    assert members(rows, nodes) == [{"a"}, set()]
