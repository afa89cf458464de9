"""Rows of features that have no similarity to any other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...kernels.names import DISTANCE_TABLE, Similarity
from ...kernels.reference.similarity import similarity
from ..errors import InputError, examples
from ..tables.matrix import check_finite

__all__ = ["Handled", "degenerate_rows", "handle_degenerate", "last_where_degenerate", "refuse_degenerate"]

#: Rows that are looked at together.
BLOCK = 8192

Ints = npt.NDArray[np.int64]


class Handled(NamedTuple):
    """What a policy makes of rows that have no similarity.

    Attributes
    ----------
    rows : ndarray of int64, or None
        Rows that are left; None: all.
    distance : str or callable
        The distance among them.
    n_bad : int
        Rows without a similarity, where these are not refused.
    """

    rows: Ints | None
    distance: str | Similarity
    n_bad: int


def handle_degenerate(x: npt.NDArray[np.floating], distance: str | Similarity, policy: str) -> Handled:
    """Apply a policy to rows that have no similarity.

    Parameters
    ----------
    x : ndarray of float, shape (n, d)
        Features.
    distance : str or callable
        The distance; under a function, rows are not looked at.
    policy : {"refuse", "drop", "last"}
        Nothing is done here, see `refuse_degenerate`; the rows are left out; or they rank last.
    """
    if policy == "refuse" or not isinstance(distance, str):
        return Handled(None, distance, 0)
    bad = degenerate_rows(x, distance)
    n_bad = int(bad.sum())
    if not n_bad:
        return Handled(None, distance, 0)
    if policy == "drop":
        return Handled(np.flatnonzero(~bad), distance, n_bad)
    return Handled(None, last_where_degenerate(distance), n_bad)


def refuse_degenerate(
    x: npt.NDArray[np.floating],
    distance: str | Similarity,
    rows: Ints,
    norms: npt.NDArray[np.float64] | None = None,
    names: Sequence[str] | None = None,
) -> None:
    """Refuse NaN and infinite values, rows without a direction, and values beyond float64's squares.

    Parameters
    ----------
    x : ndarray of float, shape (n, d)
        Features.
    distance : str or callable
        The distance; of a function, values only are looked at.
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
    check_finite(x, names, "Features", of_rows="leave them out, as degenerate='drop' does")
    if not isinstance(distance, str):
        return
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


def degenerate_rows(x: npt.NDArray[np.floating], distance: str) -> npt.NDArray[np.bool_]:
    """Return which rows of x (n, d) hold NaN or infinite values, or have no direction where the distance needs one."""
    traits = DISTANCE_TABLE.get(distance)
    bad = np.empty(len(x), bool)
    for start in range(0, len(x), BLOCK):
        part = x[start : start + BLOCK].astype(np.float64)
        finite = np.logical_and.reduce(np.isfinite(part), axis=1)
        bad[start : start + BLOCK] = ~finite
        if traits is not None and traits.needs_norm:
            part = np.where(finite[:, None], part, 1.0)
            if traits.is_centred:
                without = _without_variation(part)
            else:
                with np.errstate(over="ignore"):
                    without = np.flatnonzero(~_has_direction(np.sqrt(np.einsum("ij,ij->i", part, part))))
            bad[start + without] = True
    return bad


def last_where_degenerate(distance: str) -> Similarity:
    """Return the similarity of pairs of rows under a distance of fastbench, the lowest there is for degenerate rows.

    They are as far from each other as from all others, so they tie; copairs, where they are NaN, ranks them last too,
    with positives before negatives.
    """

    def values(a: npt.NDArray[np.floating], b: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        bad = degenerate_rows(a, distance) | degenerate_rows(b, distance)
        found = np.full(len(a), -np.inf)
        good = np.flatnonzero(~bad)
        pairs = np.concatenate([a[good], b[good]])
        found[good] = similarity(pairs, np.arange(len(good)), len(good) + np.arange(len(good)), distance)
        return found

    return values


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
