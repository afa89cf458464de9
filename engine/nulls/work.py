"""How long p-values take, from the shapes alone: for what a command says before it starts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...kernels.cores import usable_cores
from .ap_null import distinct_shapes
from .inversion import work_together
from .method import Plan, plan_of

__all__ = ["estimated_seconds"]

_SECONDS_A_CELL = 4e-10  # of a sweep
_SECONDS_A_TURN = 1.6e-9  # a complex multiplication of an inversion
_SECONDS_AN_OCTAVE = 1.7e-3  # for each positive
_SECONDS_A_SPLIT = 0.5
_SECONDS_A_POSITIVE = 2e-8  # of a draw
_SECONDS_A_GROUP = 5e-4  # whose members have several shapes
_OCTAVES = 12


def estimated_seconds(
    n_pos: npt.NDArray[np.integer], n_total: npt.NDArray[np.integer], n_groups: int, null_size: int
) -> float:
    """Estimate the seconds that p-values of groups take, on all cores.

    Parameters
    ----------
    n_pos, n_total : ndarray of int, shape (n,)
        P and L of each query, 1 <= P <= L.
    n_groups : int
        Number of groups.
    null_size : int
        Draws of a distribution that has to be sampled.

    Returns
    -------
    float
        Within a factor of a few.
    """
    shapes, _ = distinct_shapes(n_pos, n_total)
    sweeps: dict[Plan, tuple[int, int]] = {}
    inverted: list[tuple[int, int]] = []
    most = 0
    seconds = 0.0
    for p, n in shapes:
        plan = plan_of(p, n)
        if plan.method == "scaled":
            most = max(most, p)
        elif plan.method == "inversion":
            inverted.append((p, n))
        elif plan.method == "sampled":
            seconds += p * null_size * _SECONDS_A_POSITIVE
        elif plan.method == "bracket":
            before = sweeps.get(plan, (0, 0))
            sweeps[plan] = max(before[0], p), max(before[1], n)
    for plan, (p, n) in sweeps.items():
        seconds += _SECONDS_A_SPLIT if plan.grid else p * (p + 1) / 2 * plan.cells * n * _SECONDS_A_CELL
    seconds += work_together(inverted) * _SECONDS_A_TURN
    seconds += _OCTAVES * most * _SECONDS_AN_OCTAVE
    if len(shapes) > 1:
        seconds += n_groups * _SECONDS_A_GROUP
    return seconds / min(usable_cores(), 8)
