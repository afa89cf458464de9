"""What training cells tell of responses, seen from the perturbations of a truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ....kernels.backend import Backend
from ....kernels.expression import Expression
from ..screens.screen import Panel, Screen
from .cells import logged

__all__ = ["Responses", "parts_of", "responses_of"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Responses:
    """Training responses in one context of a truth.

    Attributes
    ----------
    values : {"counts", "log1p"}
        Of the cells.
    panel : Panel
        Of the truth.
    names : tuple of str
        Training perturbations that have cells.
    targets : tuple of ndarray of int64
        The genes that each acts on.
    effects : ndarray of float64, shape (perturbations, genes)
        Mean of each less that of the control, on the scale of `cells.with_effects`.
    control : ndarray of float64, shape (genes,)
        Mean of the control on that scale.
    sizes : ndarray of int64, shape (perturbations,)
        Cells of each.
    elsewhere : ndarray of float64, shape (perturbations, genes)
        Mean effect in the other contexts; NaN where there is none.
    own : ndarray of int64, shape (conditions,)
        Place of each perturbation of the truth among `names`; -1 where training does not have it.
    oracle : bool
        Whether the training cells are those of the truth, so that no perturbation may be told of itself.
    """

    values: str
    panel: Panel
    names: tuple[str, ...]
    targets: tuple[Ints, ...]
    effects: Floats
    control: Floats
    sizes: Ints
    elsewhere: Floats
    own: Ints
    oracle: bool


def parts_of(name: str, control: str) -> tuple[str, ...]:
    """Return the single perturbations of a name such as ``A+B``, sorted, without the control (or ``ctrl``)."""
    return tuple(sorted(part for part in (each.strip() for each in name.split("+")) if part not in (control, "ctrl")))


def responses_of(truth: Screen, training: Screen | None, backend: Backend[Any], threads: int = 0) -> list[Responses]:
    """Return the training responses for each context of the truth.

    Parameters
    ----------
    truth : Screen
        Which perturbations and contexts are asked for; the training cells where there are no others.
    training : Screen or None
        Cells of the same genes and kind of values, with a panel of their own. A context of the truth that they do not
        have gets, of each perturbation, the mean effect over the contexts that have it.
    backend : Backend
        The kernels.
    threads : int, default 0
        Worker threads; 0 takes all cores.
    """
    source = truth if training is None else training
    panel, width = source.panel, len(source.panel.genes)
    n, contexts = len(panel.conditions), len(panel.contexts)
    codes = source.contexts * (n + 1) + source.conditions
    sums = backend.group_sums(Expression.of(source.matrix), codes, contexts * (n + 1), threads).sums
    sizes = np.bincount(codes, minlength=contexts * (n + 1)).astype(np.int64)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = logged(source.values, sums / np.where(sizes == 0, np.nan, sizes)[:, None])
    means, sizes = means.reshape(contexts, n + 1, width), sizes.reshape(contexts, n + 1)
    effects = means[:, :-1] - means[:, -1:]
    place = {name: code for code, name in enumerate(panel.contexts)}
    found = []
    for context, name in enumerate(truth.panel.contexts):
        here = place.get(name, -1)
        others = [code for code in range(contexts) if code != here]
        elsewhere = _known_mean(effects[others])
        if here >= 0 and not np.isnan(effects[here]).all():
            table, control, cells = effects[here], means[here, -1], sizes[here, :-1]
        else:
            rows = truth.rows(truth.panel.control_code, context)
            mine = truth.matrix[rows].sum(axis=0, dtype=np.float64) / max(len(rows), 1)
            table, cells = elsewhere, sizes[others, :-1].sum(axis=0)
            control = logged(truth.values, np.asarray(mine, np.float64).ravel())
        there = np.flatnonzero(~np.isnan(table[:, 0]))
        names = tuple(panel.conditions[code] for code in there.tolist())
        ranks = {each: row for row, each in enumerate(names)}
        found.append(
            Responses(
                truth.values,
                truth.panel,
                names,
                tuple(panel.targets[code] for code in there.tolist()),
                table[there],
                control,
                cells[there],
                elsewhere[there],
                np.array([ranks.get(each, -1) for each in truth.panel.conditions], np.int64),
                training is None,
            )
        )
    return found


def _known_mean(tables: Sequence[Floats] | Floats) -> Floats:
    """Return the mean over the first axis of what is not NaN; NaN where all is."""
    known = ~np.isnan(tables)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(
            np.where(known, tables, 0).sum(axis=0) / np.where(known.any(axis=0), known.sum(axis=0), np.nan)
        )
