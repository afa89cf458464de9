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
    p : array_like of float, shape (n,) or (families, n)
        P-values; NaN is not a test. Each row is a family that is adjusted by itself.

    Returns
    -------
    ndarray of float64, shape of `p`
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
    order = np.argsort(given, axis=-1)  # NaN last
    tests = (~np.isnan(given)).sum(axis=-1, keepdims=True)
    scaled = np.take_along_axis(given, order, axis=-1)
    scaled *= tests / np.arange(1, given.shape[-1] + 1)
    # From the largest down; fmin passes over what is no test, which comes first.
    np.fmin.accumulate(scaled[..., ::-1], axis=-1, out=scaled[..., ::-1])
    np.minimum(scaled, 1.0, out=scaled)
    adjusted = np.empty(given.shape)
    np.put_along_axis(adjusted, order, scaled, axis=-1)
    return adjusted
