"""Coverage against accuracy, and calibration, of the scores of predictions; from counts by score.

Cells are counted in narrow bins of their score. Bins hold whole numbers, so those of samples add up to those of groups,
to the last digit. A cell without a score, or without a prediction, is in no bin: no threshold keeps
it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ....kernels.backend import Backend
from ...errors import InputError
from ..ontology.ontology import with_empty_row

__all__ = ["add_bins", "calibration_curve", "call_bins", "coverage_curve", "score_bins", "score_summary"]

#: Bins over [0, 1], and units of a score.
BINS, UNITS = 1000, 10**9
#: Units below a bin that belong to it: 0.7 in single precision is less than 0.7.
SLACK = 100
#: How far beyond [0, 1] a score may lie because of rounding; it counts as 0 or 1.
ROUNDING = 1e-6
#: Accuracy of `score_summary`'s share of cells that can be kept.
WANTED = 0.9

_COUNTS = ("cells", "correct", "score_sum", "shared", "true_size", "predicted_size")


def score_bins(
    score: npt.NDArray[np.floating],
    correct: npt.NDArray[np.bool_],
    shared: npt.NDArray[np.integer] | None = None,
    true_size: npt.NDArray[np.integer] | None = None,
    predicted_size: npt.NDArray[np.integer] | None = None,
) -> pl.DataFrame:
    """Count cells by score.

    Parameters
    ----------
    score : ndarray of float, shape (n,)
        Between 0 and 1; NaN for a cell that has no score or no prediction.
    correct : ndarray of bool, shape (n,)
        Whether the prediction is the truth.
    shared, true_size, predicted_size : ndarray of int, shape (n,), optional
        Ancestors that truth and prediction share, those of the truth, those of the prediction; all three or none.

    Returns
    -------
    polars.DataFrame
        1,000 rows, all columns whole numbers: `bin` (0..999; scores from ``bin / 1000`` on, less 1e-7; the last one
        with 1), `cells`, `correct`, `score_sum` (in 1e-9), `shared`, `true_size`, `predicted_size` (sums; 0 if not
        given).

    Raises
    ------
    InputError
        A score is infinite or outside [0, 1] by more than rounding.
    """
    some = ~np.isnan(score)
    known = score[some].astype(np.float64)
    outside = (known < -ROUNDING) | (known > 1 + ROUNDING)
    if outside.any():
        bounds = f"they reach from {known.min():.6g} to {known.max():.6g}"
        hint = "; divide percentages by 100" if known.min() >= 0 and 1 < known.max() <= 100 else ""
        raise InputError(
            f"{outside.sum()} of {len(known)} scores lie outside 0 to 1 ({bounds}), so coverage and calibration cannot "
            f"be computed{hint}."
        )
    units = np.rint(np.clip(known, 0, 1) * UNITS).astype(np.int64)
    place = np.minimum((units + SLACK) // (UNITS // BINS), BINS - 1)
    summed = {"cells": np.ones(len(known), np.int64), "correct": correct[some], "score_sum": units}
    for name, each in (("shared", shared), ("true_size", true_size), ("predicted_size", predicted_size)):
        summed[name] = np.zeros(len(known), np.int64) if each is None else each[some]
    columns = {"bin": np.arange(BINS)}
    for name in _COUNTS:
        columns[name] = np.zeros(BINS, np.int64)
        np.add.at(columns[name], place, summed[name].astype(np.int64))
    return pl.DataFrame(columns)


def call_bins(
    calls: pl.DataFrame, n_labels: int, bits: npt.NDArray[np.uint64] | None, backend: Backend[Any]
) -> pl.DataFrame:
    """Count the cells of a run by score.

    Parameters
    ----------
    calls : polars.DataFrame
        Columns `truth`, `predicted` (codes, `n_labels` for no prediction) and `score` (null or NaN for none).
    n_labels : int
        c.
    bits : ndarray of uint64, shape (c, w), optional
        Ancestors of each label, see `hierarchical.node_class_counts`; None without an ontology.
    backend : Backend
        Kernels.

    Returns
    -------
    polars.DataFrame
        As of `score_bins`.
    """
    truth, predicted = (calls[name].to_numpy() for name in ("truth", "predicted"))
    score = calls["score"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    score = np.where(predicted == n_labels, np.nan, score)
    if bits is None:
        return score_bins(score, truth == predicted)
    rows = with_empty_row(bits)
    size = np.bitwise_count(rows).sum(axis=1, dtype=np.int64)
    shared = backend.overlaps(truth, predicted, rows)
    return score_bins(score, truth == predicted, shared, size[truth], size[predicted])


def add_bins(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Add bins of several sets of cells, at least one."""
    first = frames[0]
    return first.select("bin", *(sum((each[name] for each in frames[1:]), start=first[name]) for name in _COUNTS))


