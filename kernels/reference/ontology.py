"""Definitions on an ontology graph: ancestors, counts by node, distances. Sets and dictionaries, slow on purpose."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["ancestor_bits", "ancestor_hops", "best_predictions", "node_counts", "overlaps", "path_lengths"]

Bits = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]


def _hops(parent_offsets: Ints, parents: npt.NDArray[np.int32], node: int) -> dict[int, int]:
    """Fewest edges from a node up to each of its ancestors, itself included."""
    found, frontier, steps = {node: 0}, [node], 0
    while frontier:
        steps += 1
        above = {int(p) for v in frontier for p in parents[parent_offsets[v] : parent_offsets[v + 1]]}
        frontier = sorted(above - found.keys())
        found |= dict.fromkeys(frontier, steps)
    return found


def _members(bits: Bits) -> list[set[int]]:
    """The nodes of each bit row."""
    octets = np.ascontiguousarray(bits).view(np.uint8) if bits.size else np.zeros((len(bits), 0), np.uint8)
    table = np.unpackbits(octets, axis=1, bitorder="little")
    return [set(np.flatnonzero(row).tolist()) for row in table]


def ancestor_bits(parent_offsets: Ints, parents: npt.NDArray[np.int32]) -> Bits:
    """Ancestors of each node, itself included, as bit rows.

    Parameters
    ----------
    parent_offsets : ndarray of int64, shape (v + 1,)
        Parents of node i are ``parents[parent_offsets[i]:parent_offsets[i + 1]]``.
    parents : ndarray of int32, shape (e,)
        Nodes 0..v - 1. The graph may have cycles.

    Returns
    -------
    ndarray of uint64, shape (v, w), w = ceil(v / 64)
        Bit ``j % 64`` of word ``j // 64`` of row i: node j is node i or above it.
    """
    v = len(parent_offsets) - 1
    bits = np.zeros((v, -(-v // 64)), np.uint64)
    for i in range(v):
        for j in _hops(parent_offsets, parents, i):
            bits[i, j // 64] |= np.uint64(1) << np.uint64(j % 64)
    return bits


def node_counts(
    rows: npt.NDArray[np.int32], cols: npt.NDArray[np.int32], counts: Ints, bits: Bits, n_nodes: int
) -> Ints:
    """Count, for each node of the ontology, the cells of which truth and prediction have it among their ancestors.

    Parameters
    ----------
    rows, cols : ndarray of int32, shape (m,)
        Truth and prediction of an entry: rows of `bits`.
    counts : ndarray of int64, shape (m,)
        Cells of an entry.
    bits : ndarray of uint64, shape (r, w)
        The ancestors that count, for each label; a row of zeros for the root and for "no prediction".
    n_nodes : int
        v <= 64 w; bits after the last node are not counted.

    Returns
    -------
    ndarray of int64, shape (3, v)
        True positives (in both), false positives (in the prediction's only), false negatives (in the truth's only).

    References
    ----------
    Kiritchenko et al. 2006 (hierarchical precision and recall); by node as in cellarium-cas.
    """
    out = np.zeros((3, 64 * bits.shape[1]), np.int64)
    ancestors = _members(bits)
    for t, p, cells in zip(rows.tolist(), cols.tolist(), counts.tolist(), strict=True):
        true, predicted = ancestors[t], ancestors[p]
        for kind, nodes in enumerate((true & predicted, predicted - true, true - predicted)):
            for node in nodes:
                out[kind, node] += cells
    return out[:, :n_nodes].copy()


def overlaps(rows: npt.NDArray[np.int32], cols: npt.NDArray[np.int32], bits: Bits) -> npt.NDArray[np.int32]:
    """Count the ancestors that truth and prediction of each entry share, shape (m,); arguments as in `node_counts`."""
    ancestors = _members(bits)
    shared = [len(ancestors[t] & ancestors[p]) for t, p in zip(rows.tolist(), cols.tolist(), strict=True)]
    return np.array(shared, np.int32)


def ancestor_hops(
    parent_offsets: Ints, parents: npt.NDArray[np.int32]
) -> tuple[Ints, npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Ancestors of each node, itself included, with the fewest edges up to them.

    Parameters
    ----------
    parent_offsets, parents
        As in `ancestor_bits`.

    Returns
    -------
    offsets : ndarray of int64, shape (v + 1,)
    nodes, hops : ndarray of int32, shape (a,)
        Ancestors of node i are ``nodes[offsets[i]:offsets[i + 1]]``, ascending.
    """
    found = [sorted(_hops(parent_offsets, parents, i).items()) for i in range(len(parent_offsets) - 1)]
    offsets = np.concatenate([[0], np.cumsum([len(each) for each in found])]).astype(np.int64)
    table = np.array([pair for each in found for pair in each], np.int32).reshape(-1, 2)
    return offsets, np.ascontiguousarray(table[:, 0]), np.ascontiguousarray(table[:, 1])


