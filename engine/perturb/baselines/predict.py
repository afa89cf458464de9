"""Baselines as screens."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ....kernels.backend import Backend
from ....kernels.cores import single_threaded_blas
from ...errors import InputError
from ..screens.screen import Later, Screen
from .cells import with_effects
from .models import MODELS, mean_response
from .responses import responses_of

__all__ = ["Baseline", "baselines"]


class Baseline(NamedTuple):
    """A prediction without a model.

    Attributes
    ----------
    screen : Later
        As many cells of each perturbation as the truth has, and its control cells; named "baseline: ", what it is, and
        "(oracle)" where it was made of the truth itself.
    meaning : str
        What is predicted, as a sentence.
    n_without : int
        Perturbations, over contexts, that it has no answer for and that have the mean response instead.
    """

    screen: Later
    meaning: str
    n_without: int


@single_threaded_blas()
def baselines(
    truth: Screen,
    training: Screen | None,
    backend: Backend[Any],
    *,
    names: Sequence[str] = tuple(MODELS),
    seed: int = 0,
    threads: int = 0,
) -> list[Baseline]:
    """Return the baselines that have an answer for at least one perturbation.

    Parameters
    ----------
    truth : Screen
        Its control cells, drawn again, become those of the predictions, and the numbers of its cells are theirs. Of its
        perturbed cells nothing is used if there are training cells.
    training : Screen or None
        Cells of the same genes and kind of values; None: those of the truth.
    backend : Backend
        The kernels.
    names : sequence of str, optional
        Which of `models.MODELS`, in which order.
    seed : int, default 0
        Of the cells that are drawn.
    threads : int, default 0
        Worker threads; 0 takes all cores.

    Raises
    ------
    InputError
        When training cells have other genes or other values than the truth.
    """
    if training is not None:
        if training.panel.genes != truth.panel.genes:
            raise InputError("Training cells and truth have other genes; give both the same genes in the same order.")
        if training.values != truth.values:
            raise InputError(f"Training cells hold {training.values}, but the truth holds {truth.values}.")
    known = responses_of(truth, training, backend, threads)
    found: list[Baseline] = []
    for name in names:
        model = MODELS[name]
        effects = [model(each) for each in known]
        lacking = [np.isnan(table[:, 0]) for table in effects]
        if all(each.all() for each in lacking):
            continue
        if name == "mean of the others" and all((each.own < 0).all() for each in known):
            continue  # it is the mean response
        if name == "context mean" and len(truth.panel.contexts) == 1:
            continue  # likewise
        for table, each, rows in zip(effects, known, lacking, strict=True):
            if rows.any():
                table[rows] = mean_response(each)[rows]
        said = f"baseline: {name}" + (" (oracle)" if training is None and name != "no change" else "")
        meaning = (model.__doc__ or "").split("\n\n")[0].strip().replace("\n    ", " ")
        cells = partial(with_effects, said, truth, effects, seed, threads)
        found.append(Baseline(Later(said, cells), meaning, int(sum(rows.sum() for rows in lacking))))
    return found
