"""Distributions in octaves, against proven brackets and against the moments."""

import numpy as np
import pytest

from fastbench.engine.nulls import scaled
from fastbench.engine.nulls.ap_null import average_precision_null, map_distributions
from fastbench.engine.nulls.bracket import sweep
from fastbench.engine.nulls.distribution import NullDistribution
from fastbench.engine.nulls.method import method_of, plan_of


def evaluated(shape, tail, x):
    return NullDistribution(*shape, "scaled", np.empty(0), tail).evaluate(x)


@pytest.mark.parametrize(("shape", "cells"), [((9, 400), 5_040), ((14, 700), 5_040)])
def test_p_values_lie_in_a_proven_bracket(shape, cells):
    ((_, tail),) = scaled.scaled_sweep([shape])
    ((_, swept),) = sweep([shape], cells, 16)
    mean = average_precision_null(*shape).mean
    x = mean * np.array([0.3, 0.7, 1, 1.5, 2, 3, 5, 8, 12, 16])
    found = evaluated(shape, tail, x)
    proven = NullDistribution(*shape, "bracket", np.empty(0), swept).evaluate(x)
    assert ((found.lower <= proven.upper) & (proven.lower <= found.upper)).all()
    assert ((found.lower <= found.value) & (found.value <= found.upper)).all()
    body = found.value > 1e-4
    np.testing.assert_allclose(found.value[body], proven.value[body], rtol=3e-3)


@pytest.mark.slow
def test_a_tail_depends_on_its_shape_alone():
    shapes = [(8, 3000), (11, 2500), (20, 6001)]
    together = dict(scaled.scaled_sweep(shapes))
    for shape in shapes:
        ((_, alone),) = scaled.scaled_sweep([shape])
        np.testing.assert_array_equal(alone.values, together[shape].values)
        np.testing.assert_array_equal(alone.errors, together[shape].errors)


def test_the_mean_of_a_tail():
    shape = (12, 2600)
    ((_, tail),) = scaled.scaled_sweep([shape])
    edges = np.linspace(0, 12, 200_001)
    survival, least, greatest = tail.rounded(edges)
    assert least == -greatest < 0
    mean = np.trapezoid(survival, edges) / 12
    assert mean == pytest.approx(average_precision_null(*shape).mean, rel=1e-4)


def slow(*shape):
    return pytest.param(shape, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    "shape", [(9, 400), (12, 2600), slow(16, 9000), slow(24, 3000), slow(9, 60_000), slow(40, 2000), slow(64, 20_000)]
)
def test_errors_hold_against_much_finer_sweeps(shape):
    ((_, tail),) = scaled.scaled_sweep([shape])
    some = slice(len(tail.values) % 2, None, 3)  # each octave is like the others
    octaves = range(tail.lowest, tail.lowest + len(tail.values))[some]
    cells, ratio = 4 * scaled._CELLS, 4 * scaled._RATIO
    finer = np.stack([scaled._octave([shape], shape[0], 2.0**each, cells, ratio)[shape] for each in octaves])
    finer = scaled._at_finer(finer, tail.values.shape[1])
    values, errors = tail.values[some], tail.errors[some]
    there = finer > 1e-10
    there[:, : scaled._CELLS // 2] = False  # the octave below is as far
    assert there.sum() > 1_500
    assert (np.abs(values - finer)[there] < 0.5 * errors[there]).all()


def test_where_halving_does_not_help_the_fall_of_the_tail_is_stated():
    s = np.arange(2049)
    jump, smooth = (s < 1000).astype(float), 1 / (1 + np.exp((s - 1000) / 200))
    # a jump that each sweep has elsewhere, however fine it is
    sweeps = [jump, (s[:1025] < 470).astype(float), (s[:513] < 265).astype(float)]
    tail = scaled.ScaledTail.of(9, 0, [sweep[None] for sweep in sweeps])
    assert tail.errors[0, 991:1009].min() >= 0.99
    tail = scaled.ScaledTail.of(9, 0, [scaled._at_finer(smooth[None], size) for size in (2049, 1025, 513)])
    assert tail.errors[0, 400:].max() < 1e-4


def test_long_lists_are_found_in_octaves():
    assert method_of(20, 20_000) == method_of(60, 50_000) == "scaled"
    assert method_of(7, 20_000) == method_of(4, 500) == "bracket"
    assert plan_of(20, 20_000) == plan_of(30, 60_000)
    found = map_distributions([(20, 20_000)], lambda each: each.evaluate([0.005, 1.0]))[20, 20_000]
    assert 0 < found.lower[0] <= found.value[0] <= found.upper[0] < 1
    assert found.value[1] == 1 / average_precision_null(20, 20_000).n_placements
