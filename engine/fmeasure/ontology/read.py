"""Reading an ontology: the resource file of cellarium-cas, OBO, or OBO-graph JSON.

====================================  ===============================================================================
``ontology_resource.json``            of cellarium-cas: universe, labels, graph, often the ancestor sets
``.obo``                              for example ``cl-basic.obo`` of the Cell Ontology
``.json`` (OBO-graph)                 for example ``cl-basic.json``
====================================  ===============================================================================

Each may be gzipped. The format is recognised by the content. An ontology may also be called by name, see `kept`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...choices import check_one, did_you_mean
from ...errors import InputError, examples
from ...readers.errors import missing_file_error, refuse_git_lfs_pointer, unreadable_error
from ...readers.integrity.expansion import expand
from ...results.json_files import parse_json
from .kept import find_ontology
from .obo import Term, ontology_of, parse_obo, parse_obo_graph
from .ontology import ROOT, Ontology

__all__ = ["RELATIONS", "Document", "parse_ontology", "read_content", "read_ontology", "resource_of"]

#: What leads from a term to what is above it.
RELATIONS = ("is_a", "part_of")
_LABELS = "cell_ontology_term_id_to_cell_type"


def read_ontology(path: str | Path, *, root: str = ROOT, relations: Sequence[str] = ("is_a",)) -> Ontology:
    """Read an ontology.

    Parameters
    ----------
    path : path
        A resource file of cellarium-cas, OBO or OBO-graph JSON; any of them may be gzipped. Or the packaged release of
        the Cell Ontology, ``sample:cl``, or the ``NAME`` or ``NAME@RELEASE`` of one that ``fastbench ontology fetch``
        keeps.
    root : str, default "CL:0000000"
        The term that counts as nobody's ancestor.
    relations : sequence of str, default ("is_a",)
        ``("is_a",)`` or ``("is_a", "part_of")``: the edges of an OBO or OBO-graph file that lead from a term to its
        ancestors. The edges of a resource file were chosen when it was made.

    Returns
    -------
    Ontology
        From a resource file: the terms of ``cl_names`` in that order. Ancestors are those of
        ``ancestors_dictionary`` as they are, where there is one that is not empty (no closure is taken, and a term
        that it lacks has itself only); else all that ``children_dictionary`` leads up to. Ancestors outside
        ``cl_names`` count as nodes.

        From OBO or OBO-graph JSON: the live terms with the prefix of the root (``CL:``) that are the root or below
        it, sorted. Terms of other ontologies are neither labels nor ancestors, as in the resource files. Read a
        released file (``cl-basic.obo``): there the parents that follow from definitions are written out. Files
        that it imports are not read.

    Raises
    ------
    InputError
        When the file cannot be read, is none of these formats, lacks or misuses a key, has no such root, or (OBO
        and OBO-graph JSON) its edges run in a circle.

    Examples
    --------
    >>> import fastbench as fb
    >>> ontology = fb.read_ontology("sample:cl")
    >>> ontology.names["CL:0000084"], len(ontology.terms)
    ('T cell', 2635)
    """
    for relation in relations:
        check_one("relations", relation, RELATIONS)
    chosen = tuple(name for name in RELATIONS if name in relations)
    if "is_a" not in chosen:
        raise InputError("The relations must include 'is_a'; 'part_of' can only be added to it.")
    source = str(path)
    document = parse_ontology(read_content(path), source)
    if document.terms is None:
        return _resource(document.parsed, root, chosen, source)
    return ontology_of(document.terms, root, chosen, source)


class Document(NamedTuple):
    """A file of an ontology, parsed.

    Attributes
    ----------
    form : {"resource", "OBO graph", "OBO"}
        Its format.
    terms : dict of str to Term, or None
        The terms; None for a resource file.
    parsed : dict
        The JSON object; empty for OBO.
    """

    form: str
    terms: dict[str, Term] | None
    parsed: dict[str, Any]


def parse_ontology(content: bytes, source: str) -> Document:
    """Parse an ontology, whatever its format.

    Parameters
    ----------
    content : bytes
        As `read_content` returns it.
    source : str
        Where it is from, for error sentences.

    Raises
    ------
    InputError
        When it is none of the formats.
    """
    start = content[:4096].lstrip()
    if start.startswith(b"{"):
        document = _parse_json(content, source)
        if "graphs" in document:
            return Document("OBO graph", parse_obo_graph(document, source), document)
        return Document("resource", None, document)
    if start[:14].lower().startswith((b"<!doctype html", b"<html")):
        raise InputError(f"{source} is a web page, not an ontology; get the file that it leads to.")
    if start.startswith((b"<", b"Prefix(", b"@prefix")):
        raise InputError(f"{source} is OWL, which is not read; give the same release as .obo or .json.")
    try:
        utf16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
        text = content.decode("utf-16" if utf16 else "utf-8")
        terms = parse_obo(text if "\n" in text else text.replace("\r", "\n"))
    except UnicodeDecodeError as error:
        if b"[Term]" not in content and not utf16:
            terms = {}
        else:
            line, odd = content.count(b"\n", 0, error.start) + 1, content[error.start : error.start + 1]
            raise InputError(
                f"{source} is not UTF-8 text ({error.reason} {odd!r} in line {line}); "
                "it seems to be in Latin-1 or UTF-16: save it as UTF-8, for example with iconv -f latin1 -t utf-8."
            ) from error
    if not terms:
        raise InputError(
            f"{source} is neither a JSON object nor OBO with [Term] entries; give an ontology_resource.json of "
            "cellarium-cas, an .obo file or OBO-graph JSON."
        )
    return Document("OBO", terms, {})


def resource_of(ontology: Ontology) -> dict[str, Any]:
    """Return an ontology as cellarium-cas has it in a resource file, but for path lengths; it reads back the same.

    Parameters
    ----------
    ontology : Ontology
        Of any source; its ancestor sets are written out.
    """
    children: dict[str, list[str]] = {ontology.root: []}  # named even where it is no node
    for node, parents in ontology.parents_by_node().items():
        for parent in parents:
            children.setdefault(parent, []).append(node)
    table = np.unpackbits(ontology.ancestors.view(np.uint8), axis=1, bitorder="little", count=len(ontology.nodes))
    np.fill_diagonal(table, 0)  # proper ancestors
    row, column = np.nonzero(table)
    cuts = np.searchsorted(row, np.arange(len(table) + 1)).tolist()
    found = [ontology.nodes[i] for i in column.tolist()]
    # The root is above all, though no ancestor that counts.
    root = [ontology.root] if ontology.root in ontology.nodes else []
    above = {
        term: found[start:stop] + (root if term != ontology.root else [])
        for term, (start, stop) in zip(ontology.terms, pairwise(cuts), strict=True)
    }
    return {
        "cl_names": list(ontology.terms),
        "cell_ontology_term_id_to_cell_type": dict(ontology.names),
        "children_dictionary": children,
        "ancestors_dictionary": above,
        "root": ontology.root,
        "source": ontology.source,
    }


def read_content(given: str | Path) -> bytes:
    """Read the file of an ontology (see `find_ontology`), unpack it, and drop a byte order mark."""
    source = str(given)
    if "\0" in source:
        raise InputError(f"The path {source!r} holds a NUL character.")
    path = find_ontology(given)
    if path.is_dir():
        raise InputError(f"{source} is a folder, but an ontology file is needed; give the file in it.")
    if not path.exists():
        raise missing_file_error(path, "ontology file", source)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise unreadable_error(source, error) from error
    if content.startswith(b"\x1f\x8b"):
        content = expand(content, source)
    refuse_git_lfs_pointer(content, source)
    if not content.strip():
        raise InputError(f"{source} is empty.")
    return content.removeprefix(b"\xef\xbb\xbf")


def _parse_json(content: bytes, source: str) -> dict[str, Any]:
    try:
        document: dict[str, Any] = parse_json(content)  # it starts with "{"
    except ValueError as error:
        raise InputError(f"{source} is not valid JSON ({error}); fetch it again.") from error
    if not document.keys() & {"graphs", "cl_names", _LABELS, "children_dictionary"}:
        raise InputError(
            f"{source} is JSON, but neither an ontology_resource.json of cellarium-cas (it has no 'cl_names') nor "
            "OBO-graph JSON (it has no 'graphs')."
        )
    return document


def _resource(document: dict[str, Any], root: str, relations: tuple[str, ...], source: str) -> Ontology:
    """Make the ontology of a resource file."""
    if relations != ("is_a",):
        raise InputError(
            f"The relations {' and '.join(relations)} were asked for, but {source} is a resource file, of which the "
            "edges were chosen when it was made; leave the relations out, or give an .obo or OBO-graph file."
        )
    terms = document.get("cl_names")
    if not isinstance(terms, list) or not terms or not all(isinstance(term, str) for term in terms):
        raise InputError(f"{source}: 'cl_names' must be a list of term ids, at least one{_shown(document, 'cl_names')}")
    labels = _mapping(document, _LABELS, source)
    bad = [term for term in terms if not isinstance(labels.get(term), str)]
    if bad:
        raise InputError(f"{source}: {_LABELS!r} has no label for {len(bad)} terms of 'cl_names': {examples(bad)}.")
    children = _lists(document, "children_dictionary", source)
    listed = _lists(document, "ancestors_dictionary", source) if document.get("ancestors_dictionary") else None
    edges = [(child, parent) for parent, below in children.items() for child in below]
    ontology = Ontology.from_edges(
        terms,
        edges,
        root=root,
        listed=listed,
        names={term: label for term, label in labels.items() if isinstance(label, str)},
        source=source,
    )
    if root not in ontology.nodes and root not in children:
        raise InputError(
            f"The root {root!r} is nowhere in {source}{did_you_mean(root, ontology.nodes) or '.'} Give the root that "
            "its terms are below."
        )
    return ontology


def _shown(document: dict[str, Any], key: str) -> str:
    """Return the end of a sentence about a key: what is there instead."""
    if key not in document:
        return "; it is missing."
    return f", but it is {type(document[key]).__name__} {document[key]!r:.40}."


def _mapping(document: dict[str, Any], key: str, source: str) -> dict[str, Any]:
    found = document.get(key)
    if not isinstance(found, dict):
        raise InputError(f"{source}: {key!r} must be an object with term ids as keys{_shown(document, key)}")
    return found


def _lists(document: dict[str, Any], key: str, source: str) -> dict[str, list[str]]:
    """Lists of term ids by term id."""
    found = _mapping(document, key, source)
    bad = [
        term
        for term, ids in found.items()
        if not isinstance(ids, list) or not all(isinstance(item, str) for item in ids)
    ]
    if bad:
        raise InputError(f"{source}: {key!r} must hold lists of term ids, but does not for {examples(bad)}.")
    return found
