"""Compiled walks of an ontology graph: bit rows of ancestors, counts by node, distances."""

from __future__ import annotations

import itertools
from functools import partial

import numpy as np
import numpy.typing as npt

from ..compile import njit
from ..cores import run_jobs, usable_cores

__all__ = ["ancestor_bits", "ancestor_hops", "best_predictions", "node_counts", "overlaps", "path_lengths"]

#: Fewest cells that are worth a thread of their own.
LEAST_CELLS = 50_000


@njit
def ancestor_bits(parent_offsets, parents):
    """Ancestors of each node as bit rows; see `reference.ontology.ancestor_bits`.

    Rows take in those of their parents until nothing changes: as many passes as the graph is deep, at most.
    """
    v = parent_offsets.size - 1
    words = (v + 63) // 64
    bits = np.zeros((v, words), np.uint64)
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
    return bits


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


@njit
def node_counts(rows, cols, counts, bits, n_nodes):
    """Count true positives, false positives and false negatives by node; see `reference.ontology.node_counts`."""
    out = np.zeros((3, 64 * bits.shape[1]), np.int64)
    true = np.zeros(len(bits), np.int64)
    predicted = np.zeros(len(bits), np.int64)
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
    return out[:, :n_nodes].copy()


@njit
def _overlap(bits, i, j):
    """Count the ancestors that two rows share."""
    shared = 0
    for w in range(bits.shape[1]):
        both = bits[i, w] & bits[j, w]
        if both:
            shared += _popcount(both)
    return shared


@njit
def overlaps(rows, cols, bits):
    """Count the ancestors that truth and prediction share; see `reference.ontology.overlaps`."""
    shared = np.empty(rows.size, np.int32)
    for e in range(rows.size):
        shared[e] = _overlap(bits, rows[e], cols[e])
    return shared


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


@njit
def ancestor_hops(parent_offsets, parents):
    """Ancestors with the fewest edges up to them; see `reference.ontology.ancestor_hops`."""
    v = parent_offsets.size - 1
    hops = np.full(v, -1, np.int32)
    queue = np.empty(v, np.int32)
    offsets = np.zeros(v + 1, np.int64)
    for i in range(v):
        found = _climb(parent_offsets, parents, i, hops, queue)
        hops[queue[:found]] = -1
        offsets[i + 1] = offsets[i] + found
    nodes = np.empty(offsets[v], np.int32)
    steps = np.empty(offsets[v], np.int32)
    for i in range(v):
        found = _climb(parent_offsets, parents, i, hops, queue)
        queue[:found].sort()
        for j in range(found):
            nodes[offsets[i] + j] = queue[j]
            steps[offsets[i] + j] = hops[queue[j]]
            hops[queue[j]] = -1
    return offsets, nodes, steps


@njit
def path_lengths(rows, cols, offsets, nodes, hops):
    """Edges between two nodes by way of a common ancestor; see `reference.ontology.path_lengths`."""
    v = offsets.size - 1
    length = np.full(rows.size, -1, np.int32)
    meeting = np.full(rows.size, -1, np.int32)
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
    return length, meeting


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
