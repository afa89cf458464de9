"""The ontology that scores are propagated over: terms, graph, ancestor sets as bit rows."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ....kernels.dispatch import get_backend
from ...errors import InputError, examples
from ..names import ROOT
from .ids import find_id

__all__ = ["ROOT", "Ontology", "ancestor_sets", "with_empty_row"]

Bits = npt.NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class Ontology:
    """Terms of an ontology with their ancestors; made by `read_ontology` or `from_edges`.

    Attributes
    ----------
    terms : tuple of str, length c
        The label universe, in order.
    names : mapping of str to str
        Human-readable label of each node; the id itself where the file has none.
    nodes : tuple of str, length v
        First the terms, then, sorted, the ancestors that are no terms.
    root : str
        The one node that counts as nobody's ancestor.
    parent_offsets : ndarray of int64, shape (v + 1,)
        Parents of node i are ``parents[parent_offsets[i]:parent_offsets[i + 1]]``.
    parents : ndarray of int32, shape (e,)
        Ascending within a node.
    ancestors : ndarray of uint64, shape (c, w), w = ceil(v / 64)
        Bit ``j % 64`` of word ``j // 64`` of row i: node j is term i or above it. The root's bit is never set, and its
        own row is empty.
    replaced : mapping of str to str
        Alternative or obsolete id to the term that stands for it now.
    obsolete : frozenset of str
        Obsolete ids, with or without a replacement.
    relations : tuple of str
        The relations that edges come from; empty when the file does not say.
    source : str
        Where it was read from, as the user gave it.
    fingerprint : str
        SHA-256 over the terms in order, the root, the edges and the ancestor sets. Labels, replacements and the path
        do not enter, nor does the order in which a file lists its edges.
    """

    terms: tuple[str, ...]
    names: Mapping[str, str]
    nodes: tuple[str, ...]
    root: str
    parent_offsets: npt.NDArray[np.int64]
    parents: npt.NDArray[np.int32]
    ancestors: Bits
    replaced: Mapping[str, str]
    obsolete: frozenset[str]
    relations: tuple[str, ...]
    source: str
    fingerprint: str

    @classmethod
    def from_edges(
        cls,
        terms: Sequence[str],
        edges: Iterable[tuple[str, str]],
        *,
        root: str = ROOT,
        listed: Mapping[str, Collection[str]] | None = None,
        names: Mapping[str, str] | None = None,
        replaced: Mapping[str, str] | None = None,
        obsolete: Iterable[str] = (),
        relations: Sequence[str] = (),
        source: str = "",
    ) -> Ontology:
        """Build an ontology from plain pieces.

        Parameters
        ----------
        terms : sequence of str, length c
            The label universe, in order, each once.
        edges : iterable of (child, parent)
            The graph; several parents, several tops, repeated edges and cycles are all fine. An edge to what is
            neither a term nor an ancestor of one is left out.
        root : str, default "CL:0000000"
            The node that counts as nobody's ancestor. It need not exist.
        listed : mapping of str to collection of str, optional
            Ancestors of each term, used as they are: no closure is taken, and a term that is absent has itself
            only. Default: whatever can be reached over `edges`, upwards.
        names : mapping of str to str, optional
            Labels.
        replaced, obsolete, relations, source
            As the attributes.

        Returns
        -------
        Ontology

        Raises
        ------
        InputError
            When a term is given twice.
        """
        if len(set(terms)) != len(terms):
            twice = [term for term, count in Counter(terms).items() if count > 1]
            raise InputError(f"{source or 'The ontology'} lists {len(twice)} terms more than once: {examples(twice)}.")
        edges = set(edges)
        above = _reached(terms, edges) if listed is None else {a for term in terms for a in listed.get(term, ())}
        nodes = (*terms, *sorted(above.difference(terms)))
        position = {node: i for i, node in enumerate(nodes)}
        offsets, parents = _graph(edges, position)
        if listed is None:
            ancestors = get_backend().ancestor_bits(offsets, parents)[: len(terms)]
        else:
            pairs = [(i, i) for i in range(len(terms))]
            pairs += [(i, position[a]) for i, term in enumerate(terms) for a in listed.get(term, ())]
            ancestors = _bit_rows(pairs, len(terms), len(nodes))
        if root in position:
            at = position[root]
            ancestors[:, at // 64] &= ~(np.uint64(1) << np.uint64(at % 64))
            ancestors[at : at + 1] = 0  # no row at all when the root is no term
        for array in (offsets, parents, ancestors):
            array.setflags(write=False)
        known = names or {}
        return cls(
            terms=tuple(terms),
            names={node: known.get(node, node) for node in nodes},
            nodes=nodes,
            root=root,
            parent_offsets=offsets,
            parents=parents,
            ancestors=ancestors,
            replaced=dict(replaced or {}),
            obsolete=frozenset(obsolete),
            relations=tuple(relations),
            source=source,
            fingerprint=_fingerprint(nodes, root, offsets, parents, ancestors),
        )

    def parents_by_node(self) -> dict[str, list[str]]:
        """Return the direct parents of each node."""
        edges = pairwise(self.parent_offsets.tolist())
        above = [self.nodes[parent] for parent in self.parents.tolist()]
        return {node: above[start:stop] for node, (start, stop) in zip(self.nodes, edges, strict=True)}

    def select(self, labels: Sequence[str]) -> tuple[Bits, tuple[str, ...]]:
        """Return the ancestor sets of any labels, in any order.

        Parameters
        ----------
        labels : sequence of str, length n
            A label that is neither a term nor another node becomes a node of its own, the only one in its set.
            Ids may be written in any way (``CL_0000084``, see `ids`). Repeated labels are fine.

        Returns
        -------
        rows : ndarray of uint64, shape (n, w), w = ceil(v / 64)
            Bit rows as `ancestors`, over the nodes returned. The row of the root is empty.
        nodes : tuple of str, length v
            The nodes of the ontology, then the new ones in order of first appearance.
        """
        if tuple(labels) == self.terms:
            return self.ancestors, self.nodes
        position = {node: i for i, node in enumerate(self.nodes)}
        found = [find_id(label, position) or label for label in labels]
        for label in found:
            if label != self.root:
                position.setdefault(label, len(position))
        nodes = tuple(position)
        at = np.array([-1 if label == self.root else position[label] for label in found], np.int64)
        is_term = (at >= 0) & (at < len(self.terms))
        alone = [(int(row), int(at[row])) for row in np.flatnonzero(at >= len(self.terms))]
        rows = _bit_rows(alone, len(labels), len(nodes))
        rows[is_term, : self.ancestors.shape[1]] = self.ancestors[at[is_term]]
        return rows, nodes


def ancestor_sets(ontology: Ontology | None, labels: Sequence[str]) -> tuple[Bits | None, tuple[str, ...]]:
    """Return the ancestor sets of labels as `Ontology.select`; None, and no nodes, without an ontology."""
    return (None, ()) if ontology is None else ontology.select(labels)


def with_empty_row(bits: Bits) -> Bits:
    """Return ancestor sets with an empty last one, that of "no prediction"."""
    return np.concatenate([bits, np.zeros((1, bits.shape[1]), np.uint64)])


def _reached(terms: Iterable[str], edges: Iterable[tuple[str, str]]) -> set[str]:
    """Return everything above any of the terms, terms included."""
    above: dict[str, list[str]] = {}
    for child, parent in edges:
        above.setdefault(child, []).append(parent)
    found = set(terms)
    frontier = list(found)
    while frontier:
        new = {parent for node in frontier for parent in above.get(node, ())} - found
        found |= new
        frontier = list(new)
    return found


def _graph(
    edges: Iterable[tuple[str, str]], position: Mapping[str, int]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """Lay out the edges among known nodes: offsets (v + 1,) and parents (e,)."""
    pairs = sorted((position[child], position[parent]) for child, parent in edges if {child, parent} <= position.keys())
    table = np.array(pairs, np.int64).reshape(-1, 2)
    offsets = np.zeros(len(position) + 1, np.int64)
    np.cumsum(np.bincount(table[:, 0], minlength=len(position)), out=offsets[1:])
    return offsets, np.ascontiguousarray(table[:, 1], np.int32)


def _bit_rows(pairs: Sequence[tuple[int, int]], n_rows: int, n_nodes: int) -> Bits:
    """Set bit `node` of row `row` for each pair."""
    rows = np.zeros((n_rows, -(-n_nodes // 64)), np.uint64)
    row, node = np.array(pairs, np.int64).reshape(-1, 2).T
    np.bitwise_or.at(rows, (row, node // 64), np.uint64(1) << (node % 64).astype(np.uint64))
    return rows


def _fingerprint(
    nodes: Sequence[str],
    root: str,
    offsets: npt.NDArray[np.int64],
    parents: npt.NDArray[np.int32],
    ancestors: Bits,
) -> str:
    """Hash what scores depend on. Nodes beyond the terms are sorted, so the arrays say edges and sets by id."""
    header = json.dumps({"nodes": list(nodes), "terms": len(ancestors), "root": root})
    digest = hashlib.sha256(header.encode())
    for array, layout in ((offsets, "<i8"), (parents, "<i4"), (ancestors, "<u8")):
        digest.update(np.ascontiguousarray(array, layout).tobytes())
    return digest.hexdigest()