def coverage_curve(bins: pl.DataFrame, n_cells: int) -> pl.DataFrame:
    """Return coverage and accuracy of the predictions that each threshold of the score keeps.

    Parameters
    ----------
    bins : polars.DataFrame
        From `score_bins`.
    n_cells : int
        All cells, those without a score or a prediction too; they are never kept.

    Returns
    -------
    polars.DataFrame
        One row for each bin with cells, ascending: `threshold`; `coverage`, the share of all cells whose score is at
        least that; `accuracy` of them; `h_f1`, their micro hierarchical F-measure, null where nothing is known of
        ancestors.
    """
    kept = {name: bins[name].to_numpy()[::-1].cumsum()[::-1] for name in _COUNTS}
    some = np.flatnonzero(bins["cells"].to_numpy())
    sizes = (kept["true_size"] + kept["predicted_size"])[some]
    h_f1 = np.where(sizes > 0, 2 * kept["shared"][some] / np.maximum(sizes, 1), np.nan)
    return pl.DataFrame(
        {
            "threshold": some / BINS,
            "coverage": kept["cells"][some] / max(n_cells, 1),
            "accuracy": kept["correct"][some] / kept["cells"][some],
            "h_f1": pl.Series(h_f1, dtype=pl.Float64, nan_to_null=True),
        }
    )


def calibration_curve(bins: pl.DataFrame, n_bins: int = 10) -> pl.DataFrame:
    """Return the accuracy in wide bins of the score.

    Parameters
    ----------
    bins : polars.DataFrame
        From `score_bins`.
    n_bins : int, default 10
        Bins of equal width, 1 to 1,000; bounds are rounded up to 0.001.

    Returns
    -------
    polars.DataFrame
        One row for each wide bin with cells, ascending: `bin_lower`, `bin_upper`, `bin_mean_score`, `accuracy`,
        `n_cells`.
    """
    edges = -(-np.arange(n_bins + 1) * BINS // n_bins)
    cells, correct, score_sum = (
        np.add.reduceat(bins[name].to_numpy(), edges[:-1]) for name in ("cells", "correct", "score_sum")
    )
    some = np.flatnonzero(cells)
    return pl.DataFrame(
        {
            "bin_lower": edges[some] / BINS,
            "bin_upper": edges[some + 1] / BINS,
            "bin_mean_score": score_sum[some] / UNITS / cells[some],
            "accuracy": correct[some] / cells[some],
            "n_cells": cells[some],
        }
    )


def score_summary(bins: pl.DataFrame, n_cells: int, n_bins: int = 10) -> dict[str, int | float | None]:
    """Return summary numbers of the scores.

    Parameters
    ----------
    bins : polars.DataFrame
        From `score_bins`.
    n_cells : int
        All cells.
    n_bins : int, default 10
        Bins of the calibration error.

    Returns
    -------
    dict
        `n_scored`; `mean_score`; `expected_calibration_error`, the mean distance between score and accuracy over the
        cells of the calibration bins; `coverage_accuracy_area`, the area under accuracy against coverage by the
        trapezoid rule, the first point being extended to a coverage of 0, cells that are never kept adding nothing;
        `coverage_at_accuracy_0.9`, the largest coverage of a threshold with an accuracy of at least 0.9 (0 if none).
        The second and third are None when no cell has a score.

    References
    ----------
    Naeini et al. 2015 (expected calibration error); Geifman and El-Yaniv 2017 (coverage and risk).
    """
    curve = coverage_curve(bins, n_cells)
    scored = int(bins["cells"].sum())
    if not scored:
        return {
            "n_scored": 0,
            "mean_score": None,
            "expected_calibration_error": None,
            "coverage_accuracy_area": 0.0,
            f"coverage_at_accuracy_{WANTED:g}": 0.0,
        }
    wide = calibration_curve(bins, n_bins)
    gap = (wide["accuracy"] - wide["bin_mean_score"]).abs()
    coverage = np.array([0.0, *curve["coverage"].reverse()])
    accuracy = np.array([curve["accuracy"][-1], *curve["accuracy"].reverse()])
    enough = curve.filter(pl.col("accuracy") >= WANTED)["coverage"]
    return {
        "n_scored": scored,
        "mean_score": int(bins["score_sum"].sum()) / UNITS / scored,
        "expected_calibration_error": float((gap * wide["n_cells"]).sum()) / scored,
        "coverage_accuracy_area": float(np.trapezoid(accuracy, coverage)),
        f"coverage_at_accuracy_{WANTED:g}": float(enough[0]) if len(enough) else 0.0,
    }
