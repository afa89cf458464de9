"""The truth against itself: what a metric gives for two disjoint halves of the cells of each perturbation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .screen import Screen

__all__ = ["halves"]


def halves(truth: Screen, splits: int, seed: int) -> Iterator[tuple[Screen, Screen]]:
    """Give pairs of screens, each with half the cells of every perturbation and all control cells.

    Parameters
    ----------
    truth : Screen
        Cells.
    splits : int
        How many pairs.
    seed : int
        Of the halvings.

    Yields
    ------
    one, other : Screen
        The same control cells; of n cells of a perturbation in a context, n // 2 each. A perturbation of one cell has
        none.
    """
    panel = truth.panel
    control = np.flatnonzero(truth.conditions == panel.control_code)
    for stream in np.random.SeedSequence(seed).spawn(splits):
        rng = np.random.default_rng(stream)
        one, other = [control], [control]
        for context in range(len(panel.contexts)):
            for condition in range(len(panel.conditions)):
                rows = rng.permutation(truth.rows(condition, context))
                half = len(rows) // 2
                one.append(rows[:half])
                other.append(rows[half : 2 * half])
        yield truth.of(np.sort(np.concatenate(one))), truth.of(np.sort(np.concatenate(other)))
