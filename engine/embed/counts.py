"""Vectors before integration from raw counts: what scanpy's usual steps make of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from .cells import Ints

__all__ = ["COMPONENTS", "Before", "Components", "before_integration", "components_of_counts", "variable_genes"]

#: Columns that a matrix of whole numbers has, to be taken for counts.
LEAST_GENES = 200
#: Genes that are kept, components, seed, and bins of mean expression, as cz-benchmarks and scanpy have them.
GENES, COMPONENTS, SEED, BINS = 3000, 50, 42, 20
_BLOCK, _VALUES = 4096, 2**22  # cells, and values, that are held anew at once

Floats = npt.NDArray[np.float64]


class Before(NamedTuple):
    """What --unintegrated gave.

    Attributes
    ----------
    vectors : ndarray of float32, shape (n, d), or None
        To be used as they are.
    counts : scipy.sparse.csr_array of float32, shape (n, genes), or None
        To become vectors.
    notes : tuple of str
        Why it is the one or the other.
    """

    vectors: npt.NDArray[np.float32] | None = None
    counts: Any = None
    notes: tuple[str, ...] = ()


def before_integration(matrix: Any, taken_as: str) -> Before:
    """Tell raw counts from vectors.

    Parameters
    ----------
    matrix : ndarray or scipy.sparse.csr_array of float32, shape (n, d)
        As it was given.
    taken_as : {"auto", "counts", "vectors"}
        What it is; auto: counts, where all are whole numbers, none below 0, of 200 columns or more.

    Raises
    ------
    InputError
        When it is said to be counts and is not.
    """
    import scipy.sparse

    is_sparse = scipy.sparse.issparse(matrix)
    stored = matrix.data if is_sparse else matrix
    if not all(np.isfinite(block).all() for block in _blocks(stored)):
        raise InputError("--unintegrated has NaN or infinity; leave out those cells or columns.")
    fault = None if taken_as == "vectors" else _no_count(stored)
    columns = matrix.shape[1]
    if taken_as == "counts" and fault is not None:
        raise InputError(
            f"--unintegrated-as counts: there is a {fault:g}, but raw counts are whole numbers, 0 or more; name the "
            "layer that holds them: FILE@layer:KEY."
        )
    if taken_as == "counts" or (taken_as == "auto" and fault is None and columns >= LEAST_GENES):
        return Before(None, scipy.sparse.csr_array(matrix), ())
    vectors = np.ascontiguousarray(matrix.toarray() if is_sparse else matrix, dtype=np.float32)
    if taken_as == "auto" and columns >= LEAST_GENES:
        return Before(
            vectors,
            None,
            (
                f"--unintegrated has {columns:,} columns and a {fault:g}, so it is taken as vectors, not as raw counts "
                "(a layer of counts: FILE@layer:KEY).",
            ),
        )
    if taken_as == "auto" and fault is None:
        note = f"--unintegrated has whole numbers of {columns} columns, taken as vectors (--unintegrated-as counts)."
        return Before(vectors, None, (note,))
    return Before(vectors)


def _no_count(stored: npt.NDArray[np.floating]) -> float | None:
    """Return a value that is no count; None where all are."""
    for block in _blocks(stored):
        wrong = (block < 0) | (block != np.floor(block))
        if wrong.any():
            return float(block[wrong][0])
    return None


def _blocks(stored: npt.NDArray[np.floating]) -> Iterator[npt.NDArray[np.floating]]:
    """Give the values by and by, so that what is computed of them takes little memory."""
    flat = stored.reshape(-1)
    return (flat[start : start + _VALUES] for start in range(0, len(flat), _VALUES))


class Components(NamedTuple):
    """Vectors that were made of counts.

    Attributes
    ----------
    vectors : ndarray of float32, shape (n, k)
        Principal components.
    note : str
        How.
    """

    vectors: npt.NDArray[np.float32]
    note: str


def components_of_counts(counts: Any) -> Components:
    """Return principal components of raw counts: normalised, logarithms, of highly variable genes.

    The steps of cz-benchmarks: each cell is scaled to the median total, log(1 + x), the 3,000 genes that
    `variable_genes` chooses, 50 components (seed 42, not scaled).

    Parameters
    ----------
    counts : scipy.sparse.csr_array, shape (n, genes)
        Whole numbers, 0 or more; it stays sparse.

    Raises
    ------
    InputError
        When no gene varies, or scikit-learn is not installed.
    """
    try:
        from sklearn.decomposition import PCA
    except ModuleNotFoundError:
        raise InputError(
            "Raw counts need scikit-learn: pip install 'fastbench[embed]', or give vectors to --unintegrated."
        ) from None
    totals = np.asarray(counts.sum(axis=1, dtype=np.float64)).ravel()
    if not (totals > 0).any():
        raise InputError("--unintegrated: all counts are 0.")
    target = float(np.median(totals[totals > 0]))
    factors = target / np.where(totals > 0, totals, 1)
    genes = variable_genes(*_moments(counts, factors))
    kept = counts[:, genes].astype(np.float64)
    kept.data *= np.repeat(factors, np.diff(kept.indptr))
    kept.data = np.log1p(kept.data)
    wanted = min(COMPONENTS, min(kept.shape) - 1)
    if wanted < 1:
        raise InputError("--unintegrated: fewer than two genes vary, or there are fewer than two cells.")
    found = PCA(wanted, svd_solver="arpack", random_state=SEED).fit_transform(kept)
    empty = int((totals == 0).sum())
    said = (
        f"--unintegrated is raw counts of {counts.shape[1]:,} genes: cells scaled to the median total ({target:,.0f}), "
        f"log1p, {len(genes):,} highly variable genes (seurat), {wanted} principal components (seed {SEED})"
    )
    return Components(
        np.ascontiguousarray(found, dtype=np.float32),
        f"{said}; {empty:,} cells have no counts." if empty else f"{said}.",
    )


def _moments(counts: Any, factors: Floats) -> tuple[Floats, Floats]:
    """Return the mean and variance (n - 1) of each gene of scaled counts."""
    n, width = counts.shape
    sums, squares = np.zeros(width), np.zeros(width)
    for start in range(0, n, _BLOCK):
        block = counts[start : start + _BLOCK].astype(np.float64)
        block.data *= np.repeat(factors[start : start + _BLOCK], np.diff(block.indptr))
        sums += np.bincount(block.indices, block.data, width)
        squares += np.bincount(block.indices, block.data**2, width)
    mean = sums / n
    return mean, np.maximum(squares / n - mean**2, 0) * n / max(n - 1, 1)


def variable_genes(mean: Floats, variance: Floats, wanted: int = GENES) -> Ints:
    """Return the places of the genes that vary most for their mean, ascending.

    Parameters
    ----------
    mean, variance : ndarray of float64, shape (genes,)
        Of counts that were normalised, not of their logarithms.
    wanted : int, default 3000
        How many; more where several are equal at the end, fewer where fewer vary.

    Returns
    -------
    ndarray of int64
        Those with the largest dispersion, log(variance / mean), in standard deviations from the mean of its bin, of 20
        bins of log(1 + mean) (Satija et al. 2015, Nat Biotechnol 33:495; flavour seurat of scanpy). A gene alone in its
        bin has 1.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        dispersion = np.log(np.where(variance > 0, variance, np.nan) / mean)
    place = np.log1p(mean)
    low, high = place.min(), place.max()
    edges = np.linspace(low, high, BINS + 1)
    bins = np.clip(np.searchsorted(edges, place, side="left") - 1, 0, BINS - 1)
    known = ~np.isnan(dispersion)
    size = np.bincount(bins[known], minlength=BINS)
    with np.errstate(divide="ignore", invalid="ignore"):
        middle = np.bincount(bins[known], dispersion[known], BINS) / size
        apart = np.where(known, dispersion - middle[bins], 0.0) ** 2
        spread = np.sqrt(np.bincount(bins, apart, BINS) / (size - 1))
        alone = size < 2
        shown = (dispersion - np.where(alone, 0, middle)[bins]) / np.where(alone, middle, spread)[bins]
    ordered = np.sort(shown[~np.isnan(shown)])[::-1]
    if not len(ordered):
        raise InputError("--unintegrated: no gene varies.")
    return np.flatnonzero(np.nan_to_num(shown, nan=-np.inf) >= ordered[min(wanted, len(ordered)) - 1]).astype(np.int64)
