"""Distances of `scipy.spatial.distance` beyond those that fastbench has an arithmetic of its own for, and functions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..names import Similarity

__all__ = ["MetricOptions", "metric_options", "metric_values", "why_not_numbers"]


#: Bytes of the pairs of rows that a function is handed at once.
PAIR_BYTES = 1 << 26


class MetricOptions(NamedTuple):
    """What a metric takes from all rows.

    Attributes
    ----------
    arguments : dict of str to ndarray
        Keyword arguments of scipy's function.
    reason : str
        Why these rows have no such distance, as part of a sentence; empty where they have.
    """

    arguments: dict[str, npt.NDArray[np.floating]]
    reason: str = ""


def metric_options(x: npt.NDArray[np.floating], name: str | Similarity) -> MetricOptions:
    """Return what a metric takes from all rows x (n, d).

    These are the variances of ``seuclidean`` and the inverse covariance of ``mahalanobis``, as
    `scipy.spatial.distance.pdist` takes them (copairs takes them from each batch of pairs).
    """
    if name == "seuclidean":
        return MetricOptions({"V": np.var(x, axis=0, ddof=1, dtype=np.float64)})
    if name == "mahalanobis":
        covariance = np.atleast_2d(np.cov(x.T.astype(np.float64)))
        if np.linalg.matrix_rank(covariance, hermitian=True) < len(covariance):
            reason = "the covariance of the features has no inverse (more features than independent rows)"
            return MetricOptions({}, reason)
        return MetricOptions({"VI": np.linalg.inv(covariance)})
    return MetricOptions({})


def metric_values(
    a: npt.NDArray[np.floating], b: npt.NDArray[np.floating], name: str | Similarity, options: MetricOptions
) -> npt.NDArray[np.float64]:
    """Return minus the distance, or the similarity, of rows a (q, d) and b (w, d): (q, w) float64, higher is nearer.

    An infinite distance becomes the largest finite one, since minus infinity marks what is no candidate. NaN is
    left to the caller, who knows which pairs count; all is NaN where the options say that there is no such distance.
    """
    from scipy.spatial.distance import cdist

    if options.reason:
        return np.full((len(a), len(b)), np.nan)
    if not isinstance(name, str):
        return np.maximum(_function_values(a, b, name), np.finfo(np.float64).min)
    with np.errstate(all="ignore"):
        values = -cdist(a.astype(np.float64), b.astype(np.float64), name, **options.arguments)
    return np.maximum(values, np.finfo(np.float64).min)


def _function_values(
    a: npt.NDArray[np.floating], b: npt.NDArray[np.floating], function: Similarity
) -> npt.NDArray[np.float64]:
    """Hand pairs of rows to a function, some rows of `a` with all of `b` at a time."""
    values = np.empty((len(a), len(b)))
    step = max(1, PAIR_BYTES // max(2 * b.nbytes, 1))
    for start in range(0, len(a), step):
        part = a[start : start + step]
        found = function(np.repeat(part, len(b), axis=0), np.tile(b, (len(part), 1)))
        values[start : start + step] = np.reshape(found, (len(part), len(b)))
    return values


def why_not_numbers(values: npt.NDArray[np.float64]) -> str:
    """Return why similarities of pairs that count cannot be ranked, as part of a sentence; empty where they can."""
    missing = int(np.isnan(values).sum())
    return f"{missing} of {values.size} similarities looked at are not numbers" if missing else ""
