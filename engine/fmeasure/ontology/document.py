"""All that a file of an ontology says: what a hierarchy is made of, its release, definitions and synonyms."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from .ids import short_id
from .obo import Term
from .ontology import ROOT, Ontology
from .read import Document, parse_ontology, read_content, read_ontology

__all__ = ["OntologyFile", "Synonym", "Text", "read_file"]

_TAG = re.compile(r"^(?:\[(\w+)\]|(id|def|synonym):[ \t]*(.*?))\s*$", re.M)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(\w*)')
_ESCAPE = re.compile(r"\\(.)")
_PLAIN = {"n": " ", "W": " ", "t": " "}
_VERSION_INFO = "http://www.w3.org/2002/07/owl#versionInfo"


class Synonym(NamedTuple):
    """Another name of a term, and whether it means the same: exact, narrow, broad or related."""

    text: str
    scope: str


@dataclass
class Text:
    """What a file says of a term in words."""

    definition: str = ""
    synonyms: list[Synonym] = field(default_factory=list)


@dataclass(frozen=True)
class OntologyFile:
    """A file of an ontology.

    Attributes
    ----------
    source : str
        As the user gave it.
    form : str
        Its format.
    version : str
        What it calls its version; empty where it does not.
    release : str
        The name of the release in it: of ``cl/releases/2022-12-15/cl-basic.owl`` the date.
    terms : mapping of str to Term
        All of its terms, of whatever prefix, obsolete ones too.
    """

    source: str
    form: str
    version: str
    release: str
    terms: Mapping[str, Term]
    _content: bytes
    _parsed: Mapping[str, Any]

    @cached_property
    def live(self) -> dict[str, Term]:
        """The terms that are not obsolete."""
        return {term: said for term, said in self.terms.items() if not said.obsolete}

    @cached_property
    def texts(self) -> dict[str, Text]:
        """Definitions and synonyms of terms; a resource file has none."""
        if self.form == "OBO":
            return _obo_texts(self._content.decode(errors="replace"))
        return _graph_texts(self._parsed)


def read_file(given: str | Path) -> OntologyFile:
    """Read a file of an ontology.

    Parameters
    ----------
    given : str or path
        As of `read_ontology`.

    Raises
    ------
    InputError
        When it cannot be read, or is no ontology.
    """
    content, source = read_content(given), str(given)
    document = parse_ontology(content, source)
    version = _version(content, document)
    terms = document.terms if document.terms is not None else _terms_of_resource(given, document)
    return OntologyFile(source, document.form, version, _release(version), terms, content, document.parsed)


def _terms_of_resource(given: str | Path, document: Document) -> dict[str, Term]:
    root = document.parsed.get("root")
    ontology: Ontology = read_ontology(given, root=root if isinstance(root, str) else ROOT)
    return {
        node: Term(ontology.names[node], {"is_a": set(parents), "part_of": set()})
        for node, parents in ontology.parents_by_node().items()
    }


def _version(content: bytes, document: Document) -> str:
    """Return what a file calls its version."""
    if document.form == "OBO":
        head = content.partition(b"\n[")[0].decode(errors="replace")
        found = re.search(r"^data-version:[ \t]*(\S.*?)\s*$", head, re.M) or re.search(
            r'^property_value: owl:versionInfo "?([^"\s]+)', head, re.M
        )
        return found[1] if found else ""
    for graph in document.parsed.get("graphs", []):
        meta = graph.get("meta")
        if not isinstance(meta, dict):
            continue
        if isinstance(meta.get("version"), str):
            return str(meta["version"])
        for entry in meta.get("basicPropertyValues") or []:
            if isinstance(entry, dict) and entry.get("pred") == _VERSION_INFO:
                return str(entry.get("val"))
    return ""


def _release(version: str) -> str:
    """Return the name of a release from what a file calls its version."""
    found = re.search(r"releases?/v?([^/\s]+)", version) or re.search(r"\d{4}-\d\d-\d\d", version)
    if found:
        return found[1] if found.re.groups else found[0]
    return version.rstrip("/").rpartition("/")[2].removeprefix("v")


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda found: _PLAIN.get(found[1], found[1]), text)


def _obo_texts(content: str) -> dict[str, Text]:
    texts: dict[str, Text] = {}
    in_term, text = False, Text()
    for stanza, tag, value in _TAG.findall(content):
        if stanza:
            in_term, text = stanza == "Term", Text()
        elif tag == "id" and in_term:
            text = texts.setdefault(short_id(_ESCAPE.sub(r"\1", value.partition(" ")[0])), Text())
        elif in_term and (found := _QUOTED.match(value)):
            if tag == "def":
                text.definition = text.definition or _unescaped(found[1])
            else:
                text.synonyms.append(Synonym(_unescaped(found[1]), (found[2] or "related").lower()))
    return texts


def _graph_texts(document: Mapping[str, Any]) -> dict[str, Text]:
    """Return the texts of OBO-graph JSON, whose nodes were found to be objects; those of a resource file are none."""
    texts: dict[str, Text] = {}
    for node in (node for graph in document.get("graphs") or () for node in graph.get("nodes") or ()):
        text, meta = texts.setdefault(short_id(str(node.get("id"))), Text()), node.get("meta") or {}
        definition = meta.get("definition")
        if isinstance(definition, dict) and isinstance(definition.get("val"), str):
            text.definition = text.definition or definition["val"]
        for entry in meta.get("synonyms") or ():
            if isinstance(entry, dict) and isinstance(entry.get("val"), str):
                scope = re.sub(r"^.*has|Synonym$", "", str(entry.get("pred") or "related")).lower()
                text.synonyms.append(Synonym(entry["val"], scope))
    return texts
