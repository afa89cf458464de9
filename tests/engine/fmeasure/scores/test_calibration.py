"""Coverage and calibration from bins of scores, against cells taken one by one."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.engine.errors import InputError
from fastbench.engine.fmeasure.ontology.ontology import ROOT, Ontology
from fastbench.engine.fmeasure.scores.calibration import (
    add_bins,
    calibration_curve,
    call_bins,
    coverage_curve,
    score_bins,
    score_summary,
)
from fastbench.kernels import dispatch

from ....examples import SOME

ROOM = dispatch.get_backend()
#: A score on the grid of bins, so that a threshold means the same for cells and for bins; None for no score.
GRID = st.one_of(st.none(), st.integers(0, 999))
CELLS = st.lists(st.tuples(GRID, st.booleans(), st.integers(0, 5), st.integers(0, 5), st.integers(0, 5)), max_size=60)


def bins_of(cells):
    score = np.array([np.nan if s is None else s / 1000 for s, *_ in cells], np.float64)
    correct = np.array([right for _, right, *_ in cells], bool)
    counts = [np.array([each[i] for each in cells], np.int64) for i in (2, 3, 4)]
    return score_bins(score, correct, *counts)


@pytest.mark.slow
@given(CELLS, st.integers(1, 30))
@SOME
def test_curves_by_definition(cells, n_bins):
    bins = bins_of(cells)
    assert len(bins) == 1000
    assert all(kind.is_integer() for kind in bins.dtypes)
    scored = [each for each in cells if each[0] is not None]

    expected = []
    for level in sorted({s for s, *_ in scored}):
        kept = [each for each in scored if each[0] >= level]
        sizes = sum(each[3] + each[4] for each in kept)
        expected.append(
            {
                "threshold": level / 1000,
                "coverage": len(kept) / len(cells),
                "accuracy": sum(each[1] for each in kept) / len(kept),
                "h_f1": 2 * sum(each[2] for each in kept) / sizes if sizes else None,
            }
        )
    curve = coverage_curve(bins, len(cells))
    assert curve.columns == ["threshold", "coverage", "accuracy", "h_f1"]
    assert curve.to_dicts() == expected

    wide = calibration_curve(bins, n_bins)
    assert wide["n_cells"].sum() == len(scored)
    for row in wide.to_dicts():
        inside = [each for each in scored if row["bin_lower"] <= each[0] / 1000 < row["bin_upper"]]
        assert row["n_cells"] == len(inside)
        assert row["accuracy"] == sum(each[1] for each in inside) / len(inside)
        assert row["bin_mean_score"] == pytest.approx(sum(each[0] for each in inside) / 1000 / len(inside), rel=1e-12)

    summary = score_summary(bins, len(cells), n_bins)
    assert summary["n_scored"] == len(scored)
    if not scored:
        assert summary["mean_score"] is summary["expected_calibration_error"] is None
        assert summary["coverage_accuracy_area"] == summary["coverage_at_accuracy_0.9"] == 0.0
        return
    gaps = [(row["n_cells"], abs(row["accuracy"] - row["bin_mean_score"])) for row in wide.to_dicts()]
    assert summary["expected_calibration_error"] == pytest.approx(sum(n * gap for n, gap in gaps) / len(scored))
    assert summary["mean_score"] == pytest.approx(sum(s for s, *_ in scored) / 1000 / len(scored))
    enough = [row["coverage"] for row in expected if row["accuracy"] >= 0.9]
    assert summary["coverage_at_accuracy_0.9"] == max(enough, default=0.0)
    points = [(0.0, expected[-1]["accuracy"]), *((row["coverage"], row["accuracy"]) for row in reversed(expected))]
    area = sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in pairwise(points))
    assert summary["coverage_accuracy_area"] == pytest.approx(area)


@pytest.mark.slow
@given(CELLS, st.integers(1, 5), st.randoms(use_true_random=False))
@SOME
def test_bins_add_up_in_any_order(cells, parts, random):
    shuffled = list(cells)
    random.shuffle(shuffled)
    pieces = [bins_of(shuffled[i::parts]) for i in range(parts)]
    assert add_bins(pieces).equals(bins_of(cells))


def test_decimal_scores_fall_into_their_own_bin():
    score = np.arange(1001) / 1000  # 0.29 * 1000 is less than 290 in floating point
    bins = score_bins(score, np.ones(1001, bool))
    assert bins["cells"].to_list() == [1] * 999 + [2]  # 1 is in the last one
    assert bins["score_sum"].sum() == 500_500_000_000
    assert coverage_curve(bins, 1001).filter(threshold=0.29)["coverage"].item() == 711 / 1001


def test_scores_in_single_precision():
    score = np.array([0.3, 0.7, 1.0], np.float32)
    assert score_bins(score, np.ones(3, bool)).filter(pl.col("cells") > 0)["bin"].to_list() == [300, 700, 999]


def test_perfect_and_useless_scores():
    """Where the best scores are right, more can be kept than where scores say nothing."""
    right = np.arange(1000) % 4 > 0
    telling = score_summary(score_bins(np.where(right, 0.9, 0.1), right), 1000)
    silent = score_summary(score_bins(np.full(1000, 0.75), right), 1000)
    assert telling["coverage_at_accuracy_0.9"] == 0.75
    assert telling["coverage_accuracy_area"] == 0.75 + 0.25 * (1 + 0.75) / 2
    assert silent["coverage_at_accuracy_0.9"] == 0.0
    assert silent["expected_calibration_error"] == 0.0
    assert silent["coverage_accuracy_area"] == 0.75


def test_calls_without_a_prediction_are_never_kept():
    ontology = Ontology.from_edges((ROOT, "A", "B"), [("A", ROOT), ("B", "A")])
    calls = pl.DataFrame(
        {
            "truth": pl.Series([2, 2, 1, 0, 2, 1], dtype=pl.Int32),
            "predicted": pl.Series([2, 1, 3, 0, 2, 1], dtype=pl.Int32),
            "score": [0.9, 0.5, 0.8, 0.2, None, float("nan")],
        }
    )
    bins = call_bins(calls, 3, ontology.select(ontology.terms)[0], ROOM)
    curve = coverage_curve(bins, len(calls))
    assert curve["threshold"].to_list() == [0.2, 0.5, 0.9]
    assert curve["coverage"].to_list() == [3 / 6, 2 / 6, 1 / 6]
    assert curve["accuracy"].to_list() == [2 / 3, 1 / 2, 1.0]
    assert curve["h_f1"].to_list() == [6 / 7, 6 / 7, 1.0]  # the root has no ancestors to share
    flat = call_bins(calls, 3, None, ROOM)
    assert flat.select("cells", "correct", "score_sum").equals(bins.select("cells", "correct", "score_sum"))
    assert coverage_curve(flat, 6)["h_f1"].null_count() == 3


@pytest.mark.parametrize(
    ("score", "message"),
    [
        ([0.5, 1.5, -0.1], r"2 of 3 scores lie outside 0 to 1 \(they reach from -0.1 to 1.5\)"),
        ([0.5, 1.5, np.nan], r"1 of 2 .* divide percentages by 100"),
        ([0.5, np.inf], r"from 0.5 to inf"),
        ([-np.inf, 0.5], r"from -inf to 0.5"),
    ],
)
def test_scores_that_are_no_shares(score, message):
    with pytest.raises(InputError, match=message):
        score_bins(np.array(score), np.ones(len(score), bool))


def test_rounding_beyond_the_bounds_is_forgiven():
    bins = score_bins(np.array([1 + 1e-9, -1e-9]), np.ones(2, bool))
    assert bins["score_sum"].sum() == 10**9
    assert bins["cells"].to_list()[0] == bins["cells"].to_list()[-1] == 1
