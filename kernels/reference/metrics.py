"""Distances of `scipy.spatial.distance` beyond those that fastbench has an arithmetic of its own for."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["metric_options", "metric_values", "refuse_nan"]


def metric_options(x: npt.NDArray[np.floating], name: str) -> dict[str, npt.NDArray[np.floating]]:
    """Return what a metric takes from all rows x (n, d): variances of ``seuclidean``, inverse covariance of
    ``mahalanobis``, as `scipy.spatial.distance.pdist` does (copairs takes them from each batch of pairs).

    Raises
    ------
    ValueError
        The covariance has no inverse.
    """  # noqa: D205
    if name == "seuclidean":
        return {"V": np.var(x, axis=0, ddof=1, dtype=np.float64)}
    if name == "mahalanobis":
        covariance = np.atleast_2d(np.cov(x.T.astype(np.float64)))
        if np.linalg.matrix_rank(covariance, hermitian=True) < len(covariance):
            raise ValueError("the covariance of the features has no inverse (more features than independent rows)")
        return {"VI": np.linalg.inv(covariance)}
    return {}


def metric_values(
    a: npt.NDArray[np.floating], b: npt.NDArray[np.floating], name: str, options: dict[str, Any]
) -> npt.NDArray[np.float64]:
    """Return minus the distance of rows a (q, d) to rows b (w, d): (q, w) float64, higher is nearer.

    An infinite distance becomes the largest finite one, since minus infinity marks what is no candidate. NaN is
    left to the caller, who knows which pairs count.
    """
    from scipy.spatial.distance import cdist

    with np.errstate(all="ignore"):
        values = -cdist(a.astype(np.float64), b.astype(np.float64), name, **options)
    return np.maximum(values, np.finfo(np.float64).min)


def refuse_nan(values: npt.NDArray[np.float64]) -> None:
    """Raise `ValueError` if one of the similarities of pairs that count is not a number."""
    missing = int(np.isnan(values).sum())
    if missing:
        raise ValueError(f"{missing} of {values.size} similarities looked at are not numbers")
