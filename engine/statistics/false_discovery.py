"""The false discovery rate, and the level that p-values are compared with."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..errors import InputError, examples

__all__ = ["benjamini_hochberg"]

Floats = npt.NDArray[np.float64]


def benjamini_hochberg(p: npt.ArrayLike) -> Floats:
    """Return Benjamini-Hochberg adjusted p-values.

    Parameters
    ----------
    p : array_like of float, shape (n,)
        P-values; NaN is not a test.

    Returns
    -------
    ndarray of float64, shape (n,)
        Adjusted values, at most 1; NaN where `p` is NaN.

    Raises
    ------
    InputError
        A p-value outside [0, 1].
    """
    # The numbers of `scipy.stats.false_discovery_control`; importing that takes longer than all of a usual call.
    given = np.asarray(p, np.float64)
    outside = given[(given < 0) | (given > 1)]
    if len(outside):
        raise InputError(f"P-values must lie between 0 and 1, but found {examples(outside.tolist())}.")
    order = np.argsort(given)  # NaN last
    order = order[: int((~np.isnan(given)).sum())]
    scaled = given[order] * (len(order) / np.arange(1, len(order) + 1))
    adjusted = np.full(given.shape, np.nan)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted
