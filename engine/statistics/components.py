"""Principal components of cells by genes, found anew the same each time.

References
----------
Halko, Martinsson, Tropp 2011, SIAM Rev 53:217 (random projections). scikit-learn 1.5 and later, ``PCA(k,
random_state=42)``, whose choice of a solver and steps these are, for scPertEval 0.2 fits its spaces by it: of a wide
screen the components come from a random projection and four or seven power iterations, and the last of fifty are then
less exact than those of a full decomposition, so that distances along them differ in the second digit between the two.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["COMPONENTS", "MOST_CELLS", "SEED", "Components", "components_of", "drawn_cells"]

#: Components; cells that they are fitted on, more are sampled; seed.
COMPONENTS, MOST_CELLS, SEED = 50, 50_000, 42
#: Columns beyond those wanted in a random projection; cells that are projected at once.
_SPARE, _BLOCK = 10, 4096

Floats = npt.NDArray[np.float64]


class Components(NamedTuple):
    """Axes of a screen.

    Attributes
    ----------
    centre : ndarray of float64, shape (genes,)
        Mean of the cells they were fitted on.
    axes : ndarray of float64, shape (genes, k)
        Of length 1 and at right angles, that of most variance first; their signs have no meaning.
    cells : int
        How many they were fitted on.
    """

    centre: Floats
    axes: Floats
    cells: int

    def of(self, matrix: Any) -> Floats:
        """Return cells along the axes, (n, k)."""
        if not isinstance(matrix, np.ndarray):
            return np.asarray(matrix @ self.axes - self.centre @ self.axes)
        found = np.empty((matrix.shape[0], self.axes.shape[1]))
        for here, block in _blocks(matrix):
            found[here] = (block - self.centre) @ self.axes
        return found


def drawn_cells(n: int) -> npt.NDArray[np.int64]:
    """Return on which of n cells components are fitted, ascending: all, or `MOST_CELLS` drawn."""
    if n <= MOST_CELLS:
        return np.arange(n)
    return np.sort(np.random.default_rng(SEED).choice(n, MOST_CELLS, replace=False))


def components_of(matrix: Any, k: int = COMPONENTS) -> Components:
    """Return the axes of most variance.

    Parameters
    ----------
    matrix : ndarray or scipy.sparse.csr_array, shape (n, genes)
        log1p values of at least one cell. Of more than `MOST_CELLS`, that many are drawn.
    k : int, default 50
        Axes wanted; fewer where there are fewer cells or genes.

    Returns
    -------
    Components
        Exact up to rounding where there are at most 1,000 genes and ten times as many cells, at most 500 of both, or
        few more of either than axes; else by random projection. The order of the cells is seen in the last digits, and
        more of it where cells are fewer than genes or are drawn.
    """
    n = matrix.shape[0]
    if n > MOST_CELLS:
        matrix, n = matrix[drawn_cells(n)], MOST_CELLS
    genes = matrix.shape[1]
    k = min(k, n, genes)
    centre = sum((block.sum(axis=0) for _, block in _blocks(matrix)), np.zeros(genes)) / n
    tall = genes <= 1000 and n >= 10 * genes
    if tall or max(n, genes) <= 500 or k >= 0.8 * min(n, genes):
        return Components(centre, _exact(matrix, centre, k), n)
    return Components(centre, _projected(matrix, centre, k), n)


def _blocks(matrix: Any) -> Iterator[tuple[slice, Floats]]:
    """Give some cells at a time, dense."""
    for start in range(0, matrix.shape[0], _BLOCK):
        block = matrix[start : start + _BLOCK]
        dense = block if isinstance(block, np.ndarray) else block.toarray()
        yield slice(start, start + len(dense)), dense.astype(np.float64)


def _exact(matrix: Any, centre: Floats, k: int) -> Floats:
    n, genes = matrix.shape
    if genes > n:
        (rows,) = (block - centre for _, block in _blocks(matrix))  # hardly more cells than axes
        return np.asarray(np.linalg.svd(rows, full_matrices=False)[2][:k].T)
    products = np.zeros((genes, genes))
    for _, block in _blocks(matrix):
        block -= centre
        products += block.T @ block
    return np.ascontiguousarray(np.linalg.eigh(products)[1][:, ::-1][:, :k])


def _projected(matrix: Any, centre: Floats, k: int) -> Floats:
    from scipy.linalg import lu, qr, svd

    n, genes = matrix.shape

    def times(x: Floats) -> Floats:
        """Return (cells less centre) x, (n, columns)."""
        return np.asarray(matrix @ x - centre @ x)

    def turned(x: Floats) -> Floats:
        """Return (cells less centre)' x, (genes, columns)."""
        return np.asarray(matrix.T @ x - np.outer(centre, x.sum(axis=0)))

    ahead, back = (turned, times) if n < genes else (times, turned)
    basis = np.random.RandomState(SEED).normal(size=(min(n, genes), k + _SPARE))
    for _ in range(7 if k < 0.1 * min(n, genes) else 4):
        basis = lu(ahead(basis), permute_l=True)[0]
        basis = lu(back(basis), permute_l=True)[0]
    basis = qr(ahead(basis), mode="economic")[0]
    left, _, right = svd(back(basis).T, full_matrices=False)
    found = basis @ left[:, :k] if n < genes else right[:k].T
    return np.ascontiguousarray(found)
