"""Metrics of differential expression, under the names of the tools that made them known."""

from __future__ import annotations

from functools import partial

from ..comparison import HIGHER, LOWER, NEITHER, Metric
from ..differential.settings import CELL_EVAL, CELL_EVAL2, CZ_BENCHMARKS, SCPERTEVAL, DifferentialSettings
from ..metrics import gene_changes as changes
from ..metrics import gene_recovery as recovery
from ..metrics import gene_sets as sets

__all__ = ["cell_eval", "cell_eval2", "cz_benchmarks", "scperteval"]

FAMILY = "differential"
NAN = float("nan")
DEPTHS = (50, 100, 200, 500)


def cell_eval(settings: DifferentialSettings = CELL_EVAL, *, peer: bool = False) -> tuple[Metric, ...]:
    """Return the metrics of cell-eval 0.8.

    Parameters
    ----------
    settings : DifferentialSettings
        How differential expression is found.
    peer : bool, default False
        Whether a value that is not defined is what cell-eval gives, instead of none.

    Returns
    -------
    tuple of Metric
        ``overlap_at_N`` is DES, the differential expression score.
    """
    zero, one = (0.0, 1.0) if peer else (NAN, NAN)
    overlaps, precisions = [], []
    for k, shown in ((None, "N"), *((k, str(k)) for k in DEPTHS)):
        leading = "all significant genes" if k is None else f"{k} significant genes of the largest changes"
        overlaps.append(
            Metric(
                f"overlap_at_{shown}",
                FAMILY,
                HIGHER,
                partial(sets.overlap, settings=settings, k=k, peer=zero),
                f"Share of {leading} of the truth that lead in the prediction.",
                1.0,
            )
        )
        precisions.append(
            Metric(
                f"precision_at_{shown}",
                FAMILY,
                HIGHER,
                partial(sets.precision, settings=settings, k=k, peer=zero),
                f"Share of {leading} of the prediction that lead in the truth.",
                1.0,
            )
        )
    return (
        *overlaps,
        *precisions,
        Metric(
            "de_spearman_sig",
            FAMILY,
            HIGHER,
            partial(sets.correlation_of_counts, settings=settings, peer=one),
            "Rank correlation of the numbers of significant genes over perturbations.",
            1.0,
        ),
        Metric(
            "de_direction_match",
            FAMILY,
            HIGHER,
            partial(changes.direction_match, settings=settings),
            "Share of the significant genes of the truth that change with the same sign.",
            1.0,
        ),
        Metric(
            "de_spearman_lfc_sig",
            FAMILY,
            HIGHER,
            partial(changes.change_spearman, settings=settings),
            "Rank correlation of log fold changes over the significant genes of the truth.",
            1.0,
        ),
        Metric(
            "de_sig_genes_recall",
            FAMILY,
            HIGHER,
            partial(sets.recall, settings=settings),
            "Share of the significant genes of the truth that are significant in the prediction.",
            1.0,
        ),
        Metric(
            "de_nsig_counts_real",
            FAMILY,
            NEITHER,
            partial(sets.counts, settings=settings, side="truth"),
            "Significant genes of the truth.",
            NAN,
        ),
        Metric(
            "de_nsig_counts_pred",
            FAMILY,
            NEITHER,
            partial(sets.counts, settings=settings, side="prediction"),
            "Significant genes of the prediction.",
            NAN,
        ),
        *(
            Metric(
                f"{area}_auc",
                FAMILY,
                HIGHER,
                partial(recovery.by_p_value, settings=settings, area=area),
                f"Area under the {area.upper()} curve of true significant genes, by predicted adjusted p-value.",
                1.0,
            )
            for area in ("pr", "roc")
        ),
    )


