"""Training cells in the file of the truth, told by a column."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from ...errors import InputError, counted, examples
from ...tables.labels import plain_form
from .labels import Labelled, column_of

__all__ = ["Parted", "parted"]

#: What the cells of a split are called, as `plain_form` has it.
_TRAINING: Final = frozenset(("train", "training"))
_JUDGED: Final = frozenset(("test", "testing", "holdout", "hold-out", "held-out", "heldout"))


class Parted(NamedTuple):
    """What `parted` returns.

    Attributes
    ----------
    truth, training : Labelled
        Cells that are judged, and those of which baselines are made.
    notes : list of str
        Whose controls are whose.
    dropped : dict of str to int
        Cells of neither.
    """

    truth: Labelled
    training: Labelled
    notes: list[str]
    dropped: dict[str, int]


def parted(cells: Labelled, column: str) -> Parted:
    """Part cells by a column into those of training and those that are judged.

    Control cells that are not said to be of training are the truth's. Where that leaves a context without, those of
    training are the truth's as well, and the other way round: a control cell gives away nothing of a perturbation.

    Parameters
    ----------
    cells : Labelled
        All of them.
    column : str
        ``train`` and ``test`` in any spelling that is usual; others are left out.

    Raises
    ------
    InputError
        When no cell is of training, or none is judged.
    """
    name = column_of(cells.found, [column], "--split-col")
    words = cells.found.frame[name].cast(pl.String).fill_null("").to_list()
    forms = {word: plain_form(word) for word in set(words)}
    learned = np.array([forms[word] in _TRAINING for word in words])
    judged = np.array([forms[word] in _JUDGED for word in words])
    control = cells.codes < 0
    for part, what in ((learned, "train"), (judged, "test")):
        if not (part & ~control).any():
            raise InputError(
                f"--split-col {column!r} must say train or test, but no perturbed cell is {what}; it has "
                f"{examples(sorted(forms), 8)}."
            )
    neither = ~learned & ~judged & ~control
    dropped, notes = {}, []
    if neither.any():
        who = sorted({word for word, out in zip(words, neither.tolist(), strict=True) if out})
        dropped[f"neither train nor test in {column!r} ({examples(who)})"] = int(neither.sum())
        notes.append(f"{counted(int(neither.sum()), 'cell')} left out, neither train nor test: {examples(who)}.")
    mine, theirs = (judged & ~control) | (control & ~learned), learned.copy()
    lent = [_lend(cells, mine, control & learned), _lend(cells, theirs, control & ~learned)]
    for count, whose, other in ((lent[0], "truth", "training"), (lent[1], "training", "truth")):
        if count:
            notes.append(f"{counted(count, 'control cell')} of {other} also serve {whose}, which has none there.")
    return Parted(cells.of(np.flatnonzero(mine)), cells.of(np.flatnonzero(theirs)), notes, dropped)


def _lend(cells: Labelled, part: npt.NDArray[np.bool_], controls: npt.NDArray[np.bool_]) -> int:
    """Add control cells to a part in contexts where it has none, and return how many."""
    count = 0
    for context in np.unique(cells.context_codes[part]).tolist():
        here = cells.context_codes == context
        if not (part & here & (cells.codes < 0)).any():
            count += int((controls & here).sum())
            part |= controls & here
    return count
