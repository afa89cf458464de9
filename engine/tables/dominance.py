"""Single features that decide similarities: one that carries most of the squared length of profiles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ...kernels.names import DISTANCE_TABLE
from .profiles import Profiles

__all__ = ["dominant_feature", "dominant_feature_notes", "feature_shares"]

#: Share of the mean squared length from which on a feature is told, and features below which one has it easily.
SHARE, FEWEST = 0.5, 4
#: Profiles that are looked at, at most, evenly spaced: a share is known well enough from so many.
MOST = 512


def feature_shares(x: npt.NDArray[np.floating], distance: str) -> npt.NDArray[np.float64]:
    """Return which share of the mean squared length each feature carries.

    Parameters
    ----------
    x : ndarray of float, shape (n, d)
        Features.
    distance : str
        Cosine and its kind scale every profile to length 1, correlation takes its mean away first; for all others it is
        the length of the difference to the mean profile.

    Returns
    -------
    ndarray of float64, shape (d,)
        They sum to 1; NaN where no profile has a length, or all hold NaN. Of many profiles, some evenly spaced ones are
        looked at.
    """
    about = DISTANCE_TABLE.get(distance)
    scaled = distance in ("cosine", "abs_cosine") or (about is not None and about.is_centred)
    centred = about is not None and about.is_centred
    some = x if len(x) <= MOST else x[np.linspace(0, len(x) - 1, MOST).astype(np.int64)]
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # rows that take no part may hold anything
        part = some.astype(np.float64)
        part = part[np.isfinite(part).all(axis=1)]
        if not len(part):
            return np.full(x.shape[1], np.nan)
        if centred:
            part -= part.mean(axis=1, keepdims=True)
        elif not scaled:
            part -= part.mean(axis=0)
        np.square(part, out=part)
        if scaled:
            lengths = part.sum(axis=1)
            total = np.where(lengths > 0, 1 / lengths, 0.0) @ part
        else:
            total = part.sum(axis=0)
        shares: npt.NDArray[np.float64] = total / total.sum()
    return shares


def dominant_feature(x: npt.NDArray[np.floating], names: Sequence[str] | None, distance: str) -> str:
    """Return a sentence on the feature that carries over half of the mean squared length; empty where none does."""
    if x.shape[1] < FEWEST:
        return ""
    shares = feature_shares(x, distance)
    first = int(np.argmax(np.nan_to_num(shares)))
    if not shares[first] > SHARE:
        return ""
    name = repr(names[first]) if names is not None and first < len(names) else f"number {first}"
    return (
        f"Feature {name} carries {shares[first]:.0%} of the mean squared length ({distance}; {x.shape[1]} features), "
        "so it decides most similarities; is it a measurement, and on the scale of the others?"
    )


def dominant_feature_notes(profiles: Profiles, distance: str) -> list[str]:
    """Return what `dominant_feature` says of profiles, as notes."""
    sentence = dominant_feature(profiles.features, profiles.feature_names, distance)
    return [sentence] if sentence else []
