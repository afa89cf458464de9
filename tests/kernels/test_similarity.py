"""Similarities on the scale of copairs, pair by pair."""

from __future__ import annotations

import numpy as np
import pytest
from copairs import compute

from fastbench.kernels.names import DISTANCES
from fastbench.kernels.reference.similarity import copairs_scale, similarity

PEERS = {
    "cosine": compute.pairwise_cosine,
    "abs_cosine": compute.pairwise_abs_cosine,
    "correlation": compute.pairwise_corr,
    "euclidean": compute.pairwise_euclidean,
    "manhattan": compute.pairwise_manhattan,
    "chebyshev": compute.pairwise_chebyshev,
}


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("d", [2, 64, 131])
def test_scale_of_copairs(distance, d):
    rng = np.random.default_rng(d)
    x = rng.normal(size=(40, d))
    i, j = rng.integers(0, 40, (2, 300))
    mine = copairs_scale(similarity(x, i, j, distance), distance)
    np.testing.assert_allclose(mine, PEERS[distance](x[i], x[j]), rtol=1e-12, atol=1e-13)