def path_lengths(
    rows: npt.NDArray[np.int32],
    cols: npt.NDArray[np.int32],
    offsets: Ints,
    nodes: npt.NDArray[np.int32],
    hops: npt.NDArray[np.int32],
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Edges between two nodes by way of their lowest common ancestor.

    Parameters
    ----------
    rows, cols : ndarray of int32, shape (m,)
        Nodes; any number outside 0..v - 1 is no node.
    offsets, nodes, hops
        From `ancestor_hops`.

    Returns
    -------
    length : ndarray of int32, shape (m,)
        Least sum of the edges up to a common ancestor; -1 where there is none.
    meeting : ndarray of int32, shape (m,)
        That ancestor: the one nearest to the row's node, then the first; -1 where there is none.
    """
    v = len(offsets) - 1
    found = []
    for pair in zip(rows.tolist(), cols.tolist(), strict=True):
        up = [
            dict(
                zip(
                    nodes[offsets[i] : offsets[i + 1]].tolist(), hops[offsets[i] : offsets[i + 1]].tolist(), strict=True
                )
            )
            if 0 <= i < v
            else {}
            for i in pair
        ]
        sums = [(up[0][node] + up[1][node], up[0][node], node) for node in up[0].keys() & up[1].keys()]
        best = min(sums, default=(-1, 0, -1))
        found.append((best[0], best[2]))
    table = np.array(found, np.int32).reshape(-1, 2)
    return np.ascontiguousarray(table[:, 0]), np.ascontiguousarray(table[:, 1])


def best_predictions(
    truth: npt.NDArray[np.int32], predictions: npt.NDArray[np.int32], bits: Bits, threads: int = 0
) -> npt.NDArray[np.int32]:
    """The prediction nearest to the truth among the first 1, 2 .. k ranks: top-k with credit for ancestors.

    Parameters
    ----------
    truth : ndarray of int32, shape (n,)
        Rows of `bits`.
    predictions : ndarray of int32, shape (k, n)
        Rows of `bits`, by rank, k >= 1.
    bits : ndarray of uint64, shape (r, w)
        As in `node_counts`.
    threads : int, default 0
        Not used here.

    Returns
    -------
    ndarray of int32, shape (k, n)
        Row r: of the ranks 1..r + 1, the prediction with the greatest F-measure 2 |T and P| / (|T| + |P|) of ancestor
        sets; the truth itself comes before all, two empty sets are worth 0, and of equals the first is taken.
    """
    ancestors = _members(bits)

    def likeness(t: int, p: int) -> float:
        size = len(ancestors[t]) + len(ancestors[p])
        return 2.0 if t == p else 2 * len(ancestors[t] & ancestors[p]) / max(size, 1)

    best = predictions.copy()
    for r in range(1, len(predictions)):
        for i, t in enumerate(truth.tolist()):
            before, now = int(best[r - 1, i]), int(predictions[r, i])
            best[r, i] = now if likeness(t, now) > likeness(t, before) else before
    return best
