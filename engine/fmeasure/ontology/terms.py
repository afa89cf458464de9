"""The account of one term, as ``fastbench ontology show`` gives it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from ...choices import check_one, did_you_mean
from ...errors import InputError, examples
from ...tables.labels import plain_form
from .document import OntologyFile, Text, read_file
from .ids import find_id
from .options import ShowOptions
from .read import RELATIONS

__all__ = ["Above", "TermAccount", "describe_term"]

_NUMBERED = re.compile(r"([A-Za-z]+)[_:]0*(\d+)")

Edges = Mapping[str, Collection[str]]


@dataclass(frozen=True)
class Above:
    """A line of the tree of ancestors.

    Attributes
    ----------
    depth : int
        How far it is indented.
    term, name : str
        The ancestor, or the term itself.
    again : bool
        Whether it stands in a line before, under another parent; what is below it stands only there.
    """

    depth: int
    term: str
    name: str
    again: bool


@dataclass(frozen=True)
class TermAccount:
    """A term, and what is around it.

    Attributes
    ----------
    term, name : str
        The term.
    found_by : str
        What the given text is, where it is neither its id nor its name: ``alternative id`` or ``synonym``.
    obsolete : bool
        Whether it is obsolete.
    replaced_by : dict of str to str
        Terms that replace it, with their names.
    text : Text
        Its definition and synonyms.
    parents : dict of str to dict of str to str
        By relation: the terms directly above it, with their names.
    children : dict of str to str
        The terms directly below it, with their names.
    ancestors : dict of str to str
        All terms above it, with their names, from the top.
    tree : list of Above
        The ancestors and the term as an indented tree.
    n_descendants : int
        Terms below it.
    """

    term: str
    name: str
    found_by: str
    obsolete: bool
    replaced_by: dict[str, str]
    text: Text
    parents: dict[str, dict[str, str]]
    children: dict[str, str]
    ancestors: dict[str, str]
    tree: list[Above]
    n_descendants: int


def describe_term(options: ShowOptions) -> TermAccount:
    """Return an account of a term.

    Parameters
    ----------
    options : ShowOptions
        Which term, of which ontology, and by which relations others are above it.

    Returns
    -------
    TermAccount
        Obsolete terms are neither above nor below another.

    Raises
    ------
    InputError
        When the ontology cannot be read, has no such term, or several of that name.
    """
    for relation in options.relations:
        check_one("relations", relation, RELATIONS)
    file = read_file(options.ontology)
    term, found_by = _find(file, options.term)
    entry, live = file.terms[term], file.live

    def name(identifier: str) -> str:
        return (file.terms[identifier].name if identifier in file.terms else "") or identifier

    def named(terms: Iterable[str]) -> dict[str, str]:
        return {each: name(each) for each in terms}

    up = {
        each: set().union(*(said.parents[relation] for relation in options.relations)) & live.keys()
        for each, said in live.items()
    }
    down: dict[str, set[str]] = {}
    for each, parents in up.items():
        for parent in parents:
            down.setdefault(parent, set()).add(each)
    above = _reached(term, up)
    tree = list(_tree(above | {term}, up, down, name))
    return TermAccount(
        term=term,
        name=name(term),
        found_by=found_by,
        obsolete=entry.obsolete,
        replaced_by=named(sorted(entry.replaced_by)),
        text=file.texts.get(term, Text()),
        parents={relation: named(sorted(parents)) for relation, parents in entry.parents.items() if parents},
        children=named(sorted(down.get(term, ()), key=name)),
        ancestors=named(dict.fromkeys(line.term for line in tree if line.term != term)),
        tree=tree,
        n_descendants=len(_reached(term, down)),
    )


def _reached(start: str, edges: Edges) -> set[str]:
    """Return all that can be reached from a term, without it."""
    found: set[str] = set()
    stack = [start]
    while stack:
        new = set(edges.get(stack.pop(), ())) - found
        found |= new
        stack += new
    return found - {start}


def _tree(shown: set[str], up: Edges, down: Edges, name: Callable[[str], str]) -> Iterator[Above]:
    """Yield the tree of the terms that are shown, from their tops, in the order of names."""
    tops = [term for term in shown if not shown & set(up.get(term, ()))]
    stack = [(0, term) for term in sorted(tops, key=name, reverse=True)]
    before: set[str] = set()
    while stack:
        depth, term = stack.pop()
        yield Above(depth, term, name(term), term in before)
        if term not in before:
            before.add(term)
            below = sorted(shown & set(down.get(term, ())), key=name, reverse=True)
            stack += [(depth + 1, each) for each in below]


def _find(file: OntologyFile, asked: str) -> tuple[str, str]:
    """Return the term that a text means, and by what, where it is neither its id nor its name."""
    asked = asked.strip()
    if (term := find_id(asked, file.terms)) is not None:
        return term, ""
    alternative = {other: term for term, said in file.terms.items() for other in said.alternative}
    if (other := find_id(asked, alternative)) is not None:
        return alternative[other], "alternative id"
    form = plain_form(asked)
    by_name = [term for term, said in file.terms.items() if plain_form(said.name) == form]
    if found := _one([term for term in by_name if term in file.live] or by_name, file, asked):
        return found, ""
    by_synonym: dict[bool, list[str]] = {True: [], False: []}
    for term in file.live:
        scopes = {said.scope for said in file.texts.get(term, Text()).synonyms if plain_form(said.text) == form}
        if scopes:
            by_synonym["exact" in scopes].append(term)
    if found := _one(by_synonym[True] or by_synonym[False], file, asked):
        return found, "synonym"
    if same := _of_its_number(asked, file):
        near = f"; did you mean {' or '.join(map(repr, same))}?"
    else:
        near = did_you_mean(asked, {said.name for said in file.live.values() if said.name})
    raise InputError(f"{file.source} has no term {asked!r}{near or f'; its terms are such as {_some(file)}.'}")


def _one(terms: list[str], file: OntologyFile, asked: str) -> str:
    """Return the only term; empty where there is none."""
    if len(terms) > 1:
        shown = examples(f"{term} {file.terms[term].name}" for term in terms)
        raise InputError(f"{asked!r} is a name of {len(terms)} terms of {file.source} ({shown}); give an id.")
    return terms[0] if terms else ""


def _of_its_number(asked: str, file: OntologyFile) -> list[str]:
    """Return the ids of the number in a text, with more or fewer zeros before it."""
    found = _NUMBERED.fullmatch(asked)
    same = re.compile(rf"{found[1]}:0*{found[2]}", re.IGNORECASE) if found else None
    return [term for term in file.live if same is not None and same.fullmatch(term)]


def _some(file: OntologyFile) -> str:
    return examples([f"{term} {said.name}".strip() for term, said in file.live.items()][:3])
