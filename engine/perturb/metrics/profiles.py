"""What metrics of mean profiles share: which profiles are put side by side, over which genes, and how rows are worked.

Profiles have a row a perturbation and a column a gene. Genes are chosen from the truth alone, so that a prediction has
no say in it; every choice is a list of columns or a table of weights, and a metric is one function of rows and weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..comparison import NO_RESPONSE, OF_MEANS, Comparison, Metric, Values
from ..screens.screen import COUNTS
from ..screens.side import Side

__all__ = [
    "ALL",
    "BULK_TOTAL",
    "FLAT",
    "Genes",
    "Pairs",
    "Scores",
    "beyond_others",
    "bulk",
    "bulk_effects",
    "bulks",
    "cell_eval2",
    "effects",
    "expressed",
    "flat",
    "log_fold_changes",
    "means",
    "of_enough_cells",
    "of_rows",
    "significant",
    "strongest",
    "weighted",
]

#: Profiles that vary by less than this share of the largest mean of the truth are flat: what float32 rounds away.
FLAT = 1e-7
#: To which a bulk profile is scaled before log1p, as cell-eval2 does.
BULK_TOTAL = 5e4
#: Values of a block of rows that is worked at once.
_BLOCK = 1 << 20
_PSEUDOCOUNT = 0.1  # of fold changes, as PerturBench

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
#: A score of every gene for every perturbation of the truth, (conditions, genes); NaN counts as 0.
Scores = Callable[[Comparison], npt.NDArray[np.floating]]
#: Profiles of truth and prediction, each (conditions, genes).
Pairs = Callable[[Comparison], tuple[Floats, Floats]]
#: Values and reasons of rows of truth and prediction under weights; see `of_rows`.
OfRows = Callable[[Floats, Floats, "Floats | None", float], "tuple[Floats, npt.NDArray[np.int64]]"]

#: Why a row has no value, by the code that row functions return.
REASONS = (
    "",
    "No gene is chosen for this perturbation.",
    "The true profile does not vary over these genes.",
    NO_RESPONSE,
)


def means(comparison: Comparison) -> tuple[Floats, Floats]:
    """Return mean log1p values."""
    return comparison.truth.means[:-1], comparison.prediction.means[:-1]


def effects(comparison: Comparison) -> tuple[Floats, Floats]:
    """Return means less those of the control."""
    return comparison.truth.effects, comparison.prediction.effects


def beyond_others(least: int = 0) -> Pairs:
    """Return profiles less the mean over the true means of the other perturbations.

    Parameters
    ----------
    least : int, default 0
        Perturbations of fewer cells are left out of that mean.
    """

    def pairs(comparison: Comparison) -> tuple[Floats, Floats]:
        others = comparison.others_mean
        if least:
            truth = comparison.truth
            others = truth.once(("others", least), lambda: _others_mean(truth, least))
        true, predicted = means(comparison)
        return true - others, predicted - others

    return pairs


def _others_mean(truth: Side, least: int) -> Floats:
    rows = truth.means[:-1]
    there = truth.sizes[:-1] >= max(least, 1)
    total = rows[there].sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((total - np.where(there[:, None], rows, 0)) / (there.sum() - there[:, None]))


def log_fold_changes(comparison: Comparison) -> tuple[Floats, Floats]:
    """Return log2 of means over those of the control, 0.1 added to both (PerturBench)."""
    found = [
        np.log2((side.means[:-1] + _PSEUDOCOUNT) / (side.control_mean + _PSEUDOCOUNT))
        for side in (comparison.truth, comparison.prediction)
    ]
    return found[0], found[1]


def bulk(side: Side, total: float = BULK_TOTAL) -> Floats:
    """Return log1p of the summed counts of each condition, scaled to one total.

    A function of the sums alone, so that it does not tell how counts are spread over cells.

    Parameters
    ----------
    side : Side
        Of counts.
    total : float, default 50,000
        Of each profile before log1p.

    Returns
    -------
    ndarray of float64, shape (conditions + 1, genes)
        NaN for a condition without cells, 0 for one without counts.
    """

    def compute() -> Floats:
        sums = side.count_sums.sums
        whole = sums.sum(axis=1, keepdims=True)
        profiles = np.log1p(sums / np.where(whole == 0, 1, whole) * total)
        profiles[side.sizes == 0] = np.nan
        return profiles

    return side.once(("bulk", total), compute)


def bulks(comparison: Comparison) -> tuple[Floats, Floats]:
    """Return `bulk` profiles of perturbations."""
    return bulk(comparison.truth)[:-1], bulk(comparison.prediction)[:-1]


def bulk_effects(comparison: Comparison) -> tuple[Floats, Floats]:
    """Return `bulk` profiles less that of the true control."""
    control = bulk(comparison.truth)[-1]
    true, predicted = bulks(comparison)
    return true - control, predicted - control


def cell_eval2(*metrics: Metric) -> tuple[Metric, ...]:
    """Return metrics of counts that say of other values that they cannot be computed."""

    def guarded(metric: Metric) -> Metric:
        def compute(comparison: Comparison) -> Values:
            if comparison.truth.screen.values != COUNTS or comparison.prediction.screen.values != COUNTS:
                nothing = np.full(len(comparison.judged), np.nan)
                return Values(nothing, {}, float("nan"), "The metric needs counts; these are log1p values.")
            return metric.compute(comparison)

        return replace(metric, compute=compute)

    return tuple(guarded(metric) for metric in metrics)


def of_enough_cells(least: int, *metrics: Metric) -> tuple[Metric, ...]:
    """Return metrics without values for perturbations of fewer than `least` true cells."""

    def guarded(metric: Metric) -> Metric:
        def compute(comparison: Comparison) -> Values:
            found = metric.compute(comparison)
            few = comparison.truth.sizes[:-1] < least
            if not few.any() or not found.averaged:
                return found
            reasons = dict(found.reasons) | {int(place): f"Fewer than {least} cells." for place in np.flatnonzero(few)}
            return Values.mean(np.where(few, np.nan, found.of_conditions), reasons, **found.params)

        return replace(metric, compute=compute)

    return tuple(guarded(metric) for metric in metrics)


@dataclass(frozen=True)
class Genes:
    """Genes that a metric is computed from.

    Attributes
    ----------
    name : str
        In the column ``subset``.
    columns : callable, optional
        ``comparison -> (conditions, k)``: the genes of each perturbation.
    weights : callable, optional
        ``comparison -> (conditions, genes)``, 0 or more; they need not add up to 1.
    tested : bool, default True
        Whether they come from tests of true cells, so that of means of conditions there are none.
    """

    name: str
    columns: Callable[[Comparison], Ints] | None = None
    weights: Callable[[Comparison], npt.NDArray[np.generic]] | None = None
    tested: bool = True


ALL = Genes("all", tested=False)


def strongest(k: int, scores: Scores, *, signed: bool = False, tested: bool = True) -> Genes:
    """Return the k genes of largest score.

    Parameters
    ----------
    k : int
        All genes where there are no more; the first by column where scores are equal.
    scores : callable
        Of the truth.
    signed : bool, default False
        Whether the largest scores are taken, instead of those of largest absolute value.
    tested : bool, default True
        Whether scores come from tests of cells.
    """

    def columns(comparison: Comparison) -> Ints:
        def compute() -> Ints:
            found = np.nan_to_num(scores(comparison))
            return np.argsort(-(found if signed else np.abs(found)), axis=1, kind="stable")[:, :k]

        return comparison.truth.once(("strongest", k, scores, signed), compute)

    return Genes(f"top{k}", columns, tested=tested)


def expressed(k: int) -> Genes:
    """Return the k genes of highest mean in the true control."""

    def columns(comparison: Comparison) -> Ints:
        order = np.argsort(-comparison.truth.control_mean, kind="stable")[:k]
        return np.broadcast_to(order, (len(comparison.judged), len(order)))

    return Genes(f"expressed{k}", columns, tested=False)


def significant(chosen: Callable[[Comparison], npt.NDArray[np.bool_]], name: str = "de") -> Genes:
    """Return the genes that a table of booleans, (conditions, genes), marks."""
    return Genes(name, weights=chosen)


def weighted(scores: Scores, power: float) -> Genes:
    """Return all genes, weighted by the size of their scores.

    Absolute scores of a perturbation are moved and scaled to 0..1 and raised to `power`; NaN and infinity weigh 0, and
    where all are equal all genes weigh the same (Mejia et al. 2025, arXiv:2506.22641).
    """

    def weights(comparison: Comparison) -> Floats:
        sizes = np.abs(np.asarray(scores(comparison), np.float64))
        sizes[~np.isfinite(sizes)] = np.nan
        known = ~np.isnan(sizes)
        low = np.min(sizes, axis=1, keepdims=True, initial=np.inf, where=known)
        high = np.max(sizes, axis=1, keepdims=True, initial=-np.inf, where=known)
        spread = high - low
        with np.errstate(invalid="ignore", divide="ignore"):
            found = np.where(known, (sizes - low) / spread, 0.0) ** power
        found[(spread == 0)[:, 0]] = 1.0
        found[~known.any(axis=1)] = 0.0
        return found

    return Genes(f"weighted{power:g}", weights=weights)


def flat(comparison: Comparison) -> float:
    """Return the standard deviation below which a profile does not vary."""
    return FLAT * float(np.nanmax(np.abs(comparison.truth.means), initial=0.0))


def of_rows(of: OfRows, comparison: Comparison, pairs: Pairs, genes: Genes, **params: object) -> Values:
    """Compute a value of each perturbation from its true and predicted profile.

    Parameters
    ----------
    of : callable
        ``(truth, prediction, weights, flat) -> (values, codes)`` of some rows: weights (rows, genes) or None, `flat` as
        of the function of that name, codes the places in `REASONS`, 0 where there is a value.
    comparison : Comparison
        Truth and prediction.
    pairs : callable
        Which profiles.
    genes : Genes
        Over which genes.
    **params
        What else to tell.
    """
    if genes.tested and not comparison.truth.screen.of_cells:
        n = len(comparison.judged)
        return Values.mean(np.full(n, np.nan), dict.fromkeys(range(n), OF_MEANS), subset=genes.name, **params)
    true, predicted = pairs(comparison)
    columns = genes.columns(comparison) if genes.columns else None
    weights = genes.weights(comparison) if genes.weights else None
    floor = flat(comparison)
    n, m = true.shape
    values, codes = np.full(n, np.nan), np.zeros(n, np.int64)
    judged = np.flatnonzero(comparison.judged)
    step = max(1, _BLOCK // max(m, 1))
    for start in range(0, len(judged), step):
        rows = judged[start : start + step]
        one, other = true[rows], predicted[rows]
        if columns is not None:
            one, other = (np.take_along_axis(table, columns[rows], axis=1) for table in (one, other))
        mine = None if weights is None else np.asarray(weights[rows], np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            values[rows], codes[rows] = of(one, other, mine, floor)
    reasons = {int(place): REASONS[codes[place]] for place in np.flatnonzero(codes)}
    return Values.mean(values, reasons, subset=genes.name, **params)
