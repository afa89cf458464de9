"""Predictions that must not score are what they say."""

from __future__ import annotations

import numpy as np
import pytest

from fastbench.engine.perturb.audit.games import GAMES, Game
from fastbench.engine.perturb.screens.example import screens
from fastbench.engine.perturb.screens.side import Side
from fastbench.kernels import cpu


@pytest.mark.parametrize("game", GAMES, ids=lambda game: game.name)
@pytest.mark.parametrize("values", ["counts", "log1p"])
def test_games_keep_the_cells_of_each_perturbation(game: Game, values: str):
    truth = screens(values)[0]
    made = game.make(truth, np.random.default_rng(0))
    whole, side = Side(truth, 0, 1e4, cpu), Side(made, 0, 1e4, cpu)
    assert side.sizes.tolist() == whole.sizes.tolist()
    np.testing.assert_allclose(side.control_mean, whole.control_mean, rtol=1e-6)
    assert np.isfinite(made.matrix).all()
    assert made.matrix.min() >= 0
    if values == "counts":
        assert (made.matrix == np.rint(made.matrix)).all()
    own = [
        np.corrcoef(one, other)[0, 1] if other.any() else 0
        for one, other in zip(whole.effects, side.effects, strict=True)
    ]
    assert np.mean(own) < 0.65  # a model that knows the response has 0.8, a replicate 0.8