def cell_eval2(settings: DifferentialSettings = CELL_EVAL2, *, peer: bool = False) -> tuple[Metric, ...]:
    """Return the metrics of cell-eval2 0.20; the first four are of the competition rule ``vcc2026``.

    Parameters
    ----------
    settings : DifferentialSettings
        How differential expression is found.
    peer : bool, default False
        Whether a value that is not defined is what cell-eval2 gives, instead of none.
    """
    zero, one, least = (0.0, 1.0, -1.0) if peer else (NAN, NAN, NAN)
    return (
        Metric(
            "de_wilcoxon_direction_fidelity_yield_raw",
            FAMILY,
            HIGHER,
            partial(changes.direction_fidelity, settings=settings),
            "Predicted significant genes with the true sign, of as many as either side calls significant.",
            1.0,
        ),
        Metric(
            "de_wilcoxon_direction_reach_raw",
            FAMILY,
            HIGHER,
            partial(changes.direction_reach, settings=settings),
            "Share of the true significant genes, in predicted order, down to which 90 % have the true sign.",
            1.0,
        ),
        Metric(
            "de_wilcoxon_sig_jaccard",
            FAMILY,
            HIGHER,
            partial(sets.jaccard, settings=settings, peer=one),
            "Genes significant in both of those significant in either.",
            1.0,
        ),
        Metric(
            "de_wilcoxon_lfc_nmae",
            FAMILY,
            LOWER,
            partial(changes.change_error, settings=settings),
            "Errors of log fold changes of true significant genes, relative to their size; 1: no change.",
            0.0,
        ),
        Metric(
            "de_wilcoxon_direction_fidelity_yield",
            FAMILY,
            HIGHER,
            partial(changes.direction_yield, settings=settings, peer=peer),
            "Signs of predicted significant genes that are true, beyond the sign that most true ones have.",
            1.0,
        ),
        Metric(
            "de_wilcoxon_sig_jaccard_signed",
            FAMILY,
            HIGHER,
            partial(sets.jaccard, settings=settings, signed=True, peer=one),
            "Genes significant with the same sign in both of those significant in either; not in cell-eval2.",
            1.0,
        ),
        Metric(
            "de_wilcoxon_overlap",
            FAMILY,
            HIGHER,
            partial(sets.overlap, settings=settings, peer=zero),
            "Share of all significant genes of the truth that lead in the prediction.",
            1.0,
        ),
        Metric(
            "de_wilcoxon_precision",
            FAMILY,
            HIGHER,
            partial(sets.precision, settings=settings, peer=zero),
            "Share of all significant genes of the prediction that lead in the truth.",
            1.0,
        ),
        *(
            Metric(
                f"de_wilcoxon_{name}",
                FAMILY,
                HIGHER,
                partial(sets.agreement, settings=settings, measure=measure, peer=least),
                meaning,
                1.0,
            )
            for name, measure, meaning in (
                ("sig_mcc", "mcc", "Matthews' correlation of significant genes: agreement beyond chance."),
                ("sig_recall_adjusted", "informedness", "Recall of significant genes beyond chance."),
                ("precision_adjusted", "markedness", "Precision of significant genes beyond chance."),
            )
        ),
    )


def scperteval(settings: DifferentialSettings = SCPERTEVAL, *, k: int = 50) -> tuple[Metric, ...]:
    """Return the metrics of scPertEval 0.2: genes that set a perturbation apart from all others.

    Parameters
    ----------
    settings : DifferentialSettings
        How differential expression is found.
    k : int, default 50
        How many genes lead.
    """
    return (
        *(
            Metric(
                f"de_au{area if area == 'roc' else 'prc'}",
                FAMILY,
                HIGHER,
                partial(recovery.by_effect, settings=settings, area=area),
                f"Area under the {area.upper()} curve of true genes against all perturbed cells, by predicted |t|.",
                1.0,
            )
            for area in ("pr", "roc")
        ),
        Metric(
            f"de_overlap_k={k}",
            FAMILY,
            HIGHER,
            partial(sets.leading_overlap, settings=settings, k=k),
            f"Share of the {k} genes of the largest true |t| that have the largest predicted ones.",
            1.0,
        ),
    )


def cz_benchmarks(settings: DifferentialSettings = CZ_BENCHMARKS) -> tuple[Metric, ...]:
    """Return the Jaccard indices of cz-benchmarks up to 0.10, by signed statistics, and by those of either sign."""
    return tuple(
        Metric(
            f"jaccard_top{k}{'' if signed else '_absolute'}",
            FAMILY,
            HIGHER,
            partial(sets.leading_jaccard, settings=settings, k=k, signed=signed),
            f"Genes among the {k} {'that go up most' if signed else 'of the largest effects'} in both, of those in "
            "either.",
            1.0,
        )
        for signed in (True, False)
        for k in (20, 100)
    )
