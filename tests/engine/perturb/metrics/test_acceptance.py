"""Metrics of mean profiles have the values that cell-eval, cell-eval2 and scPertEval give, of one simulation."""

from __future__ import annotations

import numpy as np
import pytest

from fastbench.engine.perturb.comparison import Comparison, Metric, Values
from fastbench.engine.perturb.metrics import correlations, errors, noise, retrieval, structure
from fastbench.engine.perturb.metrics.profiles import significant
from fastbench.engine.perturb.screens.example import screens
from fastbench.engine.perturb.screens.side import Side
from fastbench.kernels import cpu

from .tables import different, t_of

#: Tables of the peers round to 6 or 7 places, and add up in single precision.
CLOSE = 1.5e-6

OF_LOGS = (
    *errors.CELL_EVAL,
    *correlations.CELL_EVAL,
    *retrieval.CELL_EVAL,
    *errors.scperteval(t_of, significant(different)),
    *correlations.scperteval(t_of, significant(different)),
    *retrieval.scperteval(),
    *retrieval.SYSTEMA,
    *errors.PERTURBENCH,
    *retrieval.PERTURBENCH,
)
OF_COUNTS = (
    *errors.CELL_EVAL2,
    *correlations.CELL_EVAL2,
    *retrieval.CELL_EVAL2,
    *noise.CELL_EVAL2,
    *structure.CELL_EVAL2,
)
#: The model, and where the peer gives it the mean-like prediction, mean over the 12 perturbations.
LOGS = {
    "pearson_delta": (0.7970409, 0.5033378),
    "mse": (0.0403390, 0.1012221),
    "mse_delta": (0.0403390, 0.1012221),
    "mae": (0.1584531, 0.2065710),
    "mae_delta": (0.1584531, 0.2065710),
    "discrimination_score_l1": (1, 0.576389),
    "discrimination_score_l2": (1, 0.583333),
    "discrimination_score_cosine": (1, 0.555556),
    "pearson": (0.987191,),
    "pearson_ctrl": (0.797041,),
    "pearson_pert": (0.7367428561,),
    "wmse_exp1": (0.057875,),
    "wmse_exp2": (0.071538,),
    "wmse_exp4": (0.078922,),
    "mse_top_k=50": (0.064981,),
    "mse_degs_padj=0.05": (0.067508,),
    "pearson_ctrl_top_k=50": (0.926631,),
    "pearson_ctrl_degs_padj=0.05": (0.953051,),
    "pearson_pert_top_k=50": (0.923835,),
    "pearson_pert_degs_padj=0.05": (0.946729,),
    "weighted_pearson_ctrl_exp2": (0.963258,),
    "weighted_pearson_pert_exp2": (0.957949,),
    "r2_ctrl": (0.608274,),
    "r2_ctrl_top_k=50": (0.816818,),
    "r2_ctrl_degs_padj=0.05": (0.860137,),
    "weighted_r2_ctrl_exp2": (0.893041,),
    "r2_pert": (0.481674,),
    "r2_pert_top_k=50": (0.811068,),
    "r2_pert_degs_padj=0.05": (0.832937,),
    "weighted_r2_pert_exp2": (0.880770,),
    "l2_heg_k=1000": (3.476138,),
    "nir": (1,),
    "transpose_rank": (0,),
    "rank": (0,),
    "centroid_accuracy": (1,),
    "rmse_average": (0.2006949056,),
    "rmse_rank_average": (0,),
}
#: The same, and the truth as its own prediction.
COUNTS = {
    "pds_cosine": (1, 0.4848485, 1),
    "expr_mse_unbiased_capped_norm": (0.0998420, 0.7032587, -0.3043120),
    "expr_mse_unbiased_capped": (0.0093309,),
    "expr_mse_unbiased": (0.0091134,),
    "expr_distance_unbiased": (0.0934563,),
    "delta_pearson": (0.8066649, 0.4771558, 1),
    "expr_mae": (0.1493158, 0.2065071, 0),
    "expr_mse": (0.0378363, 0.1034933, 0),
}


def sides(values: str) -> list[Side]:
    truth, model, mixed = screens(values)
    return [Side(each, 0, 1e4 if values == "log1p" else 5e4, cpu) for each in (model, mixed, truth)]


@pytest.mark.parametrize(
    ("values", "metrics", "expected"), [("log1p", OF_LOGS, LOGS), ("counts", OF_COUNTS, COUNTS)], ids=["logs", "counts"]
)
def test_values_are_those_of_the_peers_in_any_order(
    values: str, metrics: tuple[Metric, ...], expected: dict[str, tuple[float, ...]]
):
    by_name = {metric.name: metric for metric in metrics}

    def found(names: list[str]) -> dict[str, list[Values]]:
        *predictions, truth = sides(values)
        comparisons = [Comparison(truth, side) for side in (*predictions, truth)]
        return {name: [by_name[name].compute(comparison) for comparison in comparisons] for name in names}

    forward, backward = found(list(by_name)), found(list(by_name)[::-2])
    for name, numbers in expected.items():
        for value, number in zip(forward[name], numbers, strict=False):
            assert value.overall == pytest.approx(number, abs=CLOSE), name
    for name, values_of in backward.items():
        for one, other in zip(values_of, forward[name], strict=True):
            np.testing.assert_array_equal(one.of_conditions, other.of_conditions, err_msg=name)
            assert one.overall == other.overall
    for name, (_, _, itself) in forward.items():
        if by_name[name].family != "structure" and "unbiased" not in name:
            assert itself.overall == pytest.approx(by_name[name].perfect, abs=1e-12), name


def test_systematic_variation_and_the_cosine_of_effects():
    model, _, truth = sides("log1p")
    assert structure.systematic_variation(truth) == pytest.approx((0.5848507206, 0.2861446211), abs=1e-9)
    metric = correlations.correlation("cosine", correlations.cosine, correlations.effects, "")
    assert metric.compute(Comparison(truth, model)).overall == pytest.approx(0.7993049558, abs=1e-9)
