"""Cells that stand in two files: those of training among the judged ones, and those of the truth among predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import InputError, counted, examples
from ..screens.screen import Screen

__all__ = ["digests_of", "refuse_shared", "shared_ids", "truth_among"]

#: Rows of fewer values that are not 0 may be equal by chance.
LEAST_VALUES = 10
_VALUES = 2**22  # that are held anew at once
_ODD = np.uint64(0x9E3779B97F4A7C15)

Digests = npt.NDArray[np.uint64]


def digests_of(screen: Screen) -> Digests:
    """Return a number for each row that rows of equal values have in common, and others have not but by 2^-60 or so.

    Rows of fewer than `LEAST_VALUES` values other than 0 have 0.

    Parameters
    ----------
    screen : Screen
        Of float32 values; sparse and dense rows of equal values have the same number.
    """
    matrix = screen.matrix
    n, width = matrix.shape
    weights = np.random.default_rng(0).integers(0, 2**64, width, np.uint64) | np.uint64(1)
    found, filled = np.zeros(n, np.uint64), np.zeros(n, np.int64)
    step = max(1, _VALUES // max(1, width))
    for start in range(0, n, step):
        block = matrix[start : start + step]
        if isinstance(block, np.ndarray):
            mixed = _mixed(block) * weights
            found[start : start + step] = mixed.sum(axis=1, dtype=np.uint64)
            filled[start : start + step] = (block != 0).sum(axis=1)
        else:
            sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(_mixed(block.data) * weights[block.indices])])
            counts = np.concatenate([np.zeros(1, np.int64), np.cumsum(block.data != 0)])
            found[start : start + step] = np.diff(sums[block.indptr])
            filled[start : start + step] = np.diff(counts[block.indptr])
    found[filled < LEAST_VALUES] = 0
    return found


def _mixed(values: npt.NDArray[Any]) -> Digests:
    """Return the bits of values, spread; 0 for 0."""
    bits = (values.astype(np.float32) + np.float32(0)).view(np.uint32).astype(np.uint64)  # + 0: no negative zero
    bits *= _ODD
    bits ^= bits >> np.uint64(32)
    return bits


def _perturbed(screen: Screen) -> npt.NDArray[np.bool_]:
    return np.asarray(screen.conditions != screen.panel.control_code)


def refuse_shared(truth: Screen, training: Screen, mine: Digests, shown: str) -> list[str]:
    """Refuse training cells that are judged as well; control cells may be in both.

    Parameters
    ----------
    truth, training : Screen
        Of the same genes.
    mine : ndarray of uint64
        Digests of the truth.
    shown : str
        Where the training cells are.

    Returns
    -------
    list of str
        How many control cells are in both.

    Raises
    ------
    InputError
        Where a perturbed cell has the values of a perturbed cell of the truth.
    """
    theirs = digests_of(training)
    judged = mine[_perturbed(truth) & (mine != 0)]
    same = np.flatnonzero(np.isin(theirs, judged) & _perturbed(training))
    if len(same):
        names = sorted({training.panel.conditions[code] for code in training.conditions[same].tolist()})
        raise InputError(
            f"{counted(len(same), 'perturbed cell')} of '{shown}' and of the truth have the same values in all genes, "
            f"of {examples(names)}: baselines would know what is judged. Leave them out, or name the column that tells "
            "training from test with --split-col."
        )
    control = int((np.isin(theirs, mine[~_perturbed(truth) & (mine != 0)]) & ~_perturbed(training)).sum())
    return (
        [f"{counted(control, 'control cell')} of '{shown}' and of the truth have the same values."] if control else []
    )


def shared_ids(mine: set[str], theirs: set[str], shown: str) -> list[str]:
    """Return a note where perturbed cells of training have ids of judged ones, unless ids number the rows."""
    both = mine & theirs
    if not both or all(name.isdigit() for name in both):
        return []
    return [
        f"{counted(len(both), 'perturbed cell')} of '{shown}' and of the truth have the same ids "
        f"({examples(sorted(both), 3)}) and other values: are they the same cells, processed in another way?"
    ]


def truth_among(truth: Screen, prediction: Screen, mine: Digests, shown: str) -> list[str]:
    """Return a note where predicted cells are cells of the truth."""
    judged = mine[_perturbed(truth) & (mine != 0)]
    rows = _perturbed(prediction)
    same = int((np.isin(digests_of(prediction), judged) & rows).sum())
    if not same:
        return []
    return [
        f"Of {counted(int(rows.sum()), 'predicted cell')} of '{shown}', {same:,} have the values of a perturbed cell "
        "of the truth in all genes: this is no prediction."
    ]
