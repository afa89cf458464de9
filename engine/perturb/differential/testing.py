"""Differential expression of each perturbation: test, fold change, false discovery rate, all genes at once."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ....kernels.expression import GroupSums
from ...errors import InputError
from ...statistics.false_discovery import benjamini_hochberg
from ...statistics.two_samples import mann_whitney_p, sample_variance, welch
from ..comparison import ONE_CELL, Comparison
from ..screens.screen import COUNTS, LOG1P
from ..screens.side import Side
from .settings import ALL, CONTROL, OVERESTIMATED, REST, WELCH, WILCOXON, DifferentialSettings

__all__ = [
    "Differential",
    "Pair",
    "differential",
    "expression_means",
    "pair",
    "provide",
    "true_calls",
    "true_effects",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Differential:
    """Differential expression of each perturbation.

    Attributes
    ----------
    settings : DifferentialSettings
        How it was found.
    statistic : ndarray of float64, shape (conditions, genes)
        U of a perturbation's cells, or t.
    p, adjusted : ndarray of float64, shape (conditions, genes)
        P-values, and those adjusted for the false discovery rate; NaN where nothing was tested. By rank sums, a gene
        whose values are all equal has p = 1, and one cell is enough; by Welch's t it takes two cells, and a gene that
        varies in neither sample has p = 1.
    change : ndarray of float64, shape (conditions, genes)
        Log2 fold change.
    genes : ndarray of bool, shape (genes,)
        Which were tested.
    sizes, reference_sizes : ndarray of int64, shape (conditions,)
        Cells of each perturbation, and of what it is compared with.
    reasons : mapping of int to str
        Why a perturbation has no p-values.
    """

    settings: DifferentialSettings
    statistic: Floats
    p: Floats
    adjusted: Floats
    change: Floats
    genes: Bools
    sizes: Ints
    reference_sizes: Ints
    reasons: dict[int, str] = field(default_factory=dict)

    @cached_property
    def significant(self) -> Bools:
        """Whether each gene is significant, (conditions, genes)."""
        return np.asarray(self.adjusted < self.settings.alpha)

    @cached_property
    def counts(self) -> Ints:
        """Significant genes of each perturbation, (conditions,)."""
        return np.asarray(self.significant.sum(axis=1))

    @cached_property
    def places(self) -> npt.NDArray[np.int32]:
        """Place of each significant gene among those of its perturbation, the largest change of either sign first.

        Shape (conditions, genes); ties in the order of the genes; that of other genes comes after.
        """
        return _places(np.where(self.significant, -np.abs(self.change), np.nan))

    @property
    def effect(self) -> Floats:
        """t, or Cliff's delta: how much more often a value is larger than smaller; (conditions, genes), signed."""
        if self.settings.method != WILCOXON:
            return self.statistic
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(2 * self.statistic / (self.sizes * self.reference_sizes)[:, None] - 1)

    def leading(self, k: int, *, signed: bool = False) -> Bools:
        """Say which genes have the largest effects, (conditions, genes): up to k of those tested.

        Parameters
        ----------
        k : int
            How many.
        signed : bool, default False
            Whether the most positive ones are meant, instead of those largest of either sign.
        """
        effect = self.effect
        places = _places(np.where(self.genes, -(effect if signed else np.abs(effect)), np.nan))
        return np.asarray((places < k) & self.genes)


def _places(keys: Floats) -> npt.NDArray[np.int32]:
    """Return the place of each key in its row, from low to high; ties as they come, NaN last."""
    order = np.argsort(keys, axis=1, kind="stable")
    places = np.empty(keys.shape, np.int32)
    np.put_along_axis(places, order, np.arange(keys.shape[1], dtype=np.int32)[None], axis=1)
    return places


@dataclass(frozen=True)
class Pair:
    """Differential expression of truth and prediction.

    Attributes
    ----------
    truth, prediction : Differential
        Of the same genes.
    """

    truth: Differential
    prediction: Differential


def pair(comparison: Comparison, settings: DifferentialSettings) -> Pair:
    """Find differential expression of both sides of a comparison, each once.

    The genes tested, and the cells of other perturbations, are those of the truth for both.
    """
    truth = differential(comparison.truth, settings)
    return Pair(truth, differential(comparison.prediction, settings, comparison.truth))


def true_effects(comparison: Comparison, settings: DifferentialSettings) -> Floats:
    """Return the effects of the truth, (conditions, genes): what chooses or weighs genes in metrics of profiles."""
    return differential(comparison.truth, settings).effect


def true_calls(comparison: Comparison, settings: DifferentialSettings) -> Bools:
    """Return which genes are significant in the truth, (conditions, genes)."""
    return differential(comparison.truth, settings).significant


def differential(side: Side, settings: DifferentialSettings, truth: Side | None = None) -> Differential:
    """Find differential expression of every perturbation, once for a side.

    Parameters
    ----------
    side : Side
        Cells of perturbations and control.
    settings : DifferentialSettings
        How.
    truth : Side, optional
        Where `side` is a prediction: what decides which genes are tested, and has the cells of other perturbations.

    Raises
    ------
    InputError
        A prediction against the cells of other perturbations, other than by Welch's t.
    """
    return side.once(_key(settings, truth), lambda: _found(side, settings, truth or side))


