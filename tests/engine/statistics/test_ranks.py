"""Numbers of ranks against SciPy and scikit-learn; adjusted p-values of several families."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import average_precision_score, roc_auc_score

from fastbench.engine.statistics.false_discovery import benjamini_hochberg
from fastbench.engine.statistics.ranks import average_precision, roc_area, spearman

from ...examples import MANY

few = st.integers(-3, 3)


@MANY
@given(st.lists(st.tuples(st.booleans(), few, few), min_size=3, max_size=30))
def test_equal_scipy_and_scikit_learn(rows: list[tuple[bool, int, int]]):
    positive, x, y = (np.array(column) for column in zip(*rows, strict=True))
    score = x.astype(np.float64)
    if 0 < positive.sum() < len(positive):
        np.testing.assert_allclose(roc_area(positive, score), roc_auc_score(positive, score), rtol=1e-12)
    else:
        assert np.isnan(roc_area(positive, score))
    if positive.any():
        found, expected = average_precision(positive, score), average_precision_score(positive, score)
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    if np.ptp(x) and np.ptp(y):
        np.testing.assert_allclose(spearman(x, y), stats.spearmanr(x, y).statistic, atol=1e-12)
    else:
        assert np.isnan(spearman(x, y))


def test_families_are_adjusted_by_themselves():
    p = np.random.default_rng(0).random((5, 9))
    p[p > 0.8] = np.nan
    p[2] = np.nan
    np.testing.assert_array_equal(benjamini_hochberg(p), [benjamini_hochberg(row) for row in p])
