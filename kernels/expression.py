"""Cells by genes: how kernels are given expression, sparse or dense."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Expression", "GroupSums", "RankSums"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Expression(NamedTuple):
    """Values of n cells and m genes, row by row.

    Attributes
    ----------
    starts : ndarray of int64, shape (n + 1,)
        The entries of cell i are ``values[starts[i]:starts[i + 1]]``.
    genes : ndarray of int32 or int64, shape (entries,) or (0,)
        The gene of each entry, ascending within a cell; entries that are left out are 0. Empty where all are there.
    values : ndarray of float32 or float64, shape (entries,)
        Finite.
    n_genes : int
        m.
    """

    starts: Ints
    genes: npt.NDArray[np.integer]
    values: npt.NDArray[np.floating]
    n_genes: int

    @classmethod
    def of(cls, matrix: Any) -> Expression:
        """Take a two-dimensional array, or a SciPy CSR matrix, without copying what is there in order.

        Parameters
        ----------
        matrix : ndarray of float32 or float64, or csr_array or csr_matrix of them, shape (n, m)
            Indices that are not sorted, or occur twice in a row, are put in order in a copy.
        """
        n, m = matrix.shape
        if isinstance(matrix, np.ndarray):
            values = np.ascontiguousarray(matrix)
            return cls(np.arange(n + 1, dtype=np.int64) * m, np.empty(0, np.int32), values.ravel(), m)
        if not matrix.has_canonical_format:
            matrix = matrix.copy()
            matrix.sum_duplicates()
        if matrix.nnz == n * m:  # nothing is left out, and no gene of an entry needs to be told
            return cls(np.arange(n + 1, dtype=np.int64) * m, np.empty(0, np.int32), matrix.data, m)
        return cls(matrix.indptr.astype(np.int64), matrix.indices, matrix.data, m)

    @property
    def n_cells(self) -> int:
        """Cells."""
        return len(self.starts) - 1


class RankSums(NamedTuple):
    """What `Backend.rank_sums` returns.

    Attributes
    ----------
    doubled_u : ndarray of int64, shape (groups, genes)
        Twice the Mann-Whitney U of a group: pairs of its cells and those of the reference in which its value is larger
        count 2, ties 1.
    ties : ndarray of float64, shape (groups, genes)
        Sum over the values of group and reference together of t^3 - t, t: how often a value occurs.
    """

    doubled_u: Ints
    ties: Floats


class GroupSums(NamedTuple):
    """What `Backend.group_sums` returns, each of shape (groups, genes).

    Attributes
    ----------
    sums, squares : ndarray of float64
        Of the values of a group, and of their squares.
    nonzero : ndarray of int64
        Cells of a group whose value is not 0.
    """

    sums: Floats
    squares: Floats
    nonzero: Ints
