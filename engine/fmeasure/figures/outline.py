"""The part of an ontology that some terms lie in, as an outline: a tree, each term once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Row", "outline", "ways_up"]

_SIBLINGS = 4  # terms below one; more are divided where some of them meet


@dataclass(frozen=True)
class Row:
    """A term of the outline.

    Attributes
    ----------
    term : str or None
        The term; None stands for something that is no term.
    depth : int
        Rows it lies under.
    above : str or None
        The row it hangs from.
    skipped : bool
        Whether terms between the two are left out.
    also : tuple of str
        Other rows that are above it in the ontology, none of them above another or above the row it hangs from.
    placed : bool
        Whether the term is in the ontology.
    """

    term: str | None
    depth: int = 0
    above: str | None = None
    skipped: bool = False
    also: tuple[str, ...] = ()
    placed: bool = True


def outline(terms: Sequence[str], met: Iterable[str], parents: Mapping[str, Sequence[str]]) -> list[Row]:
    """List terms and where they meet, from the top down; then the terms that are not in the ontology.

    A term hangs from the lowest of the drawn terms above it; among several, from the one with most drawn terms below.
    Terms are added where tops meet, until there is one top, and where some of more than four siblings meet: each time
    the one with the fewest terms of the ontology below it, as the most informative common ancestor of Resnik [1]_.

    Parameters
    ----------
    terms : sequence of str
        Terms to draw, the most important ones first: they and what lies above them come first among siblings.
    met : iterable of str
        More terms to draw, such as lowest common ancestors.
    parents : mapping of str to sequence of str
        Parents of each term of the ontology. An edge that closes a cycle puts neither term above the other.

    Returns
    -------
    list of Row
        Each term once, behind the row it hangs from.

    References
    ----------
    .. [1] P. Resnik, "Using information content to evaluate semantic similarity in a taxonomy", IJCAI 1995.
    """
    above = _strictly_above(parents)
    hung = _grouped({term for term in (*terms, *met) if term in above}, above)
    last = len(terms)
    first = dict.fromkeys(hung, last)  # place of the most important term at or below one
    lines: dict[str, list[str]] = {}  # from a term to the top
    rank = {term: place for place, term in reversed(list(enumerate(terms)))}
    for term in hung:
        line = lines[term] = [term]
        while ups := hung[line[-1]]:
            line.append(ups[0])
        for node in line:
            first[node] = min(rank.get(term, last), first[node])
    rows = []
    for term in sorted(hung, key=lambda term: [(first[node], node) for node in reversed(lines[term])]):
        ups = hung[term]
        if ups:
            skipped = ups[0] not in parents.get(term, ())
            rows.append(Row(term, len(lines[term]) - 1, ups[0], skipped, tuple(ups[1:])))
        else:
            rows.append(Row(term))
    return rows + [Row(term, placed=False) for term in rank if term not in above]


def ways_up(term: str, parents: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Give the shortest way up from a term to each of its ancestors, itself included; both ends are part of it."""
    found = {term: [term]}
    frontier = [term]
    for node in frontier:
        for parent in sorted(parents.get(node, ())):
            if parent not in found:
                found[parent] = [*found[node], parent]
                frontier.append(parent)
    return found


def _strictly_above(parents: Mapping[str, Sequence[str]]) -> dict[str, set[str]]:
    """Return all ancestors of each term; terms of a cycle are not above each other."""
    above = {term: set(ways_up(term, parents)) for term in {*parents, *(up for ups in parents.values() for up in ups)}}
    return {term: {up for up in ups if term not in above[up]} for term, ups in above.items()}


def _hung(terms: set[str], above: Mapping[str, set[str]], below: Mapping[str, int]) -> dict[str, list[str]]:
    """Return the lowest terms above each one, first its parent in the outline: that with most terms below it."""
    inside = {term: above[term] & terms for term in terms}
    count = Counter(up for ups in inside.values() for up in ups)
    return {
        term: sorted(
            (up for up in ups if not any(up in inside[other] for other in ups)),
            key=lambda up: (-count[up], below[up], up),
        )
        for term, ups in inside.items()
    }


def _grouped(terms: set[str], above: Mapping[str, set[str]]) -> dict[str, list[str]]:
    """Hang terms from each other as `_hung`, with more terms where they meet: one top, and no long row of siblings."""
    below = Counter(up for ups in above.values() for up in ups)
    terms = set(terms)
    while True:
        hung = _hung(terms, above, below)
        siblings: dict[str | None, list[str]] = {}
        for term, ups in hung.items():
            siblings.setdefault(ups[0] if ups else None, []).append(term)
        shared = Counter(
            (parent, up)
            for parent, group in siblings.items()
            if len(group) > (1 if parent is None else _SIBLINGS)
            for term in group
            for up in above[term] - terms
            if parent is None or parent in above[up]
        )
        meeting = [up for (_, up), count in shared.items() if count > 1]
        if not meeting:
            return hung
        terms.add(min(meeting, key=lambda up: (below[up], up)))
