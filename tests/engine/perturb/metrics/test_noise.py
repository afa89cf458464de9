"""Sampling variances of bulk profiles against their definition, and co-expression against plain correlations."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse

from fastbench.engine.perturb.comparison import Comparison
from fastbench.engine.perturb.metrics.noise import sampling_variances
from fastbench.engine.perturb.metrics.structure import CELL_EVAL2
from fastbench.engine.perturb.screens.example import screens
from fastbench.engine.perturb.screens.screen import COUNTS, Panel, Screen
from fastbench.engine.perturb.screens.side import Side
from fastbench.kernels import cpu
from tests.examples import SOME

CELLS, GENES = 9, 4
COUNT = st.sampled_from([0, 0, 0, 1, 2, 7, 900])


@given(arrays(np.float32, (CELLS, GENES), elements=COUNT.map(float)), st.booleans())
@SOME
def test_sampling_variances_are_those_of_leaving_out_each_cell(counts: np.ndarray, dense: bool):
    labels = np.array([0, 1, 1, 1, 2, 2, 2, 2, 2])
    panel = Panel(("a", "b"), "c", ("all",), tuple("wxyz"), (np.empty(0, np.int64),) * 2)
    matrix = counts if dense else sparse.csr_array(counts)
    found = sampling_variances(Side(Screen("s", matrix, COUNTS, panel, labels, 0 * labels), 0, 1e4, cpu))
    for group in range(3):
        mine = counts[labels == group].astype(float)
        n = len(mine)
        left = [np.delete(mine, cell, axis=0).sum(axis=0) for cell in range(n)]
        profiles = np.array([np.log1p(5e4 * sums / max(sums.sum(), 1)) for sums in left])
        expected = (n - 1) / n * ((profiles - profiles.mean(axis=0)) ** 2).sum() if n > 1 else 0
        np.testing.assert_allclose(found[group], expected, rtol=1e-11, atol=1e-11)


def test_sampling_variances_of_many_cells_are_the_same():
    side = Side(screens("counts")[0], 0, 1e4, cpu)
    counts = side.screen.matrix[side.screen.conditions == 4].astype(float)
    left = counts.sum(axis=0) - counts
    profiles = np.log1p(5e4 * left / left.sum(axis=1, keepdims=True))
    expected = 59 / 60 * ((profiles - profiles.mean(axis=0)) ** 2).sum()
    np.testing.assert_allclose(sampling_variances(side)[4], expected, rtol=1e-12)


def test_coexpression_is_the_correlation_of_correlations():
    truth, model, _ = (Side(each, 0, 1e4, cpu) for each in screens("counts"))
    of_corr, of_ratio = (metric.compute(Comparison(truth, model)).of_conditions[2] for metric in CELL_EVAL2)
    blocks = [np.asarray(side.cells(2, side.unlogged)) for side in (truth, truth, model)]
    control = np.asarray(truth.cells(12, truth.unlogged)).mean(axis=0)
    changes = np.abs(np.log2((blocks[0].mean(axis=0) + 1) / (control + 1)))
    changes[((blocks[0] > 0).sum(axis=0) < 10) | (np.arange(300) == 10)] = -1
    genes = np.sort(np.argsort(-changes, kind="stable")[: min(100, (changes >= 0).sum())])
    tables = [np.corrcoef(np.log1p(block[:, genes]), rowvar=False) for block in blocks[1:]]
    above = np.triu_indices(len(genes), 1)
    np.testing.assert_allclose(of_corr, np.corrcoef(tables[0][above], tables[1][above])[0, 1], rtol=1e-9)
    one, other = (np.linalg.eigvalsh(table)[-1] for table in tables)
    np.testing.assert_allclose(of_ratio, other / one, rtol=1e-9)
