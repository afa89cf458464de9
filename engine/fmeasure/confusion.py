"""Confusion matrices with their labels: sparse, exact, for each top-k; and counts by class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...kernels.sparse_counts import SparseCounts
from ..errors import InputError

__all__ = ["ClassCounts", "Confusion", "Entries", "add", "matrices"]

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[Any]


@dataclass(frozen=True)
class Confusion:
    """One confusion matrix.

    Attributes
    ----------
    labels : tuple of str
        Row and column labels, c of them.
    matrix : scipy.sparse.csr_matrix, shape (c, c), int64
        ``matrix[i, j]``: cells of truth i with prediction j.
    missed : ndarray of int64, shape (c,)
        Cells of each truth that have no prediction.
    """

    labels: tuple[str, ...]
    matrix: Any
    missed: npt.NDArray[np.int64]

    @property
    def n_cells(self) -> int:
        """All cells."""
        return int(self.matrix.sum()) + int(self.missed.sum())

    def equals(self, other: Confusion) -> bool:
        """Return whether another matrix over the same labels holds the same counts."""
        return (self.matrix != other.matrix).nnz == 0 and np.array_equal(self.missed, other.missed)

    def as_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the counts as plain arrays, as `of_arrays` takes them."""
        csr = self.matrix
        return {"data": csr.data, "indices": csr.indices, "indptr": csr.indptr, "missed": self.missed}

    @classmethod
    def of_arrays(cls, labels: tuple[str, ...], arrays: Mapping[str, npt.NDArray[Any]]) -> Confusion:
        """Make a matrix of what `as_arrays` returned."""
        from scipy.sparse import csr_matrix

        parts = (arrays["data"], arrays["indices"], arrays["indptr"])
        return cls(labels, csr_matrix(parts, shape=(len(labels), len(labels))), arrays["missed"])

    @property
    def entries(self) -> Entries:
        """The matrix as entries, "no prediction" being the column after the last."""
        found = self.matrix.tocoo()
        none = np.flatnonzero(self.missed)
        return Entries(
            np.concatenate([found.row, none]).astype(np.int32),
            np.concatenate([found.col, np.full(len(none), len(self.labels))]).astype(np.int32),
            np.concatenate([found.data, self.missed[none]]),
            len(self.labels),
        )


def matrices(counts: SparseCounts, labels: tuple[str, ...]) -> list[Confusion]:
    """Make the matrices of top-1 to top-k: each is the one before with moves to the diagonal.

    Parameters
    ----------
    counts : SparseCounts
        From the kernel `count_confusion`.
    labels : tuple of str
        The c labels.
    """
    from scipy.sparse import coo_matrix

    c, found = len(labels), []
    for k in range(1, counts.counts.shape[1] + 1):
        moved = counts.counts[:, 1:k].sum(axis=1)
        some = moved > 0
        rows = np.concatenate([counts.rows, counts.rows[some]])
        cols = np.concatenate([counts.cols, counts.rows[some]])
        cells = np.concatenate([counts.counts[:, 0] - moved, moved[some]])
        whole = coo_matrix((cells, (rows, cols)), shape=(c, c + 1), dtype=np.int64).tocsr()
        whole.eliminate_zeros()
        whole.sort_indices()
        missed = whole[:, c].toarray().ravel().astype(np.int64)
        found.append(Confusion(labels, whole[:, :c].tocsr(), missed))
    return found


def add(parts: Sequence[Confusion], what: str) -> Confusion:
    """Add matrices over the same labels.

    Raises
    ------
    InputError
        The labels differ; `what` names the matrices in the sentence.
    """
    first = parts[0]
    for part in parts[1:]:
        if part.labels != first.labels:
            raise InputError(
                f"{what}: The confusion matrices have different labels or label orders ({len(first.labels)} and "
                f"{len(part.labels)} labels), so they cannot be added up; use one ontology for all, --ontology FILE."
            )
    matrix = sum((part.matrix for part in parts[1:]), start=first.matrix)
    return Confusion(first.labels, matrix.tocsr(), np.sum([part.missed for part in parts], axis=0, dtype=np.int64))


@dataclass(frozen=True)
class Entries:
    """A confusion matrix as entries.

    Attributes
    ----------
    rows, cols : ndarray of int32, shape (m,)
        Truth and prediction, 0..c - 1; the column c stands for "no prediction".
    cells : ndarray of int64 or float64, shape (m,)
        Cells of an entry.
    n_labels : int
        c.
    """

    rows: npt.NDArray[np.int32]
    cols: npt.NDArray[np.int32]
    cells: npt.NDArray[Any]
    n_labels: int

    def class_counts(self) -> ClassCounts:
        """Count by class, shape (c,)."""
        c = self.n_labels
        kind = self.cells.dtype

        def added(codes: npt.NDArray[np.int32], some: Any = slice(None)) -> npt.NDArray[Any]:
            out = np.zeros(c + 1, kind)
            np.add.at(out, codes[some], self.cells[some])
            return out[:c]

        return ClassCounts(added(self.rows, self.rows == self.cols), added(self.rows), added(self.cols))


@dataclass(frozen=True)
class ClassCounts:
    """Counts by class, or by node of the ontology.

    Attributes
    ----------
    hits : ndarray, shape (..., c)
        Cells with this class as truth and prediction (true positives).
    support : ndarray, shape (..., c)
        Cells with it as truth.
    predicted : ndarray, shape (..., c)
        Cells with it as prediction. Less in sum than `support` where cells have no prediction.
    """

    hits: Numbers
    support: Numbers
    predicted: Numbers

    def weighted(self, weights: Floats) -> ClassCounts:
        """Return the counts times a weight for each class, shape (c,)."""
        return ClassCounts(self.hits * weights, self.support * weights, self.predicted * weights)
