"""The simulated screen is the one that published values were computed with."""

from __future__ import annotations

import numpy as np

from fastbench.engine.perturb.comparison import Comparison
from fastbench.engine.perturb.screens.example import screens, simulated
from fastbench.engine.perturb.screens.side import Side
from fastbench.kernels import cpu


def test_the_simulation_is_the_same_everywhere():
    found = simulated()
    assert found.truth.shape == (920, 300)
    assert (found.truth.sum(dtype=float), found.model.sum(dtype=float)) == (1957388, 1937466)
    assert found.truth[0, :8].tolist() == [1, 1, 0, 2, 0, 5, 2, 1]


def test_effects_of_a_good_and_of_a_mean_like_prediction():
    truth, model, mixed = (Side(each, 0, 1e4, cpu) for each in screens("log1p"))
    for side, expected in ((model, 0.7970409), (mixed, 0.5033378)):
        pairs = zip(truth.effects, side.effects, strict=True)
        assert abs(np.mean([np.corrcoef(one, other)[0, 1] for one, other in pairs]) - expected) < 1e-6
    assert Comparison(truth, model).judged.all()
    np.testing.assert_allclose(Comparison(truth, model).others_mean[0], truth.means[1:-1].mean(axis=0), rtol=1e-12)
