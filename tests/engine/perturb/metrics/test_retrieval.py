"""Ranks of the right candidate against plain loops, with ties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import cdist

from fastbench.engine.perturb.audit.games import GAMES
from fastbench.engine.perturb.comparison import Comparison
from fastbench.engine.perturb.metrics.profiles import effects
from fastbench.engine.perturb.metrics.retrieval import (
    COSINE,
    L1,
    L2,
    NONE,
    OF_EFFECTS,
    OWN,
    PANEL,
    PREDICTIONS,
    SYSTEMA,
    TRUTHS,
    Search,
    discrimination,
    find,
)
from fastbench.engine.perturb.screens.example import screens
from fastbench.engine.perturb.screens.side import Side
from fastbench.kernels import cpu
from tests.examples import SOME

from .tables import compared

N, GENES = 5, 6
TARGETS = [[0], [1], [], [0, 2], [1]]
TABLE = arrays(np.float64, (N, GENES), elements=st.integers(-2, 2).map(float))


@pytest.mark.parametrize("distance", [L1, L2, COSINE])
@given(TABLE, TABLE, st.sampled_from([NONE, OWN, PANEL]), st.sampled_from([PREDICTIONS, TRUTHS]))
@SOME
def test_ranks_are_those_of_loops(distance: str, true: np.ndarray, predicted: np.ndarray, left_out: str, queries: str):
    found = find(compared(true, predicted, TARGETS), Search(effects, distance, left_out, queries))
    seekers, candidates = (predicted, true) if queries == PREDICTIONS else (true, predicted)
    for p in range(N):
        out = {NONE: [], OWN: TARGETS[p], PANEL: [0, 1, 2]}[left_out]
        genes = np.setdiff1d(np.arange(GENES), out)
        mine, theirs = seekers[p : p + 1, genes], candidates[:, genes]
        if distance == COSINE:
            lengths = np.linalg.norm(mine) * np.linalg.norm(theirs, axis=1)
            far = 1 - np.where(lengths > 0, (theirs @ mine[0]) / np.where(lengths > 0, lengths, 1), 0)
        else:
            far = cdist(mine, theirs, {L1: "cityblock", L2: "sqeuclidean"}[distance])[0]
        far = far.round(9)
        others = np.delete(far, p)
        expected = (others < far[p]).sum(), (others == far[p]).sum(), (far[:p] == far[p]).sum()
        assert (found.closer[p], found.tied[p], found.tied_before[p]) == expected
    assert found.candidates == N


def test_spiked_targets_find_nothing_where_no_target_is_seen():
    truth = screens("log1p")[0]
    (spiked,) = (game.make(truth, np.random.default_rng(0)) for game in GAMES if game.name == "spiked targets")
    comparison = Comparison(Side(truth, 0, 1e4, cpu), Side(spiked, 0, 1e4, cpu))
    seen = [metric.compute(comparison).overall for metric in (*discrimination("half"), *SYSTEMA)]
    unseen = [metric.compute(comparison).overall for metric in OF_EFFECTS]
    assert max(seen) > 0.75
    assert max(unseen) < 0.6
