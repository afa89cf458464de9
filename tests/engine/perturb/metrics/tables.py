"""Comparisons of small tables, and a t-test, for tests of metrics of profiles."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import false_discovery_control, ttest_ind

from fastbench.engine.perturb.comparison import Comparison
from fastbench.engine.perturb.screens.screen import LOG1P, Panel, Screen
from fastbench.engine.perturb.screens.side import Side
from fastbench.kernels import cpu

Floats = npt.NDArray[np.float64]


def compared(true: Floats, predicted: Floats, targets: list[list[int]] | None = None) -> Comparison:
    """Compare profiles, (conditions, genes), of one cell each; the control is 0."""
    n, m = true.shape
    own = [np.array(genes, np.int64) for genes in targets or [[]] * n]
    panel = Panel(tuple(f"P{i:02d}" for i in range(n)), "c", ("all",), tuple(f"G{i}" for i in range(m)), tuple(own))
    codes = np.arange(n + 1)

    def side(table: Floats) -> Side:
        matrix = np.vstack([table, np.zeros((1, m))])
        return Side(Screen("table", matrix, LOG1P, panel, codes, 0 * codes), 0, 1e4, cpu)

    return Comparison(side(true), side(predicted))


def without(side: Side, *conditions: int) -> Side:
    """Return a side that lacks some conditions."""
    kept = np.flatnonzero(~np.isin(side.screen.conditions, conditions))
    return Side(side.screen.of(kept), 0, side.total, cpu)


def t_test(comparison: Comparison) -> Any:
    """Return t and p of each gene: Welch's test of each perturbation against the cells of all others."""
    truth = comparison.truth

    def compute() -> Any:
        cells = np.asarray(truth.logged, np.float64)
        labels = truth.screen.conditions
        others = labels < len(comparison.judged)
        return [
            ttest_ind(cells[labels == p], cells[others & (labels != p)], equal_var=False)
            for p in range(len(comparison.judged))
        ]

    return truth.once("t-test", compute)


def t_of(comparison: Comparison) -> Floats:
    """Return t."""
    return np.array([each.statistic for each in t_test(comparison)])


def different(comparison: Comparison) -> npt.NDArray[np.bool_]:
    """Return which genes differ at 0.05."""
    return np.array([false_discovery_control(np.nan_to_num(each.pvalue, nan=1)) < 0.05 for each in t_test(comparison)])
