"""Cells with given means: control cells, drawn again and changed gene by gene."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ....kernels.cores import run_jobs
from ..screens.screen import COUNTS, LOG1P, Screen, joined

__all__ = ["MOST", "Pool", "logged", "unlogged", "with_effects", "with_means"]

#: Values of a gene are scaled up so many times at most; what is left comes from cells that get the gene. A log1p value
#: stands for exponentially many molecules.
MOST = {COUNTS: 10.0, LOG1P: 1.5}

Floats = npt.NDArray[np.float64]


class Pool(NamedTuple):
    """Control cells of a context, gene by gene.

    Attributes
    ----------
    rows : ndarray of int64
        Where they are in their screen.
    means, shares : ndarray of float64, shape (genes,)
        Mean value, and share of cells that do not have 0.
    usual : float
        Mean of all values that are not 0.
    """

    rows: npt.NDArray[np.int64]
    means: Floats
    shares: Floats
    usual: float

    @classmethod
    def of(cls, screen: Screen, context: int) -> Pool:
        """Look at the control cells of a screen in a context."""
        rows = screen.rows(screen.panel.control_code, context)
        cells, n = screen.matrix[rows], max(len(rows), 1)
        means = np.asarray(cells.sum(axis=0, dtype=np.float64)).ravel() / n
        shares = np.asarray((cells != 0).sum(axis=0), np.float64).ravel() / n
        return cls(rows, means, shares, float(means.sum() / shares.sum()) if shares.sum() else 1.0)


def with_means(cells: Floats, pool: Pool, means: Floats, most: float, rng: np.random.Generator) -> Floats:
    """Change cells that were drawn from a pool, gene by gene, as the pool has to be changed to have given means.

    Parameters
    ----------
    cells : ndarray of float64, shape (n, genes)
        0 or more.
    pool : Pool
        Where they come from.
    means : ndarray of float64, shape (genes,)
        0 or more.
    most : float
        Values of a gene are multiplied by at most so much if that suffices. Else cells that do not have the gene get
        the mean of those that do (of a gene that no cell has: of all values), by chance, and only what is left when all
        have it comes from multiplying.
    rng : numpy.random.Generator
        That chance.

    Returns
    -------
    ndarray of float64, shape (n, genes)
        Whose means are the given ones but for the chance of drawing cells.
    """
    lacking = np.flatnonzero(means > pool.means * most)
    found, after = cells.copy(), pool.means.copy()
    if len(lacking):
        mean, share = pool.means[lacking], pool.shares[lacking]
        value = np.where(share > 0, mean / np.where(share > 0, share, 1), pool.usual)
        room = (1 - share) * value
        filled = np.minimum((means[lacking] - mean) / np.where(room > 0, room, np.inf), 1)
        some = found[:, lacking]
        found[:, lacking] = np.where((some == 0) & (rng.random(some.shape) < filled), value, some)
        after[lacking] += filled * room
    found *= np.where(after > 0, means / np.where(after > 0, after, 1), 0)
    return found


def with_effects(name: str, truth: Screen, effects: Sequence[Floats], seed: int, threads: int = 0) -> Screen:
    """Return a prediction: as many cells of each perturbation as the truth has, and the control cells of the truth.

    The means of cells keep the chance of drawing them, as those of true cells do: metrics that take off what sampling
    adds to an error expect it (so does the generic response of cell-eval2).

    Parameters
    ----------
    name : str
        Of the prediction.
    truth : Screen
        Where control cells are drawn from, with replacement, in each context.
    effects : sequence of ndarray of float64, shape (conditions, genes)
        In each context: what is added to the control. To mean log1p values as they are; of counts, to log1p of the
        share of a gene in 10,000 molecules.
    seed : int
        The same control cells are drawn for whatever effects.
    threads : int, default 0
        Worker threads; 0 takes all cores.

    Returns
    -------
    Screen
        Of means, if the truth is; these have no chance in them. Cells of counts are not whole.
    """
    panel = truth.panel
    pools = [Pool.of(truth, context) for context in range(len(panel.contexts))]

    def made(context: int, condition: int, n: int) -> Screen:
        rng, pool = np.random.default_rng([seed, context, condition]), pools[context]
        rows = rng.choice(pool.rows, n)
        means = unlogged(truth.values, np.maximum(logged(truth.values, pool.means) + effects[context][condition], 0))
        if truth.values == COUNTS:
            means *= pool.means.sum() / max(float(means.sum()), 1e-300)
        if truth.of_cells:
            changed = with_means(_dense(truth.matrix[rows]), pool, means, MOST[truth.values], rng).astype(np.float32)
        else:
            changed = np.tile(means, (n, 1))
        kept: Any = changed
        if not isinstance(truth.matrix, np.ndarray):
            from scipy import sparse

            kept = sparse.csr_array(changed)
        return replace(truth, name=name, matrix=kept, conditions=np.full(n, condition), contexts=np.full(n, context))

    jobs = []
    for context, pool in enumerate(pools):
        here = truth.conditions[truth.contexts == context]
        sizes = np.bincount(here, minlength=panel.control_code + 1)[:-1].tolist()
        if len(pool.rows):
            jobs += [(n, partial(made, context, condition, n)) for condition, n in enumerate(sizes) if n]
    own = truth.of(np.flatnonzero(truth.conditions == panel.control_code))
    return joined(name, [*run_jobs(jobs, threads), own])


def logged(values: str, means: Floats, total: float = 1e4) -> Floats:
    """Return means of cells, or sums of counts, (.., genes), on the scale of effects."""
    if values == LOG1P:
        return means
    sums = means.sum(axis=-1, keepdims=True)
    return np.asarray(np.log1p(means / np.where(sums == 0, 1, sums) * total))


def unlogged(values: str, means: Floats) -> Floats:
    """Return to the scale of the values; of counts, up to a factor."""
    return np.asarray(np.expm1(means) if values == COUNTS else means)


def _dense(matrix: Any) -> Floats:
    return np.asarray(matrix if isinstance(matrix, np.ndarray) else matrix.toarray(), np.float64)
