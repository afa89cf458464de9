"""Principal components against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from fastbench.engine.perturb.screens.example import screens
from fastbench.engine.statistics.components import components_of


def test_components_are_those_of_scikit_learn():
    decomposition = pytest.importorskip("sklearn.decomposition")
    truth = screens("log1p")[0].matrix
    for matrix in (truth, truth[:250], truth[:60], truth[:, :90], truth[:, :40]):
        found = components_of(sparse.csr_array(matrix))
        peer = decomposition.PCA(min(50, *matrix.shape), random_state=42).fit(matrix.astype(float))
        np.testing.assert_allclose(found.of(matrix) ** 2, peer.transform(matrix) ** 2, atol=1e-6)
