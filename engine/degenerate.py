"""Rows of features that have no similarity to any other."""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt

from .errors import InputError, examples

__all__ = ["refuse_degenerate"]

Ints = npt.NDArray[np.int64]


def refuse_degenerate(x: npt.NDArray[np.floating], distance: str, rows: Ints) -> None:
    """Refuse rows that have no direction, as their similarity is not a number, and values beyond float64's squares.

    Parameters
    ----------
    x : ndarray of float, shape (n, d)
        Finite features.
    distance : str
        The distance.
    rows : ndarray of int64, shape (n,)
        What the rows are called in the sentence.

    Raises
    ------
    InputError
        Saying which rows, why, and what to do.
    """
    if distance not in ("cosine", "abs_cosine", "correlation"):
        largest = max(float(np.abs(x[start : start + 8192]).max()) for start in range(0, len(x), 8192))
        if not (largest == 0 or 1e-140 < largest < 1e140):
            raise InputError(
                f"the largest feature value is {largest:.1e}: differences that size have no squares in float64; "
                "rescale the features."
            )
        return
    from ..kernels.cores import run_jobs

    def among(start: int) -> Ints:
        part = x[start : start + 4096]
        unsure = np.arange(len(part))
        if distance != "correlation":  # a square far from the ends of float32 settles it
            with np.errstate(over="ignore", under="ignore"):
                square = np.vecdot(part, part)
            unsure = np.flatnonzero(~((square > 1e-30) & (square < 1e30)))
        return start + unsure[_without_direction(part[unsure], distance)]

    bad = np.concatenate(run_jobs([(1, partial(among, start)) for start in range(0, len(x), 4096)]))
    if len(bad):
        raise InputError(_why_without_direction(x[bad], distance, rows[bad].tolist()))


def _why_without_direction(x: npt.NDArray[np.floating], distance: str, rows: list[int]) -> str:
    """Say what is wrong with rows that have no direction."""
    where = f"rows {examples(rows)} ({len(rows)} in all)"
    if x.shape[1] == 1 and distance == "correlation":
        return "there is no correlation of a single feature; use another distance, or more features."
    if not np.abs(x).max() < 1e100:
        return (
            f"{where} hold features as large as {np.abs(x).max():.1e}, whose squares float64 cannot hold; rescale them."
        )
    what = "equal" if distance == "correlation" else "0, or too small to be squared"
    return (
        f"{where}: all features are {what}, so there is no {distance} similarity; drop them, or use another distance."
    )


def _without_direction(x: npt.NDArray[np.floating], distance: str) -> npt.NDArray[np.bool_]:
    """Say which rows have a norm of which float64 has no digits, or, for the correlation, no variation."""
    wide = x.astype(np.float64)
    constant = np.zeros(len(x), dtype=bool)
    if distance == "correlation":
        wide -= wide.mean(axis=1, keepdims=True)
        constant = x.max(axis=1) == x.min(axis=1)
    with np.errstate(over="ignore"):
        norm = np.sqrt(np.einsum("ij,ij->i", wide, wide))
    # Outside this range squares leave the normal float64 numbers.
    return constant | ~((norm > 1e-140) & (norm < 1e140))
