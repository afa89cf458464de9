"""Tails of sums of independent draws, by definition: of a few values each, and of distributions on a grid."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["count_sums", "spectral_tails"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def count_sums(one: Floats, two: Floats, three: Floats, edge: float, strict: bool) -> int:
    """Count the triples whose sum reaches a threshold.

    Parameters
    ----------
    one : ndarray of float64, shape (a,)
        First values, any order.
    two, three : ndarray of float64, shape (b,) and (c,)
        Second and third values, ascending.
    edge : float
        The threshold.
    strict : bool
        Whether a sum has to be above it; else equal ones count.

    Returns
    -------
    int
        Of the a b c triples, those with ``three >= edge - one - two`` (or ``>``).
    """
    rest = edge - one[:, None] - two
    return int((three > rest[..., None]).sum() if strict else (three >= rest[..., None]).sum())


def spectral_tails(
    spectra: Floats,
    size: int,
    offsets: Ints,
    parts: Ints,
    times: Ints,
    weights: Floats,
    cells: Ints,
    decay: float,
    negligible: float,
) -> Floats:
    """Tails of sums of independent draws on a grid, from the Fourier transforms of their distributions.

    The transform of the distribution q of a sum is the product Q of the transforms, and a tail is a sum over q, thus
    over Q. With w = exp(2 pi i / N) and D_f = 1 / (1 - exp(-decay) w^f),

        sum over c >= j of q(c) exp(-decay (c - j)) = (1 / N) sum over f of Q_f D_f (w^(f j) - exp(-decay (N - j))),

    where for decay = 0 the term of f = 0 is N - j. So a tail costs a product, and no transform.

    Parameters
    ----------
    spectra : ndarray of float64, shape (p, 2, N // 2 + 1)
        Real and imaginary parts of the transform (``numpy.fft.rfft``) of each distribution, of which each adds up to 1.
    size : int
        N, the cells of the grid; a sum must not reach beyond it.
    offsets : ndarray of int64, shape (s + 1,)
        Draws of sum i are those from ``offsets[i]`` to ``offsets[i + 1]``.
    parts, times : ndarray of int64, shape (t,)
        Which distributions are drawn from, and how often.
    weights : ndarray of float64, shape (2, N // 2 + 1)
        Real and imaginary parts of D_f / N, twice where another frequency mirrors it; 0 at f = 0 if decay is 0.
    cells : ndarray of int64, shape (s, m)
        j of each sum, 0 <= j <= N.
    decay : float
        See above, >= 0.
    negligible : float
        What may be left out of each tail; nothing is here.

    Returns
    -------
    ndarray of float64, shape (s, m)
        The tails.
    """
    found = np.empty(cells.shape)
    for s in range(len(cells)):
        product = weights[0] + 1j * weights[1]
        for t in range(offsets[s], offsets[s + 1]):
            product = product * (spectra[parts[t], 0] + 1j * spectra[parts[t], 1]) ** int(times[t])
        turn = np.exp(2j * np.pi * (np.multiply.outer(cells[s], np.arange(size // 2 + 1)) % size) / size)
        found[s] = (turn * product).real.sum(axis=1) - np.exp(-decay * (size - cells[s])) * product.real.sum()
    return found + (1 - cells / size if decay == 0 else 0.0)
