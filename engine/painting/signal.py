"""Signal of perturbations against controls: how alike their replicates are, and how far from controls.

References
----------
EFAAR_benchmarking 1.0 (Recursion): perturbation signal consistency and magnitude. Székely and Rizzo 2013, J Stat Plan
Inference 143:1249 (the energy distance).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["MOST_CONTROLS", "Signal", "consistency", "consistency_null", "magnitude_null", "upper_p_value"]

Floats = npt.NDArray[np.float64]
#: Controls among which groups are drawn for the null distribution of the magnitude; more are sampled.
MOST_CONTROLS = 2000
_TOGETHER = 1 << 22


class Signal(NamedTuple):
    """Values of perturbations with their p-values.

    Attributes
    ----------
    values : dict of str to float
        By perturbation.
    p_values : dict of str to float
        (b + 1) / (N + 1): b of N groups of as many controls, drawn without replacement, are as extreme.
    p_values_peer : dict of str to float
        As EFAAR: the share of control perturbations that are above; empty where there are none.
    """

    values: dict[str, float]
    p_values: dict[str, float]
    p_values_peer: dict[str, float]


def consistency(unit: Floats) -> float:
    """Return the mean cosine of all pairs of rows of length 1, (n, d); NaN for fewer than two.

    The sum over pairs follows from the length of the sum of the rows, so no pair is needed.
    """
    n = len(unit)
    if n < 2:
        return float("nan")
    total = unit.sum(axis=0)
    return float((total @ total - np.einsum("ij,ij->", unit, unit)) / (n * (n - 1)))


def consistency_null(unit: Floats, n: int, draws: int, rng: np.random.Generator) -> Floats:
    """Return the consistency of groups of n rows, drawn from controls without replacement, (draws,)."""
    found = np.empty(draws)
    squares = np.einsum("ij,ij->i", unit, unit)
    for draw in range(draws):
        rows = rng.choice(len(unit), n, replace=False)
        total = unit[rows].sum(axis=0)
        found[draw] = (total @ total - squares[rows].sum()) / (n * (n - 1))
    return found


def magnitude_null(controls: npt.NDArray[np.floating], n: int, draws: int, rng: np.random.Generator) -> Floats:
    """Return the energy distance of groups of n controls, drawn without replacement, from all other controls, (draws,).

    Parameters
    ----------
    controls : ndarray of float, shape (m, d)
        More than n; of more than `MOST_CONTROLS`, that many are drawn first.
    n : int
        Size of the groups.
    draws : int
        Number of groups.
    rng : numpy.random.Generator
        The source of chance.
    """
    from scipy.spatial.distance import cdist

    if len(controls) > MOST_CONTROLS and n < MOST_CONTROLS:
        controls = controls[rng.choice(len(controls), MOST_CONTROLS, replace=False)]
    wide = controls.astype(np.float64)
    m = len(wide)
    distances = cdist(wide, wide)
    total, found = distances.sum(), np.empty(draws)
    step = max(1, _TOGETHER // m)
    for start in range(0, draws, step):
        chosen = np.zeros((min(step, draws - start), m))
        for row in chosen:
            row[rng.choice(m, n, replace=False)] = 1
        to_chosen = chosen @ distances
        inside = np.einsum("ij,ij->i", to_chosen, chosen)
        across = to_chosen.sum(axis=1) - inside
        outside = total - inside - 2 * across
        found[start : start + len(chosen)] = 2 * across / (n * (m - n)) - inside / n**2 - outside / (m - n) ** 2
    return found


def upper_p_value(value: float, null: Floats) -> float:
    """Return (b + 1) / (N + 1), b of N values of a null distribution at least as large; NaN of a value that is NaN."""
    if np.isnan(value) or not len(null):
        return float("nan")
    b = int((null >= value - 1e-12 * max(1.0, abs(value))).sum())
    return (b + 1) / (len(null) + 1)