def provide(found: Differential, side: Side, truth: Side | None = None) -> None:
    """Let a side have differential expression that was found elsewhere; before any metric asks for it.

    Parameters
    ----------
    found : Differential
        What `differential` returns from now on, for its settings.
    side : Side
        Whose it is.
    truth : Side, optional
        Where `side` is a prediction.
    """
    side.once(_key(found.settings, truth), lambda: found)


def _key(settings: DifferentialSettings, truth: Side | None) -> Hashable:
    return "differential", settings, truth


def _found(side: Side, settings: DifferentialSettings, truth: Side) -> Differential:
    genes = _tested(truth, settings)
    sizes = side.sizes[:-1]
    rest = settings.reference == REST
    others = truth.sizes[:-1].sum() - truth.sizes[:-1] if rest else np.full(len(sizes), side.sizes[-1])
    if settings.method == WILCOXON:
        if rest and truth is not side:
            raise InputError(
                "Rank sums of a prediction against the other perturbations of the truth are not there; use method "
                f"{WELCH!r} or reference {CONTROL!r}."
            )
        sums = side.rank_sums(settings.tested, against_rest=rest)
        statistic = sums.doubled_u[:-1] / 2
        p = mann_whitney_p(sums.doubled_u[:-1], sums.ties[:-1], sizes, others)
        least = 1
    else:
        statistic, p = _welch(side, settings, truth)
        least = 2
    p[:, ~genes] = np.nan
    adjusted = benjamini_hochberg(p.ravel() if settings.correction == ALL else p).reshape(p.shape)
    return Differential(
        settings, statistic, p, adjusted, _change(side, settings, truth), genes, sizes, others, _reasons(sizes, least)
    )


def _reasons(sizes: Ints, least: int) -> dict[int, str]:
    few = np.flatnonzero(sizes < least)
    told = {0: "There are no cells of this perturbation.", 1: ONE_CELL}
    return {int(place): told[int(sizes[place])] for place in few}


def _cpm(side: Side) -> float:
    """Return what makes scaled counts of a side counts per million."""
    if side.screen.values == COUNTS:
        return 1e6 / side.total
    total = float(side.unlogged_sums.sums.sum())  # of all cells: each has the same
    return 1e6 * len(side.screen) / total if total else 1.0


def _tested(truth: Side, settings: DifferentialSettings) -> Bools:
    """Say which genes are tested, (genes,)."""
    if settings.least_cpm is None:
        return np.ones(len(truth.panel.genes), np.bool_)
    control = truth.mean_of(truth.unlogged_sums.sums)[-1] * _cpm(truth)
    return np.asarray(control > settings.least_cpm)


def _sums(side: Side, kind: str) -> GroupSums:
    return side.log_sums if kind == LOG1P else side.unlogged_sums


def _others(sums: Floats) -> Floats:
    """Return sums over all perturbations but each; the last row, of the control, is left out."""
    return np.asarray(sums[:-1].sum(axis=0) - sums[:-1])


def _welch(side: Side, settings: DifferentialSettings, truth: Side) -> tuple[Floats, Floats]:
    mine = _sums(side, settings.tested)
    n = side.sizes[:-1, None].astype(np.float64)
    if settings.reference == REST:
        theirs = _sums(truth, settings.tested)
        sums, squares = _others(theirs.sums), _others(theirs.squares)
        m = _others(truth.sizes[:, None].astype(np.float64))
    else:
        sums, squares, m = mine.sums[-1:], mine.squares[-1:], side.sizes[-1:, None].astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        means, other_means = mine.sums[:-1] / n, sums / m
    return welch(
        means,
        sample_variance(mine.sums[:-1], mine.squares[:-1], n),
        n,
        other_means,
        sample_variance(sums, squares, m),
        n if settings.method == OVERESTIMATED else m,
    )


def expression_means(side: Side, settings: DifferentialSettings, truth: Side | None = None) -> tuple[Floats, Floats]:
    """Return what fold changes are between.

    Parameters
    ----------
    side : Side
        Cells of perturbations and control.
    settings : DifferentialSettings
        Which means, and of what.
    truth : Side, optional
        What has the cells of other perturbations, where `side` is a prediction.

    Returns
    -------
    means : ndarray of float64, shape (conditions, genes)
        Of each perturbation: of counts per million, or expm1 of the mean of log1p values; NaN where it has no cells.
    others : ndarray of float64, shape (1, genes) or (conditions, genes)
        Of the control, or of the other perturbations of each.
    """
    mine = side.mean_of(_sums(side, settings.change).sums)
    means, theirs, of = mine[:-1], mine[-1:], side
    if settings.reference == REST:
        of = truth or side
        with np.errstate(invalid="ignore", divide="ignore"):
            theirs = _others(_sums(of, settings.change).sums) / _others(of.sizes[:, None].astype(np.float64))
    if settings.change == LOG1P:
        return np.expm1(means), np.expm1(theirs)
    return means * _cpm(side), theirs * _cpm(of)


def _change(side: Side, settings: DifferentialSettings, truth: Side) -> Floats:
    """Return log2 fold changes, (conditions, genes)."""
    means, theirs = expression_means(side, settings, truth)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.log2((means + settings.pseudocount) / (theirs + settings.pseudocount))
    if not settings.pseudocount:
        found[(means == 0) & (theirs == 0)] = 0
    return np.asarray(found)
