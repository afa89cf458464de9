"""Definition of the similarities and of the arithmetic that decides a rank.

A rank is decided by float64 numbers that depend on the two rows only, never on a tile, a thread or a device.
Sums over features therefore have one order: 64 running sums (feature k goes to sum k mod 64), folded in halves
(sum l takes in sum l + 32, then l + 16, ... l + 1). Equal rows then have exactly equal similarities, which is
what makes a tie a tie. Sixty-four is what two cores of today turn into full-width vector additions.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..names import DISTANCE_TABLE, Similarity, is_metric
from .metrics import metric_options, metric_values

__all__ = ["LANES", "copairs_scale", "feature_sums", "moments", "similarity"]

LANES = 64

Array = npt.NDArray[np.float64]


def _lanes(x: npt.NDArray[np.floating]) -> Array:
    """Return rows as (rows, steps, 64), padded with zeros, float64."""
    n, d = x.shape
    steps = -(-d // LANES)
    padded = np.zeros((n, steps * LANES))
    padded[:, :d] = x
    return padded.reshape(n, steps, LANES)


def _lane_sum(terms: Array) -> Array:
    """Sum (rows, steps, 64) over steps one by one, then fold the lanes in halves."""
    total = np.zeros((terms.shape[0], LANES))
    for step in range(terms.shape[1]):
        total += terms[:, step]
    width = LANES // 2
    while width:
        total[:, :width] += total[:, width : 2 * width]
        width //= 2
    return total[:, 0]


def feature_sums(terms: Array) -> Array:
    """Sum (rows, features) over features, in the one order; (rows,)."""
    return _lane_sum(_lanes(terms))


def moments(x: npt.NDArray[np.floating], distance: str) -> tuple[Array, Array]:
    """Return what a row is shifted and divided by before the dot product.

    Parameters
    ----------
    x : ndarray, shape (n, d)
        Features.
    distance : str
        One of `DISTANCES`.

    Returns
    -------
    shift : ndarray, shape (n,)
        Row mean for ``correlation``, else 0.
    norm : ndarray, shape (n,)
        Euclidean norm of the shifted row for the cosine family, else 1.
    """
    n, d = x.shape
    traits = DISTANCE_TABLE[distance]
    shift = np.zeros(n)
    if traits.is_centred:
        shift = _lane_sum(_lanes(x)) / d
    if not traits.needs_norm:
        return shift, np.ones(n)
    centred = x.astype(np.float64) - shift[:, None]
    lanes = _lanes(centred)
    return shift, np.sqrt(_lane_sum(lanes * lanes))


def similarity(
    x: npt.NDArray[np.floating],
    rows_a: npt.NDArray[np.integer],
    rows_b: npt.NDArray[np.integer],
    distance: str | Similarity,
) -> Array:
    """Return the ranking value of pairs of rows: higher is nearer.

    Parameters
    ----------
    x : ndarray, shape (n, d)
        Features, finite; no zero row for the cosine family, no constant row for ``correlation``.
    rows_a, rows_b : ndarray of int, shape (m,)
        The pairs.
    distance : str or callable
        ``cosine``: x·y / (|x||y|); ``abs_cosine``: its absolute value; ``correlation``: cosine of the centred
        rows; ``euclidean``: minus the squared distance; ``manhattan``, ``chebyshev``: minus the distance; a name of
        `names.METRICS`: minus scipy's distance. A function: what it returns.

    Returns
    -------
    ndarray of float64, shape (m,)
        The ranking value. It orders pairs as the similarity scale of copairs does, see `copairs_scale`. NaN where
        scipy's distance is not defined.
    """
    if not isinstance(distance, str) or is_metric(distance):
        options = metric_options(x, distance)
        pairs = zip(rows_a, rows_b, strict=True)
        return np.array([metric_values(x[i : i + 1], x[j : j + 1], distance, options)[0, 0] for i, j in pairs])
    shift, norm = moments(x, distance)
    a = x[rows_a].astype(np.float64) - shift[rows_a][:, None]
    b = x[rows_b].astype(np.float64) - shift[rows_b][:, None]
    if DISTANCE_TABLE[distance].needs_norm:
        value = _lane_sum(_lanes(a) * _lanes(b)) / (norm[rows_a] * norm[rows_b])
        return np.abs(value) if distance == "abs_cosine" else value
    difference = _lanes(a) - _lanes(b)
    if distance == "euclidean":
        return -_lane_sum(difference * difference)
    if distance == "manhattan":
        return -_lane_sum(np.abs(difference))
    return -np.abs(difference).max(axis=(1, 2))


def copairs_scale(value: Array, distance: str) -> Array:
    """Bring ranking values to the similarity scale of copairs: 1 / (1 + distance) outside the cosine family."""
    if distance in DISTANCE_TABLE and DISTANCE_TABLE[distance].needs_norm:
        return value
    return 1.0 / (1.0 + (np.sqrt(-value) if distance == "euclidean" else -value))
