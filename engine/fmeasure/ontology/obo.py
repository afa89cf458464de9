"""OBO and OBO-graph JSON: the part of them that a hierarchy of terms is made of.

Both are read here rather than with pronto: its OBO parser is strict and refuses the released files of the Cell
Ontology (for characters in cross-references that nobody needs here), and it drops the qualifiers of relationships.

==================  =============================  ========================================================
what                OBO                            OBO-graph JSON
==================  =============================  ========================================================
term                ``[Term]``, ``id``             node that is neither a property nor an individual, ``id``
label               ``name``                       ``lbl``
is a                ``is_a``                       edge ``is_a``
part of             ``relationship: part_of``      edge ``part_of``
alternative id      ``alt_id``                     property ``oboInOwl:hasAlternativeId``
obsolete            ``is_obsolete: true``          ``meta.deprecated``
replacement         ``replaced_by``                property ``IAO:0100001``
==================  =============================  ========================================================

``BFO:0000050`` is the same as ``part_of``, and ``http://purl.obolibrary.org/obo/CL_0000000`` as ``CL:0000000``.
Imports are never followed. Definitions (``intersection_of``) are not read: a released file holds the ``is_a`` that
follow from them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any

from ...choices import did_you_mean
from ...errors import InputError, examples
from .ids import short_id
from .ontology import Ontology

__all__ = ["Term", "ontology_of", "parse_obo", "parse_obo_graph"]

_LINE = re.compile(r"^(?:\[(\w+)\]|(id|name|alt_id|is_a|relationship|is_obsolete|replaced_by):[ \t]*(.*?))\s*$", re.M)
_ESCAPE = re.compile(r"\\(.)")
_PLAIN = {"n": " ", "W": " ", "t": " "}
_TRAILING = re.compile(r"\s+(?:\{[^{}]*\}\s*)?(?:!.*)?$")

#: Qualifiers of a relationship in which no pair, or not every pair, of instances is related: no edge of the hierarchy.
_NOT_ALWAYS = re.compile(r'[^!{]*\{[^}]*\b(?:all_only|gci_relation|(?:max_)?cardinality="0")')

_PART_OF = {"part_of", "BFO:0000050"}
_ALTERNATIVE = "http://www.geneontology.org/formats/oboInOwl#hasAlternativeId"
_REPLACED_BY = "http://purl.obolibrary.org/obo/IAO_0100001"


@dataclass
class Term:
    """One term of a file."""

    name: str = ""
    parents: dict[str, set[str]] = field(default_factory=lambda: {"is_a": set(), "part_of": set()})
    alternative: set[str] = field(default_factory=set)
    replaced_by: set[str] = field(default_factory=set)
    obsolete: bool = False


def parse_obo(text: str) -> dict[str, Term]:
    """Read OBO text.

    Parameters
    ----------
    text : str
        The file, of format version 1.2 or 1.4.

    Returns
    -------
    dict of str to Term
        The terms by id, in order of the file. A relationship that is qualified as not holding always
        (``all_only``, ``gci_relation``, a cardinality of 0) is left out.
    """
    terms: dict[str, Term] = {}
    in_term = False
    term: Term | None = None
    for stanza, tag, value in _LINE.findall(text):
        if stanza:
            in_term, term = stanza == "Term", None
        elif tag == "id":
            term = terms.setdefault(_words(value)[0], Term()) if in_term and value else None
        elif term is not None and value:
            _take_line(term, tag, value)
    return terms


def _take_line(term: Term, tag: str, value: str) -> None:
    """Add one line of a term's stanza."""
    if tag == "name":
        name = _TRAILING.sub("", value)
        term.name = term.name or _ESCAPE.sub(lambda found: _PLAIN.get(found[1], found[1]), name)
        return
    words = _words(value)
    if tag == "is_obsolete":
        term.obsolete = words[0] == "true"
    elif tag == "alt_id":
        term.alternative.add(words[0])
    elif tag == "replaced_by":
        term.replaced_by.add(words[0])
    elif not _NOT_ALWAYS.match(value):
        if tag == "is_a":
            term.parents["is_a"].add(words[0])
        elif words[0] in _PART_OF and len(words) > 1:
            term.parents["part_of"].add(words[1])


def _words(value: str) -> list[str]:
    """Return the ids at the start of a value: qualifiers and comments come behind white space."""
    return [short_id(_ESCAPE.sub(r"\1", word)) for word in value.split(None, 2)[:2]]


def parse_obo_graph(document: Mapping[str, Any], source: str) -> dict[str, Term]:
    """Read OBO-graph JSON.

    Parameters
    ----------
    document : mapping
        The parsed file; all of its graphs are taken together.
    source : str
        Its path, for error sentences.

    Returns
    -------
    dict of str to Term
        The terms by id, in order of the file.

    Raises
    ------
    InputError
        When it is not built as OBO-graph JSON.
    """
    terms: dict[str, Term] = {}
    graphs = _objects(document, "graphs", source)
    for node in (node for graph in graphs for node in _objects(graph, "nodes", source)):
        if str(node.get("type")) in {"PROPERTY", "INDIVIDUAL"}:
            continue
        term = terms.setdefault(_text(node, "id", source), Term())
        term.name = term.name or str(node.get("lbl") or "")
        for meta in _objects({"meta": [node.get("meta") or {}]}, "meta", source):
            term.obsolete = term.obsolete or meta.get("deprecated") is True
            for entry in _objects(meta, "basicPropertyValues", source):
                if entry.get("pred") == _ALTERNATIVE:
                    term.alternative.add(_text(entry, "val", source))
                elif entry.get("pred") == _REPLACED_BY:
                    term.replaced_by.add(_text(entry, "val", source))
    for edge in (edge for graph in graphs for edge in _objects(graph, "edges", source)):
        relation = short_id(str(edge.get("pred")))
        relation = "part_of" if relation in _PART_OF else relation
        child = terms.get(_text(edge, "sub", source))
        if child is not None and relation in child.parents:
            child.parents[relation].add(_text(edge, "obj", source))
    return terms


