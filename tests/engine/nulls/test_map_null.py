"""P-values of groups of many draws, by inversion of their characteristic function."""

import math

import numpy as np
import pytest

from fastbench.engine.nulls import map_inversion, map_null
from fastbench.engine.nulls.map_inversion import Spectra
from fastbench.engine.tables.groups import Groups
from fastbench.kernels.cpu.null import expected_ap


def group_p_values(statistic, members, *arguments, **options):
    return map_null.group_p_values(statistic, Groups.of(members), *arguments, **options)


def many_shapes(n, seed=0):
    rng = np.random.default_rng(seed)
    n_pos = rng.integers(1, 12, n)
    return n_pos, n_pos + rng.integers(100, 300, n)


def never(*_):
    return None


@pytest.mark.parametrize("null", ["shared", "independent"])
@pytest.mark.parametrize("n", [15, 60])
def test_inversion_lies_in_the_enclosure_of_a_convolution(n, null, monkeypatch):
    n_pos, n_total = many_shapes(n)
    n_pos[:4], n_total[:4] = 5, 200
    x = expected_ap(n_pos, n_total).mean() * np.linspace(0.6, 3, 25)
    rows = [range(n)] * len(x)
    found = group_p_values(x, rows, n_pos, n_total, null=null)
    monkeypatch.setattr(Spectra, "tail", never)
    enclosed = group_p_values(x, rows, n_pos, n_total, null=null)
    assert np.all((enclosed.lower <= found.value) & (found.value <= enclosed.upper))
    clear = found.value > 1e-6
    assert clear.sum() > 10
    assert np.all((found.upper - found.lower)[clear] < 1e-4 * found.value[clear])
    small = found.value < 1e-10  # too small for an inversion
    np.testing.assert_array_equal(found.value[small], enclosed.value[small])


def classes(sizes, n_total=900):
    """Classes, each query against all others: one number of positives in each class."""
    n_pos = np.repeat(np.array(sizes) - 1, sizes)
    rows = np.split(np.arange(len(n_pos)), np.cumsum(sizes)[:-1])
    return n_pos, np.full(len(n_pos), n_total), rows


def test_classes_share_sweeps_and_lie_in_the_enclosure(monkeypatch):
    n_pos, n_total, rows = classes([20, 21, 24, 30])
    mean = np.array([expected_ap(n_pos[mine], n_total[mine]).mean() for mine in rows])
    x, rows = np.concatenate([0.95 * mean, 1.1 * mean, 1.3 * mean]), rows * 3
    sweeps: list[int] = []
    backend = map_inversion.get_backend()
    sweep = backend.characteristic_lists
    monkeypatch.setattr(backend, "characteristic_lists", lambda *a: sweeps.append(len(a[0])) or sweep(*a))
    found = group_p_values(x, rows, n_pos, n_total, null="independent")
    assert max(sweeps) > 1
    for g, mine in enumerate(rows):  # to the last bit
        alone = group_p_values(x[[g]], [mine], n_pos, n_total, null="independent")
        assert (alone.lower, alone.value, alone.upper) == (found.lower[g], found.value[g], found.upper[g])
    monkeypatch.setattr(Spectra, "tail", never)
    enclosed = group_p_values(x, rows, n_pos, n_total, null="independent")
    assert np.all((enclosed.lower <= found.value) & (found.value <= enclosed.upper))
    assert np.all(found.upper - found.lower < 1e-9)


def test_the_reach_of_a_sum_is_beyond_its_far_quantile(monkeypatch):
    draws = (((30, 3_000), 1 / 31, 31),)
    one = Spectra()
    near = math.pi / one._asked(draws).unit
    assert near < map_inversion._reach(draws) / 5
    monkeypatch.setattr(Spectra, "_sum_reach", lambda *_: np.inf)
    x = np.linspace(0, 0.9 * near, 300)
    narrow, wide = one.tail(draws), Spectra().tail(draws)
    assert len(narrow.theta) < len(wide.theta)
    assert np.abs(narrow.enclose(x, x)[2] - wide.enclose(x, x)[2]).max() < narrow.error + wide.error


def test_inversion_agrees_with_samples():
    n_pos, n_total = many_shapes(40, seed=1)
    x = expected_ap(n_pos, n_total).mean() * np.array([0.8, 1.0, 1.3, 1.6])
    rows = [range(40)] * 4
    found = group_p_values(x, rows, n_pos, n_total, null="independent")
    draws = group_p_values(x, rows, n_pos, n_total, null="independent", p_values="sampled", null_size=50_000)
    assert np.all((draws.lower < found.value) & (found.value < draws.upper))


def test_groups_do_not_touch_each_other():
    n_pos, n_total = many_shapes(80, seed=2)
    rows = [range(40), range(20, 80), range(3), range(60)]
    x = np.array([0.05, 0.06, 0.1, 0.07])
    together = group_p_values(x, rows, n_pos, n_total, null="independent")
    for g, mine in enumerate(rows):
        alone = group_p_values(x[[g]], [mine], n_pos, n_total, null="independent")
        assert (alone.lower, alone.value, alone.upper) == (together.lower[g], together.value[g], together.upper[g])


@pytest.mark.parametrize(
    "draws",
    [
        (((1, 2), 1 / 64, 64),),  # values on a lattice
        (((2, 30), 1 / 64, 64),),  # few placements
        (((5, 200), 1 / 4, 4),),  # few positives
        (((64, 64), 1 / 2, 2),),  # one placement
    ],
)
def test_laws_that_are_not_smooth_are_not_inverted(draws):
    assert Spectra().tail(draws) is None


def test_the_error_covers_another_period(monkeypatch):
    n_pos, n_total = many_shapes(50, seed=3)
    draws = tuple(((int(p), int(n)), 1 / 50, 1) for p, n in zip(n_pos, n_total, strict=True))
    one = Spectra().tail(draws)
    monkeypatch.setattr(map_inversion, "_half_period", lambda _: 1.001)
    two = Spectra().tail(draws)
    assert len(one.theta) < len(two.theta)
    x = np.linspace(0, 0.4, 500)
    assert np.abs(one.enclose(x, x)[0] - two.enclose(x, x)[0]).max() < one.error + two.error
