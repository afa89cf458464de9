"""How predicted profiles go with true ones: correlation, cosine and explained variance over genes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..comparison import HIGHER, MEAN_RESPONSE, NO_CHANGE, Comparison, Metric, Values
from .profiles import (
    ALL,
    Genes,
    OfRows,
    Pairs,
    Scores,
    beyond_others,
    bulk_effects,
    cell_eval2,
    effects,
    expressed,
    log_fold_changes,
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
    "SYSTEMA",
    "correlation",
    "cosine",
    "cz_benchmarks",
    "explained",
    "of_effects",
    "pearson",
    "scperteval",
    "spearman",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
#: Places in `profiles.REASONS`.
_NO_GENE, _TRUE_FLAT, _PREDICTED_FLAT = 1, 2, 3


def _sum(one: Floats, other: Floats, shares: Floats | None) -> Floats:
    """Return the mean of products of each row, weighted by shares that add up to 1."""
    if shares is None:
        return np.asarray(np.einsum("ij,ij->i", one, other) / one.shape[1])
    return np.asarray(np.einsum("ij,ij,ij->i", one, other, shares))


def _shares(weights: Floats | None) -> Floats | None:
    return None if weights is None else weights / weights.sum(axis=1, keepdims=True)


def _centred(rows: Floats, shares: Floats | None) -> Floats:
    middle = rows.mean(axis=1) if shares is None else np.einsum("ij,ij->i", rows, shares)
    return np.asarray(rows - middle[:, None])


def _angle(
    true: Floats, predicted: Floats, shares: Floats | None, flat: float, codes: Ints | None = None
) -> tuple[Floats, Ints]:
    """Return the cosine of rows, and why there is none."""
    of_true, of_predicted = _sum(true, true, shares), _sum(predicted, predicted, shares)
    if codes is None:
        codes = np.select(
            [np.isnan(of_true), of_true <= flat**2, of_predicted <= flat**2],
            [_NO_GENE, _TRUE_FLAT, _PREDICTED_FLAT],
            0,
        )
    values = _sum(true, predicted, shares) / np.sqrt(of_true * of_predicted)
    return np.where(codes == 0, np.clip(values, -1, 1), np.nan), codes


def cosine(true: Floats, predicted: Floats, weights: Floats | None, flat: float) -> tuple[Floats, Ints]:
    """Return the cosine of rows; see `profiles.of_rows`."""
    return _angle(true, predicted, _shares(weights), flat)


def pearson(true: Floats, predicted: Floats, weights: Floats | None, flat: float) -> tuple[Floats, Ints]:
    """Return Pearson's correlation of rows; see `profiles.of_rows`."""
    shares = _shares(weights)
    return _angle(_centred(true, shares), _centred(predicted, shares), shares, flat)


def spearman(true: Floats, predicted: Floats, weights: Floats | None, flat: float) -> tuple[Floats, Ints]:
    """Return Spearman's correlation of rows over genes whose weight is not 0; see `profiles.of_rows`."""
    from scipy.stats import rankdata

    inside = None if weights is None else (weights > 0).astype(np.float64)
    shares = _shares(inside)
    _, codes = pearson(true, predicted, inside, flat)
    ranked = []
    for rows in (true, predicted):
        # Genes that are left out come last, so that the ranks of the others are those among them.
        ranks = rankdata(rows if inside is None else np.where(inside > 0, rows, np.inf), axis=1)
        ranked.append(_centred(ranks, shares))
    return _angle(ranked[0], ranked[1], shares, flat, codes)


def explained(true: Floats, predicted: Floats, weights: Floats | None, flat: float) -> tuple[Floats, Ints]:
    """Return R squared of rows, 1 - SSE / SST over genes, not bounded below; see `profiles.of_rows`."""
    shares = _shares(weights)
    centred, off = _centred(true, shares), true - predicted
    spread = _sum(centred, centred, shares)
    codes = np.select([np.isnan(spread), spread <= flat**2], [_NO_GENE, _TRUE_FLAT], 0)
    return np.where(codes == 0, 1 - _sum(off, off, shares) / spread, np.nan), codes


def correlation(
    name: str, of: OfRows, pairs: Pairs, meaning: str, genes: Genes = ALL, zero: str = MEAN_RESPONSE
) -> Metric:
    """Return a metric of how profiles go together.

    Parameters
    ----------
    name : str
        As its peer spells it.
    of : callable
        `pearson`, `spearman`, `cosine` or `explained`.
    pairs : callable
        Which profiles, see `profiles`.
    meaning : str
        One sentence.
    genes : Genes, optional
        Over which genes; all when left out.
    zero : str, default "mean response"
        The baseline that has the score 0, see `Metric`.
    """

    def compute(comparison: Comparison) -> Values:
        return of_rows(of, comparison, pairs, genes)

    return Metric(name, "correlation", HIGHER, compute, meaning, 1.0, zero)


CELL_EVAL = (correlation("pearson_delta", pearson, effects, "Pearson's correlation of effects against the control."),)
CELL_EVAL2 = cell_eval2(
    correlation("delta_pearson", pearson, bulk_effects, "Pearson's correlation of effects of bulk profiles.")
)
PERTURBENCH = (correlation("cosine_logfc", cosine, log_fold_changes, "Cosine of log2 fold changes of mean values."),)

