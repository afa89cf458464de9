"""Rows of features that have no similarity to any other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ...kernels.names import DISTANCE_TABLE
from ..errors import InputError, examples
from ..tables.matrix import check_finite

__all__ = ["refuse_degenerate"]

#: Rows that are looked at together.
BLOCK = 8192

Ints = npt.NDArray[np.int64]


def refuse_degenerate(
    x: npt.NDArray[np.floating],
    distance: str,
    rows: Ints,
    norms: npt.NDArray[np.float64] | None = None,
    names: Sequence[str] | None = None,
) -> None:
    """Refuse NaN and infinite values, rows without a direction, and values beyond float64's squares.

    Parameters
    ----------
    x : ndarray of float, shape (n, d)
        Features.
    distance : str
        The distance.
    rows : ndarray of int64, shape (n,)
        What the rows are called in the sentence.
    norms : ndarray of float64, shape (n,), optional
        Lengths of the rows, for the cosine and its absolute value: where they are known, all else follows from them.
    names : sequence of d str, optional
        Names of the features.

    Raises
    ------
    InputError
        Saying which rows, why, and what to do; or which features are NaN or infinite.
    """
    if norms is not None and _has_direction(norms).all():
        return
    check_finite(x, names, "Features")
    if norms is not None:
        bad = np.flatnonzero(~_has_direction(norms))
    elif distance in DISTANCE_TABLE and DISTANCE_TABLE[distance].is_centred:
        starts = range(0, len(x), BLOCK)
        bad = np.concatenate([start + _without_variation(x[start : start + BLOCK]) for start in starts])
    else:
        _refuse_out_of_range(x)
        return
    if len(bad):
        raise InputError(_why_without_direction(x[bad], distance, rows[bad].tolist()))


def _refuse_out_of_range(x: npt.NDArray[np.floating]) -> None:
    largest = max(float(np.abs(x[start : start + BLOCK]).max()) for start in range(0, len(x), BLOCK))
    if not (largest == 0 or 1e-140 < largest < 1e140):
        raise InputError(
            f"The largest feature value is {largest:.1e}: differences that size have no squares in float64; "
            "rescale the features."
        )


def _has_direction(norms: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Return which lengths lie where squares stay among the normal float64 numbers."""
    return (norms > 1e-140) & (norms < 1e140)


def _without_variation(x: npt.NDArray[np.floating]) -> Ints:
    """Return the rows that are constant, or whose variation has no digits in float64."""
    wide = x.astype(np.float64)
    wide -= wide.mean(axis=1, keepdims=True)
    with np.errstate(over="ignore"):
        norms = np.sqrt(np.einsum("ij,ij->i", wide, wide))
    return np.flatnonzero((x.max(axis=1) == x.min(axis=1)) | ~_has_direction(norms))


def _why_without_direction(x: npt.NDArray[np.floating], distance: str, rows: list[int]) -> str:
    """Return in words what is wrong with rows that have no direction."""
    where = f"rows {examples(rows)} ({len(rows)} in all)"
    if x.shape[1] == 1 and distance == "correlation":
        return "there is no correlation of a single feature; use another distance, or more features."
    largest = float(np.abs(x).max())
    if not largest < 1e100:
        return f"{where} hold features as large as {largest:.1e}, whose squares float64 cannot hold; rescale them."
    what = "equal" if distance == "correlation" else "0, or too small to be squared"
    return (
        f"{where}: all features are {what}, so there is no {distance} similarity; drop them, or use another distance."
    )
