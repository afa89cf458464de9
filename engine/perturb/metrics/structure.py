"""What responses have in common, and whether genes go together in predicted cells as they do in true ones."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ....kernels.cores import run_jobs
from ..comparison import HIGHER, Comparison, Metric, Values
from ..screens.screen import LOG1P, scaled
from ..screens.side import Side

__all__ = ["CELL_EVAL2", "COEXPRESSION", "Systematic", "systematic_variation"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Cells of a perturbation at most, and at least; genes at most, and at least; cells that express a gene, at least.
_CELLS, _LEAST_CELLS, _GENES, _LEAST_GENES, _EXPRESSING = 500, 50, 100, 20, 10
_SEED = 0
#: A gene whose standard deviation is below does not vary; the same of the correlations of a table.
_FLAT, _FLAT_TABLE = 1e-6, 1e-10


class Systematic(NamedTuple):
    """How alike the responses of a screen are.

    Attributes
    ----------
    to_mean : float
        Mean cosine of an effect with the mean effect (Systema).
    pairwise : float
        Mean cosine of two effects.
    """

    to_mean: float
    pairwise: float


def systematic_variation(side: Side) -> Systematic:
    """Return how alike the effects of all perturbations are; NaN of fewer than two.

    Effects of a screen that are much alike are predicted well by their mean, and no metric of effects against the
    control then tells a model that knows single perturbations from one that does not.
    """
    effects = side.effects[side.sizes[:-1] > 0]
    lengths = np.sqrt(np.einsum("ij,ij->i", effects, effects))
    effects, lengths = effects[lengths > 0], lengths[lengths > 0]
    n = len(effects)
    if n < 2:
        return Systematic(float("nan"), float("nan"))
    directions = effects / lengths[:, None]
    mean = effects.mean(axis=0)
    length = float(np.sqrt(mean @ mean))
    summed = directions.sum(axis=0)
    # The sum of all pairs of directions is the squared length of their sum.
    pairwise = float((summed @ summed - n) / (n * (n - 1)))
    return Systematic(float((directions @ mean).mean()) / length if length > 0 else 0.0, pairwise)


class _Agreement(NamedTuple):
    """Of one perturbation: correlation of correlations, ratio of their largest eigenvalues; or why there is none."""

    correlation: float
    ratio: float
    reason: str


def _agreements(comparison: Comparison) -> list[_Agreement]:
    """Return how gene-gene correlations of predicted cells go with those of true ones, of each perturbation."""

    def compute() -> list[_Agreement]:
        truth = comparison.truth
        unlogged, nonzero = truth.mean_of(truth.unlogged_sums.sums), truth.unlogged_sums.nonzero
        jobs = [
            (1, partial(_agreement, comparison, condition, unlogged, nonzero))
            for condition in range(len(comparison.judged))
        ]
        return run_jobs(jobs, truth.threads)

    return comparison.prediction.once(("co-expression", comparison.truth), compute)


def _agreement(comparison: Comparison, condition: int, unlogged: Floats, nonzero: Ints) -> _Agreement:
    truth, prediction = comparison.truth, comparison.prediction
    n = min(int(truth.sizes[condition]), int(prediction.sizes[condition]), _CELLS)
    if n < _LEAST_CELLS:
        return _Agreement(np.nan, np.nan, f"Fewer than {_LEAST_CELLS} cells.")
    changes = np.abs(np.log2((unlogged[condition] + 1) / (unlogged[-1] + 1)))
    changes[nonzero[condition] < _EXPRESSING] = -1
    changes[comparison.panel.targets[condition]] = -1
    genes = np.argsort(-changes, kind="stable")[:_GENES]
    genes = np.sort(genes[changes[genes] >= 0])
    blocks = [_block(side, condition, genes, n) for side in (truth, prediction)]
    varying = np.logical_and(*(block.std(axis=0) > _FLAT for block in blocks))
    if varying.sum() < _LEAST_GENES:
        return _Agreement(np.nan, np.nan, f"Fewer than {_LEAST_GENES} genes vary in both.")
    tables = [np.atleast_2d(np.corrcoef(block[:, varying], rowvar=False)) for block in blocks]
    largest = [float(np.linalg.eigvalsh(table)[-1]) for table in tables]
    above = np.triu_indices(int(varying.sum()), 1)
    true, predicted = (table[above] for table in tables)
    if min(true.std(), predicted.std()) <= _FLAT_TABLE:
        return _Agreement(np.nan, largest[1] / largest[0], "All genes go together alike.")
    return _Agreement(float(np.corrcoef(true, predicted)[0, 1]), largest[1] / largest[0], "")


def _block(side: Side, condition: int, genes: Ints, n: int) -> Floats:
    """Return log1p values of n cells of a condition, drawn at random where it has more, (n, genes)."""
    rows = np.flatnonzero(side.screen.conditions == condition)
    if len(rows) > n:
        rows = np.sort(np.random.default_rng([_SEED, condition]).choice(rows, n, replace=False))
    values = side.screen.matrix[rows]
    block: Any = (values if side.screen.values == LOG1P else scaled(values, side.total, log=True))[:, genes]
    return np.asarray(block if isinstance(block, np.ndarray) else block.toarray(), np.float64)


def _of(field: str) -> Any:
    def compute(comparison: Comparison) -> Values:
        found = _agreements(comparison)
        values = np.array([getattr(each, field) for each in found])
        reasons = {place: each.reason for place, each in enumerate(found) if np.isnan(values[place])}
        return Values.mean(values, reasons, cells=_CELLS, genes=_GENES, seed=_SEED)

    return compute


COEXPRESSION = Metric(
    "cell_cov_corr",
    "structure",
    HIGHER,
    _of("correlation"),
    f"Pearson's correlation of gene-gene correlations over cells, of the {_GENES} genes that the truth moves most.",
    1.0,
)
#: Of cell-eval2. The second tells how strongly genes go together, not whether the right ones do: 1 is as in the truth.
CELL_EVAL2 = (
    COEXPRESSION,
    Metric(
        "cell_cov_eig_ratio",
        "structure",
        HIGHER,
        _of("ratio"),
        "Largest eigenvalue of the predicted gene-gene correlations by that of the true ones; 1 is best, not more.",
        1.0,
    ),
)
