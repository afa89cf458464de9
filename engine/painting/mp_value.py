"""The mp-value: distance of a treatment from controls in principal components, tested by moving rows between them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["MpValue", "mp_value"]

Floats = npt.NDArray[np.float64]
#: Numbers in the rows of the draws that are looked at together (32 MiB).
_TOGETHER = 1 << 22
#: Distances that differ by less than rounding are equal: a draw of the same rows counts as one as far.
_ROUNDING = 1e-9


class MpValue(NamedTuple):
    """The multidimensional perturbation value.

    Attributes
    ----------
    distance : float
        Squared Mahalanobis distance of the mean of the treated rows from the controls.
    p_value : float
        (b + 1) / (N + 1), b of N draws with a distance at least as large.
    p_value_peer : float
        b / N, as cytominer-eval.
    reason : str
        Why they are NaN; else empty.
    """

    distance: float
    p_value: float
    p_value_peer: float
    reason: str = ""


def mp_value(
    treated: npt.NDArray[np.floating],
    controls: npt.NDArray[np.floating],
    draws: int = 1000,
    seed: int = 0,
    variance: float = 0.9,
) -> MpValue:
    """Return how far treated rows are from controls, with the p-value of a permutation test.

    Parameters
    ----------
    treated : ndarray of float, shape (n, d)
        At least one row.
    controls : ndarray of float, shape (m, d)
        At least two rows.
    draws : int, default 1000
        Permutations of which rows are treated.
    seed : int, default 0
        Of the draws.
    variance : float, default 0.9
        Share of the variance that the principal components keep, those of treated rows and controls together; each is
        multiplied by its share.

    References
    ----------
    Hutz et al. 2013, J Biomol Screen 18:367; Mahalanobis distance under the maximum-likelihood covariance of controls
    (pseudo-inverse), as cytominer-eval.
    """
    nan = float("nan")
    if len(treated) < 1 or len(controls) < 2:
        return MpValue(nan, nan, nan, "An mp-value needs a treated row and two controls.")
    both = np.concatenate([treated, controls]).astype(np.float64)
    both -= both.mean(axis=0)
    u, s, _ = np.linalg.svd(both, full_matrices=False)
    if not s[0] > np.finfo(float).eps * max(both.shape) * max(1.0, float(np.abs(both).max())):
        return MpValue(nan, nan, nan, "All rows are equal.")
    shares = s**2 / (s**2).sum()
    kept = min(len(shares), int(np.searchsorted(np.cumsum(shares), variance, "right")) + 1)
    components = u[:, :kept] * s[:kept] * shares[:kept]
    n, size = len(treated), len(both)
    observed = float(_distances(components, np.arange(size)[None], n)[0])
    if not draws:
        return MpValue(observed, nan, nan, "No permutation was drawn.")
    rng = np.random.default_rng(seed)
    step = max(1, _TOGETHER // (size * kept))
    above = 0
    for start in range(0, draws, step):
        orders = np.stack([rng.permutation(size) for _ in range(min(step, draws - start))])
        above += int((_distances(components, orders, n) >= observed * (1 - _ROUNDING)).sum())
    return MpValue(observed, (above + 1) / (draws + 1), above / draws)


def _distances(components: Floats, orders: npt.NDArray[np.int64], n: int) -> Floats:
    """Return the distance of the first n rows from the others, in each order of the rows."""
    others = components[orders[:, n:]]
    centre = others.mean(axis=1)
    others -= centre[:, None]
    covariance = others.transpose(0, 2, 1) @ others / others.shape[1]
    values, vectors = np.linalg.eigh(covariance)
    kept = values > np.abs(values).max(axis=1, keepdims=True) * values.shape[1] * np.finfo(float).eps
    moved = components[orders[:, :n]].mean(axis=1) - centre
    along = np.einsum("bi,bij->bj", moved, vectors) ** 2
    distances: Floats = np.where(kept, along / np.where(kept, values, 1.0), 0.0).sum(axis=1)
    return distances
