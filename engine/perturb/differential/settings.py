"""How differential expression is found, as the tools that made it known have it."""

from __future__ import annotations

from dataclasses import dataclass

from ..screens.screen import LOG1P, SCALED

__all__ = [
    "ALL",
    "CELL_EVAL",
    "CELL_EVAL2",
    "CONTROL",
    "CZ_BENCHMARKS",
    "OVERESTIMATED",
    "PERTURBATION",
    "REST",
    "SCPERTEVAL",
    "WELCH",
    "WILCOXON",
    "DifferentialSettings",
]

#: Tests: Mann and Whitney's; Welch's t; the same with a reference of as few cells as the perturbation.
WILCOXON, WELCH, OVERESTIMATED = "wilcoxon", "t-test", "t-test_overestim_var"
#: What perturbations are compared with: control cells, or the cells of all other perturbations.
CONTROL, REST = "control", "rest"
#: Over which tests false discovery rates are controlled: those of each perturbation, or all.
PERTURBATION, ALL = "perturbation", "all"


@dataclass(frozen=True)
class DifferentialSettings:
    """How differential expression is found.

    Attributes
    ----------
    method : {"wilcoxon", "t-test", "t-test_overestim_var"}, default "wilcoxon"
        Two-sided test. The last takes the reference to have as few cells as the perturbation, as scanpy's does.
    reference : {"control", "rest"}, default "control"
        Control cells, or the cells of all other perturbations.
    tested : {"log1p", "scaled"}, default "log1p"
        Values that are tested: log1p of scaled counts, or scaled counts. Ranks are the same.
    change : {"log1p", "scaled"}, default "log1p"
        Fold changes are between means of scaled counts (in counts per million), or between expm1 of the means of log1p
        values.
    pseudocount : float, default 0
        Added to both means. With 0, a gene that only one of both has changes by infinity, and one that neither has
        does not change.
    least_cpm : float, optional
        Genes are tested whose mean in the control cells of the truth is above so many counts per million: the same
        genes for every prediction.
    correction : {"perturbation", "all"}, default "perturbation"
        Over which tests the false discovery rate is controlled (Benjamini and Hochberg): with "all", results depend on
        which other perturbations there are.
    alpha : float, default 0.05
        A gene is significant whose adjusted p-value is below.
    """

    method: str = WILCOXON
    reference: str = CONTROL
    tested: str = LOG1P
    change: str = LOG1P
    pseudocount: float = 0.0
    least_cpm: float | None = None
    correction: str = PERTURBATION
    alpha: float = 0.05


#: As cell-eval 0.8, cell-eval2 (``vcc2026``), scPertEval and the older cz-benchmarks have it.
CELL_EVAL = DifferentialSettings()
CELL_EVAL2 = DifferentialSettings(tested=SCALED, change=SCALED, pseudocount=1e-9, least_cpm=5.0)
SCPERTEVAL = DifferentialSettings(method=WELCH, reference=REST)
CZ_BENCHMARKS = DifferentialSettings(pseudocount=1e-9)
