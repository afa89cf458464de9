"""Tails of sums of draws: counted, and from Fourier transforms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastbench.kernels import cpu, reference

BACKENDS = [cpu, reference]
values = st.lists(st.integers(0, 12).map(lambda n: n / 8), min_size=1, max_size=9)


@pytest.mark.parametrize("backend", BACKENDS)
@given(one=values, two=values, three=values, edge=st.integers(-1, 40).map(lambda n: n / 8), strict=st.booleans())
@settings(deadline=None, max_examples=60)
def test_triples_are_counted(backend, one, two, three, edge, strict):
    sums = np.add.outer(np.add.outer(one, two), three)
    arrays = np.array(one), np.sort(two), np.sort(three)
    assert backend.count_sums(*arrays, edge, strict) == (sums > edge if strict else sums >= edge).sum()


def weights_of(size, decay):
    with np.errstate(divide="ignore", invalid="ignore"):
        found = 2 / size / (1 - np.exp(-decay) * np.exp(2j * np.pi * np.arange(size // 2 + 1) / size))
    found[0] = 0 if decay == 0 else found[0] / 2
    found[-1] /= 2
    return np.stack([found.real, found.imag])


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("size", [48, 1000])  # the second takes several blocks of frequencies
@given(data=st.data(), decay=st.sampled_from([0.0, 1e-3, 0.4]), seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=25)
def test_tails_are_those_of_the_convolution(backend, size, data, decay, seed):
    rng = np.random.default_rng(seed)
    masses = rng.random((4, size // 12))
    masses /= masses.sum(axis=1, keepdims=True)
    transforms = np.fft.rfft(masses, size)
    spectra = np.stack([transforms.real, transforms.imag], axis=1)
    draw = st.tuples(st.integers(0, 3), st.integers(1, 4))
    sums = data.draw(st.lists(st.lists(draw, min_size=1, max_size=3), min_size=1, max_size=3))
    cells = np.array(data.draw(st.lists(st.integers(0, size), min_size=2 * len(sums), max_size=2 * len(sums))))
    cells = cells.reshape(-1, 2)
    offsets = np.cumsum([0, *map(len, sums)])
    parts, times = np.array([each for mine in sums for each in mine], np.int64).T.copy()
    found = backend.spectral_tails(spectra, size, offsets, parts, times, weights_of(size, decay), cells, decay, 1e-13)
    for mine, asked, tails in zip(sums, cells, found, strict=True):
        total = np.ones(1)
        for part, n in mine:
            for _ in range(n):
                total = np.convolve(total, masses[part])
        total = np.append(total, np.zeros(max(size - len(total), 0)))
        for cell, tail in zip(asked, tails, strict=True):
            here = np.arange(cell, size)
            assert tail == pytest.approx((total[cell:size] * np.exp(-decay * (here - cell))).sum(), abs=1e-12)


@pytest.mark.parametrize("decay", [0.0, 1e-3])
@pytest.mark.parametrize("negligible", [1e-13, 1e-6, 1e-3])
def test_what_is_left_out_of_a_tail_is_negligible(decay, negligible):
    size, at = 6000, np.arange(900)
    masses = np.exp(-0.5 * ((at - np.array([[200], [300], [400]])) / np.array([[4], [6], [9]])) ** 2)
    masses /= masses.sum(axis=1, keepdims=True)
    transforms = np.fft.rfft(masses, size)
    spectra = np.stack([transforms.real, transforms.imag], axis=1)
    offsets, parts, times = np.array([0, 5, 6]), np.array([0, 1, 2, 0, 1, 2]), np.array([1, 1, 1, 1, 1, 3])
    cells = np.array([[1200, 1390, 1500], [1100, 1200, 1250]])
    arguments = spectra, size, offsets, parts, times, weights_of(size, decay), cells, decay
    expected = reference.spectral_tails(*arguments, 0.0)
    whole = cpu.spectral_tails(*arguments, 0.0)
    np.testing.assert_allclose(whole, expected, atol=1e-13)
    found = cpu.spectral_tails(*arguments, negligible)
    if negligible > 1e-9:
        assert (found != whole).any()  # something was left out
    assert np.abs(found - whole).max() <= negligible
