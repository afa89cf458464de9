"""How far predicted mean profiles are from true ones."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..comparison import LOWER, Comparison, Metric, Values
from .profiles import (
    ALL,
    Genes,
    OfRows,
    Pairs,
    Scores,
    bulks,
    cell_eval2,
    effects,
    expressed,
    means,
    of_enough_cells,
    of_rows,
    strongest,
    weighted,
)

__all__ = [
    "CELL_EVAL",
    "CELL_EVAL2",
    "PERTURBENCH",
    "absolute",
    "cz_benchmarks",
    "error",
    "length",
    "of_effects",
    "root",
    "scperteval",
    "squared",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
#: Genes by which scPertEval and the linear baselines of Ahlmann-Eltze et al. (2025) measure distances.
HIGHLY_EXPRESSED = 1000


def _mean(of_genes: Floats, weights: Floats | None) -> tuple[Floats, Ints]:
    """Return the weighted mean of each row, and 1 where no gene has weight."""
    if weights is None:
        return of_genes.mean(axis=1), np.zeros(len(of_genes), np.int64)
    whole = weights.sum(axis=1)
    return np.einsum("ij,ij->i", of_genes, weights) / whole, (whole == 0).astype(np.int64)


def squared(true: Floats, predicted: Floats, weights: Floats | None, flat: float) -> tuple[Floats, Ints]:
    """Return the mean squared error of rows; see `profiles.of_rows`."""
    return _mean((true - predicted) ** 2, weights)


def absolute(true: Floats, predicted: Floats, weights: Floats | None, flat: float) -> tuple[Floats, Ints]:
    """Return the mean absolute error of rows; see `profiles.of_rows`."""
    return _mean(np.abs(true - predicted), weights)


def root(true: Floats, predicted: Floats, weights: Floats | None, flat: float) -> tuple[Floats, Ints]:
    """Return the root of the mean squared error of rows; see `profiles.of_rows`."""
    values, codes = squared(true, predicted, weights, flat)
    return np.sqrt(values), codes


def length(true: Floats, predicted: Floats, weights: Floats | None, flat: float) -> tuple[Floats, Ints]:
    """Return the length of the difference of rows; see `profiles.of_rows`."""
    values, codes = squared(true, predicted, weights, flat)
    return np.sqrt(values * (true.shape[1] if weights is None else weights.sum(axis=1))), codes


def error(name: str, of: OfRows, pairs: Pairs, meaning: str, genes: Genes = ALL) -> Metric:
    """Return a metric of the error of profiles.

    Parameters
    ----------
    name : str
        As its peer spells it.
    of : callable
        `squared`, `absolute`, `root` or `length`.
    pairs : callable
        Which profiles, see `profiles`.
    meaning : str
        One sentence.
    genes : Genes, optional
        Over which genes; all when left out.
    """

    def compute(comparison: Comparison) -> Values:
        return of_rows(of, comparison, pairs, genes)

    return Metric(name, "error", LOWER, compute, meaning, 0.0)


#: Of cell-eval: mean log1p values, and those less the mean of the control.
CELL_EVAL = (
    error("mse", squared, means, "Mean squared error of mean log1p values."),
    error("mae", absolute, means, "Mean absolute error of mean log1p values."),
    error("mse_delta", squared, effects, "Mean squared error of effects against the control."),
    error("mae_delta", absolute, effects, "Mean absolute error of effects against the control."),
)
#: Of cell-eval2: log1p of summed counts, scaled to 50,000.
CELL_EVAL2 = cell_eval2(
    error("expr_mse", squared, bulks, "Mean squared error of bulk profiles: log1p of summed counts, scaled."),
    error("expr_mae", absolute, bulks, "Mean absolute error of bulk profiles: log1p of summed counts, scaled."),
)
PERTURBENCH = (error("rmse_average", root, means, "Root mean squared error of mean log1p values."),)


def of_effects(scores: Scores, de: Genes) -> tuple[Metric, ...]:
    """Return squared errors of means over chosen genes: ``mse_top20``, 50, 100, ``mse_de``, ``wmse_exp1``, 2, 4.

    Parameters
    ----------
    scores : callable
        Score of each gene, by whose size genes are chosen and weighted.
    de : Genes
        The genes with a true difference.
    """
    subsets = (*(strongest(k, scores) for k in (20, 50, 100)), de)
    what = "Mean squared error of mean log1p values"
    return (
        *(error(f"mse_{genes.name}", squared, means, f"{what}, over chosen genes.", genes) for genes in subsets),
        *_weighted(scores),
    )


def _weighted(scores: Scores) -> tuple[Metric, ...]:
    return tuple(
        error(
            f"wmse_exp{power}",
            squared,
            means,
            f"Squared error weighted by the size of scores of the true difference, 0..1, to the power of {power}.",
            weighted(scores, power),
        )
        for power in (1, 2, 4)
    )


def scperteval(scores: Scores, de: Genes, least: int = 30) -> tuple[Metric, ...]:
    """Return the errors of scPertEval.

    Parameters
    ----------
    scores : callable
        t of each gene, perturbation against all other perturbed cells.
    de : Genes
        The genes with a difference at 0.05.
    least : int, default 30
        Perturbations of fewer cells have no value.
    """
    top = strongest(50, scores)
    return of_enough_cells(
        least,
        CELL_EVAL[0],
        *_weighted(scores),
        error("mse_top_k=50", squared, means, "Mean squared error over the 50 genes of largest |t|.", top),
        error("mse_degs_padj=0.05", squared, means, "Mean squared error over genes with a true difference.", de),
        error(
            f"l2_heg_k={HIGHLY_EXPRESSED}",
            length,
            means,
            f"Euclidean distance over the {HIGHLY_EXPRESSED} genes of highest control mean.",
            expressed(HIGHLY_EXPRESSED),
        ),
    )


def cz_benchmarks(scores: Scores, *, signed: bool = True) -> tuple[Metric, ...]:
    """Return the errors of the older perturbation task of cz-benchmarks.

    Parameters
    ----------
    scores : callable
        Wilcoxon score of each gene, truth against control.
    signed : bool, default True
        Whether the genes of largest score are taken, so that those that fall do not count: the peer's choice.
    """
    subsets = (ALL, *(strongest(k, scores, signed=signed) for k in (20, 100)))
    return tuple(
        error(
            "mean_squared_error" + ("" if genes is ALL else f"_{genes.name}"),
            squared,
            means,
            "Mean squared error of mean log1p values.",
            genes,
        )
        for genes in subsets
    )
