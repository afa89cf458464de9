"""The characteristic function of S_P, the sum behind average precision, by definition (see `null`)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["characteristic"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def characteristic(n_pos: int, theta: Floats, lowest: Ints, highest: Ints) -> npt.NDArray[np.complex128]:
    """E[exp(i theta S_P)] under random ranking, by the recursion of the law.

    With phi_k(r) the mean of exp(i theta S_k) given k positives among the first r ranks,

        phi_k(r) = ((r - k) / r) phi_k(r - 1) + (k / r) exp(i theta k / r) phi_{k-1}(r - 1).

    Terms are not rounded: the result is exact but for floating point, whose error is at most a few units in the
    last place of 1 a rank, since moduli are at most 1 and the two weights add up to 1.

    Parameters
    ----------
    n_pos : int
        P.
    theta : ndarray of float64, shape (N,)
        Frequencies.
    lowest, highest : ndarray of int64, shape (L + 1,)
        Only k between them is kept at each rank (``lowest[r] <= highest[r] <= min(r, P)``, neither ever falling,
        ``highest[L] = P``); what is outside counts as 0. The error is at most the probability that the
        number of positives among the first ranks ever leaves this corridor.

    Returns
    -------
    ndarray of complex128, shape (N,)
        The values.
    """
    phi = np.zeros((n_pos + 1, len(theta)), np.complex128)
    phi[0] = 1.0
    for r in range(1, len(highest)):
        for k in range(highest[r], max(lowest[r], 1) - 1, -1):
            phi[k] = (r - k) / r * phi[k] + k / r * np.exp(1j * theta * k / r) * phi[k - 1]
        if lowest[r] > 0:
            phi[lowest[r] - 1] = 0.0
    return phi[n_pos]
