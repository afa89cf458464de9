"""The ontology of an annotate directory, and the scores that calls give to all terms above them."""

from __future__ import annotations

import hashlib
import json
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from ...readers.integrity.expansion import expand
from ...results.files import write_atomic, write_json
from .kept import find_ontology
from .ontology import Ontology
from .read import resource_of

__all__ = ["inconsistent_pairs", "write_resource", "write_response"]

#: Cells times terms that are spread out at once, 8 bytes each.
_ROOM = 2**19


class _Pair(NamedTuple):
    """A finer and a coarser call of the same cells, with their names."""

    finer: str
    finer_name: str
    coarser: str
    coarser_name: str
    cells: int


def write_resource(ontology: Ontology, given: str | Path, path: Path) -> dict[str, Any]:
    """Write ``ontology_resource.json``.

    Parameters
    ----------
    ontology : Ontology
        As read.
    given : path
        What it was read from. A resource file is copied byte by byte (a gzipped one is unpacked); OBO and
        OBO-graph JSON are converted, with the path lengths and the proper ancestors that cellarium-cas asks for.
    path : Path
        Where to write.

    Returns
    -------
    dict
        ``path`` as given, ``bytes``, ``sha256``, and the ``fingerprint`` of the ontology.
    """
    content = find_ontology(given).read_bytes()
    source = {"path": str(given), "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    if ontology.relations:  # those of a resource file are not known
        write_json(_converted(ontology), path)
    else:
        plain = expand(content, str(given)) if content.startswith(b"\x1f\x8b") else content
        write_atomic(path, lambda handle: handle.write(plain))
    return source | {"fingerprint": ontology.fingerprint}


def _converted(ontology: Ontology) -> dict[str, Any]:
    """Return a resource file of an ontology without circles, all of which is below the root."""
    resource = resource_of(ontology)
    parents = ontology.parents_by_node()
    shortest: dict[str, int] = {}
    longest: dict[str, int] = {}
    for node in TopologicalSorter(parents).static_order():
        shortest[node] = min((shortest[parent] + 1 for parent in parents[node]), default=0)
        longest[node] = max((longest[parent] + 1 for parent in parents[node]), default=0)
    for name, lengths in (("shortest", shortest), ("longest", longest)):
        resource[f"{name}_path_lengths_from_cell_root"] = {node: lengths[node] for node in ontology.nodes}
    return resource


def _parents(ontology: Ontology, node: int) -> list[int]:
    start, stop = ontology.parent_offsets[node : node + 2]
    found: list[int] = ontology.parents[start:stop].tolist()
    return found


def _above(ontology: Ontology, term: int) -> set[int]:
    """Return the positions of a term and of all terms above it in the graph, the root among them."""
    found = {term}
    stack = [term]
    while stack:
        new = set(_parents(ontology, stack.pop())) - found
        found |= new
        stack += new
    return {node for node in found if node < len(ontology.terms)}


def inconsistent_pairs(terms: npt.NDArray[np.int32], ontology: Ontology | None) -> pl.DataFrame:
    """Find calls of a cell of which the coarser is not above the finer.

    Parameters
    ----------
    terms : ndarray of int32, shape (n, K)
        Positions in `Ontology.terms`, -1 for none; most granular level first.
    ontology : Ontology, optional
        Without one there is nothing to find.

    Returns
    -------
    polars.DataFrame
        `finer`, `finer_name`, `coarser`, `coarser_name` and `cells`, the most frequent first. A call is held against
        the next coarser level that has one; equal terms, and the root, are consistent.
    """
    counts: dict[tuple[int, int], int] = {}
    coarser = np.full(len(terms), -1, np.int64)
    width = len(ontology.terms) if ontology else 1
    for own in terms.T[::-1].astype(np.int64):
        both = (own >= 0) & (coarser >= 0) & (own != coarser)
        pairs, cells = np.unique(own[both] * width + coarser[both], return_counts=True)
        for pair, n in zip(pairs.tolist(), cells.tolist(), strict=True):
            counts[divmod(pair, width)] = counts.get(divmod(pair, width), 0) + n
        coarser = np.where(own >= 0, own, coarser)
    rows = []
    if ontology:
        above = {finer: _above(ontology, finer) for finer, _ in counts}
        for (finer, wide), n in counts.items():
            if wide not in above[finer]:
                a, b = ontology.terms[finer], ontology.terms[wide]
                rows.append(_Pair(a, ontology.names[a], b, ontology.names[b], n))
    rows.sort(key=lambda pair: (-pair.cells, pair))
    schema: dict[str, Any] = dict.fromkeys(("finer", "finer_name", "coarser", "coarser_name"), pl.String)
    return pl.DataFrame(rows, schema=schema | {"cells": pl.Int64}, orient="row")


def write_response(
    ids: pl.Series,
    terms: npt.NDArray[np.int32],
    scores: npt.NDArray[np.float64],
    ontology: Ontology,
    model_name: str,
    path: Path,
) -> None:
    """Write ``ontology_response.json``: for each cell the terms of its calls and all above them, with scores.

    Parameters
    ----------
    ids : polars.Series of n String
        Cell ids.
    terms : ndarray of int32, shape (n, K)
        Positions in `Ontology.terms`, -1 for none; most granular level first.
    scores : ndarray of float64, shape (n, K)
        A missing one, NaN, counts as 0.
    ontology : Ontology
        Ancestors are what its graph leads up to, the root among them, as far as they are terms.
    model_name : str
        Goes into the file.
    path : Path
        Where to write. The score of a term is the highest of the calls that it is above or equal to; the matches of a
        cell are in the order of the terms; ``total_weight`` is the score of the most granular call there is, or 0.
    """
    used = np.unique(terms[terms >= 0])
    closures = [_above(ontology, term) for term in used.tolist()]
    nodes = np.array(sorted(set().union(*closures)), np.int64)
    members = np.zeros((len(used) + 1, len(nodes)), bool)  # the last row is that of no call
    for row, closure in zip(members, closures, strict=False):
        row[np.searchsorted(nodes, sorted(closure))] = True
    place = np.where(terms < 0, len(used), np.searchsorted(used, terms))
    known = np.where(np.isnan(scores), 0.0, scores)
    labels = [ontology.terms[node] for node in nodes]
    texts = {"cell_type_ontology_term_id": labels, "cell_type": [ontology.names[label] for label in labels]}
    first = np.argmax(terms >= 0, axis=1)
    weight = np.where((terms >= 0).any(axis=1), known[np.arange(len(terms)), first], 0.0)

    def write(handle: BinaryIO) -> None:
        handle.write(b'{"data": [')
        step = max(1, _ROOM // max(1, len(nodes)))
        for start in range(0, len(ids), step):
            part = slice(start, start + step)
            cells = pl.DataFrame(
                {
                    "query_cell_id": ids[part],
                    "matches": _matches(members, place[part], known[part], texts),
                    "total_weight": weight[part],
                    "total_neighbors": 1,
                    "total_neighbors_unrecognized": 0,
                }
            )
            # One object a line; line breaks in text are escaped.
            handle.write(b",\n" if start else b"\n")
            handle.write(cells.write_ndjson().encode().rstrip(b"\n").replace(b"\n", b",\n"))
        handle.write(b'\n], "model_name": ' + json.dumps(model_name, ensure_ascii=False).encode() + b"}\n")

    write_atomic(path, write)


def _matches(
    members: npt.NDArray[np.bool_],
    place: npt.NDArray[np.int64],
    scores: npt.NDArray[np.float64],
    texts: dict[str, list[str]],
) -> pl.Series:
    """Spread the calls of some cells, shape (m, K), over the terms above them: a list of structs for each cell."""
    import pyarrow as pa

    shape = (len(place), members.shape[1])
    has, best = np.zeros(shape, bool), np.full(shape, -np.inf)
    for rows, score in zip(place.T, scores.T, strict=True):
        own = members[rows]
        has |= own
        np.maximum(best, score[:, np.newaxis], out=best, where=own)
    cell, node = np.nonzero(has)
    offsets = np.zeros(len(place) + 1, np.int32)
    np.cumsum(has.sum(axis=1), out=offsets[1:])
    columns = {"score": pa.array(best[cell, node])}
    columns |= {name: pa.array(values, pa.large_string()).take(pa.array(node)) for name, values in texts.items()}
    structs = pa.StructArray.from_arrays(list(columns.values()), list(columns))
    return pl.Series(pl.from_arrow(pa.ListArray.from_arrays(pa.array(offsets), structs)))
