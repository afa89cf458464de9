"""The characteristic function of S_P, the sum behind average precision, by definition (see `null`)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["characteristic", "characteristic_lists", "exponential_moments", "tail_sum"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def characteristic(
    n_pos: int, theta: tuple[float, float, int], lowest: Ints, highest: Ints
) -> npt.NDArray[np.complex128]:
    """E[exp(i theta S_P)] under random ranking, by the recursion of `null`.

    With phi_k(r) the mean of exp(i theta S_k) given k positives among the first r ranks,

        phi_k(r) = ((r - k) / r) phi_k(r - 1) + (k / r) exp(i theta k / r) phi_{k-1}(r - 1).

    Terms are not rounded: the result is exact but for floating point, whose error is at most a few units in the
    last place of 1 a rank, since moduli are at most 1 and the two weights add up to 1.

    Parameters
    ----------
    n_pos : int
        P.
    theta : (float, float, int)
        The first frequency, the step to the next, and their number N.
    lowest, highest : ndarray of int64, shape (L + 1,)
        Only k between them is kept at each rank (``lowest[r] <= highest[r] <= min(r, P)``, neither ever falling,
        ``highest[L] = P``); what is outside counts as 0. The error is at most the probability that the
        number of positives among the first ranks ever leaves this corridor.

    Returns
    -------
    ndarray of complex128, shape (N,)
        The values.
    """
    first, step, count = theta
    frequency = first + step * np.arange(count)
    phi = np.zeros((n_pos + 1, count), np.complex128)
    phi[0] = 1.0
    for r in range(1, len(highest)):
        for k in range(highest[r], max(lowest[r], 1) - 1, -1):
            phi[k] = (r - k) / r * phi[k] + k / r * np.exp(1j * frequency * k / r) * phi[k - 1]
        if lowest[r] > 0:
            phi[lowest[r] - 1] = 0.0
    return phi[n_pos]


def characteristic_lists(n_pos: Ints, theta: tuple[float, float, int], totals: Ints) -> npt.NDArray[np.complex128]:
    """E[exp(i theta S_P)] in several lists, from one sweep over ranks: it depends on neither P nor L.

    Parameters
    ----------
    n_pos : ndarray of int64, shape (t,)
        P of each list.
    theta : (float, float, int)
        As in `characteristic`.
    totals : ndarray of int64, shape (t,)
        L of each list, ascending.

    Returns
    -------
    ndarray of complex128, shape (t, N)
        As `characteristic` with all k kept, for each list; it does not depend on the others.
    """
    found = [
        characteristic(most, theta, np.zeros(total + 1, np.int64), np.minimum(np.arange(total + 1), most))
        for most, total in zip(n_pos.tolist(), totals.tolist(), strict=True)
    ]
    return np.array(found, np.complex128).reshape(len(totals), theta[2])


def exponential_moments(n_pos: Ints, t: Floats, totals: Ints) -> Floats:
    """E[exp(t S_P)] in several lists, from one sweep over ranks: the recursion of `characteristic` with real exponents.

    Parameters
    ----------
    n_pos : ndarray of int64, shape (t,)
        P of each list.
    t : ndarray of float64, shape (N,)
        Exponents, above 0.
    totals : ndarray of int64, shape (t,)
        L of each list, ascending.

    Returns
    -------
    ndarray of float64, shape (t, N)
        The moments, infinite where float64 does not hold them; none depends on the other lists. All terms are above 0,
        so that their relative error is at most a few units in the last place a rank and a positive.
    """
    found = np.empty((len(totals), len(t)))
    for i, (most, total) in enumerate(zip(n_pos.tolist(), totals.tolist(), strict=True)):
        moments = np.zeros((most + 1, len(t)))
        moments[0] = 1.0
        for r in range(1, total + 1):
            for k in range(min(r, most), 0, -1):
                with np.errstate(over="ignore"):
                    moments[k] = (r - k) / r * moments[k] + k / r * np.exp(t * k / r) * moments[k - 1]
        found[i] = moments[most]
    return found


def tail_sum(s: Floats, unit: float, phi: npt.NDArray[np.complex128]) -> Floats:
    """P(S >= s) with a square wave in place of the step: 1/2 + (2 / pi) sum_n Im(phi_n exp(-i n unit s)) / n.

    Parameters
    ----------
    s : ndarray of float64, shape (m,)
        Where.
    unit : float
        pi / W, W half the period of the wave.
    phi : ndarray of complex128, shape (N,)
        E[exp(i n unit S)] for n = 1, 3, .. 2 N - 1.

    Returns
    -------
    ndarray of float64, shape (m,)
        The tail, if S lies within W of s, up to the terms left out.
    """
    n = 2 * np.arange(len(phi)) + 1
    terms = phi * np.exp(-1j * unit * np.multiply.outer(s, n)) / n
    return 0.5 + 2 / np.pi * terms.imag.sum(axis=1)
