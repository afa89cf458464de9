"""Errors of bulk profiles with the noise of few cells taken off.

The bulk profile of a perturbation, log1p of its summed counts scaled to one total, differs from that of endless cells;
its squared distance to another is too large by C, the sampling variance of both summed over genes. C is found by
leaving out one cell after another (the delete-one jackknife):

    C = (n - 1) / n sum over genes and cells of (v_i - mean v)^2,   v_i = log1p(T (P - y_i) / (S - l_i))

with P the summed counts of a gene, S of all, y_i and l_i those of cell i.

A cell without counts of a gene still moves its v, by its share s = l / S of all counts, but by a smooth function of
the share alone: v - log1p(c) = log1p(u e), where c = T P / S, u = c / (1 + c) and e = s / (1 - s). Its sums over all
cells are power series in u whose coefficients are sums of powers of e, so that a gene costs a few multiplications
whatever the number of cells; an entry that is not 0 then costs two logarithms, to put what is right in place of what
the series counted. Shares are small where cells are many; the few cells with more than a fifth of the counts are worked
one by one.

Cost: two logarithms an entry, about 20 ns, and (genes x perturbations x terms) multiplications: 10 terms for a
hundred cells of one size, never more than 30. Memory: the entries of a block of cells.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ....kernels.cores import run_jobs
from ..comparison import LOWER, NEITHER, Comparison, Metric, Values, undefined
from ..screens.side import Side
from .profiles import BULK_TOTAL, bulk, bulks, cell_eval2

__all__ = ["CELL_EVAL2", "Corrected", "corrected", "sampling_variances"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Cells with a larger share of the counts are worked one by one.
_LARGE = 0.2
#: What power series may leave out, as a share, and their most terms for shares of counts up to `_LARGE`.
_LEFT_OUT, _MOST_TERMS = 1e-17, 30
#: Cells times genes of a block whose entries are worked at once.
_BLOCK = 1 << 23


def sampling_variances(side: Side, total: float = BULK_TOTAL) -> Floats:
    """Return the sampling variance of each bulk profile, summed over genes.

    Parameters
    ----------
    side : Side
        Of counts.
    total : float, default 50,000
        Of each profile before log1p.

    Returns
    -------
    ndarray of float64, shape (conditions + 1,)
        0 for a condition of fewer than two cells.
    """

    def compute() -> Floats:
        sums, matrix = side.count_sums.sums, side.screen.matrix
        totals = np.asarray(matrix.sum(axis=1, dtype=np.float64)).ravel()
        order = np.argsort(side.screen.conditions, kind="stable")
        ends = np.cumsum(side.sizes)
        jobs = [
            (int(size), partial(_variance, matrix, totals, order[end - size : end], sums[condition], total))
            for condition, (size, end) in enumerate(zip(side.sizes.tolist(), ends.tolist(), strict=True))
        ]
        return np.array(run_jobs(jobs, side.threads))

    return side.once(("sampling variances", total), compute)


def _variance(matrix: Any, totals: Floats, rows: Ints, sums: Floats, total: float) -> float:
    """Return the sampling variance of the bulk profile of some cells whose counts add up to `sums`."""
    n, whole = len(rows), float(sums.sum())
    if n < 2 or whole == 0:
        return 0.0
    shares = totals[rows] / whole
    large = shares > _LARGE
    level = sums / whole * total
    few = _few(matrix, rows[large], sums, level, total)
    rows, shares = rows[~large], shares[~large]
    excess = shares / (1 - shares)
    found = np.stack(few)
    slope, scale = level / (1 + level), total / whole / (1 + level)
    found += np.polynomial.polynomial.polyval(slope, _series(excess).T)
    step = max(1, _BLOCK // len(sums))
    for start in range(0, len(rows), step):
        cells, genes, counts = _entries(matrix, rows[start : start + step])
        of_cell = excess[start : start + step][cells]
        # The series has log1p(c e / (1 + c)); T y / (S - l) / (1 + c) is what the cell's own count takes off.
        smooth = slope[genes] * of_cell
        was, now = np.log1p(smooth), np.log1p(smooth - counts * (1 + of_cell) * scale[genes])
        found[0] += np.bincount(genes, now - was, len(sums))
        found[1] += np.bincount(genes, now**2 - was**2, len(sums))
    deviations, squares = found
    return float((n - 1) / n * np.maximum(squares - deviations**2 / n, 0).sum())


def _few(matrix: Any, rows: Ints, sums: Floats, level: Floats, total: float) -> tuple[Floats, Floats]:
    """Return the sums over a few cells of v - log1p(c) and of its square, by gene."""
    deviations, squares = np.zeros(len(sums)), np.zeros(len(sums))
    for row in rows.tolist():
        _, genes, counts = _entries(matrix, np.array([row]))
        left = sums.copy()
        left[genes] -= counts
        rest = float(left.sum())
        moved = np.log1p(left / rest * total if rest > 0 else left) - np.log1p(level)
        deviations += moved
        squares += moved**2
    return deviations, squares


def _entries(matrix: Any, rows: Ints) -> tuple[Ints, Ints, Floats]:
    """Return cell (0, 1, ..), gene and count of each entry of some rows that is not 0."""
    block = matrix[rows]
    if isinstance(block, np.ndarray):
        cells, genes = np.nonzero(block)
        return cells, genes, block[cells, genes].astype(np.float64)
    cells = np.repeat(np.arange(len(rows)), np.diff(block.indptr))
    there = block.data != 0
    return cells[there], block.indices[there].astype(np.int64), block.data[there].astype(np.float64)


def _series(excess: Floats) -> Floats:
    """Return coefficients, (2, powers of u), of the sums over cells of log1p(u e) and of its square."""
    largest = float(excess.max(initial=0.0))
    terms = 2
    while terms < _MOST_TERMS and largest ** (terms - 1) > _LEFT_OUT:
        terms += 1
    powers = np.arange(1, terms + 1)
    log = np.concatenate([[0.0], (-1.0) ** (powers + 1) / powers])
    moments = np.array([(excess**power).sum() for power in range(terms + 1)])
    return np.stack([log * moments, np.convolve(log, log)[: terms + 1] * moments])


class Corrected(NamedTuple):
    """Squared distances of bulk profiles, of one gene on average, a row a perturbation; NaN where it is not judged.

    Attributes
    ----------
    unbiased, capped : ndarray of float64, shape (conditions,)
        Of prediction and truth, both sampling variances taken off; that of the prediction cut off at that of the truth
        and by what predictions vary in all.
    distance : ndarray of float64, shape (conditions,)
        Of truth and true control; of all perturbations of the truth.
    """

    unbiased: Floats
    capped: Floats
    distance: Floats


def corrected(comparison: Comparison) -> Corrected:
    """Return squared distances with sampling variances taken off; own target genes are left out of distances."""
    return comparison.prediction.once(("corrected", comparison.truth), partial(_corrected, comparison))


def _corrected(comparison: Comparison) -> Corrected:
    truth, panel, judged = comparison.truth, comparison.panel, comparison.judged
    true, predicted = bulks(comparison)
    control = bulk(truth)[-1]
    of_truth, of_prediction = sampling_variances(truth), sampling_variances(comparison.prediction)[:-1]
    of_truth, of_control = of_truth[:-1], of_truth[-1]
    to_truth, to_control = (predicted - true) ** 2, (true - control) ** 2
    for condition, genes in enumerate(panel.targets):
        to_truth[condition, genes] = to_control[condition, genes] = 0
    genes_left = len(panel.genes) - np.array([len(genes) for genes in panel.targets], np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        weights = np.where(genes_left > 0, 1 / genes_left, 0.0)
        noise = np.minimum(of_prediction, of_truth)
        claimed = float((noise * weights)[judged].sum())
        spread = _spread(predicted[judged], weights[judged], [panel.targets[row] for row in np.flatnonzero(judged)])
        kept = 1.0 if claimed == 0 else min(1.0, spread / claimed)
        off = to_truth.sum(axis=1)
        unbiased, capped = off - of_prediction - of_truth, off - kept * noise - of_truth
        distance = to_control.sum(axis=1) - of_truth - of_control
        return Corrected(
            *(each / np.where(genes_left > 0, genes_left, np.nan) for each in (unbiased, capped, distance))
        )


def _spread(predicted: Floats, weights: Floats, targets: list[Ints]) -> float:
    """Return how much predictions vary over perturbations, summed over genes, own targets left out.

    Noise that is in the predictions makes them vary; so no more of it than that is taken off.
    """
    if len(predicted) < 2:
        return 0.0
    table = np.repeat(weights[:, None], predicted.shape[1], axis=1)
    for row, genes in enumerate(targets):
        table[row, genes] = 0
    away = predicted - predicted.mean(axis=0)
    whole, counted = table.sum(axis=0), (table > 0).sum(axis=0)
    first = (table * away).sum(axis=0)
    table *= away
    table *= away
    of_genes = table.sum(axis=0) - first**2 / np.where(whole > 0, whole, 1)
    return float(np.maximum(of_genes[counted >= 2], 0).sum())


def _unbiased(comparison: Comparison) -> Values:
    return Values.mean(corrected(comparison).unbiased)


def _capped(comparison: Comparison) -> Values:
    return Values.mean(corrected(comparison).capped)


def _normed(comparison: Comparison) -> Values:
    found = corrected(comparison)
    known = ~np.isnan(found.distance)
    room = float(found.distance[known].mean()) if known.any() else float("nan")
    if not room > 0:
        reason = "The true responses are not larger than the noise of their cells."
        return undefined(len(found.distance), reason, room=room)
    return Values.mean(found.capped / room, room=room)


def _distance(comparison: Comparison) -> Values:
    return Values.mean(np.where(comparison.judged, corrected(comparison).distance, np.nan))


def real_mass(comparison: Comparison) -> Values:
    """Return how much of the total each true bulk profile has: all, or nothing where it has no counts."""
    mass = np.expm1(bulk(comparison.truth)[:-1]).sum(axis=1) / BULK_TOTAL
    return Values.mean(np.where(comparison.judged, mass, np.nan), total=BULK_TOTAL)


#: Of cell-eval2. The normed error of a perturbation is divided by the mean room of all, so that its mean is the peer's.
CELL_EVAL2 = (
    *cell_eval2(
        Metric(
            "expr_mse_unbiased_capped_norm",
            "error",
            LOWER,
            _normed,
            "Squared error of bulk profiles without the noise of their cells, by that of the control: 1 is no change.",
            0.0,
        ),
        Metric(
            "expr_mse_unbiased_capped",
            "error",
            LOWER,
            _capped,
            "Squared error of bulk profiles without the noise of their cells, of the prediction no more than it shows.",
            0.0,
        ),
        Metric(
            "expr_mse_unbiased",
            "error",
            LOWER,
            _unbiased,
            "Squared error of bulk profiles without the noise of their cells.",
            0.0,
        ),
        Metric(
            "expr_distance_unbiased",
            "structure",
            NEITHER,
            _distance,
            "Squared distance of true bulk profiles to the control's, without noise: the truth alone.",
            0.0,
        ),
        Metric(
            "expr_real_mass_ratio",
            "structure",
            NEITHER,
            real_mass,
            "Counts that a true bulk profile stands for, by the total: 1, or 0 without counts; truth alone.",
            1.0,
        ),
    ),
)
