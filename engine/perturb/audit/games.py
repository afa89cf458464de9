"""Predictions that know nothing of single perturbations but look good to some metrics: the games of competitions.

Each is made from the truth without what tells its perturbations apart, but for what a competitor may know: the names
of the perturbations, the control cells, and the mean response.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..screens.screen import COUNTS, Screen, joined

__all__ = ["GAMES", "Game"]

Floats = npt.NDArray[np.float64]
Rng = np.random.Generator


@dataclass(frozen=True)
class Game:
    """A prediction that must not score.

    Attributes
    ----------
    name : str
        In tables.
    meaning : str
        What is done, in a sentence.
    make : callable
        ``(truth, rng) -> prediction``.
    """

    name: str
    meaning: str
    make: Callable[[Screen, Rng], Screen]


def _dense(matrix: Any) -> Floats:
    return np.asarray(matrix.toarray() if hasattr(matrix, "toarray") else matrix, np.float64)


def _perturbed(truth: Screen) -> npt.NDArray[np.int64]:
    return np.flatnonzero(truth.conditions != truth.panel.control_code)


def _with(truth: Screen, perturbed: Floats) -> Screen:
    """Return the truth with other values in its perturbed cells; counts are rounded, and none is negative."""
    values = np.maximum(perturbed, 0)
    if truth.values == COUNTS:
        values = np.rint(values)
    rows = _perturbed(truth)
    controls = np.flatnonzero(truth.conditions == truth.panel.control_code)
    cells = replace(truth.of(rows), matrix=values.astype(np.float32))
    return joined(truth.name, [cells, replace(truth.of(controls), matrix=_dense(truth.of(controls).matrix))])


def _controls(truth: Screen, rng: Rng) -> Floats:
    """Return a control cell of its context, drawn at random, for each perturbed cell."""
    rows, taken = _perturbed(truth), np.empty(0, np.int64)
    taken = np.empty(len(rows), np.int64)
    for context in range(len(truth.panel.contexts)):
        here = truth.contexts[rows] == context
        taken[here] = rng.choice(truth.rows(truth.panel.control_code, context), int(here.sum()))
    return _dense(truth.matrix[taken])


def _mixed(truth: Screen, rng: Rng) -> Floats:
    """Return a perturbed cell of its context, of any perturbation, for each perturbed cell: the mean response."""
    rows = _perturbed(truth)
    taken = rows.copy()
    for context in range(len(truth.panel.contexts)):
        here = truth.contexts[rows] == context
        taken[here] = rng.permutation(rows[here])
    return _dense(truth.matrix[taken])


def _paste_controls(truth: Screen, rng: Rng) -> Screen:
    return _with(truth, _controls(truth, rng))


def _constant(truth: Screen, rng: Rng) -> Screen:
    rows = _perturbed(truth)
    values = _dense(truth.matrix[rows])
    for context in range(len(truth.panel.contexts)):
        here = truth.contexts[rows] == context
        values[here] = values[here].mean(axis=0)
    return _with(truth, values)


def _shuffle_labels(truth: Screen, rng: Rng) -> Screen:
    """Each perturbation has the cells of another."""
    order = rng.permutation(len(truth.panel.conditions))
    place = np.empty(len(order) + 1, np.int64)
    place[order] = np.roll(order, 1)
    place[-1] = truth.panel.control_code
    return replace(truth, conditions=place[truth.conditions])


def _inflate(truth: Screen, rng: Rng) -> Screen:
    values = _mixed(truth, rng)
    middle = values.mean(axis=0)
    return _with(truth, middle + 3 * (values - middle))


def _log_twice(truth: Screen, rng: Rng) -> Screen:
    return _with(truth, np.log1p(_mixed(truth, rng)))


def _scale(truth: Screen, rng: Rng) -> Screen:
    return _with(truth, 3 * _controls(truth, rng))


def _spike_targets(truth: Screen, rng: Rng) -> Screen:
    """The genes that other perturbations act on are raised, a code of the perturbation that says nothing of biology."""
    values, rows = _controls(truth, rng), _perturbed(truth)
    panel = truth.panel
    high = float(values.max())
    for condition in range(len(panel.conditions)):
        others = np.setdiff1d(panel.all_targets, panel.targets[condition])
        here = truth.conditions[rows] == condition
        values[np.ix_(here, others)] = high
        values[np.ix_(here, panel.targets[condition])] = 0
    return _with(truth, values)


def _repeat(truth: Screen, rng: Rng) -> Screen:
    """A few cells of the mean response, each many times: small differences look certain."""
    values, rows = _mixed(truth, rng), _perturbed(truth)
    for condition in range(len(truth.panel.conditions)):
        here = np.flatnonzero(truth.conditions[rows] == condition)
        values[here] = values[here[rng.integers(0, min(3, len(here)), len(here))]] if len(here) else values[here]
    return _with(truth, values)


def _tie(truth: Screen, rng: Rng) -> Screen:
    """No response at all: every perturbation is as far from every truth, so that only the order of names decides."""
    rows = _perturbed(truth)
    values = _dense(truth.matrix[rows])
    for context in range(len(truth.panel.contexts)):
        control = _dense(truth.matrix[truth.rows(truth.panel.control_code, context)]).mean(axis=0)
        values[truth.contexts[rows] == context] = control
    return _with(truth, values)


def _flood(truth: Screen, rng: Rng) -> Screen:
    """Every gene is made to differ from the control, up or down by chance."""
    values, rows = _controls(truth, rng), _perturbed(truth)
    for condition in range(len(truth.panel.conditions)):
        here = truth.conditions[rows] == condition
        values[here] *= np.exp(rng.choice([-1.0, 1.0], values.shape[1]))
    return _with(truth, values)


GAMES = (
    Game("control paste", "Control cells in the place of every perturbed cell.", _paste_controls),
    Game("constant", "The mean of all perturbed cells in the place of each.", _constant),
    Game("label shuffle", "Each perturbation has the cells of another.", _shuffle_labels),
    Game("variance inflation", "Cells of all perturbations in turn, three times as far from their mean.", _inflate),
    Game("double log1p", "Cells of all perturbations in turn, log1p taken once more.", _log_twice),
    Game("count scaling", "Control cells, three times as large.", _scale),
    Game("spiked targets", "Control cells with the genes raised that other perturbations act on.", _spike_targets),
    Game("replicated cells", "Three cells of the mean response for each perturbation, many times.", _repeat),
    Game("alphabetical ties", "The mean of the control cells in the place of each perturbed cell.", _tie),
    Game("significance flooding", "Control cells with every gene scaled up or down at random.", _flood),
)