#: Which baseline is 0, by what profiles are taken against.
_ZEROS = {"ctrl": MEAN_RESPONSE, "pert": NO_CHANGE}
_AGAINST = {"ctrl": "against the control", "pert": "against the mean of the other perturbations"}


_KINDS = {
    "pearson": (pearson, "Pearson's correlation"),
    "spearman": (spearman, "Spearman's correlation"),
    "cosine": (cosine, "Cosine"),
    "r2": (explained, "R squared"),
}


def of_effects(scores: Scores, de: Genes) -> tuple[Metric, ...]:
    """Return every kind of agreement of effects, against the control and against the other perturbations.

    Parameters
    ----------
    scores : callable
        Score of each gene, by whose size genes are chosen and weighted.
    de : Genes
        The genes with a true difference.

    Returns
    -------
    tuple of Metric
        Called ``pearson_ctrl``, ``r2_pert_top50``, ``weighted_pearson_ctrl`` and so on: pearson, spearman, cosine, r2;
        ctrl, pert; over all genes, the 20, 50 and 100 of largest score (``top20``) and those with a difference
        (``de``); pearson and r2 weighted by the square of the score.
    """
    subsets = (ALL, *(strongest(k, scores) for k in (20, 50, 100)), de)
    square = weighted(scores, 2)
    found = []
    for against, pairs in (("ctrl", effects), ("pert", beyond_others())):
        for kind, (of, what) in _KINDS.items():
            whole = f"{what} of mean profiles {_AGAINST[against]}"
            for genes in subsets:
                name = f"{kind}_{against}" + ("" if genes is ALL else f"_{genes.name}")
                found.append(correlation(name, of, pairs, f"{whole}.", genes, _ZEROS[against]))
            if of in (pearson, explained):
                name = f"weighted_{kind}_{against}"
                said = f"{whole}, weighted by squared scores."
                found.append(correlation(name, of, pairs, said, square, _ZEROS[against]))
    return tuple(found)


def scperteval(scores: Scores, de: Genes, least: int = 30) -> tuple[Metric, ...]:
    """Return the correlations of scPertEval.

    Parameters
    ----------
    scores : callable
        t of each gene, perturbation against all other perturbed cells.
    de : Genes
        The genes with a difference at 0.05.
    least : int, default 30
        Perturbations of fewer cells have no value, and leave the mean of the others.
    """
    top, heg = strongest(50, scores), expressed(1000)
    against = {"ctrl": effects, "pert": beyond_others(least)}
    found = [
        correlation("pearson", pearson, means, "Pearson's correlation of mean log1p values."),
        correlation(
            "pearson_heg_k=1000", pearson, means, "Of means, over the 1,000 genes of highest control mean.", heg
        ),
        correlation("pearson_ctrl_heg_k=1000", pearson, effects, "Of effects, over the same 1,000 genes.", heg),
    ]
    for kind in ("pearson", "r2"):
        of, what = _KINDS[kind]
        for name, pairs in against.items():
            whole = f"{what} of mean profiles {_AGAINST[name]}"
            for ending, genes, which in (
                ("", ALL, ""),
                ("_top_k=50", top, ", over the 50 genes of largest |t|"),
                ("_degs_padj=0.05", de, ", over genes with a true difference"),
            ):
                found.append(correlation(f"{kind}_{name}{ending}", of, pairs, f"{whole}{which}.", genes, _ZEROS[name]))
            said = f"{whole}, weighted by t squared."
            found.append(
                correlation(f"weighted_{kind}_{name}_exp2", of, pairs, said, weighted(scores, 2), _ZEROS[name])
            )
    return of_enough_cells(least, *found)


def _moved(comparison: Comparison) -> Floats:
    return comparison.truth.effects


#: Of Systema, with the perturbation itself left out of the mean over the others.
SYSTEMA = (
    correlation(
        "corr_all_allpert", pearson, beyond_others(), f"Pearson's correlation of mean profiles {_AGAINST['pert']}."
    ),
    correlation(
        "corr_20de_allpert",
        pearson,
        beyond_others(),
        f"Pearson's correlation of mean profiles {_AGAINST['pert']}, over the 20 genes that the truth moves most.",
        strongest(20, _moved, tested=False),
    ),
)


def cz_benchmarks(scores: Scores, *, signed: bool = True) -> tuple[Metric, ...]:
    """Return the correlations of the older perturbation task of cz-benchmarks.

    Parameters
    ----------
    scores : callable
        Wilcoxon score of each gene, truth against control.
    signed : bool, default True
        Whether the genes of largest score are taken, so that those that fall do not count: the peer's choice.
    """
    subsets = (ALL, *(strongest(k, scores, signed=signed) for k in (20, 100)))
    return tuple(
        correlation(
            "pearson_correlation" + ("" if genes is ALL else f"_{genes.name}"),
            pearson,
            effects,
            "Pearson's correlation of effects against the control.",
            genes,
        )
        for genes in subsets
    )
