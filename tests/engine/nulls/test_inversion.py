"""Shapes that share the sweeps of their characteristic functions."""

import numpy as np

from fastbench.engine.nulls import inversion
from fastbench.engine.nulls.work import estimated_seconds


def test_shapes_that_are_inverted_together_do_not_touch_each_other():
    shapes = [(48, 100), (60, 2000), (61, 2000), (62, 1500), (300, 900)]
    together = dict(inversion.inverted_tails(shapes))
    assert len({tail.theta[0] for tail in together.values()}) < len(shapes)  # some share their sweeps
    for shape in shapes:
        alone = inversion.invert(*shape)
        np.testing.assert_array_equal(alone.theta, together[shape].theta)
        np.testing.assert_array_equal(alone.phi, together[shape].phi)
        assert alone.error == together[shape].error


def test_shared_sweeps_are_expected_to_take_less():
    n_pos, n_total = np.arange(70, 90), np.full(20, 8000)
    each = [estimated_seconds(n_pos[[i]], n_total[[i]], 1, 1) for i in range(20)]
    assert estimated_seconds(n_pos, n_total, 1, 1) < sum(each) / 3
