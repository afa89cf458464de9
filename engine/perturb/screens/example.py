"""A simulated screen: counts with a shared response, private responses and knocked-down targets."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .screen import COUNTS, Panel, Screen, scaled

__all__ = ["CONTROL", "Simulated", "screens", "simulated"]

CONTROL = "non-targeting"
#: Genes, perturbations, cells of each, and control cells.
GENES, PERTURBATIONS, CELLS, CONTROLS = 300, 12, 60, 200

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.float32]


class Simulated(NamedTuple):
    """A screen and two predictions of it.

    Attributes
    ----------
    genes : ndarray of str, shape (300,)
        Names.
    labels : ndarray of str, shape (920,)
        The gene that is knocked down in each cell, or `CONTROL`; the same in all three.
    truth, model, mixed : ndarray of float32, shape (920, 300)
        Counts: of the screen; of a model that knows most of the response; of one that gives each perturbation the cells
        of all in turn, so that it knows the mean response alone. Both predictions carry the true control cells.
    """

    genes: npt.NDArray[np.str_]
    labels: npt.NDArray[np.str_]
    truth: Counts
    model: Counts
    mixed: Counts


def simulated(seed: int = 20261130) -> Simulated:
    """Simulate a screen; the same numbers on every machine."""
    rng = np.random.default_rng(seed)
    genes = np.array([f"G{i:03d}" for i in range(GENES)])
    base = np.exp(rng.normal(0.0, 1.2, GENES))
    base /= base.sum()
    shared = np.zeros(GENES)
    shared[rng.choice(GENES, 40, replace=False)] = rng.normal(0, 0.6, 40)
    effects = np.zeros((PERTURBATIONS, GENES))
    for p in range(PERTURBATIONS):
        own = rng.choice(GENES, 25, replace=False)
        effects[p] = 0.7 * shared
        effects[p, own] += (0.3 + 0.1 * p) * rng.choice([-1.0, 1.0], 25)
        effects[p, 5 * p] = -2.0  # the target gene itself

    def cells(shift: Floats, n: int) -> npt.NDArray[np.int64]:
        depth = np.round(rng.lognormal(np.log(2000), 0.3, n))
        rate = base * np.exp(shift)
        mean = depth[:, None] * (rate / rate.sum())[None]
        return np.asarray(rng.poisson(mean * rng.gamma(4.0, 0.25, mean.shape)))

    def stack(shifts: Floats) -> Counts:
        controls = cells(np.zeros(GENES), CONTROLS)
        return np.vstack([controls, *(cells(shift, CELLS) for shift in shifts)]).astype(np.float32)

    truth = stack(effects)
    model = stack(0.8 * effects + rng.normal(0, 0.08, effects.shape))
    model[:CONTROLS] = truth[:CONTROLS]
    mixed = truth.copy()
    perturbed = np.arange(CONTROLS, len(truth))
    mixed[perturbed] = truth[perturbed.reshape(PERTURBATIONS, CELLS).T.ravel()]
    targets = genes[5 * np.arange(PERTURBATIONS)]
    labels = np.repeat([CONTROL, *targets], [CONTROLS] + [CELLS] * PERTURBATIONS)
    return Simulated(genes, labels, truth, model, mixed)


def screens(values: str = COUNTS, seed: int = 20261130) -> tuple[Screen, Screen, Screen]:
    """Return truth, model and mixed of `simulated` as screens.

    Parameters
    ----------
    values : {"counts", "log1p"}
        What they hold: counts, or float32 of log1p of counts scaled to 10,000.
    seed : int
        Of the simulation.
    """
    found = simulated(seed)
    names = sorted(set(found.labels.tolist()) - {CONTROL})
    place = {name: code for code, name in enumerate([*names, CONTROL])}
    columns = {gene: column for column, gene in enumerate(found.genes.tolist())}
    targets = tuple(np.array([columns[name]]) for name in names)
    panel = Panel(tuple(names), CONTROL, ("all",), tuple(found.genes.tolist()), targets)
    codes = np.array([place[label] for label in found.labels.tolist()])
    made = []
    for name in ("truth", "model", "mixed"):
        counts = getattr(found, name)
        matrix = counts if values == COUNTS else scaled(counts, 1e4, log=True).astype(np.float32)
        made.append(Screen(name, matrix, values, panel, codes, np.zeros(len(codes), np.int64)))
    truth, model, mixed = made
    return truth, model, mixed
