"""Sets of metrics, with the settings that they are computed with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from ..choices import did_you_mean
from ..errors import InputError
from .comparison import Comparison, Metric
from .differential.settings import CELL_EVAL, CELL_EVAL2, CZ_BENCHMARKS, SCPERTEVAL, DifferentialSettings
from .differential.testing import differential, true_calls, true_effects
from .metrics import correlations, distances, errors, noise, retrieval, structure
from .metrics import differential as genes
from .metrics.profiles import significant
from .screens.side import Side

__all__ = ["Preset", "chosen", "preset_of"]


@dataclass(frozen=True)
class Preset:
    """Metrics and what they share.

    Attributes
    ----------
    name : str
        As ``--preset`` has it.
    total : float
        To which the counts of a cell are scaled before log1p.
    own_controls : bool
        Whether effects of a prediction are taken against its own control cells, instead of the true ones.
    literal : bool
        Whether a perturbation acts on the gene of its name alone, so that ``A+B`` is no gene.
    needs_counts : bool
        Whether the metrics need counts.
    metrics : tuple of Metric
        In the order of the tables.
    tested : DifferentialSettings
        How the differential expression is found that its metrics compare.
    """

    name: str
    total: float
    own_controls: bool
    literal: bool
    needs_counts: bool
    metrics: tuple[Metric, ...]
    tested: DifferentialSettings = CELL_EVAL


#: Totals of a cell before log1p: of the Virtual Cell Challenge 2026, and of most other tools.
_DEEP, _USUAL = 5e4, 1e4
#: Forms of distances that are judged; the others differ in what numbers of cells do to them.
_DISTANCES = ("energy_distance_u", "mmd2_rbf_u")


def _statistic(side: Side) -> npt.NDArray[np.float64]:
    """Welch's t of each perturbation against the other perturbed cells: what tells it from the others."""
    return differential(side, SCPERTEVAL).effect


def _beyond_targets(side: Side) -> npt.NDArray[np.float64]:
    """The same, 0 for the genes that a perturbation acts on: what it does to these is known beforehand."""

    def compute() -> npt.NDArray[np.float64]:
        found = _statistic(side).copy()
        for place, own in enumerate(side.panel.targets):
            found[place, own] = 0.0
        return found

    return side.once("effects beyond targets", compute)


def _of_truth(comparison: Comparison) -> npt.NDArray[np.float64]:
    return _statistic(comparison.truth)


def _of_truth_beyond_targets(comparison: Comparison) -> npt.NDArray[np.float64]:
    return _beyond_targets(comparison.truth)


_DE = significant(partial(true_calls, settings=SCPERTEVAL))


def _named(metrics: Iterable[Metric], names: Sequence[str]) -> tuple[Metric, ...]:
    """Return some metrics, in the order of the names."""
    there = {metric.name: metric for metric in metrics}
    return tuple(there[name] for name in names)


def _default() -> Preset:
    """The metrics that tell most: one or two a question, genes tested as in the challenge of 2026."""
    effects = correlations.of_effects(_of_truth_beyond_targets, _DE)
    tested = (*genes.cell_eval(CELL_EVAL2), *genes.cell_eval2())
    apart = distances.distances(_beyond_targets)
    return Preset(
        "default",
        _DEEP,
        False,
        False,
        False,
        (
            *_named(errors.CELL_EVAL, ("mse", "mae")),
            *_named(errors.of_effects(_of_truth_beyond_targets, _DE), ("mse_top50", "wmse_exp2")),
            *_named(noise.CELL_EVAL2, ("expr_mse_unbiased_capped_norm",)),
            *_named(
                effects,
                (
                    "pearson_ctrl",
                    "spearman_ctrl",
                    "cosine_ctrl",
                    "pearson_ctrl_top50",
                    "pearson_pert",
                    "cosine_pert",
                    "pearson_pert_top50",
                    "weighted_pearson_pert",
                    "weighted_r2_pert",
                ),
            ),
            *retrieval.OF_EFFECTS,
            *_named(
                tested,
                (
                    "overlap_at_N",
                    "precision_at_N",
                    "de_direction_match",
                    "de_spearman_lfc_sig",
                    "de_wilcoxon_direction_fidelity_yield",
                    "de_wilcoxon_direction_reach_raw",
                    "de_wilcoxon_sig_jaccard",
                    "de_wilcoxon_sig_mcc",
                    "de_wilcoxon_lfc_nmae",
                    "pr_auc",
                    "roc_auc",
                    "de_nsig_counts_real",
                    "de_nsig_counts_pred",
                ),
            ),
            *(metric for metric in apart if metric.name.startswith(_DISTANCES)),
            structure.COEXPRESSION,
        ),
        CELL_EVAL2,
    )


