"""Compiled walks of an ontology graph: bit rows of ancestors, counts by node, distances."""

from __future__ import annotations

import itertools
from functools import partial

import numpy as np
import numpy.typing as npt

from ..compile import njit
from ..cores import run_jobs, usable_cores
from .sort import sort_ascending

__all__ = ["ancestor_bits", "ancestor_hops", "best_predictions", "node_counts", "overlaps", "path_lengths"]

#: Fewest cells that are worth a thread of their own.
LEAST_CELLS = 50_000

Codes = npt.NDArray[np.int32]
Ints = npt.NDArray[np.int64]
Bits = npt.NDArray[np.uint64]


def ancestor_bits(parent_offsets: Ints, parents: Codes) -> Bits:
    """Ancestors of each node as bit rows; see `reference.ontology.ancestor_bits`."""
    v = len(parent_offsets) - 1
    bits = np.zeros((v, (v + 63) // 64), np.uint64)
    _spread(parent_offsets, parents, bits)
    return bits


@njit
def _spread(parent_offsets, parents, bits):
    """Fill in the bit rows, which are zero.

    Rows take in those of their parents until nothing changes: as many passes as the graph is deep, at most.
    """
    v, words = bits.shape
    for i in range(v):
        bits[i, i // 64] = np.uint64(1) << np.uint64(i % 64)
    changed = True
    while changed:
        changed = False
        for i in range(v):
            for e in range(parent_offsets[i], parent_offsets[i + 1]):
                for w in range(words):
                    more = bits[i, w] | bits[parents[e], w]
                    if more != bits[i, w]:
                        bits[i, w] = more
                        changed = True


@njit
def _popcount(word):
    """Count the bits of a word (Warren, Hacker's Delight, figure 5-2)."""
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((word * np.uint64(0x0101010101010101)) >> np.uint64(56))


@njit
def _add_bits(word, base, cells, out):
    """Add `cells` to the nodes of one word."""
    while word:
        lowest = word & (~word + np.uint64(1))
        out[base + _popcount(lowest - np.uint64(1))] += cells
        word ^= lowest


def node_counts(rows: Codes, cols: Codes, counts: Ints, bits: Bits, n_nodes: int) -> Ints:
    """Count true positives, false positives and false negatives by node; see `reference.ontology.node_counts`."""
    out = np.zeros((3, 64 * bits.shape[1]), np.int64)
    true, predicted = np.zeros((2, len(bits)), np.int64)
    _count_nodes(rows, cols, counts, bits, n_nodes, true, predicted, out)
    return out[:, :n_nodes].copy()


@njit
def _count_nodes(rows, cols, counts, bits, n_nodes, true, predicted, out):
    """Fill in the counts of `node_counts`; the last three arrays are zero."""
    for e in range(rows.size):
        true[rows[e]] += counts[e]
        predicted[cols[e]] += counts[e]
        for w in range(bits.shape[1]):
            _add_bits(bits[rows[e], w] & bits[cols[e], w], 64 * w, counts[e], out[0])
    for i in range(len(bits)):
        for w in range(bits.shape[1]):
            _add_bits(bits[i, w], 64 * w, predicted[i], out[1])
            _add_bits(bits[i, w], 64 * w, true[i], out[2])
    for v in range(n_nodes):
        out[1, v] -= out[0, v]
        out[2, v] -= out[0, v]


@njit
def _overlap(bits, i, j):
    """Count the ancestors that two rows share."""
    shared = 0
    for w in range(bits.shape[1]):
        both = bits[i, w] & bits[j, w]
        if both:
            shared += _popcount(both)
    return shared


def overlaps(rows: Codes, cols: Codes, bits: Bits) -> Codes:
    """Count the ancestors that truth and prediction share; see `reference.ontology.overlaps`."""
    shared = np.empty(len(rows), np.int32)
    _count_overlaps(rows, cols, bits, shared)
    return shared


@njit
def _count_overlaps(rows, cols, bits, shared):
    """Fill in what `overlaps` returns."""
    for e in range(rows.size):
        shared[e] = _overlap(bits, rows[e], cols[e])


@njit
def _climb(parent_offsets, parents, node, hops, queue):
    """Visit all ancestors of a node in order of distance: `queue`; `hops` (v,) holds -1 for others. Return how many."""
    queue[0], hops[node] = node, 0
    found = 1
    at = 0
    while at < found:
        v = queue[at]
        at += 1
        for e in range(parent_offsets[v], parent_offsets[v + 1]):
            if hops[parents[e]] < 0:
                hops[parents[e]] = hops[v] + 1
                queue[found] = parents[e]
                found += 1
    return found


def ancestor_hops(parent_offsets: Ints, parents: Codes) -> tuple[Ints, Codes, Codes]:
    """Ancestors with the fewest edges up to them; see `reference.ontology.ancestor_hops`."""
    v = len(parent_offsets) - 1
    hops, queue, space = np.full((3, v), -1, np.int32)
    offsets, nothing = np.zeros(v + 1, np.int64), np.empty(0, np.int32)
    _climb_all(parent_offsets, parents, hops, queue, space, offsets, nothing, nothing)
    nodes, steps = np.empty((2, offsets[v]), np.int32)
    _climb_all(parent_offsets, parents, hops, queue, space, offsets, nodes, steps)
    return offsets, nodes, steps


@njit
def _climb_all(parent_offsets, parents, hops, queue, space, offsets, nodes, steps):
    """Fill in `offsets` or, where these are not empty, `nodes` and `steps`.

    hops (v,) holds -1; queue (v,) and space (v,) are scratch.
    """
    for i in range(hops.size):
        found = _climb(parent_offsets, parents, i, hops, queue)
        if nodes.size:
            sort_ascending(queue[:found], space)
            for j in range(found):
                nodes[offsets[i] + j] = queue[j]
                steps[offsets[i] + j] = hops[queue[j]]
        else:
            offsets[i + 1] = offsets[i] + found
        for j in range(found):
            hops[queue[j]] = -1


def path_lengths(rows: Codes, cols: Codes, offsets: Ints, nodes: Codes, hops: Codes) -> tuple[Codes, Codes]:
    """Edges between two nodes by way of a common ancestor; see `reference.ontology.path_lengths`."""
    length, meeting = np.full((2, len(rows)), -1, np.int32)
    _find_paths(rows, cols, offsets, nodes, hops, length, meeting)
    return length, meeting


@njit
def _find_paths(rows, cols, offsets, nodes, hops, length, meeting):
    """Fill in what `path_lengths` returns; the last two arrays hold -1."""
    v = offsets.size - 1
    for e in range(rows.size):
        i, j = rows[e], cols[e]
        if not (0 <= i < v and 0 <= j < v):
            continue
        a, b = offsets[i], offsets[j]
        nearest = 0
        while a < offsets[i + 1] and b < offsets[j + 1]:
            if nodes[a] == nodes[b]:
                both = hops[a] + hops[b]
                if meeting[e] < 0 or both < length[e] or (both == length[e] and hops[a] < nearest):
                    length[e], meeting[e], nearest = both, nodes[a], hops[a]
                a += 1
                b += 1
            elif nodes[a] < nodes[b]:
                a += 1
            else:
                b += 1


def best_predictions(
    truth: npt.NDArray[np.int32], predictions: npt.NDArray[np.int32], bits: npt.NDArray[np.uint64], threads: int = 0
) -> npt.NDArray[np.int32]:
    """Find the prediction nearest to the truth among the first ranks; see `reference.ontology.best_predictions`."""
    best = predictions.copy()
    size = np.bitwise_count(bits).sum(axis=1, dtype=np.int64)
    parts = max(min(threads or usable_cores(), len(truth) // LEAST_CELLS), 1)
    edges = np.linspace(0, len(truth), parts + 1).astype(np.int64)
    jobs = [(1, partial(_improve, truth[a:b], bits, size, best[:, a:b])) for a, b in itertools.pairwise(edges)]
    run_jobs(jobs, threads)
    return best


@njit
def _improve(truth, bits, size, best):
    """Replace each prediction by the best up to its rank, in place."""
    k, n = best.shape
    for i in range(n):
        t, chosen = truth[i], best[0, i]
        shared = _overlap(bits, t, chosen) if k > 1 else 0
        for r in range(1, k):
            p = best[r, i]
            if chosen != t and p != chosen:
                mine = _overlap(bits, t, p)
                # Two fractions are compared by cross products; where a truth has no ancestors all are zero.
                if p == t or mine * (size[t] + size[chosen]) > shared * (size[t] + size[p]):
                    chosen, shared = p, mine
            best[r, i] = chosen
