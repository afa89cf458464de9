"""Truth, predictions and training cells of files or from memory, as screens of the same genes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...errors import InputError, examples
from ...readers.embeddings.reference import Reference
from ..options import PerturbOptions
from ..screens.example import screens as simulated
from .assembly import TRAINING, TRUTH, Inputs, assembled
from .files import read_file
from .held import held

__all__ = ["held_screens", "read_screens"]


def read_screens(options: PerturbOptions) -> Inputs:
    """Read truth, predictions and training cells from files.

    Parameters
    ----------
    options : PerturbOptions
        Files and columns. Without files, the simulated screen.

    Returns
    -------
    Inputs

    Raises
    ------
    InputError
        When a file is damaged; conditions, controls or genes do not go together; it is not sure what values are; or
        cells of training are judged.
    """
    if not options.screens:
        truth, *predictions = simulated()
        note = "No file was named: this is a simulated screen, and says nothing of biology."
        return Inputs(truth, tuple(predictions), notes=(note,))
    first, *others = (Reference.of(text) for text in options.screens)
    names = [reference.name for reference in others]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or TRUTH in names:
        said = f"Two predictions are called {examples(twice)}" if twice else f"A prediction is called {TRUTH!r}"
        raise InputError(f"{said}; give another name: NAME=FILE.")
    judged = read_file(replace(first, name=TRUTH), options)
    read = [read_file(reference, options, judged.genes) for reference in others]
    training = None
    if options.train:
        training = read_file(replace(Reference.of(options.train), name=TRAINING), options, judged.genes)
    return assembled(judged, read, training, options)


def held_screens(
    truth: Any, predictions: Mapping[str, Any], options: PerturbOptions, *, training: Any = None
) -> Inputs:
    """Take truth, predictions and training cells of what is in memory.

    Parameters
    ----------
    truth : AnnData, table, tuple or path
        See `held.held`.
    predictions : mapping of str to the same
        By name.
    options : PerturbOptions
        Columns; `screens` and `train` are not looked at.
    training : the same, optional
        Training cells.

    Returns
    -------
    Inputs

    Raises
    ------
    InputError
        As `read_screens`.
    """
    if not options.condition:
        raise InputError("condition is needed: the column that says how each cell was perturbed.")
    if TRUTH in predictions:
        raise InputError(f"A prediction is called {TRUTH!r}; give it another name.")
    first = held(TRUTH, truth, options)
    others = [held(name, given, options, first.genes) for name, given in predictions.items()]
    learned = None if training is None else held(TRAINING, training, options, first.genes)
    return assembled(first, others, learned, options)
