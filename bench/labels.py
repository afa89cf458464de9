"""Label problems that the suites share, and one call of each tool on them: cells from codes, and counts by node.

What the peers do is written from the definitions: the effective prediction at k is the truth if it is among the first
k ranks, else the first; a node counts where it is among the ancestors of truth, of prediction, or of both.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fastbench.bench.annotation import random_graph, simulate_calls
from fastbench.bench.problem import Job
from fastbench.engine.fmeasure.ontology.ontology import Ontology

__all__ = ["Cells", "Entries", "build", "ready", "small_one_like"]


class Cells(NamedTuple):
    """Label codes of cells."""

    truth: npt.NDArray[np.int32]  # (n,)
    predictions: npt.NDArray[np.int32]  # (k, n)
    terms: int

    def effective(self, k: int) -> npt.NDArray[np.int32]:
        """Return the prediction that counts at k, for each cell."""
        first = self.predictions[0]
        return first if k == 1 else np.where((self.predictions[:k] == self.truth).any(axis=0), self.truth, first)


class Entries(NamedTuple):
    """Cells by truth and prediction, and the ancestors of each label."""

    rows: npt.NDArray[np.int32]  # (m,)
    cols: npt.NDArray[np.int32]
    counts: npt.NDArray[np.int64]
    bits: npt.NDArray[np.uint64]  # (terms, w) the root left out

    def ancestors(self) -> list[frozenset[int]]:
        """Return the set of each label."""
        table = np.unpackbits(self.bits.view(np.uint8), axis=1, bitorder="little")
        return [frozenset(np.flatnonzero(row).tolist()) for row in table]


class Scored(NamedTuple):
    """Label codes of cells, and the ontology of the labels."""

    cells: Cells
    ontology: Ontology


@lru_cache(maxsize=2)  # the problem, and the small one like it
def build(job: Job) -> Cells | Entries | Scored:
    """Make the problem of a job: what is asked ("count", "nodes" or "scores"), cells, terms and ranks."""
    from fastbench.kernels import cpu

    what, n, terms, ranks = job
    graph = random_graph(terms)
    cells = Cells(*simulate_calls(graph, n, ranks), terms)
    if what == "count":
        return cells
    if what == "scores":
        names = [f"CL:{i:07d}" for i in range(terms)]
        edges = [(names[child], names[parent]) for child, above in enumerate(graph) for parent in above]
        return Scored(cells, Ontology.from_edges(names, edges))
    offsets = np.concatenate([[0], np.cumsum([len(parents) for parents in graph])]).astype(np.int64)
    bits = cpu.ancestor_bits(offsets, np.array([p for parents in graph for p in parents], np.int32))
    bits[:, 0] &= ~np.uint64(1)
    counted = cpu.count_confusion(*cells)
    return Entries(counted.rows, counted.cols, counted.counts[:, 0], bits)


def small_one_like(job: Job) -> Job:
    """Return a small job that takes the same paths."""
    return job[0], 1_000, 100, job[3]


def ready(tool: str, problem: Cells | Entries | Scored) -> Callable[[], Any]:
    """Return the call to time; what no run of a user would repeat (imports, the sets of ancestors) is done."""
    if isinstance(problem, Cells):
        calls = {"fastbench": _count, "NumPy dense": _dense, "SciPy sparse": _sparse, "scikit-learn": _sklearn}
        return calls[tool](problem)
    if isinstance(problem, Scored):
        return {"fastbench": _scores, "SciPy sparse": _sparse_scores}[tool](problem)
    return {"fastbench": _nodes, "SciPy sparse": _product, "Python sets": _sets}[tool](problem)


def _count(cells: Cells) -> Callable[[], Any]:
    from fastbench.kernels import cpu

    return lambda: cpu.count_confusion(*cells)


def _dense(cells: Cells) -> Callable[[], Any]:
    """Return the matrices of all k by one integer for each pair, counted in a table of all pairs."""
    c = cells.terms

    def count(predicted: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
        return np.bincount(cells.truth.astype(np.int64) * c + predicted, minlength=c * c).reshape(c, c)

    return lambda: [count(cells.effective(k)) for k in range(1, len(cells.predictions) + 1)]


def _sparse(cells: Cells) -> Callable[[], Any]:
    """Return the matrices of all k, by sums of duplicates."""
    from scipy.sparse import coo_matrix

    shape = cells.terms, cells.terms

    def count(predicted: npt.NDArray[np.int32]) -> Any:
        return coo_matrix((np.ones(len(predicted), np.int64), (cells.truth, predicted)), shape).tocsr()

    return lambda: [count(cells.effective(k)) for k in range(1, len(cells.predictions) + 1)]


def _sklearn(cells: Cells) -> Callable[[], Any]:
    from sklearn.metrics import confusion_matrix

    labels = np.arange(cells.terms)
    ranks = range(1, len(cells.predictions) + 1)
    return lambda: [confusion_matrix(cells.truth, cells.effective(k), labels=labels) for k in ranks]


def _nodes(entries: Entries) -> Callable[[], Any]:
    from fastbench.kernels import cpu

    rows, cols, counts, bits = entries

    def count() -> Any:
        return cpu.node_counts(rows, cols, counts, bits, len(bits)), cpu.overlaps(rows, cols, bits)

    return count


def _product(entries: Entries) -> Callable[[], Any]:
    """Return counts by node and shared ancestors from products of sparse matrices."""
    from scipy.sparse import csr_matrix

    rows, cols, counts, bits = entries
    c = len(bits)
    ancestors = csr_matrix(np.unpackbits(bits.view(np.uint8), axis=1, bitorder="little")[:, :c].astype(np.int64))

    def count() -> Any:
        matrix = csr_matrix((counts, (rows, cols)), (c, c))
        both = np.asarray((matrix @ ancestors).multiply(ancestors).sum(axis=0)).ravel()
        true, predicted = ancestors.T @ counts_by(rows), ancestors.T @ counts_by(cols)
        shared = np.asarray(ancestors[rows].multiply(ancestors[cols]).sum(axis=1)).ravel()
        return np.stack([both, predicted - both, true - both]), shared

    def counts_by(labels: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
        total = np.zeros(c, np.int64)
        np.add.at(total, labels, counts)
        return total

    return count


def _sets(entries: Entries) -> Callable[[], Any]:
    """Return them entry by entry, with operations on sets."""
    ancestors = entries.ancestors()
    cells = list(zip(*(each.tolist() for each in entries[:3]), strict=True))

    def count() -> Any:
        found: tuple[dict[int, int], ...] = ({}, {}, {})
        shared = []
        for truth, prediction, number in cells:
            true, predicted = ancestors[truth], ancestors[prediction]
            shared.append(len(true & predicted))
            for counts, nodes in zip(found, (true & predicted, predicted - true, true - predicted), strict=True):
                for node in nodes:
                    counts[node] = counts.get(node, 0) + number
        return found, shared

    return count


def _scores(problem: Scored) -> Callable[[], Any]:
    """Return the matrices of all k, and the flat and hierarchical metrics of them."""
    from fastbench.engine.fmeasure.confusion import matrices
    from fastbench.engine.fmeasure.scores.tables import Rules, flat_row, hierarchical_row
    from fastbench.kernels import cpu

    cells, ontology = problem

    def score() -> Any:
        confusions = matrices(cpu.count_confusion(*cells), ontology.terms)
        return flat_row(confusions, Rules()), hierarchical_row(confusions[0], ontology, Rules(), cpu)

    return score


def _sparse_scores(problem: Scored) -> Callable[[], Any]:
    """Return them from sparse matrices."""
    from scipy.sparse import csr_matrix

    cells, ontology = problem
    c = cells.terms
    bits = ontology.ancestors
    above = csr_matrix(np.unpackbits(bits.view(np.uint8), axis=1, bitorder="little")[:, :c].astype(np.int64))
    build = _sparse(cells)

    def flat(matrix: Any) -> tuple[float, float]:
        true, predicted = (np.asarray(matrix.sum(axis=axis)).ravel() for axis in (1, 0))
        hits = matrix.diagonal()
        f1 = 2 * hits / np.maximum(true + predicted, 1)
        return hits.sum() / true.sum(), f1[true + predicted > 0].mean()

    def score() -> Any:
        found = build()
        matrix = found[0]
        both = np.asarray((matrix @ above).multiply(above).sum(axis=0)).ravel()
        true = above.T @ np.asarray(matrix.sum(axis=1)).ravel()
        predicted = above.T @ np.asarray(matrix.sum(axis=0)).ravel()
        f1 = 2 * both / np.maximum(true + predicted, 1)
        return [flat(each) for each in found], 2 * both.sum() / (true.sum() + predicted.sum()), f1[true > 0].mean()

    return score