def _vcc2026() -> Preset:
    """The rule of the Virtual Cell Challenge 2026: its six metrics, then the others of cell-eval2."""
    six = (
        "pds_cosine",
        "expr_mse_unbiased_capped_norm",
        "de_wilcoxon_direction_fidelity_yield_raw",
        "de_wilcoxon_direction_reach_raw",
        "de_wilcoxon_sig_jaccard",
        "de_wilcoxon_lfc_nmae",
    )
    every = (
        *retrieval.CELL_EVAL2,
        *noise.CELL_EVAL2,
        *genes.cell_eval2(peer=True),
        *errors.CELL_EVAL2,
        *correlations.CELL_EVAL2,
        *structure.CELL_EVAL2,
    )
    rest = [metric.name for metric in every if metric.name not in six]
    return Preset("vcc2026", _DEEP, False, True, True, _named(every, (*six, *rest)), CELL_EVAL2)


def _cell_eval(name: str, names: Sequence[str] = ()) -> Preset:
    """cell-eval 0.8; effects of a prediction are taken against its own control cells."""
    apart = {metric.name: metric for metric in distances.distances(_statistic)}
    every = (
        *errors.CELL_EVAL,
        *correlations.CELL_EVAL,
        *retrieval.CELL_EVAL,
        *genes.cell_eval(CELL_EVAL, peer=True),
        apart["pearson_edistance"],
    )
    return Preset(name, _USUAL, True, True, False, _named(every, names) if names else every)


def _scperteval() -> Preset:
    apart = [metric for metric in distances.distances(_statistic) if "=" in metric.name]
    return Preset(
        "scperteval",
        _USUAL,
        False,
        True,
        False,
        (
            *correlations.scperteval(_of_truth, _DE),
            *errors.scperteval(_of_truth, _DE),
            *retrieval.scperteval(),
            *apart,
            *genes.scperteval(),
        ),
        SCPERTEVAL,
    )


def _cz_benchmarks() -> Preset:
    """The older perturbation task of cz-benchmarks; genes are taken by signed scores, as there."""
    scores = partial(true_effects, settings=CZ_BENCHMARKS)
    return Preset(
        "cz-benchmarks",
        _USUAL,
        True,
        True,
        False,
        (*errors.cz_benchmarks(scores), *correlations.cz_benchmarks(scores), *genes.cz_benchmarks()),
        CZ_BENCHMARKS,
    )


_MADE: dict[str, Callable[[], Preset]] = {
    "default": _default,
    "vcc2026": _vcc2026,
    "vcc2025": lambda: _cell_eval("vcc2025", ("mae", "discrimination_score_l1", "overlap_at_N")),
    "cell-eval": lambda: _cell_eval("cell-eval"),
    "scperteval": _scperteval,
    "cz-benchmarks": _cz_benchmarks,
}


def preset_of(name: str) -> Preset:
    """Return a preset by its name, one of `scoring_options.PRESETS`."""
    return _MADE[name]()


def chosen(preset: Preset, names: Sequence[str]) -> list[Metric]:
    """Return some metrics of a preset, or all.

    Raises
    ------
    InputError
        When there is no such metric.
    """
    there = {metric.name: metric for metric in preset.metrics}
    unknown = [name for name in names if name not in there]
    if unknown:
        hint = did_you_mean(unknown[0], list(there)) or f"; there are {', '.join(there)}."
        raise InputError(f"--metrics: the preset {preset.name!r} has no {unknown[0]!r}{hint}")
    return [metric for metric in preset.metrics if not names or metric.name in names]