def _objects(owner: Mapping[str, Any], key: str, source: str) -> list[Mapping[str, Any]]:
    """Return the JSON objects listed under a key; an absent key is an empty list."""
    found = owner.get(key) or []
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise InputError(f"{source} is not OBO-graph JSON as it should be: {key!r} must hold objects; fetch it again.")
    return found


def _text(owner: Mapping[str, Any], key: str, source: str) -> str:
    """Return the id under a key."""
    found = owner.get(key)
    if not isinstance(found, str):
        raise InputError(
            f"{source} is not OBO-graph JSON as it should be: {key!r} must be text, but is {found!r}; fetch it again."
        )
    return short_id(found)


def ontology_of(terms: Mapping[str, Term], root: str, relations: tuple[str, ...], source: str) -> Ontology:
    """Make the ontology below a root.

    Parameters
    ----------
    terms : mapping of str to Term
        Everything in the file.
    root : str
        The id of the top. The universe is the live terms with its prefix (``CL:``) that are the root or below it, and
        edges run between such terms only: parents of other ontologies (``BFO:``, ``UBERON:``) are no nodes.
    relations : tuple of str
        ``("is_a",)`` or ``("is_a", "part_of")``.
    source : str
        The path of the file.

    Returns
    -------
    Ontology
        Terms sorted by id. An id with exactly one replacement (over any number of steps) in the universe is in
        `replaced`.

    Raises
    ------
    InputError
        When the root is not a live term of the file, or the edges run in a circle.
    """
    prefix = root[: root.rfind(":") + 1]
    live = {term for term, entry in terms.items() if not entry.obsolete and term.startswith(prefix)}
    if root not in live:
        raise InputError(_why_no_root(terms, root, source))
    parents = {term: set().union(*(terms[term].parents[r] for r in relations)) & live for term in live}
    universe = _below(root, parents)
    parents = {term: parents[term] & universe.keys() for term in sorted(universe)}
    try:
        TopologicalSorter({term: sorted(above) for term, above in parents.items()}).prepare()
    except CycleError as error:
        cycle = error.args[1][::-1]
        shown = " -> ".join([*cycle[:6], "..."] if len(cycle) > 7 else cycle)
        raise InputError(
            f"The edges of {source} ({' and '.join(relations)}) run in a circle: {shown}; remove one of these edges"
            f"{', or use is_a only' if len(relations) > 1 else ''}."
        ) from error
    return Ontology.from_edges(
        tuple(parents),
        [(term, parent) for term, above in parents.items() for parent in above],
        root=root,
        names={term: terms[term].name or term for term in parents},
        replaced=_replacements(terms, parents),
        obsolete=(term for term, entry in terms.items() if entry.obsolete),
        relations=relations,
        source=source,
    )


def _why_no_root(terms: Mapping[str, Term], root: str, source: str) -> str:
    if root in terms:
        now = sorted(terms[root].replaced_by)
        return f"The root {root!r} is obsolete in {source}; give {examples(now) if now else 'a live term'}."
    live = [term for term, entry in terms.items() if not entry.obsolete]
    known = f"its terms are, for example, {examples(live, 3)}" if live else "it has no live terms"
    return f"The root {root!r} is no term of {source}{did_you_mean(root, live) or f'; {known}.'}"


def _below(root: str, parents: Mapping[str, set[str]]) -> dict[str, None]:
    """Return the root and all from which it can be reached."""
    children: dict[str, list[str]] = {}
    for term, above in parents.items():
        for parent in above:
            children.setdefault(parent, []).append(term)
    found = {root: None}
    stack = [root]
    while stack:
        new = [child for child in children.get(stack.pop(), ()) if child not in found]
        found.update(dict.fromkeys(new))
        stack += new
    return found


def _replacements(terms: Mapping[str, Term], universe: Mapping[str, object]) -> dict[str, str]:
    """Follow alternative ids and replacements to terms of the universe, where there is one way to go."""
    ways: dict[str, set[str]] = {}
    for term, entry in terms.items():
        if entry.obsolete:
            ways.setdefault(term, set()).update(entry.replaced_by)
        for other in entry.alternative:
            if other not in terms or terms[other].obsolete:
                ways.setdefault(other, set()).add(term)
    found = {}
    for start in ways:
        at, seen = start, set()
        while at not in universe and at not in seen and len(ways.get(at, ())) == 1:
            seen.add(at)
            (at,) = ways[at]
        if at in universe:
            found[start] = at
    return found
