"""The paired comparison: against its definition, swap by swap, and by simulation of runs that do and do not differ."""

from __future__ import annotations

import itertools
import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from fastbench.engine.statistics import paired_comparison
from fastbench.engine.statistics.paired_comparison import FEWEST_DIFFERING, TESTED, Difference, paired_difference

Floats = npt.NDArray[np.float64]


def means(rows: list[tuple[str, float, float]], swapped: set[str]) -> float:
    """Return the difference of the means after the runs have swapped sides in some clusters."""
    sides = [(b, a) if name in swapped else (a, b) for name, a, b in rows]
    return math.fsum(a - b for a, b in sides) / len(sides)


def by_definition(rows: list[tuple[str, float, float]], level: float = 0.95) -> tuple[float, float, float]:
    """Return the p-value and the interval from all sets of clusters, one by one."""
    names = sorted({name for name, *_ in rows})
    sets = [set(some) for n in range(len(names) + 1) for some in itertools.combinations(names, n)]
    observed = means(rows, set())
    after = [means(rows, some) for some in sets]
    tie = 1e-12 * sum(abs(a) + abs(b) for _, a, b in rows)
    sides = [sum(side * (each - observed) >= -tie for each in after) / len(sets) for side in (1, -1)]
    inside = [means([row for row in rows if row[0] in some], set()) for some in sets if some]
    lower, upper = np.quantile(inside, [(1 - level) / 2, (1 + level) / 2])
    return min(2 * min(sides), 1.0), float(lower), float(upper)


def compared(rows: list[tuple[str, float, float]], draws: int = 100_000, seed: int = 0) -> Difference:
    values = np.array([row[1:] for row in rows])
    return paired_difference([row[0] for row in rows], values, np.ones(values.shape), draws=draws, seed=seed)


some_rows = st.lists(
    st.tuples(st.sampled_from("abcdefg"), st.integers(0, 6), st.integers(0, 6)), min_size=7, max_size=14
).map(lambda rows: [(name, a / 6, b / 7) for name, a, b in rows])


@settings(deadline=None, max_examples=60)
@given(rows=some_rows)
def test_test_and_interval_are_those_of_all_swaps(rows: list[tuple[str, float, float]]):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paired_comparison, "FEWEST", 1)
        patch.setattr(paired_comparison, "FEWEST_DIFFERING", 1)
        found = compared(rows)
    p, lower, upper = by_definition(rows)
    assert found.status == TESTED
    assert found.units == len({name for name, *_ in rows})
    assert found.difference == pytest.approx(means(rows, set()), abs=1e-12)
    assert found.p_value == pytest.approx(p)
    assert (found.lower, found.upper) == pytest.approx((lower, upper), abs=1e-12)


def test_random_sets_agree_with_all_of_them():
    rng = np.random.default_rng(5)
    rows = [(f"g{i % 12:02d}", a, b * 0.8) for i, (a, b) in enumerate(rng.random((30, 2)))]
    every, drawn = compared(rows), compared(rows, draws=4000, seed=1)
    assert drawn.p_value == pytest.approx(every.p_value, abs=0.03)
    spread = every.upper - every.lower
    assert drawn.lower == pytest.approx(every.lower, abs=0.1 * spread)
    assert drawn.upper == pytest.approx(every.upper, abs=0.1 * spread)


def test_the_test_of_signs_is_that_of_mcnemar():
    values = np.array([[1, 0]] * 9 + [[0, 1]] * 3 + [[1, 1]] * 2, float)
    found = paired_difference(range(14), values, np.ones((14, 2)), draws=20_000, seed=0)
    assert found.p_value == pytest.approx(stats.binomtest(3, 12).pvalue)


def test_the_interval_holds_the_shifts_that_are_not_rejected():
    rng = np.random.default_rng(3)
    values = rng.normal(0, 1, (11, 2))
    found = paired_difference(range(11), values, np.ones((11, 2)), draws=5000, seed=0)
    for shift, kept in ((found.lower + 0.01, True), (found.upper - 0.01, True), (found.lower - 0.05, False)):
        other = paired_difference(range(11), values - [shift, 0], np.ones((11, 2)), draws=5000, seed=0)
        assert (other.p_value > 0.05) is kept


