"""Counts and distances on the ontology, from sparse confusion counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ....kernels.backend import Backend
from ..confusion import ClassCounts, Entries
from ..ontology.ontology import with_empty_row

__all__ = ["ancestor_matrix", "cell_scores", "information_content", "node_class_counts", "shared_ancestors"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def ancestor_matrix(bits: npt.NDArray[np.uint64], n_nodes: int) -> Any:
    """Return the ancestors of each label, and none of "no prediction", as a sparse matrix of ones, shape (c + 1, v)."""
    from scipy.sparse import csr_matrix

    octets = with_empty_row(bits).view(np.uint8)
    row, octet = np.nonzero(octets)  # few are set: only those are unpacked
    entry, bit = np.nonzero(np.unpackbits(octets[row, octet, np.newaxis], axis=1, bitorder="little"))
    row, node = row[entry], 8 * octet[entry] + bit
    some = node < n_nodes
    return csr_matrix((np.ones(some.sum()), (row[some], node[some])), shape=(len(octets), n_nodes))


def shared_ancestors(entries: Entries, above: Any) -> Any:
    """Return the ancestors that truth and prediction of an entry share, as a sparse matrix of ones, shape (m, v).

    Parameters
    ----------
    entries : Entries
        m pairs of truth and prediction; their cells do not matter.
    above : scipy.sparse.csr_matrix, shape (c + 1, v)
        From `ancestor_matrix`.
    """
    return above[entries.rows].multiply(above[entries.cols]).tocsr()


def node_class_counts(
    entries: Entries, bits: npt.NDArray[np.uint64], n_nodes: int, backend: Backend[Any]
) -> ClassCounts:
    """Count by node of the ontology.

    Parameters
    ----------
    entries : Entries
        Counts over c labels.
    bits : ndarray of uint64, shape (c, w)
        Ancestors of each label that count: itself too, the root not.
    n_nodes : int
        v.
    backend : Backend
        Kernels, see `kernels.dispatch.get_backend`.

    Returns
    -------
    ClassCounts, shape (v,)
        Of a node: cells of which truth and prediction both are it or below it; the truth is; the prediction is.
    """
    if np.issubdtype(entries.cells.dtype, np.integer):
        tp, fp, fn = backend.node_counts(entries.rows, entries.cols, entries.cells, with_empty_row(bits), n_nodes)
        return ClassCounts(tp, tp + fn, tp + fp)
    above = ancestor_matrix(bits, n_nodes)
    true, predicted = (np.zeros(above.shape[0]) for _ in range(2))
    np.add.at(true, entries.rows, entries.cells)
    np.add.at(predicted, entries.cols, entries.cells)
    shared = shared_ancestors(entries, above)
    return ClassCounts(shared.T @ entries.cells, above.T @ true, above.T @ predicted)


def cell_scores(entries: Entries, bits: npt.NDArray[np.uint64], backend: Backend[Any]) -> dict[str, float]:
    """Compute the mean over cells of the hierarchical precision, recall and F-measure of each cell by itself.

    A cell whose truth is the root has no ancestors: it scores 1 if the prediction is the root too, else 0.

    Parameters
    ----------
    entries, bits, backend
        As in `node_class_counts`.

    References
    ----------
    Kosmopoulos et al. 2015 (example-based measures).
    """
    rows = with_empty_row(bits)
    size = np.bitwise_count(rows).sum(axis=1, dtype=np.int64)
    shared = backend.overlaps(entries.rows, entries.cols, rows).astype(np.float64)
    true, predicted = size[entries.rows], size[entries.cols]
    same = entries.rows == entries.cols
    n = entries.cells.sum()
    found = {}
    for name, below in (("precision", predicted), ("recall", true), ("f1", (true + predicted) / 2)):
        score = np.where(same, 1.0, shared / np.maximum(below, 0.5))
        found[f"h_{name}_per_cell"] = float((score * entries.cells).sum() / n) if n else float("nan")
    return found


def information_content(support: npt.NDArray[Any], n_cells: int) -> Floats:
    """Return weights of nodes: -log2 of the share of cells whose truth is the node or below it.

    One cell of each node is added, so that a node which is nobody's truth weighs most and not nothing: a prediction
    in a branch that no cell belongs to is an error like any other.

    Parameters
    ----------
    support : ndarray, shape (v,)
        Cells by node, see `node_class_counts`.
    n_cells : int
        All cells.
    """
    return -np.log2((support + 1.0) / (n_cells + 1.0)) + 0.0
