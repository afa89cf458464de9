"""What controls look like to a batch correction, so that one fitted on vectors of another model is refused.

Vectors have no names of their own: those of two models of one length look alike to what reads them. But the directions
in which controls vary, and their means across these directions (along them, plates and batches differ), have nothing in
common. Each is compared with how well two halves of the controls that were fitted on agree, so that what says nothing
(means that were normalised away, variation without a direction) decides nothing. All that says something must differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["AXES", "KNOWN", "MEAN", "fingerprint_of", "has_names", "unlike"]

#: How features are called that have no names of their own.
NAMELESS: Final = "Embedding_"
#: Names of the arrays of a fingerprint among those of a correction.
MEAN, AXES, KNOWN = "fingerprint_mean", "fingerprint_axes", "fingerprint_known"
#: Directions kept, at most; agreement of halves from which on a measure says something; share of it that is refused.
_AXES, _TELLS, _UNLIKE = 8, 0.5, 0.5
#: Variation along the axes beyond chance that tells, and the share of it below which controls are of another model.
_VARIES, _OTHER = 0.1, 0.25
#: Controls, and features, below which nothing is said.
_FEWEST_CONTROLS, _FEWEST_FEATURES = 8, 16

Matrix = npt.NDArray[np.float64]


def has_names(names: Sequence[str]) -> bool:
    """Return whether features have names of their own, which say what they are."""
    return not all(name.startswith(NAMELESS) for name in names)


def fingerprint_of(controls: Matrix) -> dict[str, Matrix]:
    """Describe controls.

    Parameters
    ----------
    controls : ndarray of float64, shape (n, d)
        Negative control wells.

    Returns
    -------
    dict of str to ndarray
        Mean (d,), directions (k, d), and how far the halves of the controls agree in both (2,); empty for too few.
    """
    n, d = controls.shape
    if n < 2 * _FEWEST_CONTROLS or d < _FEWEST_FEATURES:
        return {}
    order = np.random.default_rng(0).permutation(n)
    one, other = controls[order[: n // 2]], controls[order[n // 2 :]]
    axes = _axes(controls)
    of_means = _correlation(_across(axes, one.mean(axis=0)), _across(axes, other.mean(axis=0)))
    known = np.array([of_means, _beyond_chance(_axes(one), other)])
    return {MEAN: controls.mean(axis=0), AXES: axes, KNOWN: known}


def unlike(fingerprint: Mapping[str, Matrix], controls: Matrix) -> str:
    """Return in which way controls are not those of a fingerprint; empty where they may be, or nothing is known.

    Parameters
    ----------
    fingerprint : mapping of str to ndarray
        Arrays of a correction, with or without those of `fingerprint_of`.
    controls : ndarray of float64, shape (m, d)
        The controls of what is to be corrected.
    """
    if KNOWN not in fingerprint or len(controls) < _FEWEST_CONTROLS:
        return ""
    of_means, of_axes = fingerprint[KNOWN].tolist()
    axes = fingerprint[AXES]
    alike, differences = False, []
    if of_means > _TELLS:
        found = _correlation(_across(axes, fingerprint[MEAN]), _across(axes, controls.mean(axis=0)))
        alike |= found >= _UNLIKE * of_means
        differences.append(
            f"their means correlate by {found:.2f}, those of halves of the fitted controls by {of_means:.2f}"
        )
    if of_axes > _VARIES:
        found = _beyond_chance(axes, controls)
        alike |= found >= _OTHER * of_axes
        differences.append(
            f"{found:.0%} of their variation is along the fitted controls' axes, {of_axes:.0%} of theirs"
        )
    return "" if alike else "; ".join(differences)


def _across(axes: Matrix, x: Matrix) -> Matrix:
    """Return what of a vector is across axes."""
    return x - (x @ axes.T) @ axes


def _correlation(a: Matrix, b: Matrix) -> float:
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 0 else 0.0


def _axes(x: Matrix) -> Matrix:
    """Return the directions in which rows vary most, shape (k, d)."""
    count = max(1, min(_AXES, x.shape[1] // 4, len(x) // 2))
    return np.asarray(np.linalg.svd(x - x.mean(axis=0), full_matrices=False)[2][:count])


def _beyond_chance(axes: Matrix, x: Matrix) -> float:
    """Return the share of the variation of rows along axes, beyond that along as many random ones."""
    centred = x - x.mean(axis=0)
    total = float(np.square(centred).sum())
    return float(np.square(centred @ axes.T).sum()) / total - len(axes) / x.shape[1] if total > 0 else 0.0