def test_equal_runs_have_no_difference_and_swapped_ones_the_opposite():
    rng = np.random.default_rng(0)
    names = [f"g{i % 40}" for i in range(100)]
    values = rng.random((100, 2))
    there = np.repeat(rng.random((100, 1)) < 0.9, 2, axis=1).astype(float)
    equal = paired_difference(names, np.repeat(values[:, :1], 2, axis=1), there, draws=500, seed=1)
    assert (equal.difference, equal.lower, equal.upper, equal.p_value) == (0, 0, 0, 1)
    one = paired_difference(names, values, there, draws=500, seed=1)
    other = paired_difference(names, values[:, ::-1], there, draws=500, seed=1)
    assert (one.difference, one.p_value) == (-other.difference, other.p_value)
    assert (one.lower, one.upper) == pytest.approx((-other.upper, -other.lower), abs=1e-15)
    assert paired_difference(names, values, there, draws=500, seed=2) != one
    order = rng.permutation(100)
    shuffled = paired_difference([names[i] for i in order], values[order], there[order], draws=500, seed=1)
    assert shuffled.p_value == one.p_value
    assert shuffled.lower == pytest.approx(one.lower)


def test_what_cannot_be_tested_is_refused_with_the_reason():
    values, there = np.full((9, 2), [0.9, 0.1]), np.ones((9, 2))
    few = paired_difference(range(9), values, there, draws=100, seed=0)
    assert few.difference == pytest.approx(0.8)
    assert math.isnan(few.lower)
    assert math.isnan(few.p_value)
    assert few.status == "not tested: 9 of at least 10 clusters"
    none = paired_difference(range(20), np.full((20, 2), 0.5), np.ones((20, 2)), draws=0, seed=0)
    assert math.isnan(none.upper)
    assert none.status == "not tested: no draws"
    nothing = paired_difference([], np.empty((0, 2)), np.empty((0, 2)), draws=100, seed=0)
    assert math.isnan(nothing.difference)
    assert nothing.units == 0
    apart = paired_difference(range(20), np.eye(20, 2), np.ones((20, 2)) - np.eye(20, 2), draws=100, seed=0)
    assert math.isnan(apart.p_value)
    assert apart.status == "not tested: the runs have different groups"


def test_no_p_value_is_below_what_the_clusters_can_give():
    for differing in range(1, 9):
        values = np.zeros((30, 2))
        values[:differing, 0] = 1
        found = paired_difference(range(30), values, np.ones((30, 2)), draws=50_000, seed=0)
        if differing < FEWEST_DIFFERING:
            assert math.isnan(found.p_value)
            assert found.status == f"not tested: {differing} of at least 6 clusters that differ"
        else:
            assert found.p_value == pytest.approx(2 / 2**differing, rel=0.2)


def rejections(difference: float, spread: Floats, repeats: int, seed: int) -> int:
    """Count how often runs of equal noise, one of them better by `difference`, have p < 0.05."""
    rng = np.random.default_rng(seed)
    clusters = np.repeat(np.arange(len(spread)), np.maximum(1, (10 * spread).astype(int)))
    count = 0
    for repeat in range(repeats):
        noise = rng.standard_t(3, (len(spread), 2)) * spread[:, None]
        own = rng.normal(0, 0.3, (len(clusters), 2))
        values = noise[clusters] + own + [difference, 0]
        found = paired_difference(clusters, values, np.ones(values.shape), draws=199, seed=repeat)
        count += found.p_value < 0.05
    return count


@pytest.mark.slow
@pytest.mark.parametrize(
    "spread",
    [np.ones(40), np.array([8.0, 3.0, 2.0, *[0.3] * 12]), np.geomspace(0.1, 3, 25)],
    ids=["equal", "hub", "any"],
)
def test_runs_that_do_not_differ_are_rejected_in_five_of_a_hundred(spread: Floats):
    # Of 400 repeats 20 are expected; 6 to 38 hold all but one in a thousand of the counts of an exact test.
    assert 6 <= rejections(0.0, spread, 400, seed=1) <= 38


def test_runs_that_differ_are_found():
    assert rejections(1.5, np.ones(40), 60, seed=2) >= 45


@pytest.mark.slow
def test_what_crossed_clusters_have_in_common_is_counted():
    """Twelve configurations of forty perturbations: each configuration has a noise of its own in each run."""
    rng = np.random.default_rng(4)
    name, configuration = (each.ravel() for each in np.meshgrid(np.arange(40), np.arange(12)))
    found = {True: 0, False: 0}
    for repeat in range(300):
        values = rng.normal(0, 1, (480, 2)) + 0.15 * rng.normal(0, 1, (12, 2))[configuration]
        for known in found:
            crossed = configuration if known else None
            test = paired_difference(name, values, np.ones((480, 2)), crossed=crossed, draws=199, seed=repeat)
            found[known] += test.p_value < 0.05
            assert test.lower <= test.difference <= test.upper
    assert found[False] > 30
    assert 5 <= found[True] <= 30
    few = [
        paired_difference(name, values, np.ones((480, 2)), crossed=crossed, draws=199, seed=0)
        for crossed in (None, configuration % 5)
    ]
    assert few[0] == few[1]
